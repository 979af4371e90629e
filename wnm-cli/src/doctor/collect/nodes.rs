//! Each recorded node, from every side.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use wnm_core::host::Firewall;
use wnm_core::observe::{NodeView, ProcessKey, Snapshot};
use wnm_core::policy::PolicyDraft;
use wnm_managers::{DiskFiles, KeyState, processes_below};

use super::super::facts::NodeFact;
use crate::commands::Context;
use crate::compose::{self, Adapters};

/// The nodes, and why the firewall could not be asked.
pub(super) fn facts(
    context: &Context<'_>,
    adapters: &Adapters,
    in_force: &PolicyDraft,
    snapshot: &Snapshot,
) -> (Vec<NodeFact>, Option<String>) {
    let roots: Vec<PathBuf> = snapshot.storage.keys().cloned().collect();
    // Whoever cannot list processes at all is told so by every node being unknown.
    let processes = processes_below(&roots).unwrap_or_default();
    let files = compose::files(&context.paths);
    let firewall_on = compose::firewall_is_on(in_force, context.paths.scope);
    let is_on = firewall_on == Ok(true);
    let mut no_firewall = firewall_on.err();
    let nodes = snapshot.nodes.iter().map(|node| {
        let mut fact = fact(node, snapshot, &processes, &files);
        match is_on.then(|| closed(adapters.host().firewall, node)) {
            Some(Ok(closed)) => fact.closed = closed,
            Some(Err(why)) => no_firewall = Some(why),
            None => {}
        }
        fact
    });
    let nodes = nodes.collect();
    (nodes, no_firewall)
}

/// A node makes its key when it starts, not before.
fn is_grown_up(node: &NodeView) -> bool {
    const YOUNG: Duration = Duration::from_secs(120);
    node.process_age.is_some_and(|age| age > YOUNG)
}

fn fact(
    node: &NodeView,
    snapshot: &Snapshot,
    processes: &BTreeMap<PathBuf, Vec<ProcessKey>>,
    files: &DiskFiles,
) -> NodeFact {
    let spec = &node.record.spec;
    let pids = processes.get(&spec.data).map(|keys| keys.iter().map(|key| key.pid).collect());
    let bound = |port: &u16| snapshot.ports.as_ref().is_ok_and(|ports| ports.contains(port));
    let key = match node.data_present {
        Some(true) => files.key_state(node.record.key(), spec).ok(),
        Some(false) | None => None,
    };
    NodeFact {
        id: spec.id,
        want: node.record.want,
        state: node.seen.state.clone(),
        data: spec.data.clone(),
        alive: node.seen.alive,
        processes: pids.unwrap_or_default(),
        definition_lost: node.definition_lost,
        bound: spec.ports.all().filter(bound).collect(),
        closed: Vec::new(),
        has_key: match key {
            Some(KeyState::NoneYet) => is_grown_up(node).then_some(false),
            Some(KeyState::OnlyInUse | KeyState::Archived) => Some(true),
            Some(KeyState::Unread { .. }) | None => None,
        },
    }
}

/// Openings that should be there and are not.
fn closed(
    firewall: &dyn Firewall,
    node: &NodeView,
) -> Result<Vec<wnm_core::model::PortRule>, String> {
    let mut closed = Vec::new();
    for rule in node.record.spec.ports.public() {
        if !firewall.is_open(rule).map_err(|error| error.chain())? {
            closed.push(rule);
        }
    }
    Ok(closed)
}
