//! Data, logs and identities of nodes on disk. The only code of the project that deletes.
#![expect(clippy::disallowed_methods, reason = "the shell module for everything a node owns")]

mod guard;
mod identity;
mod place;
mod write;

pub use identity::{ArchivedKey, KeyState};
pub(crate) use write::{sync_directory, write_durably};

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult, NodeFiles};
use wnm_core::model::{Bytes, NodeKey, NodeSpec, Release};
use wnm_core::observe::{FaultKind, StorageReading};

use crate::process::processes_of;

/// File in a storage root that says: this is the place, it is mounted. It holds a UUID.
pub const MARKER: &str = ".wnm-storage";

/// Everything on disk that belongs to nodes.
#[derive(Clone, Debug)]
pub struct DiskFiles {
    identities: PathBuf,
}

impl DiskFiles {
    /// Every key of the archive, without its contents.
    pub fn archived(&self) -> HostResult<Vec<ArchivedKey>> {
        identity::list(&self.identities)
    }

    /// Where the key of a recorded node is. It is compared with the archive, and not told.
    pub fn key_state(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<KeyState> {
        identity::state(&self.identities, node, spec)
    }

    /// Archived keys lie below `identities`.
    pub fn new(identities: PathBuf) -> DiskFiles {
        DiskFiles { identities }
    }

    /// Makes `root` a storage root: creates it and its marker. A marker that is there stays.
    pub fn prepare_root(root: &Path) -> HostResult<Change> {
        fs::create_dir_all(root)
            .map_err(|error| HostError::io(format!("make {}", root.display()), error))?;
        let marker = root.join(MARKER);
        if is_there(&marker)? {
            return Ok(Change::AlreadySo);
        }
        let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid")
            .map_err(|error| HostError::io("make a UUID", error))?;
        write_durably(&marker, uuid.as_bytes(), 0o600)?;
        Ok(Change::Made)
    }
}

/// Whether something is there, of any kind, links not followed. An error is not absence.
pub(crate) fn is_there(path: &Path) -> HostResult<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(HostError::io(format!("look at {}", path.display()), error)),
    }
}

impl NodeFiles for DiskFiles {
    fn survey(&self, root: &Path) -> StorageReading {
        StorageReading { entries: entries(root).map_err(|error| error.unread()) }
    }

    fn prepare(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
        guard::own_name(spec)?;
        place::prepare(spec, release)
    }

    fn check(&self, spec: &NodeSpec, release: Option<&Release>) -> HostResult<Change> {
        guard::inside(&spec.data, &spec.storage)?;
        place::check(spec, release)
    }

    fn usage(&self, spec: &NodeSpec) -> HostResult<Bytes> {
        let mut total = 0;
        let mut left = vec![spec.data.clone()];
        while let Some(directory) = left.pop() {
            let failed = |error| HostError::io(format!("measure {}", directory.display()), error);
            for entry in fs::read_dir(&directory).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                // Files come and go while a node works; links lead out and are not counted.
                let Ok(found) = fs::symlink_metadata(entry.path()) else {
                    continue;
                };
                total += found.blocks() * 512;
                if found.is_dir() {
                    left.push(entry.path());
                }
            }
        }
        Ok(Bytes(total))
    }

    fn archive(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        let aside = aside(node, spec);
        let data = if is_there(&spec.data)? { &spec.data } else { &aside };
        identity::archive(&self.identities, node, spec, data)
    }

    fn set_aside(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        if !is_there(&spec.data)? {
            return Ok(Change::AlreadySo);
        }
        guard::own_name(spec)?;
        guard::inside(&spec.data, &spec.storage)?;
        let running = processes_of(spec)?;
        if let Some(process) = running.first() {
            let op = format!(
                "process {} still uses {}: it is not moved",
                process.pid,
                spec.data.display()
            );
            return Err(HostError::new(op, FaultKind::Refused));
        }
        if !identity::is_safe(&self.identities, node, spec)? {
            let op = format!("the identity of {} is not in the archive: it stays", spec.id);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        let aside = aside(node, spec);
        if is_there(&aside)? {
            remove_tree(&aside, &spec.storage)?;
        }
        let op = || format!("set {} aside", spec.data.display());
        fs::rename(&spec.data, &aside).map_err(|error| HostError::io(op(), error))?;
        sync_directory(&spec.storage)?;
        Ok(Change::Made)
    }

    fn delete(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        let mut change = Change::AlreadySo;
        let log_root = guard::log_root(spec)?;
        let leftovers = [
            (aside(node, spec), spec.storage.as_path()),
            (place::staging(spec), spec.storage.as_path()),
            (spec.logs.clone(), log_root),
        ];
        for (path, root) in leftovers {
            if is_there(&path)? {
                remove_tree(&path, root)?;
                change = Change::Made;
            }
        }
        Ok(change)
    }
}

/// Where data waits for its deletion: a name that no node carries and no survey counts.
fn aside(node: NodeKey, spec: &NodeSpec) -> PathBuf {
    spec.storage.join(format!(".removed-{}-{}", spec.id, node.record))
}

fn remove_tree(path: &Path, root: &Path) -> HostResult<()> {
    guard::inside(path, root)?;
    fs::remove_dir_all(path)
        .map_err(|error| HostError::io(format!("delete {}", path.display()), error))
}

fn entries(root: &Path) -> HostResult<BTreeSet<String>> {
    let shown = root.display();
    let listed =
        fs::read_dir(root).map_err(|error| HostError::io(format!("list {shown}"), error))?;
    let mut names = BTreeSet::new();
    for entry in listed {
        let entry = entry.map_err(|error| HostError::io(format!("list {shown}"), error))?;
        // A name that is no UTF-8 is no node's.
        names.extend(entry.file_name().into_string());
    }
    if names.contains(MARKER) {
        return Ok(names);
    }
    let op = format!(
        "{shown} has no {MARKER} in it: its disk is not mounted, or it is not a storage of ours"
    );
    Err(HostError::new(op, FaultKind::NotFound))
}
