//! What wnm would read of the modelled machine: the same readings as from a real host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use wnm_core::model::{
    BootId, Bytes, Instant, LoadAverage, NodeId, NodeRecord, Now, Release, Timestamp, Version,
};
use wnm_core::observe::{
    CpuTimes, Exhaustible, FaultKind, FileSystemSample, Ledger, MachineSample, MemorySample,
    NodeFacts, NodeReading, ProcessKey, ProcessReading, ProcessState, Readings, Stall,
    StorageReading, UnitReading, UnitState, Unread,
};
use wnm_core::plan::to_measure;
use wnm_core::policy::Policy;

use crate::chance::Chance;
use crate::machine::root;
use crate::world::{Node, World};

/// The simulation begins at this wall-clock time: 2026-01-01.
const BEGINNING_MS: i64 = 1_767_225_600_000;

/// Looks at the world, sometimes in vain.
#[derive(Debug)]
pub(super) struct Looker {
    chance: Chance,
    roots: Vec<PathBuf>,
    release: Release,
    version: Version,
    /// What only changes when nodes come and go, as of [`World::changes`].
    known: Known,
    port_base: u16,
}

#[derive(Debug, Default)]
struct Known {
    changes: u64,
    ports: BTreeSet<u16>,
    occupied: BTreeSet<NodeId>,
    storage: BTreeMap<PathBuf, StorageReading>,
}

/// What cannot be read in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Machine,
    Cpu,
    Load,
    Manager,
    Processes,
    OneNode,
    Ports,
    Units,
    Storage,
}

const FAULTS: [Fault; 9] = [
    Fault::Machine,
    Fault::Cpu,
    Fault::Load,
    Fault::Manager,
    Fault::Processes,
    Fault::OneNode,
    Fault::Ports,
    Fault::Units,
    Fault::Storage,
];

fn unread(what: &str) -> Unread {
    Unread { kind: FaultKind::Timeout, why: format!("{what} did not answer") }
}

impl Looker {
    pub(super) fn new(world: &World<'_>, policy: &Policy, seed: u64) -> Looker {
        let version = Version::new(0, 23, 1);
        Looker {
            chance: Chance::new(seed, 4),
            roots: (0..world.machine.disk.len()).map(|disk| root(disk).into()).collect(),
            release: Release::new(version.clone(), "/opt/ant-node"),
            version,
            known: Known::default(),
            port_base: policy.nodes.ports.node * 1000,
        }
    }

    /// Both clocks; the wall clock runs on over reboots.
    pub(super) fn now(&mut self, world: &World<'_>) -> Now {
        let late_ms = self.chance.share() * world.machine.noise.cycle_s * 1000.0;
        let minutes = i64::from(world.minute);
        let instant =
            Instant { boot: BootId(boot(world)), uptime_ms: world.uptime_ms + late_ms as u64 };
        Now { wall: Timestamp(BEGINNING_MS + minutes * 60_000 + late_ms as i64), instant }
    }

    pub(super) fn look(
        &mut self,
        world: &World<'_>,
        ledger: &Ledger,
        policy: &Policy,
        now: &Now,
    ) -> Readings {
        let fault = self.fault(world);
        self.know(world);
        let machine = match fault {
            Some(Fault::Machine) => Err(unread("the machine")),
            _ => Ok(self.sample(world, fault, now)),
        };
        let nodes = self.nodes(world, ledger, policy, machine.as_ref().ok(), fault, now);
        let mut storage = self.known.storage.clone();
        if let (Some(Fault::Storage), Some(first)) = (fault, storage.values_mut().next()) {
            first.entries = Err(unread("the storage root"));
        }
        Readings {
            machine,
            ports: match fault {
                Some(Fault::Ports) => Err(unread("the kernel")),
                _ => Ok(self.known.ports.clone()),
            },
            nodes,
            storage,
            numbering: None,
            occupied: match fault {
                Some(Fault::Units) => Err(unread("the manager")),
                _ => Ok(self.known.occupied.clone()),
            },
            release: Ok(self.release.clone()),
            program: None,
            around: Default::default(),
            releases: BTreeMap::new(),
        }
    }

    fn fault(&mut self, world: &World<'_>) -> Option<Fault> {
        let a_day = world.machine.trouble.unreadable_a_day;
        let happens = self.chance.happens(a_day / 1440.0);
        happens.then(|| FAULTS[self.chance.one_of(FAULTS.len())])
    }

    fn know(&mut self, world: &World<'_>) {
        if self.known.changes == world.changes {
            return;
        }
        let running = world.nodes.iter().filter(|node| node.process.is_some());
        // Something else listens there as well, on a port that a node would want.
        let mut ports: BTreeSet<u16> = [22, 80, self.port_base + 3].into();
        ports.extend(running.map(|node| self.port_base + node.number as u16));
        let mut storage = BTreeMap::new();
        for (disk, root) in self.roots.iter().enumerate() {
            let lying = world.nodes.iter().filter(|node| node.disk == disk);
            let entries = lying.filter_map(|node| Some(NodeId::new(node.number)?.to_string()));
            storage.insert(root.clone(), StorageReading { entries: Ok(entries.collect()) });
        }
        let occupied = world.nodes.iter().filter_map(|node| NodeId::new(node.number)).collect();
        self.known = Known { changes: world.changes, ports, occupied, storage };
    }

