//! Nodes that should run and do not.

use super::pace::auto_limit;
use super::price::{measured_prices, prices};
use super::work::Work;
use super::{Note, around};
use crate::action::{Action, Reason, Resource};
use crate::model::Want;
use crate::observe::{NodeMemory, NodeState, NodeView, Snapshot};
use crate::policy::Policy;

/// How many nodes healing lets start at once, at most.
pub(crate) fn heal_limit(snapshot: &Snapshot, policy: &Policy) -> u32 {
    policy.limits.starts.or(auto_limit(snapshot.machine.cpus))
}

/// Starts them again, lowest id first. Held back by exceeded shed thresholds, by limits and by each
/// node's own back-off; never by anything that holds back growth.
pub(super) fn start_again(work: &mut Work<'_>) {
    let down = down(work);
    let down = without_held(work, down);
    let mut left = starts_left(work);
    let mut waiting = 0;
    for node in down {
        if !rested(work, node) {
            continue;
        }
        if left == 0 {
            waiting += 1;
            continue;
        }
        left -= 1;
        let deaths = memory_of(work, node).deaths.len() as u32;
        let action = Action::Start { node: node.record.key(), release: work.release_for(node) };
        work.decide(action, Reason::Down { deaths });
    }
    if waiting > 0 {
        work.notes.push(Note::HealInFlight { waiting });
    }
    around::mend(work);
    restart_mute(work);
}

/// How many may be started in this cycle. Where the cost of a node is known: as many as fit below the
/// shed thresholds, one at least when nothing is starting, and half the CPUs or 16 at most, for hundreds
/// that start at once are more than any estimate was learned from. Else that many in all. A reading that
/// is missing says nothing for or against; the others still do.
fn starts_left(work: &Work<'_>) -> u32 {
    let starts = work.policy.limits.starts;
    let at_once = heal_limit(work.snapshot, work.policy);
    let known = work.memory.cost.known(work.policy.stability.learn_time);
    let Some(known) = known else {
        return work.budget.starts_left(at_once);
    };
    let complete = prices(work.snapshot, &work.pressure, known).is_some();
    let measured = measured_prices(work.snapshot, &work.pressure, known);
    let fits = measured.iter().map(|price| price.below_shed(work)).min().unwrap_or(u32::MAX);
    let fits = if work.budget.starting == 0 { fits.max(1) } else { fits };
    let in_motion = if complete { starts.or(u32::MAX) } else { at_once };
    fits.min(at_once).min(work.budget.starts_left(in_motion))
}

/// Those that no exceeded threshold concerns: a disk holds back the nodes on it, everything else
/// holds back all.
fn without_held<'a>(work: &mut Work<'_>, down: Vec<&'a NodeView>) -> Vec<&'a NodeView> {
    let over: Vec<Resource> =
        work.pressure.shedding().map(|verdict| verdict.resource.clone()).collect();
    let mut free = down;
    for resource in over {
        let held = |node: &&NodeView| {
            resource.storage().is_none_or(|root| *root == node.record.spec.storage)
        };
        let before = free.len();
        free.retain(|node| !held(node));
        let nodes = (before - free.len()) as u32;
        if nodes > 0 {
            work.notes.push(Note::HealHeld { resource, nodes });
        }
    }
    free
}

/// A node whose data some process uses is noted already, and not started: one identity never runs
/// in two processes.
fn down<'a>(work: &Work<'a>) -> Vec<&'a NodeView> {
    let strangers = &work.snapshot.around.strangers;
    let free = |node: &&NodeView| {
        is_down(node) && !work.is_touched(node.id()) && !strangers.contains_key(&node.id())
    };
    work.snapshot.nodes.iter().filter(free).collect()
}

/// A node that should run and does not.
pub(crate) fn is_down(node: &NodeView) -> bool {
    let stopped = matches!(node.seen.state, NodeState::Stopped { .. });
    // Its manager would refuse, and the disk that made it do so is no better for it.
    node.record.want == Want::Run && stopped && !node.evicted
}

/// True when the node's back-off is over; notes it when it is not.
fn rested(work: &mut Work<'_>, node: &NodeView) -> bool {
    let memory = memory_of(work, node);
    let deaths = memory.deaths.len() as u32;
    if memory.is_failing() {
        work.notes.push(Note::Failing { node: node.id(), deaths });
    }
    let left = memory.pause_left(work.policy.stability.restart_backoff, work.now());
    if left.is_zero() {
        return true;
    }
    let left_s = left.as_secs().max(1);
    work.notes.push(Note::BackingOff { node: node.id(), deaths, left_s });
    false
}

fn restart_mute(work: &mut Work<'_>) {
    if !work.policy.restart_mute {
        return;
    }
    let limit = work.policy.limits.starts.or(1);
    for node in &work.snapshot.nodes {
        let mute = matches!(node.seen.state, NodeState::Mute { .. });
        let wanted = node.record.want == Want::Run && !work.is_touched(node.id());
        if mute && wanted && work.budget.may_start(limit) {
            let action =
                Action::Restart { node: node.record.key(), release: work.release_for(node) };
            work.decide(action, Reason::Mute);
        }
    }
}

fn memory_of(work: &Work<'_>, node: &NodeView) -> NodeMemory {
    work.memory.nodes.get(&node.record()).cloned().unwrap_or_default()
}
