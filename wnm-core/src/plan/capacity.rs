//! How many nodes this machine holds, and what binds first.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

use super::Pressure;
use super::disk::Outlook;
use super::price::{Price, prices};
use crate::action::Resource;
use crate::model::counted;
use crate::observe::{KnownCost, LearnedCost, NodeView, Snapshot};
use crate::policy::Policy;

/// How many nodes a machine holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Capacity {
    /// As far as what a node costs is known.
    Known {
        /// So many.
        nodes: u32,
        /// So many more or less.
        spread: u32,
        /// What binds first.
        first: Bound,
        /// What each bound holds.
        bounds: Vec<Held>,
    },
    /// It cannot be said yet.
    Unknown {
        /// Why not.
        why: Unsure,
    },
}

/// What one bound holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// Which.
    pub by: Bound,
    /// So many nodes.
    pub nodes: u32,
    /// So many more or less.
    pub spread: u32,
}

/// What bounds the number of nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// A resource, at its grow threshold.
    Resource(Resource),
    /// The cap that is set.
    NodeCap,
}

/// Why it cannot be said how many nodes a machine holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "because")]
pub enum Unsure {
    /// No node was watched yet.
    Unwatched,
    /// Nodes are being watched.
    Learning {
        /// For so many seconds more.
        left_s: u64,
    },
    /// No node was watched in its first minutes, or none after them.
    OneSided {
        /// Running nodes are the ones known.
        running: bool,
    },
    /// CPU, memory or load could not be measured.
    Unmeasured,
}

/// No machine holds more.
const MOST: f64 = 10_000.0;

/// How many nodes the machine of `snapshot` holds by `policy`, by what a node has been learned to
/// cost: for each resource, those that run and those that fit below its grow threshold.
pub fn capacity(snapshot: &Snapshot, cost: &LearnedCost, policy: &Policy) -> Capacity {
    let learn_time = policy.stability.learn_time;
    let Some(known) = cost.known(learn_time) else {
        return Capacity::Unknown { why: unsure(cost, policy) };
    };
    let pressure = Pressure::judge(snapshot, policy);
    let Some(prices) = prices(snapshot, &pressure, known) else {
        return Capacity::Unknown { why: Unsure::Unmeasured };
    };
    let alive = |node: &&NodeView| node.seen.alive == Some(true);
    let running = snapshot.counting().filter(alive).count() as f64;
    let mut bounds: Vec<Held> = prices.iter().filter_map(|price| held(price, running)).collect();
    bounds.extend(disk(snapshot, policy, known));
    bounds.push(Held { by: Bound::NodeCap, nodes: policy.cap.limit, spread: 0 });
    // Of bounds that are equal the cap is named last: an operator can change it, but it is no use.
    let first = bounds.iter().min_by_key(|held| held.nodes).cloned();
    match first {
        Some(Held { by, nodes, spread }) => Capacity::Known { nodes, spread, first: by, bounds },
        None => Capacity::Unknown { why: Unsure::Unmeasured },
    }
}

fn unsure(cost: &LearnedCost, policy: &Policy) -> Unsure {
    let left = cost.left(policy.stability.learn_time);
    match (cost.running.cpu, cost.starting.cpu) {
        (None, None) => Unsure::Unwatched,
        _ if !left.is_zero() => Unsure::Learning { left_s: left.as_secs().max(1) },
        (running, _) => Unsure::OneSided { running: running.is_some() },
    }
}

/// A cost of nothing binds nobody.
fn held(price: &Price, running: f64) -> Option<Held> {
    let (each, limit) = (price.running.mean, price.verdict.add_below?);
    if each <= 0.0 {
        return None;
    }
    let more = (limit - price.used) / each;
    let spread = more.abs() * price.running.spread / each;
    Some(Held {
        by: Bound::Resource(price.verdict.resource.clone()),
        nodes: (running + more).clamp(0.0, MOST) as u32,
        spread: spread.ceil().clamp(0.0, MOST) as u32,
    })
}

/// By the rule that growth itself keeps: what all nodes will need until the horizon.
fn disk(snapshot: &Snapshot, policy: &Policy, known: KnownCost<'_>) -> Option<Held> {
    let mut devices = BTreeSet::new();
    let (mut more, mut first) = (0.0, None);
    for root in &policy.nodes.storage {
        let Some(system) = snapshot.machine.file_systems.get(root) else { continue };
        if !devices.insert(system.device) {
            continue;
        }
        let outlook = Outlook::of(snapshot, policy, root, system);
        if outlook.each.0 == 0 {
            return None;
        }
        first = first.or(Some(Resource::Disk(root.clone())));
        let room = outlook.room.0 as f64 - outlook.existing.0 as f64;
        more += (room / outlook.each.0 as f64).floor();
    }
    let unsure = known.growth().filter(|growth| growth.mean > 0.0);
    let spread = unsure.map_or(0.0, |growth| more.abs() * growth.spread / growth.mean);
    Some(Held {
        by: Bound::Resource(first?),
        nodes: (snapshot.counting().count() as f64 + more).clamp(0.0, MOST) as u32,
        spread: spread.ceil().clamp(0.0, MOST) as u32,
    })
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Resource(resource) => resource.fmt(f),
            Bound::NodeCap => f.write_str("node_cap"),
        }
    }
}

impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Capacity {
    /// `this machine holds 43 ± 3 nodes; memory binds first`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Capacity::Known { nodes, spread: 0, first, .. } => {
                write!(f, "this machine holds {}; {first} binds first", counted(*nodes, "node"))
            }
            Capacity::Known { nodes, spread, first, .. } => {
                write!(f, "this machine holds {nodes} ± {spread} nodes; {first} binds first")
            }
            Capacity::Unknown { why } => {
                write!(f, "how many nodes this machine holds is not known yet: {why}")
            }
        }
    }
}

impl fmt::Display for Unsure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsure::Unwatched => f.write_str("no node was watched yet"),
            Unsure::Learning { left_s } => {
                write!(f, "what a node costs is being learned, {left_s} s more")
            }
            Unsure::OneSided { running: true } => {
                f.write_str("no node was watched while it started")
            }
            Unsure::OneSided { running: false } => {
                f.write_str("no node was watched for longer than it starts")
            }
            Unsure::Unmeasured => f.write_str("cpu, memory or load could not be measured"),
        }
    }
}
