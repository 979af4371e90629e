//! What is decided.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Reason;
use crate::model::{
    Installed, NodeId, NodeKey, NodeSpec, Release, Removal, Returning, Upgrade, Version,
};

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
        /// The key that it begins with; `None`: it makes its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Box<Returning>>,
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
    /// Put another program in the place of a node's, and keep the one that was there.
    Upgrade {
        /// Which.
        node: NodeKey,
        /// What it is given.
        release: Release,
        /// From what, on whose account, and what it showed before.
        upgrade: Box<Upgrade>,
        /// Whether it is to run afterwards.
        start: bool,
    },
    /// Put back the program that a node had before its last upgrade, and its identity should it
    /// have lost it.
    Revert {
        /// Which.
        node: NodeKey,
        /// What failed.
        from: Version,
        /// What is put back.
        to: Version,
        /// Why no node shall be given the failed version again; `None` when others may be.
        quarantine: Option<String>,
        /// Whether it is to run afterwards.
        start: bool,
    },
    /// An upgrade held: what the node had before is no longer kept.
    Prove {
        /// Which.
        node: NodeKey,
        /// What it runs.
        version: Version,
    },
    /// Write down that a node has another program, or another identity, than is recorded. Nothing
    /// happens to it.
    Recognise {
        /// Which.
        node: NodeKey,
        /// What it has now.
        installed: Installed,
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
    /// Stop a node and move its data to another storage root; it is started again there as any node
    /// that is down. Where a step fails it is started again where it was.
    Move {
        /// Which.
        node: NodeKey,
        /// The node as it is afterwards.
        to: Box<NodeSpec>,
    },
    /// Delete what a node that was moved left behind: it runs where it lies now.
    Clear {
        /// Which.
        node: NodeKey,
        /// The node as it is afterwards.
        to: Box<NodeSpec>,
    },
    /// Archive the identity of a node, leave it to its manager as it runs, and forget it.
    Release {
        /// Which.
        node: NodeKey,
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
            | Action::Upgrade { node, .. }
            | Action::Revert { node, .. }
            | Action::Prove { node, .. }
            | Action::Recognise { node, .. }
            | Action::Retire { node, .. }
            | Action::Reprieve { node }
            | Action::Remove { node, .. }
            | Action::Release { node }
            | Action::Move { node, .. }
            | Action::Clear { node, .. }
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
            | Action::Upgrade { node, .. }
            | Action::Revert { node, .. }
            | Action::Prove { node, .. }
            | Action::Recognise { node, .. }
            | Action::Retire { node, .. }
            | Action::Reprieve { node }
            | Action::Remove { node, .. }
            | Action::Release { node }
            | Action::Move { node, .. }
            | Action::Clear { node, .. }
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
            Action::Upgrade { .. } => "upgrade",
            Action::Revert { .. } => "revert",
            Action::Prove { .. } => "prove",
            Action::Recognise { .. } => "recognise",
            Action::Retire { .. } => "retire",
            Action::Reprieve { .. } => "reprieve",
            Action::Remove { .. } => "remove",
            Action::Move { .. } => "move",
            Action::Clear { .. } => "clear",
            Action::Release { .. } => "release",
            Action::Disable { .. } => "disable",
            Action::Enable { .. } => "enable",
        }
    }

    /// True when it leads to a running process that was not there.
    pub fn starts(&self) -> bool {
        match self {
            Action::Add { .. } | Action::Start { .. } | Action::Restart { .. } => true,
            Action::Upgrade { start, .. } | Action::Revert { start, .. } => *start,
            _ => false,
        }
    }

    /// True when a process is ended or begun for it that may be judged: its program stays.
    pub fn ends_or_begins_process(&self) -> bool {
        matches!(
            self,
            Action::Start { .. }
                | Action::Stop { .. }
                | Action::Restart { .. }
                | Action::Retire { .. }
                | Action::Remove { .. }
                | Action::Move { .. }
        )
    }

    /// True when the record of the node goes with it, once it is done.
    pub fn forgets(&self) -> bool {
        matches!(self, Action::Remove { .. } | Action::Release { .. })
    }

    /// True when the node counts no more because of it.
    pub fn takes_out_of_count(&self) -> bool {
        matches!(self, Action::Retire { .. } | Action::Disable { .. }) || self.forgets()
    }

    /// True when it changes which program a node has, or what is kept of the one before.
    pub fn is_of_upgrades(&self) -> bool {
        matches!(self, Action::Upgrade { .. } | Action::Revert { .. } | Action::Prove { .. })
    }

    /// True when only the record changes: it has no steps, and may be decided without looking.
    pub fn is_word_only(&self) -> bool {
        matches!(self, Action::Disable { .. } | Action::Enable { .. } | Action::Recognise { .. })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.node())
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
