//! How much may be in motion, and how much removed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::judgement::Case;
use crate::model::Instant;
use crate::observe::{NodeState, PastRemoval};
use crate::plan::{disk_removals_left, removals_left};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Counts and limits, before this plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budgets {
    /// Nodes that count against the cap.
    pub nodes: u32,
    /// The cap in force.
    pub cap: u32,
    /// The cap in the store: only this one removes.
    pub stored_cap: u32,
    /// Nodes in starting.
    pub starting: u32,
    /// Nodes in removing.
    pub removing: u32,
    /// Nodes left alone.
    pub disabled: u32,
    /// Removals that the engine may still decide this hour.
    pub removals_left_this_hour: u32,
    /// Of so many.
    pub removals_per_hour: u32,
    /// Removals for disk that it may still decide today.
    pub disk_removals_left_today: u32,
    /// Of so many.
    pub disk_removals_per_day: u32,
}

impl Budgets {
    pub(super) fn of(case: &Case<'_>) -> Budgets {
        let (snapshot, policy) = (case.snapshot, case.policy);
        let nodes = snapshot.nodes.len();
        let hour = removals_left(case.memory(), policy, nodes, case.now(), &[]);
        let day = disk_removals_left(case.memory(), policy, nodes, case.now(), &[]);
        let count = |wanted: fn(&NodeState) -> bool| {
            snapshot.nodes.iter().filter(|node| wanted(&node.seen.state)).count() as u32
        };
        Budgets {
            nodes: snapshot.counting().count() as u32,
            cap: policy.cap.limit,
            stored_cap: policy.cap.stored,
            starting: count(|state| matches!(state, NodeState::Starting)),
            removing: count(|state| matches!(state, NodeState::Removing)),
            disabled: count(|state| matches!(state, NodeState::Disabled)),
            removals_left_this_hour: hour.left,
            removals_per_hour: hour.limit,
            disk_removals_left_today: day.left,
            disk_removals_per_day: day.limit,
        }
    }
}

/// Seconds until a removal of the past leaves the budget that is spent; `None` when a setting of 0
/// forbids removals, or nothing is spent.
pub(super) fn next_removal(case: &Case<'_>) -> Option<u64> {
    let budgets = Budgets::of(case);
    let (now, removals) = (case.now(), &case.memory().removals);
    let hour = (budgets.removals_left_this_hour == 0)
        .then(|| frees(removals.iter(), budgets.removals_per_hour, HOUR, now))
        .flatten();
    let day = (budgets.disk_removals_left_today == 0)
        .then(|| {
            let disk = removals.iter().filter(|past| past.disk);
            frees(disk, budgets.disk_removals_per_day, DAY, now)
        })
        .flatten();
    hour.max(day)
}

/// When fewer than `limit` of these are younger than `span`.
fn frees<'a>(
    removals: impl Iterator<Item = &'a PastRemoval>,
    limit: u32,
    span: Duration,
    now: &Instant,
) -> Option<u64> {
    let mut ages: Vec<Duration> =
        removals.map(|past| past.at.age(now)).filter(|age| *age < span).collect();
    ages.sort_unstable();
    // The one that must fall out so that limit - 1 are left.
    let age = ages.get((limit as usize).checked_sub(1)?)?;
    Some((span - *age).as_secs().max(1))
}
