//! Containers that nodes run in, for who takes them over: those of a wnm whose store is gone, and those
//! that somebody made by hand. Nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use wnm_core::host::{CommandRunner, HostError, HostResult, Privilege};
use wnm_core::import::{Broken, Findings, Found, Inside, Left, Origin, Told as Line};
use wnm_core::model::{Manager, ManagerKind, NodeId, Scope, Want};
use wnm_core::observe::FaultKind;

use super::engine::{Engine, PATIENCE};
use super::found::Status;
use super::orders::{self, Order};
use super::told::{self, Told};
use super::{argv, import};
use crate::process::{owner, parent, pids_below};
use crate::setsid::container_of_process;

/// So many are asked for at once: each is told in some ten thousand bytes.
const AT_ONCE: usize = 100;

/// Reads containers, of one scope.
#[derive(Clone)]
pub struct Containers {
    engine: Engine,
    manager: Manager,
    /// Where the orders of shared containers lie.
    orders: PathBuf,
}

impl std::fmt::Debug for Containers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Containers").field("manager", &self.manager).finish_non_exhaustive()
    }
}

/// What was found, and whose processes need nobody else's look.
#[derive(Debug, Default)]
pub struct InContainers {
    /// Nodes, and what stays.
    pub findings: Findings,
    /// Node processes of containers that are told of.
    pub pids: BTreeSet<u32>,
}

/// Every node process by its data.
type Processes = BTreeMap<PathBuf, Vec<u32>>;

impl Containers {
    /// What `command` keeps; `orders` is where shared containers of this scope have theirs.
    pub fn new(
        runner: Arc<dyn CommandRunner>,
        command: &str,
        scope: Scope,
        orders: PathBuf,
    ) -> Containers {
        let privilege = match scope {
            Scope::User => Privilege::Own,
            Scope::System => Privilege::Root,
        };
        let engine = Engine::new(runner, command.to_owned(), privilege);
        Containers { engine, manager: Manager { kind: ManagerKind::Docker, scope }, orders }
    }

    /// Every container that a node program runs in, or would.
    pub fn read(&self) -> HostResult<InContainers> {
        let mut all = Reading {
            containers: self,
            found: InContainers::default(),
            processes: pids_below(&[PathBuf::from("/")])?,
        };
        let mut shared = BTreeSet::new();
        for value in self.all()? {
            if !all.concerns(&value) {
                continue;
            }
            match told::read(&value) {
                Err(why) => all.broken(told::name(&value).ok(), &why),
                Ok(told) if told.labels.contains_key(argv::ORDERS) => {
                    all.shared(&told)?;
                    shared.insert(told.name);
                }
                Ok(told) => all.one(&told),
            }
        }
        all.without_container(&shared)?;
        Ok(all.found)
    }

    /// Copies the program of a container to `to`.
    pub fn fetch(&self, inside: &Inside, to: &Path) -> HostResult<()> {
        let is_podman = {
            let answer = self.engine.must(vec!["--version".to_owned()], PATIENCE)?;
            answer.to_lowercase().contains("podman")
        };
        let mut last = None;
        for program in &inside.programs {
            let from = format!("{}:{}", inside.container, program.display());
            let mut args = vec!["cp".to_owned()];
            // podman follows links by itself.
            args.extend((!is_podman).then(|| "-L".to_owned()));
            args.extend([from, to.display().to_string()]);
            match self.engine.must(args, PATIENCE) {
                Ok(_) if fs::symlink_metadata(to).is_ok_and(|found| found.is_file()) => {
                    return Ok(());
                }
                Ok(_) => {
                    last = Some(HostError::new(
                        format!("{} is no file", program.display()),
                        FaultKind::Garbled,
                    ))
                }
                Err(error) => last = Some(error),
            }
        }
        let op = format!("take the node program out of container {}", short(&inside.container));
        Err(last.map_or_else(
            || HostError::new(op.clone(), FaultKind::NotFound),
            |error| HostError::with(op.clone(), error.kind, error.chain()),
        ))
    }

    /// All that the engine says of a container, to be kept.
    pub fn describe(&self, inside: &Inside) -> HostResult<String> {
        self.engine.tell(std::iter::once(inside.container.as_str()))
    }

    fn all(&self) -> HostResult<Vec<Value>> {
        let ids = self.engine.ids()?;
        let mut all = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let text = self.engine.tell(ids.iter().map(String::as_str))?;
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "[]")
            {
                let shown = || line.chars().take(60).collect::<String>();
                let op = || format!("understand a container, which is told as `{}`", shown());
                let value: Value = serde_json::from_str(line)
                    .map_err(|error| HostError::with(op(), FaultKind::Garbled, error))?;
                if !value.is_object() {
                    return Err(HostError::new(op(), FaultKind::Garbled));
                }
                all.push(value);
            }
        }
        Ok(all)
    }
}

struct Reading<'a> {
    containers: &'a Containers,
    found: InContainers,
    processes: Processes,
}

