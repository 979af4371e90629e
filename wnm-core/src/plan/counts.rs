//! What comes next in containers that count their nodes by themselves.

use std::collections::BTreeMap;

use crate::model::{NodeId, NodeSpec, node_of_directory};
use crate::observe::Numbering;

/// A count for each container: what it said, and what this plan has made of it.
pub(super) struct Counts<'a> {
    said: &'a Numbering,
    /// The highest number of a recorded node.
    recorded: BTreeMap<&'a str, NodeId>,
    /// What comes after those that this plan has given.
    given: BTreeMap<String, NodeId>,
}

impl<'a> Counts<'a> {
    pub(super) fn new(
        said: &'a Numbering,
        recorded: impl Iterator<Item = &'a NodeSpec>,
    ) -> Counts<'a> {
        let mut highest: BTreeMap<&str, NodeId> = BTreeMap::new();
        for (container, number) in recorded.filter_map(place) {
            let known = highest.entry(container).or_insert(number);
            *known = number.max(*known);
        }
        Counts { said, recorded: highest, given: BTreeMap::new() }
    }

    /// Notes that this plan has given a number.
    pub(super) fn give(&mut self, spec: &NodeSpec) {
        if let Some((container, number)) = place(spec) {
            self.given.insert(container.to_owned(), number.next());
        }
    }

    /// The next number in `container`, or why nobody can tell.
    pub(super) fn next(&self, container: &str) -> Result<NodeId, String> {
        if let Some(next) = self.given.get(container) {
            return Ok(*next);
        }
        let next = self.said.next_in(container).map_err(|unread| unread.why)?;
        match self.recorded.get(container) {
            Some(early) if *early >= next => Err(format!(
                "antnode{} of container {container} is recorded, and its antctl has not made it yet",
                early.number()
            )),
            _ => Ok(next),
        }
    }
}

/// The container of a node that was counted in one, and its number there.
fn place(spec: &NodeSpec) -> Option<(&str, NodeId)> {
    let counted = spec.manager.kind.counts_in_containers();
    let container = spec.container.as_deref().filter(|_| counted)?;
    Some((container, spec.service.as_deref().and_then(node_of_directory)?))
}
