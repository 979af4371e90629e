//! What operators asked for. Requests ignore thresholds, grace and limits; never safety or ports.

use std::path::Path;
use std::time::Duration;

use super::Refused;
use super::allocate::Allocator;
use super::upgrade::upgrade as upgrade_action;
use super::work::Work;
use crate::action::{Action, Reason, Stopped};
use crate::model::{
    NodeId, NodeKey, Phase, Release, Removal, Request, Returning, UpgradeRole, Verb, Version, Want,
};
use crate::observe::{NodeState, NodeView};

/// After this long nobody expects a request to be carried out any more.
const EXPIRES: Duration = Duration::from_secs(3600);

pub(super) fn answer(work: &mut Work<'_>) {
    for request in &work.snapshot.requests {
        let why = refusals(work, request);
        work.requests.push(Refused { request: request.id, why });
    }
}

fn refusals(work: &mut Work<'_>, request: &Request) -> Vec<String> {
    let now = &work.snapshot.now;
    let age = match request.made_at.boot == now.instant.boot {
        true => now.age(&request.made_at),
        // Across a reboot only the wall clock knows; the greater age decides.
        false => now.age(&request.made_at).max(now.wall.since(request.made)),
    };
    if age > EXPIRES {
        return vec!["it is older than an hour and was not carried out; ask again".to_owned()];
    }
    let reason = Reason::Request { id: request.id };
    // What a cycle that died has begun for it is in the journal, and finished from there.
    let begun = work.snapshot.begun.get(&request.id).cloned().unwrap_or_default();
    let left = |nodes: &[NodeKey]| -> Vec<NodeKey> {
        nodes.iter().filter(|node| !begun.contains(&node.record)).copied().collect()
    };
    match &request.verb {
        Verb::Add { count } => add(work, count.saturating_sub(begun.len() as u32), &reason),
        // One that a cycle that died has begun is finished from the journal.
        Verb::Restore { .. } if !begun.is_empty() => Vec::new(),
        Verb::Restore { key, number, storage } => {
            restore(work, key, *number, storage.as_deref(), &reason)
        }
        Verb::Start { nodes } => each(work, &left(nodes), &reason, start),
        Verb::Stop { nodes } => each(work, &left(nodes), &reason, stop),
        Verb::Restart { nodes } => each(work, &left(nodes), &reason, restart),
        Verb::Upgrade { nodes, to, allow_downgrade } => {
            let wish = Wish { to: to.as_ref(), allow_downgrade: *allow_downgrade };
            each(work, &left(nodes), &reason, |work, node| upgrade(work, node, &wish))
        }
        Verb::Remove { nodes } => each(work, &left(nodes), &reason, remove),
        Verb::Disable { nodes } => each(work, &left(nodes), &reason, disable),
        Verb::Enable { nodes } => each(work, &left(nodes), &reason, enable),
        Verb::Move { nodes, storage } => {
            each(work, &left(nodes), &reason, |work, node| move_to(work, node, storage))
        }
        Verb::Release { nodes } => each(work, &left(nodes), &reason, release),
        Verb::Teardown { nodes } => each(work, &left(nodes), &reason, tear_down),
    }
}

/// A key comes back to one node only, and to what runs with such keys.
fn restore(
    work: &mut Work<'_>,
    key: &Returning,
    number: Option<NodeId>,
    storage: Option<&Path>,
    reason: &Reason,
) -> Vec<String> {
    let nodes = work.snapshot.counting().count() as u32 + joining(work) + 1;
    let (cap, defaults) = (work.policy.cap.limit, &work.policy.nodes);
    let comes_already = |action: &Action| {
        let brought = match action {
            Action::Add { key, .. } => key.as_deref(),
            _ => None,
        };
        brought.is_some_and(|other| other.sha256 == key.sha256)
    };
    let begun = work.snapshot.open.iter().map(|open| &open.planned.action);
    let is_twice = begun.chain(work.decided().iter().map(|it| &it.action)).any(comes_already);
    let why = match () {
        () if is_twice => Some("this very key is being brought back already".to_owned()),
        () if key.program != defaults.program => {
            Some(format!("it is a key of {}, and nodes run {} here", key.program, defaults.program))
        }
        () if defaults.manager.kind.numbers_nodes() => {
            Some(format!("{} makes nodes itself, with keys of their own", defaults.manager.kind))
        }
        () if nodes > cap => Some(format!(
            "it would make {nodes} nodes and node_cap is {cap}: raise it with `wnm config set \
             node_cap {nodes}`"
        )),
        () => None,
    };
    if let Some(why) = why {
        return vec![why];
    }
    let placed =
        Allocator::new(work).and_then(|mut allocator| allocator.next_for(key, number, storage));
    match placed {
        Ok(action) => {
            work.decide(action, reason.clone());
            Vec::new()
        }
        Err(blocked) => vec![blocked.to_string()],
    }
}

