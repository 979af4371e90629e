//! Worlds that are given rather than looked at: for models, for tests, and for whoever plans for
//! nodes that no host has. Every field can be changed afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    EngineMemory, FileSystemView, MachineView, NodeFacts, NodeState, NodeView, SCHEMA, SeenNode,
    Snapshot, Surroundings,
};
use crate::model::{Bytes, NodeRecord, Now, Percent, Release, UpgradeHolds};

impl Snapshot {
    /// A world at `now` in which nothing is in the way: there are no nodes and no requests, nobody
    /// has bound a port or taken a name, every file system of `machine` may hold nodes, and new
    /// ones would run `release`. The engine remembers nothing.
    pub fn new(now: Now, machine: MachineView, release: Release) -> Snapshot {
        Snapshot {
            schema: SCHEMA,
            now,
            nodes: Vec::new(),
            open: Vec::new(),
            requests: Vec::new(),
            begun: BTreeMap::new(),
            memory: EngineMemory::default(),
            release: Ok(release),
            program: None,
            ports: Ok(BTreeSet::new()),
            occupied: Ok(BTreeSet::new()),
            numbering: None,
            storage: machine.file_systems.keys().map(|root| (root.clone(), Ok(()))).collect(),
            machine,
            around: Surroundings::default(),
            releases: BTreeMap::new(),
            holds: UpgradeHolds::default(),
        }
    }
}

impl MachineView {
    /// A machine with so many CPUs, of which nothing was measured: nodes are neither added to it nor
    /// shed from it until something is.
    pub fn unmeasured(cpus: u32) -> MachineView {
        MachineView {
            cpus,
            cpu: None,
            memory: None,
            load: None,
            file_systems: BTreeMap::new(),
            disk: None,
            network: None,
            stall: None,
            unread: None,
        }
    }
}

impl FileSystemView {
    /// A file system of `total` bytes with `free` ones left, whose inodes are not counted. Roots
    /// with the same `device` share it. One without any bytes counts as full.
    pub fn new(device: u64, total: Bytes, free: Bytes) -> FileSystemView {
        let used = Percent::of(total.0.saturating_sub(free.0), total.0).unwrap_or(Percent(100.0));
        FileSystemView { device, total, free, used, inodes_used: None }
    }
}

impl NodeView {
    /// A node that was seen in this state, and of which nothing was measured. Whether its process
    /// lives and its data is there follows from the state; a node in removal counts as stopped.
    pub fn new(record: NodeRecord, state: NodeState) -> NodeView {
        let alive = match &state {
            NodeState::Running
            | NodeState::Mute { .. }
            | NodeState::Starting
            | NodeState::Upgrading => Some(true),
            NodeState::Stopped { .. } | NodeState::Removing | NodeState::Dead => Some(false),
            NodeState::Unknown { .. } | NodeState::Disabled => None,
        };
        let data_present = match &state {
            NodeState::Dead => Some(false),
            NodeState::Unknown { .. } => None,
            _ => Some(true),
        };
        NodeView {
            record,
            seen: SeenNode { state, alive },
            process: None,
            process_age: None,
            restarts: None,
            definition_lost: false,
            evicted: false,
            key_at_risk: false,
            memory: None,
            cpu_ms: None,
            facts: NodeFacts::default(),
            data_present,
            disk: None,
            measured: None,
            growth: None,
            installed: None,
            examined: false,
            missing: None,
        }
    }
}
