//! Snapshot × policy → one verdict per resource.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::action::Resource;
use crate::model::Percent;
use crate::observe::{FileSystemView, MachineView, Snapshot};
use crate::policy::{Band, Policy, Thresholds};

/// One resource against its thresholds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which.
    pub resource: Resource,
    /// What was measured; `None` when nothing was.
    pub used: Option<f64>,
    /// Growing needs less than this, if anything.
    pub add_below: Option<f64>,
    /// Shedding needs more than this, if anything.
    pub remove_above: Option<f64>,
    /// What follows.
    pub verdict: VerdictKind,
}

/// What a resource asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// There is room to grow.
    Room,
    /// Neither grow nor shed.
    Hold,
    /// Shed, once the grace is over.
    Shed,
    /// It was not measured: neither grow nor shed.
    Unknown,
}

/// All resources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pressure(pub Vec<Verdict>);

impl Pressure {
    /// Judges every resource that the policy has thresholds for.
    pub fn judge(snapshot: &Snapshot, policy: &Policy) -> Pressure {
        let machine = &snapshot.machine;
        let memory = machine.memory.and_then(|memory| {
            Percent::of(memory.total.0.saturating_sub(memory.available.0), memory.total.0)
        });
        let mut verdicts = vec![
            verdict(Resource::Cpu, machine.cpu.map(|cpu| cpu.0), policy.cpu),
            verdict(Resource::Memory, memory.map(|used| used.0), policy.memory),
            load_verdict(machine, policy.load),
        ];
        for (resource, thresholds) in &policy.optional {
            verdicts.push(verdict(resource.clone(), measured(machine, resource), *thresholds));
        }
        for root in snapshot.storage.keys() {
            let system = machine.file_systems.get(root);
            verdicts.extend(disk_verdicts(root, system, policy.disk.band));
        }
        Pressure(verdicts)
    }

    /// The verdict on `resource`.
    pub fn get(&self, resource: &Resource) -> Option<&Verdict> {
        self.0.iter().find(|verdict| verdict.resource == *resource)
    }

    /// Resources above their shed thresholds.
    pub fn over(&self) -> BTreeSet<Resource> {
        self.shedding().map(|verdict| verdict.resource.clone()).collect()
    }

    /// Verdicts above their shed thresholds.
    pub fn shedding(&self) -> impl Iterator<Item = &Verdict> {
        self.0.iter().filter(|verdict| verdict.verdict == VerdictKind::Shed)
    }

    /// True when every resource is known to have room. Of several storage roots one with room is
    /// enough: the others are simply not chosen.
    pub fn has_room(&self) -> bool {
        let room = |verdict: &&Verdict| verdict.verdict == VerdictKind::Room;
        let (disks, others): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|verdict| verdict.resource.is_disk());
        let roots: BTreeSet<_> = disks.iter().map(|verdict| verdict.resource.storage()).collect();
        let root_has_room = |root: &Option<&std::path::PathBuf>| {
            disks.iter().filter(|verdict| verdict.resource.storage() == *root).all(room)
        };
        others.iter().all(room) && roots.iter().any(root_has_room)
    }

    /// True when the file system below `root` is above a shed threshold.
    pub fn root_sheds(&self, root: &Path) -> bool {
        self.shedding().any(|verdict| verdict.resource.storage().is_some_and(|path| path == root))
    }

    /// True when the file system below `root` has room for growth.
    pub fn root_has_room(&self, root: &Path) -> bool {
        self.0
            .iter()
            .filter(|verdict| verdict.resource.storage().is_some_and(|path| path == root))
            .all(|verdict| verdict.verdict == VerdictKind::Room)
    }
}

fn verdict(resource: Resource, used: Option<f64>, thresholds: impl Into<Thresholds>) -> Verdict {
    let Thresholds { add_below, remove_above } = thresholds.into();
    let verdict = match used {
        // What growth is not judged by cannot hold it back, not even by its absence.
        None if add_below.is_none() => VerdictKind::Room,
        None => VerdictKind::Unknown,
        Some(used) if remove_above.is_some_and(|limit| used > limit) => VerdictKind::Shed,
        Some(used) if add_below.is_none_or(|limit| used < limit) => VerdictKind::Room,
        Some(_) => VerdictKind::Hold,
    };
    Verdict { resource, used, add_below, remove_above, verdict }
}

/// What was measured of a resource that not every machine is judged by.
fn measured(machine: &MachineView, resource: &Resource) -> Option<f64> {
    match resource {
        Resource::DiskRead => machine.disk.map(|rate| rate.read),
        Resource::DiskWrite => machine.disk.map(|rate| rate.written),
        Resource::NetRead => machine.network.map(|rate| rate.read),
        Resource::NetWrite => machine.network.map(|rate| rate.written),
        Resource::StallCpu => machine.stall?.cpu,
        Resource::StallMemory => machine.stall?.memory,
        Resource::StallIo => machine.stall?.io,
        Resource::Cpu
        | Resource::Memory
        | Resource::Load
        | Resource::Disk(_)
        | Resource::Inodes(_) => None,
    }
}

/// Growing needs all three averages below, shedding the two short ones above: the 15 minute one
/// tells of a past that shedding cannot change.
fn load_verdict(machine: &MachineView, band: Band) -> Verdict {
    let Some(load) = machine.load else {
        return verdict(Resource::Load, None, band);
    };
    let all = [load.one, load.five, load.fifteen];
    let highest = all.into_iter().fold(0.0, f64::max);
    let lasting = load.one.min(load.five);
    let used = if band.is_over(lasting) { lasting } else { highest.min(band.remove_above()) };
    let mut judged = verdict(Resource::Load, Some(used), band);
    judged.used = Some(if judged.verdict == VerdictKind::Shed { lasting } else { highest });
    judged
}

fn disk_verdicts(root: &Path, system: Option<&FileSystemView>, band: Band) -> Vec<Verdict> {
    let space = verdict(Resource::Disk(root.into()), system.map(|system| system.used.0), band);
    let inodes = system
        .and_then(|system| system.inodes_used)
        .map(|used| verdict(Resource::Inodes(root.into()), Some(used.0), band));
    std::iter::once(space).chain(inodes).collect()
}
