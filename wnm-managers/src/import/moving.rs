//! The effects of a takeover, in an order in which each can be undone.
#![expect(clippy::disallowed_methods, reason = "the shell module that carries a takeover out")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::{Gid, Uid};
use wnm_core::host::{CommandRunner, HostError, HostResult, Invocation};
use wnm_core::import::{Scheduler, Taken, Takeover};
use wnm_core::model::Timestamp;
use wnm_core::observe::FaultKind;

use super::aside::{aside, rename};
use super::journal::{Claimed, Journal, Kept, Manifest, State};
use crate::files::{DiskFiles, MARKER};
use crate::hands::{Hands, OwnHands, RootHands};

const PATIENCE: Duration = Duration::from_secs(60);

/// Where the settings will have nodes.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The storage roots.
    pub storage: &'a [PathBuf],
    /// The directory of logs.
    pub logs: &'a Path,
}

/// Takes nodes over, for one scope.
#[derive(Clone)]
pub struct Mover {
    base: PathBuf,
    hands: Arc<dyn Hands>,
    /// For what root does beyond its hands; none in a user's scope.
    root: Option<Arc<dyn CommandRunner>>,
    pub(super) runner: Arc<dyn CommandRunner>,
}

impl std::fmt::Debug for Mover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mover").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Mover {
    /// Nodes and their files are our own. Backups lie in `base`.
    pub fn new(runner: Arc<dyn CommandRunner>, base: PathBuf) -> Mover {
        Mover { base, hands: Arc::new(OwnHands), root: None, runner }
    }

    /// Nodes belong to a user of their own, and everything around them to root.
    pub fn of_system(runner: Arc<dyn CommandRunner>, base: PathBuf, hands: RootHands) -> Mover {
        let root = Some(Arc::clone(&runner));
        Mover { base, hands: Arc::new(hands), root, runner }
    }

    pub(super) fn hands(&self) -> &dyn Hands {
        self.hands.as_ref()
    }

    /// True while a takeover has begun and not ended: cheap to ask.
    pub fn is_unfinished(&self) -> bool {
        Journal::is_unfinished(&self.base)
    }

    /// A takeover that began and has not ended: a run of wnm died in it.
    pub fn unfinished(&self) -> HostResult<Option<Moving>> {
        let journal = Journal::unfinished(&self.base)?;
        Ok(journal.map(|journal| Moving { mover: self.clone(), journal }))
    }

    /// Keeps a copy of everything that will be replaced, writes down all that will be touched, and
    /// closes the former manager's gate. Nothing else has changed when this fails.
    pub fn begin(
        &self,
        takeover: &Takeover,
        places: Places<'_>,
        at: Timestamp,
    ) -> HostResult<Moving> {
        let directory = Journal::make_directory(&self.base, at)?;
        let manifest = Manifest {
            state: State::Begun,
            at,
            kept: self.keep(&directory, takeover)?,
            made: self.to_be_made(takeover)?,
            claimed: self.to_be_claimed(takeover, places)?,
            aside: aside(&takeover.aside, at),
            schedulers: takeover.schedulers.clone(),
            gate: takeover.gate.clone(),
        };
        let mut moving = Moving { mover: self.clone(), journal: Journal { directory, manifest } };
        moving.journal.begin(&self.base)?;
        match moving.close_gate() {
            Ok(()) => Ok(moving),
            Err(error) => {
                // The gate is somebody else's then, and stays.
                moving.journal.manifest.gate = None;
                moving.undo(&|| Ok(()))?;
                Err(error)
            }
        }
    }

    fn keep(&self, directory: &Path, takeover: &Takeover) -> HostResult<Vec<Kept>> {
        let replaced = takeover.nodes.iter().flat_map(|node| &node.found.replaces).cloned();
        let schedules = takeover.schedulers.iter().filter_map(|scheduler| match scheduler {
            Scheduler::File(path) => Some(path.clone()),
            Scheduler::CrontabLine(_) => None,
        });
        let replaced: BTreeSet<PathBuf> = replaced.chain(schedules).collect();
        let kept: BTreeSet<PathBuf> =
            takeover.keep.iter().filter(|path| !replaced.contains(*path)).cloned().collect();
        let all = replaced.iter().map(|it| (it, true)).chain(kept.iter().map(|it| (it, false)));
        let mut copies = Vec::new();
        for (number, (path, replaced)) in all.enumerate() {
            copies.push(Journal::keep(directory, number + 1, path, replaced)?);
        }
        if takeover.schedulers.iter().any(|it| matches!(it, Scheduler::CrontabLine(_))) {
            let text = self.crontab()?;
            crate::files::write_durably(
                &directory.join(super::crontab::COPY),
                text.as_bytes(),
                0o600,
            )?;
        }
        Ok(copies)
    }

    /// Copies of programs that are not there yet.
    fn to_be_made(&self, takeover: &Takeover) -> HostResult<Vec<PathBuf>> {
        let mut made = Vec::new();
        for node in takeover.nodes.iter().filter(|node| node.copy_from.is_some()) {
            if !self.hands.is_there(&node.spec.binary)? {
                made.push(node.spec.binary.clone());
            }
        }
        Ok(made)
    }

    fn to_be_claimed(&self, takeover: &Takeover, places: Places<'_>) -> HostResult<Vec<Claimed>> {
        let is_directory = |path: &Path| fs::metadata(path).is_ok_and(|found| found.is_dir());
        let settings = places.storage.iter().map(PathBuf::as_path);
        let roots: BTreeSet<&Path> = takeover.roots().into_iter().chain(settings).collect();
        let mut claimed = Vec::new();
        for root in roots.into_iter().filter(|root| is_directory(root)) {
            let marked = !self.hands.is_there(&root.join(MARKER))?;
            claimed.push(Journal::before_claim(root, marked)?);
        }
        if is_directory(places.logs) {
            claimed.push(Journal::before_claim(places.logs, false)?);
        }
        Ok(claimed)
    }

    fn as_root(&self, op: String, program: &str, args: &[&str]) -> HostResult<()> {
        let Some(root) = &self.root else { return Ok(()) };
        let answer =
            root.run(&Invocation::new(program, args.iter().copied(), PATIENCE).as_root())?;
        match answer.ok() {
            true => Ok(()),
            false => Err(HostError::with(op, FaultKind::Failed, answer.stderr.trim())),
        }
    }

    fn own(&self, path: &Path, uid: u32, gid: u32, mode: u32) -> HostResult<()> {
        let shown = path.display().to_string();
        let op = || format!("give {shown} its owner");
        self.as_root(op(), "/usr/bin/chown", &[&format!("{uid}:{gid}"), "--", &shown])?;
        self.as_root(op(), "/usr/bin/chmod", &[&format!("{mode:o}"), "--", &shown])
    }
}

