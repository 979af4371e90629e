//! Looks at everything once. Failures become readings; nothing here fails as a whole, and nothing
//! waits for a second sample.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::CycleOptions;
use crate::host::{Host, NodeSigns, NodeTarget};
use crate::model::{
    Installed, Instant, KnownProgram, Manager, NodeId, NodeRecord, NodeSpec, Now, Phase, Release,
    UnitDrift, Verb, Version, node_of_data,
};
use crate::observe::{
    EngineMemory, FaultKind, Ledger, MachineSample, NodeReading, Numbering, Readings,
    StorageReading, Surroundings, UnitReading, UnitState, Unread,
};
use crate::plan::{PlanScope, to_look_around, to_measure};
use crate::policy::Policy;

/// The node processes of the machine by their data directories.
type Processes = BTreeMap<PathBuf, Vec<u32>>;

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
    options: &CycleOptions,
    now: &Now,
) -> Readings {
    let roots = roots(ledger, policy);
    let storage: BTreeMap<PathBuf, StorageReading> =
        roots.iter().map(|root| (root.clone(), host.files.survey(root))).collect();
    let machine = host.machine.sample(&roots, now).map_err(|error| error.unread());
    let nodes = nodes(host, ledger, policy, &machine, &storage, options.deadline, now);
    // Whoever only answers requests mends nothing, and would put off the next look for nothing.
    let looks = options.scope == PlanScope::Everything
        && to_look_around(&ledger.memory, policy.upkeep_every, &now.instant);
    let processes = host.managers.processes(&roots).map_err(|error| error.unread());
    let program = program(host, &ledger.memory, policy, now);
    Readings {
        around: around(host, ledger, processes.as_ref().ok(), &nodes, looks),
        ports: host.machine.bound_ports().map_err(|error| error.unread()),
        occupied: occupied(host, policy.nodes.manager, ledger, running(ledger, &roots, &processes)),
        numbering: numbering(host, policy.nodes.manager),
        release: program.as_ref().map(|(release, _)| release.clone()).map_err(Unread::clone),
        program: program.ok().and_then(|(_, known)| known),
        releases: releases(host, ledger, policy),
        machine,
        nodes,
        storage,
    }
}

/// For so long a program is believed to be what it said, while its file is the same: a script may start
/// another one from one day to the next.
const BELIEVED: Duration = Duration::from_secs(3600);

/// What new nodes would be given, and which file said so, and when.
fn program(
    host: &Host<'_>,
    memory: &EngineMemory,
    policy: &Policy,
    now: &Now,
) -> Result<(Release, Option<(KnownProgram, Instant)>), Unread> {
    let is_young = |at: &Instant| at.boot == now.instant.boot && now.age(at) < BELIEVED;
    let known = memory.program.as_ref().filter(|(_, at)| is_young(at));
    let found = host.binaries.look(policy.nodes.program, known.map(|(known, _)| known));
    let (release, told) = found.map_err(|error| error.unread())?;
    let seen = told.map(|told| match known {
        Some((known, at)) if *known == told => (told, at.clone()),
        _ => (told, now.instant.clone()),
    });
    Ok((release, seen))
}

/// Failures are silence here as everywhere: nothing is mended, nothing is closed.
fn around(
    host: &Host<'_>,
    ledger: &Ledger,
    processes: Option<&Processes>,
    nodes: &BTreeMap<NodeId, NodeReading>,
    looks: bool,
) -> Surroundings {
    let specs: Vec<&NodeSpec> = ledger.nodes.iter().map(|record| &record.spec).collect();
    let strangers = processes.map(|found| strangers(&specs, nodes, found)).unwrap_or_default();
    if !looks {
        return Surroundings { strangers, ..Surroundings::default() };
    }
    let wanted = specs.iter().flat_map(|spec| spec.ports.public()).collect();
    let firewall = match host.firewall.openings(&wanted) {
        Ok(openings) => openings.map(Ok),
        Err(error) => Some(Err(error.unread())),
    };
    Surroundings { looked: true, firewall, drift: drift(host, &specs), strangers }
}

fn drift(host: &Host<'_>, specs: &[&NodeSpec]) -> BTreeMap<NodeId, UnitDrift> {
    let managers: BTreeSet<Manager> = specs.iter().map(|spec| spec.manager).collect();
    let mut drift = BTreeMap::new();
    for manager in managers {
        let kept: Vec<&NodeSpec> =
            specs.iter().copied().filter(|spec| spec.manager == manager).collect();
        let answer = host.managers.get(manager).and_then(|manager| manager.drift(&kept));
        drift.extend(answer.unwrap_or_default());
    }
    drift
}