/// All or nothing: part of what was asked would leave the operator guessing which part.
fn add(work: &mut Work<'_>, count: u32, reason: &Reason) -> Vec<String> {
    let present = work.snapshot.counting().count() as u32;
    let adding = joining(work);
    let cap = work.policy.cap.limit;
    if present + adding + count > cap {
        return vec![format!(
            "{count} more would make {} nodes and node_cap is {cap}: raise it with \
             `wnm config set node_cap {}`",
            present + adding + count,
            present + adding + count,
        )];
    }
    let mut allocator = match Allocator::new(work) {
        Ok(allocator) => allocator,
        Err(blocked) => return vec![blocked.to_string()],
    };
    let mut added = Vec::new();
    for _ in 0..count {
        match allocator.next_regardless_of_room() {
            Ok(action) => added.push(action),
            Err(blocked) => return vec![blocked.to_string()],
        }
    }
    let skipped = allocator.into_skipped();
    work.notes.extend(skipped);
    for action in added {
        work.decide(action, reason.clone());
    }
    Vec::new()
}

/// Nodes that count from now on because of what this plan decided already.
fn joining(work: &Work<'_>) -> u32 {
    let joins = |action: &Action| {
        matches!(action, Action::Add { .. } | Action::Reprieve { .. } | Action::Enable { .. })
    };
    work.decided()
        .iter()
        .filter(|planned| joins(&planned.action))
        .filter(|planned| {
            work.snapshot.node(planned.action.node()).is_none_or(|node| !node.record.counts())
        })
        .count() as u32
}

/// What a verb makes of one node: an action, nothing (it is so already), or a refusal.
fn each(
    work: &mut Work<'_>,
    nodes: &[NodeKey],
    reason: &Reason,
    judge: impl Fn(&Work<'_>, &NodeView) -> Result<Option<Action>, String>,
) -> Vec<String> {
    let mut refused = Vec::new();
    for key in nodes {
        let view = work.snapshot.nodes.iter().find(|node| node.record() == key.record);
        let judged = match view {
            None => Err("it is gone since it was asked for".to_owned()),
            Some(_) if work.is_touched(key.id) => {
                Err("something else is done with it in this cycle; ask again".to_owned())
            }
            Some(node) => judge(work, node),
        };
        match judged {
            Ok(Some(action)) => work.decide(action, reason.clone()),
            Ok(None) => {}
            Err(why) => refused.push(format!("{key}: {why}")),
        }
    }
    refused
}

fn observable(node: &NodeView) -> Result<(), String> {
    match &node.seen.state {
        NodeState::Unknown { why } => Err(format!("it could not be observed: {why}")),
        NodeState::Disabled => Err("it is disabled; enable it first".to_owned()),
        NodeState::Removing if node.data_present.is_none() || node.seen.alive.is_none() => {
            Err("it could not be observed".to_owned())
        }
        NodeState::Running
        | NodeState::Mute { .. }
        | NodeState::Stopped { .. }
        | NodeState::Starting
        | NodeState::Upgrading
        | NodeState::Removing
        | NodeState::Dead => Ok(()),
    }
}

fn start(work: &Work<'_>, node: &NodeView) -> Result<Option<Action>, String> {
    observable(node)?;
    let key = node.record.key();
    match &node.seen.state {
        NodeState::Dead => Err("its data is gone; it can only be removed".to_owned()),
        _ if node.record.want == Want::Run && node.seen.alive == Some(true) => Ok(None),
        _ => Ok(Some(Action::Start { node: key, release: work.release_for(node) })),
    }
}

fn stop(_: &Work<'_>, node: &NodeView) -> Result<Option<Action>, String> {
    observable(node)?;
    match &node.seen.state {
        NodeState::Removing => Err("it is being removed; `start` would take it back".to_owned()),
        NodeState::Dead => Err("its data is gone; it can only be removed".to_owned()),
        _ if node.record.want == Want::StoppedByOperator && node.seen.alive == Some(false) => {
            Ok(None)
        }
        _ => Ok(Some(Action::Stop { node: node.record.key(), stopped: Stopped::ByOperator })),
    }
}

fn restart(work: &Work<'_>, node: &NodeView) -> Result<Option<Action>, String> {
    observable(node)?;
    match &node.seen.state {
        NodeState::Removing => Err("it is being removed; `start` would take it back".to_owned()),
        NodeState::Dead => Err("its data is gone; it can only be removed".to_owned()),
        _ => Ok(Some(Action::Restart { node: node.record.key(), release: work.release_for(node) })),
    }
}

/// Which version an operator wants, and whether it may be an older one.
struct Wish<'a> {
    to: Option<&'a Version>,
    allow_downgrade: bool,
}

