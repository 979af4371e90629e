//! What an action consists of: single effects, each of which can be repeated without harm.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::PlannedAction;
use crate::model::{NodeKey, NodeSpec, PortRule, Release, Returning, Version};

/// One effect on the host, for the node of its action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum Step {
    /// Make the data directory with the node's own copy of the program in it.
    Prepare {
        /// What to copy.
        release: Release,
    },
    /// The same, with a key that comes back in it: there is no moment in which the directory is there
    /// without its key. Refused while anything else on this machine has that key.
    BringBack {
        /// What to copy.
        release: Release,
        /// Which key.
        key: Returning,
    },
    /// Have a manager that makes nodes itself make this one, unless it has.
    Enrol {
        /// What it is given to run.
        release: Release,
    },
    /// Refuse to go on unless the data is there; put back a program copy or log directory that is
    /// missing.
    Check {
        /// What to copy when the program is missing; `None` when there is nothing to copy.
        release: Option<Release>,
    },
    /// Put a release beside the node's program, and see that it runs: whatever is wrong with it, or
    /// with the disk, shows while the node still runs.
    Stage {
        /// What to copy.
        release: Release,
    },
    /// Keep the node's program, then put the staged one in its place by one rename.
    Replace {
        /// The version that was staged.
        version: Version,
        /// What it was decided for: a newer one that came by itself meanwhile is not replaced.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Version>,
    },
    /// Put the program that was kept back in its place, and the key that was kept with it if the node
    /// has another one.
    PutBack {
        /// The version that was kept.
        version: Version,
    },
    /// Delete the program that was kept.
    DropKept,
    /// Write what the manager needs to know of the node.
    Create,
    /// Let the outside reach a port.
    OpenPort {
        /// Which.
        rule: PortRule,
    },
    /// Start the process.
    Start,
    /// Stop the process, and keep the manager from starting it.
    Stop,
    /// Keep a copy of the identity outside of the node's directory.
    Archive,
    /// Copy the data to another storage root, whole, with the same key.
    Carry {
        /// The node as it is there.
        to: Box<NodeSpec>,
    },
    /// Delete the data that was set aside where the node lay before.
    ClearLeft,
    /// Leave the node to its manager alone, which keeps it as it runs and, where it can, brings it
    /// back after a restart of the machine.
    HandOver,
    /// Delete what the manager knows of the node.
    Dismantle,
    /// Let the manager forget the numbers and ports of nodes that are gone, if none is left.
    Reset,
    /// Rename the data directory within its storage root, out of the way.
    SetAside,
    /// Close a port that was opened for the node.
    ClosePort {
        /// Which.
        rule: PortRule,
    },
    /// Delete the data that was set aside, and the logs.
    Delete,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Prepare { release } => {
                write!(f, "make its directory, copy {} {}", release.path.display(), release.version)
            }
            Step::BringBack { release, .. } => write!(
                f,
                "make its directory with its key in it, copy {} {}",
                release.path.display(),
                release.version
            ),
            Step::Enrol { release } => {
                let (path, version) = (release.path.display(), &release.version);
                write!(f, "have its manager make it, with {path} {version}")
            }
            Step::Check { .. } => f.write_str("check its directory"),
            Step::Stage { release } => {
                write!(f, "put {} {} beside its program", release.path.display(), release.version)
            }
            Step::Replace { version, .. } => {
                write!(f, "keep its program, put {version} in its place")
            }
            Step::PutBack { version } => write!(f, "put {version} back"),
            Step::DropKept => f.write_str("delete the program it had before"),
            Step::Create => f.write_str("tell its manager"),
            Step::OpenPort { rule } => write!(f, "open {rule}"),
            Step::Start => f.write_str("start it"),
            Step::Stop => f.write_str("stop it"),
            Step::Archive => f.write_str("archive its identity"),
            Step::Carry { to } => write!(f, "copy its data to {}", to.data.display()),
            Step::ClearLeft => f.write_str("delete its data where it lay before"),
            Step::HandOver => f.write_str("leave it to its manager, as it runs"),
            Step::Dismantle => f.write_str("take it from its manager"),
            Step::Reset => f.write_str("let its manager count anew, if no node is left"),
            Step::SetAside => f.write_str("set its data aside"),
            Step::ClosePort { rule } => write!(f, "close {rule}"),
            Step::Delete => f.write_str("delete its data and logs"),
        }
    }
}

impl Step {
    /// True when a failure of this step, among those of an upgrade, leaves the old program in its
    /// place.
    pub fn is_before_replacing(&self) -> bool {
        matches!(
            self,
            Step::Check { .. }
                | Step::Archive
                | Step::Stage { .. }
                | Step::Stop
                | Step::Replace { .. }
        )
    }
}

/// What a step changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is now as wanted, and was not before.
    Made,
    /// It was as wanted.
    AlreadySo,
    /// There is nothing here that could be changed, such as a firewall that is off.
    NotManaged,
}

/// A failed step, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The step that failed; `None` when the operation could not even be begun.
    pub step: Option<Step>,
    /// The whole chain of messages.
    pub message: String,
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// Every step succeeded.
    Done {
        /// What each step changed, in order.
        changes: Vec<Change>,
    },
    /// A step failed; those after it were not tried.
    Failed {
        /// Which and why.
        fault: Fault,
    },
}

impl Outcome {
    /// True for [`Outcome::Done`].
    pub fn is_done(&self) -> bool {
        matches!(self, Outcome::Done { .. })
    }
}

/// An action that was carried out, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The node, with its record; an addition has one only now.
    pub node: NodeKey,
    /// What was to be done.
    pub planned: PlannedAction,
    /// What became of it.
    pub outcome: Outcome,
}
