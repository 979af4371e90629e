//! What programs do in the simulated world: versions that ail, and what is kept of the ones before.

use std::time::Duration;

use super::build::release;
use super::world::{Op, SimHost, SimNode, SimProcess, World};
use crate::action::Change;
use crate::host::{Binaries, HostError, HostResult};
use crate::model::{FileStamp, Installed, KnownProgram, NodeId, Program, Release, Version};
use crate::observe::FaultKind;

/// What is wrong with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ail {
    /// It ends at once.
    RefusesToStart,
    /// It ends by itself after so long.
    DiesAfter(Duration),
    /// It makes itself a new key.
    LosesIdentity,
    /// It binds no port.
    Mute,
    /// Nobody talks to it: it speaks an old protocol, or none.
    NoPeers,
}

/// A node's program and key, and what is kept of the ones before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimProgram {
    /// Which version lies in its place.
    pub version: Version,
    /// Which was put beside it.
    pub staged: Option<Version>,
    /// Which is kept.
    pub kept: Option<Version>,
    /// Its key.
    pub key: String,
    /// The key it was made with.
    first_key: String,
    /// Counts the files that lay in its place.
    files: u64,
}

impl SimProgram {
    pub(super) fn new(id: NodeId) -> SimProgram {
        let key = format!("key-of-{id}");
        SimProgram {
            version: release().version,
            staged: None,
            kept: None,
            first_key: key.clone(),
            key,
            files: 1,
        }
    }

    pub(super) fn lose_identity(&mut self) {
        self.key = format!("{}-fresh", self.first_key);
    }

    pub(super) fn stamp(&self) -> Option<FileStamp> {
        Some(FileStamp { inode: self.files, size: 1000, changed_ms: 0 })
    }

    pub(super) fn installed(&self) -> Installed {
        Installed {
            stamp: FileStamp { inode: self.files, size: 1000, changed_ms: 0 },
            version: self.version.clone(),
            sha256: format!("sha-of-{}", self.version),
            identity: Some(self.key.clone()),
        }
    }

    pub(super) fn stage(&mut self, version: &Version) -> Change {
        if self.version == *version && self.kept.is_some() {
            return Change::AlreadySo;
        }
        self.staged = Some(version.clone());
        Change::Made
    }

    pub(super) fn replace(
        &mut self,
        version: &Version,
        from: Option<&Version>,
    ) -> HostResult<Change> {
        if self.version != *version && from.is_some_and(|from| self.version > *from) {
            let op = format!("it has {} by now, and {version} is not newer", self.version);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        match self.staged.take() {
            Some(staged) if staged == *version => {
                self.kept = Some(std::mem::replace(&mut self.version, staged));
                self.files += 1;
                Ok(Change::Made)
            }
            _ if self.version == *version => Ok(Change::AlreadySo),
            _ => Err(HostError::new(format!("{version} was not staged"), FaultKind::NotFound)),
        }
    }

    pub(super) fn put_back(&mut self, archived: bool) -> Change {
        self.staged = None;
        let Some(kept) = self.kept.take() else { return Change::AlreadySo };
        self.version = kept;
        self.files += 1;
        if archived {
            self.key.clone_from(&self.first_key);
        }
        Change::Made
    }

    pub(super) fn drop_kept(&mut self) -> Change {
        self.staged = None;
        match self.kept.take() {
            Some(_) => Change::Made,
            None => Change::AlreadySo,
        }
    }
}

impl World {
    /// A node replaces its own program, and its manager starts it again: the process is another one.
    pub fn upgrade_itself(&mut self, id: NodeId, version: &Version) {
        let uptime_ms = self.uptime_ms;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.program.version = version.clone();
        node.program.files += 1;
        if let Some(process) = &mut node.process {
            *process = SimProcess { pid: process.pid + 500_000, started_ms: uptime_ms };
            node.restarts += 1;
        }
    }

    /// Lets what is wrong with versions show.
    pub(super) fn ail(&mut self) {
        let (ails, uptime_ms) = (&self.ails, self.uptime_ms);
        for node in self.nodes.values_mut() {
            let Some(Ail::DiesAfter(after)) = ails.get(&node.program.version) else { continue };
            let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            if node.process.is_some_and(|it| uptime_ms - it.started_ms >= after) {
                node.process = None;
            }
        }
    }

    pub(super) fn is_mute(&self, node: &SimNode) -> bool {
        matches!(self.ails.get(&node.program.version), Some(Ail::Mute))
    }

    pub(super) fn peers_of(&self, node: &SimNode) -> Option<u64> {
        match self.ails.get(&node.program.version) {
            Some(Ail::NoPeers) => Some(0),
            _ => node.peers,
        }
    }
}

impl SimNode {
    /// Its program, which is not touched while it runs.
    pub(super) fn idle_program(&mut self) -> HostResult<&mut SimProgram> {
        match self.process {
            None => Ok(&mut self.program),
            Some(_) => {
                let op = format!("touch the program of {} while it runs", self.spec.id);
                Err(HostError::new(op, FaultKind::Refused))
            }
        }
    }
}

impl Binaries for SimHost {
    fn look(
        &self,
        _: Program,
        _: Option<&KnownProgram>,
    ) -> HostResult<(Release, Option<KnownProgram>)> {
        let mut world = self.world();
        world.fault(Op::Release)?;
        let missing = || HostError::new("no node program was found", FaultKind::NotFound);
        world.release.clone().map(|release| (release, None)).ok_or_else(missing)
    }

    fn release(&self, program: Program, version: &Version) -> HostResult<Release> {
        let world = self.world();
        let mut known = world.releases.iter().chain(&world.release);
        let found = known.find(|it| it.version == *version).cloned();
        let missing = || format!("{program} {version} is not on this machine");
        found.ok_or_else(|| HostError::new(missing(), FaultKind::NotFound))
    }
}
