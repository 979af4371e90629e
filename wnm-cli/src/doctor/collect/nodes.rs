//! Each recorded node, from every side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use wnm_core::model::{Manager, NodeId, NodeSpec, UnitDrift};
use wnm_core::observe::{NodeView, ProcessKey, Snapshot, Surroundings};
use wnm_core::policy::PolicyDraft;
use wnm_managers::{DiskFiles, KeyState, processes_below};

use super::super::facts::NodeFact;
use super::places;
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
    let wanted = snapshot.nodes.iter().flat_map(|node| node.record.spec.ports.public()).collect();
    // The doctor asks itself: a cycle asks only now and then.
    let (openings, no_firewall) = match adapters.host().firewall.openings(&wanted) {
        Ok(openings) => (openings, compose::firewall_problem(in_force)),
        Err(error) => (None, Some(error.chain())),
    };
    let around = Surroundings { firewall: openings.map(Ok), ..snapshot.around.clone() };
    let mut drift = drift(adapters, snapshot);
    let nodes = snapshot.nodes.iter().map(|node| NodeFact {
        closed: around.shut(node.record.spec.ports.public()),
        drift: drift.remove(&node.id()),
        older_than_unit: places::is_older_than_unit(&context.paths, node),
        ..fact(node, snapshot, &processes, &files)
    });
    (nodes.collect(), no_firewall)
}

/// What managers know of nodes and should not, or the other way round. One that does not answer is
/// told of elsewhere.
fn drift(adapters: &Adapters, snapshot: &Snapshot) -> BTreeMap<NodeId, UnitDrift> {
    let specs: Vec<&NodeSpec> = snapshot.nodes.iter().map(|node| &node.record.spec).collect();
    let managers: BTreeSet<Manager> = specs.iter().map(|spec| spec.manager).collect();
    let of = |manager: Manager| {
        let kept: Vec<&NodeSpec> =
            specs.iter().copied().filter(|spec| spec.manager == manager).collect();
        adapters.host().managers.get(manager).and_then(|it| it.drift(&kept)).unwrap_or_default()
    };
    managers.into_iter().flat_map(of).collect()
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
        drift: None,
        older_than_unit: false,
        bound: spec.ports.all().filter(bound).collect(),
        closed: Vec::new(),
        has_key: match key {
            Some(KeyState::NoneYet) => is_grown_up(node).then_some(false),
            Some(KeyState::OnlyInUse | KeyState::Archived) => Some(true),
            Some(KeyState::Unread { .. }) | None => None,
        },
    }
}
