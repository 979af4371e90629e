//! One coherent simulated host: an action changes what is seen next. Strict, so that wrong
//! assumptions show: nothing starts without its data or unit, nothing running is taken apart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::build::{CPUS, STORAGE, gb, release};
use super::upgrades::{Ail, SimProgram};
use crate::action::Change;
use crate::host::{Clock, HostError, HostResult, MachineProbe, NodeFiles};
use crate::model::{
    BootId, Bytes, FileStamp, Installed, Instant, LoadAverage, NodeId, NodeKey, NodeSpec, Now,
    PortRule, Release, Returning, Timestamp, UnitDrift, Version,
};
use crate::observe::{
    CpuTimes, Exhaustible, FaultKind, FileSystemSample, IoCounters, MachineSample, MemorySample,
    SURGE, Stall, StorageReading,
};

/// Ticks a second, as on every Linux.
const TICKS: f64 = 100.0;

/// Something a fault can be injected into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after the method that fails")]
pub enum Op {
    Prepare,
    Check,
    Create,
    Start,
    Stop,
    Archive,
    HandOver,
    BringBack,
    Carry,
    ClearLeft,
    Dismantle,
    SetAside,
    Delete,
    OpenPort,
    ClosePort,
    Openings,
    States,
    Discover,
    Sample,
    Survey,
    Release,
    Examine,
    Stage,
    Replace,
    PutBack,
    DropKept,
}

/// Everything about the simulated machine. All of it may be changed by a test between cycles.
#[derive(Clone, Debug)]
pub struct World {
    /// Wall clock, milliseconds.
    pub wall_ms: i64,
    /// Milliseconds since boot.
    pub uptime_ms: u64,
    /// Counts boots.
    pub boot: u32,
    /// Logical CPUs.
    pub cpus: u32,
    /// CPU percent used by others.
    pub foreign_cpu: f64,
    /// CPU percent a running node uses.
    pub node_cpu: f64,
    /// CPU percent it uses in its first minutes.
    pub start_cpu: f64,
    /// The CPU time of processes cannot be read.
    pub hides_cpu: bool,
    /// CPU percent the kernel uses for each node, which no process is charged for.
    pub kernel_cpu: f64,
    /// Memory in all.
    pub memory: Bytes,
    /// Memory used by others.
    pub foreign_memory: Bytes,
    /// Memory a running node uses.
    pub node_memory: Bytes,
    /// Run-queue length caused by others.
    pub foreign_load: f64,
    /// Run-queue length a running node causes.
    pub node_load: f64,
    /// Storage roots.
    pub disks: BTreeMap<PathBuf, Disk>,
    /// What is there of each node.
    pub nodes: BTreeMap<NodeId, SimNode>,
    /// Identities in the archive.
    pub archive: BTreeSet<NodeKey>,
    /// Openings in the firewall.
    pub open_ports: BTreeSet<PortRule>,
    /// Openings that others made.
    pub foreign_openings: BTreeSet<PortRule>,
    /// Ports bound by others.
    pub foreign_ports: BTreeSet<u16>,
    /// What new nodes get; `None` when there is no program.
    pub release: Option<Release>,
    /// Further releases, for whoever asks by name.
    pub releases: Vec<Release>,
    /// What is wrong with a version.
    pub ails: BTreeMap<Version, Ail>,
    /// Failures to come: the next calls of an operation fail so.
    pub faults: Vec<(Op, FaultKind)>,
    /// Counters of the one disk device, where it has any.
    pub io: Option<IoCounters>,
    /// Counters of the one network interface.
    pub network: Option<IoCounters>,
    /// Pressure stall.
    pub stall: Option<Stall>,
    ticks: CpuTimes,
    /// CPU time of each process, in milliseconds.
    pub(super) cpu_ms: BTreeMap<u32, f64>,
    pub(super) next_pid: u32,
}

