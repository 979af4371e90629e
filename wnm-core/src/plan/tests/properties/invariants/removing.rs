//! What is removed, and why it may be.

use super::*;

fn is_removal(action: &Action) -> bool {
    matches!(action, Action::Retire { .. } | Action::Remove { .. })
}

/// "Never infer destruction from absence": each removal has a reason that can be seen again.
pub(super) fn nothing_is_removed_without_its_justification(look: &Look<'_>) -> Held {
    look.on_nodes().filter(|(it, _)| is_removal(&it.action)).try_for_each(|(it, node)| {
        let phase = &node.record.phase;
        let leaving = matches!(phase, Phase::Removing { .. });
        let justified = match &it.reason {
            Reason::Request { id } => look.snapshot.requests.iter().any(|request| {
                let removes = matches!(request.verb, Verb::Remove { .. } | Verb::Teardown { .. });
                request.id == *id && removes && request.verb.nodes().contains(&node.record.key())
            }),
            Reason::Unfinished { op } => look.snapshot.open.iter().any(|open| {
                open.id == *op && open.record == node.record() && open.planned.action == it.action
            }),
            Reason::DataGone => {
                let memory = look.snapshot.memory.nodes.get(&node.record());
                let missed = memory.and_then(|memory| memory.missed.clone());
                let long = missed.is_some_and(|at| {
                    at.age(&look.snapshot.now.instant) >= Duration::from_secs(3600)
                });
                let lives = node.seen.alive != Some(false);
                node.seen.state == NodeState::Dead
                    && node.data_present == Some(false)
                    && long
                    && !lives
            }
            Reason::NeverMade => {
                let creating = matches!(phase, Phase::Creating { .. });
                creating && node.data_present == Some(false)
            }
            Reason::OverCap { cap, .. } => *cap == look.policy.cap.stored && look.counting() > *cap,
            Reason::Pressure { resource, .. } => is_over_stored(look, resource, node),
            Reason::Emergency { resource, .. } | Reason::DelayCut { resource, .. } => {
                let root = resource.storage();
                let system = root.and_then(|it| look.snapshot.machine.file_systems.get(it));
                system.is_some_and(|system| system.free < look.crisis())
            }
            Reason::DelayOver { .. } => leaving,
            _ => false,
        };
        let delays = matches!(it.reason, Reason::DelayOver { .. } | Reason::DelayCut { .. });
        let fits = !delays || leaving;
        ensure(justified && fits, || format!("{}: {}", it.action, it.reason))
    })
}

/// "A cap or threshold given for one run only … never removes": the stored one decides.
fn is_over_stored(look: &Look<'_>, resource: &Resource, node: &NodeView) -> bool {
    let Resource::Disk(root) = resource else { return false };
    let Some(system) = look.snapshot.machine.file_systems.get(root) else { return false };
    let held = look.held(resource) >= look.policy.stability.disk_grace;
    held && system.used.0 > look.disk_limit() && look.device(node) == Some(system.device)
}

/// P6: "Nothing is done on missing, stale or contradictory observations."
pub(super) fn nothing_unobserved_is_removed(look: &Look<'_>) -> Held {
    look.on_nodes().filter(|(it, _)| is_removal(&it.action)).try_for_each(|(it, node)| {
        let seen = node.data_present.is_some() && node.seen.alive.is_some();
        ensure(seen, || format!("{} could not be observed", it.action))
    })
}

/// "Data is never deleted because of CPU, memory, I/O or load: those stop nodes."
pub(super) fn data_is_never_deleted_for_cpu_memory_or_load(look: &Look<'_>) -> Held {
    look.actions().filter(|it| is_removal(&it.action)).try_for_each(|it| match &it.reason {
        Reason::Pressure { resource, .. } | Reason::Emergency { resource, .. } => {
            ensure(matches!(resource, Resource::Disk(_)), || {
                format!("{} for {resource}", it.action)
            })
        }
        Reason::PortsShut { .. } | Reason::Drifted { .. } => {
            Err(format!("{}: {}", it.action, it.reason))
        }
        Reason::Down { .. } | Reason::Mute | Reason::Room { .. } | Reason::RoomAgain => {
            Err(format!("{}: {}", it.action, it.reason))
        }
        _ => Ok(()),
    })
}

