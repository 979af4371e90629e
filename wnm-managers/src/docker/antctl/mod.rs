//! Containers with a systemd and an antctl of their own. A node is told by its container and its
//! service together: each container counts from 1.
//!
//! What one container does is told once, in [`Antctl`]: here it is called through the container, with
//! its registry and its units on this machine, where they are read without a call. What is here is
//! which container, and that it stands. A container that starts again starts no node, for their units
//! are not enabled.

mod argv;
mod inside;
mod leave;
mod places;
mod stand;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, HostError, HostResult, NodeManager, Privilege};
use wnm_core::model::{Manager, ManagerKind, NodeId, NodeSpec, Release, Scope};
use wnm_core::observe::{FaultKind, Numbering, UnitReading, UnitState};

use super::engine::{self, Engine};
use super::found::{Found, Status};
use super::{UP_PATIENCE, reading};
use crate::antctl::{Antctl, AntctlPlaces, Service, numbering};
use crate::hands::{Hands, OwnHands, RootHands};
use crate::process::{self, end, processes_of};
use inside::Inside;
use places::Place;

const END_PATIENCE: Duration = Duration::from_secs(super::argv::STOP_SECONDS);

/// How such containers are made, and where what belongs to them lies.
#[derive(Clone, Debug)]
pub struct DockerAntctlSettings {
    /// `docker_command`.
    pub command: String,
    /// `docker_image`: one with systemd and antctl in it.
    pub image: String,
    /// A directory of ours for each container.
    pub boxes: PathBuf,
    /// Our copies of their registries.
    pub copies: PathBuf,
    /// The storage roots of the settings; each container has one of its own below one of them.
    pub roots: Vec<PathBuf>,
    /// Where their logs lie.
    pub logs: PathBuf,
}

/// `docker-antctl+user` and `docker-antctl+sudo`.
pub struct DockerAntctl {
    runner: Arc<dyn CommandRunner>,
    engine: Engine,
    settings: DockerAntctlSettings,
    /// As whom nodes run in the system scope; a user's run as that user.
    user: Option<String>,
    hands: Arc<dyn Hands>,
}

impl std::fmt::Debug for DockerAntctl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerAntctl").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl DockerAntctl {
    /// For a user whom the daemon obeys.
    pub fn new(runner: Arc<dyn CommandRunner>, settings: DockerAntctlSettings) -> DockerAntctl {
        let engine = Engine::new(Arc::clone(&runner), settings.command.clone(), Privilege::Own);
        DockerAntctl { runner, engine, settings, user: None, hands: Arc::new(OwnHands) }
    }

    /// With root's rights, for nodes that run as a user of their own.
    pub fn of_system(
        runner: Arc<dyn CommandRunner>,
        settings: DockerAntctlSettings,
        hands: RootHands,
    ) -> DockerAntctl {
        let engine = Engine::new(Arc::clone(&runner), settings.command.clone(), Privilege::Root);
        let user = Some(hands.user().to_owned());
        DockerAntctl { runner, engine, settings, user, hands: Arc::new(hands) }
    }

    fn scope(&self) -> Scope {
        if self.user.is_some() { Scope::System } else { Scope::User }
    }

    fn place(&self, name: &str) -> Place {
        Place::of(&self.settings.boxes, name)
    }

    /// The antctl of a container, which can be told nothing while that does not run.
    fn antctl(&self, name: &str, found: Option<&Found>) -> Antctl {
        let place = self.place(name);
        let live = found.filter(|found| found.status == Status::Running);
        let inside = Inside {
            engine: self.engine.clone(),
            name: name.to_owned(),
            id: live.map(|found| found.id.clone()),
        };
        let places = AntctlPlaces {
            program: "antctl".to_owned(),
            registry: place.registry(),
            units: place.units(),
            copies: self.settings.copies.join(name),
            roots: Vec::new(),
        };
        Antctl::of_container(
            self.scope(),
            Arc::new(inside),
            Arc::clone(&self.runner),
            places,
            Arc::clone(&self.hands),
            live.map(|found| found.pid),
        )
    }

    /// What its registry has of a node, whether the container runs or not.
    fn service(&self, name: &str, spec: &NodeSpec) -> HostResult<Option<Service>> {
        self.antctl(name, None).service(spec)
    }

    fn is_ours(&self, found: &Found, name: &str) -> bool {
        let root = self.place(name).root;
        root.to_str().is_some_and(|root| found.has_label(argv::OURS, root))
    }

    /// The container, when it is ours; somebody else's is as good as none.
    fn look(&self, name: &str) -> HostResult<Option<Found>> {
        Ok(self.engine.look(name)?.filter(|found| self.is_ours(found, name)))
    }

    /// Lays the program where the container's antctl can copy it, and tells where that is in there.
    fn lay_ready(&self, place: &Place, spec: &NodeSpec, release: &Release) -> HostResult<Release> {
        if !release.path.is_absolute() {
            let op = "nodes in containers are given a program of this machine: name it with \
                      node_binary";
            return Err(HostError::new(op, FaultKind::Refused));
        }
        let name = spec.program.binary_name();
        let coming = place.coming().join(name);
        self.hands.make_root(&place.coming())?;
        self.hands.copy(&release.path, &coming, 0o755)?;
        if let Some(wanted) = &release.sha256 {
            let is = self.hands.sha256(&coming)?;
            if is != *wanted {
                let op = format!(
                    "{} is not what it was when it was verified: it has the SHA-256 {is}, and \
                     should have {wanted}",
                    release.path.display()
                );
                return Err(HostError::new(op, FaultKind::Conflict));
            }
        }
        let path = Path::new(argv::ANTCTL_HOME).join("coming").join(name);
        Ok(Release { path, ..release.clone() })
    }
}