/// A storage root and the file system below it.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Which file system.
    pub device: u64,
    /// Bytes in all.
    pub total: Bytes,
    /// Bytes used by others.
    pub foreign: Bytes,
    /// Whether it is there.
    pub mounted: bool,
}

/// What is there of one node.
#[derive(Clone, Debug)]
pub struct SimNode {
    /// What it was made from.
    pub spec: NodeSpec,
    /// Its data directory, with an identity in it.
    pub data: bool,
    /// Data that was set aside.
    pub aside: bool,
    /// Bytes of data.
    pub bytes: Bytes,
    /// Its unit.
    pub unit: bool,
    /// Its process.
    pub process: Option<SimProcess>,
    /// The manager's restart counter.
    pub restarts: u32,
    /// Processes that use its data and that somebody else started.
    pub strangers: Vec<u32>,
    /// Where its data was copied to, until what it was copied from is out of the way.
    pub carried: Option<NodeSpec>,
    /// The key that it was brought back with.
    pub brought: Option<String>,
    /// Its unit is wnm's no more.
    pub released: bool,
    /// How its unit differs from what it should be.
    pub drift: Option<UnitDrift>,
    /// False while the UDP port is not bound.
    pub port_bound: bool,
    /// Records it holds.
    pub records: Option<u64>,
    /// Peers it says that it has.
    pub peers: Option<u64>,
    /// Its program and its key.
    pub program: SimProgram,
}

/// A simulated process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimProcess {
    /// Its id.
    pub pid: u32,
    /// When it started, in milliseconds of uptime.
    pub started_ms: u64,
}

impl SimNode {
    pub(super) fn refuse_released(&self) -> HostResult<()> {
        if !self.released {
            return Ok(());
        }
        let op = format!("the unit of {} was released and is left alone", self.spec.id);
        Err(HostError::new(op, FaultKind::Conflict))
    }
}

impl World {
    /// A quiet machine with one empty disk of 1 TB.
    pub fn new() -> World {
        let disk = Disk { device: 1, total: gb(1000), foreign: gb(50), mounted: true };
        World {
            wall_ms: 1_700_000_000_000,
            uptime_ms: 3_600_000,
            boot: 1,
            cpus: CPUS,
            foreign_cpu: 5.0,
            node_cpu: 2.0,
            start_cpu: 4.0,
            kernel_cpu: 0.0,
            hides_cpu: false,
            memory: gb(16),
            foreign_memory: gb(2),
            node_memory: Bytes(200_000_000),
            foreign_load: 0.2,
            node_load: 0.05,
            disks: BTreeMap::from([(PathBuf::from(STORAGE), disk)]),
            nodes: BTreeMap::new(),
            archive: BTreeSet::new(),
            open_ports: BTreeSet::new(),
            foreign_openings: BTreeSet::new(),
            foreign_ports: BTreeSet::new(),
            release: Some(release()),
            releases: Vec::new(),
            ails: BTreeMap::new(),
            faults: Vec::new(),
            io: None,
            network: None,
            stall: None,
            ticks: CpuTimes { total: 0, idle: 0, iowait: 0 },
            cpu_ms: BTreeMap::new(),
            next_pid: 1000,
        }
    }

    /// Lets time pass, in steps short enough for the first minutes of a node to show.
    pub fn advance(&mut self, duration: Duration) {
        const STEP: Duration = Duration::from_secs(30);
        let mut left = duration;
        while !left.is_zero() {
            let step = left.min(STEP);
            self.step(step);
            left -= step;
        }
    }

