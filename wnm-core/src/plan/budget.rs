//! How much may still be set in motion, and how much removed.

use crate::action::PlannedAction;
use crate::model::{Instant, Phase};
use crate::observe::{EngineMemory, NodeState, NodeView, Snapshot};
use crate::policy::Policy;

/// Nodes in motion by wnm's own doing, against the limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Nodes in starting.
    pub(super) starting: u32,
    /// Nodes in removing.
    pub(super) removing: u32,
    /// Nodes that wnm gave another program a short time ago.
    pub(super) upgrading: u32,
    operations_limit: u32,
}

impl Budget {
    pub(super) fn new(snapshot: &Snapshot, policy: &Policy) -> Budget {
        let now = &snapshot.now.instant;
        let starting = |node: &&NodeView| matches!(node.seen.state, NodeState::Starting);
        // A program that upgrades itself takes no slot.
        let upgrading = |node: &&NodeView| {
            node.record.upgrade.is_some() && matches!(node.seen.state, NodeState::Upgrading)
        };
        // A removal that waits for a disk or keeps failing is not in motion, and holds back nobody.
        let removing = |node: &&NodeView| match &node.record.phase {
            Phase::Removing { since, .. } => since.age(now) < policy.delays.remove,
            Phase::Steady | Phase::Creating { .. } | Phase::Starting { .. } => false,
        };
        Budget {
            starting: snapshot.nodes.iter().filter(starting).count() as u32,
            upgrading: snapshot.nodes.iter().filter(upgrading).count() as u32,
            removing: snapshot.nodes.iter().filter(removing).count() as u32,
            operations_limit: policy.limits.operations.or(u32::MAX),
        }
    }

    /// True when one more node may be started while at most `limit` are starting.
    pub(super) fn may_start(&self, limit: u32) -> bool {
        self.starts_left(limit) > 0
    }

    /// How many more nodes may be started while at most `limit` are starting.
    pub(super) fn starts_left(&self, limit: u32) -> u32 {
        limit.saturating_sub(self.starting).min(self.operations_left())
    }

    /// How many more nodes may be set in motion at all.
    pub(super) fn operations_left(&self) -> u32 {
        self.operations_limit.saturating_sub(self.starting + self.removing + self.upgrading)
    }

    /// The lowest limit that applies to starting, for the report.
    pub(super) fn start_limit(&self, limit: u32) -> u32 {
        limit.min(self.operations_limit)
    }
}

/// How many nodes with data the engine may still remove by its own decision, against how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovalsLeft {
    /// So many more.
    pub left: u32,
    /// Of so many.
    pub limit: u32,
}

/// Of all removals, this hour.
pub fn removals_left(
    memory: &EngineMemory,
    policy: &Policy,
    nodes: usize,
    now: &Instant,
    decided: &[PlannedAction],
) -> RemovalsLeft {
    let limit = at_least_share(policy.stability.destructive_per_hour, nodes, 5);
    let here = decided.iter().filter(|planned| planned.removes_by_engine().is_some()).count();
    let done = memory.removals_last_hour(now) + here;
    RemovalsLeft { left: limit.saturating_sub(done as u32), limit }
}

/// Of removals for a disk, this day.
pub fn disk_removals_left(
    memory: &EngineMemory,
    policy: &Policy,
    nodes: usize,
    now: &Instant,
    decided: &[PlannedAction],
) -> RemovalsLeft {
    let limit = at_least_share(policy.stability.disk_removals_per_day, nodes, 10);
    let here = decided.iter().filter(|planned| planned.removes_by_engine() == Some(true)).count();
    let done = memory.disk_removals_last_day(now) + here;
    RemovalsLeft { left: limit.saturating_sub(done as u32), limit }
}

/// `count`, or `percent` of `nodes` if that is more. Zero stays zero: it says "never".
fn at_least_share(count: u32, nodes: usize, percent: u32) -> u32 {
    if count == 0 { 0 } else { count.max((nodes as u32).saturating_mul(percent) / 100) }
}
