//! Which container a new node shares: the emptiest that has what the node needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::{Manager, NodeId, NodeSpec};
use crate::policy::Containers;

/// Shared containers and how full they are.
pub(super) struct Spread<'a> {
    containers: &'a Containers,
    groups: BTreeMap<u32, Group>,
}

/// What the nodes of a container have in common. It is fixed when the container is made: one that
/// does not see a node's directories cannot take it.
#[derive(PartialEq, Eq)]
struct Bounds {
    manager: Manager,
    storage: Option<PathBuf>,
    logs: Option<PathBuf>,
    autostart: bool,
}

struct Group {
    /// `None` where its nodes differ, which wnm never makes so.
    bounds: Option<Bounds>,
    nodes: u32,
}

impl<'a> Spread<'a> {
    pub(super) fn new(containers: &'a Containers) -> Spread<'a> {
        Spread { containers, groups: BTreeMap::new() }
    }

    /// Counts a node that is there, or was decided.
    pub(super) fn count(&mut self, spec: &NodeSpec) {
        let name = spec.container.as_deref().filter(|_| spec.manager.kind.has_containers());
        let Some(number) = name.and_then(|name| self.containers.number(name)) else { return };
        let bounds = Bounds::of(spec);
        let group = self
            .groups
            .entry(number)
            .or_insert_with(|| Group { bounds: Some(Bounds::of(spec)), nodes: 0 });
        group.nodes += 1;
        group.bounds = group.bounds.take().filter(|known| *known == bounds);
    }

    /// Containers for a node like `spec`, the best one first: those with fewest nodes, of equals the
    /// one with the lowest number. One that is not there yet has none; it comes last once there
    /// are as many as there should be at least.
    pub(super) fn candidates(&self, spec: &NodeSpec) -> Vec<u32> {
        let bounds = Bounds::of(spec);
        let fits = |group: &Group| group.bounds.as_ref() == Some(&bounds);
        let fitting = self.groups.iter().filter(|(_, group)| fits(group));
        let are_enough = fitting.clone().count() as u32 >= self.containers.least;
        let mut ranked: Vec<(u32, u32)> = fitting
            .filter(|(_, group)| group.nodes < self.containers.most_nodes)
            .map(|(number, group)| (group.nodes, *number))
            .collect();
        // Ids end where ports do.
        let last = u32::from(u16::MAX) / self.containers.most_nodes + 1;
        let unused = (1..=last).filter(|number| !self.groups.contains_key(number));
        ranked.extend(unused.map(|number| (if are_enough { u32::MAX } else { 0 }, number)));
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, number)| number).collect()
    }

    /// The ids of a container.
    pub(super) fn ids(&self, number: u32) -> impl Iterator<Item = NodeId> + use<> {
        self.containers.ids(number)
    }

    pub(super) fn name(&self, number: u32) -> String {
        self.containers.name(number)
    }
}

impl Bounds {
    fn of(spec: &NodeSpec) -> Bounds {
        let parent = |path: &Path| path.parent().map(Path::to_path_buf);
        let (mut storage, mut logs) = (Some(spec.storage.clone()), parent(&spec.logs));
        if spec.manager.kind.counts_in_containers() {
            // Both end with the container's name there.
            storage = parent(&spec.storage);
            logs = logs.and_then(|logs| parent(&logs));
        }
        Bounds { manager: spec.manager, storage, logs, autostart: spec.autostart }
    }
}