    fn step(&mut self, duration: Duration) {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let ticks = duration.as_secs_f64() * TICKS * f64::from(self.cpus);
        let wanted: Vec<(u32, f64)> = self
            .nodes
            .values()
            .filter_map(|node| node.process)
            .map(|process| (process.pid, self.cpu_of(process)))
            .collect();
        let kernel = self.kernel_cpu * wanted.len() as f64;
        let nodes: f64 = wanted.iter().map(|(_, percent)| percent).sum();
        let used = self.foreign_cpu + kernel + nodes;
        // Where more is wanted than there is, everybody gets less.
        let share = if used > 100.0 { 100.0 / used } else { 1.0 };
        for (pid, percent) in wanted {
            let cpu_ms = ms as f64 * f64::from(self.cpus) * percent * share / 100.0;
            *self.cpu_ms.entry(pid).or_default() += cpu_ms;
        }
        self.ticks.total += ticks as u64;
        self.ticks.idle += (ticks * (1.0 - used.clamp(0.0, 100.0) / 100.0)) as u64;
        self.wall_ms += ms as i64;
        self.uptime_ms += ms;
        self.ail();
    }

    fn cpu_of(&self, process: SimProcess) -> f64 {
        let age = Duration::from_millis(self.uptime_ms.saturating_sub(process.started_ms));
        if age < SURGE { self.start_cpu } else { self.node_cpu }
    }

    /// Switches the machine off and on.
    pub fn reboot(&mut self) {
        self.boot += 1;
        self.uptime_ms = 20_000;
        self.ticks = CpuTimes { total: 0, idle: 0, iowait: 0 };
        self.cpu_ms.clear();
        for node in self.nodes.values_mut() {
            node.process = None;
            node.restarts = 0;
        }
    }

    /// Kills the process of a node.
    pub fn kill(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.process = None;
        }
    }

    /// Nodes whose process lives.
    pub fn running(&self) -> usize {
        self.nodes.values().filter(|node| node.process.is_some()).count()
    }

    /// Nodes of which anything is left.
    pub fn present(&self) -> BTreeSet<NodeId> {
        let there =
            |node: &&SimNode| node.data || node.aside || node.unit || node.process.is_some();
        self.nodes.values().filter(there).map(|node| node.spec.id).collect()
    }

    /// The next call of `op` fails.
    pub fn fail_next(&mut self, op: Op, kind: FaultKind) {
        self.faults.push((op, kind));
    }

    fn now(&self) -> Now {
        Now {
            wall: Timestamp(self.wall_ms),
            instant: Instant {
                boot: BootId(format!("boot-{}", self.boot)),
                uptime_ms: self.uptime_ms,
            },
        }
    }

    pub(super) fn fault(&mut self, op: Op) -> HostResult<()> {
        match self.faults.iter().position(|(failing, _)| *failing == op) {
            Some(at) => {
                let (_, kind) = self.faults.remove(at);
                Err(HostError::new(format!("injected {kind:?} in {op:?}"), kind))
            }
            None => Ok(()),
        }
    }

    fn disk_used(&self, root: &Path) -> Bytes {
        let mine = self.nodes.values().filter(|node| node.spec.storage == root);
        let data = mine.filter(|node| node.data || node.aside).map(|node| node.bytes.0);
        Bytes(self.disks[root].foreign.0 + data.sum::<u64>())
    }

    fn is_mounted(&self, root: &Path) -> bool {
        self.disks.get(root).is_some_and(|disk| disk.mounted)
    }

    pub(super) fn node(&mut self, spec: &NodeSpec) -> &mut SimNode {
        self.nodes.entry(spec.id).or_insert_with(|| SimNode {
            spec: spec.clone(),
            data: false,
            aside: false,
            bytes: Bytes(0),
            unit: false,
            process: None,
            restarts: 0,
            strangers: Vec::new(),
            carried: None,
            brought: None,
            released: false,
            drift: None,
            port_bound: true,
            records: None,
            peers: None,
            program: SimProgram::new(spec.id),
        })
    }
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

/// Every host trait over one [`World`]. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct SimHost {
    world: Arc<Mutex<World>>,
}

impl SimHost {
    /// A host over `world`.
    pub fn new(world: World) -> SimHost {
        SimHost { world: Arc::new(Mutex::new(world)) }
    }

