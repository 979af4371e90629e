//! One unit a node, kept by a user's own systemd or by the machine's.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads and writes units")]

mod argv;
mod ctl;
mod show;
mod unit;

pub(crate) use argv::{show_units as show_args, user_environment};
pub(crate) use ctl::{Systemctl, Whose};
pub(crate) use show::{Shown, parse as parse_shown};
pub(crate) use unit::{assignment, quote};
pub use unit::{is_ours as unit_is_ours, is_released as unit_is_released};

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, HostError, HostResult, NodeManager};
use wnm_core::model::{Manager, ManagerKind, NodeId, NodeSpec, Scope, UnitDrift};
use wnm_core::observe::{FaultKind, UnitReading, UnitState};
use wnm_core::policy::Together;

use crate::hands::{Hands, OwnHands, RootHands};
use crate::process::{end, pids_below, processes_of};

/// Longer than the units' own TimeoutStopSec, so that systemd decides, not we.
const STOP_PATIENCE: Duration = Duration::from_secs(unit::STOP_SECONDS + 30);

/// `systemd+user` and `systemd+sudo`.
pub struct Systemd {
    ctl: Systemctl,
    units: PathBuf,
    roots: Vec<PathBuf>,
    /// As whom nodes of the machine's own systemd run; a user's run as that user.
    user: Option<String>,
    hands: Arc<dyn Hands>,
    /// What all nodes get together.
    together: Together,
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
        let ctl = Systemctl::new(runner, Whose::User { runtime_dir });
        Systemd {
            ctl,
            units,
            roots,
            user: None,
            hands: Arc::new(OwnHands),
            together: Together::default(),
        }
    }

    /// The machine's own, which is told what to do with root's rights, and asked without.
    pub fn of_system(
        runner: Arc<dyn CommandRunner>,
        units: PathBuf,
        roots: Vec<PathBuf>,
        hands: RootHands,
    ) -> Systemd {
        let ctl = Systemctl::new(runner, Whose::System);
        let user = Some(hands.user().to_owned());
        Systemd { ctl, units, roots, user, hands: Arc::new(hands), together: Together::default() }
    }

    /// The same, with bounds for all nodes together.
    #[must_use]
    pub fn within(mut self, together: Together) -> Systemd {
        self.together = together;
        self
    }

    fn slice_file(&self) -> PathBuf {
        self.units.join(unit::SLICE)
    }

    /// Whether the slice is as it should be; somebody else's is left as it is.
    fn slice_is_right(&self) -> HostResult<bool> {
        let wanted = unit::render_slice(&self.together);
        let found = read(&self.slice_file())?;
        Ok(found.is_some_and(|found| found == wanted || !unit::is_ours(&found)))
    }

    fn write_slice(&self) -> HostResult<()> {
        let wanted = unit::render_slice(&self.together);
        self.hands.write(&self.slice_file(), wanted.as_bytes(), 0o644)
    }

    /// With the last unit of ours goes its slice.
    fn remove_empty_slice(&self) -> HostResult<()> {
        let others = units_in(&self.units)?;
        let ours = read(&self.slice_file())?.is_some_and(|text| unit::is_ours(&text));
        match others.is_empty() && ours {
            true => self.hands.remove_file(&self.slice_file()),
            false => Ok(()),
        }
    }

    fn unit_file(&self, id: NodeId) -> PathBuf {
        self.units.join(unit::name(id))
    }

    fn render(&self, spec: &NodeSpec) -> String {
        unit::render(spec, self.user.as_deref())
    }

    fn must(&self, args: Vec<String>, patience: Duration) -> HostResult<()> {
        self.ctl.must(args, patience)
    }

    fn show(&self, ids: &[NodeId]) -> HostResult<BTreeMap<NodeId, Shown>> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let answer = self.ctl.ask(argv::show(ids), argv::PATIENCE)?;
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
        read(&self.unit_file(id))
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
        let scope = if self.user.is_some() { Scope::System } else { Scope::User };
        Manager { kind: ManagerKind::Systemd, scope }
    }

    fn create(&self, spec: &NodeSpec) -> HostResult<Change> {
        let wanted = self.render(spec);
        let is_right = self.our_text(spec.id)?.as_ref() == Some(&wanted);
        let slice_is_right = self.slice_is_right()?;
        if is_right && slice_is_right && !self.show_one(spec.id)?.needs_reload {
            return Ok(Change::AlreadySo);
        }
        self.hands.make_root(&self.units)?;
        if !slice_is_right {
            self.write_slice()?;
        }
        if !is_right {
            self.hands.write(&self.unit_file(spec.id), wanted.as_bytes(), 0o644)?;
        }
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
        self.remove_empty_slice()?;
        if shown.reading.state == UnitState::Failed {
            self.must(argv::reset_failed(spec.id), argv::PATIENCE)?;
        }
        if text.is_some() || shown.reading.state != UnitState::Missing {
            self.reload()?;
        }
        Ok(if text.is_some() { Change::Made } else { Change::AlreadySo })
    }

    /// Enabled before it is told to be somebody else's: whatever is cut short, a unit that is not
    /// ours any more comes back after a restart of the machine.
    fn hand_over(&self, spec: &NodeSpec) -> HostResult<Change> {
        let text = self.text(spec.id)?.ok_or_else(|| {
            let op = format!("hand over {}: it has no unit", spec.id);
            HostError::new(op, FaultKind::NotFound)
        })?;
        if unit::is_released(&text) {
            self.must(argv::enable(spec.id), argv::PATIENCE)?;
            self.reload()?;
            return Ok(Change::AlreadySo);
        }
        self.our_text(spec.id)?;
        self.must(argv::enable(spec.id), argv::PATIENCE)?;
        let theirs = unit::released(&text);
        self.hands.write(&self.unit_file(spec.id), theirs.as_bytes(), 0o644)?;
        self.reload()?;
        Ok(Change::Made)
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
        let mut found = units_in(&self.units)?;
        found.extend(crate::setsid::ids_of(pids_below(&self.roots)?.keys()));
        Ok(found)
    }

    fn drift(&self, specs: &[&NodeSpec]) -> HostResult<BTreeMap<NodeId, UnitDrift>> {
        let ids: Vec<NodeId> = specs.iter().map(|spec| spec.id).collect();
        let shown = self.show(&ids)?;
        // The slice belongs to no node: whichever is written first puts it right with its own.
        let mut slice_is_right = specs.is_empty() || self.slice_is_right()?;
        let mut drift = BTreeMap::new();
        for spec in specs {
            let Some(text) = self.text(spec.id)?.filter(|text| unit::is_ours(text)) else {
                continue;
            };
            let Some(shown) = shown.get(&spec.id) else { continue };
            let found = if text != self.render(spec) || !slice_is_right {
                Some(UnitDrift::Rewritten)
            } else if shown.needs_reload {
                Some(UnitDrift::NotReloaded)
            } else {
                let by = shown.overridden_by.clone();
                (!by.is_empty()).then_some(UnitDrift::Overridden { by })
            };
            if shown.reading.state == UnitState::Running && found.is_some() {
                slice_is_right = true;
            }
            drift.extend(found.map(|found| (spec.id, found)));
        }
        Ok(drift)
    }
}

/// The text of a file; `None` when there is none.
fn read(path: &Path) -> HostResult<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HostError::io(format!("read {}", path.display()), error)),
    }
}

/// Units of a node's name, whoever made them.
fn units_in(directory: &Path) -> HostResult<BTreeSet<NodeId>> {
    match fs::read_dir(directory) {
        Ok(entries) => Ok(entries
            .flatten()
            .filter_map(|entry| unit::id_of(entry.file_name().to_str()?))
            .collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(HostError::io(format!("list {}", directory.display()), error)),
    }
}
