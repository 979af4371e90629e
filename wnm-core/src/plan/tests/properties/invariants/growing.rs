//! When there come more nodes, and what new ones are made of.

use std::path::Path;

use super::super::nodes::root_of;
use super::*;
use crate::model::{Address, NodeId, NodeSpec, node_of_directory};
use crate::observe::Numbering;

/// "Every sample … must be below all grow thresholds"; "a rule whose input is absent neither allows
/// growth nor demands shedding". Of several storage roots one with room is enough.
pub(super) fn nothing_grows_without_room(look: &Look<'_>) -> Held {
    if look.growth().is_empty() {
        return Ok(());
    }
    let without = look.without_room();
    let machine: Vec<&Resource> = without.iter().filter(|it| it.storage().is_none()).collect();
    let full = |root: &PathBuf| without.iter().any(|it| it.storage() == Some(root));
    let a_root_has_room = look.snapshot.storage.keys().any(|root| !full(root));
    ensure(machine.is_empty() && a_root_has_room, || format!("{without:?} have no room"))
}

/// "`grow_window`", "`settle_time`", "`quiet_time`".
pub(super) fn nothing_grows_before_its_time(look: &Look<'_>) -> Held {
    if look.growth().is_empty() {
        return Ok(());
    }
    let (memory, stability) = (&look.snapshot.memory, &look.policy.stability);
    let gap = memory.last_look.as_ref().map_or(Duration::ZERO, |last| look.age(last));
    let rebooted = memory.boot.as_ref().is_some_and(|boot| *boot != look.now().boot);
    let longest = stability.grow_window.max(Duration::from_secs(150));
    let known = memory.room.as_ref().filter(|_| !rebooted && gap <= longest);
    let room = known.map_or(Duration::ZERO, |since| look.age(since));
    ensure(room >= stability.grow_window, || format!("room for {room:?} only"))?;
    let waits = [
        ("growth", &memory.last_growth, stability.settle_time),
        ("stop", &memory.last_stop, stability.settle_time),
        ("shedding", &memory.last_shed, stability.quiet_time),
    ];
    waits.into_iter().try_for_each(|(what, last, wait)| {
        let age = last.as_ref().map(|last| look.age(last));
        ensure(age.is_none_or(|age| age >= wait), || format!("{age:?} after the last {what}"))
    })
}

/// "Until the cost of a node on this machine is known, one node is started and `learn_time`
/// waited."
pub(super) fn growth_is_one_at_a_time_while_costs_are_unknown(look: &Look<'_>) -> Held {
    let growth = look.growth();
    ensure(growth.len() <= 1, || format!("{} at once", growth.len()))
}

/// "Relief before healing, healing before growth": never both ways at once. A disk that is too full
/// concerns the nodes on it.
pub(super) fn nothing_grows_while_something_is_shed(look: &Look<'_>) -> Held {
    let shed = look.pressure_stops().count() + look.removals().count();
    let over = look.over();
    let grown: BTreeSet<&Path> = look.growth().iter().filter_map(|it| root(look, it)).collect();
    let concerned = |resource: &&Resource| {
        resource.storage().is_none_or(|storage| grown.contains(storage.as_path()))
    };
    let sound = look.growth().is_empty() || (shed == 0 && !over.iter().any(|it| concerned(&it)));
    ensure(sound, || format!("{shed} shed, {over:?} above"))
}

/// Where the node of an action lies.
fn root<'a>(look: &Look<'a>, planned: &'a PlannedAction) -> Option<&'a Path> {
    match &planned.action {
        // Where a container is new, what is known is known of the root it will lie in.
        Action::Add { spec, .. } if !look.snapshot.storage.contains_key(&spec.storage) => {
            spec.storage.parent()
        }
        Action::Add { spec, .. } => Some(&spec.storage),
        action => Some(&look.snapshot.node(action.node())?.record.spec.storage),
    }
}

/// "Nodes neither disabled nor removing: fewer than `node_cap`."
pub(super) fn the_engine_keeps_to_the_cap(look: &Look<'_>) -> Held {
    let is_room = |it: &&PlannedAction| matches!(it.reason, Reason::Room { .. });
    let created = look.actions().filter(is_room).count() as u32;
    let begun = look.new_nodes().count() as u32;
    let nodes = look.counting() + begun;
    let limit = look.policy.cap.limit;
    ensure(created == 0 || nodes <= limit, || format!("{nodes} nodes, {limit} allowed"))
}