impl Reading<'_> {
    /// True for containers that speak of a node program, or that one runs in.
    fn concerns(&self, value: &Value) -> bool {
        let parts = [
            "/Path",
            "/Args",
            "/Config/Entrypoint",
            "/Config/Cmd",
            "/Config/Image",
            "/Config/Labels",
        ];
        let text: String =
            parts.iter().filter_map(|part| value.pointer(part)).map(Value::to_string).collect();
        let speaks = ["antnode", "ant-node", argv::DATA, argv::ORDERS];
        if speaks.iter().any(|word| text.contains(word)) {
            return true;
        }
        let id = value.get("Id").and_then(Value::as_str).unwrap_or_default();
        let mut pids = self.processes.values().flatten();
        pids.any(|pid| container_of_process(*pid).is_some_and(|it| it == id))
    }

    fn broken(&mut self, name: Option<String>, why: &str) {
        let shown = name.as_deref().unwrap_or("without a name");
        let what = format!(
            "container {shown}: {why}; nothing of it is believed, leave it out by --except {shown}"
        );
        self.found.findings.broken.push(Broken { name, what });
    }

    fn left(&mut self, name: &str, container: &str, why: impl Into<String>) {
        let place = format!("container {container}");
        self.found.findings.left.push(Left::new(name, place, why));
    }

    fn one(&mut self, told: &Told) {
        let pids = self.pids_of(told);
        self.found.pids.extend(pids.values().flatten());
        match import::node(told, self.containers.manager)
            .and_then(|found| settled(found, told, &pids))
        {
            Ok(found) => self.found.findings.nodes.push(found),
            Err(why) => self.left(&told.name, &told.name, why),
        }
    }

    /// The node processes of a container, by their data.
    fn pids_of(&self, told: &Told) -> Processes {
        let is_of =
            |pid: &&u32| told.pid != 0 && (**pid == told.pid || parent(**pid) == Some(told.pid));
        let of = |(data, pids): (&PathBuf, &Vec<u32>)| {
            let pids: Vec<u32> = pids.iter().filter(is_of).copied().collect();
            (!pids.is_empty()).then(|| (data.clone(), pids))
        };
        self.processes.iter().filter_map(of).collect()
    }

    /// A container of wnm's with many nodes, which are what its orders say.
    fn shared(&mut self, told: &Told) -> HostResult<()> {
        let directory = self.containers.orders.join(&told.name);
        let label = told.labels.get(argv::ORDERS).map(String::as_str).unwrap_or_default();
        let mut pids = self.pids_of(told);
        self.found.pids.extend(pids.values().flatten());
        if Path::new(label) != directory {
            let why = format!(
                "it takes its orders from {label}, and those of this wnm lie in {}",
                directory.display()
            );
            self.left(&told.name, &told.name, why);
            return Ok(());
        }
        let autostart = matches!(told.restart.as_str(), "always" | "unless-stopped");
        self.ordered(&told.name, &directory, autostart, &mut pids)?;
        for data in pids.into_keys() {
            let name = data.file_name().and_then(|name| name.to_str()).unwrap_or("node").to_owned();
            let why = format!("it runs without an order in {}", directory.display());
            self.left(&name, &told.name, why);
        }
        Ok(())
    }

    /// Orders whose container somebody removed.
    fn without_container(&mut self, seen: &BTreeSet<String>) -> HostResult<()> {
        for name in orders::containers(&self.containers.orders)? {
            if !seen.contains(&name) {
                let directory = self.containers.orders.join(&name);
                self.ordered(&name, &directory, false, &mut BTreeMap::new())?;
            }
        }
        Ok(())
    }

    fn ordered(
        &mut self,
        container: &str,
        directory: &Path,
        autostart: bool,
        pids: &mut Processes,
    ) -> HostResult<()> {
        for id in orders::ids(directory)? {
            let name = id.to_string();
            match orders::read(directory, id) {
                Ok(None) => {}
                Ok(Some(order)) => match self.of_order(id, container, directory, &order) {
                    Ok(mut found) => {
                        found.autostart = autostart;
                        let pid = pids.remove(&found.data).and_then(|pids| pids.first().copied());
                        found.pid = pid;
                        found.user = pid.and_then(owner).map(user_name);
                        self.found.findings.nodes.push(found);
                    }
                    Err(why) => self.left(&name, container, why),
                },
                Err(error) if error.kind == FaultKind::Garbled => {
                    let what = error.chain();
                    self.found.findings.broken.push(Broken { name: Some(name), what });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn of_order(
        &self,
        id: NodeId,
        container: &str,
        directory: &Path,
        order: &Order,
    ) -> Result<Found, String> {
        let program = order.program.to_string_lossy().into_owned();
        let words: Vec<String> =
            std::iter::once(program).chain(order.args.iter().cloned()).collect();
        let line = Line::read(&words).map_err(|error| error.to_string())?;
        let place = format!("container {container}, {}", orders::file(directory, id).display());
        let manager = self.containers.manager;
        let mut found = Found::told(Origin::Container, &id.to_string(), &place, line, manager);
        found.container = Some(container.to_owned());
        found.want = if order.run { Want::Run } else { Want::StoppedByOperator };
        let own = order.env.iter().filter(|(key, _)| key != "HOME");
        found.launch.environment = own.cloned().collect();
        Ok(found)
    }
}

/// With its process and its user.
fn settled(mut found: Found, told: &Told, pids: &Processes) -> Result<Found, String> {
    found.pid = pids.get(&found.data).and_then(|pids| pids.first().copied());
    if told.status != Status::Resting && found.pid.is_none() {
        return Err("it runs, and the process of its node is not seen on this machine".to_owned());
    }
    let user = match found.pid {
        Some(pid) => owner(pid),
        None => user_inside(&told.user),
    };
    let user = user.ok_or_else(|| {
        format!("as whom it runs is known inside of it only: `{}`; start it first", told.user)
    })?;
    found.user = Some(user_name(user));
    Ok(found)
}

/// The number of the user that a container is told to run as, where it needs no look inside.
fn user_inside(user: &str) -> Option<u32> {
    match user.split(':').next().unwrap_or_default() {
        "" | "root" => Some(0),
        number => number.parse().ok(),
    }
}

fn user_name(uid: u32) -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
