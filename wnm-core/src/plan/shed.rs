//! Relief: nodes are stopped for CPU, memory and load, and removed for disk and the stored cap.

use std::collections::BTreeMap;
use std::time::Duration;

use super::budget::{RemovalsLeft, disk_removals_left, removals_left};
use super::price::prices;
use super::work::{Work, weighed};
use super::{Note, Verdict};
use crate::action::{Action, PlannedAction, Reason, Resource, Stopped};
use crate::model::{Bytes, Instant, NodeId, NodeKey, Percent, Phase, Removal, Want};
use crate::observe::{EngineMemory, FileSystemView, NodeState, NodeView};
use crate::policy::{Policy, Stability};
use crate::select::pick;

/// True when something is being relieved, or is due to be: nothing grows then.
pub(super) fn relieve(work: &mut Work<'_>) -> bool {
    let disk_emergency = disk_emergency(work);
    let memory_emergency = memory_emergency(work);
    let cap = over_cap(work);
    let disks = !disk_emergency && disks(work);
    let others = !memory_emergency && running_resources(work);
    let acts = disk_emergency || memory_emergency || cap || disks || others;
    // A disk that is too full concerns its own nodes; others may have room.
    acts || work.pressure.shedding().any(|verdict| !verdict.resource.is_disk())
}

/// A storage file system with hardly anything left: one node on it goes at once, and everything is
/// measured again before the next. True when one does.
fn disk_emergency(work: &mut Work<'_>) -> bool {
    let crisis = crisis_bytes(work.policy);
    let full: BTreeMap<u64, (Resource, FileSystemView)> = work
        .snapshot
        .machine
        .file_systems
        .iter()
        .filter(|(_, system)| system.free < crisis)
        .map(|(root, system)| (system.device, (Resource::Disk(root.clone()), system.clone())))
        .collect();
    for (device, (resource, system)) in full {
        if is_being_relieved(work, device) {
            return true;
        }
        if let Some(node) = leaving_on(work, device) {
            // One was retired already: its delay is cut short, and nobody else has to go.
            cut_delay(work, &node, resource);
            return true;
        }
        if !disk_budget_left(work) {
            continue;
        }
        // Nor does it make little of what others store.
        let wanted = work.policy.crisis_bytes.max(work.policy.stored_crisis_bytes);
        let short = Bytes(wanted.0 - system.free.0);
        let Some(node) = disk_candidate(work, &resource, device, short) else { continue };
        let action = Action::Remove { node, cause: Removal::Disk };
        let (left, limit) = (system.free.0 as f64, crisis.0 as f64);
        work.decide(action, Reason::Emergency { resource, left, limit });
        return true;
    }
    false
}

/// Free bytes below which a node is removed at once. A threshold of this run only never destroys.
pub(crate) fn crisis_bytes(policy: &Policy) -> Bytes {
    policy.crisis_bytes.min(policy.stored_crisis_bytes)
}

/// True when this very plan deletes a node on that device.
fn is_being_relieved(work: &Work<'_>, device: u64) -> bool {
    let deletes = |planned: &PlannedAction| matches!(planned.action, Action::Remove { .. });
    let on_device = |planned: &&PlannedAction| {
        work.snapshot.node(planned.action.node()).is_some_and(|node| lies_on(work, node, device))
    };
    work.decided().iter().filter(|planned| deletes(planned)).any(|planned| on_device(&planned))
}

/// A node on that device that is on its way out and can be observed.
fn leaving_on(work: &Work<'_>, device: u64) -> Option<NodeView> {
    // What the stored cap takes back waits for a run without one of its own.
    let has_room = (work.snapshot.counting().count() as u32) < work.policy.cap.stored;
    let is_spared = |node: &NodeView| {
        has_room && matches!(node.record.phase, Phase::Removing { cause: Removal::Cap, .. })
    };
    let leaving = |node: &&NodeView| {
        matches!(node.seen.state, NodeState::Removing)
            && !is_spared(node)
            && lies_on(work, node, device)
            && node.data_present == Some(true)
            && node.seen.alive.is_some()
            && !work.is_touched(node.id())
    };
    work.snapshot.nodes.iter().find(leaving).cloned()
}

fn cut_delay(work: &mut Work<'_>, node: &NodeView, resource: Resource) {
    let Phase::Removing { since, cause } = &node.record.phase else { return };
    let waited_s = since.age(work.now()).as_secs();
    let action = Action::Remove { node: node.record.key(), cause: *cause };
    work.decide(action, Reason::DelayCut { resource, waited_s });
}

fn lies_on(work: &Work<'_>, node: &NodeView, device: u64) -> bool {
    let system = work.snapshot.machine.file_systems.get(&node.record.spec.storage);
    system.is_some_and(|system| system.device == device)
}