/// "An id is free only when no record, unit, directory or container carries it"; ports are "checked
/// against each other and against what is bound on this machine".
pub(super) fn nothing_is_taken_twice(look: &Look<'_>) -> Held {
    let recorded = look.snapshot.nodes.iter().map(|node| &node.record.spec);
    let mut ports: BTreeSet<u16> = recorded.flat_map(|spec| spec.ports.all()).collect();
    for (spec, _) in look.new_nodes() {
        let (Ok(occupied), Ok(bound)) = (&look.snapshot.occupied, &look.snapshot.ports) else {
            return Err(format!("{} although it is not known what is free", spec.id));
        };
        ensure(!occupied.contains(&spec.id), || format!("{} is taken", spec.id))?;
        for port in spec.ports.all() {
            let free = !bound.contains(&port) && ports.insert(port);
            ensure(free, || format!("port {port} of {} is taken", spec.id))?;
        }
    }
    Ok(())
}

/// "The smallest free one …; a taken port skips the id and says so."
pub(super) fn the_smallest_free_id_is_taken(look: &Look<'_>) -> Held {
    if look.policy.nodes.manager.kind.numbers_nodes() {
        return Ok(());
    }
    let (Ok(occupied), Ok(bound)) = (&look.snapshot.occupied, &look.snapshot.ports) else {
        return Ok(());
    };
    let defaults = &look.policy.nodes;
    let recorded = look.snapshot.nodes.iter().map(|node| &node.record.spec);
    let mut ports: BTreeSet<u16> = recorded.clone().flat_map(|spec| spec.ports.all()).collect();
    let mut ids: BTreeSet<_> = recorded.map(|spec| spec.id).collect();
    ports.extend(bound);
    ids.extend(occupied);
    look.new_nodes().try_for_each(|(spec, _)| {
        let smaller = (1..spec.id.number()).map(id).find(|id| {
            let free = |port: u16| !ports.contains(&port);
            let fits = defaults.ports.ports(*id, defaults.program);
            !ids.contains(id) && fits.is_ok_and(|fits| fits.all().all(free))
        });
        ids.insert(spec.id);
        ports.extend(spec.ports.all());
        ensure(smaller.is_none(), || format!("{} although {smaller:?} is free", spec.id))
    })
}

/// "Strictly increasing for antctl": a manager that numbers nodes gives its next number, and none
/// while it is not known, or while one is recorded that it has not given yet.
pub(super) fn a_manager_that_numbers_gives_its_next_number(look: &Look<'_>) -> Held {
    if !look.policy.nodes.manager.kind.numbers_nodes() || look.new_nodes().count() == 0 {
        return Ok(());
    }
    let Some(Ok(numbering)) = &look.snapshot.numbering else {
        return Err("a node is made, and its number is not known".to_owned());
    };
    if look.policy.nodes.manager.kind.counts_in_containers() {
        return each_container_gives_its_next_number(look, numbering);
    }
    let early = look.snapshot.nodes.iter().find(|node| node.id() >= numbering.next);
    ensure(early.is_none(), || format!("{:?} is not made yet", early.map(NodeView::id)))?;
    let mut next = numbering.next;
    look.new_nodes().try_for_each(|(spec, _)| {
        ensure(spec.id == next, || format!("{} is given instead of {next}", spec.id))?;
        let kept = spec.ports.all().find(|port| numbering.ports.contains(port));
        ensure(kept.is_none(), || format!("port {kept:?} is kept by a node that is gone"))?;
        next = next.next();
        Ok(())
    })
}

fn each_container_gives_its_next_number(look: &Look<'_>, numbering: &Numbering) -> Held {
    let number = |spec: &NodeSpec| node_of_directory(&spec.service());
    let mut given: BTreeMap<Option<String>, NodeId> = BTreeMap::new();
    look.new_nodes().try_for_each(|(spec, _)| {
        let container = spec.container.clone();
        let said = numbering.next_in(container.as_deref().unwrap_or_default());
        let said = said.map_err(|_| format!("{container:?} does not say what comes next"))?;
        let next = given.get(&container).copied().unwrap_or(said);
        ensure(number(spec) == Some(next), || format!("{} instead of {next}", spec.service()))?;
        let recorded = look.snapshot.nodes.iter().map(|node| &node.record.spec);
        let mut there = recorded.filter(|spec| spec.container == container);
        let early = there.find(|spec| number(spec).is_some_and(|number| number >= said));
        ensure(early.is_none(), || format!("{:?} is not made yet", early.map(|it| it.id)))?;
        let kept = spec.ports.all().find(|port| numbering.ports.contains(port));
        ensure(kept.is_none(), || format!("port {kept:?} is kept by a node that is gone"))?;
        given.insert(container, next.next());
        Ok(())
    })
}

