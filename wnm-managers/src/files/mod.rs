//! Data, logs and identities of nodes on disk. The only code of the project that deletes.
#![expect(clippy::disallowed_methods, reason = "the shell module for everything a node owns")]

mod back;
mod bundle;
mod carry;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod guard;
mod identity;
mod key;
mod moved;
mod place;
mod seal;
#[cfg(test)]
mod tests;
mod upgrade;
mod write;

pub use back::LaidReady;
pub use bundle::{HeldKey, export as export_keys, import as import_keys};
pub use identity::{ArchivedKey, KeyState, Kinship};
pub use key::Story;
pub use seal::{Seal, Unseal, recipient_problem};
pub(crate) use write::{sync_directory, write_durably};

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult, NodeFiles};
use wnm_core::model::{
    Bytes, FileStamp, Installed, ManagerKind, NodeKey, NodeSpec, RecordId, Release, Returning,
    Version,
};
use wnm_core::observe::{FaultKind, StorageReading};

use crate::hands::{Hands, OwnHands, RootHands};
use crate::process::processes_of;

/// File in a storage root that says: this is the place, it is mounted. It holds a UUID.
pub const MARKER: &str = ".wnm-storage";

/// Everything on disk that belongs to nodes.
#[derive(Clone)]
pub struct DiskFiles {
    archive: identity::Archive,
    hands: Arc<dyn Hands>,
    /// Where nodes of ours lie: a key that comes back must be in none of them.
    roots: Vec<PathBuf>,
}

impl std::fmt::Debug for DiskFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskFiles").field("archive", &self.archive).finish_non_exhaustive()
    }
}

impl DiskFiles {
    /// Every key of the archive, without its contents.
    pub fn archived(&self) -> HostResult<Vec<ArchivedKey>> {
        identity::list(&self.archive.place)
    }

    /// The records that have a key in the archive: one look at the names in it.
    pub fn archived_records(&self) -> HostResult<BTreeSet<RecordId>> {
        identity::records(&self.archive.place)
    }