    fn sample(&self, world: &World<'_>, fault: Option<Fault>, now: &Now) -> MachineSample {
        let state = &world.state;
        let total = (world.machine.memory_gb * 1e9) as u64;
        let cpu = CpuTimes {
            total: state.ticks as u64,
            idle: state.idle_ticks as u64,
            iowait: (state.ticks * 0.002) as u64,
        };
        let [one, five, fifteen] = state.load;
        let file_systems = self.roots.iter().enumerate().map(|(disk, root)| {
            let size = world.machine.disk[disk].size_gb * 1e9;
            let space = Exhaustible { total: size as u64, free: world.free_bytes(disk) as u64 };
            let inodes = Exhaustible { total: 100_000_000, free: 99_000_000 };
            (
                root.clone(),
                FileSystemSample { device: disk as u64 + 1, space, inodes: Some(inodes) },
            )
        });
        let absent = |disk: usize| fault == Some(Fault::Storage) && disk == 0;
        MachineSample {
            at: now.clone(),
            cpus: world.machine.cpus,
            cpu: (fault != Some(Fault::Cpu)).then_some(cpu),
            memory: Some(MemorySample {
                total: Bytes(total),
                available: Bytes(total.saturating_sub(state.memory_used as u64)),
            }),
            load: (fault != Some(Fault::Load)).then_some(LoadAverage { one, five, fifteen }),
            file_systems: file_systems
                .enumerate()
                .filter(|(disk, _)| !absent(*disk))
                .map(|(_, system)| system)
                .collect(),
            disks: BTreeMap::new(),
            network: None,
            stall: Some(Stall {
                cpu: Some(state.stall_cpu),
                memory: Some(state.stall_memory),
                io: Some(0.0),
            }),
        }
    }

    fn nodes(
        &mut self,
        world: &World<'_>,
        ledger: &Ledger,
        policy: &Policy,
        machine: Option<&MachineSample>,
        fault: Option<Fault>,
        now: &Now,
    ) -> BTreeMap<NodeId, NodeReading> {
        let measured = to_measure(ledger, policy, machine, now);
        let silent = match fault {
            Some(Fault::OneNode) => Some(self.chance.one_of(ledger.nodes.len())),
            _ => None,
        };
        let readings = ledger.nodes.iter().enumerate().map(|(place, record)| {
            let id = record.spec.id;
            let node = world.node(id.number());
            let mut reading = self.node(record, node, fault, now);
            if silent == Some(place) {
                reading.unit = Err(unread("the manager"));
            }
            let measurable = measured.contains(&id) && reading.data == Ok(true);
            reading.disk =
                node.filter(|_| measurable).map(|node| Bytes((node.data_gb * 1e9) as u64));
            (id, reading)
        });
        readings.collect()
    }

    fn node(
        &self,
        record: &NodeRecord,
        node: Option<&Node>,
        fault: Option<Fault>,
        now: &Now,
    ) -> NodeReading {
        let process = node.and_then(|node| node.process.as_ref());
        let unit = UnitReading {
            state: match (node, process) {
                (None, _) => UnitState::Missing,
                (Some(_), None) => UnitState::Stopped,
                (Some(_), Some(_)) => UnitState::Running,
            },
            pid: process.map(|process| process.pid),
            restarts: node.map(|node| node.restarts),
            invocation: process.map(|process| process.invocation.clone()),
            definition_lost: false,
        };
        let age_ms = |started: u64| now.instant.uptime_ms.saturating_sub(started);
        let process = process.map(|process| ProcessReading {
            state: ProcessState::Alive,
            key: Some(ProcessKey { pid: process.pid, start_ticks: process.started_ms / 10 }),
            age_ms: Some(age_ms(process.started_ms)),
            memory: Some(Bytes((process.memory_mb * 1e6) as u64)),
            cpu_ms: Some(process.cpu_ms as u64),
            port_bound: Some(age_ms(process.started_ms) > 20_000),
        });
        let root_is_silent = fault == Some(Fault::Storage)
            && self.roots.first().is_some_and(|root| *root == record.spec.storage);
        NodeReading {
            unit: match fault {
                Some(Fault::Manager) => Err(unread("the manager")),
                _ => Ok(unit),
            },
            process: match fault {
                Some(Fault::Processes) => process.map(|_| Err(unread("the kernel"))),
                _ => process.map(Ok),
            },
            endpoint: None,
            facts: NodeFacts {
                version: Some(self.version.clone()),
                records: node.map(Node::records),
                ..NodeFacts::default()
            },
            data: match root_is_silent {
                true => Err(unread("the storage root")),
                false => Ok(node.is_some()),
            },
            disk: None,
            installed: None,
            key_at_risk: false,
        }
    }
}

fn boot(world: &World<'_>) -> String {
    // As long as a real one.
    format!("{:08x}-0000-4000-8000-000000000000", world.boot)
}
