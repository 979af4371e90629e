//! The manager of the simulated host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::upgrades::Ail;
use super::world::{Op, SimHost, SimNode, SimProcess, made};
use crate::action::Change;
use crate::host::{HostError, HostResult, Managers, NodeManager};
use crate::model::{Manager, ManagerKind, NodeId, NodeSpec, Scope, UnitDrift};
use crate::observe::{FaultKind, UnitReading, UnitState};

impl Managers for SimHost {
    fn get(&self, _manager: Manager) -> HostResult<&dyn NodeManager> {
        Ok(self)
    }

    fn at_hand(&self) -> Vec<&dyn NodeManager> {
        vec![self]
    }

    fn processes(&self, _roots: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, Vec<u32>>> {
        let world = self.world();
        let of = |node: &SimNode| {
            let own = node.process.map(|process| process.pid);
            let pids: Vec<u32> = own.into_iter().chain(node.strangers.iter().copied()).collect();
            (!pids.is_empty()).then(|| (node.spec.data.clone(), pids))
        };
        Ok(world.nodes.values().filter_map(of).collect())
    }
}

impl NodeManager for SimHost {
    fn manager(&self) -> Manager {
        Manager { kind: ManagerKind::Systemd, scope: Scope::User }
    }

    fn create(&self, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Create)?;
        let node = world.node(spec);
        node.refuse_released()?;
        if !node.data {
            return Err(HostError::new(format!("{} has no data", spec.id), FaultKind::NotFound));
        }
        let drifted = node.drift.take_if(|drift| drift.is_ours_to_mend()).is_some();
        Ok(made(std::mem::replace(&mut node.unit, true) && !drifted))
    }

    fn start(&self, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Start)?;
        let (pid, started_ms) = (world.next_pid, world.uptime_ms);
        let node = world.node(spec);
        node.refuse_released()?;
        if !node.unit || !node.data {
            let op = format!("start {} without unit or data", spec.id);
            return Err(HostError::new(op, FaultKind::NotFound));
        }
        if node.process.is_some() {
            return Ok(Change::AlreadySo);
        }
        if !node.strangers.is_empty() {
            let op = format!("start {}: process {:?} uses its data", spec.id, node.strangers);
            return Err(HostError::new(op, FaultKind::Conflict));
        }
        let version = node.program.version.clone();
        match world.ails.get(&version) {
            Some(Ail::RefusesToStart) => {
                let op = format!("start {}: it ended at once", spec.id);
                return Err(HostError::new(op, FaultKind::Failed));
            }
            Some(Ail::LosesIdentity) => world.node(spec).program.lose_identity(),
            _ => {}
        }
        let node = world.node(spec);
        node.process = Some(SimProcess { pid, started_ms });
        world.next_pid += 1;
        Ok(Change::Made)
    }

    fn stop(&self, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Stop)?;
        let node = world.node(spec);
        node.refuse_released()?;
        let strangers = std::mem::take(&mut node.strangers);
        Ok(made(node.process.take().is_none() && strangers.is_empty()))
    }

    fn remove(&self, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Dismantle)?;
        let node = world.node(spec);
        if node.process.is_some() {
            let op = format!("take {} from its manager while it runs", spec.id);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        Ok(made(!std::mem::replace(&mut node.unit, false)))
    }

    fn hand_over(&self, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::HandOver)?;
        let node = world.node(spec);
        if !node.unit {
            return Err(HostError::new(format!("{} has no unit", spec.id), FaultKind::NotFound));
        }
        Ok(made(std::mem::replace(&mut node.released, true)))
    }

    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        let mut world = self.world();
        world.fault(Op::States)?;
        Ok(specs.iter().map(|spec| unit(world.nodes.get(&spec.id))).collect())
    }

    fn discover(&self) -> HostResult<BTreeSet<NodeId>> {
        let mut found = self.keeps()?;
        let world = self.world();
        let running = world.nodes.values().filter(|node| node.process.is_some());
        found.extend(running.map(|node| node.spec.id));
        Ok(found)
    }

    fn keeps(&self) -> HostResult<BTreeSet<NodeId>> {
        let mut world = self.world();
        world.fault(Op::Discover)?;
        Ok(world.nodes.values().filter(|node| node.unit).map(|node| node.spec.id).collect())
    }

    fn drift(&self, specs: &[&NodeSpec]) -> HostResult<BTreeMap<NodeId, UnitDrift>> {
        let world = self.world();
        let of = |spec: &&NodeSpec| Some((spec.id, world.nodes.get(&spec.id)?.drift.clone()?));
        Ok(specs.iter().filter_map(of).collect())
    }
}

fn unit(node: Option<&SimNode>) -> UnitReading {
    let state = match node {
        Some(SimNode { process: Some(_), .. }) => UnitState::Running,
        Some(SimNode { unit: true, .. }) => UnitState::Stopped,
        Some(_) | None => UnitState::Missing,
    };
    UnitReading {
        state,
        pid: node.and_then(|node| node.process).map(|process| process.pid),
        restarts: node.map(|node| node.restarts),
        invocation: None,
        definition_lost: node.is_some_and(|node| node.process.is_some() && !node.unit),
    }
}