    /// Where the key of a recorded node is. It is compared with the archive, and not told.
    pub fn key_state(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<KeyState> {
        identity::state(self.hands.as_ref(), &self.archive.place, node, spec)
    }

    /// How the key of a node relates to those archived under its record. Neither is told.
    pub fn kinship(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Kinship> {
        identity::kinship(self.hands.as_ref(), &self.archive.place, node, spec)
    }

    /// Nodes are our own. Archived keys lie below `identities`.
    pub fn new(identities: PathBuf) -> DiskFiles {
        DiskFiles {
            archive: identity::Archive::new(identities),
            hands: Arc::new(OwnHands),
            roots: Vec::new(),
        }
    }

    /// Nodes belong to a user of their own, and the archive below `identities` to us.
    pub fn of_system(identities: PathBuf, hands: RootHands) -> DiskFiles {
        DiskFiles {
            archive: identity::Archive::new(identities),
            hands: Arc::new(hands),
            roots: Vec::new(),
        }
    }

    /// The same, where nodes of ours lie in these storage roots.
    #[must_use]
    pub fn among(self, roots: Vec<PathBuf>) -> DiskFiles {
        DiskFiles { roots, ..self }
    }

    /// The same, where what goes into the archive from now on is sealed for `recipients`, if any.
    #[must_use]
    pub fn sealing_for(mut self, recipients: Vec<String>) -> DiskFiles {
        self.archive.seal =
            if recipients.is_empty() { Seal::None } else { Seal::Recipients(recipients) };
        self
    }

    /// The key in a file of the archive, or of another one like it.
    pub fn take_out(&self, file: &Path, with: &Unseal) -> HostResult<HeldKey> {
        identity::take(file, with)
    }

    /// The key of a node; `None` when it has none yet.
    pub fn key_of(&self, spec: &NodeSpec) -> HostResult<Option<HeldKey>> {
        let place = spec.data.join(spec.program.identity_file());
        if !self.hands.is_there(&place)? {
            return Ok(None);
        }
        let key = self.hands.read_key(&place)?;
        Ok(Some(HeldKey { story: Story::of(spec, &key), key }))
    }

    /// Who has this key: a directory of ours, or a process of anybody.
    pub fn user_of(&self, held: &HeldKey) -> HostResult<Option<String>> {
        back::user_of(self, held.story.spec.program, &held.fingerprint())
    }

    /// Lays a key ready for a node that is to come back with it. What comes along is to live until
    /// something that is stored names the key.
    pub fn lay_ready(&self, held: &HeldKey) -> HostResult<(Returning, LaidReady)> {
        self.archive.make()?;
        back::lay_ready(&self.archive.place, held)
    }

    /// Deletes what was laid ready by a run that died before anything named it. `awaited` tells which
    /// files are named; it is asked only where there is one, and when no other can come.
    pub fn clear_waiting(&self, awaited: &dyn Fn() -> HostResult<Vec<PathBuf>>) -> HostResult<()> {
        back::clear_waiting(&self.archive.place, awaited)
    }

    /// What would be laid ready.
    pub fn returning(&self, held: &HeldKey) -> Returning {
        back::returning(&self.archive.place, held)
    }

    /// Deletes a key of the archive with its description, for ever.
    pub fn forget(&self, file: &Path) -> HostResult<()> {
        for path in [file.to_owned(), file.with_extension("json")] {
            fs::remove_file(&path)
                .map_err(|error| HostError::io(format!("delete {}", path.display()), error))?;
        }
        Ok(())
    }

    /// Takes it away again.
    pub fn take_away(&self, key: &Returning) -> HostResult<()> {
        back::discard(key)
    }

    /// Where this key has moved to, if another machine has it.
    pub fn moved(&self, held: &HeldKey) -> HostResult<Option<String>> {
        moved::of(&self.archive.place, &held.fingerprint())
    }

    /// Writes down that another machine has this key, with `to`, or that none has any more.
    pub fn mark_moved(&self, held: &HeldKey, to: Option<&str>) -> HostResult<()> {
        self.archive.make()?;
        match to {
            Some(to) => moved::mark(&self.archive.place, &held.fingerprint(), to),
            None => moved::unmark(&self.archive.place, &held.fingerprint()),
        }
    }

    /// Makes `root` a storage root: creates it and its marker. A marker that is there stays.
    pub fn prepare_root(root: &Path) -> HostResult<Change> {
        claim_root(&OwnHands, root)
    }

    /// The same, with the hands of these nodes.
    pub fn claim_root(&self, root: &Path) -> HostResult<Change> {
        claim_root(self.hands.as_ref(), root)
    }

    /// Makes a directory for the directories of nodes, unless it is there.
    pub fn make_root(&self, root: &Path) -> HostResult<()> {
        self.hands.make_root(root)
    }

    /// Takes the marker away, and the root itself if nothing is left in it.
    pub fn release_root(&self, root: &Path) -> HostResult<()> {
        self.hands.remove_file(&root.join(MARKER))?;
        self.hands.remove_if_empty(root);
        Ok(())
    }

    /// Deletes a directory unless there is anything in it.
    pub fn remove_if_empty(&self, path: &Path) {
        self.hands.remove_if_empty(path);
    }
}

/// Makes a storage root with its marker, by these hands.
pub(crate) fn claim_root(hands: &dyn Hands, root: &Path) -> HostResult<Change> {
    hands.make_root(root)?;
    let marker = root.join(MARKER);
    if hands.is_there(&marker)? {
        return Ok(Change::AlreadySo);
    }
    let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid")
        .map_err(|error| HostError::io("make a UUID", error))?;
    hands.write(&marker, uuid.as_bytes(), 0o600)?;
    Ok(Change::Made)
}

impl DiskFiles {
    fn remove_tree(&self, path: &Path, root: &Path) -> HostResult<()> {
        guard::inside(path, root)?;
        self.hands.remove_tree(path)?;
        self.must_be_gone(path)
    }

    /// Root's hands are tools that may say what is not so, and nobody would look for what stays.
    fn must_be_gone(&self, path: &Path) -> HostResult<()> {
        match self.hands.is_there(path)? {
            false => Ok(()),
            true => {
                let op = format!("{} was said to be gone, and is there", path.display());
                Err(HostError::new(op, FaultKind::Failed))
            }
        }
    }
}

impl NodeFiles for DiskFiles {
    fn survey(&self, root: &Path) -> StorageReading {
        StorageReading { entries: entries(root).map_err(|error| error.unread()) }
    }

    fn prepare(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
        guard::own_name(self.hands.as_ref(), spec)?;
        place::prepare(self.hands.as_ref(), spec, release)
    }

    fn bring_back(
        &self,
        spec: &NodeSpec,
        release: &Release,
        key: &Returning,
    ) -> HostResult<Change> {
        guard::own_name(self.hands.as_ref(), spec)?;
        back::bring_back(self, spec, release, key)
    }

    fn check(&self, spec: &NodeSpec, release: Option<&Release>) -> HostResult<Change> {
        guard::inside(&spec.data, &spec.storage)?;
        // What is about to be started must not run elsewhere by now.
        if moved::any(&self.archive.place)
            && let Some(held) = self.key_of(spec)?
        {
            moved::refuse(&self.archive.place, &held.fingerprint())?;
        }
        place::check(self.hands.as_ref(), spec, release)
    }

    fn usage(&self, spec: &NodeSpec) -> HostResult<Bytes> {
        self.hands.usage(&spec.data)
    }

    fn stamps(&self, specs: &[&NodeSpec]) -> Vec<Option<FileStamp>> {
        let programs: Vec<&Path> = specs.iter().map(|spec| spec.binary.as_path()).collect();
        self.hands.stamps(&programs)
    }

    fn examine(&self, spec: &NodeSpec, known: Option<&Installed>) -> HostResult<Installed> {
        upgrade::examine(self.hands.as_ref(), spec, known)
    }

    fn stage(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
        guard::own_name(self.hands.as_ref(), spec)?;
        guard::inside(&spec.data, &spec.storage)?;
        upgrade::stage(self.hands.as_ref(), spec, release)
    }

    fn replace(
        &self,
        spec: &NodeSpec,
        version: &Version,
        from: Option<&Version>,
    ) -> HostResult<Change> {
        guard::own_name(self.hands.as_ref(), spec)?;
        guard::inside(&spec.data, &spec.storage)?;
        refuse_running(spec, "its program is not replaced")?;
        upgrade::replace(self.hands.as_ref(), spec, version, from)
    }

    fn put_back(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        guard::own_name(self.hands.as_ref(), spec)?;
        guard::inside(&spec.data, &spec.storage)?;
        refuse_running(spec, "its program is not put back")?;
        let archive =
            |data: &Path| identity::archive(self.hands.as_ref(), &self.archive, node, spec, data);
        upgrade::put_back(self.hands.as_ref(), spec, &archive)
    }

    fn drop_kept(&self, spec: &NodeSpec) -> HostResult<Change> {
        guard::own_name(self.hands.as_ref(), spec)?;
        upgrade::drop_kept(self.hands.as_ref(), spec)
    }

    fn archive(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        let aside = aside(node, spec);
        let data = if self.hands.is_there(&spec.data)? { &spec.data } else { &aside };
        identity::archive(self.hands.as_ref(), &self.archive, node, spec, data)
    }

    fn is_archived(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<bool> {
        identity::is_safe(self.hands.as_ref(), &self.archive.place, node, spec)
    }

    fn carry(&self, node: NodeKey, spec: &NodeSpec, to: &NodeSpec) -> HostResult<Change> {
        guard::own_name(self.hands.as_ref(), spec)?;
        guard::own_name(self.hands.as_ref(), to)?;
        refuse_running(spec, "it is not moved")?;
        refuse_running(to, "nothing is put there")?;
        carry::carry(self, node, spec, to)
    }

    fn clear_left(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        let Some(left) = &spec.left else { return Ok(Change::AlreadySo) };
        let was =
            NodeSpec { storage: left.storage.clone(), data: left.data.clone(), ..spec.clone() };
        let aside = aside(node, &was);
        if !self.hands.is_there(&aside)? {
            return Ok(Change::AlreadySo);
        }
        self.remove_tree(&aside, &was.storage)?;
        Ok(Change::Made)
    }

    fn set_aside(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        if !self.hands.is_there(&spec.data)? {
            return Ok(Change::AlreadySo);
        }
        guard::own_name(self.hands.as_ref(), spec)?;
        guard::inside(&spec.data, &spec.storage)?;
        refuse_running(spec, "it is not moved")?;
        if !identity::is_safe(self.hands.as_ref(), &self.archive.place, node, spec)? {
            let op = format!("the identity of {} is not in the archive: it stays", spec.id);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        let aside = aside(node, spec);
        if self.hands.is_there(&aside)? {
            self.remove_tree(&aside, &spec.storage)?;
        }
        self.hands.rename(&spec.data, &aside)?;
        self.must_be_gone(&spec.data)?;
        self.hands.sync_directory(&spec.storage)?;
        Ok(Change::Made)
    }

    fn delete(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        let mut change = Change::AlreadySo;
        let log_root = guard::log_root(spec)?;
        let leftovers = [
            (aside(node, spec), spec.storage.as_path()),
            (place::staging(spec), spec.storage.as_path()),
            (upgrade::kept(spec), spec.storage.as_path()),
            (upgrade::keeping(spec), spec.storage.as_path()),
            (upgrade::next(spec), spec.storage.as_path()),
            (spec.logs.clone(), log_root),
        ];
        for (path, root) in leftovers {
            if self.hands.is_there(&path)? {
                self.remove_tree(&path, root)?;
                change = Change::Made;
            }
        }
        if spec.manager.kind == ManagerKind::Antd {
            // The daemon puts logs one level deeper, in a directory of the node's name.
            self.hands.remove_if_empty(log_root);
        }
        Ok(change)
    }
}

fn refuse_running(spec: &NodeSpec, so: &str) -> HostResult<()> {
    match processes_of(spec)?.first() {
        None => Ok(()),
        Some(process) => {
            let (pid, data) = (process.pid, spec.data.display());
            let op = format!("process {pid} still uses {data}: {so}");
            Err(HostError::new(op, FaultKind::Refused))
        }
    }
}

/// Where data waits for its deletion: a name that no node carries and no survey counts.
fn aside(node: NodeKey, spec: &NodeSpec) -> PathBuf {
    spec.storage.join(format!(".removed-{}-{}", spec.id, node.record))
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