/// Processes with a node's data beside the one that its manager keeps. That one may carry another
/// number than the manager tells: what is in a container has an init above it.
fn strangers(
    specs: &[&NodeSpec],
    nodes: &BTreeMap<NodeId, NodeReading>,
    processes: &Processes,
) -> BTreeMap<NodeId, Vec<u32>> {
    let of = |spec: &&NodeSpec| {
        let mut pids = processes.get(&spec.data)?.clone();
        let unit = nodes.get(&spec.id)?.unit.as_ref().ok()?;
        match unit.state {
            UnitState::Running => {
                let own = pids.iter().position(|pid| Some(*pid) == unit.pid).unwrap_or(0);
                pids.remove(own);
            }
            UnitState::Stopped | UnitState::Failed | UnitState::Evicted | UnitState::Missing => {}
            // On its way up or down: whose process it is shows when it is there.
            UnitState::Activating | UnitState::Stopping => return None,
        }
        (!pids.is_empty()).then_some((spec.id, pids))
    };
    specs.iter().filter_map(of).collect()
}

fn roots(ledger: &Ledger, policy: &Policy) -> Vec<PathBuf> {
    let recorded = ledger.nodes.iter().map(|record| record.spec.storage.clone());
    let roots: BTreeSet<PathBuf> = policy.nodes.storage.iter().cloned().chain(recorded).collect();
    roots.into_iter().collect()
}

/// The ids that processes show by their data directories. In the root of a container that counts by itself
/// they say nothing of ids.
fn running(
    ledger: &Ledger,
    roots: &[PathBuf],
    processes: &Result<Processes, Unread>,
) -> Result<BTreeSet<NodeId>, Unread> {
    let specs = ledger.nodes.iter().map(|record| &record.spec);
    let counted = specs.filter(|spec| spec.manager.kind.counts_in_containers());
    let counted: BTreeSet<&Path> = counted.map(|spec| spec.storage.as_path()).collect();
    let telling = roots.iter().filter(|root| !counted.contains(root.as_path()));
    let telling: Vec<PathBuf> = telling.cloned().collect();
    let found = processes.as_ref().map_err(Unread::clone)?.keys();
    Ok(found.filter_map(|data| node_of_data(data, &telling)).collect())
}

/// A name is free only when no process has it and no manager knows it: neither the one that new nodes
/// get, nor one that had nodes before, nor any that can be asked for nothing.
fn occupied(
    host: &Host<'_>,
    manager: Manager,
    ledger: &Ledger,
    running: Result<BTreeSet<NodeId>, Unread>,
) -> Result<BTreeSet<NodeId>, Unread> {
    let recorded = ledger.nodes.iter().map(|record| record.spec.manager);
    let asked: BTreeSet<Manager> = recorded.chain([manager]).collect();
    let mut ids = running?;
    for manager in &asked {
        let manager = host.managers.get(*manager).map_err(|error| error.unread())?;
        ids.extend(manager.keeps().map_err(|error| error.unread())?);
    }
    for manager in host.managers.at_hand() {
        if !asked.contains(&manager.manager()) {
            ids.extend(manager.keeps().map_err(|error| error.unread())?);
        }
    }
    Ok(ids)
}

/// The versions that operators asked for by name.
fn releases(
    host: &Host<'_>,
    ledger: &Ledger,
    policy: &Policy,
) -> BTreeMap<Version, Result<Release, Unread>> {
    let wanted = ledger.requests.iter().filter_map(|request| match &request.verb {
        Verb::Upgrade { to, .. } => to.as_ref(),
        _ => None,
    });
    let find = |version: &Version| {
        let found = host.binaries.release(policy.nodes.program, version);
        (version.clone(), found.map_err(|error| error.unread()))
    };
    wanted.map(find).collect()
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
    let mut installed = installed(host, ledger, &signs, storage);
    ledger
        .nodes
        .iter()
        .zip(signs)
        .map(|(record, signs)| {
            let spec = &record.spec;
            let unit = units.get(&spec.id).cloned().unwrap_or_else(|| Err(unanswered()));
            let data = match is_without_root(record, storage) {
                true => Ok(false),
                false => data(spec, storage),
            };
            let measured = measured.contains(&spec.id) && data == Ok(true);
            let disk = measured.then(|| host.files.usage(spec).ok()).flatten();
            let installed = installed.remove(&spec.id);
            let key_at_risk = data == Ok(true) && is_at_risk(host, record);
            let reading = reading(unit, signs, data, disk, installed);
            (spec.id, NodeReading { key_at_risk, ..reading })
        })
        .collect()
}