/// A takeover that has begun.
#[derive(Clone, Debug)]
pub struct Moving {
    pub(super) mover: Mover,
    pub(super) journal: Journal,
}

impl Moving {
    /// Where copies of everything replaced lie.
    pub fn backup(&self) -> &Path {
        &self.journal.directory
    }

    /// True when all was done but for saying so.
    pub fn is_done(&self) -> bool {
        self.journal.manifest.state == State::Done
    }

    /// Gives every node that ran a shared program a copy of its own, for its next start. Where its
    /// file is, if it is to be had from somewhere else first, says `fetch`.
    pub fn copy_programs(
        &self,
        takeover: &Takeover,
        fetch: &dyn Fn(&Taken) -> HostResult<Option<PathBuf>>,
    ) -> HostResult<()> {
        for node in &takeover.nodes {
            let Some(from) = &node.copy_from else { continue };
            if self.journal.manifest.made.contains(&node.spec.binary) {
                let fetched = fetch(node)?;
                let from = fetched.as_ref().unwrap_or(from);
                self.mover.hands.copy(from, &node.spec.binary, 0o755)?;
            }
        }
        Ok(())
    }

    /// Keeps a text among the copies of what is replaced.
    pub fn note(&self, name: &str, text: &str) -> HostResult<()> {
        crate::files::write_durably(&self.journal.directory.join(name), text.as_bytes(), 0o600)
    }

