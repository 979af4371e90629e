//! When two decisions are one and the same wish.

use crate::action::{Action, PlannedAction};
use crate::model::{NodeId, RecordId};
use crate::observe::{ProcessKey, Snapshot};

/// What is wanted of which node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wish {
    verb: &'static str,
    node: NodeId,
}

impl Wish {
    pub(super) fn of(planned: &PlannedAction) -> Wish {
        Wish { verb: planned.action.name(), node: planned.action.node() }
    }
}

/// The node that a wish is about, as far as a change of it makes the wish another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wisher {
    record: Option<RecordId>,
    process: Option<ProcessKey>,
}

impl Wisher {
    pub(super) fn of(planned: &PlannedAction, snapshot: &Snapshot) -> Wisher {
        let record = planned.action.key().map(|key| key.record);
        // Whether a process lives is what these are about; a node goes for good only once.
        let process = match &planned.action {
            Action::Start { node, .. }
            | Action::Stop { node, .. }
            | Action::Restart { node, .. }
            | Action::Upgrade { node, .. }
            | Action::Revert { node, .. } => snapshot.node(node.id).and_then(|node| node.process),
            _ => None,
        };
        Wisher { record, process }
    }
}
