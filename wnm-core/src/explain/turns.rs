//! Whose turn it would be: the orders of the engine, asked for all nodes at once.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::judgement::Case;
use crate::model::NodeId;
use crate::observe::{NodeState, NodeView};
use crate::plan::{is_removable, is_resting, is_stoppable, weighed};
use crate::select::{Order, pick};

/// A place in a queue, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The place.
    pub nth: u32,
    /// How many are in the queue.
    pub of: u32,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Turn { nth, of } = self;
        let ending = match (nth % 10, nth % 100) {
            (1, rest) if rest != 11 => "st",
            (2, rest) if rest != 12 => "nd",
            (3, rest) if rest != 13 => "rd",
            _ => "th",
        };
        match of {
            1 => f.write_str("the only one"),
            _ => write!(f, "the {nth}{ending} of {of}"),
        }
    }
}

/// When it would be a node's turn; `None` where it is not in the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turns {
    /// To be stopped for CPU, memory, load or a rate.
    pub under_pressure: Option<Turn>,
    /// To be removed when the stored cap is lowered.
    pub for_the_cap: Option<Turn>,
    /// To be removed when its file system is too full.
    pub for_its_disk: Option<Turn>,
    /// To be started when there is room again.
    pub with_room: Option<Turn>,
}

/// All queues.
pub(super) struct Queues {
    pressure: Vec<NodeId>,
    cap: Vec<NodeId>,
    disks: BTreeMap<u64, Vec<NodeId>>,
    room: Vec<NodeId>,
}

impl Queues {
    pub(super) fn of(case: &Case<'_>) -> Queues {
        let nodes = &case.snapshot.nodes;
        let order = case.policy.removal_order;
        let queue = |wanted: &dyn Fn(&NodeView) -> bool, order: Order| {
            let candidates: Vec<_> =
                nodes.iter().filter(|node| wanted(node)).map(weighed).collect();
            let count = candidates.len();
            pick(candidates, order, count)
        };
        let devices = nodes.iter().filter_map(|node| device(case, node));
        let on = |wanted: u64| {
            queue(&|node| is_removable(node) && device(case, node) == Some(wanted), order)
        };
        Queues {
            pressure: queue(&is_stoppable, order),
            cap: queue(&|node| is_removable(node) && node.seen.state != NodeState::Dead, order),
            disks: devices.map(|device| (device, on(device))).collect(),
            room: queue(&is_resting, Order::Oldest),
        }
    }

    pub(super) fn turns(&self, case: &Case<'_>, node: &NodeView) -> Turns {
        let place = |queue: &Vec<NodeId>| {
            let at = queue.iter().position(|id| *id == node.id())?;
            Some(Turn { nth: at as u32 + 1, of: queue.len() as u32 })
        };
        Turns {
            under_pressure: place(&self.pressure),
            for_the_cap: place(&self.cap),
            for_its_disk: device(case, node)
                .and_then(|device| self.disks.get(&device))
                .and_then(place),
            with_room: place(&self.room),
        }
    }
}

fn device(case: &Case<'_>, node: &NodeView) -> Option<u64> {
    let systems = &case.snapshot.machine.file_systems;
    systems.get(&node.record.spec.storage).map(|system| system.device)
}
