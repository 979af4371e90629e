//! The firewall of the simulated host.

use std::collections::BTreeSet;

use super::world::{Op, SimHost, made};
use crate::action::Change;
use crate::host::{Firewall, HostResult};
use crate::model::PortRule;
use crate::observe::Openings;

impl Firewall for SimHost {
    fn kind(&self) -> &'static str {
        "simulated"
    }

    fn open(&self, rule: PortRule) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::OpenPort)?;
        if world.foreign_openings.contains(&rule) {
            return Ok(Change::AlreadySo);
        }
        Ok(made(!world.open_ports.insert(rule)))
    }

    fn close(&self, rule: PortRule) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::ClosePort)?;
        Ok(made(!world.open_ports.remove(&rule)))
    }

    fn is_open(&self, rule: PortRule) -> HostResult<bool> {
        Ok(self.world().open_ports.contains(&rule))
    }

    fn openings(&self, wanted: &BTreeSet<PortRule>) -> HostResult<Option<Openings>> {
        let mut world = self.world();
        world.fault(Op::Openings)?;
        let settled = wanted.intersection(&world.foreign_openings).copied().collect();
        Ok(Some(Openings { ours: world.open_ports.clone(), settled }))
    }
}
