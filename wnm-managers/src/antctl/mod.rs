//! Nodes that `antctl` 0.14 defines and systemd keeps.
//!
//! antctl numbers nodes, makes their directories, copies their program and writes their units: it is
//! called for that, for removing a node and for forgetting all of them. Everything else is asked of
//! and told to systemd itself, whose word on a process is exact, and takes milliseconds: antctl
//! sleeps for three seconds at a start, fails where a node does not answer its RPC although it runs,
//! and writes its whole registry in place each time. It finds out by itself what runs.
//!
//! What antctl says of its own success counts for nothing: its registry is read before and after.
#![expect(clippy::disallowed_methods, reason = "the shell module that looks for units")]

mod call;
mod copies;
mod enrol;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod registry;
mod unit;

pub(crate) use call::known_version;
pub use call::probe_antctl;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{
    Binaries, CommandRunner, Completed, HostError, HostResult, Invocation, NodeManager,
};
use wnm_core::model::{
    KnownProgram, Manager, ManagerKind, NodeId, NodeSpec, Program, Release, Scope, Version,
};
use wnm_core::observe::{FaultKind, Numbering, UnitReading, UnitState};

use crate::hands::{Hands, OwnHands, RootHands};
use crate::process::{self, called, end, pids_below, processes_of};
use crate::systemd::{Shown, Systemctl, Whose, parse_shown, show_args, user_environment};
use copies::Copies;
pub(crate) use registry::{Service, in_file as registry_file, numbering};

/// As whom nodes run in a container, by the name that antctl gives everywhere.
const USER_INSIDE: &str = "ant";
/// `antnode` ends at once; systemd insists after 90 s.
const STOP_PATIENCE: Duration = Duration::from_secs(120);
const END_PATIENCE: Duration = Duration::from_secs(90);

/// Where everything of antctl is.
#[derive(Clone, Debug)]
pub struct AntctlPlaces {
    /// The program.
    pub program: String,
    /// Its registry.
    pub registry: PathBuf,
    /// Units of its nodes.
    pub units: PathBuf,
    /// Our copies of the registry.
    pub copies: PathBuf,
    /// Storage roots.
    pub roots: Vec<PathBuf>,
}

/// `antctl+user`, `antctl+zen` and `antctl+sudo`.
pub struct Antctl {
    manager: Manager,
    runner: Arc<dyn CommandRunner>,
    ctl: Systemctl,
    /// Variables that antctl needs.
    environment: Vec<(String, String)>,
    places: AntctlPlaces,
    copies: Copies,
    hands: Arc<dyn Hands>,
    /// As whom nodes run; a user's run as that user.
    user: Option<String>,
    /// Runs tools on this machine.
    host: Arc<dyn CommandRunner>,
    /// The first process of the container that antctl is in, by its number on this machine.
    within: Option<u32>,
}

impl std::fmt::Debug for Antctl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Antctl")
            .field("manager", &self.manager)
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}

impl Antctl {
    /// A user's own; `kind` says who chooses the places.
    pub fn of_user(
        kind: ManagerKind,
        runner: Arc<dyn CommandRunner>,
        runtime_dir: String,
        places: AntctlPlaces,
    ) -> Antctl {
        Antctl {
            manager: Manager { kind, scope: Scope::User },
            environment: user_environment(&runtime_dir),
            ctl: Systemctl::new(Arc::clone(&runner), Whose::User { runtime_dir }),
            host: Arc::clone(&runner),
            runner,
            copies: Copies(places.copies.clone()),
            places,
            hands: Arc::new(OwnHands),
            user: None,
            within: None,
        }
    }

    /// The machine's: antctl is called as root.
    pub fn of_system(
        runner: Arc<dyn CommandRunner>,
        places: AntctlPlaces,
        hands: RootHands,
    ) -> Antctl {
        Antctl {
            manager: Manager { kind: ManagerKind::Antctl, scope: Scope::System },
            environment: Vec::new(),
            ctl: Systemctl::new(Arc::clone(&runner), Whose::System),
            host: Arc::clone(&runner),
            runner,
            copies: Copies(places.copies.clone()),
            user: Some(hands.user().to_owned()),
            places,
            hands: Arc::new(hands),
            within: None,
        }
    }

