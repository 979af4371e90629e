//! One unit a node, kept by a user's own systemd or by the machine's.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads and writes units")]

mod argv;
mod ctl;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
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
        let ours = read(&self.slice_file())?.is_some_and(|text| unit::is_ours(&text));
        match ours && !any_of_ours(&self.units)? {
            true => self.hands.remove_file(&self.slice_file()),
            false => Ok(()),
        }
    }

    fn unit_file(&self, spec: &NodeSpec) -> PathBuf {
        self.units.join(unit::name(spec))
    }

    fn render(&self, spec: &NodeSpec) -> String {
        unit::render(spec, self.user.as_deref())
    }

    fn must(&self, args: Vec<String>, patience: Duration) -> HostResult<()> {
        self.ctl.must(args, patience)
    }

    /// One answer per node, in their order.
    fn show(&self, specs: &[&NodeSpec]) -> HostResult<Vec<Shown>> {
        if specs.is_empty() {
            return Ok(Vec::new());
        }
        let names = specs.iter().map(|spec| unit::name(spec));
        let answer = self.ctl.ask(argv::show_units(names), argv::PATIENCE)?;
        if !answer.ok() {
            let why = answer.stderr.trim().to_owned();
            return Err(HostError::with("systemctl show", FaultKind::Unavailable, why));
        }
        let mut shown = show::parse(&answer.stdout)?;
        let each = specs.iter().map(|spec| {
            let missing =
                || HostError::new(format!("systemctl left out {}", spec.id), FaultKind::Garbled);
            shown.remove(&unit::name(spec)).ok_or_else(missing)
        });
        each.collect()
    }

    fn show_one(&self, spec: &NodeSpec) -> HostResult<Shown> {
        let missing = || HostError::new("systemctl said nothing", FaultKind::Garbled);
        self.show(&[spec])?.pop().ok_or_else(missing)
    }

    /// The text of the unit file; `None` when there is none.
    fn text(&self, spec: &NodeSpec) -> HostResult<Option<String>> {
        read(&self.unit_file(spec))
    }

    /// The unit file's text when it is ours; somebody else's is a conflict.
    fn our_text(&self, spec: &NodeSpec) -> HostResult<Option<String>> {
        match self.text(spec)? {
            Some(text) if !unit::is_ours(&text) => {
                let op = format!(
                    "{} was not made by wnm and is left alone",
                    self.unit_file(spec).display()
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
        let is_right = self.our_text(spec)?.as_ref() == Some(&wanted);
        let slice_is_right = self.slice_is_right()?;
        if is_right && slice_is_right && !self.show_one(spec)?.needs_reload {
            return Ok(Change::AlreadySo);
        }
        self.hands.make_root(&self.units)?;
        if !slice_is_right {
            self.write_slice()?;
        }
        if !is_right {
            self.hands.write(&self.unit_file(spec), wanted.as_bytes(), 0o644)?;
        }
        self.reload()?;
        Ok(Change::Made)
    }

    fn adopt(&self, specs: &[&NodeSpec]) -> HostResult<Change> {
        if specs.is_empty() {
            return Ok(Change::AlreadySo);
        }
        self.hands.make_root(&self.units)?;
        if !self.slice_is_right()? {
            self.write_slice()?;
        }
        for spec in specs {
            let wanted = self.render(spec);
            if self.text(spec)?.as_ref() != Some(&wanted) {
                self.hands.write(&self.unit_file(spec), wanted.as_bytes(), 0o644)?;
            }
        }
        self.reload()?;
        Ok(Change::Made)
    }

    fn reread(&self) -> HostResult<()> {
        self.remove_empty_slice()?;
        self.reload()
    }

    fn start(&self, spec: &NodeSpec) -> HostResult<Change> {
        if self.our_text(spec)?.is_none() {
            let op = format!("start {}: it has no unit", spec.id);
            return Err(HostError::new(op, FaultKind::NotFound));
        }
        let shown = self.show_one(spec)?;
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
            self.must(argv::reset_failed(&unit::name(spec)), argv::PATIENCE)?;
        }
        if spec.autostart {
            self.must(argv::enable(&unit::name(spec)), argv::PATIENCE)?;
        }
        self.must(argv::start(&unit::name(spec)), argv::PATIENCE)?;
        Ok(Change::Made)
    }

    fn stop(&self, spec: &NodeSpec) -> HostResult<Change> {
        let shown = self.show_one(spec)?;
        let resting = matches!(
            shown.reading.state,
            UnitState::Stopped | UnitState::Missing | UnitState::Failed
        );
        if !resting {
            self.must(argv::stop(&unit::name(spec)), STOP_PATIENCE)?;
        }
        if spec.autostart && self.our_text(spec)?.is_some() {
            self.must(argv::disable(&unit::name(spec)), argv::PATIENCE)?;
        }
        // What is still there was started by somebody else, with this node's data.
        let strangers = processes_of(spec)?;
        end(self.hands.as_ref(), &strangers, Duration::from_secs(unit::STOP_SECONDS))?;
        Ok(if resting && strangers.is_empty() { Change::AlreadySo } else { Change::Made })
    }

    fn remove(&self, spec: &NodeSpec) -> HostResult<Change> {
        let shown = self.show_one(spec)?;
        let resting = matches!(
            shown.reading.state,
            UnitState::Stopped | UnitState::Missing | UnitState::Failed
        );
        if !resting {
            let op = format!("{} still runs: stop it first", unit::name(spec));
            return Err(HostError::new(op, FaultKind::Refused));
        }
        let text = self.our_text(spec)?;
        if text.is_some() {
            if spec.autostart {
                self.must(argv::disable(&unit::name(spec)), argv::PATIENCE)?;
            }
            self.hands.remove_file(&self.unit_file(spec))?;
            self.hands.sync_directory(&self.units)?;
        }
        self.remove_empty_slice()?;
        if shown.reading.state == UnitState::Failed {
            self.must(argv::reset_failed(&unit::name(spec)), argv::PATIENCE)?;
        }
        if text.is_some() || shown.reading.state != UnitState::Missing {
            self.reload()?;
        }
        Ok(if text.is_some() { Change::Made } else { Change::AlreadySo })
    }

    /// Enabled before it is told to be somebody else's: whatever is cut short, a unit that is not
    /// ours any more comes back after a restart of the machine.
    fn hand_over(&self, spec: &NodeSpec) -> HostResult<Change> {
        let text = self.text(spec)?.ok_or_else(|| {
            let op = format!("hand over {}: it has no unit", spec.id);
            HostError::new(op, FaultKind::NotFound)
        })?;
        if unit::is_released(&text) {
            self.must(argv::enable(&unit::name(spec)), argv::PATIENCE)?;
            self.reload()?;
            return Ok(Change::AlreadySo);
        }
        self.our_text(spec)?;
        self.must(argv::enable(&unit::name(spec)), argv::PATIENCE)?;
        let theirs = unit::released(&text);
        self.hands.write(&self.unit_file(spec), theirs.as_bytes(), 0o644)?;
        self.reload()?;
        Ok(Change::Made)
    }

    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        let shown = self.show(specs)?;
        specs
            .iter()
            .zip(shown)
            .map(|(spec, Shown { mut reading, .. })| {
                let lives = !matches!(reading.state, UnitState::Missing);
                reading.definition_lost = lives && self.text(spec)?.is_none();
                Ok(reading)
            })
            .collect()
    }

    /// Units of a node's name, whoever made them, and processes below our storage roots.
    fn discover(&self) -> HostResult<BTreeSet<NodeId>> {
        let mut found = self.keeps()?;
        found.extend(crate::setsid::ids_of(&self.roots, pids_below(&self.roots)?.keys()));
        Ok(found)
    }

    fn keeps(&self) -> HostResult<BTreeSet<NodeId>> {
        units_in(&self.units)
    }

    fn drift(&self, specs: &[&NodeSpec]) -> HostResult<BTreeMap<NodeId, UnitDrift>> {
        let shown = self.show(specs)?;
        // The slice belongs to no node: whichever is written first puts it right with its own.
        let mut slice_is_right = specs.is_empty() || self.slice_is_right()?;
        let mut drift = BTreeMap::new();
        for (spec, shown) in specs.iter().zip(shown) {
            let Some(text) = self.text(spec)?.filter(|text| unit::is_ours(text)) else {
                continue;
            };
            let found = if text != self.render(spec) || !slice_is_right {
                Some(UnitDrift::Rewritten)
            } else if shown.needs_reload {
                Some(UnitDrift::NotReloaded)
            } else {
                let by = shown.overridden_by;
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

/// Whether a unit of ours lies there, whatever it is called.
fn any_of_ours(directory: &Path) -> HostResult<bool> {
    let failed = |error| HostError::io(format!("list {}", directory.display()), error);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_service = path.extension().is_some_and(|kind| kind == "service");
        // What cannot be read is none of ours, which everybody may read.
        let runs_a_node = |text: &str| unit::is_ours(text) && text.contains("\nSlice=wnm.slice\n");
        if is_service && fs::read_to_string(&path).is_ok_and(|text| runs_a_node(&text)) {
            return Ok(true);
        }
    }
    Ok(false)
}