fn share(count: u32, nodes: usize, percent: usize) -> usize {
    if count == 0 { 0 } else { (count as usize).max(nodes * percent / 100) }
}

/// Removals of nodes with data that the engine decided in this plan.
fn fresh(look: &Look<'_>, disk_only: bool) -> usize {
    let cause = |it: &PlannedAction| match it.action {
        Action::Retire { cause, .. } | Action::Remove { cause, .. } => Some(cause),
        _ => None,
    };
    look.removals()
        .filter(|it| match cause(it) {
            Some(Removal::Disk) => true,
            Some(Removal::Cap) => !disk_only,
            _ => false,
        })
        .count()
}

/// P7: "Never more than the configured number of destructive actions an hour."
pub(super) fn the_hourly_budget_holds(look: &Look<'_>) -> Held {
    let hour = Duration::from_secs(3600);
    let past = &look.snapshot.memory.removals;
    let past = past.iter().filter(|it| look.age(&it.at) < hour).count();
    let limit = share(look.policy.stability.destructive_per_hour, look.snapshot.nodes.len(), 5);
    let here = fresh(look, false);
    ensure(here == 0 || past + here <= limit, || format!("{past} and {here}, {limit} allowed"))
}

/// "`max_disk_removals_per_day`: the same for disk pressure alone."
pub(super) fn the_daily_disk_budget_holds(look: &Look<'_>) -> Held {
    let day = Duration::from_secs(86_400);
    let past = &look.snapshot.memory.removals;
    let past = past.iter().filter(|it| it.disk && look.age(&it.at) < day).count();
    let limit = share(look.policy.stability.disk_removals_per_day, look.snapshot.nodes.len(), 10);
    let here = fresh(look, true);
    ensure(here == 0 || past + here <= limit, || format!("{past} and {here}, {limit} allowed"))
}

/// "Over the cap by one removes one", and no more than `max_concurrent_removals` in one cycle.
pub(super) fn the_surplus_over_the_cap_is_all_that_goes(look: &Look<'_>) -> Held {
    let is_cap = |it: &&PlannedAction| matches!(it.reason, Reason::OverCap { .. });
    let going = look.removals().filter(is_cap).count() as u32;
    let surplus = look.counting().saturating_sub(look.policy.cap.stored);
    let limit = surplus.min(look.policy.limits.removals);
    ensure(going <= limit, || format!("{going} go, {surplus} are too many"))
}

/// "Dead nodes … at most `max_concurrent_removals` a cycle. If at least two and more than half of
/// the nodes look dead at once, none is touched."
pub(super) fn the_dead_go_few_at_a_time_and_never_most_of_them(look: &Look<'_>) -> Held {
    let going = look.removals().filter(|it| it.reason == Reason::DataGone).count();
    let all = look.snapshot.nodes.iter().filter(|it| it.seen.state != NodeState::Disabled);
    let all = all.count();
    let begun: BTreeSet<_> = look
        .actions()
        .filter(|it| matches!(it.reason, Reason::Unfinished { .. }))
        .map(|it| it.action.node())
        .collect();
    let dead = look.snapshot.nodes.iter().filter(|node| {
        let never_made = matches!(node.record.phase, Phase::Creating { .. });
        node.seen.state == NodeState::Dead && !never_made && !begun.contains(&node.id())
    });
    let dead = dead.count();
    let limit = if dead >= 2 && dead * 2 > all { 0 } else { look.policy.limits.removals as usize };
    ensure(going <= limit, || format!("{going} of {dead} dead of {all} go"))
}

/// "Disk removes … only nodes that lie on it."
pub(super) fn a_disk_takes_only_nodes_that_lie_on_it(look: &Look<'_>) -> Held {
    look.on_nodes().filter(|(it, _)| is_removal(&it.action)).try_for_each(|(it, node)| {
        let resource = match &it.reason {
            Reason::Pressure { resource, .. }
            | Reason::Emergency { resource, .. }
            | Reason::DelayCut { resource, .. } => resource,
            _ => return Ok(()),
        };
        let root = resource.storage();
        let system = root.and_then(|root| look.snapshot.machine.file_systems.get(root));
        let device = system.map(|system| system.device);
        let lies_there = device.is_some() && device == look.device(node);
        ensure(lies_there, || format!("{} does not lie on {resource}", it.action))
    })
}

