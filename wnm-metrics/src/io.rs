//! What disks and network interfaces have moved since boot, and what tasks wait for.
#![expect(clippy::disallowed_methods, reason = "shell module: asks sysfs what is virtual")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ::procfs::net::InterfaceDeviceStatus;
use ::procfs::{CpuPressure, DiskStats, FromBufRead, IoPressure, MemoryPressure};
use wnm_core::observe::{IoCounters, Stall};

use crate::files;

/// The unit of `diskstats`, whatever the disk's own sector is.
const SECTOR: u64 = 512;
const FILE_LIMIT: u64 = 4 << 20;

/// Counters of the block devices with these numbers. A file system that lies on none, such as
/// tmpfs or overlay, has no counters and is left out.
pub(crate) fn disks(proc_root: &Path, devices: &BTreeSet<u64>) -> BTreeMap<u64, IoCounters> {
    let Some(stats) = read::<DiskStats>(&proc_root.join("diskstats")) else {
        return BTreeMap::new();
    };
    let counters = |stat: &::procfs::DiskStat| {
        let number = |part: i32| u64::try_from(part).ok();
        let device = nix::sys::stat::makedev(number(stat.major)?, number(stat.minor)?);
        let io = IoCounters {
            read: stat.sectors_read.saturating_mul(SECTOR),
            written: stat.sectors_written.saturating_mul(SECTOR),
        };
        devices.contains(&device).then_some((device, io))
    };
    stats.0.iter().filter_map(counters).collect()
}

/// Counters of the interfaces that lead out of this machine: neither loopback nor anything that the
/// kernel made up, such as bridges, tunnels and the ends of containers.
pub(crate) fn network(proc_root: &Path, sys_root: &Path) -> Option<BTreeMap<String, IoCounters>> {
    let status = read::<InterfaceDeviceStatus>(&proc_root.join("net/dev"))?;
    let real = status.0.into_iter().filter(|(name, _)| is_real(sys_root, name));
    Some(
        real.map(|(name, device)| {
            (name, IoCounters { read: device.recv_bytes, written: device.sent_bytes })
        })
        .collect(),
    )
}

/// An interface that cannot be told from a virtual one is left out: counted twice, through a
/// bridge and its port, traffic would stop nodes for nothing.
fn is_real(sys_root: &Path, name: &str) -> bool {
    let link = fs::read_link(sys_root.join("class/net").join(name));
    link.is_ok_and(|target| !target.components().any(|part| part.as_os_str() == "virtual"))
}

/// `None` on kernels without pressure stall information.
pub(crate) fn stall(proc_root: &Path) -> Option<Stall> {
    let file = |name: &str| proc_root.join("pressure").join(name);
    let stall = Stall {
        cpu: read::<CpuPressure>(&file("cpu")).map(|it| hundredths(it.some.avg60)),
        memory: read::<MemoryPressure>(&file("memory")).map(|it| hundredths(it.some.avg60)),
        io: read::<IoPressure>(&file("io")).map(|it| hundredths(it.some.avg60)),
    };
    let anything = stall.cpu.or(stall.memory).or(stall.io);
    anything.map(|_| stall)
}

fn read<T: FromBufRead>(path: &Path) -> Option<T> {
    let bytes = files::read(path, FILE_LIMIT)
        .inspect_err(|error| tracing::debug!("no reading from {}: {error}", path.display()))
        .ok()?;
    T::from_buf_read(bytes.as_slice())
        .inspect_err(|error| tracing::debug!("{} makes no sense: {error}", path.display()))
        .ok()
}

/// See the load average.
fn hundredths(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}
