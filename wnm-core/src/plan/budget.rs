//! How much may still be set in motion, and how much removed.

use crate::model::Instant;
use crate::observe::{EngineMemory, NodeState, Snapshot};
use crate::policy::Policy;

/// Nodes in motion by wnm's own doing, against the limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Nodes in starting.
    pub(super) starting: u32,
    /// Nodes in removing.
    pub(super) removing: u32,
    operations_limit: u32,
}

impl Budget {
    pub(super) fn new(snapshot: &Snapshot, policy: &Policy) -> Budget {
        let count = |wanted: fn(&NodeState) -> bool| {
            snapshot.nodes.iter().filter(|node| wanted(&node.seen.state)).count() as u32
        };
        Budget {
            starting: count(|state| matches!(state, NodeState::Starting)),
            removing: count(|state| matches!(state, NodeState::Removing)),
            operations_limit: policy.limits.operations.or(u32::MAX),
        }
    }

    /// True when one more node may be started while at most `limit` are starting.
    pub(super) fn may_start(&self, limit: u32) -> bool {
        self.starting < limit && self.starting + self.removing < self.operations_limit
    }

    /// The lowest limit that applies to starting, for the report.
    pub(super) fn start_limit(&self, limit: u32) -> u32 {
        limit.min(self.operations_limit)
    }
}

/// How many nodes with data the engine may still remove this hour by its own decision, and the
/// limit.
pub fn removals_left(
    memory: &EngineMemory,
    policy: &Policy,
    nodes: usize,
    now: &Instant,
) -> (u32, u32) {
    let limit = at_least_share(policy.stability.destructive_per_hour, nodes, 5);
    (limit.saturating_sub(memory.removals_last_hour(now) as u32), limit)
}

/// The same for disk, per day.
pub fn disk_removals_left(
    memory: &EngineMemory,
    policy: &Policy,
    nodes: usize,
    now: &Instant,
) -> (u32, u32) {
    let limit = at_least_share(policy.stability.disk_removals_per_day, nodes, 10);
    (limit.saturating_sub(memory.disk_removals_last_day(now) as u32), limit)
}

/// `count`, or `percent` of `nodes` if that is more. Zero stays zero: it says "never".
fn at_least_share(count: u32, nodes: usize, percent: u32) -> u32 {
    if count == 0 { 0 } else { count.max((nodes as u32).saturating_mul(percent) / 100) }
}
