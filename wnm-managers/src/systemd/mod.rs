//! One unit a node, kept by a user's own systemd or by the machine's.
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

use crate::hands::{Hands, OwnHands, RootHands};
use crate::process::{end, pids_below, processes_of};
use show::Shown;

/// Longer than the units' own TimeoutStopSec, so that systemd decides, not we.
const STOP_PATIENCE: Duration = Duration::from_secs(unit::STOP_SECONDS + 30);

/// `systemd+user` and `systemd+sudo`.
pub struct Systemd {
    runner: Arc<dyn CommandRunner>,
    units: PathBuf,
    roots: Vec<PathBuf>,
    whose: Whose,
    hands: Arc<dyn Hands>,
}

/// Whose systemd.
enum Whose {
    /// A user's own, listening in this directory.
    User { runtime_dir: String },
    /// The machine's, running nodes as this user.
    System { user: String },
}

impl std::fmt::Debug for Systemd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Systemd").field("units", &self.units).finish_non_exhaustive()
    }
}

impl Systemd {
    /// A user's own: keeps units in `units`; `runtime_dir` is where the user's manager listens.
    pub fn new(
        runner: Arc<dyn CommandRunner>,
        units: PathBuf,
        runtime_dir: String,
        roots: Vec<PathBuf>,
    ) -> Systemd {
        let whose = Whose::User { runtime_dir };
        Systemd { runner, units, roots, whose, hands: Arc::new(OwnHands) }
    }

    /// The machine's own, which is told what to do with root's rights, and asked without.
    pub fn of_system(
        runner: Arc<dyn CommandRunner>,
        units: PathBuf,
        roots: Vec<PathBuf>,
        hands: RootHands,
    ) -> Systemd {
        let whose = Whose::System { user: hands.user().to_owned() };
        Systemd { runner, units, roots, whose, hands: Arc::new(hands) }
    }

    fn unit_file(&self, id: NodeId) -> PathBuf {
        self.units.join(unit::name(id))
    }

    fn render(&self, spec: &NodeSpec) -> String {
        match &self.whose {
            Whose::User { .. } => unit::render(spec, None),
            Whose::System { user } => unit::render(spec, Some(user)),
        }
    }

    fn invocation(&self, args: Vec<String>, patience: Duration) -> Invocation {
        match &self.whose {
            Whose::User { runtime_dir } => {
                let args = std::iter::once("--user".to_owned()).chain(args);
                let mut call = Invocation::new("systemctl", args, patience);
                call.env = user_environment(runtime_dir);
                call
            }
            Whose::System { .. } => Invocation::new("/usr/bin/systemctl", args, patience),
        }
    }

    fn call(&self, call: &Invocation) -> HostResult<Completed> {
        let answer = self.runner.run(call)?;
        let silent = ["Failed to connect to bus", "System has not been booted with systemd"];
        if silent.iter().any(|complaint| answer.stderr.contains(complaint)) {
            let whose = match self.whose {
                Whose::User { .. } => "the user's systemd",
                Whose::System { .. } => "systemd",
            };
            let op = format!("{whose} does not answer: {}", answer.stderr.trim());
            return Err(HostError::new(op, FaultKind::Unavailable));
        }
        Ok(answer)
    }

    /// A call that must succeed.
    fn must(&self, args: Vec<String>, patience: Duration) -> HostResult<()> {
        let line = args.join(" ");
        let call = self.invocation(args, patience);
        let answer = self.call(&match self.whose {
            Whose::User { .. } => call,
            Whose::System { .. } => call.as_root(),
        })?;
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
        let answer = self.call(&self.invocation(argv::show(ids), argv::PATIENCE))?;
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
        let scope = match self.whose {
            Whose::User { .. } => Scope::User,
            Whose::System { .. } => Scope::System,
        };
        Manager { kind: ManagerKind::Systemd, scope }
    }

    fn create(&self, spec: &NodeSpec) -> HostResult<Change> {
        let wanted = self.render(spec);
        if self.our_text(spec.id)?.as_ref() == Some(&wanted) {
            return Ok(Change::AlreadySo);
        }
        self.hands.make_root(&self.units)?;
        self.hands.write(&self.unit_file(spec.id), wanted.as_bytes(), 0o644)?;
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
        let mut strangers = processes_of(spec)?;
        strangers.retain(|key| Some(key.pid) != shown.reading.pid);
        if !strangers.is_empty() {
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
        end(self.hands.as_ref(), &strangers, Duration::from_secs(unit::STOP_SECONDS))?;
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
            self.hands.remove_file(&self.unit_file(spec.id))?;
            self.hands.sync_directory(&self.units)?;
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
        found.extend(crate::setsid::ids_of(pids_below(&self.roots)?.keys()));
        Ok(found)
    }
}