/// Asked for managers that delete data by themselves. A key that cannot be looked at is found to be
/// so by whoever keeps it.
fn is_at_risk(host: &Host<'_>, record: &NodeRecord) -> bool {
    record.spec.manager.kind.deletes_data()
        && !host.files.is_archived(record.key(), &record.spec).unwrap_or(false)
}

fn pid_of(unit: Option<&Result<UnitReading, Unread>>) -> Option<u32> {
    unit?.as_ref().ok()?.pid
}

fn reading(
    unit: Result<UnitReading, Unread>,
    signs: NodeSigns,
    data: Result<bool, Unread>,
    disk: Option<crate::model::Bytes>,
    installed: Option<Result<Installed, Unread>>,
) -> NodeReading {
    NodeReading {
        unit,
        process: signs.process.map(|process| process.map_err(|error| error.unread())),
        endpoint: signs.endpoint,
        facts: signs.facts,
        data,
        disk,
        installed,
        key_at_risk: false,
    }
}

/// Which file lies there is asked of all in every cycle, for that is cheap. Looked into is what may be
/// another one than before, until that has succeeded: another file, or a process that may have made
/// another key. To look costs a run of the program and a hash of it, so that only so many are looked
/// into in one cycle.
const EXAMINED_A_CYCLE: usize = 32;

fn installed(
    host: &Host<'_>,
    ledger: &Ledger,
    signs: &[NodeSigns],
    storage: &BTreeMap<PathBuf, StorageReading>,
) -> BTreeMap<NodeId, Result<Installed, Unread>> {
    let memory_of = |record: &NodeRecord| ledger.memory.nodes.get(&record.record);
    let process_of = |signs: &NodeSigns| signs.process.as_ref()?.as_ref().ok()?.key;
    let is_seen = |(record, _): &(&NodeRecord, &NodeSigns)| {
        data(&record.spec, storage) == Ok(true) && record.spec.owns_program()
    };
    let seen: Vec<(&NodeRecord, &NodeSigns)> =
        ledger.nodes.iter().zip(signs).filter(is_seen).collect();
    let wanted: Vec<&NodeSpec> = seen.iter().map(|(record, _)| &record.spec).collect();
    if wanted.is_empty() {
        return BTreeMap::new();
    }
    let stamps = host.files.stamps(&wanted);
    let found = seen.iter().zip(stamps).filter_map(|((record, signs), stamp)| {
        let (stamp, process) = (stamp?, process_of(signs));
        let memory = memory_of(record);
        let known = memory.and_then(|memory| memory.installed.as_ref());
        let is_same_file = known.is_some_and(|it| it.stamp == stamp);
        let has_key = known.is_some_and(|it| it.identity.is_some());
        let is_same_process = memory.is_some_and(|it| it.examined == process);
        // Without a process nobody has made another key; what is not proven yet may at any time.
        let is_same_key =
            process.is_none() || (has_key && is_same_process && record.upgrade.is_none());
        (!(is_same_file && is_same_key)).then_some((*record, known))
    });
    found
        .take(EXAMINED_A_CYCLE)
        .map(|(record, known)| {
            let examined = host.files.examine(&record.spec, known);
            (record.spec.id, examined.map_err(|error| error.unread()))
        })
        .collect()
}

/// One question to each manager for all of its nodes; where each container has a manager of its own,
/// to each container, so that one that does not answer says nothing of the others.
fn units(host: &Host<'_>, specs: &[&NodeSpec]) -> BTreeMap<NodeId, Result<UnitReading, Unread>> {
    let mut asked: BTreeMap<(Manager, Option<&str>), Vec<&NodeSpec>> = BTreeMap::new();
    for spec in specs {
        let own = spec.manager.kind.counts_in_containers();
        let container = spec.container.as_deref().filter(|_| own);
        asked.entry((spec.manager, container)).or_default().push(spec);
    }
    let mut units = BTreeMap::new();
    for ((manager, _), kept) in asked {
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

/// A container that counts by itself has a storage root of its own, which its manager makes with its first
/// node and deletes with its last. True for a node that is on its way in or out while there is none: the
/// root above is there, and has none of that name.
fn is_without_root(record: &NodeRecord, storage: &BTreeMap<PathBuf, StorageReading>) -> bool {
    let root = &record.spec.storage;
    let above = root.parent().and_then(|above| storage.get(above));
    let name = root.file_name().and_then(|name| name.to_str());
    matches!(record.phase, Phase::Creating { .. } | Phase::Removing { .. })
        && record.spec.manager.kind.counts_in_containers()
        && matches!((above.map(|it| &it.entries), name), (Some(Ok(known)), Some(name)) if !known.contains(name))
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
