//! Everything that is judged. What could not be had is absent, and absent is not wrong.

use std::collections::BTreeSet;
use std::path::PathBuf;

use wnm_core::model::{
    Bytes, Manager, NodeId, Percent, PortRule, Scope, Timestamp, UnitDrift, Want,
};
use wnm_core::observe::NodeState;
use wnm_managers::UserManager;

use crate::output::ScheduleReport;

#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) now: Timestamp,
    pub(crate) scope: Scope,
    /// Who we are.
    pub(crate) user: String,
    pub(crate) is_root: bool,
    pub(crate) store: StoreFact,
    /// Every backup of the store, the newest first; `None` when they could not be listed.
    pub(crate) backups: Option<Vec<BackupFact>>,
    /// What is wrong with the settings, all at once.
    pub(crate) bad_settings: Vec<String>,
    pub(crate) machine: MachineFacts,
    pub(crate) tools: ToolFacts,
    /// How many nodes there may be.
    pub(crate) cap: u32,
    pub(crate) manager: Manager,
    pub(crate) nodes: Vec<NodeFact>,
    pub(crate) strays: Strays,
    pub(crate) roots: Vec<RootFact>,
    /// Files and directories that are nobody else's business.
    pub(crate) private: Vec<PrivateFact>,
    pub(crate) schedule: ScheduleReport,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreFact {
    /// SQLite finds it sound.
    Sound,
    /// There is none.
    Missing { path: PathBuf },
    /// It is there and cannot be used.
    Unusable { why: String },
    /// SQLite found damage.
    Damaged { path: PathBuf, complaints: usize },
}

/// A backup of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackupFact {
    pub(crate) file: PathBuf,
    pub(crate) made: Timestamp,
    /// Why it cannot be put back.
    pub(crate) problem: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct MachineFacts {
    /// Whether somebody keeps the clock right, where that can be asked.
    pub(crate) clock_synchronised: Option<bool>,
    /// Files one process may open.
    pub(crate) open_files: Option<u64>,
    /// Files all processes together may open.
    pub(crate) open_files_in_all: Option<u64>,
    pub(crate) swap: Option<Bytes>,
    /// In all, and what programs could still get.
    pub(crate) memory: Option<(Bytes, Bytes)>,
    /// Whether the kernel tells pressure stall.
    pub(crate) has_stall: bool,
    /// Whether a setting needs it.
    pub(crate) wants_stall: bool,
    pub(crate) disks: Vec<DiskFact>,
    /// Why root's rights cannot be had, in the system scope.
    pub(crate) no_root: Option<String>,
    /// A user's own systemd, where it is needed.
    pub(crate) bus: Option<UserManager>,
    /// The machine's systemd, where it is needed.
    pub(crate) systemd_answers: Option<bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct DiskFact {
    pub(crate) root: PathBuf,
    pub(crate) free: Bytes,
    pub(crate) used: Percent,
    pub(crate) inodes_used: Option<Percent>,
    /// Below this a node is removed at once.
    pub(crate) crisis: Bytes,
    /// Above this nothing is added.
    pub(crate) full: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct ToolFacts {
    /// Program, what it is needed for.
    pub(crate) missing: Vec<(&'static str, &'static str)>,
    /// The program for new nodes, or why there is none.
    pub(crate) node_program: Result<String, String>,
    /// What should lie beside that program and does not.
    pub(crate) missing_companions: Vec<String>,
    /// Kept versions that are not as they came: where, and what is wrong.
    pub(crate) spoiled_versions: Vec<(String, String)>,
    /// Why the manager of new nodes cannot be used, where no tool says so, and what to do.
    pub(crate) no_manager: Option<(String, String)>,
    /// Why the firewall cannot be asked.
    pub(crate) no_firewall: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct NodeFact {
    pub(crate) id: NodeId,
    pub(crate) want: Want,
    pub(crate) state: NodeState,
    pub(crate) data: PathBuf,
    /// Whether its process lives, as far as is known.
    pub(crate) alive: Option<bool>,
    /// Processes with its data directory, whoever started them.
    pub(crate) processes: Vec<u32>,
    /// It runs, but its manager has lost its definition.
    pub(crate) definition_lost: bool,
    /// How what its manager knows of it differs from what it should know.
    pub(crate) drift: Option<UnitDrift>,
    /// It was started before its unit was last written.
    pub(crate) older_than_unit: bool,
    /// Its ports that some process has bound.
    pub(crate) bound: Vec<u16>,
    /// Openings that the firewall should have and has not.
    pub(crate) closed: Vec<PortRule>,
    /// Whether it has a key; `None` when that could not be seen.
    pub(crate) has_key: Option<bool>,
}

/// What carries a node's name and has no record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strays {
    pub(crate) directories: Vec<PathBuf>,
    /// Left by a removal or a creation that was never finished.
    pub(crate) leftovers: Vec<PathBuf>,
    /// Unit file, and whether wnm made it.
    pub(crate) units: Vec<(PathBuf, bool)>,
    pub(crate) processes: Vec<StrayProcess>,
    /// Whether the processes could not be looked at: then any directory may be in use.
    pub(crate) processes_unread: bool,
    /// What could not be looked at.
    pub(crate) unread: BTreeSet<String>,
}

/// A node that runs and that no record knows.
#[derive(Clone, Debug)]
pub(crate) struct StrayProcess {
    pub(crate) data: PathBuf,
    pub(crate) pid: u32,
    /// The service of systemd that it is part of, and whether it is a user's.
    pub(crate) service: Option<(String, bool)>,
}

#[derive(Clone, Debug)]
pub(crate) struct RootFact {
    pub(crate) path: PathBuf,
    /// Why it cannot be used.
    pub(crate) problem: Option<String>,
    /// Whether its marker holds what init writes.
    pub(crate) marker_is_sound: Option<bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct PrivateFact {
    pub(crate) path: PathBuf,
    pub(crate) what: &'static str,
    pub(crate) mode: u32,
    /// Bits that must not be set.
    pub(crate) forbidden: u32,
    /// Whether it is ours to change.
    pub(crate) is_ours: bool,
}
