//! What the nodes on a file system will need of it.

use std::path::Path;
use std::time::Duration;

use crate::model::Bytes;
use crate::observe::{FileSystemView, NodeView, Snapshot};
use crate::policy::Policy;

/// What lies ahead of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// Nodes on it that count.
    pub(crate) nodes: u32,
    /// What all nodes on it are expected to add to their data.
    pub(crate) existing: Bytes,
    /// What one more is.
    pub(crate) each: Bytes,
    /// What is left below `hd_less_than` and above `crisis_bytes`.
    pub(crate) room: Bytes,
}

impl Outlook {
    /// Of the file system below `root`.
    pub(crate) fn of(
        snapshot: &Snapshot,
        policy: &Policy,
        root: &Path,
        system: &FileSystemView,
    ) -> Outlook {
        let on_device = |node: &&NodeView| {
            let storage = &node.record.spec.storage;
            match snapshot.machine.file_systems.get(storage) {
                Some(other) => other.device == system.device,
                // A root of a container within this one may not be there to be measured.
                None => storage.starts_with(root),
            }
        };
        let neighbours: Vec<&NodeView> = snapshot.nodes.iter().filter(on_device).collect();
        let needs = neighbours.iter().map(|node| will_grow(snapshot, policy, node));
        let limit = policy.disk.band.add_below() / 100.0 * system.total.0 as f64;
        let used = system.total.0.saturating_sub(system.free.0);
        // What is created must not bring about the emergency that would remove it again.
        let above_crisis = system.free.0.saturating_sub(policy.crisis_bytes.0);
        Outlook {
            nodes: neighbours.iter().filter(|node| node.record.counts()).count() as u32,
            existing: Bytes(needs.fold(0, u64::saturating_add)),
            each: Bytes(new_will_grow(policy, &neighbours)),
            room: Bytes((limit as u64).saturating_sub(used).min(above_crisis)),
        }
    }

    /// What all nodes would need with `more` of them.
    pub(crate) fn expected(&self, more: u64) -> Bytes {
        Bytes(self.existing.0.saturating_add(self.each.0.saturating_mul(more)))
    }
}

/// What a node is expected to add to its data: its growth of a day, carried on to the horizon; a
/// young one, and one never measured, up to the prior at least.
fn will_grow(snapshot: &Snapshot, policy: &Policy, node: &NodeView) -> u64 {
    let stability = &policy.stability;
    let size = node.disk.unwrap_or_default().0;
    let carried_on = node.growth.map_or(0, |growth| (growth.0 as f64 * days(policy)) as u64);
    let age = snapshot.now.wall.since(node.record.created);
    let is_known = node.growth.is_some() && age >= Duration::from_secs(86_400);
    match is_known {
        true => carried_on,
        false => carried_on.max(stability.disk_prior.0.saturating_sub(size)),
    }
}

/// The same for a node that is not there yet: the prior, or what its neighbours grow on average when
/// that is more.
fn new_will_grow(policy: &Policy, neighbours: &[&NodeView]) -> u64 {
    let known: Vec<u64> =
        neighbours.iter().filter_map(|node| node.growth).map(|growth| growth.0).collect();
    let sum = known.iter().fold(0_u64, |sum, growth| sum.saturating_add(*growth));
    let average = sum.checked_div(known.len() as u64).unwrap_or(0);
    policy.stability.disk_prior.0.max((average as f64 * days(policy)) as u64)
}

fn days(policy: &Policy) -> f64 {
    policy.stability.disk_horizon.as_secs_f64() / 86_400.0
}
