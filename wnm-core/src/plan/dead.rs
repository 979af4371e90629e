//! Nodes whose data is gone.

use std::time::Duration;

use super::work::Work;
use super::{Missed, Note};
use crate::action::{Action, Reason};
use crate::model::{Phase, Removal};
use crate::observe::{NodeState, NodeView};

/// So long a directory is missed before its node is taken for lost. Longer than anybody needs to put back
/// what was moved by mistake, as far as the machine was up.
const MISSED_FOR: Duration = Duration::from_secs(3600);

/// Cleans up what is left of dead nodes, few at a time, and none when so many look dead at once
/// that something else must be wrong. What a manager evicted keeps its place until an operator has seen
/// it: nothing grows there, on a disk that was too full for what it had.
pub(super) fn remove(work: &mut Work<'_>) {
    let (never_made, dead): (Vec<&NodeView>, Vec<&NodeView>) = work
        .snapshot
        .nodes
        .iter()
        .filter(|node| node.seen.state == NodeState::Dead)
        .filter(|node| !work.is_touched(node.id()))
        .partition(|node| matches!(node.record.phase, Phase::Creating { .. }));
    // These have nothing that could be lost: only a record says that they were to be.
    for node in never_made.into_iter().filter(|node| !node.evicted) {
        let action = Action::Remove { node: node.record.key(), cause: Removal::Dead };
        work.decide(action, Reason::NeverMade);
    }
    let is_ours = |node: &&NodeView| node.seen.state != NodeState::Disabled;
    let all = work.snapshot.nodes.iter().filter(is_ours).count();
    // Those that were evicted count here too: whatever took them may have taken the others.
    let too_many = dead.len() >= 2 && dead.len() * 2 > all;
    let lost: Vec<&NodeView> = dead.iter().copied().filter(|node| !node.evicted).collect();
    if too_many && !lost.is_empty() {
        work.notes.push(Note::TooManyDead { dead: dead.len() as u32, nodes: all as u32 });
    }
    if too_many {
        return;
    }
    let limit = work.policy.limits.removals as usize;
    let (waiting, really): (Vec<&NodeView>, Vec<&NodeView>) =
        lost.into_iter().partition(|node| missed(work, node).is_some());
    for node in waiting {
        let wait = missed(work, node);
        work.notes.extend(wait.map(|wait| Note::DataMissed { node: node.id(), wait }));
    }
    for node in really.into_iter().take(limit) {
        let action = Action::Remove { node: node.record.key(), cause: Removal::Dead };
        work.decide(action, Reason::DataGone);
    }
}

/// Why a node is not taken for lost although its data is not where it should be: somebody may have
/// moved it, for a minute or for good, and a process that lives has its key.
fn missed(work: &Work<'_>, node: &NodeView) -> Option<Missed> {
    if node.seen.alive != Some(false) {
        return Some(Missed::ItsProcessLives);
    }
    let since = work.memory.nodes.get(&node.record()).and_then(|memory| memory.missed.clone());
    let age = since.map_or(Duration::ZERO, |since| since.age(work.now()));
    let left = MISSED_FOR.checked_sub(age).filter(|left| !left.is_zero())?;
    Some(Missed::OfLate { left_s: left.as_secs() })
}
