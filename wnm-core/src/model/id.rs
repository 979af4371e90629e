//! Names of nodes, records, operations and requests.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A node's number, shown as `antnode0007`. It may be used again after the node is gone; a
/// [`RecordId`] never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

const NAME_PREFIX: &str = "antnode";

impl NodeId {
    /// Ids begin at 1: offset 0 of every port range stays free, as the Python tool left it.
    pub const FIRST: NodeId = NodeId(1);

    /// The id with this number; `None` for 0, which no node carries.
    pub fn new(number: u32) -> Option<NodeId> {
        (number > 0).then_some(NodeId(number))
    }

    /// The bare number.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The next higher id.
    pub fn next(self) -> NodeId {
        NodeId(self.0.saturating_add(1))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME_PREFIX}{:04}", self.0)
    }
}

/// A text that names no node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these")]
pub struct BadNodeId(pub String);

impl FromStr for NodeId {
    type Err = BadNodeId;

    fn from_str(text: &str) -> Result<NodeId, BadNodeId> {
        let digits = text.strip_prefix(NAME_PREFIX).unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain
            .then(|| digits.parse().ok())
            .flatten()
            .and_then(NodeId::new)
            .ok_or_else(|| BadNodeId(text.to_owned()))
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NodeId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// As many as there are ports.
const MOST_NAMED: u32 = 65_536;

/// Reads what an operator points at: `antnode0007`, `7`, `7-12`, and comma lists of these.
pub fn parse_node_list<S: AsRef<str>>(words: &[S]) -> Result<BTreeSet<NodeId>, BadNodeId> {
    let mut ids = BTreeSet::new();
    // An empty word is a variable that was never set, not a wish for nothing or for everything.
    let says_nothing = |word: &&S| word.as_ref().split(',').all(|part| part.trim().is_empty());
    if let Some(word) = words.iter().find(says_nothing) {
        return Err(BadNodeId(word.as_ref().to_owned()));
    }
    let parts = words.iter().flat_map(|word| word.as_ref().split(','));
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = match part.split_once('-') {
            // The whole range is named, not the empty half of it.
            Some((first, last)) => match (first.parse(), last.parse()) {
                (Ok(first), Ok(last)) => (first, last),
                _ => return Err(BadNodeId(part.to_owned())),
            },
            None => {
                let id = part.parse::<NodeId>()?;
                (id, id)
            }
        };
        // A range longer than all ports there are is a slip of the finger.
        if first > last || last.0 - first.0 >= MOST_NAMED {
            return Err(BadNodeId(part.to_owned()));
        }
        ids.extend((first.0..=last.0).map(NodeId));
        // Many such ranges would fill the memory.
        if ids.len() > MOST_NAMED as usize {
            return Err(BadNodeId(part.to_owned()));
        }
    }
    Ok(ids)
}

macro_rules! store_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

store_number! {
    /// A node record in the store. Never used twice, so that a request or an operation can only
    /// ever mean the very node it was made for.
    RecordId
}
store_number! {
    /// One operation in the store's journal.
    OpId
}
store_number! {
    /// One stored request of an operator.
    RequestId
}
store_number! {
    /// One recorded cycle. Rises with every cycle, and is never used twice.
    CycleId
}

/// A node by its name and by the record behind it: both must agree before anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeKey {
    /// The number an operator sees.
    pub id: NodeId,
    /// The record it meant.
    pub record: RecordId,
}

impl fmt::Display for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::parse_node_list;

    #[test]
    fn a_list_has_no_more_nodes_than_there_are_ports() {
        let list = |word: &str| parse_node_list(&[word]).map(|nodes| nodes.len());
        assert_eq!(list("1-65536"), Ok(65_536));
        assert_eq!(list("1-65536,7,antnode0009"), Ok(65_536));
        assert!(list("1-65537").is_err());
        assert!(list("1-65536,65537").is_err());
        assert!(list("1-40000,50001-90000").is_err());
    }
}
