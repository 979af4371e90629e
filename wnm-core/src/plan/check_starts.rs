//! The second opinion on how many nodes are started at once. It reckons for itself, and roughly: by
//! plain means and without what is on its way, so that it only finds what is surely too much.

use super::check::Violation;
use super::{Plan, VerdictKind};
use crate::action::{Action, PlannedAction, Reason, Resource};
use crate::model::Want;
use crate::observe::{LearnedCost, NodeCost, NodeState, Snapshot};
use crate::policy::{AutoLimit, Policy};

/// Starts by the engine's own decision, beyond what was asked for or begun before.
struct Starts {
    growth: u32,
    recovery: u32,
    in_motion: u32,
}

pub(super) fn too_many(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Violation> {
    let count = |wanted: fn(&Reason) -> bool| {
        let starts = |planned: &&PlannedAction| {
            wanted(&planned.reason)
                && matches!(planned.action, Action::Add { .. } | Action::Start { .. })
        };
        plan.actions.iter().filter(starts).count() as u32
    };
    let is_starting = |state: &NodeState| matches!(state, NodeState::Starting);
    let starts = Starts {
        growth: count(|reason| matches!(reason, Reason::Room { .. } | Reason::RoomAgain)),
        recovery: count(|reason| matches!(reason, Reason::Down { .. })),
        in_motion: snapshot.nodes.iter().filter(|node| is_starting(&node.seen.state)).count()
            as u32,
    };
    let mut violations = Vec::new();
    violations.extend(at_once(&starts, snapshot, policy));
    violations.extend(after_failures(&starts, snapshot));
    violations.extend(while_learning(&starts, plan, snapshot, policy));
    violations.extend(beyond_room(&starts, plan, snapshot, policy));
    violations
}

/// Counts alone.
fn at_once(starts: &Starts, snapshot: &Snapshot, policy: &Policy) -> Option<Violation> {
    let Starts { growth, recovery, in_motion } = *starts;
    let half = (snapshot.machine.cpus / 2).clamp(1, 16);
    let runs = |state: &NodeState| matches!(state, NodeState::Running | NodeState::Mute { .. });
    let running = snapshot.counting().filter(|node| runs(&node.seen.state)).count() as u32;
    let (asked, hard) = match policy.limits.starts {
        AutoLimit::AtMost(count) => (count, count),
        AutoLimit::Auto => (half, u32::MAX),
    };
    let growth_limit = half.min(running.max(1)).min(asked);
    let table = [
        (growth > 0, growth + in_motion, growth_limit),
        (recovery > 0, recovery, asked),
        (growth + recovery > 0, growth + recovery + in_motion, hard),
    ];
    let broken = table.into_iter().find(|(concerned, starts, limit)| *concerned && starts > limit);
    broken.map(|(_, starts, limit)| Violation::TooManyStarts { starts, limit })
}

/// One at most while the latest node was started and does not run.
fn after_failures(starts: &Starts, snapshot: &Snapshot) -> Option<Violation> {
    let wanted = snapshot.counting().filter(|node| node.record.want == Want::Run);
    let latest = wanted.max_by_key(|node| (node.record.created, node.id()))?;
    let memory = snapshot.memory.nodes.get(&latest.record());
    let tried = memory.and_then(|memory| memory.last_try.as_ref());
    let tried = tried.is_some_and(|last| last.boot == snapshot.now.instant.boot);
    let is_down = matches!(latest.seen.state, NodeState::Stopped { .. }) && tried;
    let broken = is_down && starts.growth > 1;
    broken.then_some(Violation::TooManyStarts { starts: starts.growth, limit: 1 })
}

fn is_learned(cost: &LearnedCost, policy: &Policy) -> bool {
    let complete = |cost: &NodeCost| cost.cpu.is_some() && cost.memory.is_some();
    cost.observed_s >= policy.stability.learn_time.as_secs_f64()
        && complete(&cost.running)
        && complete(&cost.starting)
        && cost.running.load.is_some()
}

/// One node in `learn_time` until it is known what a node costs.
fn while_learning(
    starts: &Starts,
    plan: &Plan,
    snapshot: &Snapshot,
    policy: &Policy,
) -> Option<Violation> {
    if starts.growth == 0 || is_learned(&plan.memory.cost, policy) {
        return None;
    }
    let last = snapshot.memory.last_growth.as_ref();
    let waits = last.is_some_and(|last| snapshot.now.age(last) < policy.stability.learn_time);
    let limit = u32::from(!waits);
    (starts.growth > limit).then_some(Violation::TooManyStarts { starts: starts.growth, limit })
}

/// More than one node only where all of them fit.
fn beyond_room(
    starts: &Starts,
    plan: &Plan,
    snapshot: &Snapshot,
    policy: &Policy,
) -> Vec<Violation> {
    let (cost, machine) = (&plan.memory.cost.running, &snapshot.machine);
    if !is_learned(&plan.memory.cost, policy) {
        return Vec::new();
    }
    let memory = machine.memory.filter(|memory| memory.total.0 > 0).zip(cost.memory);
    let memory = memory.map(|(memory, cost)| {
        let total = memory.total.0 as f64;
        let used = total - memory.available.0 as f64;
        (used * 100.0 / total, cost.mean * 100.0 / total, policy.memory)
    });
    let cpu = machine.cpu.zip(cost.cpu).map(|(cpu, cost)| (cpu.0, cost.mean, policy.cpu));
    let resources = [Resource::Cpu, Resource::Memory, Resource::Load];
    let load = machine.load.zip(cost.load);
    let load = load.map(|(load, cost)| (load.one.min(load.five), cost.mean, policy.load));
    let mut violations = Vec::new();
    for (resource, numbers) in resources.into_iter().zip([cpu, memory, load]) {
        let Some((used, each, band)) = numbers else { continue };
        // A few thousandths, for the two reckon in another order.
        let over =
            |starts: u32, limit: f64| starts > 1 && used + f64::from(starts) * each > limit + 0.001;
        // Many running nodes may be joined by 2 % of them near a threshold; then only shedding
        // bounds them.
        let few = snapshot.nodes.len() as u32 / 50;
        let limit = if starts.growth <= few { band.remove_above() } else { band.add_below() * 0.8 };
        for (starts, limit) in [(starts.growth, limit), (starts.recovery, band.remove_above())] {
            if over(starts, limit) {
                let resource = resource.clone();
                violations.push(Violation::BeyondRoom { starts, resource, used, each, limit });
            }
        }
    }
    let relief = plan
        .report
        .pressure
        .0
        .iter()
        .find(|verdict| verdict.verdict == VerdictKind::Shed && !verdict.resource.is_disk());
    let all = starts.growth + starts.recovery;
    if let Some(verdict) = relief.filter(|_| all > 0) {
        violations.push(Violation::BeyondRoom {
            starts: all,
            resource: verdict.resource.clone(),
            used: verdict.used.unwrap_or_default(),
            each: 0.0,
            limit: verdict.remove_above.unwrap_or_default(),
        });
    }
    violations
}