/// Memory that is nearly gone: one node is stopped at once.
fn memory_emergency(work: &mut Work<'_>) -> bool {
    let Some(memory) = work.snapshot.machine.memory else {
        return false;
    };
    let Some(left) = Percent::of(memory.available.0, memory.total.0) else {
        return false;
    };
    if left.0 >= Stability::CRISIS_MEMORY {
        return false;
    }
    let reason = Reason::Emergency {
        resource: Resource::Memory,
        left: left.0,
        limit: Stability::CRISIS_MEMORY,
    };
    stop_running(work, 1, &reason);
    true
}

/// More nodes than the stored cap are removed; more than a cap for this run only are stopped.
/// Dead nodes are gone already: nobody else has to go because their records are still there.
fn over_cap(work: &mut Work<'_>) -> bool {
    let cap = work.policy.cap;
    let counting: Vec<&NodeView> = work
        .snapshot
        .counting()
        .filter(|node| node.seen.state != NodeState::Dead && !is_leaving(work, node.id()))
        .collect();
    let nodes = counting.len() as u32;
    if nodes > cap.stored {
        retire_surplus(work, &counting, nodes - cap.stored);
        return true;
    }
    let wanted: Vec<&NodeView> =
        counting.into_iter().filter(|node| node.record.want == Want::Run).collect();
    if wanted.len() as u32 > cap.limit {
        stop_surplus(work, &wanted);
        return true;
    }
    false
}

/// Those that are down anyway go first: otherwise healing would start them while others are stopped.
fn stop_surplus(work: &mut Work<'_>, wanted: &[&NodeView]) {
    let (nodes, cap) = (wanted.len() as u32, work.policy.cap.limit);
    let candidates = wanted
        .iter()
        .filter(|node| is_removable(node) && !work.is_touched(node.id()))
        .map(|node| weighed(node))
        .collect();
    for id in pick(candidates, work.policy.removal_order, (nodes - cap) as usize) {
        if let Some(node) = work.snapshot.node(id) {
            let action = Action::Stop { node: node.record.key(), stopped: Stopped::ByPressure };
            work.decide(action, Reason::OverCap { nodes, cap });
        }
    }
}

fn retire_surplus(work: &mut Work<'_>, counting: &[&NodeView], surplus: u32) {
    let all = work.snapshot.nodes.len();
    let RemovalsLeft { left, limit } =
        removals_left(&work.memory, work.policy, all, work.now(), work.decided());
    if left == 0 {
        work.notes.push(Note::RemovalBudgetSpent { done: limit, limit });
    }
    let count = surplus.min(work.policy.limits.removals).min(left);
    let candidates = counting
        .iter()
        .filter(|node| is_removable(node) && !work.is_touched(node.id()))
        .map(|node| weighed(node))
        .collect();
    let reason = Reason::OverCap { nodes: counting.len() as u32, cap: work.policy.cap.stored };
    for id in pick(candidates, work.policy.removal_order, count as usize) {
        if let Some(node) = work.snapshot.node(id) {
            let action = Action::Retire { node: node.record.key(), cause: Removal::Cap };
            work.decide(action, reason.clone());
        }
    }
}

/// Disks above their threshold for as long as their grace: one node on each device at a time.
fn disks(work: &mut Work<'_>) -> bool {
    let over: Vec<Verdict> =
        work.pressure.shedding().filter(|verdict| verdict.resource.is_disk()).cloned().collect();
    let mut found = false;
    for verdict in over {
        if !grace_is_over(work, &verdict.resource, work.policy.stability.disk_grace) {
            continue;
        }
        found = true;
        match verdict.resource {
            Resource::Disk(_) => relieve_disk(work, &verdict),
            // Nothing shows which nodes hold the inodes, or whether any does.
            _ => work.notes.push(Note::DiskNotOurs { resource: verdict.resource }),
        }
    }
    found
}

fn relieve_disk(work: &mut Work<'_>, verdict: &Verdict) {
    let Some(used) = verdict.used else { return };
    let Some(root) = verdict.resource.storage() else { return };
    let Some(system) = work.snapshot.machine.file_systems.get(root) else { return };
    let reason = pressure_reason(work, verdict, used);
    if used <= work.policy.disk.stored_remove_above {
        // Only a threshold of this run is exceeded, and such a value never destroys.
        stop_running(work, 1, &reason);
        return;
    }
    if is_leaving_device(work, system.device) || !disk_budget_left(work) {
        return;
    }
    // A threshold for this run only must not make little of what others store.
    let limit = shed_limit(verdict).min(work.policy.disk.stored_remove_above);
    let excess = (used - limit) / 100.0 * system.total.0 as f64;
    if let Some(node) = disk_candidate(work, &verdict.resource, system.device, Bytes(excess as u64))
    {
        work.decide(Action::Retire { node, cause: Removal::Disk }, reason);
    }
}

