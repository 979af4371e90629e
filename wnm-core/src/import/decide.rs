//! Which nodes are taken, as what, and why others are not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Around, Findings, Found, Left, OnDisk, Taken, Takeover};
use crate::model::{Manager, ManagerKind, NodeId, NodePorts, NodeSpec, Scope};

/// What becomes of what was found; or everything that forbids to take anything, at once.
pub fn decide(findings: Findings, around: &Around) -> Result<Takeover, Vec<String>> {
    let Findings { nodes, left, broken, settings, notes, keep, aside, schedulers, gate } = findings;
    let mut takeover =
        Takeover { left, settings, notes, keep, aside, schedulers, gate, ..Takeover::default() };
    let mut problems = Vec::new();
    for broken in broken {
        match broken.name.filter(|name| around.except.contains(name)) {
            Some(name) => takeover.left.push(Left::new(name, "", excepted(&broken.what))),
            None => problems.push(broken.what),
        }
    }
    let mut fit = Vec::new();
    let mut numbers = around.numbers.clone();
    for found in nodes {
        match unfit(&found, around) {
            Some(why) => {
                numbers.extend(held_number(&found, around));
                takeover.left.push(Left::new(&found.name, &found.place, why));
            }
            None => fit.push(found),
        }
    }
    problems.extend(conflicts(&fit, around));
    if !problems.is_empty() {
        return Err(problems);
    }
    let (fit, stuck) = with_their_numbers(fit, &mut numbers);
    takeover.left.extend(stuck);
    takeover.nodes = numbered(fit, numbers, around);
    Ok(takeover)
}

/// The number of a node that stays behind, where its unit or its directory would be in the way of ours.
fn held_number(found: &Found, around: &Around) -> Option<NodeId> {
    let is_inside = |root: &super::Root| found.data.parent() == Some(&root.path);
    let has_name = matches!(found.manager.kind, ManagerKind::Systemd | ManagerKind::Docker);
    let is_near = has_name || around.roots.iter().any(is_inside);
    found.name.parse().ok().filter(|_| is_near)
}

fn excepted(what: &str) -> String {
    format!("excepted by --except; {what}")
}

/// Why a node is not for this wnm, if so.
fn unfit(found: &Found, around: &Around) -> Option<String> {
    if around.except.contains(&found.name) {
        return Some("excepted by --except".to_owned());
    }
    kept_already(found, around)
        .or_else(|| foreign(found, around))
        .or_else(|| misplaced(found, around))
        .or_else(|| incomplete(found))
}

fn kept_already(found: &Found, around: &Around) -> Option<String> {
    around.kept.contains(&found.data).then(|| "wnm keeps it already".to_owned())
}

/// What runs as somebody else, or belongs to the other scope.
fn foreign(found: &Found, around: &Around) -> Option<String> {
    if found.manager.scope != around.scope {
        let scope = found.manager.scope;
        return Some(format!("it belongs to the {scope} scope: choose --scope {scope} for it"));
    }
    let user = found.user.as_ref().filter(|user| **user != around.user)?;
    Some(format!(
        "it runs as `{user}`, and nodes of the {} scope as `{}`",
        around.scope, around.user
    ))
}

/// Data that lies where wnm was not told to look, or leads out of there.
fn misplaced(found: &Found, around: &Around) -> Option<String> {
    let data = found.data.display();
    let contains = |own: &&std::path::PathBuf| own.starts_with(&found.data);
    if let Some(own) = around.own.iter().find(contains) {
        return Some(format!("its data directory {data} holds {} as well", own.display()));
    }
    let Some(parent) = found.data.parent() else {
        return Some(format!("its data directory is {data}"));
    };
    let Some(root) = around.roots.iter().find(|root| root.path == parent) else {
        let roots: Vec<String> =
            around.roots.iter().map(|it| it.path.display().to_string()).collect();
        return Some(format!(
            "its data {data} lies directly in none of the storage roots ({}): give --node-storage \
             {} as well to take it",
            roots.join(", "),
            parent.display()
        ));
    };
    match &found.disk {
        OnDisk::Unseen => Some(format!("its data directory {data} could not be looked at")),
        OnDisk::Missing => Some(format!("its data directory {data} is not there")),
        OnDisk::Seen { directory: false, .. } => {
            Some(format!("{data} is a link, or no directory: it could lead anywhere"))
        }
        OnDisk::Seen { real, .. } if real.parent() != Some(&root.real) => {
            Some(format!("{data} leads through a link to {}", real.display()))
        }
        OnDisk::Seen { key: false, .. } => Some(format!(
            "there is no key {data}/{}: it would come back as another node",
            found.program.identity_file()
        )),
        OnDisk::Seen { .. } => None,
    }
}