/// The container that a node is in.
fn container_of(spec: &NodeSpec) -> HostResult<&str> {
    spec.container.as_deref().ok_or_else(|| {
        let op = format!("{} is recorded without a container", spec.id);
        HostError::new(op, FaultKind::Conflict)
    })
}

fn either(one: Change, other: Change) -> Change {
    if one == Change::Made { one } else { other }
}

impl NodeManager for DockerAntctl {
    fn manager(&self) -> Manager {
        Manager { kind: ManagerKind::DockerAntctl, scope: self.scope() }
    }

    fn create(&self, spec: &NodeSpec) -> HostResult<Change> {
        let name = container_of(spec)?;
        if self.service(name, spec)?.is_none_or(|service| service.is_removed()) {
            let op = format!("the antctl of container {name} knows no {}", spec.service());
            return Err(HostError::new(op, FaultKind::NotFound));
        }
        let (found, stood) = self.stand(name, spec)?;
        Ok(either(stood, self.antctl(name, Some(&found)).create(spec)?))
    }

    fn enrol(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
        let name = container_of(spec)?;
        let place = self.place(name);
        match self.service(name, spec)? {
            Some(service) if service.is_removed() => {
                let op = format!(
                    "the antctl of container {name} has removed {}, and never gives a number twice",
                    spec.service()
                );
                return Err(HostError::new(op, FaultKind::Conflict));
            }
            Some(_) => return self.create(spec),
            None => {}
        }
        let (found, _) = self.stand(name, spec)?;
        let laid = self.lay_ready(&place, spec, release);
        let made = laid.and_then(|release| {
            let service = spec.service();
            self.hands.write(&place.node(spec.id), service.as_bytes(), 0o644)?;
            self.antctl(name, Some(&found)).enrol(spec, &release)
        });
        // It has its own copy by now, or none; somebody may still be copying.
        if made.is_ok() {
            self.hands.remove_tree(&place.coming())?;
        }
        made
    }

    fn start(&self, spec: &NodeSpec) -> HostResult<Change> {
        let name = container_of(spec)?;
        if self.service(name, spec)?.is_none_or(|service| service.is_removed()) {
            let op = format!(
                "start {}: the antctl of container {name} knows no {}",
                spec.id,
                spec.service()
            );
            return Err(HostError::new(op, FaultKind::NotFound));
        }
        let (found, _) = self.stand(name, spec)?;
        let antctl = self.antctl(name, Some(&found));
        let change = antctl.start(spec)?;
        if change == Change::Made {
            self.wait_until_up(spec, &antctl)?;
        }
        Ok(change)
    }

    fn stop(&self, spec: &NodeSpec) -> HostResult<Change> {
        let name = container_of(spec)?;
        let mut stopped = Change::AlreadySo;
        if let Some(found) = self.look(name)?.filter(Found::is_live) {
            self.engine.refuse_unseen(&found)?;
            if found.status == Status::Paused {
                self.engine.must(super::argv::unpause(name), engine::PATIENCE)?;
            }
            let found = self.wait_until_it_stands(name)?;
            stopped = self.antctl(name, Some(&found)).stop(spec)?;
        }
        // What is still there was started by somebody else, with this node's data.
        let strangers = processes_of(spec)?;
        end(self.hands.as_ref(), &strangers, END_PATIENCE)?;
        Ok(if strangers.is_empty() { stopped } else { Change::Made })
    }

