//! More nodes, when everything has room.

use std::time::Duration;

use super::allocate::Allocator;
use super::pace::{self, Pace};
use super::work::{Work, weighed};
use super::{Blocked, VerdictKind};
use crate::action::{Action, Reason};
use crate::model::{Instant, Want};
use crate::observe::{NodeState, NodeView};
use crate::select::{Order, pick};

/// Starts nodes that pressure had stopped, oldest first, else creates some: as many as the pace is.
pub(super) fn grow(work: &mut Work<'_>, shedding: bool) {
    let nodes = work.snapshot.counting().count() as u32;
    let cap = work.policy.cap.limit;
    let resting = resting(work);
    let running_wanted =
        work.snapshot.counting().filter(|node| node.record.want == Want::Run).count() as u32;
    let may_resume = !resting.is_empty() && running_wanted < cap;
    let may_add = nodes + added(work) < cap;
    if !may_resume && !may_add {
        return;
    }
    let pace = pace::of_growth(work);
    let blocked = blocked(work, &pace, shedding);
    if !blocked.is_empty() {
        work.blocked.extend(blocked);
        return;
    }
    let count = pace.fits.min(work.budget.starts_left(pace.limit));
    if may_resume {
        resume(work, &resting, count.min(cap - running_wanted));
    } else {
        create(work, nodes, cap, count);
    }
}

/// Nodes that the engine stopped for want of resources, where their disk allows them to run.
fn resting<'a>(work: &Work<'a>) -> Vec<&'a NodeView> {
    work.snapshot
        .nodes
        .iter()
        .filter(|node| is_resting(node) && !work.is_touched(node.id()))
        .filter(|node| !work.pressure.root_sheds(&node.record.spec.storage))
        .collect()
}

/// A node that the engine stopped for want of resources and starts again when there is room.
pub(crate) fn is_resting(node: &NodeView) -> bool {
    node.record.want == Want::StoppedByPressure
        && node.record.counts()
        && matches!(node.seen.state, NodeState::Stopped { .. })
}

/// Additions that requests have already put into this plan.
fn added(work: &Work<'_>) -> u32 {
    let is_new = |action: &Action| {
        matches!(action, Action::Add { .. }) && work.snapshot.node(action.node()).is_none()
    };
    work.decided().iter().filter(|planned| is_new(&planned.action)).count() as u32
}

fn resume(work: &mut Work<'_>, resting: &[&NodeView], count: u32) {
    let candidates = resting.iter().map(|node| weighed(node)).collect();
    for id in pick(candidates, Order::Oldest, count as usize) {
        if let Some(node) = work.snapshot.node(id) {
            let action = Action::Start { node: node.record.key(), release: work.release_for(node) };
            work.decide(action, Reason::RoomAgain);
        }
    }
}

/// Each must fit with those created before it in this very plan.
fn create(work: &mut Work<'_>, nodes: u32, cap: u32, count: u32) {
    let first = nodes + added(work);
    let mut allocator = match Allocator::new(work) {
        Ok(allocator) => allocator,
        Err(blocked) => return work.blocked.push(blocked),
    };
    let mut created = Vec::new();
    let mut refused = None;
    for _ in first..cap.min(first.saturating_add(count)) {
        match allocator.next_with_room() {
            Ok(action) => created.push(action),
            Err(blocked) => {
                refused = Some(blocked);
                break;
            }
        }
    }
    let skipped = allocator.into_skipped();
    work.notes.extend(skipped);
    for (nodes, action) in (nodes..).zip(created) {
        work.decide(action, Reason::Room { nodes, cap });
    }
    work.blocked.extend(refused);
}

/// Everything that growth waits for; all of it, so that an operator sees the whole.
fn blocked(work: &Work<'_>, pace: &Pace, shedding: bool) -> Vec<Blocked> {
    let mut blocked = resources(work);
    let stability = &work.policy.stability;
    let now = work.now();
    let left = |since: &Option<Instant>, wait| seconds_left(since.as_ref(), wait, now);
    if blocked.is_empty() {
        let window = left(&work.memory.room, stability.grow_window);
        blocked.extend(window.map(|left_s| Blocked::Window { left_s }));
    }
    let growth = Some(&work.memory.last_growth).filter(|_| pace.settles);
    let settling = growth.into_iter().chain([&work.memory.last_stop]);
    let settling = settling.filter_map(|since| left(since, stability.settle_time));
    blocked.extend(settling.max().map(|left_s| Blocked::Settling { left_s }));
    let quiet = left(&work.memory.last_shed, stability.quiet_time);
    blocked.extend(quiet.map(|left_s| Blocked::Quiet { left_s }));
    blocked.extend(pace.blocked.clone());
    let limit = pace.limit;
    if !work.budget.may_start(limit) {
        let (budget, limit) = (&work.budget, work.budget.start_limit(limit));
        blocked.push(Blocked::InFlight { nodes: budget.starting + budget.removing, limit });
    } else if blocked.is_empty() && (shedding || work.is_busy()) {
        blocked.push(Blocked::Busied);
    }
    blocked
}

/// Seconds until `wait` is over; `None` when it is, or never began.
pub(crate) fn seconds_left(since: Option<&Instant>, wait: Duration, now: &Instant) -> Option<u64> {
    let left = wait.saturating_sub(since?.age(now));
    (!left.is_zero()).then(|| left.as_secs().max(1))
}

fn resources(work: &Work<'_>) -> Vec<Blocked> {
    if work.pressure.has_room() {
        return Vec::new();
    }
    let held = |verdict: &&super::Verdict| verdict.verdict != VerdictKind::Room;
    work.pressure
        .0
        .iter()
        .filter(held)
        .map(|verdict| match verdict.used {
            None => Blocked::NoReading { resource: verdict.resource.clone() },
            Some(used) => Blocked::Busy {
                resource: verdict.resource.clone(),
                used,
                limit: verdict.add_below.or(verdict.remove_above).unwrap_or_default(),
            },
        })
        .collect()
}
