//! Whether a disk will hold what its nodes are expected to need.

use std::path::Path;
use std::time::Duration;

use crate::model::Bytes;
use crate::observe::{FileSystemView, NodeView, Snapshot};
use crate::policy::Policy;

const DAY: Duration = Duration::from_secs(86_400);

/// What is expected to be needed on a file system, against what may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// What all nodes there may still need, with the new one.
    pub(crate) expected: Bytes,
    /// What is left below `hd_less_than` and above `crisis_bytes`.
    pub(crate) room: Bytes,
}

/// The outlook of the file system below `root`, with one node more than the `placed` ones that this
/// plan puts there already.
pub(crate) fn outlook(
    snapshot: &Snapshot,
    policy: &Policy,
    root: &Path,
    system: &FileSystemView,
    placed: u64,
) -> Outlook {
    let shares_device = |node: &&NodeView| {
        let other = snapshot.machine.file_systems.get(&node.record.spec.storage);
        node.record.spec.storage == *root
            || other.is_some_and(|other| other.device == system.device)
    };
    let neighbours: Vec<&NodeView> = snapshot.nodes.iter().filter(shares_device).collect();
    let existing: u64 = neighbours.iter().map(|node| will_grow(snapshot, policy, node)).sum();
    let new = new_will_grow(policy, &neighbours).saturating_mul(placed + 1);
    let limit = policy.disk.band.add_below() / 100.0 * system.total.0 as f64;
    let used = system.total.0.saturating_sub(system.free.0);
    // What is created must not bring about the emergency that would remove it again.
    let above_crisis = system.free.0.saturating_sub(policy.crisis_bytes.0);
    let room = (limit as u64).saturating_sub(used).min(above_crisis);
    Outlook { expected: Bytes(existing.saturating_add(new)), room: Bytes(room) }
}

/// What a node is expected to add to its data: its growth of a day, carried on to the horizon; a
/// young one, and one never measured, up to the prior at least.
fn will_grow(snapshot: &Snapshot, policy: &Policy, node: &NodeView) -> u64 {
    let size = node.disk.unwrap_or_default().0;
    let carried_on =
        node.growth.map_or(0, |growth| (growth.0 as f64 * horizon_days(policy)) as u64);
    let age = snapshot.now.wall.since(node.record.created);
    let is_known = node.growth.is_some() && age >= DAY;
    match is_known {
        true => carried_on,
        false => carried_on.max(policy.stability.disk_prior.0.saturating_sub(size)),
    }
}

/// The same for a node that is not there yet: the prior, or what its neighbours grow on average
/// when that is more.
fn new_will_grow(policy: &Policy, neighbours: &[&NodeView]) -> u64 {
    let known: Vec<u64> =
        neighbours.iter().filter_map(|node| node.growth).map(|growth| growth.0).collect();
    let sum: u64 = known.iter().sum();
    let average = sum.checked_div(known.len() as u64).unwrap_or(0);
    policy.stability.disk_prior.0.max((average as f64 * horizon_days(policy)) as u64)
}

fn horizon_days(policy: &Policy) -> f64 {
    policy.stability.disk_horizon.as_secs_f64() / DAY.as_secs_f64()
}
