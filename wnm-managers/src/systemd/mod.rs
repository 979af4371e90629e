//! One unit a node, kept by a user's own systemd.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads and writes units")]

mod argv;
mod show;
mod unit;

pub(crate) use argv::user_environment;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, Completed, HostError, HostResult, Invocation, NodeManager};
use wnm_core::model::{Manager, ManagerKind, NodeId, NodeSpec, Scope};
use wnm_core::observe::{FaultKind, UnitReading, UnitState};

use crate::files::{sync_directory, write_durably};
use crate::process::{end, processes_below, processes_of};
use show::Shown;

/// Longer than the units' own TimeoutStopSec, so that systemd decides, not we.
const STOP_PATIENCE: Duration = Duration::from_secs(unit::STOP_SECONDS + 30);

/// `systemd+user`.
pub struct Systemd {
    runner: Arc<dyn CommandRunner>,
    units: PathBuf,
    runtime_dir: String,
    roots: Vec<PathBuf>,
}

impl std::fmt::Debug for Systemd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Systemd").field("units", &self.units).finish_non_exhaustive()
    }
}

impl Systemd {
    /// Keeps units in `units`; `runtime_dir` is where the user's manager listens.
    pub fn new(
        runner: Arc<dyn CommandRunner>,
        units: PathBuf,
        runtime_dir: String,
        roots: Vec<PathBuf>,
    ) -> Systemd {
        Systemd { runner, units, runtime_dir, roots }
    }

    fn unit_file(&self, id: NodeId) -> PathBuf {
        self.units.join(unit::name(id))
    }

    fn call(&self, args: Vec<String>, patience: Duration) -> HostResult<Completed> {
        let mut call = Invocation::new("systemctl", args, patience);
        call.env = user_environment(&self.runtime_dir);
        let answer = self.runner.run(&call)?;
        if answer.stderr.contains("Failed to connect to bus") {
            let op = format!("the user's systemd does not answer: {}", answer.stderr.trim());
            return Err(HostError::new(op, FaultKind::Unavailable));
        }
        Ok(answer)
    }

    /// A call that must succeed.
    fn must(&self, args: Vec<String>, patience: Duration) -> HostResult<()> {
        let line = args.join(" ");
        let answer = self.call(args, patience)?;
        if answer.ok() {
            return Ok(());
        }
        let why = answer.stderr.trim().to_owned();
        Err(HostError::with(format!("systemctl {line}"), FaultKind::Failed, why))
    }

    fn show(&self, ids: &[NodeId]) -> HostResult<BTreeMap<NodeId, Shown>> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let answer = self.call(argv::show(ids), argv::PATIENCE)?;
        if !answer.ok() {
            let why = answer.stderr.trim().to_owned();
            return Err(HostError::with("systemctl show", FaultKind::Unavailable, why));
        }
        show::parse(&answer.stdout)
    }

    fn show_one(&self, id: NodeId) -> HostResult<Shown> {
        let missing = || HostError::new(format!("systemctl left out {id}"), FaultKind::Garbled);
        self.show(&[id])?.remove(&id).ok_or_else(missing)
    }

    /// The text of the unit file; `None` when there is none.
    fn text(&self, id: NodeId) -> HostResult<Option<String>> {
        let path = self.unit_file(id);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(HostError::io(format!("read {}", path.display()), error)),
        }
    }

    /// The unit file's text when it is ours; somebody else's is a conflict.
    fn our_text(&self, id: NodeId) -> HostResult<Option<String>> {
        match self.text(id)? {
            Some(text) if !unit::is_ours(&text) => {
                let op = format!(
                    "{} was not made by wnm and is left alone",
                    self.unit_file(id).display()
                );
                Err(HostError::new(op, FaultKind::Conflict))
            }
            text => Ok(text),
        }
    }

    fn reload(&self) -> HostResult<()> {
        self.must(argv::reload(), argv::PATIENCE)
    }
}

impl NodeManager for Systemd {
    fn manager(&self) -> Manager {
        Manager { kind: ManagerKind::Systemd, scope: Scope::User }
    }

    fn create(&self, spec: &NodeSpec) -> HostResult<Change> {
        let wanted = unit::render(spec);
        if self.our_text(spec.id)?.as_ref() == Some(&wanted) {
            return Ok(Change::AlreadySo);
        }
        fs::create_dir_all(&self.units)
            .map_err(|error| HostError::io(format!("make {}", self.units.display()), error))?;
        write_durably(&self.unit_file(spec.id), wanted.as_bytes(), 0o644)?;
        self.reload()?;
        Ok(Change::Made)
    }

