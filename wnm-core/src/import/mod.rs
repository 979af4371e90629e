//! Taking over nodes that others keep: what was found, and what becomes of it. Finding and taking
//! over are effects and live elsewhere; everything here is a pure function.
//!
//! A reader (of units, of a database, of a registry) fills [`Findings`]; [`decide()`] makes a
//! [`Takeover`] of them or refuses all. What is merely not for wnm is *left alone* with a reason, and
//! the others are taken. What makes no sense (half a file, two nodes with one data directory)
//! refuses the whole: whoever guesses there may run one key twice.

mod decide;
mod settings;
#[cfg(test)]
mod tests;
mod words;

pub use decide::decide;
pub use settings::implied;
pub use words::{NotANode, Told};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::{
    Address, Launch, Manager, NodeId, NodeSpec, Program, Scope, Timestamp, Version, Want,
};
use crate::policy::PolicyDraft;

/// What kept a node until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A unit that somebody wrote by hand or by a script.
    Unit,
    /// anm, the bash manager.
    Anm,
    /// Nobody: a plain process.
    Process,
    /// The database of the Python tool.
    PythonDb,
    /// A registry of antctl.
    Antctl,
    /// A container, whoever made it.
    Container,
    /// The `ant` daemon.
    Antd,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Unit => "a unit of systemd",
            Origin::Anm => "anm",
            Origin::Process => "a plain process",
            Origin::PythonDb => "the Python wnm",
            Origin::Antctl => "antctl",
            Origin::Container => "a container",
            Origin::Antd => "the ant daemon",
        })
    }
}

/// Ports as far as they were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FoundPorts {
    /// UDP, public.
    pub node: Option<u16>,
    /// TCP, of the metrics endpoint.
    pub metrics: Option<u16>,
    /// UDP, of WebRTC.
    pub webrtc: Option<u16>,
    /// TCP, where antctl asks.
    pub rpc: Option<u16>,
}

/// What lies in the place of a node's data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnDisk {
    /// Nobody looked, or looking was not allowed.
    #[default]
    Unseen,
    /// Nothing.
    Missing,
    /// A directory, or something else.
    Seen {
        /// The same place with every link resolved.
        real: PathBuf,
        /// True when the place itself is a directory and no link.
        directory: bool,
        /// True when the node's key lies in it.
        key: bool,
    },
}

/// A container that wnm did not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Its whole id.
    pub container: String,
    /// Where its program may lie in it, in the order of looking.
    pub programs: Vec<PathBuf>,
}

/// A node that somebody else keeps, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What kept it.
    pub origin: Origin,
    /// What it was called there; `--except` names it so.
    pub name: String,
    /// Where that is written: a file, and within it a line or a row.
    pub place: String,
    /// The number that it had; `None` for names without one.
    pub number: Option<NodeId>,
    /// What it runs.
    pub program: Program,
    /// What will keep it.
    pub manager: Manager,
    /// What that manager calls it, without ending; `None` where it has no name of its own.
    pub service: Option<String>,
    /// The container of wnm's that it shares with others.
    pub container: Option<String>,
    /// The container that somebody else made for it.
    pub inside: Option<Inside>,
    /// Who earns.
    pub wallet: Option<Address>,
    /// Its ports.
    pub ports: FoundPorts,
    /// Its data directory.
    pub data: PathBuf,
    /// Its log directory, where one was named.
    pub logs: Option<PathBuf>,
    /// The program it is started with.
    pub binary: PathBuf,
    /// Everything else it is started with.
    pub launch: Launch,
    /// True when its manager brings it back after a reboot.
    pub autostart: bool,
    /// As whom it runs; `None`: whoever owns the scope.
    pub user: Option<String>,
    /// Its living process.
    pub pid: Option<u32>,
    /// What is wanted of it from now on.
    pub want: Want,
    /// The version that it was last known to run.
    pub version: Option<Version>,
    /// When it was created, where somebody wrote that down.
    pub created: Option<Timestamp>,
    /// What lies in the place of its data.
    pub disk: OnDisk,
    /// Files that are written anew or go away when it is taken over; they are kept before.
    pub replaces: Vec<PathBuf>,
    /// What will be different from now on, for people.
    pub notes: Vec<String>,
}

impl Found {
    /// A node started with the words `told`, not looked at yet: it is wanted to run, and nothing is
    /// known of its process and its disk.
    pub fn told(origin: Origin, name: &str, place: &str, told: Told, manager: Manager) -> Found {
        Found {
            origin,
            name: name.to_owned(),
            place: place.to_owned(),
            number: number_in(name),
            program: told.program,
            manager,
            service: None,
            container: None,
            inside: None,
            wallet: told.wallet,
            ports: told.ports,
            data: told.data,
            logs: told.logs,
            binary: told.binary,
            launch: told.launch,
            autostart: false,
            user: None,
            pid: None,
            want: Want::Run,
            version: None,
            created: None,
            disk: OnDisk::Unseen,
            replaces: Vec::new(),
            notes: told.notes,
        }
    }
}

