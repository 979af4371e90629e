//! The `ant` daemon: it starts nodes as its children and brings crashed ones back by itself. It
//! numbers them, names their directories and may delete them, so every answer is compared with what
//! was recorded before anything is done on its strength.
#![expect(clippy::disallowed_methods, reason = "waits for what the daemon does by itself")]

mod body;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod parse;
mod rest;
mod takeover;

pub use takeover::OfDaemon;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult, NodeManager};
use wnm_core::model::{Manager, ManagerKind, NodeId, NodeSpec, Release, Scope};
use wnm_core::observe::{FaultKind, Numbering, ProcessKey, UnitReading, UnitState};

use crate::hands::OwnHands;
use crate::process::{alive, end, pids_below, processes_of};
use parse::{Added, Config, Node, Registry, Status, Summaries};
use rest::{Connection, Home};

/// It answers in milliseconds, but for the second in which it watches a start.
const PATIENCE: Duration = Duration::from_secs(10);
/// It copies the program, watches a start for a second, kills after ten seconds, and does one at a
/// time.
const LONG_PATIENCE: Duration = Duration::from_secs(90);
/// The longest pause before it starts a crashed node again, and a little.
const LONGEST_PAUSE: Duration = Duration::from_secs(65);
/// For a process that is about to come.
const SHORT_PAUSE: Duration = Duration::from_secs(3);
/// What is left when the daemon is through was started by somebody else.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// `antd+user`.
#[derive(Debug)]
pub struct Antd {
    home: Home,
    roots: Vec<PathBuf>,
}

impl Antd {
    /// The daemon that keeps its files in `home`, `~/.local/share/ant` on Linux. Processes are known
    /// by the storage `roots`.
    pub fn new(home: PathBuf, roots: Vec<PathBuf>) -> Antd {
        Antd { home: Home { directory: home, patience: PATIENCE }, roots }
    }

