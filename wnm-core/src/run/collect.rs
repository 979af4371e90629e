//! Looks at everything once. Failures become readings; nothing here fails as a whole, and nothing
//! waits for a second sample.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::host::{Host, NodeSigns, NodeTarget};
use crate::model::{Manager, NodeId, NodeSpec, Now};
use crate::observe::{
    FaultKind, Ledger, MachineSample, NodeReading, Numbering, Readings, StorageReading,
    UnitReading, Unread,
};
use crate::plan::to_measure;
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
        numbering: numbering(host, policy.nodes.manager),
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

fn numbering(host: &Host<'_>, manager: Manager) -> Option<Result<Numbering, Unread>> {
    let asked = host.managers.get(manager).and_then(|manager| manager.numbering());
    asked.map_err(|error| error.unread()).transpose()
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
    let measured = to_measure(ledger, policy, machine.as_ref().ok(), now);
    specs
        .iter()
        .zip(signs)
        .map(|(spec, signs)| {
            let unit = units.get(&spec.id).cloned().unwrap_or_else(|| Err(unanswered()));
            let data = data(spec, storage);
            let measured = measured.contains(&spec.id) && data == Ok(true);
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