/// "Node port `port_start * 1000 + id`", all of them at most 65535.
pub(super) fn ports_follow_from_the_id(look: &Look<'_>) -> Held {
    let (defaults, ports) = (&look.policy.nodes, &look.policy.nodes.ports);
    look.new_nodes().try_for_each(|(spec, _)| {
        let at = |base: u16| u32::from(base) * 1000 + spec.id.number();
        let webrtc = ports.webrtc.filter(|_| defaults.program.has_webrtc());
        let metrics = defaults.program.has_metrics_endpoint().then_some(ports.metrics);
        let sound = u32::from(spec.ports.node) == at(ports.node)
            && spec.ports.webrtc.map(u32::from) == webrtc.map(at)
            && spec.ports.metrics.map(u32::from) == metrics.map(at);
        ensure(sound, || format!("{}: {:?}", spec.id, spec.ports))
    })
}

/// "Root without its marker = not mounted": nothing is made there.
pub(super) fn a_new_node_lies_in_a_usable_root(look: &Look<'_>) -> Held {
    look.new_nodes().try_for_each(|(spec, _)| {
        let root = root_of(spec);
        let usable = look.policy.nodes.storage.contains(&root)
            && matches!(look.snapshot.storage.get(&root), Some(Ok(())))
            && look.snapshot.machine.file_systems.contains_key(&root)
            && spec.data.parent() == Some(&spec.storage);
        ensure(usable, || format!("{} in {}", spec.id, spec.data.display()))
    })
}

/// "A new node is created only if the disk will hold it": at least what every node is expected to
/// need stays below `hd_less_than` and above `crisis_bytes`. An operator may overrule the first.
pub(super) fn a_new_node_fits_on_its_disk(look: &Look<'_>) -> Held {
    let crisis = look.policy.crisis_bytes.0;
    let prior = look.policy.stability.disk_prior.0;
    look.new_nodes().try_for_each(|(spec, reason)| {
        let Some(system) = look.snapshot.machine.file_systems.get(&root_of(spec)) else {
            return Err(format!("{} was not measured", spec.storage.display()));
        };
        if matches!(reason, Reason::Request { .. }) {
            return ensure(system.free.0 > crisis, || format!("{} left", system.free));
        }
        let used = (system.total.0 - system.free.0 + prior) as f64;
        let below = used < look.policy.disk.band.add_below() / 100.0 * system.total.0 as f64;
        let above = system.free.0 > crisis + prior;
        ensure(below && above, || format!("{} with {} left", spec.id, system.free))
    })
}

/// "A new node gets the wallet with the largest deficit against its weight over all records not
/// being removed, ties in list order."
pub(super) fn the_wallet_with_the_largest_deficit_earns(look: &Look<'_>) -> Held {
    let shares = look.policy.nodes.wallets.shares();
    let mut counts: BTreeMap<Address, i64> = BTreeMap::new();
    let staying = |node: &&NodeView| !matches!(node.record.phase, Phase::Removing { .. });
    for node in look.snapshot.nodes.iter().filter(staying) {
        *counts.entry(node.record.spec.wallet).or_default() += 1;
    }
    look.new_nodes().try_for_each(|(spec, _)| {
        let count = |address: &Address| counts.get(address).copied().unwrap_or(0);
        let all = 1 + shares.iter().map(|share| count(&share.address)).sum::<i64>();
        let weights: i64 = shares.iter().map(|share| i64::from(share.weight)).sum();
        let deficit = |share: &&crate::model::WalletShare| {
            all * i64::from(share.weight) - count(&share.address) * weights
        };
        let most = shares.iter().map(|share| deficit(&share)).max().unwrap_or(0);
        let first = shares.iter().find(|share| deficit(share) == most).map(|it| it.address);
        *counts.entry(spec.wallet).or_default() += 1;
        ensure(first == Some(spec.wallet), || format!("{} earns, {first:?} lacks", spec.wallet))
    })
}

/// "Start nodes stopped by pressure (oldest first), else create a new one."
pub(super) fn the_oldest_resting_node_comes_back_first(look: &Look<'_>) -> Held {
    let touched: BTreeSet<_> = look
        .actions()
        .filter(|it| it.reason != Reason::RoomAgain)
        .map(|it| it.action.node())
        .collect();
    let resting = look.snapshot.nodes.iter().filter(|node| {
        node.record.want == Want::StoppedByPressure
            && node.record.counts()
            && matches!(node.seen.state, NodeState::Stopped { .. })
            && !touched.contains(&node.id())
    });
    let oldest = resting.map(|node| node.record.created).min();
    look.growth().into_iter().try_for_each(|it| match look.node(it) {
        Some(node) => ensure(Some(node.record.created) == oldest, || {
            format!("{} is younger than another", it.action)
        }),
        None => Ok(()),
    })
}

/// P10: "the goal is met or the report says what is waited for."
pub(super) fn what_growth_waits_for_is_said(look: &Look<'_>) -> Held {
    let fewer = look.counting() + (look.new_nodes().count() as u32) < look.policy.cap.limit;
    let says = !look.plan.report.blocked.is_empty();
    ensure(!fewer || says || !look.growth().is_empty(), || "fewer than the cap, silently".into())
}
