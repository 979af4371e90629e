//! How fast to grow.

use super::price::{Price, prices};
use super::work::Work;
use super::{Blocked, PlanScope, VerdictKind};
use crate::model::Want;
use crate::observe::{NodeState, NodeView, Snapshot};
use crate::policy::Policy;

/// Surges may bring a resource up to this share of its grow threshold, no further.
const SHARE: f64 = 0.8;

/// How many nodes growth may start now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pace {
    /// Nodes that may be starting at once, with those that are already.
    pub(crate) limit: u32,
    /// Of these, as many fit now by what a node costs.
    pub(crate) fits: u32,
    /// The last start for growth is waited for.
    pub(crate) settles: bool,
    /// Why nobody may be started, if so.
    pub(crate) blocked: Option<Blocked>,
}

/// Nodes that may be starting at once when `max_concurrent_starts` is `auto`: never more than half
/// the CPUs, than 16.
pub(super) fn auto_limit(cpus: u32) -> u32 {
    (cpus / 2).clamp(1, 16)
}

/// Before the cost of a node is known: one, and `learn_time`. Where there is much room: as many as
/// fit. Near a threshold: few, and `settle_time`.
pub(super) fn of_growth(work: &Work<'_>) -> Pace {
    let pace = by_cost(work);
    let latest = latest_down(work);
    if latest == 0 {
        return pace;
    }
    // What fails to start once is likely to fail again, and leaves data behind each time.
    let blocked = (latest >= LATEST).then_some(Blocked::LatestDown { nodes: latest });
    Pace { limit: 1, fits: pace.fits.min(1), settles: true, blocked: blocked.or(pace.blocked) }
}

fn by_cost(work: &Work<'_>) -> Pace {
    let running = running(work);
    let bound = running.max(1).min(auto_limit(work.snapshot.machine.cpus));
    let bound = bound.min(work.policy.limits.starts.or(u32::MAX));
    let known = work.memory.cost.known(work.policy.stability.learn_time);
    let Some(known) = known else {
        return Pace { limit: 1, fits: 1, settles: true, blocked: learning(work) };
    };
    let Some(prices) = prices(work.snapshot, &work.pressure, known) else {
        // Growth waits for the reading anyway.
        return Pace { limit: 1, fits: 1, settles: true, blocked: None };
    };
    let fits = prices.iter().map(|price| price.below_grow(work, SHARE)).min().unwrap_or(1);
    if fits > 0 {
        return Pace { limit: bound, fits, settles: false, blocked: None };
    }
    if running == 0 && work.budget.starting == 0 {
        // Nobody is left to learn from, and what was learned may be of another time.
        return Pace { limit: 1, fits: 1, settles: true, blocked: learning(work) };
    }
    let limit = (running / 50).max(1).min(bound);
    let tightest = prices.iter().min_by_key(|price| price.lasting(work));
    let fits = tightest.map_or(limit, |price| price.lasting(work));
    let blocked = tightest.filter(|_| fits == 0).and_then(would_be_shed);
    Pace { limit, fits, settles: true, blocked }
}

/// So many of the latest nodes that do not run end growth: something is wrong with all of them.
const LATEST: u32 = 3;

/// How many of the latest nodes, one after the other, were started since the machine was and do not
/// run.
fn latest_down(work: &Work<'_>) -> u32 {
    let mut wanted: Vec<&NodeView> =
        work.snapshot.counting().filter(|node| node.record.want == Want::Run).collect();
    wanted.sort_by_key(|node| std::cmp::Reverse((node.record.created, node.id())));
    let tried = |node: &NodeView| {
        let memory = work.memory.nodes.get(&node.record());
        let last = memory.and_then(|memory| memory.last_try.as_ref());
        last.is_some_and(|last| last.boot == work.now().boot)
    };
    let down =
        |node: &&&NodeView| matches!(node.seen.state, NodeState::Stopped { .. }) && tried(node);
    wanted.iter().take_while(down).count() as u32
}

/// The pace of growth of a plan that decides nothing before.
pub(crate) fn growth_pace(snapshot: &Snapshot, policy: &Policy) -> Pace {
    of_growth(&Work::new(snapshot, policy, PlanScope::Everything))
}

/// Nodes that run, beyond their start.
fn running(work: &Work<'_>) -> u32 {
    let runs = |state: &NodeState| matches!(state, NodeState::Running | NodeState::Mute { .. });
    work.snapshot.counting().filter(|node| runs(&node.seen.state)).count() as u32
}

fn learning(work: &Work<'_>) -> Option<Blocked> {
    let since = work.memory.last_growth.as_ref()?;
    let left = work.policy.stability.learn_time.saturating_sub(since.age(work.now()));
    (!left.is_zero()).then(|| Blocked::Learning { left_s: left.as_secs().max(1) })
}

/// Only where there is room by the thresholds: otherwise that is what is said.
fn would_be_shed(price: &Price) -> Option<Blocked> {
    let limit = price.verdict.remove_above?;
    (price.verdict.verdict == VerdictKind::Room).then(|| Blocked::WouldBeShed {
        resource: price.verdict.resource.clone(),
        used: price.used,
        each: price.running.mean,
        limit,
    })
}