    /// The one of a container, which root calls there and whose nodes are the user `ant`'s there; its
    /// `places` are seen from here. `inside` runs programs in the container, `first` is its first
    /// process while it runs.
    pub(crate) fn of_container(
        scope: Scope,
        inside: Arc<dyn CommandRunner>,
        host: Arc<dyn CommandRunner>,
        places: AntctlPlaces,
        hands: Arc<dyn Hands>,
        first: Option<u32>,
    ) -> Antctl {
        Antctl {
            manager: Manager { kind: ManagerKind::DockerAntctl, scope },
            environment: Vec::new(),
            ctl: Systemctl::new(Arc::clone(&inside), Whose::System),
            runner: inside,
            copies: Copies(places.copies.clone()),
            user: Some(USER_INSIDE.to_owned()),
            places,
            hands,
            host,
            within: Some(first.unwrap_or_default()),
        }
    }

    /// What its registry has, removed or not.
    pub(crate) fn services(&self) -> HostResult<Vec<Service>> {
        Ok(self.look()?.1)
    }

    /// What its registry has of the node, removed or not.
    pub(crate) fn service(&self, spec: &NodeSpec) -> HostResult<Option<Service>> {
        Ok(find(&self.services()?, spec).cloned())
    }

    /// Forgets the copies of its registry, which is to go as well.
    pub(crate) fn forget_copies(&self) -> HostResult<()> {
        self.copies.forget()
    }

    /// The registry as text and read, unless it cannot be believed.
    fn look(&self) -> HostResult<(String, Vec<Service>)> {
        let path = &self.places.registry;
        let text = copies::read(path)?;
        let services = registry::parse(&text).map_err(|error| {
            let op = format!("read {}, of which {} is a copy", path.display(), self.copies.whose());
            HostError::with(op, error.kind, error)
        })?;
        self.copies.refuse_shrunken(path, &services)?;
        Ok((text, services))
    }

    fn invocation(&self, args: Vec<String>, patience: Duration) -> Invocation {
        let mut call = call::call(&self.places.program, args, patience);
        call.env.clone_from(&self.environment);
        match self.user {
            Some(_) => call.as_root(),
            None => call,
        }
    }

    /// Lets antctl change something, with a copy of its registry kept before. A timeout or an exit
    /// in anger is for the caller to judge: antctl may have done it all the same.
    fn change(&self, before: &str, call: &Invocation) -> HostResult<HostResult<Completed>> {
        let others = called("antctl", self.user.is_some());
        if let Some(pid) = others.first() {
            let op = format!(
                "antctl is being used by somebody else, process {pid}: two at once lose nodes from \
                 its registry"
            );
            return Err(HostError::new(op, FaultKind::Conflict));
        }
        self.copies.keep_before(before)?;
        let ran = self.runner.run(call).map_err(|error| match error.kind {
            FaultKind::NotFound => call::not_found(&self.places.program),
            _ => error,
        });
        Ok(ran)
    }

    fn unit_file(&self, spec: &NodeSpec) -> PathBuf {
        self.places.units.join(unit::name(&spec.service()))
    }

