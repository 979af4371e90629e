//! What must hold whatever the files of others say.

use std::path::{Component, Path};

use wnm_core::fakes::build;
use wnm_core::import::Findings;
use wnm_core::model::NodeSpec;

use super::{anm, unit_file};
use crate::systemd;

/// A unit that somebody wrote: what is taken from it is in our own unit as well.
pub fn unit(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(unit) = unit_file::read(&text) else { return };
    let told = &unit.told;
    is_plain(&told.data);
    told.logs.as_deref().into_iter().for_each(is_plain);
    let spec = build::spec(7);
    let ours = NodeSpec {
        program: told.program,
        binary: told.binary.clone(),
        data: told.data.clone(),
        logs: told.logs.clone().unwrap_or(spec.logs.clone()),
        wallet: told.wallet.unwrap_or(spec.wallet),
        launch: told.launch.clone(),
        ..spec
    };
    let rendered = systemd::fuzz::rendered(&ours);
    let again = unit_file::read(&rendered);
    let again = again.unwrap_or_else(|why| panic!("{why} in {rendered}")).told;
    assert_eq!(again.program, told.program, "{rendered}");
    assert_eq!(again.binary, told.binary, "{rendered}");
    assert_eq!(again.data, told.data, "{rendered}");
    assert_eq!(again.launch.start_args, told.launch.start_args, "{rendered}");
    assert_eq!(again.launch.environment, told.launch.environment, "{rendered}");
    assert_eq!(again.launch.cpu_limit, told.launch.cpu_limit, "{rendered}");
    assert_eq!(again.launch.memory_limit, told.launch.memory_limit, "{rendered}");
}

fn is_plain(path: &Path) {
    assert!(path.is_absolute(), "{}", path.display());
    assert!(path.components().all(|it| !matches!(it, Component::ParentDir)), "{}", path.display());
}

/// anm's configuration: nothing that a shell would do more with than take it for a word.
pub fn anm_config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut findings = Findings::default();
    anm::read_config(Path::new("/config"), &text, &mut findings);
    for value in findings.settings.values.values() {
        assert!(!value.contains(['$', '`', ';', '|', '&', '<', '>', '(', ')', '\n']), "{value}");
    }
    for broken in &findings.broken {
        assert!(broken.what.starts_with("/config:"), "{}", broken.what);
    }
}

/// anm's script, of which one line is read.
pub fn anm_script(data: &[u8]) {
    if let Ok(base) = anm::port_base(&String::from_utf8_lossy(data)) {
        assert!((1..=65).contains(&base), "{base}");
    }
}
