//! What must hold whatever firewalld prints.

use wnm_core::model::PortRule;

use super::parse;
use crate::owner::Owner;

pub(crate) fn prints(text: &str, rule: PortRule) {
    parse::fault(text);
    let owner = Owner::machine();
    for zone in parse::zones(text).unwrap_or_default() {
        assert!(!zone.name.is_empty());
        zone.others(rule, "");
        zone.ours(&owner);
    }
}
