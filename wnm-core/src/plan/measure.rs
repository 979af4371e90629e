//! Which nodes' data is measured in a cycle. Walking a directory costs.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::model::{Instant, NodeId, NodeRecord, Now, Percent, Resource};
use crate::observe::{FileSystemSample, Ledger, MachineSample};
use crate::policy::Policy;

/// The nodes whose sizes are worth having now: those whose turn it is, and all on a disk that may
/// demand a removal. `machine` is `None` when it could not be read.
pub fn to_measure(
    ledger: &Ledger,
    policy: &Policy,
    machine: Option<&MachineSample>,
    now: &Now,
) -> BTreeSet<NodeId> {
    let full = machine.map(|machine| full_devices(ledger, policy, machine, now));
    let lies_on_full = |record: &NodeRecord| {
        let system = machine.and_then(|machine| machine.file_systems.get(&record.spec.storage));
        let device = system.map(|system| system.device);
        device.is_some_and(|device| full.iter().any(|full| full.contains(&device)))
    };
    let on_full = ledger.nodes.iter().filter(|record| lies_on_full(record));
    on_full.map(|record| record.spec.id).chain(due(ledger, now)).collect()
}

/// The nodes whose turn it is: each has its turn once an hour, spread over the cycles, those never
/// or longest ago measured first.
fn due(ledger: &Ledger, now: &Now) -> Vec<NodeId> {
    const ROUND: Duration = Duration::from_secs(3600);
    const CYCLES_IN_A_ROUND: usize = 60;
    let age = |record: &NodeRecord| {
        let size = ledger.memory.nodes.get(&record.record).and_then(|memory| memory.size.as_ref());
        size.map_or(Duration::MAX, |size| now.age(&size.at))
    };
    let mut due: Vec<(Duration, NodeId)> = ledger
        .nodes
        .iter()
        .map(|record| (age(record), record.spec.id))
        .filter(|(age, _)| *age >= ROUND)
        .collect();
    due.sort_by(|a, b| b.cmp(a));
    let turns = ledger.nodes.len().div_ceil(CYCLES_IN_A_ROUND);
    due.into_iter().take(turns).map(|(_, id)| id).collect()
}

fn full_devices(
    ledger: &Ledger,
    policy: &Policy,
    machine: &MachineSample,
    now: &Now,
) -> BTreeSet<u64> {
    machine
        .file_systems
        .iter()
        .filter(|(root, sample)| may_demand(ledger, policy, root, sample, &now.instant))
        .map(|(_, sample)| sample.device)
        .collect()
}

/// True when a removal could be decided from the sizes of the nodes below `root`.
fn may_demand(
    ledger: &Ledger,
    policy: &Policy,
    root: &Path,
    sample: &FileSystemSample,
    now: &Instant,
) -> bool {
    let held = |resource: Resource| {
        let since = ledger.memory.over.get(&resource);
        since.is_some_and(|since| since.age(now) >= policy.stability.disk_grace)
    };
    let over_now = policy.stability.disk_grace.is_zero()
        && Percent::of(sample.space.total.saturating_sub(sample.space.free), sample.space.total)
            .is_some_and(|used| policy.disk.band.is_over(used.0));
    sample.space.free < policy.crisis_bytes.0
        || over_now
        || held(Resource::Disk(root.into()))
        || held(Resource::Inodes(root.into()))
}
