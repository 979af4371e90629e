//! What was decided, and what was not and why: data; the text is one rendering of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{PlanScope, Pressure, Rollout};
use crate::action::{PlannedAction, Resource};
use crate::model::{Bytes, NodeId, PortRule, RequestId, Version, counted};
use crate::observe::EngineMemory;

/// The decisions of one cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "a plan that nobody applies changes nothing"]
pub struct Plan {
    /// How much of the order of decisions was gone through.
    #[serde(default)]
    pub scope: PlanScope,
    /// What to do, in this order.
    pub actions: Vec<PlannedAction>,
    /// Openings of ours that no node has: closed after the actions. They belong to no node, so no
    /// record can carry an action for them; closing one is repeated without harm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub close: Vec<PortRule>,
    /// Why not more.
    pub report: PlanReport,
    /// The memory with this look in it; what is done is added afterwards.
    pub memory: EngineMemory,
}

/// What the engine is waiting for, and what it noticed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "an unread report is not actionable"]
pub struct PlanReport {
    /// Every resource with its verdict.
    pub pressure: Pressure,
    /// Why no node was started or created, when fewer run than are wanted.
    pub blocked: Vec<Blocked>,
    /// Requests that were looked at, with what was refused of them.
    pub requests: Vec<Refused>,
    /// What an operator should know.
    pub notes: Vec<Note>,
    /// Where wnm's own rollout of a release stands; nothing when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// One thing growth waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "blocked")]
pub enum Blocked {
    /// A resource could not be measured.
    NoReading {
        /// Which.
        resource: Resource,
    },
    /// A resource is not below its grow threshold.
    Busy {
        /// Which.
        resource: Resource,
        /// What was measured.
        used: f64,
        /// The threshold.
        limit: f64,
    },
    /// Everything has room, but not for long enough.
    Window {
        /// Seconds to wait.
        left_s: u64,
    },
    /// A node was started or stopped a short time ago.
    Settling {
        /// Seconds to wait.
        left_s: u64,
    },
    /// What a node costs on this machine is not known yet: one is started and watched.
    Learning {
        /// Seconds to wait.
        left_s: u64,
    },
    /// One more node would bring a resource to where nodes are shed.
    WouldBeShed {
        /// Which.
        resource: Resource,
        /// What was measured.
        used: f64,
        /// What a node costs of it.
        each: f64,
        /// The threshold for shedding.
        limit: f64,
    },
    /// The latest nodes should run and do not: another one would fare no better.
    LatestDown {
        /// How many, one after the other.
        nodes: u32,
    },
    /// Nodes were shed a while ago.
    Quiet {
        /// Seconds to wait.
        left_s: u64,
    },
    /// As many nodes are in motion as may be.
    InFlight {
        /// How many.
        nodes: u32,
        /// How many may be.
        limit: u32,
    },
    /// This cycle does something else first.
    Busied,
    /// There is no program to give to a node.
    NoProgram {
        /// Why not.
        why: String,
    },
    /// It is not known which ids and ports are free.
    NoSurvey {
        /// Why not.
        why: String,
    },
    /// No storage root can be used.
    NoStorage {
        /// Why not, for each.
        why: String,
    },
    /// The disk would not hold what its nodes are expected to need.
    DiskWouldFill {
        /// Which storage root.
        resource: Resource,
        /// What all nodes on it may still need, with the new one.
        expected: Bytes,
        /// What is left below the grow threshold.
        room: Bytes,
    },
    /// No id has free ports within the range.
    NoPorts {
        /// Why not.
        why: String,
    },
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blocked::NoReading { resource } => {
                write!(f, "{resource} could not be measured yet")
            }
            Blocked::Busy { resource, used, limit } => {
                let (used, limit) = (resource.show(*used), resource.show(*limit));
                write!(f, "{resource} is {used}, growing needs less than {limit}")
            }
            Blocked::Window { left_s } => {
                write!(f, "there must be room for {left_s} s more")
            }
            Blocked::Settling { left_s } => write!(f, "the machine settles for {left_s} s more"),
            Blocked::Learning { left_s } => {
                write!(f, "what a node costs is being learned: {left_s} s more")
            }
            Blocked::WouldBeShed { resource, used, each, limit } => {
                let [used, each, limit] = [used, each, limit].map(|value| resource.show(*value));
                write!(
                    f,
                    "{resource} is {used} and a node costs {each}: with one more it would be shed \
                     at {limit}"
                )
            }
            Blocked::LatestDown { nodes } => write!(
                f,
                "the latest {nodes} nodes should run and do not: look at their logs, or at \
                 `wnm history`"
            ),
            Blocked::Quiet { left_s } => {
                write!(f, "nodes were shed: no growing for {left_s} s more")
            }
            Blocked::InFlight { nodes, limit } => {
                write!(f, "{} in motion, at most {limit} at once", counted(*nodes, "node"))
            }
            Blocked::Busied => f.write_str("this cycle does something else first"),
            Blocked::NoProgram { why } => write!(f, "no node program: {why}"),
            Blocked::NoSurvey { why } => write!(f, "free ids and ports are not known: {why}"),
            Blocked::NoStorage { why } => write!(f, "no storage can be used: {why}"),
            Blocked::DiskWouldFill { resource, expected, room } => write!(
                f,
                "{resource} would not hold another node: {expected} expected to be needed, {room} \
                 left below hd_less_than and above crisis_bytes"
            ),
            Blocked::NoPorts { why } => write!(f, "no free ports: {why}"),
        }
    }
}