    /// The same, giving up on an answer sooner.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Antd {
        self.home.patience = patience;
        self
    }

    /// An error unless a daemon answers, and what it keeps can be read.
    pub fn check(&self) -> HostResult<()> {
        self.home.connect()?.registry().map(|_| ())
    }

    /// The node as the daemon knows it; `None` when it knows none of that number, or another one. An
    /// error when it has this one's data with another wallet or port: somebody has added it anew.
    fn node(&self, daemon: &Connection<'_>, spec: &NodeSpec) -> HostResult<Option<Node>> {
        let reply = daemon.get(&place(spec))?;
        if reply.status == 404 {
            return Ok(None);
        }
        if !reply.is_ok() {
            return Err(reply.refusal(&format!("look at {}", spec.id)));
        }
        let node: Node = parse::json("a node", &reply.body)?;
        if node.config.id != spec.id.number() {
            let op = format!("the ant daemon answers with node {} for {}", node.config.id, spec.id);
            return Err(HostError::new(op, FaultKind::Garbled));
        }
        if node.config.data_dir != spec.data {
            return Ok(None);
        }
        match is_as_recorded(&node.config, spec) {
            true => Ok(Some(node)),
            false => Err(other_node(spec)),
        }
    }

    /// Whether the daemon has the node on disk, as it is recorded. An error when the number is
    /// somebody else's, or the node's own with another wallet or port.
    fn known(&self, spec: &NodeSpec, registry: &Registry) -> HostResult<bool> {
        let Some(known) = registry.nodes.get(&spec.id.number()) else { return Ok(false) };
        let op = if known.data_dir != spec.data {
            format!(
                "the ant daemon has another node {} with its data in {}: it is left alone",
                known.id,
                known.data_dir.display()
            )
        } else if let Some(eviction) = &known.eviction {
            format!("the ant daemon evicted {}: {}", spec.id, eviction.reason)
        } else if !is_as_recorded(known, spec) {
            return Err(other_node(spec));
        } else {
            return Ok(true);
        };
        Err(HostError::new(op, FaultKind::Conflict))
    }

    fn add(&self, daemon: &Connection<'_>, spec: &NodeSpec, release: &Release) -> HostResult<()> {
        let body = body::of(spec, &release.path)?;
        let reply = daemon.post("nodes", Some(&body), LONG_PATIENCE)?;
        let op = format!("create {}", spec.id);
        if !reply.is_ok() {
            return Err(reply.refusal(&op));
        }
        let added: Added = parse::json("the added node", &reply.body)?;
        match added.nodes_added.as_slice() {
            [node]
                if node.id == spec.id.number()
                    && node.data_dir == spec.data
                    && is_as_recorded(node, spec) =>
            {
                Ok(())
            }
            nodes => {
                let came = take_back(daemon, nodes);
                let op = format!(
                    "{op}: the ant daemon gave that number to somebody else in this moment{came}"
                );
                Err(HostError::new(op, FaultKind::Conflict))
            }
        }
    }

    /// A node that crashed is "running" until the daemon starts it again, and a stop in between is
    /// forgotten: the daemon starts it all the same. So it is waited for.
    fn awaited(&self, daemon: &Connection<'_>, spec: &NodeSpec) -> HostResult<Option<Node>> {
        let deadline = Instant::now() + LONGEST_PAUSE;
        loop {
            let running = processes_of(spec)?;
            let node = self.node(daemon, spec)?.filter(|node| may_live(node.status, &running));
            let pid = node.as_ref().and_then(|node| node.pid);
            let lives = running.iter().any(|key| Some(key.pid) == pid);
            if node.is_none() || lives || Instant::now() >= deadline {
                return Ok(node);
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// The daemon ends whatever has the number that it wrote down, and numbers are used again.
    fn refuse_strange_process(&self, spec: &NodeSpec, node: &Node) -> HostResult<()> {
        let running = processes_of(spec)?;
        match node.pid {
            Some(pid) if running.iter().any(|key| key.pid == pid) => Ok(()),
            pid => {
                let op = format!("stop {}: nothing is ended", spec.id);
                Err(mistaken(&op, spec, pid))
            }
        }
    }
}

/// Somebody added a node between our look and our word. Theirs stays; ours goes, which has never run
/// and has no identity. Answers what came of that.
fn take_back(daemon: &Connection<'_>, nodes: &[Config]) -> String {
    let mut told = String::new();
    for node in nodes {
        let (id, data) = (node.id, node.data_dir.display());
        let reply = daemon.delete(&format!("nodes/{id}"), LONG_PATIENCE);
        let refused = reply.and_then(|reply| match reply.is_ok() || reply.status == 404 {
            true => Ok(()),
            false => Err(reply.refusal(&format!("take back its node {id}"))),
        });
        told += &match refused {
            Ok(()) => format!("; what it made instead was taken back, and {data} may be deleted"),
            Err(error) => format!(
                "; what it made instead in {data} is still there, remove it with `ant node remove \
                 {id}`: {}",
                error.chain()
            ),
        };
    }
    told
}

fn is_as_recorded(known: &Config, spec: &NodeSpec) -> bool {
    known.rewards_address.eq_ignore_ascii_case(&spec.wallet.to_string())
        && known.node_port == Some(spec.ports.node)
}

fn other_node(spec: &NodeSpec) -> HostError {
    let op = format!(
        "the ant daemon has {} with another wallet or port than recorded, and cannot be told \
         otherwise: it is left alone; `ant node stop` and `ant node remove` it there, then `wnm remove \
         {}` puts its key into the archive and gives its place free",
        spec.id,
        spec.id.number()
    );
    HostError::new(op, FaultKind::Conflict)
}

fn place(spec: &NodeSpec) -> String {
    format!("nodes/{}", spec.id.number())
}

/// A stop whose client went away is never finished by the daemon: the node "stops" for ever, though
/// its process is gone.
fn may_live(status: Status, running: &[ProcessKey]) -> bool {
    is_up(status) && (status != Status::Stopping || !running.is_empty())
}

fn is_up(status: Status) -> bool {
    match status {
        Status::Running | Status::Starting | Status::Stopping => true,
        Status::Stopped | Status::Errored | Status::Evicted => false,
    }
}

impl NodeManager for Antd {
    fn manager(&self) -> Manager {
        Manager { kind: ManagerKind::Antd, scope: Scope::User }
    }

    /// Only the daemon makes nodes, and it wants to be told with what: see [`Antd::enrol`].
    fn create(&self, spec: &NodeSpec) -> HostResult<Change> {
        let registry = self.home.connect()?.registry()?;
        match self.known(spec, &registry)? {
            true => Ok(Change::AlreadySo),
            false => Err(unknown(spec, &registry)),
        }
    }

    fn enrol(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
        let daemon = self.home.connect()?;
        let registry = daemon.registry()?;
        if self.known(spec, &registry)? {
            return Ok(Change::AlreadySo);
        }
        if registry.next_id != spec.id.number() {
            return Err(unknown(spec, &registry));
        }
        if daemon.get(&place(spec))?.status != 404 {
            let op = format!(
                "create {}: the ant daemon has a node of that number in mind that its registry does \
                 not have: restart it, or give it back its registry",
                spec.id
            );
            return Err(HostError::new(op, FaultKind::Conflict));
        }
        self.add(&daemon, spec, release)?;
        Ok(Change::Made)
    }

    fn start(&self, spec: &NodeSpec) -> HostResult<Change> {
        let daemon = self.home.connect()?;
        let op = format!("start {}", spec.id);
        let Some(node) = self.node(&daemon, spec)? else {
            let op = format!("{op}: the ant daemon does not know it");
            return Err(HostError::new(op, FaultKind::NotFound));
        };
        if node.status == Status::Running {
            // One that crashed comes back by itself; a second start would be the daemon's error.
            let deadline = Instant::now() + SHORT_PAUSE;
            while processes_of(spec)?.is_empty() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(50));
            }
            return match node.pid.filter(|pid| alive(*pid).is_some()) {
                Some(pid) if processes_of(spec)?.is_empty() => Err(mistaken(&op, spec, Some(pid))),
                _ if processes_of(spec)?.is_empty() => Err(has_no_process(&op, spec)),
                _ => Ok(Change::AlreadySo),
            };
        }
        if node.status == Status::Evicted {
            let op = format!("{op}: the ant daemon evicted it");
            return Err(HostError::new(op, FaultKind::Refused));
        }
        // The daemon would start a second process beside one that it does not know.
        if let Some(process) = processes_of(spec)?.first() {
            let op = format!(
                "{op}: process {} uses its data already, and the ant daemon does not know it",
                process.pid
            );
            return Err(HostError::new(op, FaultKind::Conflict));
        }
        let reply = daemon.post(&format!("{}/start", place(spec)), None, LONG_PATIENCE)?;
        let runs = |reply: &rest::Reply| {
            let state = reply.complaint().current_state;
            reply.status == 409 && state.is_some_and(|it| it.status == Status::Running)
        };
        match &reply {
            reply if reply.is_ok() => Ok(Change::Made),
            reply if runs(reply) => Ok(Change::AlreadySo),
            reply => Err(reply.refusal(&op)),
        }
    }

    fn stop(&self, spec: &NodeSpec) -> HostResult<Change> {
        let daemon = self.home.connect()?;
        let node = self.awaited(&daemon, spec)?;
        let was_up = node.is_some();
        if let Some(node) = node {
            self.refuse_strange_process(spec, &node)?;
            let reply = daemon.post(&format!("{}/stop", place(spec)), None, LONG_PATIENCE)?;
            let still_up = reply.complaint().current_state.is_some_and(|it| is_up(it.status));
            if !reply.is_ok() && (reply.status != 409 || still_up) {
                return Err(reply.refusal(&format!("stop {}", spec.id)));
            }
        }
        // What is still there was started by somebody else, with this node's data.
        let strangers = processes_of(spec)?;
        end(&OwnHands, &strangers, STOP_PATIENCE)?;
        Ok(if was_up || !strangers.is_empty() { Change::Made } else { Change::AlreadySo })
    }

    /// The data stays: that is for who has seen that its key is in the archive.
    fn remove(&self, spec: &NodeSpec) -> HostResult<Change> {
        let daemon = self.home.connect()?;
        let Some(node) = self.node(&daemon, spec)? else {
            return Ok(Change::AlreadySo);
        };
        let running = processes_of(spec)?;
        if may_live(node.status, &running) || !running.is_empty() {
            let op = format!("{} still runs: stop it first", spec.id);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        let reply = daemon.delete(&place(spec), LONG_PATIENCE)?;
        match reply.status {
            404 => Ok(Change::AlreadySo),
            _ if reply.is_ok() => Ok(Change::Made),
            _ => Err(reply.refusal(&format!("take {} from the ant daemon", spec.id))),
        }
    }

    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        let daemon = self.home.connect()?;
        let registry = daemon.registry()?;
        let reply = daemon.get("nodes/status")?;
        if !reply.is_ok() {
            return Err(reply.refusal("ask for the state of all nodes"));
        }
        let answer: Summaries = parse::json("the state of all nodes", &reply.body)?;
        let told: BTreeMap<u32, _> = answer.nodes.iter().map(|it| (it.node_id, it)).collect();
        let roots: BTreeSet<PathBuf> = specs.iter().map(|spec| spec.storage.clone()).collect();
        let found = pids_below(&roots.into_iter().collect::<Vec<_>>())?;
        let reading = |spec: &&NodeSpec| {
            let (id, none) = (spec.id.number(), Vec::new());
            let pids = found.get(&spec.data).unwrap_or(&none);
            let config = registry.nodes.get(&id);
            let is_ours = config.is_none_or(|config| config.data_dir == spec.data);
            match told.get(&id).filter(|_| is_ours) {
                Some(told) => UnitReading {
                    // It is lost when the daemon still has it in mind and no more on disk.
                    definition_lost: config.is_none(),
                    ..seen(told.status, told.pid, pids)
                },
                None => missing(config.is_some() && is_ours),
            }
        };
        Ok(specs.iter().map(reading).collect())
    }

    fn discover(&self) -> HostResult<BTreeSet<NodeId>> {
        let mut found = self.keeps()?;
        found.extend(crate::setsid::ids_of(&self.roots, pids_below(&self.roots)?.keys()));
        Ok(found)
    }

    fn keeps(&self) -> HostResult<BTreeSet<NodeId>> {
        let daemon = self.home.connect()?;
        Ok(daemon.registry()?.nodes.keys().filter_map(|id| NodeId::new(*id)).collect())
    }

    fn numbering(&self) -> HostResult<Option<Numbering>> {
        let next = NodeId::new(self.home.connect()?.registry()?.next_id);
        let garbled = || HostError::new("the ant daemon counts from 0", FaultKind::Garbled);
        Ok(Some(Numbering::together(next.ok_or_else(garbled)?, BTreeSet::new())))
    }
}