    /// The text of the unit file; `None` when there is none.
    fn unit_text(&self, spec: &NodeSpec) -> HostResult<Option<String>> {
        let path = self.unit_file(spec);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(HostError::io(format!("read {}", path.display()), error)),
        }
    }

    fn write_unit(&self, spec: &NodeSpec, text: &str) -> HostResult<()> {
        self.hands.make_root(&self.places.units)?;
        self.hands.write(&self.unit_file(spec), text.as_bytes(), 0o644)?;
        self.tell("daemon-reload", None)
    }

    fn show(&self, specs: &[&NodeSpec]) -> HostResult<Vec<Shown>> {
        if specs.is_empty() {
            return Ok(Vec::new());
        }
        let names = specs.iter().map(|spec| unit::name(&spec.service()));
        let answer = self.ctl.ask(show_args(names), call::PATIENCE)?;
        if !answer.ok() {
            let why = answer.stderr.trim().to_owned();
            return Err(HostError::with("systemctl show", FaultKind::Unavailable, why));
        }
        let mut shown = parse_shown(&answer.stdout)?;
        let each = specs.iter().map(|spec| {
            let missing =
                || HostError::new(format!("systemctl left out {}", spec.id), FaultKind::Garbled);
            shown.remove(&unit::name(&spec.service())).ok_or_else(missing)
        });
        let shown: Vec<Shown> = each.collect::<HostResult<_>>()?;
        match self.within {
            None => Ok(shown),
            Some(first) => seen_from_here(first, specs, shown),
        }
    }

    fn show_one(&self, spec: &NodeSpec) -> HostResult<Shown> {
        let missing = || HostError::new("systemctl said nothing", FaultKind::Garbled);
        self.show(&[spec])?.pop().ok_or_else(missing)
    }

    /// Tells systemd to do `verb`, for one unit or none.
    fn tell(&self, verb: &str, spec: Option<&NodeSpec>) -> HostResult<()> {
        let mut args = vec![verb.to_owned()];
        if let Some(spec) = spec {
            args.extend(["--quiet".to_owned(), "--".to_owned(), unit::name(&spec.service())]);
        }
        self.ctl.must(args, if verb == "stop" { STOP_PATIENCE } else { call::PATIENCE })
    }

    /// What antctl knows of the node, unless it was removed.
    fn known(&self, spec: &NodeSpec) -> HostResult<Service> {
        let (_, services) = self.look()?;
        match find(&services, spec) {
            Some(service) if !service.is_removed() => Ok(service.clone()),
            Some(_) => Err(HostError::new(
                format!("antctl has removed {}, and never gives a number twice", spec.service()),
                FaultKind::Conflict,
            )),
            None => Err(HostError::new(
                format!("antctl knows no {}", spec.service()),
                FaultKind::NotFound,
            )),
        }
    }

    /// Afterwards the unit of a node that antctl knows is there.
    fn mend(&self, spec: &NodeSpec) -> HostResult<Change> {
        if self.unit_text(spec)?.is_some() {
            return Ok(Change::AlreadySo);
        }
        self.write_unit(spec, &unit::render(spec, self.user.as_deref()))?;
        Ok(Change::Made)
    }
}

/// The same with numbers of processes as they are on this machine: those of a container are somebody
/// else's here.
fn seen_from_here(
    first: u32,
    specs: &[&NodeSpec],
    mut shown: Vec<Shown>,
) -> HostResult<Vec<Shown>> {
    let roots: BTreeSet<PathBuf> = specs.iter().map(|spec| spec.storage.clone()).collect();
    let found = pids_below(&roots.into_iter().collect::<Vec<_>>())?;
    for (spec, shown) in specs.iter().zip(&mut shown) {
        let inside = shown.reading.pid.take();
        let here = found.get(&spec.data).map(Vec::as_slice).unwrap_or_default();
        let is_it = |pid: &&u32| {
            process::parent(**pid) == Some(first) && process::number_inside(**pid) == inside
        };
        shown.reading.pid = inside.and_then(|_| here.iter().find(is_it).copied());
    }
    Ok(shown)
}

fn find<'s>(services: &'s [Service], spec: &NodeSpec) -> Option<&'s Service> {
    let name = spec.service();
    services.iter().find(|service| service.service_name == name)
}

fn is_resting(shown: &Shown) -> bool {
    matches!(shown.reading.state, UnitState::Stopped | UnitState::Missing | UnitState::Failed)
}

impl NodeManager for Antctl {
    fn manager(&self) -> Manager {
        self.manager
    }

    fn create(&self, spec: &NodeSpec) -> HostResult<Change> {
        let service = self.known(spec)?;
        enrol::refuse_other_place(&service, spec)?;
        self.mend(spec)
    }

    fn enrol(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
        enrol::enrol(self, spec, release)
    }

    fn start(&self, spec: &NodeSpec) -> HostResult<Change> {
        let service = self.known(spec)?;
        enrol::refuse_other_place(&service, spec)?;
        let shown = self.show_one(spec)?;
        if shown.needs_reload {
            self.tell("daemon-reload", None)?;
        }
        if shown.reading.state == UnitState::Running {
            return Ok(Change::AlreadySo);
        }
        let mut strangers = processes_of(spec)?;
        strangers.retain(|key| Some(key.pid) != shown.reading.pid);
        if let Some(stranger) = strangers.first() {
            let op = format!(
                "start {}: process {} uses its data already, and systemd did not start it",
                spec.id, stranger.pid
            );
            return Err(HostError::new(op, FaultKind::Conflict));
        }
        if shown.reading.state == UnitState::Failed {
            self.tell("reset-failed", Some(spec))?;
        }
        if spec.autostart {
            self.tell("enable", Some(spec))?;
        }
        self.tell("start", Some(spec))?;
        Ok(Change::Made)
    }

