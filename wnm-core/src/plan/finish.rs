//! What earlier cycles began.

use std::collections::BTreeSet;

use super::Note;
use super::work::Work;
use crate::action::{Action, Reason};
use crate::model::{Phase, RecordId, Removal, Verb};
use crate::observe::{NodeState, NodeView};

/// Operations left open by a cycle that died are planned again as they were: every step is an
/// ensure, so what was done already is found done. Only a node that cannot be observed waits.
pub(super) fn unfinished(work: &mut Work<'_>) {
    for open in &work.snapshot.open {
        let Some(node) = work.snapshot.nodes.iter().find(|node| node.record() == open.record)
        else {
            continue;
        };
        // What failed elsewhere since then is not given to anybody: the verdict on it takes it back.
        let given_up = |version| {
            let program = node.record.spec.program;
            work.snapshot.holds.quarantine(program, version).is_some()
        };
        if matches!(&open.planned.action, Action::Upgrade { release, .. } if given_up(&release.version))
        {
            continue;
        }
        let is_out_of_reach =
            matches!(node.seen.state, NodeState::Unknown { .. } | NodeState::Disabled)
                || node.data_present.is_none()
                || node.seen.alive.is_none();
        if is_out_of_reach && !open.planned.action.is_word_only() {
            continue;
        }
        let reason = Reason::Unfinished { op: open.id };
        work.decide(open.planned.action.clone(), reason);
    }
}

/// Retired nodes whose delay ran out are removed; those that are wanted again are taken back.
pub(super) fn delays(work: &mut Work<'_>) {
    let removing: Vec<&NodeView> = work
        .snapshot
        .nodes
        .iter()
        .filter(|node| matches!(node.seen.state, NodeState::Removing))
        .collect();
    let asked_for = asked_for(work, &removing);
    for node in removing {
        let Phase::Removing { since, cause } = &node.record.phase else {
            continue;
        };
        if work.is_touched(node.id()) || asked_for.contains(&node.record()) {
            continue;
        }
        if node.data_present.is_none() || node.seen.alive.is_none() {
            let why = "its removal waits until it can be observed".to_owned();
            work.notes.push(Note::Unknown { node: node.id(), why });
            continue;
        }
        let counting = counting_with(work) + asked_for.len() as u32;
        if *cause == Removal::Cap && counting < work.policy.cap.stored {
            // A cap for this run only takes nothing back, and must not delete it either.
            if counting >= work.policy.cap.limit {
                continue;
            }
            let action = Action::Reprieve { node: node.record.key() };
            work.decide(action, Reason::RoomAgain);
            continue;
        }
        let waited = since.age(work.now());
        // Only the engine's own removals can be taken back; the others have nothing to wait for.
        let waits = matches!(cause, Removal::Cap | Removal::Disk);
        if waits && waited < work.policy.delays.remove {
            continue;
        }
        work.decide(
            Action::Remove { node: node.record.key(), cause: *cause },
            Reason::DelayOver { waited_s: waited.as_secs() },
        );
    }
}

/// Nodes on their way out that an operator wants to have started: theirs is the next step.
fn asked_for(work: &Work<'_>, removing: &[&NodeView]) -> BTreeSet<RecordId> {
    let wanted = work.snapshot.requests.iter().filter_map(|request| match &request.verb {
        Verb::Start { nodes } => Some(nodes),
        _ => None,
    });
    let wanted: BTreeSet<RecordId> = wanted.flatten().map(|key| key.record).collect();
    removing.iter().map(|node| node.record()).filter(|record| wanted.contains(record)).collect()
}

/// Nodes that count against the cap, with those taken back in this cycle.
fn counting_with(work: &Work<'_>) -> u32 {
    let reprieved = work
        .decided()
        .iter()
        .filter(|planned| matches!(planned.action, Action::Reprieve { .. }))
        .count();
    (work.snapshot.counting().count() + reprieved) as u32
}
