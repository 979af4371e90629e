//! Nodes whose data is gone.

use super::Note;
use super::work::Work;
use crate::action::{Action, Reason};
use crate::model::Removal;
use crate::observe::{NodeState, NodeView};

/// Cleans up what is left of dead nodes, few at a time, and none when so many look dead at once
/// that something else must be wrong.
pub(super) fn remove(work: &mut Work<'_>) {
    let dead: Vec<&NodeView> =
        work.snapshot.nodes.iter().filter(|node| node.seen.state == NodeState::Dead).collect();
    let is_ours = |node: &&NodeView| node.seen.state != NodeState::Disabled;
    let all = work.snapshot.nodes.iter().filter(is_ours).count();
    if dead.len() >= 2 && dead.len() * 2 > all {
        work.notes.push(Note::TooManyDead { dead: dead.len() as u32, nodes: all as u32 });
        return;
    }
    let limit = work.policy.limits.removals as usize;
    for node in
        dead.into_iter().filter(|node| !work.is_touched(node.id())).take(limit).collect::<Vec<_>>()
    {
        let action = Action::Remove { node: node.record.key(), cause: Removal::Dead };
        work.decide(action, Reason::DataGone);
    }
}
