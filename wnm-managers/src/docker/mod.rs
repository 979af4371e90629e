//! Nodes in containers: one in each, or many in a shared one. Everything is asked of and told to the
//! docker command, so that podman takes its place by name.
//!
//! A container of a node's own is Docker's business from end to end: created, started, stopped and
//! removed by it. A shared one runs [`supervise`] as its first process, which starts and stops
//! nodes by what files in its orders directory say; it is there as long as a node in it is recorded.
//!
//! Containers use the network of the machine, and nodes are found by their `--root-dir` as everywhere.

mod antctl;
mod argv;
mod engine;
mod found;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod image;
mod import;
mod orders;
mod own;
mod shared;
mod supervise;
mod takeover;
#[cfg(test)]
mod tests;
mod told;
mod verify;

pub use antctl::{DockerAntctl, DockerAntctlSettings};
pub use image::{Image, build_image};
pub use supervise::supervise;
pub use takeover::{Containers, InContainers};
pub use verify::{docker_antctl_problems, docker_problems};

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, HostError, HostResult, NodeManager, Privilege};
use wnm_core::model::{Manager, ManagerKind, NodeId, NodeSpec, Scope};
use wnm_core::observe::{FaultKind, ProcessKey, UnitReading, UnitState};

use crate::hands::{Hands, OwnHands, RootHands};
use crate::process::{self, pids_below, processes_of};
use argv::Ground;
use engine::Engine;
use found::{Found, Status};

/// The command of wnm that a shared container runs.
pub const SUPERVISE: &str = "__supervise";
/// The program of a shared container: a copy of wnm among its orders.
const INIT: &str = "init";
/// How long a node may take until its process is seen.
const UP_PATIENCE: Duration = Duration::from_secs(20);
/// A program that dislikes its arguments or finds its port taken ends within this time.
const FIRST_LOOK: Duration = Duration::from_millis(150);
/// Longer than a container takes to stop, so that Docker decides, not we.
const STOP_PATIENCE: Duration = Duration::from_secs(argv::SHARED_STOP_SECONDS + 30);

/// How containers are made.
#[derive(Clone, Debug)]
pub struct DockerSettings {
    /// `docker_command`.
    pub command: String,
    /// `docker_image`.
    pub image: String,
    /// Where the orders of shared containers lie.
    pub orders: PathBuf,
    /// A wnm whose copy supervises shared containers.
    pub init: PathBuf,
    /// The storage roots there are.
    pub roots: Vec<PathBuf>,
}

/// `docker+user` and `docker+sudo`.
pub struct Docker {
    engine: Engine,
    settings: DockerSettings,
    /// As whom nodes run in the system scope; a user's run as that user.
    user: Option<String>,
    hands: Arc<dyn Hands>,
}

