//! How many more nodes fit, by what a node costs.

use super::work::Work;
use super::{Pressure, Verdict};
use crate::action::Resource;
use crate::model::Bytes;
use crate::observe::{Estimate, KnownCost, NodeState, NodeView, SURGE, Snapshot};

/// What a node takes of one resource, in the unit that the resource is measured in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Price {
    /// The resource, with what is used and its thresholds.
    pub(super) verdict: Verdict,
    /// Used now.
    pub(super) used: f64,
    /// A node that runs.
    pub(super) running: Estimate,
    /// A node that starts: the more of starting and running, reckoned carefully.
    pub(super) start: f64,
}

/// Of every resource that a node is known to cost. `None` when CPU, memory or load was not measured:
/// what is not known fits nobody.
pub(super) fn prices(
    snapshot: &Snapshot,
    pressure: &Pressure,
    known: KnownCost<'_>,
) -> Option<Vec<Price>> {
    let needed = |verdict: &&Verdict| {
        matches!(verdict.resource, Resource::Cpu | Resource::Memory | Resource::Load)
    };
    let complete = pressure.0.iter().filter(needed).all(|verdict| verdict.used.is_some());
    complete.then(|| measured_prices(snapshot, pressure, known))
}

/// Of those resources that were measured, for what goes on without a reading.
pub(super) fn measured_prices(
    snapshot: &Snapshot,
    pressure: &Pressure,
    known: KnownCost<'_>,
) -> Vec<Price> {
    let mut prices = Vec::new();
    for verdict in &pressure.0 {
        let Some((running, starting)) = cost(snapshot, known, &verdict.resource) else { continue };
        let Some(used) = verdict.used else { continue };
        let start = starting.map_or(0.0, |cost| cost.careful()).max(running.careful());
        prices.push(Price { verdict: verdict.clone(), used, running, start });
    }
    prices
}

/// What a node costs of a resource, running and starting.
fn cost(
    snapshot: &Snapshot,
    known: KnownCost<'_>,
    resource: &Resource,
) -> Option<(Estimate, Option<Estimate>)> {
    let (running, starting) = match resource {
        Resource::Cpu => known.cpu(),
        Resource::Memory => {
            let total = snapshot.machine.memory.filter(|memory| memory.total.0 > 0)?.total;
            let share = 100.0 / total.0 as f64;
            let (running, starting) = known.memory();
            (running.map(|it| it.times(share)), starting.map(|it| it.times(share)))
        }
        Resource::Load => known.load(),
        Resource::NetRead => (known.network().0, None),
        Resource::NetWrite => (known.network().1, None),
        Resource::Disk(_)
        | Resource::Inodes(_)
        | Resource::DiskRead
        | Resource::DiskWrite
        | Resource::StallCpu
        | Resource::StallMemory
        | Resource::StallIo => return None,
    };
    running.map(|running| (running, starting))
}

/// A node on its way up: what is measured does not show all of its cost yet.
pub(super) fn is_on_its_way(node: &NodeView) -> bool {
    let young = node.process_age.is_some_and(|age| age < SURGE);
    let alive = node.seen.alive == Some(true);
    matches!(node.seen.state, NodeState::Starting) || (alive && young)
}

impl Price {
    /// How many more fit below `limit`, each at `each`, with those that are on their way.
    fn fit(&self, work: &Work<'_>, each: f64, limit: Option<f64>) -> u32 {
        let Some(limit) = limit else { return u32::MAX };
        let decided = work.decided().iter().filter(|planned| planned.action.starts()).count();
        let coming: f64 = work
            .snapshot
            .nodes
            .iter()
            .filter(|node| is_on_its_way(node))
            .map(|node| (each - self.shown(work.snapshot, node)).max(0.0))
            .sum();
        fitting(self.used + coming + each * decided as f64, each, limit)
    }

    /// What of a starting node is surely in the measurement: its memory. CPU and load rise and fall
    /// while a node starts, so its whole surge is still reckoned with.
    fn shown(&self, snapshot: &Snapshot, node: &NodeView) -> f64 {
        match (&self.verdict.resource, snapshot.machine.memory, node.memory) {
            (Resource::Memory, Some(memory), Some(Bytes(bytes))) => {
                bytes as f64 * 100.0 / memory.total.0.max(1) as f64
            }
            _ => 0.0,
        }
    }

    /// How many may be started with their surge below `share` of the grow threshold.
    pub(super) fn below_grow(&self, work: &Work<'_>, share: f64) -> u32 {
        self.fit(work, self.start, self.verdict.add_below.map(|limit| limit * share))
    }

    /// How many may be started with their surge below the shed threshold.
    pub(super) fn below_shed(&self, work: &Work<'_>) -> u32 {
        self.fit(work, self.start, self.verdict.remove_above)
    }

    /// How many will not be shed again once they run.
    pub(super) fn lasting(&self, work: &Work<'_>) -> u32 {
        self.fit(work, self.running.mean, self.verdict.remove_above)
    }
}

/// How many times `each` can be added to `used` and stay below `limit`, strictly.
pub(super) fn fitting(used: f64, each: f64, limit: f64) -> u32 {
    let room = limit - used;
    if !(room > 0.0 && each.is_finite()) {
        return 0;
    }
    if each <= 0.0 {
        return u32::MAX;
    }
    // Conversion saturates, so a tiny cost fits as often as can be counted.
    ((room / each).ceil() - 1.0) as u32
}