/// By name a node is upgraded at any time of the day and however young the release is, but never to
/// an older version by accident, and never to one that failed.
fn upgrade(work: &Work<'_>, node: &NodeView, wish: &Wish<'_>) -> Result<Option<Action>, String> {
    observable(node)?;
    let spec = &node.record.spec;
    match &node.seen.state {
        NodeState::Removing => return Err("it is being removed".to_owned()),
        NodeState::Dead => return Err("its data is gone; it can only be removed".to_owned()),
        _ => {}
    }
    if !spec.owns_program() {
        return Err(format!("{} keeps its program, and upgrades it", spec.manager.kind));
    }
    if let Some(pids) = work.snapshot.around.strangers.get(&node.id()) {
        let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
        return Err(format!(
            "its data is used by process {} beside the one that its manager keeps: its program is \
             not replaced until that has ended; `wnm stop {}` ends all of them",
            pids.join(", "),
            node.id()
        ));
    }
    let release = wanted_release(work, node, wish)?;
    let to = &release.version;
    if let Some(upgrade) = &node.record.upgrade {
        return match upgrade.to == *to {
            true => Ok(None),
            false => Err(format!(
                "{} was put in place of {} and is not proven yet: wait for it",
                upgrade.to, upgrade.from
            )),
        };
    }
    let Some(has) = node.version() else {
        return Err("it is not known which version it has, so that nothing could be put back; \
                    look again in a minute"
            .to_owned());
    };
    if has == to {
        return Ok(None);
    }
    if has > to && !wish.allow_downgrade {
        return Err(format!(
            "it has {has}, and {to} is older: what a newer version made of its data an older one \
             may not understand; say --to {to} --allow-downgrade if you mean it"
        ));
    }
    Ok(upgrade_action(work, node, &release, UpgradeRole::Asked))
}

fn wanted_release(work: &Work<'_>, node: &NodeView, wish: &Wish<'_>) -> Result<Release, String> {
    let program = node.record.spec.program;
    if program != work.policy.nodes.program {
        return Err(format!(
            "it runs {program}, and releases of {} are at hand",
            work.policy.nodes.program
        ));
    }
    let found = match wish.to {
        None => work.snapshot.release.clone(),
        Some(to) => match work.snapshot.releases.get(to) {
            Some(found) => found.clone(),
            None => return Err(format!("{to} was not looked for; ask again")),
        },
    };
    let release = found.map_err(|unread| unread.why)?;
    if !release.is_here() {
        return Err(format!(
            "no file of {program} {} is on this machine: antctl downloads it for new nodes only; \
             name one with `wnm config set node_binary PATH`",
            release.version
        ));
    }
    match work.snapshot.holds.quarantine(program, &release.version) {
        Some(failed) => Err(format!(
            "{version} is quarantined since {}: {}; trust it again with `wnm upgrade --unquarantine \
             {version}`",
            failed.since,
            failed.why,
            version = release.version
        )),
        None => Ok(release),
    }
}

fn remove(_: &Work<'_>, node: &NodeView) -> Result<Option<Action>, String> {
    observable(node)?;
    Ok(Some(Action::Remove { node: node.record.key(), cause: Removal::Operator }))
}

