//! What is decided.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Outcome, Reason};
use crate::model::{Instant, NodeId, NodeKey, NodeRecord, NodeSpec, Phase, Release, Removal, Want};

/// On whose behalf a node stays stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// An operator's: only an operator starts it again.
    ByOperator,
    /// The engine's: it starts it again when there is room.
    ByPressure,
}

/// One decided intention about one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// Create a node, or finish creating it, and start it.
    Add {
        /// Everything about it.
        spec: Box<NodeSpec>,
        /// What it is given to run.
        release: Release,
    },
    /// Start a node that exists, making again what its manager has lost.
    Start {
        /// Which.
        node: NodeKey,
        /// What to copy should its program be missing.
        release: Option<Release>,
    },
    /// Stop a node and keep it.
    Stop {
        /// Which.
        node: NodeKey,
        /// For whom.
        stopped: Stopped,
    },
    /// Make again what the manager has lost of a running node, without touching its process.
    Mend {
        /// Which.
        node: NodeKey,
    },
    /// Stop and start a node.
    Restart {
        /// Which.
        node: NodeKey,
        /// What to copy should its program be missing.
        release: Option<Release>,
    },
    /// Stop a node for good; it is deleted after the removal delay, and can be taken back till then.
    Retire {
        /// Which.
        node: NodeKey,
        /// Why.
        cause: Removal,
    },
    /// Take back a node that was retired: what was wanted of it is wanted again.
    Reprieve {
        /// Which.
        node: NodeKey,
    },
    /// Archive the identity of a node, then delete everything else of it.
    Remove {
        /// Which.
        node: NodeKey,
        /// Why.
        cause: Removal,
    },
    /// Leave a node alone from now on. Nothing happens to it.
    Disable {
        /// Which.
        node: NodeKey,
    },
    /// Care for a node again. Nothing happens to it now; the next cycle heals it if it is down.
    Enable {
        /// Which.
        node: NodeKey,
    },
}

impl Action {
    /// The node it is about.
    pub fn node(&self) -> NodeId {
        match self {
            Action::Add { spec, .. } => spec.id,
            Action::Start { node, .. }
            | Action::Stop { node, .. }
            | Action::Restart { node, .. }
            | Action::Mend { node }
            | Action::Retire { node, .. }
            | Action::Reprieve { node }
            | Action::Remove { node, .. }
            | Action::Disable { node }
            | Action::Enable { node } => node.id,
        }
    }

    /// The node's record; `None` for a node that is yet to be recorded.
    pub fn key(&self) -> Option<NodeKey> {
        match self {
            Action::Add { .. } => None,
            Action::Start { node, .. }
            | Action::Stop { node, .. }
            | Action::Restart { node, .. }
            | Action::Mend { node }
            | Action::Retire { node, .. }
            | Action::Reprieve { node }
            | Action::Remove { node, .. }
            | Action::Disable { node }
            | Action::Enable { node } => Some(*node),
        }
    }

    /// One word, as it stands in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Action::Add { .. } => "add",
            Action::Start { .. } => "start",
            Action::Stop { .. } => "stop",
            Action::Mend { .. } => "mend",
            Action::Restart { .. } => "restart",
            Action::Retire { .. } => "retire",
            Action::Reprieve { .. } => "reprieve",
            Action::Remove { .. } => "remove",
            Action::Disable { .. } => "disable",
            Action::Enable { .. } => "enable",
        }
    }

    /// True when it leads to a running process that was not there.
    pub fn starts(&self) -> bool {
        matches!(self, Action::Add { .. } | Action::Start { .. } | Action::Restart { .. })
    }

    /// True when only the record changes: it has no steps, and may be decided without looking.
    pub fn is_word_only(&self) -> bool {
        matches!(self, Action::Disable { .. } | Action::Enable { .. })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.node())
    }
}

/// What beginning an action leaves in the node's record, before anything happens to the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What is wanted from now on.
    pub want: Want,
    /// What was set in motion.
    pub phase: Phase,
}