impl std::fmt::Debug for Docker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Docker").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Docker {
    /// For a user whom the daemon obeys.
    pub fn new(runner: Arc<dyn CommandRunner>, settings: DockerSettings) -> Docker {
        let engine = Engine::new(runner, settings.command.clone(), Privilege::Own);
        Docker { engine, settings, user: None, hands: Arc::new(OwnHands) }
    }

    /// With root's rights, for nodes that run as a user of their own.
    pub fn of_system(
        runner: Arc<dyn CommandRunner>,
        settings: DockerSettings,
        hands: RootHands,
    ) -> Docker {
        let engine = Engine::new(runner, settings.command.clone(), Privilege::Root);
        let user = Some(hands.user().to_owned());
        Docker { engine, settings, user, hands: Arc::new(hands) }
    }

    fn ground(&self) -> HostResult<Ground<'_>> {
        ground(&self.engine, &self.settings.image, self.user.as_deref())
    }

    /// What keeps a node's data from being used twice: processes that its container did not start.
    fn strangers(&self, spec: &NodeSpec, container: Option<&Found>) -> HostResult<Vec<ProcessKey>> {
        let mut found = processes_of(spec)?;
        found.retain(|key| !container.is_some_and(|it| belongs(key.pid, it)));
        Ok(found)
    }

    /// Makes the container anew unless it is as it should be, or runs.
    fn ensure(&self, name: &str, found: Option<&Found>, args: Vec<String>) -> HostResult<Change> {
        if let Some(found) = found {
            let is_same = found.has_label(argv::DEFINITION, argv::definition(&args));
            // One that runs is made anew the next time it rests: nodes are not stopped for that.
            if is_same && found.status != Status::Dead || found.is_live() {
                return Ok(Change::AlreadySo);
            }
            self.engine.must(argv::remove(name), engine::PATIENCE)?;
        }
        self.engine
            .must(args, engine::PATIENCE)
            .map_err(|error| with_image(error, &self.settings.image, self.engine.command()))?;
        Ok(Change::Made)
    }

    /// Waits until the node's process is there and has stayed for a moment. `container` may have
    /// ended meanwhile, and then says why.
    fn wait_until_up(&self, spec: &NodeSpec, container: &str) -> HostResult<()> {
        let op = || format!("start {}", spec.id);
        let is_up = || processes_of(spec).is_ok_and(|found| !found.is_empty());
        let came = process::wait_until(UP_PATIENCE, || {
            is_up()
                || !self.engine.look(container).is_ok_and(|it| it.is_some_and(|it| it.is_live()))
        });
        if came && is_up() {
            process::pause(FIRST_LOOK);
        }
        if is_up() {
            return Ok(());
        }
        let printed = self.engine.call(argv::logs(container), engine::PATIENCE);
        let printed = printed.map(|answer| format!("{}{}", answer.stdout, answer.stderr));
        let printed = printed.unwrap_or_default().trim().replace('\n', "; ");
        let why = match self.engine.look(container)? {
            Some(found) if found.is_live() && process::alive(found.pid).is_none() => format!(
                "container {container} runs, but its processes are not seen on this machine: \
                 `{}` must keep containers here, not in another machine",
                self.engine.command()
            ),
            Some(found) if !found.is_live() => {
                let end = format!("it ended at once with exit code {}", found.exit_code);
                if printed.is_empty() { end } else { format!("{end}: {printed}") }
            }
            _ => format!(
                "it ended at once; see `{} logs {container}` and {}",
                self.engine.command(),
                spec.logs.display()
            ),
        };
        Err(HostError::with(op(), FaultKind::Failed, why))
    }
}

/// As whom containers run. podman without root has users of its own, and must be told to keep ours.
fn ground<'a>(engine: &Engine, image: &'a str, user: Option<&str>) -> HostResult<Ground<'a>> {
    let Some(name) = user else {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let keeps_ids = !uid.is_root() && engine.is_podman()?;
        return Ok(Ground { image, uid: uid.as_raw(), gid: gid.as_raw(), keeps_ids });
    };
    let found = nix::unistd::User::from_name(name).ok().flatten();
    let missing =
        || HostError::new(format!("there is no user `{name}` for nodes"), FaultKind::NotFound);
    let user = found.ok_or_else(missing)?;
    Ok(Ground { image, uid: user.uid.as_raw(), gid: user.gid.as_raw(), keeps_ids: false })
}

/// The name of the container that a node is in.
fn container_of(spec: &NodeSpec) -> String {
    spec.container.clone().unwrap_or_else(|| spec.service())
}

/// A process that the container's first one has started, or that is the first one itself.
fn belongs(pid: u32, container: &Found) -> bool {
    container.pid != 0 && (pid == container.pid || process::parent(pid) == Some(container.pid))
}

fn with_image(error: HostError, image: &str, command: &str) -> HostError {
    let text = error.chain().to_lowercase();
    if !text.contains("image") || error.kind != FaultKind::NotFound {
        return error;
    }
    let op = format!(
        "there is no image `{image}`: `wnm docker image --build` makes one, `{command} pull` fetches \
         one, and docker_image names another"
    );
    HostError { op, ..error }
}

fn conflict(name: &str) -> HostError {
    let op = format!(
        "the container {name} was not made for this node and is left alone: rename or remove it"
    );
    HostError::new(op, FaultKind::Conflict)
}

fn shared_conflict(name: &str) -> HostError {
    let op = format!(
        "the container {name} was not made for these nodes and is left alone: rename or remove it, \
         or give new nodes containers of another name with container_name"
    );
    HostError::new(op, FaultKind::Conflict)
}

