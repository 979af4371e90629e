//! What lies around the nodes: openings in the firewall, units that differ from what they should
//! be, processes that use a node's data and are not the one its manager keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Unread;
use crate::model::{NodeId, PortRule, UnitDrift};

/// What was seen around the nodes in one look. Openings and units are looked at now and then only:
/// the tools that know them are slow, and nothing about them is urgent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// True when openings and units were looked at.
    pub looked: bool,
    /// The firewall; `None` when it was not asked, or when none is looked after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firewall: Option<Result<Openings, Unread>>,
    /// Nodes whose manager knows something else of them than it should.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub drift: BTreeMap<NodeId, UnitDrift>,
    /// Processes that use a node's data and that its manager does not keep.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub strangers: BTreeMap<NodeId, Vec<u32>>,
}

impl Surroundings {
    /// True when there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Surroundings::default()
    }

    /// Openings among `wanted` that nobody has made; none where that is not known.
    pub fn shut(&self, wanted: impl Iterator<Item = PortRule>) -> Vec<PortRule> {
        match &self.firewall {
            Some(Ok(openings)) => wanted
                .filter(|rule| !openings.ours.contains(rule) && !openings.settled.contains(rule))
                .collect(),
            Some(Err(_)) | None => Vec::new(),
        }
    }
}

/// What a firewall has for us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Openings {
    /// Every opening that we made.
    pub ours: BTreeSet<PortRule>,
    /// Those among the wanted ones for which somebody else's rule decides, whatever it says.
    pub settled: BTreeSet<PortRule>,
}
