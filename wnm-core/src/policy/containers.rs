//! Containers that nodes share.

use serde::{Deserialize, Serialize};

use crate::model::NodeId;

/// How nodes are spread over containers. Container `n` has the ids of the `n`th block of
/// `most_nodes` ids, so that its ports are a block as well: a router or a firewall can be told of
/// them once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Containers {
    /// At most so many nodes in one; 1 gives each node a container of its own.
    pub most_nodes: u32,
    /// So many are made before any of them is filled up.
    pub least: u32,
    /// What their names begin with.
    pub name: String,
}

impl Default for Containers {
    /// What is shipped; also for policies that were recorded before there was a choice.
    fn default() -> Containers {
        Containers { most_nodes: 1, least: 1, name: "wnm-nodes".to_owned() }
    }
}

impl Containers {
    /// True for what is shipped.
    pub fn are_usual(&self) -> bool {
        *self == Containers::default()
    }

    /// True when nodes share containers.
    pub fn are_shared(&self) -> bool {
        self.most_nodes > 1
    }

    /// The name of container `number`, from 1.
    pub fn name(&self, number: u32) -> String {
        format!("{}-{number}", self.name)
    }

    /// The number in a name of ours.
    pub fn number(&self, name: &str) -> Option<u32> {
        let number = name.strip_prefix(&self.name)?.strip_prefix('-')?.parse().ok()?;
        (number > 0 && self.name(number) == name).then_some(number)
    }

    /// The container whose block `id` is in, and its place there, from 1.
    pub fn place_of(&self, id: NodeId) -> (u32, u32) {
        let before = id.number().saturating_sub(1);
        let most = self.most_nodes.max(1);
        (before / most + 1, before % most + 1)
    }

    /// The ids of container `number`, lowest first.
    pub fn ids(&self, number: u32) -> impl Iterator<Item = NodeId> + use<> {
        let first = number.saturating_sub(1).saturating_mul(self.most_nodes).saturating_add(1);
        (first..first.saturating_add(self.most_nodes)).filter_map(NodeId::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_numbers_and_numbers_to_blocks_of_ids() {
        let containers = Containers { most_nodes: 200, ..Containers::default() };
        assert_eq!(containers.name(2), "wnm-nodes-2");
        assert_eq!(containers.number("wnm-nodes-2"), Some(2));
        for other in
            ["wnm-nodes-02", "wnm-nodes-0", "wnm-nodes-", "wnm-nodes", "x-2", "wnm-nodes-2b"]
        {
            assert_eq!(containers.number(other), None, "{other}");
        }
        let ids: Vec<u32> = containers.ids(2).map(NodeId::number).collect();
        assert_eq!((ids[0], ids[199], ids.len()), (201, 400, 200));
        let place = |id| NodeId::new(id).map(|id| containers.place_of(id));
        assert_eq!(
            [place(1), place(200), place(201)],
            [Some((1, 1)), Some((1, 200)), Some((2, 1))]
        );
    }
}
