//! Why something is done: numbers, never text; the text is one rendering of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{
    Bytes, OpId, PortRule, RequestId, Resource, UnitDrift, UpgradeRole, Version, counted,
};

/// Why an action was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "because")]
pub enum Reason {
    /// A cycle that died had begun it.
    Unfinished {
        /// The operation it left open.
        op: OpId,
    },
    /// The removal delay of a retired node ran out.
    DelayOver {
        /// How long it waited, in seconds.
        waited_s: u64,
    },
    /// The disk of a retired node is nearly exhausted, so that its delay is cut short.
    DelayCut {
        /// Which disk.
        resource: Resource,
        /// How long the node waited, in seconds.
        waited_s: u64,
    },
    /// It was recorded, but never came into being.
    NeverMade,
    /// The node's data directory is gone while its storage root is there.
    DataGone,
    /// An operator asked for it.
    Request {
        /// Which request.
        id: RequestId,
    },
    /// More nodes than the cap allows.
    OverCap {
        /// Nodes that count.
        nodes: u32,
        /// The cap.
        cap: u32,
    },
    /// A resource was above its shed threshold for as long as its grace.
    Pressure {
        /// Which.
        resource: Resource,
        /// What was measured.
        used: f64,
        /// The threshold.
        limit: f64,
        /// Since how many seconds.
        for_s: u64,
    },
    /// A storage file system or memory is nearly exhausted.
    Emergency {
        /// Which.
        resource: Resource,
        /// What is left: bytes, or percent for memory.
        left: f64,
        /// The threshold.
        limit: f64,
    },
    /// It should run and does not.
    Down {
        /// How often it died in the last hour.
        deaths: u32,
    },
    /// Its manager has lost what it should know of it.
    DefinitionLost,
    /// Its public ports are not open in the firewall.
    PortsShut {
        /// Which are not.
        rules: Vec<PortRule>,
    },
    /// Its manager knows something else of it than it should.
    Drifted {
        /// How it differs.
        drift: UnitDrift,
    },
    /// Its manager may delete its data by itself, and its key is nowhere else.
    KeyAtRisk,
    /// It runs on the disk that it was moved to.
    RunsElsewhere,
    /// It lives but shows no sign of it.
    Mute,
    /// Its program is older than what a new node would run.
    Outdated {
        /// What it has.
        from: Version,
        /// What it is given.
        to: Version,
        /// On whose account.
        role: UpgradeRole,
    },
    /// What it was given failed.
    UpgradeFailed {
        /// Which version.
        version: Version,
        /// How.
        failure: UpgradeFailure,
    },
    /// What it was given held for long enough.
    UpgradeHeld {
        /// Which version.
        version: Version,
        /// For how many seconds.
        for_s: u64,
    },
    /// It has another program than is recorded, and wnm did not put it there.
    ProgramChanged {
        /// What was recorded.
        from: Option<Version>,
        /// What is there.
        to: Version,
    },
    /// It has another identity than before.
    IdentityChanged {
        /// Fingerprint of the one before.
        was: String,
        /// Fingerprint of the one it has.
        is: String,
    },
    /// Everything has room and fewer nodes exist than the cap allows.
    Room {
        /// Nodes that count.
        nodes: u32,
        /// The cap.
        cap: u32,
    },
    /// There is room again for a node that was stopped by pressure or retired.
    RoomAgain,
}

/// How a version failed on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "failure")]
pub enum UpgradeFailure {
    /// Its process ended by itself, or could not be started.
    Died,
    /// It does not show a sign of life.
    Mute {
        /// Which.
        missing: String,
        /// For how many seconds.
        for_s: u64,
    },
    /// It runs and has no peers, and holds no more records than before.
    Alone {
        /// For how many seconds.
        for_s: u64,
    },
    /// It came back as another node.
    FreshIdentity,
    /// It failed on other nodes.
    OnOthers,
    /// It never got into its place, or the one before is there again: that says nothing about it.
    NotInstalled,
}

impl fmt::Display for UpgradeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpgradeFailure::Died => f.write_str("its process ended"),
            UpgradeFailure::Mute { missing, for_s } => write!(f, "{missing} after {for_s} s"),
            UpgradeFailure::Alone { for_s } => write!(f, "it has no peers after {for_s} s"),
            UpgradeFailure::FreshIdentity => f.write_str("it lost its identity"),
            UpgradeFailure::OnOthers => f.write_str("it failed on others"),
            UpgradeFailure::NotInstalled => f.write_str("the program before it is in its place"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Unfinished { op } => write!(f, "operation {op} was begun and not finished"),
            Reason::DelayOver { waited_s } => write!(f, "retired {waited_s} s ago"),
            Reason::DelayCut { resource, waited_s } => {
                write!(f, "retired {waited_s} s ago, and {resource} is nearly exhausted")
            }
            Reason::NeverMade => f.write_str("its creation failed before it had any data"),
            Reason::DataGone => f.write_str("its data directory is gone"),
            Reason::Request { id } => write!(f, "request {id}"),
            Reason::OverCap { nodes, cap } => {
                write!(f, "{}, {cap} allowed", counted(*nodes, "node"))
            }
            Reason::Pressure { resource, used, limit, for_s } => {
                let (used, limit) = (resource.show(*used), resource.show(*limit));
                write!(f, "{resource} {used} is above {limit} for {for_s} s")
            }
            Reason::Emergency { resource, left, limit } => {
                // A disk is measured in bytes here, for a percentage would hide how little is left.
                let show = |value: &f64| match resource.is_disk() {
                    true => Bytes(*value as u64).to_string(),
                    false => resource.show(*value),
                };
                let (left, limit) = (show(left), show(limit));
                write!(f, "emergency: {resource} has {left} left, {limit} is the least")
            }
            Reason::Down { deaths: 0 } => f.write_str("it should run and does not"),
            Reason::Down { deaths } => {
                write!(
                    f,
                    "it should run and does not; died {} in the last hour",
                    counted(*deaths, "time")
                )
            }
            Reason::DefinitionLost => f.write_str("its unit was deleted while it runs"),
            Reason::PortsShut { rules } => {
                let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                write!(f, "the firewall does not let in {}", rules.join(", "))
            }
            Reason::Drifted { drift } => drift.fmt(f),
            Reason::KeyAtRisk => f.write_str("its key is not in the archive yet"),
            Reason::RunsElsewhere => f.write_str("it runs on the disk that it was moved to"),
            Reason::Mute => f.write_str("it lives but shows no sign of life"),
            Reason::Outdated { from, to, role } => {
                let first = if *role == UpgradeRole::Canary { ", as one of the first" } else { "" };
                write!(f, "it has {from}, and {to} is there{first}")
            }
            Reason::UpgradeFailed { version, failure } => {
                write!(f, "{version} failed: {failure}")
            }
            Reason::UpgradeHeld { version, for_s } => write!(f, "{version} held for {for_s} s"),
            Reason::ProgramChanged { from: Some(from), to } if to > from => {
                write!(f, "it upgraded itself from {from} to {to}")
            }
            Reason::ProgramChanged { from: Some(from), to } => {
                write!(f, "somebody put {to} in the place of {from}")
            }
            Reason::ProgramChanged { from: None, to } => write!(f, "it has {to}"),
            Reason::IdentityChanged { .. } => {
                f.write_str("IT HAS ANOTHER IDENTITY: its key is not the one it had before")
            }
            Reason::Room { nodes, cap } => write!(f, "room for more: {nodes} of {cap} nodes"),
            Reason::RoomAgain => f.write_str("there is room again"),
        }
    }
}
