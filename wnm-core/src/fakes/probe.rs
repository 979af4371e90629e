//! What simulated nodes show of themselves.

use std::time::Duration;

use super::world::{SimHost, World};
use crate::host::{NodeProbe, NodeSigns, NodeTarget};
use crate::observe::{NodeFacts, ProcessKey, ProcessReading, ProcessState};

impl NodeProbe for SimHost {
    fn read(&self, targets: &[NodeTarget<'_>], _deadline: Duration) -> Vec<NodeSigns> {
        let world = self.world();
        targets.iter().map(|target| signs(&world, target)).collect()
    }
}

fn signs(world: &World, target: &NodeTarget<'_>) -> NodeSigns {
    let node = world.nodes.get(&target.spec.id);
    let process = target.pid.map(|pid| {
        let found = node.and_then(|node| Some((node, node.process.filter(|it| it.pid == pid)?)));
        Ok(match found {
            None => ProcessReading {
                state: ProcessState::Gone,
                key: None,
                age_ms: None,
                memory: None,
                cpu_ms: None,
                port_bound: None,
            },
            Some((node, process)) => ProcessReading {
                state: ProcessState::Alive,
                key: Some(ProcessKey { pid, start_ticks: process.started_ms / 10 }),
                age_ms: Some(world.uptime_ms - process.started_ms),
                memory: Some(world.node_memory),
                cpu_ms: (!world.hides_cpu)
                    .then(|| world.cpu_ms.get(&pid).copied().unwrap_or_default() as u64),
                port_bound: Some(node.port_bound && !world.is_mute(node)),
            },
        })
    });
    let facts = NodeFacts {
        records: node.and_then(|node| node.records),
        peers: node.and_then(|node| world.peers_of(node)),
        ..NodeFacts::default()
    };
    NodeSigns { process, endpoint: None, facts }
}
