//! Everything that planning may look at, at one instant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    EngineMemory, Exhaustible, FileSystemSample, Going, IoRate, Ledger, MachineSample,
    MemorySample, NodeFacts, NodeMemory, NodeReading, Numbering, OpenOperation, ProcessKey,
    Readings, SeenNode, Stall, Surroundings, UnitState, Unread, cpu_used, disk_rate, network_rate,
    settle, settle::absent_sign,
};
use crate::action::Action;
use crate::model::{
    Bytes, Installed, Instant, KnownProgram, LoadAverage, NodeId, NodeRecord, Now, Percent,
    RecordId, Release, Request, RequestId, UpgradeHolds, Version, node_of_directory,
};
use crate::policy::Delays;

/// Number of the shape of [`Snapshot`]; rises when an older program could not read it.
pub const SCHEMA: u32 = 1;

/// Equal snapshots and policies give equal plans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When.
    pub now: Now,
    /// The machine.
    pub machine: MachineView,
    /// The nodes, by id.
    pub nodes: Vec<NodeView>,
    /// Operations that a dead cycle left open.
    pub open: Vec<OpenOperation>,
    /// Requests, oldest first.
    pub requests: Vec<Request>,
    /// For each of these, the records that operations were begun on before: its cycle died.
    #[serde(default)]
    pub begun: BTreeMap<RequestId, BTreeSet<RecordId>>,
    /// What the engine remembered before this look.
    pub memory: EngineMemory,
    /// What a new node would run.
    pub release: Result<Release, Unread>,
    /// What the program for new nodes said it was, and when, if it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<(KnownProgram, Instant)>,
    /// Ports that some process has bound.
    pub ports: Result<BTreeSet<u16>, Unread>,
    /// Ids that a unit, process or directory carries, recorded or not.
    pub occupied: Result<BTreeSet<NodeId>, Unread>,
    /// The next number, where the manager of new nodes gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbering: Option<Result<Numbering, Unread>>,
    /// Storage roots and whether they can be used.
    pub storage: BTreeMap<PathBuf, Result<(), Unread>>,
    /// What lies around the nodes.
    #[serde(default, skip_serializing_if = "Surroundings::is_empty")]
    pub around: Surroundings,
    /// The versions that operators asked for by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<Version, Result<Release, Unread>>,
    /// What keeps upgrades from going on.
    #[serde(default, skip_serializing_if = "UpgradeHolds::is_empty")]
    pub holds: UpgradeHolds,
}

/// The machine as planning sees it. What could not be had is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineView {
    /// Logical CPUs.
    pub cpus: u32,
    /// CPU used since an earlier sample.
    pub cpu: Option<Percent>,
    /// Memory.
    pub memory: Option<MemorySample>,
    /// Load.
    pub load: Option<LoadAverage>,
    /// File systems by storage root.
    pub file_systems: BTreeMap<PathBuf, FileSystemView>,
    /// What the disks below the storage roots do.
    #[serde(default)]
    pub disk: Option<IoRate>,
    /// What the network interfaces do.
    #[serde(default)]
    pub network: Option<IoRate>,
    /// Pressure stall.
    #[serde(default)]
    pub stall: Option<Stall>,
    /// Why there is no sample at all.
    pub unread: Option<Unread>,
}

/// A storage file system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileSystemView {
    /// Which file system; roots on one device share its space.
    pub device: u64,
    /// Usable bytes in all.
    pub total: Bytes,
    /// Free bytes.
    pub free: Bytes,
    /// Space used.
    pub used: Percent,
    /// Inodes used, where they are counted.
    pub inodes_used: Option<Percent>,
}

/// One node: record, state and what is known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeView {
    /// What the store knows.
    pub record: NodeRecord,
    /// What it is.
    pub seen: SeenNode,
    /// Its process.
    pub process: Option<ProcessKey>,
    /// How long its process has lived.
    pub process_age: Option<Duration>,
    /// Its manager's restart counter.
    pub restarts: Option<u32>,
    /// It runs, but its manager has lost what it should know of it.
    pub definition_lost: bool,
    /// Its manager deleted its data to save a disk, and will not start it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub evicted: bool,
    /// Its manager may delete its data by itself, and its key is nowhere else yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub key_at_risk: bool,
    /// Resident memory.
    pub memory: Option<Bytes>,
    /// CPU time since start, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Numbers.
    pub facts: NodeFacts,
    /// Whether its data is there; `None` when that could not be seen.
    pub data_present: Option<bool>,
    /// What its data takes on disk, when that was measured, now or earlier.
    pub disk: Option<Bytes>,
    /// What this very look measured.
    #[serde(default)]
    pub measured: Option<Bytes>,
    /// What its data grows in a day, once that is known.
    #[serde(default)]
    pub growth: Option<Bytes>,
    /// What lies in its directory to be run, when that was looked at, now or earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<Installed>,
    /// This very look saw what lies there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub examined: bool,
    /// The first sign of life that is missing of a node whose program is not proven yet, however
    /// short a time it has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

