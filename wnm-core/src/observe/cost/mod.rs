//! What a node costs on this machine, learned from what its nodes used.
//!
//! Every look is one sample of each quantity: the mean over the nodes seen, apart for those that run
//! and those in their first minutes. Samples make estimates that forget slowly. Nothing is assumed:
//! what was not seen is absent.

mod estimate;
mod look;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use estimate::Estimate;
use estimate::Habit;
use look::{Look, Shown};

use super::{NodeMemory, ProcessKey, Snapshot};
use crate::model::{Bytes, Instant, RecordId};

/// A process younger than this is starting: it costs more, or other things, than later.
pub const SURGE: Duration = Duration::from_secs(300);

/// A node's CPU counter when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuMemory {
    /// Of which process.
    pub process: ProcessKey,
    /// What it had used, in milliseconds.
    pub ms: u64,
    /// When.
    pub at: Instant,
}

/// What a node costs, as far as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LearnedCost {
    /// Seconds in which nodes were watched.
    pub observed_s: f64,
    /// CPUs of the machine that the percentages are of.
    pub cpus: u32,
    /// A node past its first minutes.
    pub running: NodeCost,
    /// A node in its first minutes.
    pub starting: NodeCost,
    /// Growth of a node's data, bytes a day.
    pub disk_growth: Option<Estimate>,
    /// Bytes per second received, of all that the machine received for each node.
    pub received: Option<Estimate>,
    /// Bytes per second sent, likewise.
    pub sent: Option<Estimate>,
    /// CPU outside of the nodes' processes.
    pub beyond: Beyond,
}

/// What a node costs while it does one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeCost {
    /// CPU, percent of the whole machine.
    pub cpu: Option<Estimate>,
    /// Resident memory, bytes.
    pub memory: Option<Estimate>,
    /// Its share of the load average.
    pub load: Option<Estimate>,
}

/// CPU that no process is charged for, such as the kernel's work for packets: how what the machine
/// uses beyond its nodes' processes rises and falls with the number of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Beyond {
    nodes: f64,
    cpu: f64,
    nodes_squared: f64,
    nodes_by_cpu: f64,
    weight_s: f64,
    /// Percent of the machine for each node, once the number of nodes has changed enough to tell.
    pub each: Option<f64>,
}

/// How slowly the cost of a running node is forgotten, and that of starting ones, which are rare.
const FADE_S: f64 = 6.0 * 3600.0;
const STARTING_FADE_S: f64 = 2.0 * 3600.0;
/// What lies this near to an estimate is no outlier: percent of the machine, bytes, load, bytes per
/// second, bytes a day.
const USUAL_CPU: f64 = 2.0;
const USUAL_MEMORY: f64 = 1e8;
const USUAL_LOAD: f64 = 0.2;
const USUAL_RATE: f64 = 1e6;
const USUAL_GROWTH: f64 = 2e9;

impl LearnedCost {
    /// With what this look shows. `memory` is what was remembered of the nodes before it.
    #[must_use]
    pub(super) fn with(
        &self,
        snapshot: &Snapshot,
        memory: &BTreeMap<RecordId, NodeMemory>,
    ) -> LearnedCost {
        let look = Look::of(snapshot, memory);
        let mut next = self.clone();
        if look.span_s <= 0.0 {
            return next;
        }
        next.measure_by(snapshot.machine.cpus);
        let observed = if next.observed_s.is_finite() { next.observed_s.max(0.0) } else { 0.0 };
        next.observed_s = (observed + look.span_s).min(1e9);
        next.running = next.running.with(&look.running, FADE_S);
        next.starting = next.starting.with(&look.starting, STARTING_FADE_S);
        let habit = |usual| Habit { fade_s: FADE_S, usual };
        next.disk_growth = Estimate::with(next.disk_growth, look.growth, habit(USUAL_GROWTH));
        next.received = Estimate::with(next.received, look.received, habit(USUAL_RATE));
        next.sent = Estimate::with(next.sent, look.sent, habit(USUAL_RATE));
        let own = next.running.cpu.map_or(0.0, |cpu| cpu.mean.max(0.0));
        next.beyond = next.beyond.with(look.beyond, look.span_s, own);
        next
    }

    /// A machine that was given other CPUs is another whole.
    fn measure_by(&mut self, cpus: u32) {
        if self.cpus != 0 && self.cpus != cpus && cpus != 0 {
            let factor = f64::from(self.cpus) / f64::from(cpus);
            for cost in [&mut self.running, &mut self.starting] {
                cost.cpu = cost.cpu.map(|cpu| cpu.times(factor));
            }
            self.beyond = Beyond::default();
        }
        self.cpus = cpus;
    }

    /// What planning may reckon with: nothing before nodes were watched for `learn_time`, running
    /// and starting.
    pub fn known(&self, learn_time: Duration) -> Option<KnownCost<'_>> {
        // What was read from a store may be anything.
        let sound = |it: &Option<Estimate>| it.as_ref().is_some_and(Estimate::is_sound);
        let complete = |cost: &NodeCost| sound(&cost.cpu) && sound(&cost.memory);
        let known = self.observed_s >= learn_time.as_secs_f64()
            && complete(&self.running)
            && complete(&self.starting)
            && sound(&self.running.load);
        known.then_some(KnownCost { learned: self })
    }

    /// How much longer nodes have to be watched, were they to run from now on.
    pub fn left(&self, learn_time: Duration) -> Duration {
        let observed = Duration::try_from_secs_f64(self.observed_s.max(0.0)).unwrap_or_default();
        learn_time.saturating_sub(observed)
    }

    /// CPU of a node that does `cost`, with what no process is charged for.
    fn cpu(&self, cost: &NodeCost) -> Option<Estimate> {
        let own = cost.cpu?;
        let each = self.beyond.each.unwrap_or(0.0).clamp(0.0, own.mean.max(0.0) / 2.0);
        Some(Estimate { mean: own.mean + each, ..own })
    }
}