/// The number at the end of a name such as `antnode007` or `ant-node-7`; none in `node`.
pub fn number_in(name: &str) -> Option<NodeId> {
    let head = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name[head.len()..].parse().ok().and_then(NodeId::new)
}

/// A node, or what looked like one, that stays with whoever keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// What it is called.
    pub name: String,
    /// Where it was found.
    pub place: String,
    /// Why it is left.
    pub why: String,
}

impl Left {
    /// With these words.
    pub fn new(name: impl Into<String>, place: impl Into<String>, why: impl Into<String>) -> Left {
        Left { name: name.into(), place: place.into(), why: why.into() }
    }
}

/// Something that makes no sense: it refuses the whole import unless its node was excepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The node it is about, where it is about one.
    pub name: Option<String>,
    /// File and line, row or field, and what is wrong with it.
    pub what: String,
}

/// What starts cycles of the manager that nodes are taken from. It is turned off last, and on again
/// when the takeover fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheduler {
    /// A file of cron; it goes, and stays in the backup.
    File(PathBuf),
    /// A line of our own crontab.
    CrontabLine(String),
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scheduler::File(path) => path.display().fmt(f),
            Scheduler::CrontabLine(line) => write!(f, "the crontab line `{line}`"),
        }
    }
}

/// Everything that a reader found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Nodes.
    pub nodes: Vec<Found>,
    /// What is none of wnm's business, and why.
    pub left: Vec<Left>,
    /// What makes no sense.
    pub broken: Vec<Broken>,
    /// Settings that the former manager had, in wnm's names and units.
    pub settings: PolicyDraft,
    /// What is worth knowing about those settings.
    pub notes: Vec<String>,
    /// Files that are only kept: databases, configuration.
    pub keep: Vec<PathBuf>,
    /// Files in the way of wnm's own: they get another name, beside where they are.
    pub aside: Vec<PathBuf>,
    /// What starts its cycles.
    pub schedulers: Vec<Scheduler>,
    /// A file that keeps it from doing anything while it is there.
    pub gate: Option<PathBuf>,
}

impl Findings {
    /// With those of another reader.
    #[must_use]
    pub fn and(mut self, other: Findings) -> Findings {
        self.nodes.extend(other.nodes);
        self.left.extend(other.left);
        self.broken.extend(other.broken);
        self.settings = self.settings.under(&other.settings);
        self.notes.extend(other.notes);
        self.keep.extend(other.keep);
        self.aside.extend(other.aside);
        self.schedulers.extend(other.schedulers);
        self.gate = self.gate.or(other.gate);
        self
    }
}

/// A storage root that wnm was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// As it was told.
    pub path: PathBuf,
    /// With every link resolved; the same where there is nothing yet.
    pub real: PathBuf,
}

/// What a takeover has to fit into.
#[derive(Clone, Debug)]
pub struct Around {
    /// Whose area.
    pub scope: Scope,
    /// As whom nodes of this scope run.
    pub user: String,
    /// Where data may lie.
    pub roots: Vec<Root>,
    /// Where logs go by default.
    pub logs: PathBuf,
    /// Places that no node may have for itself: the home, wnm's own directories.
    pub own: Vec<PathBuf>,
    /// Numbers that are taken.
    pub numbers: BTreeSet<NodeId>,
    /// Ports that are taken, and by what.
    pub ports: BTreeMap<u16, String>,
    /// Data directories that wnm keeps already.
    pub kept: BTreeSet<PathBuf>,
    /// Names that were excepted.
    pub except: BTreeSet<String>,
}

/// A node that is taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What it is from now on.
    pub spec: NodeSpec,
    /// The file that its own copy of the program is made from; `None` where it has one.
    pub copy_from: Option<PathBuf>,
    /// What it was.
    pub found: Found,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Takeover {
    /// The nodes, by number.
    pub nodes: Vec<Taken>,
    /// Everything that stays as it is.
    pub left: Vec<Left>,
    /// Settings that come along.
    pub settings: PolicyDraft,
    /// What is worth knowing about them.
    pub notes: Vec<String>,
    /// Files that are only kept.
    pub keep: Vec<PathBuf>,
    /// Files that get another name.
    pub aside: Vec<PathBuf>,
    /// What is turned off last.
    pub schedulers: Vec<Scheduler>,
    /// What keeps the former manager from doing anything meanwhile.
    pub gate: Option<PathBuf>,
}

impl Takeover {
    /// The storage roots of its nodes.
    pub fn roots(&self) -> BTreeSet<&Path> {
        self.nodes.iter().map(|node| node.spec.storage.as_path()).collect()
    }
}
