//! What an operator asked for. Requests are stored; the planner consumes them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Instant, NodeId, NodeKey, RequestId, Returning, Timestamp, Version};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verb")]
pub enum Verb {
    /// Create this many nodes.
    Add {
        /// How many.
        count: u32,
    },
    /// Create a node with a key that a node had before.
    Restore {
        /// Which key.
        key: Box<Returning>,
        /// Under this number; `None`: the one it had if that is free, else the next free one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<NodeId>,
        /// In this storage root; `None`: where there is most room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        storage: Option<PathBuf>,
    },
    /// Start these, and want them to run.
    Start {
        /// Which.
        nodes: Vec<NodeKey>,
    },
    /// Stop these until an operator starts them.
    Stop {
        /// Which.
        nodes: Vec<NodeKey>,
    },
    /// Stop and start these.
    Restart {
        /// Which.
        nodes: Vec<NodeKey>,
    },
    /// Give these another program; the one they have is kept until it is proven.
    Upgrade {
        /// Which.
        nodes: Vec<NodeKey>,
        /// To this version; `None`: what a new node would run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Version>,
        /// It may be an older one.
        #[serde(default)]
        allow_downgrade: bool,
    },
    /// Remove these at once; identities are archived first.
    Remove {
        /// Which.
        nodes: Vec<NodeKey>,
    },
    /// Leave these alone from now on; their processes stay as they are.
    Disable {
        /// Which.
        nodes: Vec<NodeKey>,
    },
    /// Care for these again, and want them to run.
    Enable {
        /// Which.
        nodes: Vec<NodeKey>,
    },
    /// Move the data of a node to another storage root of this machine.
    Move {
        /// Which; one.
        nodes: Vec<NodeKey>,
        /// Where to.
        storage: PathBuf,
    },
    /// Let go of these: their processes go on, with what their manager knows of them.
    Release {
        /// Which.
        nodes: Vec<NodeKey>,
    },
    /// Remove every node there is, disabled ones as well: wnm itself goes with them.
    Teardown {
        /// Which.
        nodes: Vec<NodeKey>,
    },
}

impl Verb {
    /// The word an operator typed.
    pub fn name(&self) -> &'static str {
        match self {
            Verb::Add { .. } => "add",
            Verb::Restore { .. } => "restore",
            Verb::Start { .. } => "start",
            Verb::Stop { .. } => "stop",
            Verb::Restart { .. } => "restart",
            Verb::Upgrade { .. } => "upgrade",
            Verb::Remove { .. } => "remove",
            Verb::Disable { .. } => "disable",
            Verb::Enable { .. } => "enable",
            Verb::Move { .. } => "move",
            Verb::Release { .. } => "release",
            Verb::Teardown { .. } => "tear down",
        }
    }

    /// The nodes it names.
    pub fn nodes(&self) -> &[NodeKey] {
        match self {
            Verb::Add { .. } | Verb::Restore { .. } => &[],
            Verb::Start { nodes }
            | Verb::Stop { nodes }
            | Verb::Restart { nodes }
            | Verb::Upgrade { nodes, .. }
            | Verb::Remove { nodes }
            | Verb::Disable { nodes }
            | Verb::Enable { nodes }
            | Verb::Move { nodes, .. }
            | Verb::Release { nodes }
            | Verb::Teardown { nodes } => nodes,
        }
    }
}

/// A stored request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// What is asked.
    pub verb: Verb,
    /// When, for people and across a reboot.
    pub made: Timestamp,
    /// When, for its age.
    pub made_at: Instant,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Actions that were carried out for it.
    pub done: u32,
    /// Actions that failed.
    pub failed: u32,
    /// Why parts of it, or all of it, were not done; empty when nothing was refused.
    pub refused: Vec<String>,
}
