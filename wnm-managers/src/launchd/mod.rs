//! One job of launchd a node, on macOS. Rendered and parsed here, and driven with a stand-in for
//! `launchctl`; nothing of it has met a real launchd.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads property lists")]

mod ctl;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod plist;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, HostError, HostResult, NodeManager};
use wnm_core::model::{Manager, ManagerKind, NodeId, NodeSpec, Scope};
use wnm_core::observe::{FaultKind, UnitReading, UnitState};

use crate::hands::{Hands, OwnHands, RootHands};
use crate::process::{end, pids_below, processes_of};
use ctl::{Domains, Launchctl};

/// `launchctl+user` and `launchctl+sudo`.
pub struct Launchd {
    ctl: Launchctl,
    /// Where property lists lie: `~/Library/LaunchAgents` or `/Library/LaunchDaemons`.
    lists: PathBuf,
    roots: Vec<PathBuf>,
    user: Option<String>,
    hands: Arc<dyn Hands>,
}

impl std::fmt::Debug for Launchd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launchd").field("lists", &self.lists).finish_non_exhaustive()
    }
}

impl Launchd {
    /// Jobs of the user `uid`, with property lists in `lists`.
    pub fn new(
        runner: Arc<dyn CommandRunner>,
        lists: PathBuf,
        uid: u32,
        roots: Vec<PathBuf>,
    ) -> Launchd {
        let ctl = Launchctl { runner, domains: Domains::User(uid) };
        Launchd { ctl, lists, roots, user: None, hands: Arc::new(OwnHands) }
    }

    /// Jobs of the machine, told what to do with root's rights.
    pub fn of_system(
        runner: Arc<dyn CommandRunner>,
        lists: PathBuf,
        roots: Vec<PathBuf>,
        hands: RootHands,
    ) -> Launchd {
        let ctl = Launchctl { runner, domains: Domains::System };
        let user = Some(hands.user().to_owned());
        Launchd { ctl, lists, roots, user, hands: Arc::new(hands) }
    }

    /// An error unless launchd answers.
    pub fn check(&self) -> HostResult<()> {
        self.ctl.jobs().map(|_| ())
    }

    fn list(&self, id: NodeId) -> PathBuf {
        self.lists.join(format!("{}.plist", plist::label(id)))
    }

    /// The property list when it is ours; somebody else's is a conflict.
    fn our_text(&self, id: NodeId) -> HostResult<Option<String>> {
        let path = self.list(id);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(HostError::io(format!("read {}", path.display()), error)),
        };
        if plist::is_ours(&text) {
            return Ok(Some(text));
        }
        let op = format!("{} was not made by wnm and is left alone", path.display());
        Err(HostError::new(op, FaultKind::Conflict))
    }
}

impl NodeManager for Launchd {
    fn manager(&self) -> Manager {
        let scope = if self.user.is_some() { Scope::System } else { Scope::User };
        Manager { kind: ManagerKind::Launchd, scope }
    }