/// True when a node on that device is on its way out already, or goes by this very plan. Roots on
/// one device are relieved by the same node.
fn is_leaving_device(work: &Work<'_>, device: u64) -> bool {
    let going = |node: &&NodeView| {
        matches!(node.seen.state, NodeState::Removing) || is_leaving(work, node.id())
    };
    work.snapshot.nodes.iter().filter(going).any(|node| lies_on(work, node, device))
}

/// Whether one more node may be removed for a disk; noted when not.
fn disk_budget_left(work: &mut Work<'_>) -> bool {
    let (all, now, decided) = (work.snapshot.nodes.len(), work.now(), work.decided());
    let hour = removals_left(&work.memory, work.policy, all, now, decided);
    let day = disk_removals_left(&work.memory, work.policy, all, now, decided);
    let spent = [hour, day].into_iter().find(|budget| budget.left == 0);
    if let Some(RemovalsLeft { limit, .. }) = spent {
        work.notes.push(Note::RemovalBudgetSpent { done: limit, limit });
    }
    spent.is_none()
}

/// The node to remove from a disk, if removing all candidates would free what is short. Where
/// foreign data fills the disk, removing nodes would only lose them.
fn disk_candidate(
    work: &mut Work<'_>,
    resource: &Resource,
    device: u64,
    short: Bytes,
) -> Option<NodeKey> {
    let on_device = |node: &&NodeView| lies_on(work, node, device);
    let candidates: Vec<&NodeView> = work
        .snapshot
        .nodes
        .iter()
        .filter(on_device)
        .filter(|node| is_removable(node) && !work.is_touched(node.id()))
        .collect();
    let ours: u64 = candidates.iter().filter_map(|node| node.disk).map(|bytes| bytes.0).sum();
    if ours < short.0 || candidates.is_empty() {
        work.notes.push(Note::DiskNotOurs { resource: resource.clone() });
        return None;
    }
    let weights = candidates.iter().map(|node| weighed(node)).collect();
    let id = pick(weights, work.policy.removal_order, 1).into_iter().next()?;
    work.snapshot.node(id).map(|node| node.record.key())
}

/// CPU, memory and load: nodes are stopped in rounds that double while the excess lasts.
fn running_resources(work: &mut Work<'_>) -> bool {
    let over: Vec<Verdict> =
        work.pressure.shedding().filter(|verdict| !verdict.resource.is_disk()).cloned().collect();
    let mut found = false;
    for verdict in over {
        let grace = grace_of(work, &verdict.resource);
        if !grace_is_over(work, &verdict.resource, grace) {
            continue;
        }
        found = true;
        let Some(used) = verdict.used else { continue };
        let count = round_size(work, &verdict, used);
        let reason = pressure_reason(work, &verdict, used);
        stop_running(work, count, &reason);
    }
    found
}

fn grace_of(work: &Work<'_>, resource: &Resource) -> Duration {
    grace(&work.memory, work.policy, resource, work.now())
}

/// How long `resource` must be above its threshold before nodes are shed for it.
pub(crate) fn grace(
    memory: &EngineMemory,
    policy: &Policy,
    resource: &Resource,
    now: &Instant,
) -> Duration {
    let stability = &policy.stability;
    let urgent_for = memory.urgent.as_ref().map(|since| since.age(now));
    match resource {
        Resource::Memory => stability.memory_grace,
        Resource::Disk(_) | Resource::Inodes(_) => stability.disk_grace,
        Resource::Cpu if urgent_for.is_some_and(|held| held >= Stability::URGENT_GRACE) => {
            stability.pressure_grace.min(Stability::URGENT_GRACE)
        }
        _ => stability.pressure_grace,
    }
}

/// For how long `resource` has been above its threshold, counted anew from each round of shedding.
pub(crate) fn held(memory: &EngineMemory, resource: &Resource, now: &Instant) -> Duration {
    let since = memory.over.get(resource);
    let round = memory.rounds.get(resource).map(|round| &round.at);
    let held = [since, round].into_iter().flatten().map(|from| from.age(now)).min();
    held.unwrap_or(Duration::ZERO)
}

/// Exceeded for a whole grace since it began, and for another since the last round.
fn grace_is_over(work: &mut Work<'_>, resource: &Resource, grace: Duration) -> bool {
    let left = grace.saturating_sub(held(&work.memory, resource, work.now()));
    if !left.is_zero() {
        let note = Note::Grace { resource: resource.clone(), left_s: left.as_secs().max(1) };
        work.notes.push(note);
    }
    left.is_zero()
}