/// "Only if removing candidates can bring it below: where foreign data fills the disk it reports
/// and removes nothing."
pub(super) fn a_disk_that_others_fill_takes_nothing(look: &Look<'_>) -> Held {
    look.removals().try_for_each(|it| {
        let (Reason::Pressure { resource, .. } | Reason::Emergency { resource, .. }) = &it.reason
        else {
            return Ok(());
        };
        let root = resource.storage();
        let Some(system) = root.and_then(|it| look.snapshot.machine.file_systems.get(it)) else {
            return Err(format!("{resource} was not measured"));
        };
        let excess = match &it.reason {
            Reason::Emergency { .. } => look.crisis().0.saturating_sub(system.free.0),
            _ => {
                let above = system.used.0 - look.policy.disk.stored_remove_above;
                (above / 100.0 * system.total.0 as f64) as u64
            }
        };
        let ours = look.snapshot.nodes.iter().filter(|node| {
            let seen = node.data_present == Some(true) && node.seen.alive.is_some();
            seen && node.record.counts() && look.device(node) == Some(system.device)
        });
        let ours: u64 = ours.filter_map(|node| node.disk).map(|bytes| bytes.0).sum();
        ensure(ours >= excess, || format!("{}: {ours} B of ours, {excess} B short", it.action))
    })
}

/// "A hard emergency … one node a cycle, measured again before the next": on each device at most
/// one node goes, and none while another is on its way out.
pub(super) fn a_disk_takes_one_node_at_a_time(look: &Look<'_>) -> Held {
    let mut devices = BTreeSet::new();
    let disk = |it: &&PlannedAction| {
        matches!(it.reason, Reason::Pressure { .. } | Reason::Emergency { .. })
    };
    look.removals().filter(disk).try_for_each(|it| {
        let Some(node) = look.node(it) else { return Ok(()) };
        let Some(device) = look.device(node) else { return Ok(()) };
        let first = devices.insert(device);
        ensure(first, || format!("{} is the second one on device {device}", it.action))?;
        let waits = matches!(it.reason, Reason::Pressure { .. });
        let mut others = look.snapshot.nodes.iter();
        let leaving = others.any(|other| {
            other.seen.state == NodeState::Removing && look.device(other) == Some(device)
        });
        ensure(!waits || !leaving, || format!("{}: another one leaves already", it.action))
    })
}

/// "Stopped ones first."
pub(super) fn stopped_nodes_go_before_running_ones(look: &Look<'_>) -> Held {
    let touched: BTreeSet<_> = look.actions().map(|it| it.action.node()).collect();
    look.removals().try_for_each(|it| {
        let Some(node) = look.node(it) else { return Ok(()) };
        let by_disk = matches!(it.reason, Reason::Pressure { .. } | Reason::Emergency { .. });
        let by_cap = matches!(it.reason, Reason::OverCap { .. });
        if node.seen.alive != Some(true) || !(by_disk || by_cap) {
            return Ok(());
        }
        let waits = look.snapshot.nodes.iter().find(|other| {
            let stopped = matches!(other.seen.state, NodeState::Stopped { .. });
            let seen = other.data_present == Some(true) && other.record.counts();
            let there = by_cap || look.device(other) == look.device(node);
            stopped && seen && there && !touched.contains(&other.id())
        });
        ensure(waits.is_none(), || format!("{} although others are down", it.action))
    })
}

/// "The engine's own removals stop first and do the rest after `delay_remove`." An operator's is
/// immediate, and what never had data has nothing to wait for.
pub(super) fn a_retired_node_waits_for_its_delay(look: &Look<'_>) -> Held {
    look.on_nodes().try_for_each(|(it, node)| {
        let Action::Remove { cause, .. } = it.action else { return Ok(()) };
        let own = matches!(cause, Removal::Cap | Removal::Disk);
        let ready = match (&it.reason, &node.record.phase) {
            (Reason::DelayOver { .. }, Phase::Removing { since, .. }) => {
                look.age(since) >= look.policy.delays.remove
            }
            (Reason::DelayCut { .. }, phase) => matches!(phase, Phase::Removing { .. }),
            (Reason::Emergency { .. } | Reason::Unfinished { .. }, _) => true,
            (_, _) => false,
        };
        ensure(!own || ready, || format!("{}: {}", it.action, it.reason))
    })
}
