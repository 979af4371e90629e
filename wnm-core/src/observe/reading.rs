//! Raw observations. What could not be had is absent, with the reason; it is never zero.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Reported, Surroundings};
use crate::model::{
    Bytes, Installed, Instant, KnownProgram, LoadAverage, NodeId, Now, Release, Version,
};

/// What kind of failure an outside world answered with. Decisions branch on this only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// It is not there.
    NotFound,
    /// We may not.
    Permission,
    /// No answer in time.
    Timeout,
    /// Nobody answers at all: a manager or a bus that is down.
    Unavailable,
    /// No space left, or no inodes.
    Full,
    /// The file system is mounted read-only.
    ReadOnly,
    /// Something else is in the way: a taken port, a foreign process.
    Conflict,
    /// A safety rule forbids it.
    Refused,
    /// The answer makes no sense.
    Garbled,
    /// Anything else.
    Failed,
}

/// Why there is no reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// What kind of failure.
    pub kind: FaultKind,
    /// The whole chain of messages.
    pub why: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// The machine at one instant: raw counters and gauges, no rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineSample {
    /// When.
    pub at: Now,
    /// Logical CPUs this process may use.
    pub cpus: u32,
    /// CPU time since boot.
    pub cpu: Option<CpuTimes>,
    /// Memory.
    pub memory: Option<MemorySample>,
    /// Run-queue averages.
    pub load: Option<LoadAverage>,
    /// The file system below each storage root that could be asked.
    pub file_systems: BTreeMap<PathBuf, FileSystemSample>,
    /// Bytes read and written since boot, of each block device below a storage root. A device
    /// whose counters cannot be had is left out.
    #[serde(default)]
    pub disks: BTreeMap<u64, IoCounters>,
    /// Bytes received and sent since boot, of each network interface but loopback and virtual
    /// ones; `None` when the kernel could not be asked.
    #[serde(default)]
    pub network: Option<BTreeMap<String, IoCounters>>,
    /// Pressure stall of the last minute; `None` on kernels without it.
    #[serde(default)]
    pub stall: Option<Stall>,
}

/// Bytes in and out since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoCounters {
    /// Read, or received.
    pub read: u64,
    /// Written, or sent.
    pub written: u64,
}

/// The share of the last minute, in percent, in which some task waited (`some avg60` of
/// `/proc/pressure`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stall {
    /// For a CPU.
    pub cpu: Option<f64>,
    /// For memory.
    pub memory: Option<f64>,
    /// For a disk.
    pub io: Option<f64>,
}

/// CPU time of all CPUs since boot, in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuTimes {
    /// All states.
    pub total: u64,
    /// Idle.
    pub idle: u64,
    /// Idle with I/O outstanding.
    pub iowait: u64,
}

/// Memory of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemorySample {
    /// Installed.
    pub total: Bytes,
    /// What programs could still get without swapping (the kernel's MemAvailable).
    pub available: Bytes,
}

/// Something of which there is a fixed amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhaustible {
    /// In all, without what only root may use.
    pub total: u64,
    /// Left for us.
    pub free: u64,
}

/// A storage file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystemSample {
    /// Which file system: roots on the same device share it.
    pub device: u64,
    /// Bytes.
    pub space: Exhaustible,
    /// Inodes; `None` on file systems that do not count them.
    pub inodes: Option<Exhaustible>,
}

/// What a manager says about its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitState {
    /// Its process runs.
    Running,
    /// The manager is about to start it, or waits to start it again.
    Activating,
    /// The manager is stopping it.
    Stopping,
    /// It does not run.
    Stopped,
    /// It does not run and the manager has given up on it.
    Failed,
    /// It does not run, for its manager has deleted its data to save a disk, and will not start it
    /// again.
    Evicted,
    /// The manager knows nothing of it.
    Missing,
}

/// One unit as its manager sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitReading {
    /// Its state.
    pub state: UnitState,
    /// Its main process.
    pub pid: Option<u32>,
    /// How often the manager restarted it by itself since it was last started.
    pub restarts: Option<u32>,
    /// An id that is new at every start, where the manager has one.
    pub invocation: Option<String>,
    /// True when what the manager should know of the node is gone although the node may run: it
    /// would not come back from its next stop.
    pub definition_lost: bool,
}

/// A process without doubt: ids are used again, ids with start times are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Process id.
    pub pid: u32,
    /// Clock ticks after boot at which it started.
    pub start_ticks: u64,
}