fn strangers_conflict(spec: &NodeSpec, strangers: &[ProcessKey]) -> HostError {
    let pids: Vec<String> = strangers.iter().map(|key| key.pid.to_string()).collect();
    let op = format!(
        "start {}: process {} uses its data already, and its container did not start it",
        spec.id,
        pids.join(", ")
    );
    HostError::new(op, FaultKind::Conflict)
}

impl NodeManager for Docker {
    fn manager(&self) -> Manager {
        let scope = if self.user.is_some() { Scope::System } else { Scope::User };
        Manager { kind: ManagerKind::Docker, scope }
    }

    fn create(&self, spec: &NodeSpec) -> HostResult<Change> {
        match &spec.container {
            None => self.create_own(spec),
            Some(name) => self.create_shared(spec, name),
        }
    }

    fn start(&self, spec: &NodeSpec) -> HostResult<Change> {
        match &spec.container {
            None => self.start_own(spec),
            Some(name) => self.start_shared(spec, name),
        }
    }

    fn stop(&self, spec: &NodeSpec) -> HostResult<Change> {
        match &spec.container {
            None => self.stop_own(spec),
            Some(name) => self.stop_shared(spec, name),
        }
    }

    fn remove(&self, spec: &NodeSpec) -> HostResult<Change> {
        match &spec.container {
            None => self.remove_own(spec),
            Some(name) => self.remove_shared(spec, name),
        }
    }

    fn hand_over(&self, spec: &NodeSpec) -> HostResult<Change> {
        match &spec.container {
            None => self.hand_over_own(spec),
            Some(name) => {
                let op = format!("{} shares container {name} with others", spec.id);
                Err(HostError::new(op, FaultKind::Refused))
            }
        }
    }

    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        let adopted = specs.iter().filter_map(|spec| spec.adopted.clone());
        let names: BTreeSet<String> =
            specs.iter().map(|spec| container_of(spec)).chain(adopted).collect();
        let found = self.engine.inspect(names.iter().map(String::as_str))?;
        let by_id = found.iter().map(|found| (found.id.as_str(), found));
        let by_name: BTreeMap<&str, &Found> =
            found.iter().map(|found| (found.name.as_str(), found)).chain(by_id).collect();
        let roots: BTreeSet<PathBuf> = specs.iter().map(|spec| spec.storage.clone()).collect();
        let processes = pids_below(&roots.into_iter().collect::<Vec<_>>())?;
        for found in &found {
            self.engine.refuse_unseen(found)?;
        }
        let reading = |spec: &&NodeSpec| {
            let pids = processes.get(&spec.data).map(Vec::as_slice).unwrap_or_default();
            let container = by_name.get(container_of(spec).as_str()).copied();
            match &spec.container {
                None => {
                    let adopted = spec.adopted.as_deref().and_then(|id| by_name.get(id).copied());
                    self.read_own(spec, [container, adopted], pids)
                }
                Some(name) => self.read_shared(spec, name, container, pids),
            }
        };
        specs.iter().map(reading).collect()
    }

    /// Containers of a node's name, whoever made them, orders for nodes, and processes below our
    /// storage roots.
    fn discover(&self) -> HostResult<BTreeSet<NodeId>> {
        let mut found = self.keeps()?;
        found.extend(crate::setsid::ids_of(
            &self.settings.roots,
            pids_below(&self.settings.roots)?.keys(),
        ));
        Ok(found)
    }

    fn keeps(&self) -> HostResult<BTreeSet<NodeId>> {
        let names = self.engine.names()?;
        let mut found: BTreeSet<NodeId> = names.iter().filter_map(|name| id_of(name)).collect();
        found.extend(orders::all(&self.settings.orders)?);
        Ok(found)
    }
}

/// The node that a container of this name belongs to, whoever made it. A bare number is a fine way
/// to name a node on the command line, but no container of ours.
fn id_of(name: &str) -> Option<NodeId> {
    name.starts_with("antnode").then(|| name.parse().ok()).flatten()
}

fn reading(state: UnitState, pid: Option<u32>, container: Option<&Found>) -> UnitReading {
    UnitReading {
        state,
        pid,
        restarts: container.map(|found| found.restarts),
        invocation: None,
        definition_lost: false,
    }
}

/// The orders of a shared container.
fn orders_of(settings: &DockerSettings, name: &str) -> PathBuf {
    settings.orders.join(Path::new(name))
}