impl NodeCost {
    fn with(self, shown: &Shown, fade_s: f64) -> NodeCost {
        let habit = |usual| Habit { fade_s, usual };
        NodeCost {
            cpu: Estimate::with(self.cpu, shown.cpu, habit(USUAL_CPU)),
            memory: Estimate::with(self.memory, shown.memory, habit(USUAL_MEMORY)),
            load: Estimate::with(self.load, shown.load, habit(USUAL_LOAD)),
        }
    }
}

impl Beyond {
    /// So many nodes must the number of nodes vary by to say anything.
    const LEAST_VARIANCE: f64 = 0.5;
    /// Watched for this long.
    const LEAST_S: f64 = 900.0;

    /// Least squares with forgetting. The slope is never negative, and never more than half of what
    /// the processes are charged for: others may by chance work more when nodes are added.
    fn with(self, seen: Option<(f64, f64)>, span_s: f64, own: f64) -> Beyond {
        let Some((nodes, cpu)) = seen else { return self };
        let sums = [self.nodes, self.cpu, self.nodes_squared, self.nodes_by_cpu, self.weight_s];
        let is_sound = sums.iter().all(|sum| (-1e18..=1e18).contains(sum)) && self.weight_s >= 0.0;
        let before = if is_sound { self } else { Beyond::default() };
        let weight_s = (before.weight_s + span_s).min(FADE_S);
        let share = (span_s / weight_s).clamp(0.0, 1.0);
        let towards = |mean: f64, value: f64| mean + share * (value - mean);
        let mut next = Beyond {
            nodes: towards(before.nodes, nodes),
            cpu: towards(before.cpu, cpu),
            nodes_squared: towards(before.nodes_squared, nodes * nodes),
            nodes_by_cpu: towards(before.nodes_by_cpu, nodes * cpu),
            weight_s,
            each: before.each.map(|each| each.clamp(0.0, own / 2.0)),
        };
        let variance = next.nodes_squared - next.nodes * next.nodes;
        if variance >= Beyond::LEAST_VARIANCE && weight_s >= Beyond::LEAST_S {
            let slope = (next.nodes_by_cpu - next.nodes * next.cpu) / variance;
            next.each = Some(slope.clamp(0.0, own / 2.0));
        }
        next
    }
}

/// A cost that planning may reckon with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownCost<'a> {
    learned: &'a LearnedCost,
}

impl KnownCost<'_> {
    /// CPU, percent of the machine: of a running node, and of a starting one.
    pub fn cpu(&self) -> (Option<Estimate>, Option<Estimate>) {
        (self.learned.cpu(&self.learned.running), self.learned.cpu(&self.learned.starting))
    }

    /// The same for memory, in bytes.
    pub fn memory(&self) -> (Option<Estimate>, Option<Estimate>) {
        (self.learned.running.memory, self.learned.starting.memory)
    }

    /// The same for the load average.
    pub fn load(&self) -> (Option<Estimate>, Option<Estimate>) {
        (self.learned.running.load, self.learned.starting.load)
    }

    /// Growth of a node's data, bytes a day.
    pub fn growth(&self) -> Option<Estimate> {
        self.learned.disk_growth
    }

    /// Bytes per second, received and sent.
    pub fn network(&self) -> (Option<Estimate>, Option<Estimate>) {
        (self.learned.received, self.learned.sent)
    }
}

impl fmt::Display for LearnedCost {
    /// `a node costs 1.2 % CPU, 210.0 MB, 1.4 GB disk a day; starting 6.0 % CPU in its first 5 min`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |cpu: Estimate| match cpu.mean < 1.0 {
            // Hundreds of nodes fit where one costs so little.
            true => format!("{:.2} % CPU", cpu.mean),
            false => format!("{:.1} % CPU", cpu.mean),
        };
        let bytes = |bytes: Estimate| Bytes(bytes.mean as u64);
        let running = [
            self.cpu(&self.running).map(percent),
            self.running.memory.map(|memory| bytes(memory).to_string()),
            self.disk_growth.map(|growth| format!("{} disk a day", bytes(growth))),
            self.received.map(|rate| format!("{}/s received", bytes(rate))),
            self.sent.map(|rate| format!("{}/s sent", bytes(rate))),
        ];
        let running: Vec<String> = running.into_iter().flatten().collect();
        let starting = self.cpu(&self.starting).map(percent);
        let minutes = SURGE.as_secs() / 60;
        match (running.is_empty(), starting) {
            (true, None) => f.write_str("what a node costs is not known yet"),
            (true, Some(cpu)) => {
                write!(
                    f,
                    "a node costs {cpu} in its first {minutes} min; what later is not known yet"
                )
            }
            (false, None) => write!(f, "a node costs {}", running.join(", ")),
            (false, Some(cpu)) => write!(
                f,
                "a node costs {}; starting {cpu} in its first {minutes} min",
                running.join(", ")
            ),
        }
    }
}
