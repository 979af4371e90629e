//! Why something is done: numbers, never text; the text is one rendering of them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Bytes, OpId, RequestId, counted};

/// Something nodes can have too little of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// CPU used, percent.
    Cpu,
    /// Memory used, percent.
    Memory,
    /// Load average.
    Load,
    /// Space of the file system below a storage root, percent used.
    Disk(PathBuf),
    /// Inodes of that file system, percent used.
    Inodes(PathBuf),
}

impl Resource {
    /// True when relief means deleting data rather than stopping processes.
    pub fn is_disk(&self) -> bool {
        matches!(self, Resource::Disk(_) | Resource::Inodes(_))
    }

    /// The storage root it is about.
    pub fn storage(&self) -> Option<&PathBuf> {
        match self {
            Resource::Disk(path) | Resource::Inodes(path) => Some(path),
            Resource::Cpu | Resource::Memory | Resource::Load => None,
        }
    }

    /// What its numbers are followed by.
    pub fn unit(&self) -> &'static str {
        match self {
            Resource::Load => "",
            Resource::Cpu | Resource::Memory | Resource::Disk(_) | Resource::Inodes(_) => " %",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::Cpu => f.write_str("cpu"),
            Resource::Memory => f.write_str("memory"),
            Resource::Load => f.write_str("load"),
            Resource::Disk(path) => write!(f, "disk:{}", path.display()),
            Resource::Inodes(path) => write!(f, "inodes:{}", path.display()),
        }
    }
}

impl FromStr for Resource {
    type Err = String;

    fn from_str(text: &str) -> Result<Resource, String> {
        match (text, text.split_once(':')) {
            ("cpu", _) => Ok(Resource::Cpu),
            ("memory", _) => Ok(Resource::Memory),
            ("load", _) => Ok(Resource::Load),
            (_, Some(("disk", path))) => Ok(Resource::Disk(path.into())),
            (_, Some(("inodes", path))) => Ok(Resource::Inodes(path.into())),
            _ => Err(format!("`{text}` is not a resource")),
        }
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Resource, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

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
    /// It lives but shows no sign of it.
    Mute,
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Unfinished { op } => write!(f, "operation {op} was begun and not finished"),
            Reason::DelayOver { waited_s } => write!(f, "retired {waited_s} s ago"),
            Reason::DataGone => f.write_str("its data directory is gone"),
            Reason::Request { id } => write!(f, "request {id}"),
            Reason::OverCap { nodes, cap } => {
                write!(f, "{}, {cap} allowed", counted(*nodes, "node"))
            }
            Reason::Pressure { resource, used, limit, for_s } => {
                let unit = resource.unit();
                write!(f, "{resource} {used:.1}{unit} is above {limit}{unit} for {for_s} s")
            }
            Reason::Emergency { resource, left, limit } => match resource {
                Resource::Disk(_) | Resource::Inodes(_) => {
                    let (left, limit) = (Bytes(*left as u64), Bytes(*limit as u64));
                    write!(f, "emergency: {resource} has {left} left, {limit} is the least")
                }
                Resource::Cpu | Resource::Memory | Resource::Load => {
                    write!(f, "emergency: {resource} has {left:.1} % left, {limit} % is the least")
                }
            },
            Reason::Down { deaths: 0 } => f.write_str("it should run and does not"),
            Reason::Down { deaths } => {
                write!(
                    f,
                    "it should run and does not; died {} in the last hour",
                    counted(*deaths, "time")
                )
            }
            Reason::DefinitionLost => f.write_str("its unit was deleted while it runs"),
            Reason::Mute => f.write_str("it lives but shows no sign of life"),
            Reason::Room { nodes, cap } => write!(f, "room for more: {nodes} of {cap} nodes"),
            Reason::RoomAgain => f.write_str("there is room again"),
        }
    }
}