/// Whether a process is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessState {
    /// It lives.
    Alive,
    /// There is none of this id, or only what is left of one.
    Gone,
}

/// A node's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessReading {
    /// Whether it is there.
    pub state: ProcessState,
    /// Which; `None` when it is gone.
    pub key: Option<ProcessKey>,
    /// Milliseconds since it started.
    pub age_ms: Option<u64>,
    /// Resident memory.
    pub memory: Option<Bytes>,
    /// CPU time since it started, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Whether it has bound the node's UDP port; `None` when that cannot be seen from here.
    pub port_bound: Option<bool>,
}

/// What a metrics endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "endpoint")]
pub enum EndpointReading {
    /// It answered as this node would.
    Alive,
    /// It did not: refused, silent, an error status, garbage, or somebody else's identity.
    Silent {
        /// What happened.
        why: String,
    },
}

/// Numbers about a node, from whichever source its program has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// Version of the running program, where the program tells.
    pub version: Option<Version>,
    /// The node's name in the network.
    pub peer_id: Option<String>,
    /// Peers it is connected to, or knows.
    pub peers: Option<u64>,
    /// Records it holds.
    pub records: Option<u64>,
    /// How often others shunned it.
    pub shunned: Option<u64>,
    /// Seconds since its start, by its own account.
    pub uptime_s: Option<u64>,
    /// Numbers for reports only.
    #[serde(default, skip_serializing_if = "Reported::is_empty")]
    pub reported: Reported,
}

/// Everything that was seen of one node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeReading {
    /// What its manager says.
    pub unit: Result<UnitReading, Unread>,
    /// Its process; absent when no process id is known.
    pub process: Option<Result<ProcessReading, Unread>>,
    /// Its metrics endpoint; absent for programs without, and when there is no process.
    pub endpoint: Option<EndpointReading>,
    /// Numbers.
    pub facts: NodeFacts,
    /// Whether its data directory is there; an error when its storage root is not, or is not ours.
    pub data: Result<bool, Unread>,
    /// What its data takes on disk; measured only when a disk is about to demand a removal.
    pub disk: Option<Bytes>,
    /// What lies in its directory to be run; looked at only when that may have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<Result<Installed, Unread>>,
    /// Its manager may delete its data by itself, and its key is nowhere else yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub key_at_risk: bool,
}

/// A storage root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageReading {
    /// Names of the directories in it, when it is there and carries our marker.
    pub entries: Result<BTreeSet<String>, Unread>,
}

/// Everything that was seen in one cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Readings {
    /// The machine.
    pub machine: Result<MachineSample, Unread>,
    /// Port numbers that some process has bound, UDP or TCP.
    pub ports: Result<BTreeSet<u16>, Unread>,
    /// The recorded nodes.
    pub nodes: BTreeMap<NodeId, NodeReading>,
    /// The storage roots of the policy and of every node.
    pub storage: BTreeMap<PathBuf, StorageReading>,
    /// Ids for which a manager has a unit or a process runs, recorded or not.
    pub occupied: Result<BTreeSet<NodeId>, Unread>,
    /// What a new node would be given to run.
    pub release: Result<Release, Unread>,
    /// What the program for new nodes said it was, and when, if it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<(KnownProgram, Instant)>,
    /// The next number, where the manager of new nodes gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbering: Option<Result<Numbering, Unread>>,
    /// What lies around the nodes.
    #[serde(default, skip_serializing_if = "Surroundings::is_empty")]
    pub around: Surroundings,
    /// The versions that operators asked for by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<Version, Result<Release, Unread>>,
}

/// What a manager that numbers nodes itself will do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering {
    /// The number that the next node will get.
    pub next: NodeId,
    /// Ports it will not give to any other node, also those of nodes that are gone.
    pub ports: BTreeSet<u16>,
    /// Where each container counts by itself: the number that comes next in each that is there, or why
    /// that is not known. One that is not there begins with 1, and `next` says nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub containers: BTreeMap<String, Result<NodeId, Unread>>,
}

impl Numbering {
    /// Of a manager that counts all of its nodes together.
    pub fn together(next: NodeId, ports: BTreeSet<u16>) -> Numbering {
        Numbering { next, ports, containers: BTreeMap::new() }
    }

    /// The number that comes next in a container.
    pub fn next_in(&self, container: &str) -> Result<NodeId, Unread> {
        self.containers.get(container).cloned().unwrap_or(Ok(NodeId::FIRST))
    }
}
