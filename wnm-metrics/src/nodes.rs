//! All nodes at once: their processes, their endpoints and their numbers.
#![expect(clippy::disallowed_methods, reason = "this module waits, so it measures how long")]

use std::num::NonZeroUsize;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wnm_core::host::{NodeProbe, NodeSigns, NodeTarget};
use wnm_core::model::{NodeSpec, Program};
use wnm_core::observe::{EndpointReading, NodeFacts, ProcessState};

use crate::error::Silence;
use crate::process::{Network, Processes, Seen, Server};
use crate::scrape::{Client, METADATA_LIMIT, METRICS_LIMIT};
use crate::{files, parse};

/// Threads that wait for answers. They cost little, but a hardened unit allows only so many tasks.
const WORKERS: usize = 64;
/// A thousand peers take 150 KB.
const SNAPSHOT_LIMIT: u64 = 4 << 20;
/// One round of telemetry takes 15 KB every five minutes, among other lines.
const LOG_TAIL: u64 = 64 << 10;
const SNAPSHOT: &str = "routing_snapshot.json";

/// Looks at nodes from outside their managers.
#[derive(Clone, Debug)]
pub struct ScrapeProbe {
    /// `/proc`, except in tests.
    pub proc_root: PathBuf,
}

impl Default for ScrapeProbe {
    fn default() -> ScrapeProbe {
        ScrapeProbe { proc_root: PathBuf::from("/proc") }
    }
}

impl NodeProbe for ScrapeProbe {
    fn read(&self, targets: &[NodeTarget<'_>], deadline: Duration) -> Vec<NodeSigns> {
        let started = Instant::now();
        let Some(workers) = NonZeroUsize::new(targets.len().min(WORKERS)) else {
            return Vec::new();
        };
        let round = Round {
            targets,
            next: AtomicUsize::new(0),
            started,
            deadline,
            workers,
            processes: Processes::below(&self.proc_root),
            client: Client::new(),
        };
        round.run()
    }
}

/// One call of `read`.
struct Round<'a> {
    targets: &'a [NodeTarget<'a>],
    next: AtomicUsize,
    started: Instant,
    deadline: Duration,
    workers: NonZeroUsize,
    processes: Processes<'a>,
    client: Client,
}

impl Round<'_> {
    fn run(&self) -> Vec<NodeSigns> {
        let mut answers = thread::scope(|scope| {
            // This thread works too, so that all is done even when no other can be had.
            let mut helpers = Vec::new();
            for _ in 1..self.workers.get() {
                match thread::Builder::new().spawn_scoped(scope, || self.work()) {
                    Ok(helper) => helpers.push(helper),
                    Err(error) => {
                        tracing::debug!("{} helpers only: {error}", helpers.len());
                        break;
                    }
                }
            }
            let mut answers = self.work();
            for helper in helpers {
                match helper.join() {
                    Ok(more) => answers.extend(more),
                    Err(panic) => panic::resume_unwind(panic),
                }
            }
            answers
        });
        answers.sort_by_key(|(at, _)| *at);
        answers.into_iter().map(|(_, signs)| signs).collect()
    }

    /// Takes target after target until none is left.
    fn work(&self) -> Vec<(usize, NodeSigns)> {
        let mut answers = Vec::new();
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(target) = self.targets.get(at) else {
                return answers;
            };
            let end = Instant::now() + self.share(at);
            answers.push((at, self.look(target, end)));
        }
    }

    /// The time for target `at`: an even share of what is left, given how many are still to come.
    /// Without it the first hanging nodes would use up all time, and healthy ones behind them would
    /// be called silent.
    fn share(&self, at: usize) -> Duration {
        let left = self.deadline.saturating_sub(self.started.elapsed());
        let turns = self.targets.len().saturating_sub(at).div_ceil(self.workers.get()).max(1);
        left / u32::try_from(turns).unwrap_or(u32::MAX)
    }

    fn look(&self, target: &NodeTarget<'_>, end: Instant) -> NodeSigns {
        let spec = target.spec;
        let process = target.pid.map(|pid| self.processes.look(pid, spec.ports.node));
        let answer = match (&process, spec.ports.metrics) {
            (None, _) | (_, None) => None,
            (Some(Ok(seen)), Some(port)) => self.endpoint(seen, port, end),
            // Whether it lives cannot be seen; its endpoint may show it.
            (Some(Err(_)), Some(port)) => Some(self.scrape(port, end)),
        };
        let (endpoint, mut facts) = match answer {
            Some(Ok(facts)) => (Some(EndpointReading::Alive), facts),
            Some(Err(silence)) => (Some(silence.into()), NodeFacts::default()),
            None => (None, NodeFacts::default()),
        };
        if spec.program == Program::AntNode {
            facts = ant_node_facts(spec);
        }
        NodeSigns { process: process.map(|seen| seen.map(|seen| seen.reading)), endpoint, facts }
    }

    /// Asks the endpoint of a living process, provided that it is the one who would answer.
    fn endpoint(&self, seen: &Seen, port: u16, end: Instant) -> Option<Result<NodeFacts, Silence>> {
        // With a loopback interface of its own it cannot be reached from here.
        if seen.reading.state == ProcessState::Gone || seen.network == Network::Foreign {
            return None;
        }
        Some(match self.processes.server(&seen.network, port) {
            Server::Another => Err(Silence::Foreign(port)),
            Server::Possible => self.scrape(port, end),
        })
    }

    fn scrape(&self, port: u16, end: Instant) -> Result<NodeFacts, Silence> {
        let left = || end.saturating_duration_since(Instant::now());
        let metrics = self.client.get(port, "/metrics", METRICS_LIMIT, left())?;
        // Who answers with metrics is alive, even if the rest does not come.
        let metadata = self
            .client
            .get(port, "/metadata", METADATA_LIMIT, left())
            .inspect_err(|silence| tracing::debug!("no metadata at port {port}: {silence}"))
            .ok();
        Ok(parse::node_facts(&metrics, metadata.as_deref())?)
    }
}

/// The log is younger than the snapshot of the routing table, and knows more; either may be missing.
fn ant_node_facts(spec: &NodeSpec) -> NodeFacts {
    let snapshot = snapshot_facts(&spec.data);
    let log = log_facts(&spec.logs);
    NodeFacts { peer_id: snapshot.peer_id, peers: log.peers.or(snapshot.peers), ..log }
}

/// What the end of the newest log tells.
fn log_facts(logs: &Path) -> NodeFacts {
    let tail =
        files::newest(logs, "ant-node", ".log").and_then(|path| files::tail(&path, LOG_TAIL));
    tail.map(|bytes| parse::telemetry_facts(&String::from_utf8_lossy(&bytes)))
        .inspect_err(|error| tracing::debug!("no facts from {}: {error}", logs.display()))
        .unwrap_or_default()
}

/// What the node last wrote about its network. Without the file nothing is known: a node writes it
/// ten minutes after its first start.
fn snapshot_facts(data: &Path) -> NodeFacts {
    let path = data.join(SNAPSHOT);
    let facts = files::read(&path, SNAPSHOT_LIMIT)
        .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
        .and_then(|text| parse::routing_facts(&text).map_err(std::io::Error::other));
    facts
        .inspect_err(|error| tracing::debug!("no facts from {}: {error}", path.display()))
        .unwrap_or_default()
}