/// One node, or 2 % of the running ones, twice as many each round, never more than the excess is
/// worth. Memory sheds what is needed, by the size of each.
fn round_size(work: &Work<'_>, verdict: &Verdict, used: f64) -> u32 {
    let running: Vec<&NodeView> = stoppable(work);
    if verdict.resource == Resource::Memory {
        return nodes_for_memory(work, &running, used - shed_limit(verdict));
    }
    let rounds = work.memory.rounds.get(&verdict.resource).map_or(0, |round| round.count);
    let base = (running.len() as u32 / 50).max(1);
    let round = base.saturating_mul(1 << rounds.min(10));
    round.min(worth(work, verdict, used))
}

/// As many nodes as the excess is worth by what a node costs, one at least.
fn worth(work: &Work<'_>, verdict: &Verdict, used: f64) -> u32 {
    let known = work.memory.cost.known(work.policy.stability.learn_time);
    let prices = known.and_then(|known| prices(work.snapshot, &work.pressure, known));
    let price = prices.and_then(|prices| {
        prices.into_iter().find(|price| price.verdict.resource == verdict.resource)
    });
    match price.map(|price| price.running.mean).filter(|each| *each > 0.0) {
        Some(each) => (((used - shed_limit(verdict)) / each).ceil() as u32).max(1),
        None => u32::MAX,
    }
}

fn nodes_for_memory(work: &Work<'_>, running: &[&NodeView], excess_percent: f64) -> u32 {
    let total = work.snapshot.machine.memory.map_or(0, |memory| memory.total.0);
    let mut excess = excess_percent / 100.0 * total as f64;
    let order = pick_running(work, running, running.len());
    let mut count = 0;
    for id in order {
        count += 1;
        let freed = work.snapshot.node(id).and_then(|node| node.memory).map_or(0, |bytes| bytes.0);
        excess -= freed as f64;
        // A node of unknown size ends the count: one of those at a time.
        if excess <= 0.0 || freed == 0 {
            break;
        }
    }
    count.max(1)
}

fn stop_running(work: &mut Work<'_>, count: u32, reason: &Reason) {
    let running = stoppable(work);
    for id in pick_running(work, &running, count as usize) {
        if let Some(node) = work.snapshot.node(id) {
            let action = Action::Stop { node: node.record.key(), stopped: Stopped::ByPressure };
            work.decide(action, reason.clone());
        }
    }
}

fn pick_running(work: &Work<'_>, running: &[&NodeView], count: usize) -> Vec<NodeId> {
    let candidates = running.iter().map(|node| weighed(node)).collect();
    pick(candidates, work.policy.removal_order, count)
}

/// Nodes that run, are wanted to, and are left to the engine.
fn stoppable<'a>(work: &Work<'a>) -> Vec<&'a NodeView> {
    work.snapshot
        .nodes
        .iter()
        .filter(|node| is_stoppable(node) && !work.is_touched(node.id()))
        .collect()
}

/// A node that pressure may stop.
pub(crate) fn is_stoppable(node: &NodeView) -> bool {
    node.record.counts()
        && node.seen.alive == Some(true)
        && node.record.want == Want::Run
        && !matches!(node.seen.state, NodeState::Unknown { .. } | NodeState::Dead)
}

/// Nodes that could be observed well enough to be removed.
pub(crate) fn is_removable(node: &NodeView) -> bool {
    let observed = node.data_present == Some(true) && node.seen.alive.is_some();
    let state = matches!(
        node.seen.state,
        NodeState::Running
            | NodeState::Mute { .. }
            | NodeState::Stopped { .. }
            | NodeState::Starting
            | NodeState::Upgrading
    );
    observed && state && node.record.counts()
}

/// True when an action of this very plan takes the node out of the count.
fn is_leaving(work: &Work<'_>, id: NodeId) -> bool {
    work.decided()
        .iter()
        .any(|planned| planned.action.node() == id && planned.action.takes_out_of_count())
}

/// The threshold that a verdict to shed exceeds.
fn shed_limit(verdict: &Verdict) -> f64 {
    verdict.remove_above.unwrap_or(f64::INFINITY)
}

fn pressure_reason(work: &Work<'_>, verdict: &Verdict, used: f64) -> Reason {
    let since = work.memory.over.get(&verdict.resource);
    Reason::Pressure {
        resource: verdict.resource.clone(),
        used,
        limit: shed_limit(verdict),
        for_s: since.map_or(0, |since| since.age(work.now()).as_secs()),
    }
}