    /// The world, to look at or to change.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The host with `store`.
    pub fn host<'a>(&'a self, store: &'a dyn crate::host::Store) -> crate::host::Host<'a> {
        crate::host::Host {
            clock: self,
            machine: self,
            nodes: self,
            managers: self,
            files: self,
            binaries: self,
            firewall: self,
            store,
        }
    }
}

impl Clock for SimHost {
    fn now(&self) -> HostResult<Now> {
        Ok(self.world().now())
    }

    fn sleep(&self, duration: Duration) {
        self.world().advance(duration);
    }
}

impl MachineProbe for SimHost {
    fn sample(&self, storage: &[PathBuf], now: &Now) -> HostResult<MachineSample> {
        let mut world = self.world();
        world.fault(Op::Sample)?;
        let running = world.running() as f64;
        let used = world.foreign_memory.0 + world.node_memory.0 * world.running() as u64;
        let load = world.foreign_load + world.node_load * running;
        let file_systems = storage
            .iter()
            .filter(|root| world.is_mounted(root))
            .map(|root| {
                let disk = &world.disks[root];
                let free = disk.total.0.saturating_sub(world.disk_used(root).0);
                let space = Exhaustible { total: disk.total.0, free };
                let inodes = Some(Exhaustible { total: 1_000_000, free: 900_000 });
                (root.clone(), FileSystemSample { device: disk.device, space, inodes })
            })
            .collect();
        Ok(MachineSample {
            at: now.clone(),
            cpus: world.cpus,
            cpu: Some(world.ticks),
            memory: Some(MemorySample {
                total: world.memory,
                available: Bytes(world.memory.0.saturating_sub(used)),
            }),
            load: Some(LoadAverage { one: load, five: load, fifteen: load }),
            file_systems,
            disks: world.io.map(|io| (1, io)).into_iter().collect(),
            network: world.network.map(|io| [("eth0".to_owned(), io)].into()),
            stall: world.stall,
        })
    }

    fn bound_ports(&self) -> HostResult<BTreeSet<u16>> {
        let world = self.world();
        let ours = world.nodes.values().filter(|node| node.process.is_some());
        let ours = ours.flat_map(|node| node.spec.ports.all().collect::<Vec<_>>());
        Ok(world.foreign_ports.iter().copied().chain(ours).collect())
    }
}

pub(super) fn made(already: bool) -> Change {
    if already { Change::AlreadySo } else { Change::Made }
}

impl NodeFiles for SimHost {
    fn survey(&self, root: &Path) -> StorageReading {
        let mut world = self.world();
        let entries = match world.fault(Op::Survey) {
            Err(error) => Err(error.unread()),
            Ok(()) if !world.is_mounted(root) => {
                let op = format!("{} is not there", root.display());
                Err(HostError::new(op, FaultKind::NotFound).unread())
            }
            Ok(()) => {
                let there =
                    world.nodes.values().filter(|node| node.data && node.spec.storage == root);
                Ok(there.map(|node| node.spec.id.to_string()).collect())
            }
        };
        StorageReading { entries }
    }

