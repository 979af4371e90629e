//! Looks at everything once. Failures become readings; nothing here fails as a whole, and nothing
//! waits for a second sample.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::host::{Host, NodeSigns, NodeTarget};
use crate::model::{Manager, NodeId, NodeRecord, NodeSpec, Now};
use crate::observe::{
    FaultKind, Ledger, MachineSample, NodeReading, Readings, StorageReading, UnitReading, Unread,
};
use crate::plan::needs_sizes;
use crate::policy::Policy;

/// Logical CPUs, which some defaults follow: from this look, else from the last one stored.
pub(super) fn cpus(host: &Host<'_>, ledger: &Ledger, now: &Now) -> u32 {
    match host.machine.sample(&[], now) {
        Ok(sample) => sample.cpus,
        Err(_) => ledger.samples.last().map_or(1, |sample| sample.cpus),
    }
}

pub(super) fn collect(
    host: &Host<'_>,
    ledger: &Ledger,
    policy: &Policy,
    deadline: Duration,
    now: &Now,
) -> Readings {
    let roots = roots(ledger, policy);
    let storage: BTreeMap<PathBuf, StorageReading> =
        roots.iter().map(|root| (root.clone(), host.files.survey(root))).collect();
    let machine = host.machine.sample(&roots, now).map_err(|error| error.unread());
    let nodes = nodes(host, ledger, policy, &machine, &storage, deadline, now);
    Readings {
        ports: host.machine.bound_ports().map_err(|error| error.unread()),
        occupied: occupied(host, policy.nodes.manager),
        release: host.binaries.available(policy.nodes.program).map_err(|error| error.unread()),
        machine,
        nodes,
        storage,
    }
}

fn roots(ledger: &Ledger, policy: &Policy) -> Vec<PathBuf> {
    let recorded = ledger.nodes.iter().map(|record| record.spec.storage.clone());
    let roots: BTreeSet<PathBuf> = policy.nodes.storage.iter().cloned().chain(recorded).collect();
    roots.into_iter().collect()
}

fn occupied(host: &Host<'_>, manager: Manager) -> Result<BTreeSet<NodeId>, Unread> {
    host.managers
        .get(manager)
        .and_then(|manager| manager.discover())
        .map_err(|error| error.unread())
}

fn nodes(
    host: &Host<'_>,
    ledger: &Ledger,
    policy: &Policy,
    machine: &Result<MachineSample, Unread>,
    storage: &BTreeMap<PathBuf, StorageReading>,
    deadline: Duration,
    now: &Now,
) -> BTreeMap<NodeId, NodeReading> {
    let specs: Vec<&NodeSpec> = ledger.nodes.iter().map(|record| &record.spec).collect();
    let units = units(host, &specs);
    let targets: Vec<NodeTarget<'_>> =
        specs.iter().map(|spec| NodeTarget { spec, pid: pid_of(units.get(&spec.id)) }).collect();
    let signs = host.nodes.read(&targets, deadline);
    let full = roots_to_measure(ledger, policy, machine, now);
    let due = due_for_measuring(ledger, now);
    specs
        .iter()
        .zip(signs)
        .map(|(spec, signs)| {
            let unit = units.get(&spec.id).cloned().unwrap_or_else(|| Err(unanswered()));
            let data = data(spec, storage);
            let wanted = full.contains(&spec.storage) || due.contains(&spec.id);
            let measured = wanted && data == Ok(true);
            let disk = measured.then(|| host.files.usage(spec).ok()).flatten();
            (spec.id, reading(unit, signs, data, disk))
        })
        .collect()
}

fn pid_of(unit: Option<&Result<UnitReading, Unread>>) -> Option<u32> {
    unit?.as_ref().ok()?.pid
}

fn reading(
    unit: Result<UnitReading, Unread>,
    signs: NodeSigns,
    data: Result<bool, Unread>,
    disk: Option<crate::model::Bytes>,
) -> NodeReading {
    NodeReading {
        unit,
        process: signs.process.map(|process| process.map_err(|error| error.unread())),
        endpoint: signs.endpoint,
        facts: signs.facts,
        data,
        disk,
    }
}

/// One question to each manager for all of its nodes.
fn units(host: &Host<'_>, specs: &[&NodeSpec]) -> BTreeMap<NodeId, Result<UnitReading, Unread>> {
    let managers: BTreeSet<Manager> = specs.iter().map(|spec| spec.manager).collect();
    let mut units = BTreeMap::new();
    for manager in managers {
        let kept: Vec<&NodeSpec> =
            specs.iter().copied().filter(|spec| spec.manager == manager).collect();
        let answers = host.managers.get(manager).and_then(|manager| manager.states(&kept));
        match answers {
            Ok(answers) => {
                units.extend(kept.iter().zip(answers).map(|(spec, unit)| (spec.id, Ok(unit))));
            }
            Err(error) => {
                let unread = error.unread();
                units.extend(kept.iter().map(|spec| (spec.id, Err(unread.clone()))));
            }
        }
    }
    units
}

fn unanswered() -> Unread {
    Unread { kind: FaultKind::Garbled, why: "its manager left it out of its answer".to_owned() }
}

/// Whether the node's directory is there, which can only be said of a root that is there.
fn data(spec: &NodeSpec, storage: &BTreeMap<PathBuf, StorageReading>) -> Result<bool, Unread> {
    let name = spec.data.file_name().and_then(|name| name.to_str());
    match (storage.get(&spec.storage).map(|root| &root.entries), name) {
        (Some(Ok(entries)), Some(name)) => Ok(entries.contains(name)),
        (Some(Err(unread)), _) => Err(unread.clone()),
        (None, _) | (Some(Ok(_)), None) => Err(Unread {
            kind: FaultKind::NotFound,
            why: format!("{} was not looked at", spec.storage.display()),
        }),
    }
}

/// The nodes whose turn it is: walking a directory costs, so each node has its turn once an hour,
/// spread over the cycles, those never or longest ago measured first.
fn due_for_measuring(ledger: &Ledger, now: &Now) -> BTreeSet<NodeId> {
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

fn roots_to_measure(
    ledger: &Ledger,
    policy: &Policy,
    machine: &Result<MachineSample, Unread>,
    now: &Now,
) -> BTreeSet<PathBuf> {
    let Ok(machine) = machine else {
        return BTreeSet::new();
    };
    let full: BTreeSet<u64> = machine
        .file_systems
        .iter()
        .filter(|(root, sample)| needs_sizes(&ledger.memory, policy, root, sample, &now.instant))
        .map(|(_, sample)| sample.device)
        .collect();
    machine
        .file_systems
        .iter()
        .filter(|(_, sample)| full.contains(&sample.device))
        .map(|(root, _)| root.clone())
        .collect()
}