/// To a storage root of the settings that is there, of a node that wnm keeps from end to end.
fn move_to(work: &Work<'_>, node: &NodeView, root: &Path) -> Result<Option<Action>, String> {
    observable(node)?;
    let spec = &node.record.spec;
    let here = spec.storage.display();
    match &node.seen.state {
        NodeState::Removing => return Err("it is being removed".to_owned()),
        NodeState::Dead => return Err("its data is gone; it can only be removed".to_owned()),
        _ if node.data_present != Some(true) => return Err("its data is not there yet".to_owned()),
        _ => {}
    }
    if spec.storage == root {
        return Ok(None);
    }
    if spec.manager.kind.numbers_nodes() || spec.container.is_some() || spec.service.is_some() {
        return Err(format!("{} keeps it where it is", spec.manager.kind));
    }
    if spec.left.is_some() {
        return Err(format!("it was moved to {here} just now: wait until it runs there"));
    }
    if let Some(upgrade) = &node.record.upgrade {
        let (to, from) = (&upgrade.to, &upgrade.from);
        return Err(format!("{to} was put in place of {from} and is not proven yet: wait for it"));
    }
    if !work.policy.nodes.storage.iter().any(|known| known == root) {
        return Err(format!(
            "{} is no storage root: name it in node_storage first",
            root.display()
        ));
    }
    match work.snapshot.storage.get(root) {
        Some(Ok(())) => {}
        Some(Err(unread)) => return Err(unread.why.clone()),
        None => return Err(format!("{} was not looked at", root.display())),
    }
    let crisis = work.policy.crisis_bytes;
    if let (Some(size), Some(system)) = (node.disk, work.snapshot.machine.file_systems.get(root))
        && size.0.saturating_add(crisis.0) > system.free.0
    {
        return Err(format!(
            "it takes {size}, and {} has {} free, of which crisis_bytes ({crisis}) stay so",
            root.display(),
            system.free
        ));
    }
    let to = Box::new(spec.moved_to(root));
    Ok(Some(Action::Move { node: node.record.key(), to }))
}

/// What is released goes on as it runs, so it must run, and nothing of wnm's may be left to do.
fn release(_: &Work<'_>, node: &NodeView) -> Result<Option<Action>, String> {
    observable(node)?;
    let spec = &node.record.spec;
    match &node.seen.state {
        NodeState::Removing => Err("it is being removed; `start` would take it back".to_owned()),
        NodeState::Dead => Err("its data is gone; it can only be removed".to_owned()),
        _ if node.data_present != Some(true) => Err("its data is not there yet".to_owned()),
        _ if node.seen.alive != Some(true) => {
            Err("it does not run, and what is released goes on as it runs: start it first, or \
                 remove it"
                .to_owned())
        }
        _ if spec.left.is_some() => {
            Err("it was moved to another disk just now: wait until it runs there".to_owned())
        }
        _ => match (&spec.container, &node.record.upgrade) {
            (Some(container), _) => Err(format!(
                "it shares the container {container}, which wnm goes on to keep for its other nodes"
            )),
            (None, Some(upgrade)) => Err(format!(
                "{} was put in place of {} and is not proven yet: wait for it",
                upgrade.to, upgrade.from
            )),
            (None, None) => Ok(Some(Action::Release { node: node.record.key() })),
        },
    }
}

/// Nothing happens to the node, so it need not be seen either: what cannot be observed may well be
/// what an operator wants left alone.
fn disable(_: &Work<'_>, node: &NodeView) -> Result<Option<Action>, String> {
    match (&node.record.phase, node.record.want) {
        (Phase::Removing { .. }, _) => {
            Err("it is being removed; `start` would take it back".to_owned())
        }
        (_, Want::Disabled) => Ok(None),
        _ => Ok(Some(Action::Disable { node: node.record.key() })),
    }
}

/// An enabled node counts again; one too many would be removed by the next cycle.
fn enable(work: &Work<'_>, node: &NodeView) -> Result<Option<Action>, String> {
    if node.record.want != Want::Disabled {
        return Ok(None);
    }
    if matches!(node.record.phase, Phase::Removing { .. }) {
        return Err("it is being removed".to_owned());
    }
    let nodes = work.snapshot.counting().count() as u32 + joining(work) + 1;
    let cap = work.policy.cap.limit;
    if nodes > cap {
        return Err(format!(
            "it would make {nodes} nodes and node_cap is {cap}: raise it with \
             `wnm config set node_cap {nodes}`"
        ));
    }
    Ok(Some(Action::Enable { node: node.record.key() }))
}

/// Every node is named, so disabled ones are meant as well; they too must be observed.
fn tear_down(_: &Work<'_>, node: &NodeView) -> Result<Option<Action>, String> {
    match (&node.seen.state, node.data_present, node.seen.alive) {
        (NodeState::Disabled, None, _) | (NodeState::Disabled, _, None) => {
            return Err("it could not be observed".to_owned());
        }
        (NodeState::Disabled, Some(_), Some(_)) => {}
        _ => observable(node)?,
    }
    Ok(Some(Action::Remove { node: node.record.key(), cause: Removal::Teardown }))
}
