//! Keys go into the archive while their nodes live: what happens to a disk does not ask first.

use std::collections::BTreeSet;
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::model::{NodeKey, NodeSpec, RecordId, counted};
use wnm_core::observe::{NodeState, NodeView, Snapshot};

use crate::compose::Adapters;
use crate::output;

/// A cycle must stay short, and each key costs a sync or two.
const A_CYCLE: usize = 25;

/// Both programs make or read their key before they do anything else.
const HAS_ITS_KEY: Duration = Duration::from_secs(20);

/// Archives the keys of nodes that have none in the archive. There is nothing to decide: each key
/// belongs there. One that cannot be kept is told of and tried again in the next cycle.
pub(in crate::commands) fn keep(adapters: &Adapters, snapshot: &Snapshot) {
    let archived = match adapters.archived_records() {
        Ok(archived) => archived,
        Err(error) => return warn("keys of nodes", &error.chain()),
    };
    let host = adapters.host();
    let (mut kept, mut failed) = (0, Vec::new());
    for (node, spec) in missing(snapshot, &archived) {
        match host.files.archive(node, spec) {
            Ok(Change::Made) => kept += 1,
            // It has none yet.
            Ok(_) => {}
            Err(error) => failed.push((node.id, error)),
        }
        if kept == A_CYCLE {
            break;
        }
    }
    // One that cannot be kept is in nobody's way, and what is wrong with many is said once.
    if let [(node, error), others @ ..] = &failed[..] {
        let besides = match others.len() {
            0 => String::new(),
            count => format!(" and {} besides", counted(count as u32, "key")),
        };
        warn(&format!("the key of {node}{besides}"), &error.chain());
    }
}

/// A node that was started a moment ago may be writing its key; one that has lived longer has read it.
fn missing<'s>(
    snapshot: &'s Snapshot,
    archived: &BTreeSet<RecordId>,
) -> impl Iterator<Item = (NodeKey, &'s NodeSpec)> {
    let is_settled = |node: &&NodeView| {
        let is_old = node.process_age.is_some_and(|age| age >= HAS_ITS_KEY);
        let knows = match node.seen.state {
            NodeState::Running | NodeState::Mute { .. } | NodeState::Stopped { .. } => true,
            NodeState::Starting | NodeState::Upgrading => is_old,
            _ => false,
        };
        knows && node.data_present == Some(true)
    };
    let is_missing = |node: &&NodeView| !archived.contains(&node.record());
    let nodes = snapshot.nodes.iter().filter(is_settled).filter(is_missing);
    nodes.map(|node| (node.record.key(), &node.record.spec))
}

fn warn(what: &str, why: &str) {
    output::say(&format!("WARNING: {what} could not be put into the archive: {why}"));
}