impl NodeView {
    /// Its number.
    pub fn id(&self) -> NodeId {
        self.record.spec.id
    }

    /// Its record.
    pub fn record(&self) -> RecordId {
        self.record.record
    }

    /// What it runs, or would run: what was seen counts more than what was written down.
    pub fn version(&self) -> Option<&Version> {
        let seen = self.installed.as_ref().map(|installed| &installed.version);
        seen.or(self.record.version.as_ref())
    }
}

impl Snapshot {
    /// The node called `id`.
    pub fn node(&self, id: NodeId) -> Option<&NodeView> {
        self.nodes.iter().find(|node| node.id() == id)
    }

    /// Nodes that count against the cap.
    pub fn counting(&self) -> impl Iterator<Item = &NodeView> {
        self.nodes.iter().filter(|node| node.record.counts())
    }
}

/// Joins what is stored with what was seen.
pub fn snapshot(ledger: &Ledger, readings: &Readings, delays: &Delays, now: &Now) -> Snapshot {
    let creating: BTreeSet<RecordId> = ledger
        .open
        .iter()
        .filter(|open| matches!(open.planned.action, Action::Add { .. }))
        .map(|open| open.record)
        .collect();
    let mut nodes: Vec<NodeView> = ledger
        .nodes
        .iter()
        .map(|record| {
            let reading = readings.nodes.get(&record.spec.id);
            let creating = creating.contains(&record.record);
            let memory = ledger.memory.nodes.get(&record.record);
            let upgrading_itself = upgrades_itself(record, reading, memory, delays, now);
            let seen = settle(record, reading, Going { creating, upgrading_itself }, delays, now);
            node_view(record, seen, reading, memory, now)
        })
        .collect();
    nodes.sort_by_key(NodeView::id);
    Snapshot {
        schema: SCHEMA,
        now: now.clone(),
        machine: machine_view(ledger, readings),
        nodes,
        open: ledger.open.clone(),
        requests: ledger.requests.clone(),
        begun: ledger.begun.clone(),
        memory: ledger.memory.clone(),
        release: readings.release.clone(),
        program: readings.program.clone(),
        ports: readings.ports.clone(),
        occupied: occupied(ledger, readings),
        numbering: readings.numbering.clone(),
        storage: readings
            .storage
            .iter()
            .map(|(root, seen)| {
                (root.clone(), seen.entries.as_ref().map(|_| ()).map_err(Clone::clone))
            })
            .collect(),
        around: readings.around.clone(),
        releases: readings.releases.clone(),
        holds: ledger.holds.clone(),
    }
}

/// True for a node that this look, or one a short time ago, sees with another program than it had.
fn upgrades_itself(
    record: &NodeRecord,
    reading: Option<&NodeReading>,
    memory: Option<&NodeMemory>,
    delays: &Delays,
    now: &Now,
) -> bool {
    let before = memory.is_some_and(|it| it.is_upgrading_itself(delays.upgrade, &now.instant));
    let process = reading.and_then(|reading| reading.process.as_ref()?.as_ref().ok());
    let age = process.and_then(|process| process.age_ms).map(Duration::from_millis);
    // What was replaced long ago, and is only seen now, is over.
    let is_young = age.is_none_or(|age| age < delays.upgrade);
    let is = reading.and_then(|reading| reading.installed.as_ref()?.as_ref().ok());
    let had = memory.and_then(|memory| memory.installed.as_ref());
    let changed = match (is, had) {
        (Some(is), Some(had)) => {
            let ours = record.upgrade.as_ref().map(|upgrade| &upgrade.to) == Some(&is.version)
                || record.version.as_ref() == Some(&is.version);
            is.version != had.version && !ours
        }
        _ => false,
    };
    is_young && (before || changed)
}

