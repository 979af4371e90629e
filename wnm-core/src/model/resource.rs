//! What nodes can have too little of.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Bytes;

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
    /// Bytes read from the disks below the storage roots, per second.
    DiskRead,
    /// Bytes written to them, per second.
    DiskWrite,
    /// Bytes received from the network, per second.
    NetRead,
    /// Bytes sent to it, per second.
    NetWrite,
    /// Share of time in which tasks wait for a CPU, percent.
    StallCpu,
    /// The same for memory.
    StallMemory,
    /// The same for disks.
    StallIo,
}

/// Names of the resources that are about the whole machine.
const NAMES: [(&str, Resource); 10] = [
    ("cpu", Resource::Cpu),
    ("memory", Resource::Memory),
    ("load", Resource::Load),
    ("disk-read", Resource::DiskRead),
    ("disk-write", Resource::DiskWrite),
    ("network-read", Resource::NetRead),
    ("network-write", Resource::NetWrite),
    ("stall-cpu", Resource::StallCpu),
    ("stall-memory", Resource::StallMemory),
    ("stall-io", Resource::StallIo),
];

impl Resource {
    /// True when relief means deleting data rather than stopping processes.
    pub fn is_disk(&self) -> bool {
        matches!(self, Resource::Disk(_) | Resource::Inodes(_))
    }

    /// The storage root it is about.
    pub fn storage(&self) -> Option<&PathBuf> {
        match self {
            Resource::Disk(path) | Resource::Inodes(path) => Some(path),
            _ => None,
        }
    }

    /// A number of this resource with its unit.
    pub fn show(&self, value: f64) -> String {
        match self {
            Resource::Load => format!("{value:.2}"),
            Resource::DiskRead | Resource::DiskWrite | Resource::NetRead | Resource::NetWrite => {
                format!("{}/s", Bytes(value as u64))
            }
            _ => format!("{value:.1} %"),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::Disk(path) => write!(f, "disk:{}", path.display()),
            Resource::Inodes(path) => write!(f, "inodes:{}", path.display()),
            whole => {
                let name = NAMES.iter().find(|(_, resource)| resource == whole);
                f.write_str(name.map_or("", |(name, _)| name))
            }
        }
    }
}

impl FromStr for Resource {
    type Err = String;

    fn from_str(text: &str) -> Result<Resource, String> {
        match text.split_once(':') {
            Some(("disk", path)) => return Ok(Resource::Disk(path.into())),
            Some(("inodes", path)) => return Ok(Resource::Inodes(path.into())),
            _ => {}
        }
        let found = NAMES.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, resource)| resource).ok_or_else(|| format!("`{text}` is not a resource"))
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