/// It believes the number in a file of the node, which outlives a crash and a reboot; by then the
/// number may be anybody's.
fn mistaken(op: &str, spec: &NodeSpec, pid: Option<u32>) -> HostError {
    let pid = pid.map_or_else(|| "no process".to_owned(), |pid| format!("process {pid}"));
    let op = format!(
        "{op}: the ant daemon takes {pid} for {}, which is none of its: `ant node daemon stop`, \
         delete {}, `ant node daemon start`",
        spec.id,
        spec.data.join("node.pid").display()
    );
    HostError::new(op, FaultKind::Conflict)
}

/// Between two crashes, and for ever where the program cannot be started: then its word is all that runs.
fn has_no_process(op: &str, spec: &NodeSpec) -> HostError {
    let op = format!(
        "{op}: the ant daemon says that it runs, and it has no process: it waits before it starts it \
         again, or cannot; if it does not come, see that {} is there, then `ant node daemon stop` and \
         `ant node daemon start`",
        spec.binary.display()
    );
    HostError::new(op, FaultKind::Failed)
}

/// It gives no number twice, so a node that it does not know cannot become known again.
fn unknown(spec: &NodeSpec, registry: &Registry) -> HostError {
    let op = format!(
        "the ant daemon does not know {} and would call a new node node-{}: its data stays where it \
         is; `wnm remove {}` puts its key into the archive and gives its place free",
        spec.id,
        registry.next_id,
        spec.id.number()
    );
    HostError::new(op, FaultKind::Conflict)
}

