//! What was seen of a node, layer by layer: its data, its manager, its process, its signs of life.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::quantity::Quantity;
use crate::observe::{NodeState, NodeView};

/// Where a sign comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Its data directory.
    Data,
    /// What keeps its process.
    Manager,
    /// The process itself.
    Process,
    /// Its port, and its metrics where its program has any.
    Life,
}

/// Whether a layer shows that the node is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shows {
    /// It does.
    Yes,
    /// It shows the contrary.
    No,
    /// It could not be seen, or is not to be judged yet: neither yes nor no.
    Unseen,
}

/// What one layer shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    /// Where.
    pub layer: Layer,
    /// Whether.
    pub shows: Shows,
    /// More about it, for people.
    pub what: String,
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = match self.layer {
            Layer::Data => "data",
            Layer::Manager => "manager",
            Layer::Process => "process",
            Layer::Life => "signs of life",
        };
        write!(f, "{layer}: {}", self.what)
    }
}

pub(super) fn signs(node: &NodeView, delay_start: Duration) -> Vec<Sign> {
    let mut signs = vec![data(node), manager(node), process(node)];
    signs.extend(life(node, delay_start));
    signs
}

fn sign(layer: Layer, shows: Shows, what: impl Into<String>) -> Sign {
    Sign { layer, shows, what: what.into() }
}

fn data(node: &NodeView) -> Sign {
    match node.data_present {
        Some(true) => sign(Layer::Data, Shows::Yes, "there"),
        Some(false) => sign(Layer::Data, Shows::No, "gone, while its storage is there"),
        None => sign(Layer::Data, Shows::Unseen, "could not be looked at"),
    }
}

fn manager(node: &NodeView) -> Sign {
    match (&node.seen.state, node.seen.alive, node.restarts) {
        (NodeState::Unknown { why }, ..) => sign(Layer::Manager, Shows::Unseen, why),
        _ if node.definition_lost => {
            sign(Layer::Manager, Shows::No, "has lost what it should know of it")
        }
        (NodeState::Stopped { why }, ..) => sign(Layer::Manager, Shows::No, why),
        (_, Some(true), Some(restarts)) if restarts > 0 => {
            sign(Layer::Manager, Shows::Yes, format!("says it runs, restarted {restarts} times"))
        }
        (_, Some(true), _) => sign(Layer::Manager, Shows::Yes, "says it runs"),
        (_, Some(false), _) => sign(Layer::Manager, Shows::No, "says it does not run"),
        (_, None, _) => sign(Layer::Manager, Shows::Unseen, "did not say"),
    }
}

fn process(node: &NodeView) -> Sign {
    let age = node.process_age.map(|age| Quantity::Seconds(age.as_secs()));
    match (node.seen.alive, node.process, age) {
        (Some(true), Some(key), Some(age)) => {
            sign(Layer::Process, Shows::Yes, format!("{}, for {age}", key.pid))
        }
        (Some(true), Some(key), None) => sign(Layer::Process, Shows::Yes, key.pid.to_string()),
        (Some(true), None, _) => {
            sign(Layer::Process, Shows::Unseen, "could not be looked at; the manager's word stands")
        }
        (Some(false), ..) => sign(Layer::Process, Shows::No, "none"),
        (None, ..) => sign(Layer::Process, Shows::Unseen, "could not be observed"),
    }
}

/// Only a process old enough owes signs of life.
fn life(node: &NodeView, delay_start: Duration) -> Option<Sign> {
    if node.seen.alive != Some(true) {
        return None;
    }
    let too_young = node.process_age.is_none_or(|age| age < delay_start);
    Some(match &node.seen.state {
        NodeState::Mute { missing } => sign(Layer::Life, Shows::No, missing),
        NodeState::Running if !too_young => sign(Layer::Life, Shows::Yes, "none is missing"),
        _ if too_young => sign(Layer::Life, Shows::Unseen, "too early to ask for them"),
        _ => sign(Layer::Life, Shows::Unseen, "not judged"),
    })
}
