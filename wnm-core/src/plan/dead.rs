//! Nodes whose data is gone.

use super::Note;
use super::work::Work;
use crate::action::{Action, Reason};
use crate::model::{Phase, Removal};
use crate::observe::{NodeState, NodeView};

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
    for node in lost.into_iter().take(limit) {
        let action = Action::Remove { node: node.record.key(), cause: Removal::Dead };
        work.decide(action, Reason::DataGone);
    }
}