    fn prepare(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Prepare)?;
        if !world.is_mounted(&spec.storage) {
            return Err(HostError::new("storage is not there", FaultKind::NotFound));
        }
        let node = world.node(spec);
        if !node.data {
            node.program.version = release.version.clone();
        }
        Ok(made(std::mem::replace(&mut node.data, true)))
    }

    fn bring_back(
        &self,
        spec: &NodeSpec,
        release: &Release,
        key: &Returning,
    ) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::BringBack)?;
        if !world.is_mounted(&spec.storage) {
            return Err(HostError::new("storage is not there", FaultKind::NotFound));
        }
        let mut others = world.nodes.values().filter(|it| it.spec.id != spec.id && it.data);
        if others.any(|it| it.brought.as_ref() == Some(&key.sha256)) {
            return Err(HostError::new("another node has that key", FaultKind::Conflict));
        }
        let node = world.node(spec);
        if node.data {
            let is_same = node.brought.as_ref() == Some(&key.sha256);
            let op = format!("{} has another key", spec.id);
            let refused = || HostError::new(op, FaultKind::Conflict);
            return if is_same { Ok(Change::AlreadySo) } else { Err(refused()) };
        }
        node.program.version = release.version.clone();
        (node.data, node.brought) = (true, Some(key.sha256.clone()));
        Ok(Change::Made)
    }

    fn check(&self, spec: &NodeSpec, _release: Option<&Release>) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Check)?;
        if !world.is_mounted(&spec.storage) || !world.node(spec).data {
            return Err(HostError::new(format!("{} has no data", spec.id), FaultKind::NotFound));
        }
        Ok(Change::AlreadySo)
    }

    fn usage(&self, spec: &NodeSpec) -> HostResult<Bytes> {
        Ok(self.world().node(spec).bytes)
    }

    fn stamps(&self, specs: &[&NodeSpec]) -> Vec<Option<FileStamp>> {
        let mut world = self.world();
        specs
            .iter()
            .map(|spec| Some(world.node(spec)).filter(|it| it.data)?.program.stamp())
            .collect()
    }

    fn examine(&self, spec: &NodeSpec, _known: Option<&Installed>) -> HostResult<Installed> {
        let mut world = self.world();
        world.fault(Op::Examine)?;
        Ok(world.node(spec).program.installed())
    }

    fn stage(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Stage)?;
        Ok(world.node(spec).program.stage(&release.version))
    }

    fn replace(
        &self,
        spec: &NodeSpec,
        version: &Version,
        from: Option<&Version>,
    ) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Replace)?;
        world.node(spec).idle_program()?.replace(version, from)
    }

    fn put_back(&self, key: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::PutBack)?;
        let archived = world.archive.contains(&key);
        Ok(world.node(spec).idle_program()?.put_back(archived))
    }

    fn drop_kept(&self, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::DropKept)?;
        Ok(world.node(spec).program.drop_kept())
    }

    fn archive(&self, node: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Archive)?;
        if !world.node(spec).data {
            return Ok(Change::NotManaged);
        }
        Ok(made(!world.archive.insert(node)))
    }

    fn is_archived(&self, node: NodeKey, _spec: &NodeSpec) -> HostResult<bool> {
        Ok(self.world().archive.contains(&node))
    }

    fn carry(&self, key: NodeKey, spec: &NodeSpec, to: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Carry)?;
        let (archived, mounted) = (world.archive.contains(&key), world.is_mounted(&to.storage));
        let node = world.node(spec);
        if node.process.is_some() || !archived || !mounted {
            let op =
                format!("carry {} while it runs, its key is not safe or the disk gone", spec.id);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        if !node.data && node.carried.is_none() {
            return Err(HostError::new(format!("{} has no data", spec.id), FaultKind::NotFound));
        }
        let is_again = !node.data;
        node.carried = Some(to.clone());
        Ok(made(is_again))
    }

    fn clear_left(&self, _key: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::ClearLeft)?;
        Ok(made(!std::mem::replace(&mut world.node(spec).aside, false)))
    }

    fn set_aside(&self, key: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::SetAside)?;
        let archived = world.archive.contains(&key);
        let node = world.node(spec);
        if node.process.is_some() || (node.data && !archived) {
            let op = format!("set {} aside while it runs or its key is not safe", spec.id);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        let had = std::mem::replace(&mut node.data, false);
        node.aside |= had;
        // What was carried away before is the node's data now.
        if let Some(to) = node.carried.take_if(|_| had) {
            (node.spec, node.data) = (to, true);
        }
        Ok(made(!had))
    }

    fn delete(&self, _key: NodeKey, spec: &NodeSpec) -> HostResult<Change> {
        let mut world = self.world();
        world.fault(Op::Delete)?;
        let node = world.node(spec);
        let had = std::mem::replace(&mut node.aside, false);
        node.bytes = Bytes(0);
        Ok(made(!had))
    }
}