    fn start(&self, spec: &NodeSpec) -> HostResult<Change> {
        if self.our_text(spec.id)?.is_none() {
            let op = format!("start {}: it has no unit", spec.id);
            return Err(HostError::new(op, FaultKind::NotFound));
        }
        let shown = self.show_one(spec.id)?;
        if shown.needs_reload {
            self.reload()?;
        }
        if shown.reading.state == UnitState::Running {
            return Ok(Change::AlreadySo);
        }
        let strangers = processes_of(spec)?;
        if !strangers.is_empty() && shown.reading.pid.is_none() {
            let pids: Vec<String> = strangers.iter().map(|key| key.pid.to_string()).collect();
            let op = format!(
                "start {}: process {} uses its data already, and systemd did not start it",
                spec.id,
                pids.join(", ")
            );
            return Err(HostError::new(op, FaultKind::Conflict));
        }
        if shown.reading.state == UnitState::Failed {
            // A unit that failed too often refuses to start until that is forgotten.
            self.must(argv::reset_failed(spec.id), argv::PATIENCE)?;
        }
        if spec.autostart {
            self.must(argv::enable(spec.id), argv::PATIENCE)?;
        }
        self.must(argv::start(spec.id), argv::PATIENCE)?;
        Ok(Change::Made)
    }

    fn stop(&self, spec: &NodeSpec) -> HostResult<Change> {
        let shown = self.show_one(spec.id)?;
        let resting = matches!(
            shown.reading.state,
            UnitState::Stopped | UnitState::Missing | UnitState::Failed
        );
        if !resting {
            self.must(argv::stop(spec.id), STOP_PATIENCE)?;
        }
        if spec.autostart && self.our_text(spec.id)?.is_some() {
            self.must(argv::disable(spec.id), argv::PATIENCE)?;
        }
        // What is still there was started by somebody else, with this node's data.
        let strangers = processes_of(spec)?;
        end(&strangers, Duration::from_secs(unit::STOP_SECONDS))?;
        Ok(if resting && strangers.is_empty() { Change::AlreadySo } else { Change::Made })
    }

    fn remove(&self, spec: &NodeSpec) -> HostResult<Change> {
        let shown = self.show_one(spec.id)?;
        let resting = matches!(
            shown.reading.state,
            UnitState::Stopped | UnitState::Missing | UnitState::Failed
        );
        if !resting {
            let op = format!("{} still runs: stop it first", unit::name(spec.id));
            return Err(HostError::new(op, FaultKind::Refused));
        }
        let text = self.our_text(spec.id)?;
        if text.is_some() {
            if spec.autostart {
                self.must(argv::disable(spec.id), argv::PATIENCE)?;
            }
            let path = self.unit_file(spec.id);
            fs::remove_file(&path)
                .map_err(|error| HostError::io(format!("delete {}", path.display()), error))?;
            sync_directory(&self.units)?;
        }
        if shown.reading.state == UnitState::Failed {
            self.must(argv::reset_failed(spec.id), argv::PATIENCE)?;
        }
        if text.is_some() || shown.reading.state != UnitState::Missing {
            self.reload()?;
        }
        Ok(if text.is_some() { Change::Made } else { Change::AlreadySo })
    }

    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        let ids: Vec<NodeId> = specs.iter().map(|spec| spec.id).collect();
        let mut shown = self.show(&ids)?;
        ids.iter()
            .map(|id| {
                let missing =
                    || HostError::new(format!("systemctl left out {id}"), FaultKind::Garbled);
                let mut reading = shown.remove(id).ok_or_else(missing)?.reading;
                let lives = !matches!(reading.state, UnitState::Missing);
                reading.definition_lost = lives && self.text(*id)?.is_none();
                Ok(reading)
            })
            .collect()
    }

    /// Units of a node's name, whoever made them, and processes below our storage roots.
    fn discover(&self) -> HostResult<BTreeSet<NodeId>> {
        let mut found = BTreeSet::new();
        match fs::read_dir(&self.units) {
            Ok(entries) => found.extend(
                entries.flatten().filter_map(|entry| unit::id_of(entry.file_name().to_str()?)),
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(HostError::io(format!("list {}", self.units.display()), error));
            }
        }
        found.extend(crate::setsid::ids_of(processes_below(&self.roots)?.keys()));
        Ok(found)
    }
}
