//! The machine, by what its kernel tells below `/proc` and by its file systems.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::thread;

use ::procfs::{FromRead, FromReadSI, KernelStats, current_system_info};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;
use wnm_core::host::{HostError, HostResult, MachineProbe};
use wnm_core::model::{LoadAverage, Now};
use wnm_core::observe::{CpuTimes, FaultKind, FileSystemSample, MachineSample, MemorySample};

use crate::sockets::{PROC, SocketTable, Transport};
use crate::{disk, error, files, io, parse};

/// `stat` has a line of counters for every interrupt of every kind: hundreds of kilobytes on large
/// machines.
const FILE_LIMIT: u64 = 16 << 20;

/// Looks at the machine through the file system mounted at `root`.
#[derive(Clone, Debug)]
pub struct ProcProbe {
    /// `/proc`, except in tests.
    pub root: PathBuf,
    /// `/sys`, except in tests.
    pub sys: PathBuf,
}

impl Default for ProcProbe {
    fn default() -> ProcProbe {
        ProcProbe { root: PathBuf::from(PROC), sys: PathBuf::from("/sys") }
    }
}

impl MachineProbe for ProcProbe {
    fn sample(&self, storage: &[PathBuf], now: &Now) -> HostResult<MachineSample> {
        let cpu = self.cpu_times();
        let memory = self.memory();
        let load = self.load();
        let file_systems = file_systems(storage);
        let devices = file_systems.values().map(|system| system.device).collect();
        if let (Err(error), Err(_), Err(_), true) = (&cpu, &memory, &load, file_systems.is_empty())
        {
            // The others fail for the same reason, most likely.
            let why = error.chain();
            return Err(HostError::with("look at the machine", error.kind, why));
        }
        Ok(MachineSample {
            at: now.clone(),
            cpus: allowed_cpus(),
            cpu: present(cpu),
            memory: present(memory),
            load: present(load),
            disks: io::disks(&self.root, &devices),
            network: io::network(&self.root, &self.sys),
            stall: io::stall(&self.root),
            file_systems,
        })
    }

    fn bound_ports(&self) -> HostResult<BTreeSet<u16>> {
        let udp = SocketTable::of(&self.root, Transport::Udp)?;
        let tcp = SocketTable::of(&self.root, Transport::TcpListeners)?;
        Ok(udp.ports().chain(tcp.ports()).collect())
    }
}

impl ProcProbe {
    /// Time of guests is part of user time already, so it is not added again.
    fn cpu_times(&self) -> HostResult<CpuTimes> {
        let stat =
            self.parse("stat", |bytes| KernelStats::from_read(bytes, current_system_info()))?;
        let cpu = stat.total;
        let iowait = cpu.iowait.unwrap_or(0);
        let always = [cpu.user, cpu.nice, cpu.system, cpu.idle, iowait];
        let since_then = [cpu.irq, cpu.softirq, cpu.steal].into_iter().flatten();
        let total = always.into_iter().chain(since_then).fold(0, u64::saturating_add);
        Ok(CpuTimes { total, idle: cpu.idle, iowait })
    }

    /// Not by the `procfs` crate, which wants twenty lines of this file to be there; we want two.
    fn memory(&self) -> HostResult<MemorySample> {
        let path = self.root.join("meminfo");
        let text = String::from_utf8_lossy(&read(&path)?).into_owned();
        let fail = || {
            let missing = format!("{} lacks MemTotal or MemAvailable", path.display());
            HostError::new(missing, FaultKind::Garbled)
        };
        parse::memory(&text).ok_or_else(fail)
    }

    fn load(&self) -> HostResult<LoadAverage> {
        let load = self.parse("loadavg", |bytes| ::procfs::LoadAverage::from_read(bytes))?;
        Ok(LoadAverage {
            one: hundredths(load.one),
            five: hundredths(load.five),
            fifteen: hundredths(load.fifteen),
        })
    }

    fn parse<T>(
        &self,
        name: &str,
        from: impl FnOnce(&[u8]) -> Result<T, ::procfs::ProcError>,
    ) -> HostResult<T> {
        let path = self.root.join(name);
        from(&read(&path)?).map_err(|problem| error::garbled(&path, problem))
    }
}

fn read(path: &Path) -> HostResult<Vec<u8>> {
    files::read(path, FILE_LIMIT)
        .map_err(|error| HostError::io(format!("read {}", path.display()), error))
}

fn file_systems(storage: &[PathBuf]) -> BTreeMap<PathBuf, FileSystemSample> {
    let ask = |root: &PathBuf| Some((root.clone(), present(disk::sample(Path::new(root)))?));
    storage.iter().filter_map(ask).collect()
}

/// The kernel prints two decimals; a float made of them and widened would print as 0.5199999809.
fn hundredths(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}

/// CPUs that this process may run on. A quota on its time is not looked at: nodes run elsewhere and
/// do not share it.
fn allowed_cpus() -> u32 {
    let affinity = sched_getaffinity(Pid::from_raw(0))
        .map(|set| (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).count());
    // The set of that call ends at 1024 CPUs, where it fails.
    let count = affinity.or_else(|_| thread::available_parallelism().map(usize::from));
    count.map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX).max(1))
}

fn present<T>(value: HostResult<T>) -> Option<T> {
    value.inspect_err(|error| tracing::debug!("no reading: {}", error.chain())).ok()
}