/// What a record needs and nobody told.
fn incomplete(found: &Found) -> Option<String> {
    if found.ports.node.is_none() {
        return Some("it has no fixed --port: it gets another one at every start".to_owned());
    }
    if found.wallet.is_none() {
        return Some("it has no --rewards-address: nobody knows who earns".to_owned());
    }
    let service = found.service.as_ref()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
    let sound = service.chars().all(plain) && !service.starts_with(['-', '.']);
    (!sound).then(|| format!("`{service}` is no plain name of a unit"))
}

/// Two nodes that want one thing: which of them is right cannot be told from here.
fn conflicts(nodes: &[Found], around: &Around) -> Vec<String> {
    let mut problems = Vec::new();
    let mut owners: BTreeMap<&Path, &Found> = BTreeMap::new();
    let mut ports: BTreeMap<u16, String> = around.ports.clone();
    for found in nodes {
        if let Some(other) = owners.insert(&found.data, found) {
            problems.push(format!(
                "{} and {} have one data directory, {}: its key would run twice; except one of \
                 them by --except",
                shown(other),
                shown(found),
                found.data.display()
            ));
            continue;
        }
        for port in all_ports(found) {
            if let Some(other) = ports.insert(port, shown(found)) {
                problems.push(format!(
                    "{other} and {} have one port, {port}: except one of them by --except",
                    shown(found)
                ));
            }
        }
    }
    problems
}

fn shown(found: &Found) -> String {
    format!("{} ({})", found.name, found.place)
}

fn all_ports(found: &Found) -> impl Iterator<Item = u16> {
    let ports = found.ports;
    [ports.node, ports.metrics, ports.webrtc, ports.rpc].into_iter().flatten()
}

/// The ant daemon cannot be told another number: a node whose number is somebody else's stays.
fn with_their_numbers(nodes: Vec<Found>, taken: &mut BTreeSet<NodeId>) -> (Vec<Found>, Vec<Left>) {
    let mut stuck = Vec::new();
    let (theirs, mut fit): (Vec<Found>, Vec<Found>) =
        nodes.into_iter().partition(|found| found.manager.kind == ManagerKind::Antd);
    let mut numbers = BTreeSet::new();
    for found in theirs {
        match found.number.filter(|number| !taken.contains(number) && numbers.insert(*number)) {
            Some(_) => fit.push(found),
            None => {
                let why = "its number is taken, and the ant daemon cannot give it another";
                stuck.push(Left::new(&found.name, &found.place, why));
            }
        }
    }
    (fit, stuck)
}

/// Everybody keeps the number in its name where it is free; the first by name is first.
fn numbered(mut nodes: Vec<Found>, mut taken: BTreeSet<NodeId>, around: &Around) -> Vec<Taken> {
    // Those first that can have no other.
    let is_fixed = |found: &Found| found.manager.kind == ManagerKind::Antd;
    nodes.sort_by(|a, b| (!is_fixed(a), a.number, &a.name).cmp(&(!is_fixed(b), b.number, &b.name)));
    let mut numbers: Vec<Option<NodeId>> = Vec::new();
    for found in &nodes {
        numbers.push(found.number.filter(|number| taken.insert(*number)));
    }
    let mut next = NodeId::FIRST;
    let mut free = || {
        while !taken.insert(next) {
            next = next.next();
        }
        next
    };
    let ids: Vec<NodeId> = numbers.into_iter().map(|it| it.unwrap_or_else(&mut free)).collect();
    let mut all: Vec<Taken> =
        nodes.into_iter().zip(ids).filter_map(|(found, id)| as_taken(found, id, around)).collect();
    all.sort_by_key(|node| node.spec.id);
    all
}