    fn create(&self, spec: &NodeSpec) -> HostResult<Change> {
        if let Some(c) = plist::unfit(spec) {
            let op = format!("create {}: no property list can hold {c:?}", spec.id);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        let wanted = plist::render(spec, self.user.as_deref());
        if self.our_text(spec.id)?.as_ref() == Some(&wanted) {
            return Ok(Change::AlreadySo);
        }
        self.hands.make_root(&self.lists)?;
        self.hands.write(&self.list(spec.id), wanted.as_bytes(), 0o644)?;
        Ok(Change::Made)
    }

    fn start(&self, spec: &NodeSpec) -> HostResult<Change> {
        let op = format!("start {}", spec.id);
        if self.our_text(spec.id)?.is_none() {
            return Err(HostError::new(format!("{op}: it has no job"), FaultKind::NotFound));
        }
        let label = plist::label(spec.id);
        let loaded = self.ctl.jobs()?.remove(&label);
        if loaded.as_ref().is_some_and(|job| job.pid.is_some()) {
            return Ok(Change::AlreadySo);
        }
        if let Some(process) = processes_of(spec)?.first() {
            let op = format!(
                "{op}: process {} uses its data already, and launchd did not start it",
                process.pid
            );
            return Err(HostError::new(op, FaultKind::Conflict));
        }
        if let Some(job) = loaded {
            // It waits between two starts, with the list that it was loaded from.
            self.ctl.bootout(&label, &job)?;
        }
        self.ctl.bootstrap(&label, &self.list(spec.id), spec.autostart)?;
        Ok(Change::Made)
    }

    fn stop(&self, spec: &NodeSpec) -> HostResult<Change> {
        let label = plist::label(spec.id);
        let loaded = self.ctl.jobs()?.remove(&label);
        if let Some(job) = &loaded {
            self.ctl.bootout(&label, job)?;
        }
        if spec.autostart && self.our_text(spec.id)?.is_some() {
            self.ctl.disable(&label)?;
        }
        // What is still there was started by somebody else, with this node's data.
        let strangers = processes_of(spec)?;
        end(self.hands.as_ref(), &strangers, Duration::from_secs(plist::STOP_SECONDS))?;
        let made = loaded.is_some() || !strangers.is_empty();
        Ok(if made { Change::Made } else { Change::AlreadySo })
    }

    fn remove(&self, spec: &NodeSpec) -> HostResult<Change> {
        if self.ctl.jobs()?.contains_key(&plist::label(spec.id)) {
            let op = format!("{} still runs: stop it first", spec.id);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        if self.our_text(spec.id)?.is_none() {
            return Ok(Change::AlreadySo);
        }
        self.hands.remove_file(&self.list(spec.id))?;
        self.hands.sync_directory(&self.lists)?;
        Ok(Change::Made)
    }

    fn hand_over(&self, spec: &NodeSpec) -> HostResult<Change> {
        let path = self.list(spec.id);
        let read = fs::read_to_string(&path);
        let text =
            read.map_err(|error| HostError::io(format!("read {}", path.display()), error))?;
        let was = plist::is_released(&text);
        if !was {
            self.our_text(spec.id)?;
        }
        self.ctl.enable(&plist::label(spec.id))?;
        if was {
            return Ok(Change::AlreadySo);
        }
        self.hands.write(&path, plist::released(&text).as_bytes(), 0o644)?;
        Ok(Change::Made)
    }

    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        let jobs = self.ctl.jobs()?;
        specs
            .iter()
            .map(|spec| {
                let job = jobs.get(&plist::label(spec.id));
                // Somebody else's list is one as well, and says nothing of other nodes.
                let has_list = match self.our_text(spec.id) {
                    Err(error) if error.kind == FaultKind::Conflict => true,
                    text => text?.is_some(),
                };
                let pid = job.and_then(|job| job.pid);
                let state = match (job, pid, has_list) {
                    (Some(_), Some(_), _) => UnitState::Running,
                    (Some(_), None, _) => UnitState::Activating,
                    (None, _, true) => UnitState::Stopped,
                    (None, _, false) => UnitState::Missing,
                };
                let definition_lost = job.is_some() && !has_list;
                Ok(UnitReading { state, pid, restarts: None, invocation: None, definition_lost })
            })
            .collect()
    }

    /// Property lists of a node's name, jobs that are loaded, and processes below our storage roots.
    fn discover(&self) -> HostResult<BTreeSet<NodeId>> {
        let mut found = self.keeps()?;
        found.extend(crate::setsid::ids_of(&self.roots, pids_below(&self.roots)?.keys()));
        Ok(found)
    }

    fn keeps(&self) -> HostResult<BTreeSet<NodeId>> {
        let mut found: BTreeSet<NodeId> =
            self.ctl.jobs()?.keys().filter_map(|label| plist::id_of(label)).collect();
        match fs::read_dir(&self.lists) {
            Ok(entries) => found.extend(entries.flatten().filter_map(|entry| {
                plist::id_of(entry.file_name().to_str()?.strip_suffix(".plist")?)
            })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(HostError::io(format!("list {}", self.lists.display()), error));
            }
        }
        Ok(found)
    }
}
