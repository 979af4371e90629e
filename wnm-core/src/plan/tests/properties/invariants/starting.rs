//! What is started again, and when.

use super::*;

fn heals<'a>(look: &Look<'a>) -> impl Iterator<Item = (&'a PlannedAction, &'a NodeView)> {
    look.on_nodes().filter(|(it, _)| matches!(it.reason, Reason::Down { .. }))
}

/// "Nodes wanted *run* that are stopped are started"; what was not seen to be stopped is not.
pub(super) fn only_nodes_that_are_seen_to_be_down_are_healed(look: &Look<'_>) -> Held {
    heals(look).try_for_each(|(it, node)| {
        let down = node.seen.alive == Some(false) && node.data_present == Some(true);
        let stopped = matches!(node.seen.state, NodeState::Stopped { .. });
        let is_start = matches!(it.action, Action::Start { .. });
        let wanted = node.record.want == Want::Run;
        ensure(is_start && down && stopped && wanted, || format!("{}: {:?}", it.action, node.seen))
    })
}

/// "1 min doubling to 1 h, reset after 10 min running … after 5 deaths in an hour … tried once an
/// hour."
pub(super) fn healing_waits_for_the_back_off(look: &Look<'_>) -> Held {
    let backoff = look.policy.stability.restart_backoff.as_secs();
    heals(look).try_for_each(|(it, node)| {
        let Some(memory) = look.plan.memory.nodes.get(&node.record()) else { return Ok(()) };
        let pause = match memory.deaths.len() {
            _ if backoff == 0 => 0,
            0 | 1 => 0,
            2 => backoff,
            3 => backoff * 2,
            4 => backoff * 4,
            _ => 3600,
        };
        let last = memory.deaths.iter().chain(&memory.last_try).map(|at| look.age(at)).min();
        let rested = last.is_none_or(|age| age >= Duration::from_secs(pause.min(3600)));
        ensure(rested, || format!("{} after {last:?} of {pause} s", it.action))
    })
}

/// Healing is held back "only by shed thresholds, limits and their own back-off": a disk holds
/// back the nodes on it, everything else holds back all.
pub(super) fn healing_waits_for_shed_thresholds(look: &Look<'_>) -> Held {
    let over = look.over();
    heals(look).try_for_each(|(it, node)| {
        let root = &node.record.spec.storage;
        let held = over.iter().find(|it| it.storage().is_none_or(|storage| storage == root));
        ensure(held.is_none(), || format!("{} while {held:?} is above", it.action))
    })
}

/// "`max_concurrent_starts` and `max_concurrent_operations` … count nodes in starting, upgrading,
/// removing by wnm's own doing."
pub(super) fn starts_keep_to_their_limits(look: &Look<'_>) -> Held {
    // Another version is started too, within limits of its own.
    let starts_anew = |it: &&PlannedAction| it.action.starts() && !it.action.is_of_upgrades();
    let by_engine = look.engines().any(|it| starts_anew(&it));
    let auto = (look.snapshot.machine.cpus / 2).clamp(1, 16);
    let limits = &look.policy.limits;
    let is_starting = |node: &NodeView| node.seen.state == NodeState::Starting;
    let going = look.snapshot.nodes.iter().filter(|it| is_starting(it)).count();
    let starts =
        look.actions().filter(|it| starts_anew(it) && !look.node(it).is_some_and(is_starting));
    let starting = going + starts.count();
    let removing = look.snapshot.nodes.iter().filter(|node| match &node.record.phase {
        Phase::Removing { since, .. } => look.age(since) < look.policy.delays.remove,
        _ => false,
    });
    let in_motion = (starting + removing.count()) as u32;
    let limit = limits.starts.or(auto);
    let all = limits.operations.or(u32::MAX);
    let sound = !by_engine || (starting as u32 <= limit && in_motion <= all);
    ensure(sound, || format!("{starting} start of {limit}, {in_motion} in motion of {all}"))
}

/// "Mute: … restarted only if `restart_mute` (off), never removed."
pub(super) fn mute_nodes_are_restarted_only_on_demand(look: &Look<'_>) -> Held {
    look.on_nodes().filter(|(it, _)| it.reason == Reason::Mute).try_for_each(|(it, node)| {
        let mute = matches!(node.seen.state, NodeState::Mute { .. });
        let restart = matches!(it.action, Action::Restart { .. });
        let wanted = node.record.want == Want::Run;
        let sound = look.policy.restart_mute && mute && restart && wanted;
        ensure(sound, || format!("{}: {:?}", it.action, node.seen))
    })
}

/// "*Stopped by operator*": only an operator starts it again.
pub(super) fn what_operators_stopped_stays_stopped(look: &Look<'_>) -> Held {
    look.on_nodes().filter(|(it, _)| it.action.starts()).try_for_each(|(it, node)| {
        let asked = matches!(it.reason, Reason::Request { .. } | Reason::Unfinished { .. });
        let stopped = node.record.want == Want::StoppedByOperator;
        ensure(asked || !stopped, || format!("{}: {}", it.action, it.reason))
    })
}

/// "Until then a start request or a higher cap takes them back."
pub(super) fn only_a_surplus_that_fits_is_taken_back(look: &Look<'_>) -> Held {
    let back = look.engines().filter(|it| matches!(it.action, Action::Reprieve { .. }));
    let back: Vec<&PlannedAction> = back.collect();
    let nodes = look.counting() + back.len() as u32;
    let fits = back.is_empty() || nodes <= look.policy.cap.limit;
    ensure(fits, || format!("{nodes} nodes, {} allowed", look.policy.cap.limit))?;
    back.into_iter().try_for_each(|it| {
        let phase = look.node(it).map(|node| &node.record.phase);
        let cap = matches!(phase, Some(Phase::Removing { cause: Removal::Cap, .. }));
        ensure(cap, || format!("{}: {phase:?}", it.action))
    })
}