fn as_taken(mut found: Found, id: NodeId, around: &Around) -> Option<Taken> {
    // Both were looked for before.
    let (wallet, node) = (found.wallet?, found.ports.node?);
    let storage = found.data.parent()?.to_owned();
    let FoundName { service, moved } = FoundName::of(&found, id);
    found.notes.extend(moved);
    let own = match found.manager.kind.runs_own_copy() {
        true => found.data.join(found.program.binary_name()),
        false => found.binary.clone(),
    };
    let copy_from = (found.binary != own).then(|| found.binary.clone());
    if let Some(shared) = &copy_from {
        let whose = if found.inside.is_some() { " of its container" } else { "" };
        found.notes.push(format!(
            "from its next start on it runs a copy of its own, made from {}{whose} now",
            shared.display()
        ));
    }
    let spec = NodeSpec {
        id,
        program: found.program,
        manager: found.manager,
        wallet,
        ports: NodePorts {
            node,
            metrics: found.ports.metrics,
            webrtc: found.ports.webrtc,
            rpc: found.ports.rpc,
        },
        storage,
        data: found.data.clone(),
        logs: logs(&mut found, id, service.as_deref(), around),
        binary: own,
        autostart: found.autostart,
        service,
        container: found.container.clone(),
        adopted: found.inside.as_ref().map(|inside| inside.container.clone()),
        left: None,
        launch: found.launch.clone(),
    };
    let mut spec = spec;
    spec.launch.start_args = start_args(&mut found, spec.manager);
    Some(Taken { spec, copy_from, found })
}

/// What its manager calls it, if that is not its name with wnm.
struct FoundName {
    service: Option<String>,
    moved: Option<String>,
}

impl FoundName {
    fn of(found: &Found, id: NodeId) -> FoundName {
        // A container of somebody else's is known by the word that it was taken over.
        let is_named = |service: &String| *service != id.to_string() || found.inside.is_some();
        let service = found.service.clone().filter(is_named);
        let moved = (found.number.is_some_and(|number| number != id))
            .then(|| format!("its number is taken: wnm calls it {id}"));
        FoundName { service, moved }
    }
}

/// A log directory is deleted with its node, so it must be the node's alone.
fn logs(
    found: &mut Found,
    id: NodeId,
    service: Option<&str>,
    around: &Around,
) -> std::path::PathBuf {
    let usual = match (found.manager.kind, service) {
        (ManagerKind::Antd, Some(service)) => around.logs.join(service).join("logs"),
        _ => around.logs.join(id.to_string()),
    };
    let Some(logs) = found.logs.clone() else { return usual };
    let is_named = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name == id.to_string() || Some(name) == service)
    };
    let is_of_daemon = found.manager.kind == ManagerKind::Antd;
    let is_its_own = is_named(&logs)
        || logs.parent() == Some(&found.data)
        || is_of_daemon && logs.ends_with("logs") && logs.parent().is_some_and(is_named);
    if is_its_own {
        return logs;
    }
    if is_of_daemon {
        found.notes.push(format!("its logs in {} stay when it goes", logs.display()));
        return usual;
    }
    found.notes.push(format!(
        "from its next start on it logs to {}; what is in {} stays there",
        usual.display(),
        logs.display()
    ));
    usual
}

/// In its confinement a node of the machine writes nowhere but to its own directories.
fn start_args(found: &mut Found, manager: Manager) -> Vec<String> {
    let confined = manager == Manager { kind: ManagerKind::Systemd, scope: Scope::System };
    let args = found.launch.start_args.clone();
    let cache = args.iter().position(|arg| arg == "--bootstrap-cache-dir");
    let Some(at) = cache.filter(|_| confined) else { return args };
    let elsewhere =
        args.get(at + 1).is_some_and(|place| !Path::new(place).starts_with(&found.data));
    if !elsewhere {
        return args;
    }
    found.notes.push(format!(
        "from its next start on it keeps its bootstrap cache among its data instead of {}",
        args[at + 1]
    ));
    args[..at].iter().chain(&args[at + 2..]).cloned().collect()
}
