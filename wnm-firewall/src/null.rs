//! No firewall at all.

use std::collections::BTreeSet;

use wnm_core::action::Change;
use wnm_core::host::{Firewall, HostResult};
use wnm_core::model::PortRule;
use wnm_core::observe::Openings;

/// A firewall that is not looked after.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullFirewall;

impl Firewall for NullFirewall {
    fn kind(&self) -> &'static str {
        "none"
    }

    fn open(&self, _rule: PortRule) -> HostResult<Change> {
        Ok(Change::NotManaged)
    }

    fn close(&self, _rule: PortRule) -> HostResult<Change> {
        Ok(Change::NotManaged)
    }

    fn is_open(&self, _rule: PortRule) -> HostResult<bool> {
        Ok(false)
    }

    fn openings(&self, _wanted: &BTreeSet<PortRule>) -> HostResult<Option<Openings>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use wnm_core::model::Protocol;

    use super::*;

    #[test]
    fn it_manages_nothing_and_says_so() {
        let rule = PortRule { port: 55_001, protocol: Protocol::Udp };
        let firewall = NullFirewall;
        assert!(matches!(firewall.open(rule), Ok(Change::NotManaged)));
        assert!(matches!(firewall.close(rule), Ok(Change::NotManaged)));
        assert!(matches!(firewall.is_open(rule), Ok(false)));
    }
}