    /// Gives files that are in the way another name.
    pub fn set_aside(&self) -> HostResult<()> {
        self.journal.manifest.aside.iter().try_for_each(|(from, to)| rename(from, to))
    }

    /// Marks the storage roots. In the system scope they belong to root from now on, so that no node
    /// can put a link in the place of another one's directory; nodes keep what is below.
    pub fn claim_roots(&self, files: &DiskFiles) -> HostResult<()> {
        for claimed in &self.journal.manifest.claimed {
            if self.mover.root.is_some() && !is_roots(claimed) {
                let (uid, gid) = (Uid::from_raw(0), Gid::from_raw(0));
                self.mover.own(&claimed.root, uid.as_raw(), gid.as_raw(), 0o755)?;
            }
            if claimed.marked {
                files.claim_root(&claimed.root)?;
            }
        }
        Ok(())
    }

    /// Turns the former manager's cycles off: the last step.
    pub fn silence(&self) -> HostResult<()> {
        for scheduler in &self.journal.manifest.schedulers {
            match scheduler {
                Scheduler::File(path) => self.mover.hands.remove_file(path)?,
                Scheduler::CrontabLine(line) => self.without_line(line)?,
            }
        }
        Ok(())
    }

    /// All is done.
    pub fn finish(mut self) -> HostResult<PathBuf> {
        let base = self.mover.base.clone();
        self.open_gate()?;
        self.journal.end(&base, State::Done)?;
        Ok(self.journal.directory)
    }

    /// Everything as it was before, as far as this takeover changed it. What was put back before is
    /// put back again without harm. `reread` makes managers read their definitions again.
    pub fn undo(mut self, reread: &dyn Fn() -> HostResult<()>) -> HostResult<()> {
        let base = self.mover.base.clone();
        self.put_back_files()?;
        for made in &self.journal.manifest.made {
            self.mover.hands.remove_file(made)?;
        }
        for claimed in &self.journal.manifest.claimed {
            if claimed.marked {
                self.mover.hands.remove_file(&claimed.root.join(MARKER))?;
            }
            if self.mover.root.is_some() && !is_roots(claimed) {
                self.mover.own(&claimed.root, claimed.uid, claimed.gid, claimed.mode)?;
            }
        }
        let is_unit = |kept: &Kept| kept.path.extension().is_some_and(|kind| kind == "service");
        if self.journal.manifest.kept.iter().any(|kept| kept.replaced && is_unit(kept)) {
            reread()?;
        }
        for (from, to) in &self.journal.manifest.aside {
            rename(to, from)?;
        }
        self.put_back_crontab()?;
        self.open_gate()?;
        self.journal.end(&base, State::Undone)
    }

    fn put_back_files(&self) -> HostResult<()> {
        for kept in self.journal.manifest.kept.iter().filter(|kept| kept.replaced) {
            let bytes = self.journal.bytes(kept)?;
            if fs::read(&kept.path).is_ok_and(|found| found == bytes) {
                continue;
            }
            self.mover.hands.write(&kept.path, &bytes, kept.mode)?;
        }
        Ok(())
    }

    fn close_gate(&self) -> HostResult<()> {
        let Some(gate) = &self.journal.manifest.gate else { return Ok(()) };
        if self.mover.hands.is_there(gate)? {
            let op = format!(
                "{} is there: the former manager is at work, or was killed at it. Wait for it; if \
                 none of it runs, delete that file",
                gate.display()
            );
            return Err(HostError::new(op, FaultKind::Refused));
        }
        self.mover.hands.write(gate, b"", 0o644)
    }

    fn open_gate(&self) -> HostResult<()> {
        match &self.journal.manifest.gate {
            Some(gate) => self.mover.hands.remove_file(gate),
            None => Ok(()),
        }
    }
}

/// True where nobody but root makes names.
fn is_roots(claimed: &Claimed) -> bool {
    claimed.uid == 0 && claimed.mode & 0o022 == 0
}
