//! All nodes at once: their processes, their endpoints and their numbers.
#![expect(clippy::disallowed_methods, reason = "this module waits, so it measures how long")]

use std::collections::BTreeMap;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wnm_core::host::{HostResult, NodeProbe, NodeSigns, NodeTarget};
use wnm_core::model::{NodeSpec, Program};
use wnm_core::observe::{EndpointReading, NodeFacts, ProcessReading, ProcessState};

use crate::error::Silence;
use crate::process::{Network, Processes, Server};
use crate::scrape::{Client, METADATA, METRICS, Patience};
use crate::sockets::PROC;
use crate::{files, parse};

/// Endpoints that are asked at once, all threads together: each holds a descriptor.
const AT_ONCE: usize = 256;
/// Threads that ask them. Most of their time goes to the kernel, so a few are as fast as many.
const THREADS: usize = 4;
/// A thread for fewer nodes than this costs more than it saves.
const NODES_A_THREAD: usize = 16;
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
        ScrapeProbe { proc_root: PathBuf::from(PROC) }
    }
}

impl NodeProbe for ScrapeProbe {
    fn read(&self, targets: &[NodeTarget<'_>], deadline: Duration) -> Vec<NodeSigns> {
        let started = Instant::now();
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        let round = Round {
            targets,
            next: AtomicUsize::new(0),
            started,
            deadline,
            threads: threads.min(targets.len() / NODES_A_THREAD).max(1),
            processes: Processes::below(&self.proc_root),
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
    threads: usize,
    processes: Processes<'a>,
}

/// A target whose endpoint is being asked.
#[derive(Debug, Default)]
struct Pending {
    process: Option<HostResult<ProcessReading>>,
    /// The numbers, once they came.
    facts: Option<NodeFacts>,
}

impl Round<'_> {
    fn run(&self) -> Vec<NodeSigns> {
        let mut answers = thread::scope(|scope| {
            // This thread works too, so that all is done even when no other can be had.
            let mut helpers = Vec::new();
            for _ in 1..self.threads {
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

    /// Takes target after target until none is left, and asks many endpoints at once.
    fn work(&self) -> Vec<(usize, NodeSigns)> {
        let mut answers = Vec::new();
        let mut pending = BTreeMap::new();
        let mut client = match Client::new() {
            Ok(client) => client,
            Err(error) => return self.work_without(&error),
        };
        let mut has_more = true;
        while has_more || client.open() > 0 {
            while has_more && client.open() < AT_ONCE / self.threads {
                let at = self.next.fetch_add(1, Ordering::Relaxed);
                match self.targets.get(at) {
                    Some(target) => {
                        answers.extend(self.begin(at, target, &mut client, &mut pending))
                    }
                    None => has_more = false,
                }
            }
            client.wait(&mut |at, answer| match pending.remove(&at) {
                Some(Pending { process, facts: None }) => match metrics(answer) {
                    Ok(facts) => {
                        pending.insert(at, Pending { process, facts: Some(facts) });
                        Some(&METADATA)
                    }
                    Err(silence) => {
                        answers.push((at, self.signs(at, process, Some(Err(silence)))));
                        None
                    }
                },
                Some(Pending { process, facts: Some(facts) }) => {
                    let facts = self.with_metadata(at, facts, answer);
                    answers.push((at, self.signs(at, process, Some(Ok(facts)))));
                    None
                }
                None => None,
            });
        }
        answers
    }

    /// Processes only.
    fn work_without(&self, error: &std::io::Error) -> Vec<(usize, NodeSigns)> {
        let mut answers = Vec::new();
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(target) = self.targets.get(at) else { return answers };
            let (process, asked) = self.look(target);
            let silence = |_| Err(Silence::Transport(error.to_string()));
            answers.push((at, self.signs(at, process, asked.map(silence))));
        }
    }

    /// Looks at the process of a target and asks its endpoint; answers the signs if that is all.
    fn begin(
        &self,
        at: usize,
        target: &NodeTarget<'_>,
        client: &mut Client,
        pending: &mut BTreeMap<usize, Pending>,
    ) -> Option<(usize, NodeSigns)> {
        let (process, asked) = self.look(target);
        let asked = asked.map(|port| {
            let time = self.share(at);
            let end = Instant::now() + time;
            client.ask(at, port?, &METRICS, Patience { time, end })
        });
        match asked {
            Some(Ok(())) => {
                pending.insert(at, Pending { process, facts: None });
                None
            }
            Some(Err(silence)) => Some((at, self.signs(at, process, Some(Err(silence))))),
            None => Some((at, self.signs(at, process, None))),
        }
    }

    /// The time for target `at`: an even share of what is left, given how many are still to come.
    /// Without it the first hanging nodes would use up all time, and healthy ones behind them would
    /// be called silent.
    fn share(&self, at: usize) -> Duration {
        let left = self.deadline.saturating_sub(self.started.elapsed());
        let turns = self.targets.len().saturating_sub(at).div_ceil(AT_ONCE).max(1);
        left / u32::try_from(turns).unwrap_or(u32::MAX)
    }

    /// The process, and the port at which its endpoint is to be asked, provided that it is the one
    /// who would answer there.
    fn look(
        &self,
        target: &NodeTarget<'_>,
    ) -> (Option<HostResult<ProcessReading>>, Option<Result<u16, Silence>>) {
        let ports = &target.spec.ports;
        let process = target.pid.map(|pid| self.processes.look(pid, ports.node, ports.metrics));
        let asked = match (&process, ports.metrics) {
            (None, _) | (_, None) => None,
            // With a loopback interface of its own it cannot be reached from here.
            (Some(Ok(seen)), _)
                if seen.reading.state == ProcessState::Gone || seen.network == Network::Foreign =>
            {
                None
            }
            (Some(Ok(seen)), Some(port)) => {
                Some(match self.processes.server(&seen.network, port) {
                    Server::Another => Err(Silence::Foreign(port)),
                    Server::Possible => Ok(port),
                })
            }
            // Whether it lives cannot be seen; its endpoint may show it.
            (Some(Err(_)), Some(port)) => Some(Ok(port)),
        };
        (process.map(|seen| seen.map(|seen| seen.reading)), asked)
    }

    /// Who answers with metrics is alive, even if the rest does not come.
    fn with_metadata(
        &self,
        at: usize,
        facts: NodeFacts,
        answer: Result<&str, Silence>,
    ) -> NodeFacts {
        match answer {
            Ok(metadata) => parse::with_metadata(facts, metadata),
            Err(silence) => {
                let id = self.targets.get(at).map(|target| target.spec.id);
                tracing::debug!("no metadata of {id:?}: {silence}");
                facts
            }
        }
    }

    fn signs(
        &self,
        at: usize,
        process: Option<HostResult<ProcessReading>>,
        answer: Option<Result<NodeFacts, Silence>>,
    ) -> NodeSigns {
        let (endpoint, mut facts) = match answer {
            Some(Ok(facts)) => (Some(EndpointReading::Alive), facts),
            Some(Err(silence)) => (Some(silence.into()), NodeFacts::default()),
            None => (None, NodeFacts::default()),
        };
        let spec = self.targets.get(at).map(|target| target.spec);
        if let Some(spec) = spec.filter(|spec| spec.program == Program::AntNode) {
            facts = ant_node_facts(spec, age_of(process.as_ref()));
        }
        NodeSigns { process, endpoint, facts }
    }
}

fn metrics(answer: Result<&str, Silence>) -> Result<NodeFacts, Silence> {
    Ok(parse::metrics_facts(answer?)?)
}

/// The log is younger than the snapshot of the routing table, and knows more; either may be missing.
///
/// Its peers are those of the process that runs: what the one before wrote when it stopped says
/// nothing about this one, which may well have none.
fn ant_node_facts(spec: &NodeSpec, age: Option<Duration>) -> NodeFacts {
    let snapshot = snapshot_facts(&spec.data);
    let is_old = age.is_some_and(|age| {
        let written = files::age(&spec.data.join(SNAPSHOT));
        written.is_some_and(|written| written > age + SLACK)
    });
    let peers = snapshot.peers.filter(|_| !is_old);
    let log = log_facts(&spec.logs);
    NodeFacts { peer_id: snapshot.peer_id, peers: log.peers.or(peers), ..log }
}

/// Clocks of processes and of files differ by so much at most.
const SLACK: Duration = Duration::from_secs(1);

fn age_of(process: Option<&HostResult<ProcessReading>>) -> Option<Duration> {
    process?.as_ref().ok()?.age_ms.map(Duration::from_millis)
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