/// A request and what was refused of it; nothing refused means that all of it is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which.
    pub request: RequestId,
    /// Why parts of it are not done.
    pub why: Vec<String>,
}

/// Why a node whose data is missed is not taken for lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "wait")]
pub enum Missed {
    /// Its process lives, or that is not known: the directory was moved, or deleted below its feet.
    ItsProcessLives,
    /// It is missed for a short time only.
    OfLate {
        /// Seconds until it is taken for lost.
        left_s: u64,
    },
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missed::ItsProcessLives => {
                f.write_str("its process lives, so it is not taken for lost")
            }
            Missed::OfLate { left_s } => {
                write!(f, "it is taken for lost in {left_s} s")
            }
        }
    }
}

/// Something an operator should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "note")]
pub enum Note {
    /// The machine was restarted since the last cycle.
    Rebooted,
    /// A node could not be observed, so nothing is done with it.
    Unknown {
        /// Which.
        node: NodeId,
        /// Why.
        why: String,
    },
    /// A node lives but shows no sign of it.
    Mute {
        /// Which.
        node: NodeId,
        /// Which sign is missing.
        missing: String,
    },
    /// A node that died waits before it is started again.
    BackingOff {
        /// Which.
        node: NodeId,
        /// How often it died in the last hour.
        deaths: u32,
        /// Seconds to wait.
        left_s: u64,
    },
    /// A node keeps dying; it is tried once an hour.
    Failing {
        /// Which.
        node: NodeId,
        /// How often it died in the last hour.
        deaths: u32,
    },
    /// A node's manager deleted its data to save a disk.
    Evicted {
        /// Which.
        node: NodeId,
    },
    /// A node that should be stopped runs: somebody else started it.
    RunsUnwanted {
        /// Which.
        node: NodeId,
    },
    /// More than half of the nodes look dead at once: more likely a lost disk than lost nodes.
    TooManyDead {
        /// How many look dead.
        dead: u32,
        /// Of how many.
        nodes: u32,
    },
    /// The data directory of a node is not where it should be, and the node is not taken for lost yet.
    DataMissed {
        /// Which.
        node: NodeId,
        /// Why not.
        #[serde(flatten)]
        wait: Missed,
    },
    /// As many nodes were removed in the last hour or day as may be.
    RemovalBudgetSpent {
        /// Removals in the last hour, or for disk in the last day.
        done: u32,
        /// How many may be.
        limit: u32,
    },
    /// A disk is too full, and removing nodes would not help.
    DiskNotOurs {
        /// Which.
        resource: Resource,
    },
    /// A shed threshold is exceeded, but not for long enough.
    Grace {
        /// Which.
        resource: Resource,
        /// Seconds to wait.
        left_s: u64,
    },
    /// Starting again is held back by a shed threshold.
    HealHeld {
        /// Which.
        resource: Resource,
        /// How many nodes wait.
        nodes: u32,
    },
    /// More nodes should be started than may be in motion at once.
    HealInFlight {
        /// How many wait for the next cycles.
        waiting: u32,
    },
    /// The firewall could not be asked.
    FirewallUnread {
        /// Why.
        why: String,
    },
    /// Openings of ours that no node has are closed.
    OrphanOpenings {
        /// Which.
        rules: Vec<PortRule>,
    },
    /// Processes use a node's data that its manager does not keep. It is not started while they do.
    Strangers {
        /// Which node.
        node: NodeId,
        /// Their process ids.
        pids: Vec<u32>,
    },
    /// A node came back as another one: its key is not the one it had.
    FreshIdentity {
        /// Which.
        node: NodeId,
    },
    /// A node came back with another program and without what it had.
    CameBackBare {
        /// Which.
        node: NodeId,
        /// What it runs.
        version: Version,
        /// It has no records any more.
        records: bool,
        /// It has no peers any more.
        peers: bool,
    },
    /// A node left out a release that carried its data over.
    SkippedRelease {
        /// Which.
        node: NodeId,
        /// What it ran.
        from: Option<Version>,
        /// What it runs.
        to: Version,
        /// What that costs.
        what: String,
    },
    /// A node that was given another program cannot be observed: nothing is decided about it.
    UpgradeHidden {
        /// Which.
        node: NodeId,
    },
    /// Ids left out because something else carries them or has bound their ports.
    SkippedIds {
        /// Which.
        ids: Vec<NodeId>,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Rebooted => f.write_str("the machine was restarted since the last cycle"),
            Note::Unknown { node, why } => write!(f, "{node} could not be observed: {why}"),
            Note::Mute { node, missing } => write!(f, "{node} lives, but {missing}"),
            Note::BackingOff { node, deaths, left_s } => {
                write!(
                    f,
                    "{node} died {} in the last hour: next start in {left_s} s",
                    counted(*deaths, "time")
                )
            }
            Note::Failing { node, deaths } => write!(
                f,
                "{node} is failing: it died {deaths} times in the last hour and is tried once an \
                 hour; look at its log"
            ),
            Note::Evicted { node } => write!(
                f,
                "{node} was EVICTED: its manager deleted its data because the disk was nearly full; \
                 its key is in the archive if it ran for more than a cycle. Make room on that disk, \
                 then `wnm remove {}` gives its place free",
                node.number()
            ),
            Note::RunsUnwanted { node } => {
                write!(f, "{node} should be stopped, but somebody started it; it is left alone")
            }
            Note::TooManyDead { dead, nodes } => write!(
                f,
                "{dead} of {nodes} nodes look dead at once: none is touched. Is a disk missing? \
                 Remove by hand what is really gone"
            ),
            Note::DataMissed { node, wait } => write!(
                f,
                "the data directory of {node} is gone, and {wait}. Put it back where it was, or \
                 `wnm remove {}`",
                node.number()
            ),
            Note::RemovalBudgetSpent { done, limit } => {
                write!(
                    f,
                    "{} removed of late, at most {limit} may be: waiting",
                    counted(*done, "node")
                )
            }
            Note::DiskNotOurs { resource } => write!(
                f,
                "{resource} is above hd_remove or has less than crisis_bytes left, and removing nodes would \
                 not help: nothing is removed; free space by hand"
            ),
            Note::Grace { resource, left_s } => {
                write!(f, "{resource} is above its threshold; nodes are shed in {left_s} s")
            }
            Note::HealHeld { resource, nodes } => {
                write!(
                    f,
                    "{} to be started again, but {resource} is above its threshold",
                    counted(*nodes, "node")
                )
            }
            Note::HealInFlight { waiting } => {
                write!(
                    f,
                    "{} more to be started again, in the next cycles",
                    counted(*waiting, "node")
                )
            }
            Note::FirewallUnread { why } => write!(f, "the firewall could not be asked: {why}"),
            Note::OrphanOpenings { rules } => {
                let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                write!(f, "openings of wnm that no node needs are closed: {}", rules.join(", "))
            }
            Note::Strangers { node, pids } => {
                let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "{node}: process {} uses its data and is not its manager's: one identity must \
                     not run twice; `wnm stop {node}` ends all of them",
                    pids.join(", ")
                )
            }
            Note::FreshIdentity { node } => write!(
                f,
                "{node} LOST ITS IDENTITY: its key is not the one it had before; look for the old \
                 one with `wnm identity list`"
            ),
            Note::CameBackBare { node, version, records, peers } => {
                let what = match (records, peers) {
                    (true, true) => "records and without its peers",
                    (true, false) => "records",
                    _ => "peers",
                };
                write!(f, "{node} came back with {version} and without its {what}")
            }
            Note::SkippedRelease { node, from, to, what } => {
                let from = from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
                write!(f, "{node} went{from} to {to}: {what}")
            }
            Note::UpgradeHidden { node } => {
                write!(f, "{node} was given another program and cannot be observed now")
            }
            Note::SkippedIds { ids } => {
                let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
                write!(f, "skipped because their name or ports are taken: {}", names.join(", "))
            }
        }
    }
}
