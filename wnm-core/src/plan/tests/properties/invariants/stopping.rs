//! What is stopped, and why it may be.

use super::*;

fn emergency(look: &Look<'_>) -> bool {
    look.snapshot.machine.memory.is_some_and(|it| {
        it.total.0 > 0 && it.available.0 as f64 * 100.0 / (it.total.0 as f64) < 2.0
    })
}

fn grace(look: &Look<'_>, resource: &Resource) -> Duration {
    let stability = &look.policy.stability;
    let memory = &look.snapshot.memory;
    let urgent = look.snapshot.machine.cpu.is_some_and(|cpu| cpu.0 > stability.urgent_cpu);
    let since = memory.urgent.as_ref().filter(|_| urgent && !look.begins_anew());
    let three = Duration::from_secs(180);
    match resource {
        Resource::Memory => stability.memory_grace,
        Resource::Disk(_) | Resource::Inodes(_) => stability.disk_grace,
        Resource::Cpu if since.is_some_and(|since| look.age(since) >= three) => {
            stability.pressure_grace.min(three)
        }
        _ => stability.pressure_grace,
    }
}

/// "`pressure_grace`: a shed threshold … must be exceeded in every sample for this long."
pub(super) fn pressure_stops_after_its_grace_and_above_its_threshold(look: &Look<'_>) -> Held {
    let over = look.over();
    look.pressure_stops().try_for_each(|it| match &it.reason {
        Reason::Pressure { resource, used, limit, .. } => {
            ensure(over.contains(resource), || format!("{resource} is not above its threshold"))?;
            ensure(used > limit, || format!("{}: {}", it.action, it.reason))?;
            let (held, grace) = (look.held(resource), grace(look, resource));
            ensure(held >= grace, || format!("{resource} held {held:?} of {grace:?}"))
        }
        Reason::Emergency { resource, .. } => {
            let sound = *resource == Resource::Memory && emergency(look);
            ensure(sound, || format!("{}: {}", it.action, it.reason))
        }
        Reason::OverCap { .. } => Ok(()),
        _ => Err(format!("{}: {}", it.action, it.reason)),
    })
}

/// "The first round is one node (or 2 % of the running ones if more) … the next round is twice as
/// large."
pub(super) fn rounds_are_no_larger_than_allowed(look: &Look<'_>) -> Held {
    let running = look.snapshot.nodes.iter().filter(|it| it.seen.alive == Some(true)).count();
    let base = (running / 50).max(1);
    for resource in look.over() {
        if resource == Resource::Memory {
            continue;
        }
        let is_for = |it: &&PlannedAction| matches!(&it.reason, Reason::Pressure { resource: of, .. } if *of == resource);
        let stops = look.pressure_stops().filter(is_for).count();
        let rounds = look.snapshot.memory.rounds.get(&resource).map_or(0, |round| round.count);
        let rounds = if look.begins_anew() { 0 } else { rounds.min(10) };
        ensure(stops <= base << rounds, || {
            format!("{stops} stops for {resource}, round {rounds}")
        })?;
    }
    Ok(())
}

/// "A hard emergency … acts without grace and delay, one node a cycle; for memory it stops."
pub(super) fn an_emergency_of_memory_stops_one(look: &Look<'_>) -> Held {
    let is_for = |it: &&PlannedAction| matches!(it.reason, Reason::Emergency { .. });
    let stops = look.pressure_stops().filter(is_for).count();
    let other = look.pressure_stops().filter(
        |it| matches!(&it.reason, Reason::Pressure { resource, .. } if !resource.is_disk()),
    );
    let others = if emergency(look) { other.count() } else { 0 };
    ensure(stops <= 1 && others == 0, || format!("{stops} stops, {others} for other reasons"))
}

/// Pressure stops nodes that run and are wanted to: stopping anything else relieves nothing.
pub(super) fn pressure_stops_only_what_runs_and_should(look: &Look<'_>) -> Held {
    look.pressure_stops().try_for_each(|it| {
        let Some(node) = look.node(it) else { return Err(format!("{}: of what", it.action)) };
        let by_cap = matches!(it.reason, Reason::OverCap { .. });
        let alive = node.seen.alive == Some(true) || (by_cap && node.seen.alive == Some(false));
        let wanted = node.record.want == Want::Run && node.record.counts();
        ensure(alive && wanted, || format!("{}: {:?}", it.action, node.seen))
    })
}

/// "A cap … given for one run only … prevents growth and stops nodes, but never removes": as many
/// as are too many.
pub(super) fn a_cap_for_one_run_stops_the_surplus_only(look: &Look<'_>) -> Held {
    let for_cap = |it: &&PlannedAction| matches!(it.reason, Reason::OverCap { .. });
    let stops = look.pressure_stops().filter(for_cap).count() as u32;
    let wanted = look.snapshot.nodes.iter();
    let wanted = wanted.filter(|it| it.record.counts() && it.record.want == Want::Run);
    let surplus = (wanted.count() as u32).saturating_sub(look.policy.cap.limit);
    let below = look.policy.cap.limit < look.policy.cap.stored;
    let sound = stops == 0 || (below && stops <= surplus);
    ensure(sound, || format!("{stops} stops, {surplus} are too many"))
}