fn node_view(
    record: &NodeRecord,
    seen: SeenNode,
    reading: Option<&NodeReading>,
    memory: Option<&NodeMemory>,
    now: &Now,
) -> NodeView {
    let size = memory.and_then(|memory| memory.size.as_ref());
    let is = reading.and_then(|reading| reading.installed.as_ref()?.as_ref().ok());
    let installed = is.or(memory.and_then(|memory| memory.installed.as_ref())).cloned();
    let unproven = reading.filter(|_| record.upgrade.is_some());
    let process = reading.and_then(|reading| reading.process.as_ref()?.as_ref().ok());
    NodeView {
        record: record.clone(),
        seen,
        process: process.and_then(|process| process.key),
        process_age: process.and_then(|process| process.age_ms).map(Duration::from_millis),
        restarts: reading.and_then(|reading| reading.unit.as_ref().ok()?.restarts),
        definition_lost: reading
            .and_then(|reading| reading.unit.as_ref().ok())
            .is_some_and(|unit| unit.definition_lost),
        evicted: reading
            .and_then(|reading| reading.unit.as_ref().ok())
            .is_some_and(|unit| unit.state == UnitState::Evicted),
        key_at_risk: reading.is_some_and(|reading| reading.key_at_risk),
        memory: process.and_then(|process| process.memory),
        cpu_ms: process.and_then(|process| process.cpu_ms),
        facts: reading.map(|reading| reading.facts.clone()).unwrap_or_default(),
        data_present: reading.and_then(|reading| reading.data.as_ref().ok().copied()),
        disk: reading.and_then(|reading| reading.disk).or(size.map(|size| size.bytes)),
        measured: reading.and_then(|reading| reading.disk),
        growth: size.and_then(|size| size.growth_a_day(&now.instant)),
        installed,
        examined: is.is_some(),
        missing: unproven.and_then(absent_sign),
    }
}

fn machine_view(ledger: &Ledger, readings: &Readings) -> MachineView {
    match &readings.machine {
        Ok(sample) => view_of(sample, &ledger.samples),
        Err(unread) => MachineView {
            cpus: ledger.samples.last().map_or(1, |sample| sample.cpus),
            cpu: None,
            memory: None,
            load: None,
            file_systems: BTreeMap::new(),
            disk: None,
            network: None,
            stall: None,
            unread: Some(unread.clone()),
        },
    }
}

fn view_of(sample: &MachineSample, earlier: &[MachineSample]) -> MachineView {
    let file_systems = sample
        .file_systems
        .iter()
        .filter_map(|(root, sample)| Some((root.clone(), file_system_view(sample)?)))
        .collect();
    MachineView {
        cpus: sample.cpus,
        cpu: cpu_used(earlier, sample),
        memory: sample.memory,
        load: sample.load,
        file_systems,
        disk: disk_rate(earlier, sample),
        network: network_rate(earlier, sample),
        stall: sample.stall,
        unread: None,
    }
}

fn file_system_view(sample: &FileSystemSample) -> Option<FileSystemView> {
    let used = |of: Exhaustible| Percent::of(of.total.saturating_sub(of.free), of.total);
    Some(FileSystemView {
        device: sample.device,
        total: Bytes(sample.space.total),
        free: Bytes(sample.space.free),
        used: used(sample.space)?,
        inodes_used: sample.inodes.and_then(used),
    })
}

/// An id is free only when nothing at all carries it. Directories count as well as units and
/// processes: a data directory without a record is somebody's identity. What a recorded directory is
/// called says nothing of ids where each container counts by itself.
fn occupied(ledger: &Ledger, readings: &Readings) -> Result<BTreeSet<NodeId>, Unread> {
    let mut ids = readings.occupied.clone()?;
    let counted = ledger.nodes.iter().map(|record| &record.spec);
    let counted = counted.filter(|spec| spec.manager.kind.counts_in_containers());
    let elsewhere: BTreeSet<&Path> = counted.map(|spec| spec.storage.as_path()).collect();
    let roots = readings.storage.iter().filter(|(root, _)| !elsewhere.contains(root.as_path()));
    let names = roots.filter_map(|(_, seen)| seen.entries.as_ref().ok()).flatten();
    ids.extend(names.filter_map(|name| node_of_directory(name)));
    Ok(ids)
}
