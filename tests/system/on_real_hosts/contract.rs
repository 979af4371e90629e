//! The contract story of managers under a real systemd: this very test, run again inside a host.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use wnm_core::fakes::{build, manager_contract};
use wnm_core::model::Release;
use wnm_managers::{DiskFiles, SystemRunner, Systemd};

use super::operator::Operator;

/// Set inside the host: the home to work in.
const INSIDE: &str = "WNM_CONTRACT_HOME";

#[test]
fn systemd_keeps_the_contract() {
    if let Some(home) = env::var_os(INSIDE) {
        return keep_the_contract(PathBuf::from(home));
    }
    let Some(op) = Operator::new("contract") else {
        return;
    };
    let this = env::current_exe().expect("this test has a file");
    op.host.put(&this, "/opt/wnm-test/system");
    let name = "on_real_hosts::contract::systemd_keeps_the_contract";
    let again = format!("{INSIDE}=/home/op /opt/wnm-test/system --exact {name}");
    let ran = op.shell(&again).ok();
    assert!(ran.stdout.contains("1 passed"), "{ran:?}");
}

fn keep_the_contract(home: PathBuf) {
    let mut spec = build::spec(1);
    spec.storage = home.join("nodes");
    spec.data = spec.storage.join(spec.id.to_string());
    spec.binary = spec.data.join(spec.program.binary_name());
    spec.logs = home.join("logs").join(spec.id.to_string());
    // Words that a unit file would mangle unless they are quoted.
    spec.launch.environment = vec![("WNM_ODD".into(), "50% of $HOME \"quoted\" \\ done".into())];
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    let files = DiskFiles::new(home.join("identities"));
    let runtime = env::var("XDG_RUNTIME_DIR").expect("set for the user");
    let units = home.join(".config/systemd/user");
    let roots = vec![spec.storage.clone()];
    let systemd = Systemd::new(Arc::new(SystemRunner), units, runtime, roots);
    let version = "0.23.1".parse().expect("a version");
    let release = Release { version, path: "/usr/local/bin/ant-node".into() };
    manager_contract(&systemd, &files, &spec, &release, true);

    // The same with autostart: enabled while it should run, not enabled otherwise.
    spec.autostart = true;
    manager_contract(&systemd, &files, &spec, &release, true);
}