impl Mark {
    /// The mark that `action`, begun at `now`, leaves in `record`.
    ///
    /// A stop changes what is wanted only when it has succeeded: one that was cut off is planned
    /// again from the journal, and one that failed must not make a node that runs look unwanted.
    pub fn of(action: &Action, record: &NodeRecord, now: &Instant) -> Mark {
        let since = now.clone();
        match action {
            Action::Add { .. } => Mark { want: Want::Run, phase: Phase::Creating { since } },
            Action::Start { .. } | Action::Restart { .. } => {
                Mark { want: Want::Run, phase: Phase::Starting { since } }
            }
            Action::Stop { .. } | Action::Mend { .. } => Mark::unchanged(record),
            Action::Reprieve { .. } => Mark { want: record.want, phase: Phase::Steady },
            Action::Disable { .. } => Mark { want: Want::Disabled, phase: settled(&record.phase) },
            Action::Enable { .. } => Mark { want: Want::Run, phase: settled(&record.phase) },
            Action::Retire { cause, .. } | Action::Remove { cause, .. } => {
                let phase = match &record.phase {
                    // The delay runs from the first decision, however often it is repeated.
                    removing @ Phase::Removing { .. } => removing.clone(),
                    Phase::Steady | Phase::Creating { .. } | Phase::Starting { .. } => {
                        Phase::Removing { since, cause: *cause }
                    }
                };
                Mark { want: record.want, phase }
            }
        }
    }

    /// The mark that the end of `action` leaves in `record`, which carries the mark of its beginning.
    pub fn after(action: &Action, outcome: &Outcome, record: &NodeRecord) -> Mark {
        let want = match action {
            Action::Stop { stopped: Stopped::ByOperator, .. } => Want::StoppedByOperator,
            Action::Stop { stopped: Stopped::ByPressure, .. } => Want::StoppedByPressure,
            _ => record.want,
        };
        match (outcome.is_done(), &record.phase) {
            (true, Phase::Creating { since }) => {
                Mark { want, phase: Phase::Starting { since: since.clone() } }
            }
            (true, Phase::Starting { .. }) if matches!(action, Action::Stop { .. }) => {
                Mark { want, phase: Phase::Steady }
            }
            (true, phase) => Mark { want, phase: phase.clone() },
            // A start that failed is not going on; a creation that failed stays one.
            (false, Phase::Starting { .. }) => Mark { want: record.want, phase: Phase::Steady },
            (false, _) => Mark::unchanged(record),
        }
    }

    fn unchanged(record: &NodeRecord) -> Mark {
        Mark { want: record.want, phase: record.phase.clone() }
    }
}

/// A start is no longer ours to follow once a node is left alone; what was never made stays so.
fn settled(phase: &Phase) -> Phase {
    match phase {
        creating @ Phase::Creating { .. } => creating.clone(),
        Phase::Steady | Phase::Starting { .. } | Phase::Removing { .. } => Phase::Steady,
    }
}

/// An action and why it was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedAction {
    /// What.
    pub action: Action,
    /// Why.
    pub reason: Reason,
}

impl PlannedAction {
    /// For a removal of a node with data by the engine's own decision: whether a disk demanded it.
    /// These are what the budgets count. The second half of a removal, its repetition and what an
    /// operator asked for are none.
    pub fn removes_by_engine(&self) -> Option<bool> {
        let cause = match (&self.action, &self.reason) {
            (_, Reason::Unfinished { .. } | Reason::DelayOver { .. } | Reason::DelayCut { .. }) => {
                return None;
            }
            (Action::Retire { cause, .. } | Action::Remove { cause, .. }, _) => *cause,
            _ => return None,
        };
        match cause {
            Removal::Disk => Some(true),
            Removal::Cap => Some(false),
            Removal::Dead | Removal::Operator | Removal::Teardown => None,
        }
    }
}