/// The daemon's word, with the process that it is about: it says "running" of a node that crashed and
/// waits to be started again, and keeps the number of a process that is gone.
fn seen(status: Status, told: Option<u32>, pids: &[u32]) -> UnitReading {
    let pid = told.filter(|pid| pids.contains(pid)).or(pids.first().copied());
    let state = match status {
        Status::Running if pid.is_some() => UnitState::Running,
        Status::Running | Status::Starting => UnitState::Activating,
        Status::Stopping if pid.is_some() => UnitState::Stopping,
        Status::Stopping => UnitState::Stopped,
        Status::Stopped => UnitState::Stopped,
        Status::Errored => UnitState::Failed,
        Status::Evicted => UnitState::Evicted,
    };
    let pid = pid.filter(|_| is_up(status));
    UnitReading { state, pid, restarts: None, invocation: None, definition_lost: false }
}

/// On disk only: the daemon was not told yet.
fn missing(is_on_disk: bool) -> UnitReading {
    let state = if is_on_disk { UnitState::Stopped } else { UnitState::Missing };
    UnitReading { state, pid: None, restarts: None, invocation: None, definition_lost: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemons_word_and_what_is_seen() {
        use Status::{Errored, Evicted, Running, Starting, Stopped, Stopping};
        let table = [
            (Running, Some(7), vec![7], UnitState::Running, Some(7)),
            (Running, Some(7), vec![], UnitState::Activating, None),
            (Running, Some(7), vec![8], UnitState::Running, Some(8)),
            (Starting, None, vec![], UnitState::Activating, None),
            (Stopping, Some(7), vec![7], UnitState::Stopping, Some(7)),
            (Stopping, Some(7), vec![], UnitState::Stopped, None),
            (Stopped, None, vec![], UnitState::Stopped, None),
            (Stopped, None, vec![9], UnitState::Stopped, None),
            (Errored, None, vec![], UnitState::Failed, None),
            (Evicted, None, vec![], UnitState::Evicted, None),
        ];
        for (status, told, pids, state, pid) in table {
            let reading = seen(status, told, &pids);
            assert_eq!((reading.state, reading.pid), (state, pid), "{status:?} {pids:?}");
        }
    }
}
