//! A node as it is wanted and as it was recorded.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    Address, Bytes, EvmNetwork, Instant, Manager, NodeId, NodeKey, NodePorts, Program, RecordId,
    Release, Timestamp, Upgrade, Version,
};

/// Everything about a node that never changes while it exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Its number and name.
    pub id: NodeId,
    /// What it runs.
    pub program: Program,
    /// What keeps it.
    pub manager: Manager,
    /// Who earns.
    pub wallet: Address,
    /// Its ports.
    pub ports: NodePorts,
    /// The storage root it lies in. Nothing outside of it is ever deleted.
    pub storage: PathBuf,
    /// Its data directory, a child of `storage`.
    pub data: PathBuf,
    /// Its log directory.
    pub logs: PathBuf,
    /// Its own copy of the program. Programs replace their own binary, so none is shared.
    pub binary: PathBuf,
    /// True when the manager itself brings the node back after a reboot (`autostart system`).
    pub autostart: bool,
    /// What its manager calls it, for nodes that wnm did not name: adopted units, services of
    /// managers that number them on their own. `None`: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The container that it shares with others, where many nodes are kept in one. `None`: a
    /// container of its own, or none at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The container that somebody else made and that it was taken over in, by its whole id: this one
    /// is the node's, until it is made anew under the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<String>,
    /// Where its data lay before it was moved to another disk: what is there goes when the node runs
    /// where it lies now. Nothing, for nodes that were not moved, or not of late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// How it is started.
    pub launch: Launch,
}

/// Data that was left behind on another disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// In which storage root.
    pub storage: PathBuf,
    /// The directory it was, before it was set aside.
    pub data: PathBuf,
}

impl NodeSpec {
    /// The same node in another storage root.
    #[must_use]
    pub fn moved_to(&self, root: &Path) -> NodeSpec {
        let name = self.data.file_name().unwrap_or_default();
        let data = root.join(name);
        let binary = match self.binary.strip_prefix(&self.data) {
            Ok(below) => data.join(below),
            Err(_) => self.binary.clone(),
        };
        let left = Some(Left { storage: self.storage.clone(), data: self.data.clone() });
        NodeSpec { storage: root.to_owned(), data, binary, left, ..self.clone() }
    }

    /// True when the node runs a copy of the program in its own directory, so that wnm may replace
    /// it.
    pub fn owns_program(&self) -> bool {
        self.manager.kind.runs_own_copy() && self.binary.parent() == Some(&self.data)
    }

    /// What its manager calls it: the name of its service, unit or container, without ending.
    pub fn service(&self) -> String {
        self.service.clone().unwrap_or_else(|| self.id.to_string())
    }
}

/// Settings that go to the node as they were given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// Where payments happen.
    pub network: EvmNetwork,
    /// Extra arguments.
    pub start_args: Vec<String>,
    /// Extra environment.
    pub environment: Vec<(String, String)>,
    /// Peers to join through.
    pub bootstrap: Vec<String>,
    /// Do not ask the router for a port (first generation only).
    pub no_upnp: bool,
    /// Memory that its manager lets it have at most; it is ended when it takes more. Only managers
    /// with control groups can, see [`ManagerKind::limits`](super::ManagerKind::limits).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<Bytes>,
    /// CPU that its manager lets it have at most, in percent of one CPU: 150 is one and a half. It
    /// is slowed down to that, and never ended for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<u32>,
}

/// What is wanted of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    /// It should run; the engine starts it again when it does not.
    Run,
    /// An operator stopped it; only an operator starts it again.
    StoppedByOperator,
    /// The engine stopped it for want of resources, and starts it again when there is room.
    StoppedByPressure,
    /// Left alone in every respect.
    Disabled,
}

/// Why a node is being removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Removal {
    /// More nodes than the stored cap.
    Cap,
    /// Its file system is too full.
    Disk,
    /// Its data was gone.
    Dead,
    /// An operator said so.
    Operator,
    /// An operator said so of every node at once.
    Teardown,
}

/// What wnm last set in motion with a node. It is stored before the effect happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Phase {
    /// Nothing.
    Steady,
    /// It was recorded, and its creation has not succeeded yet.
    Creating {
        /// When.
        since: Instant,
    },
    /// It was started.
    Starting {
        /// When.
        since: Instant,
    },
    /// It was stopped for good and waits out the removal delay.
    Removing {
        /// When.
        since: Instant,
        /// Why.
        cause: Removal,
    },
}

/// What the store knows about a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Its record, never used twice.
    pub record: RecordId,
    /// What it is.
    pub spec: NodeSpec,
    /// What is wanted of it.
    pub want: Want,
    /// What was last set in motion.
    pub phase: Phase,
    /// Version of its binary when it was created or last seen to change.
    pub version: Option<Version>,
    /// When it was created, for people and for "youngest" and "oldest".
    pub created: Timestamp,
    /// A program that wnm put in place of another one, until it is proven; the other one is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
}

impl NodeRecord {
    /// A node that is wanted to run, and with which nothing was set in motion.
    pub fn new(record: RecordId, spec: NodeSpec, created: Timestamp) -> NodeRecord {
        NodeRecord {
            record,
            spec,
            want: Want::Run,
            phase: Phase::Steady,
            version: None,
            created,
            upgrade: None,
        }
    }

    /// The record of a node that is about to be created, before its creation is marked as begun.
    pub fn added(
        record: RecordId,
        spec: NodeSpec,
        release: &Release,
        created: Timestamp,
    ) -> NodeRecord {
        let version = Some(release.version.clone());
        NodeRecord { version, ..NodeRecord::new(record, spec, created) }
    }

    /// Name and record together.
    pub fn key(&self) -> NodeKey {
        NodeKey { id: self.spec.id, record: self.record }
    }

    /// True when the node counts against the cap: neither disabled nor on its way out.
    pub fn counts(&self) -> bool {
        self.want != Want::Disabled && !matches!(self.phase, Phase::Removing { .. })
    }
}