    fn remove(&self, spec: &NodeSpec) -> HostResult<Change> {
        let name = container_of(spec)?;
        let Some(service) = self.service(name, spec)? else {
            let node = self.place(name).node(spec.id);
            if self.hands.is_there(&node)? {
                self.hands.remove_file(&node)?;
            }
            return Ok(Change::AlreadySo);
        };
        if !processes_of(spec)?.is_empty() {
            let op = format!("{} still runs in container {name}: stop it first", spec.id);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        if service.is_removed() {
            // A run that was killed may have left it running for nobody.
            if let Some(found) = self.look(name)?.filter(Found::is_live) {
                self.engine.refuse_unseen(&found)?;
                self.let_rest(name, &found)?;
            }
            return Ok(Change::AlreadySo);
        }
        let (found, _) = self.stand(name, spec)?;
        let change = self.antctl(name, Some(&found)).remove(spec)?;
        self.let_rest(name, &found)?;
        Ok(change)
    }

    fn hand_over(&self, spec: &NodeSpec) -> HostResult<Change> {
        let op = format!("{} shares container {} with others", spec.id, container_of(spec)?);
        Err(HostError::new(op, FaultKind::Refused))
    }

    /// By their containers, each of which is asked once.
    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        let mut together: BTreeMap<&str, Vec<&NodeSpec>> = BTreeMap::new();
        for spec in specs {
            together.entry(container_of(spec)?).or_default().push(spec);
        }
        let mut read = BTreeMap::new();
        for (name, kept) in together {
            let answers = self.states_in(name, &kept)?;
            read.extend(kept.iter().map(|spec| spec.id).zip(answers));
        }
        let left_out = |spec: &&NodeSpec| {
            let op = format!("{} was left out", spec.id);
            read.get(&spec.id).cloned().ok_or_else(|| HostError::new(op, FaultKind::Garbled))
        };
        specs.iter().map(left_out).collect()
    }

    /// By what was written down of them: in their containers they have other numbers.
    fn discover(&self) -> HostResult<BTreeSet<NodeId>> {
        let mut found = BTreeSet::new();
        for name in places::containers(&self.settings.boxes)? {
            found.extend(self.place(&name).ids()?);
        }
        Ok(found)
    }

    fn numbering(&self) -> HostResult<Option<Numbering>> {
        let mut all = Numbering::together(NodeId::FIRST, BTreeSet::new());
        for name in places::containers(&self.settings.boxes)? {
            let own = self.antctl(&name, None).services().map(|services| numbering(&services));
            let next = match own {
                Ok(own) => {
                    all.ports.extend(own.ports);
                    Ok(own.next)
                }
                Err(error) => Err(error.unread()),
            };
            all.containers.insert(name, next);
        }
        Ok(Some(all))
    }

    /// Each container without a node goes, whatever others have.
    fn reset(&self) -> HostResult<Change> {
        self.sweep()?;
        let mut done = Change::AlreadySo;
        for name in places::containers(&self.settings.boxes)? {
            done = match (self.forget(&name)?, done) {
                (Change::Made, _) | (_, Change::Made) => Change::Made,
                (other, Change::AlreadySo) => other,
                (_, before) => before,
            };
        }
        self.hands.remove_if_empty(&self.settings.boxes);
        self.hands.remove_if_empty(&self.settings.copies);
        Ok(done)
    }
}

impl DockerAntctl {
    fn states_in(&self, name: &str, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        let found = self.look(name)?;
        let antctl = self.antctl(name, found.as_ref());
        let services = antctl.services()?;
        match found {
            Some(found) if found.is_live() => {
                self.engine.refuse_unseen(&found)?;
                // One that is paused or comes and goes does not answer, and nothing is known then.
                antctl.states(specs)
            }
            found => {
                let resting = |spec: &&NodeSpec| {
                    let known = services.iter().any(|service| {
                        service.service_name == spec.service() && !service.is_removed()
                    });
                    let state = match (&found, known) {
                        (Some(_), true) => UnitState::Stopped,
                        (None, _) | (Some(_), false) => UnitState::Missing,
                    };
                    reading(state, None, None)
                };
                Ok(specs.iter().map(resting).collect())
            }
        }
    }

    /// Until the process is seen here: systemd answers before the program is there.
    fn wait_until_up(&self, spec: &NodeSpec, antctl: &Antctl) -> HostResult<()> {
        let look = || antctl.states(&[spec]).ok().and_then(|mut read| read.pop());
        let is_settled = || {
            look().is_some_and(|read| match read.state {
                UnitState::Running => read.pid.is_some(),
                UnitState::Activating => false,
                _ => true,
            })
        };
        process::wait_until(UP_PATIENCE, is_settled);
        if look().is_some_and(|read| read.state == UnitState::Running && read.pid.is_some()) {
            return Ok(());
        }
        let why = format!("it ended at once; see {}", spec.logs.display());
        Err(HostError::with(format!("start {}", spec.id), FaultKind::Failed, why))
    }
}
