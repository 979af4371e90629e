//! More nodes, when everything has room.

use std::time::Duration;

use super::allocate::Allocator;
use super::work::{Work, weighed};
use super::{Blocked, VerdictKind};
use crate::action::{Action, Reason};
use crate::model::{Instant, Want};
use crate::observe::{NodeState, NodeView};
use crate::select::{Order, pick};

/// Starts one node that pressure had stopped, oldest first, else creates one.
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
    let blocked = blocked(work, shedding);
    if !blocked.is_empty() {
        work.blocked.extend(blocked);
        return;
    }
    if may_resume {
        resume(work, &resting);
    } else {
        create(work, nodes, cap);
    }
}

/// Nodes that the engine stopped for want of resources.
fn resting<'a>(work: &Work<'a>) -> Vec<&'a NodeView> {
    work.snapshot
        .nodes
        .iter()
        .filter(|node| is_resting(node) && !work.is_touched(node.id()))
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

fn resume(work: &mut Work<'_>, resting: &[&NodeView]) {
    let candidates = resting.iter().map(|node| weighed(node)).collect();
    for id in pick(candidates, Order::Oldest, 1) {
        if let Some(node) = work.snapshot.node(id) {
            let action = Action::Start { node: node.record.key(), release: work.release() };
            work.decide(action, Reason::RoomAgain);
        }
    }
}

fn create(work: &mut Work<'_>, nodes: u32, cap: u32) {
    let next = match Allocator::new(work) {
        Ok(mut allocator) => {
            let next = allocator.next_with_room();
            let skipped = allocator.into_skipped();
            work.notes.extend(skipped);
            next
        }
        Err(blocked) => Err(blocked),
    };
    match next {
        Ok(action) => work.decide(action, Reason::Room { nodes, cap }),
        Err(blocked) => work.blocked.push(blocked),
    }
}

/// Everything that growth waits for; all of it, so that an operator sees the whole.
fn blocked(work: &Work<'_>, shedding: bool) -> Vec<Blocked> {
    let mut blocked = resources(work);
    let stability = &work.policy.stability;
    let now = work.now();
    let left = |since: &Option<Instant>, wait| seconds_left(since.as_ref(), wait, now);
    if blocked.is_empty() {
        let window = left(&work.memory.room, stability.grow_window);
        blocked.extend(window.map(|left_s| Blocked::Window { left_s }));
    }
    let settling = [&work.memory.last_growth, &work.memory.last_stop];
    let settling = settling.into_iter().filter_map(|since| left(since, stability.settle_time));
    blocked.extend(settling.max().map(|left_s| Blocked::Settling { left_s }));
    let quiet = left(&work.memory.last_shed, stability.quiet_time);
    blocked.extend(quiet.map(|left_s| Blocked::Quiet { left_s }));
    let limit = work.policy.limits.starts.or(1);
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
