//! What one look shows of the cost of nodes: differences of their own counters, never of guesses.

use std::collections::BTreeMap;
use std::time::Duration;

use super::estimate::Sample;
use super::{CpuMemory, SURGE};
use crate::model::{Instant, RecordId, Want};
use crate::observe::{NodeMemory, NodeView, Snapshot};

/// Counters read closer together than this say too little, further apart than that too much.
const SPAN_MS: std::ops::RangeInclusive<u64> = 10_000..=600_000;

/// Everything that one look shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Look {
    pub(super) running: Shown,
    pub(super) starting: Shown,
    pub(super) growth: Option<Sample>,
    pub(super) received: Option<Sample>,
    pub(super) sent: Option<Sample>,
    /// Seconds it stands for.
    pub(super) span_s: f64,
    /// How many nodes live, and what the machine uses beyond their processes, percent.
    pub(super) beyond: Option<(f64, f64)>,
}

/// What it shows of nodes that run, or of those that start.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shown {
    pub(super) cpu: Option<Sample>,
    pub(super) memory: Option<Sample>,
    pub(super) load: Option<Sample>,
}

#[derive(Default)]
struct Values {
    cpu: Vec<f64>,
    memory: Vec<f64>,
    span_s: f64,
}

impl Look {
    pub(super) fn of(snapshot: &Snapshot, memory: &BTreeMap<RecordId, NodeMemory>) -> Look {
        let (now, cpus) = (&snapshot.now.instant, snapshot.machine.cpus);
        let (mut running, mut starting) = (Values::default(), Values::default());
        let alive: Vec<&NodeView> = snapshot.nodes.iter().filter(|node| is_ours(node)).collect();
        for node in &alive {
            let before = memory.get(&node.record()).and_then(|memory| memory.cpu.as_ref());
            let Some(used) = cpu_of(node, before, now, cpus) else { continue };
            let values = if used.starting { &mut starting } else { &mut running };
            values.cpu.push(used.percent);
            values.memory.extend(node.memory.map(|bytes| bytes.0 as f64));
            values.span_s = values.span_s.max(used.span_s);
        }
        let measured = running.cpu.len() + starting.cpu.len();
        let span_s = running.span_s.max(starting.span_s);
        let count = alive.len() as f64;
        let network = |value: Option<f64>| {
            let value = value.filter(|_| measured > 0)? / count;
            Sample::over(vec![value], span_s).map(|sample| Sample { error: 0.0, ..sample })
        };
        let rate = snapshot.machine.network;
        let growth = alive.iter().filter_map(|node| node.growth).map(|bytes| bytes.0 as f64);
        let sum = total(&running.cpu) + total(&starting.cpu);
        let cpu = snapshot.machine.cpu.map(|cpu| cpu.0).filter(|cpu| (0.0..=100.0).contains(cpu));
        let load = snapshot.machine.load;
        Look {
            growth: Sample::over(growth.collect(), span_s),
            received: network(rate.map(|rate| rate.read)),
            sent: network(rate.map(|rate| rate.written)),
            span_s,
            beyond: cpu
                .filter(|_| measured == alive.len() && measured > 0)
                .map(|cpu| (count, (cpu - sum).max(0.0))),
            running: running.shown(cpu, sum, load.map(|load| load.five)),
            starting: starting.shown(cpu, sum, load.map(|load| load.one)),
        }
    }
}

impl Values {
    /// No process tells its share of the load. It is taken to be its share of the CPU in use.
    fn shown(self, machine: Option<f64>, nodes: f64, load: Option<f64>) -> Shown {
        let cpu = Sample::over(self.cpu, self.span_s);
        let in_use = machine.map(|machine| machine.max(nodes)).filter(|in_use| *in_use > 0.0);
        let load = cpu.zip(in_use).zip(load).and_then(|((cpu, in_use), load)| {
            let of = |value: f64| load * value / in_use;
            let sample = Sample::over(vec![of(cpu.mean)], self.span_s)?;
            Some(Sample { error: of(cpu.error), ..sample })
        });
        Shown { cpu, memory: Sample::over(self.memory, self.span_s), load }
    }
}

fn total(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.iter().sum()
}

/// A node that lives because it should, and is cared for.
fn is_ours(node: &NodeView) -> bool {
    node.record.counts() && node.record.want == Want::Run && node.seen.alive == Some(true)
}

struct Used {
    percent: f64,
    span_s: f64,
    starting: bool,
}

/// What a node used since it was looked at before, in percent of the machine. A process never seen
/// before is measured from its start, as long as that is its surge. A counter that went back, another
/// process, another boot or a long gap give nothing.
fn cpu_of(node: &NodeView, before: Option<&CpuMemory>, now: &Instant, cpus: u32) -> Option<Used> {
    let (process, cpu_ms, age) = (node.process?, node.cpu_ms?, node.process_age?);
    let known = before.filter(|before| before.process == process && before.at.boot == now.boot);
    let (since, span_ms) = match known {
        Some(before) => (before.ms, now.uptime_ms.checked_sub(before.at.uptime_ms)?),
        None if age <= SURGE => (0, age.as_millis() as u64),
        None => return None,
    };
    let used_ms = cpu_ms.checked_sub(since)?;
    if !SPAN_MS.contains(&span_ms) || cpus == 0 {
        return None;
    }
    let percent = used_ms as f64 * 100.0 / (span_ms as f64 * f64::from(cpus));
    // Ticks are coarse; more than a little above all there is cannot be.
    let percent = (percent <= 105.0).then_some(percent.min(100.0))?;
    let middle = age.saturating_sub(Duration::from_millis(span_ms / 2));
    Some(Used { percent, span_s: span_ms as f64 / 1000.0, starting: middle < SURGE })
}

impl CpuMemory {
    /// The counter to compare the next look with: this look's, unless it follows the last too closely.
    pub(in crate::observe) fn next(
        before: Option<CpuMemory>,
        node: &NodeView,
        now: &Instant,
    ) -> Option<CpuMemory> {
        let (Some(process), Some(ms)) = (node.process, node.cpu_ms) else { return before };
        let is_close = |before: &CpuMemory| {
            before.process == process
                && before.at.boot == now.boot
                && before.ms <= ms
                && before.at.age(now) < Duration::from_millis(*SPAN_MS.start())
        };
        let fresh = CpuMemory { process, ms, at: now.clone() };
        Some(before.filter(is_close).unwrap_or(fresh))
    }
}