    /// The registry is not asked: what runs is stopped, whatever is known of it.
    fn stop(&self, spec: &NodeSpec) -> HostResult<Change> {
        let shown = self.show_one(spec)?;
        let resting = is_resting(&shown);
        if !resting {
            // A signal alone would have systemd start it again.
            self.tell("stop", Some(spec))?;
        }
        if spec.autostart && self.unit_text(spec)?.is_some() {
            self.tell("disable", Some(spec))?;
        }
        let strangers = processes_of(spec)?;
        end(self.hands.as_ref(), &strangers, END_PATIENCE)?;
        Ok(if resting && strangers.is_empty() { Change::AlreadySo } else { Change::Made })
    }

    fn remove(&self, spec: &NodeSpec) -> HostResult<Change> {
        let (before, services) = self.look()?;
        let Some(service) = find(&services, spec).filter(|service| !service.is_removed()) else {
            return Ok(Change::AlreadySo);
        };
        enrol::refuse_other_place(service, spec)?;
        let shown = self.show_one(spec)?;
        if !is_resting(&shown) {
            let op = format!("{} still runs: stop it first", unit::name(&spec.service()));
            return Err(HostError::new(op, FaultKind::Refused));
        }
        if self.unit_text(spec)?.is_none() {
            // antctl cannot remove a node whose unit was deleted by hand.
            self.write_unit(spec, unit::STUB)?;
        }
        let call = self.invocation(call::remove(&spec.service()), call::PATIENCE);
        let ran = self.change(&before, &call)?;
        let (after, services) = self.look()?;
        if !find(&services, spec).is_some_and(Service::is_removed) {
            return Err(enrol::did_nothing(&call, ran));
        }
        self.copies.keep_after(&after)?;
        if shown.reading.state == UnitState::Failed {
            // A unit that is gone stays failed until that is forgotten; it may be so by now.
            let _ = self.tell("reset-failed", Some(spec));
        }
        self.tell("daemon-reload", None)?;
        Ok(Change::Made)
    }

    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        let (_, services) = self.look()?;
        let shown = self.show(specs)?;
        let each = specs.iter().zip(shown).map(|(spec, shown)| {
            let known = find(&services, spec).is_some_and(|service| !service.is_removed());
            let mut reading = shown.reading;
            let missing = reading.state == UnitState::Missing;
            if known && missing {
                reading.state = UnitState::Stopped;
            } else if !known && is_quiet(reading.state) {
                reading.state = UnitState::Missing;
            }
            reading.definition_lost = known && self.unit_text(spec)?.is_none();
            Ok(reading)
        });
        each.collect()
    }

    fn discover(&self) -> HostResult<BTreeSet<NodeId>> {
        let mut found = self.keeps()?;
        found.extend(crate::setsid::ids_of(
            &self.places.roots,
            pids_below(&self.places.roots)?.keys(),
        ));
        Ok(found)
    }

    fn keeps(&self) -> HostResult<BTreeSet<NodeId>> {
        let (_, services) = self.look()?;
        Ok(registry::ids(&services))
    }

    fn numbering(&self) -> HostResult<Option<Numbering>> {
        let (_, services) = self.look()?;
        Ok(Some(registry::numbering(&services)))
    }

    fn reset(&self) -> HostResult<Change> {
        let (before, services) = self.look()?;
        if services.is_empty() {
            return Ok(Change::AlreadySo);
        }
        if !services.iter().all(Service::is_removed) {
            // Ours are gone by now: these are somebody else's, and a reset would delete them.
            return Ok(Change::NotManaged);
        }
        let call = self.invocation(call::reset(), call::PATIENCE);
        let ran = self.change(&before, &call)?;
        let after = copies::read(&self.places.registry)?;
        if !registry::parse(&after)?.is_empty() {
            return Err(enrol::did_nothing(&call, ran));
        }
        self.copies.keep_after(&after)?;
        Ok(Change::Made)
    }
}

/// A unit of a node that antctl does not know, and that does not run, is none.
fn is_quiet(state: UnitState) -> bool {
    matches!(state, UnitState::Stopped | UnitState::Failed)
}

/// The program that antctl will download: nothing of it is on this machine yet.
#[derive(Clone, Debug)]
pub struct Downloaded(
    /// Which version.
    pub Version,
);

impl Binaries for Downloaded {
    /// There is no file to know.
    fn look(
        &self,
        program: Program,
        _: Option<&KnownProgram>,
    ) -> HostResult<(Release, Option<KnownProgram>)> {
        Ok((Release::new(self.0.clone(), program.binary_name()), None))
    }
}
