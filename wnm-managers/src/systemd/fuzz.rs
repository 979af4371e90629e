//! What must hold whatever systemctl prints.

use wnm_core::model::NodeSpec;
use wnm_core::observe::UnitState;

use super::{show, unit};

/// `systemctl show` of some units.
pub fn units(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(units) = show::parse(&text) else { return };
    for (name, shown) in &units {
        assert!(name.ends_with(".service"), "{name}");
        assert_ne!(shown.reading.pid, Some(0));
        // What runs has a process, or nothing would be known of it.
        let runs = shown.reading.state == UnitState::Running;
        assert!(!runs || shown.reading.pid.is_some(), "{shown:?}");
    }
}

/// Our own unit of a user's node.
pub(crate) fn rendered(spec: &NodeSpec) -> String {
    unit::render(spec, None)
}
