//! The next node: its id, ports, wallet and place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::work::Work;
use super::{Blocked, Note};
use crate::action::{Action, Resource};
use crate::model::{Address, Bytes, NodeId, NodePorts, NodeSpec, Phase, Release};
use crate::observe::{FileSystemView, NodeView};

/// Hands out what new nodes are made of, never the same thing twice.
pub(super) struct Allocator<'w, 'a> {
    work: &'w Work<'a>,
    release: Release,
    taken_ids: BTreeSet<NodeId>,
    taken_ports: BTreeSet<u16>,
    wallets: BTreeMap<Address, u32>,
    placed: BTreeMap<PathBuf, u32>,
    made: BTreeSet<NodeId>,
    skipped: BTreeSet<NodeId>,
}

impl<'w, 'a> Allocator<'w, 'a> {
    /// An error when it is not known what is free, or there is nothing to run.
    pub(super) fn new(work: &'w Work<'a>) -> Result<Allocator<'w, 'a>, Blocked> {
        let snapshot = work.snapshot;
        let release =
            snapshot.release.clone().map_err(|unread| Blocked::NoProgram { why: unread.why })?;
        let survey =
            |unread: &crate::observe::Unread| Blocked::NoSurvey { why: unread.why.clone() };
        let mut taken_ids = snapshot.occupied.clone().map_err(|unread| survey(&unread))?;
        let mut taken_ports = snapshot.ports.clone().map_err(|unread| survey(&unread))?;
        let mut wallets = BTreeMap::new();
        for node in &snapshot.nodes {
            taken_ports.extend(node.record.spec.ports.all());
            if !matches!(node.record.phase, Phase::Removing { .. }) {
                *wallets.entry(node.record.spec.wallet).or_insert(0) += 1;
            }
        }
        taken_ids.extend(snapshot.nodes.iter().map(NodeView::id));
        let mut allocator = Allocator {
            work,
            release,
            taken_ids,
            taken_ports,
            wallets,
            placed: BTreeMap::new(),
            made: BTreeSet::new(),
            skipped: BTreeSet::new(),
        };
        for planned in work.decided() {
            allocator.take_note_of(&planned.action);
        }
        Ok(allocator)
    }

    /// What this very plan has given away before.
    fn take_note_of(&mut self, decided: &Action) {
        match decided {
            Action::Add { spec, .. } if self.work.snapshot.node(spec.id).is_none() => {
                self.give(spec.id, &spec.ports, spec.wallet, &spec.storage);
            }
            _ => {}
        }
    }

    fn give(&mut self, id: NodeId, ports: &NodePorts, wallet: Address, root: &Path) {
        self.made.insert(id);
        self.taken_ids.insert(id);
        self.taken_ports.extend(ports.all());
        *self.wallets.entry(wallet).or_insert(0) += 1;
        *self.placed.entry(root.to_owned()).or_insert(0) += 1;
    }

    /// The next node, where its disk will hold it.
    pub(super) fn next_with_room(&mut self) -> Result<Action, Blocked> {
        let roots = self.usable_roots()?;
        let mut full = Vec::new();
        let mut fitting = Vec::new();
        for (root, system) in roots {
            match self.holds(&root, &system) {
                Ok(()) => fitting.push((root, system)),
                Err(blocked) => full.push(blocked),
            }
        }
        match most_room(fitting) {
            Some(root) => self.place(root),
            None => Err(full
                .into_iter()
                .next()
                .unwrap_or(Blocked::NoStorage { why: "no storage root has room".to_owned() })),
        }
    }

    /// The next node for an operator, who may overrule thresholds.
    pub(super) fn next_regardless_of_room(&mut self) -> Result<Action, Blocked> {
        let crisis = self.work.policy.crisis_bytes;
        let mut roots = self.usable_roots()?;
        roots.retain(|(_, system)| system.free > crisis);
        match most_room(roots) {
            Some(root) => self.place(root),
            None => Err(Blocked::NoStorage {
                why: format!("every disk has less than crisis_bytes ({crisis}) left"),
            }),
        }
    }

    /// What was passed over, for the report.
    pub(super) fn into_skipped(self) -> Option<Note> {
        let ids: Vec<NodeId> = self.skipped.into_iter().collect();
        (!ids.is_empty()).then_some(Note::SkippedIds { ids })
    }

    /// Roots of the policy that are there, with their file systems.
    fn usable_roots(&self) -> Result<Vec<(PathBuf, FileSystemView)>, Blocked> {
        let snapshot = self.work.snapshot;
        let mut usable = Vec::new();
        let mut why = Vec::new();
        for root in &self.work.policy.nodes.storage {
            match (snapshot.storage.get(root), snapshot.machine.file_systems.get(root)) {
                (Some(Ok(())), Some(system)) => usable.push((root.clone(), system.clone())),
                (Some(Err(unread)), _) => why.push(unread.why.clone()),
                (None, _) | (Some(Ok(())), None) => {
                    why.push(format!("{} was not measured", root.display()));
                }
            }
        }
        match usable.is_empty() {
            false => Ok(usable),
            true => Err(Blocked::NoStorage { why: why.join("; ") }),
        }
    }

    /// Whether the file system will hold what its nodes are expected to need and one more. Without
    /// this a machine whose nodes fill the disk removes and re-creates nodes for ever.
    fn holds(&self, root: &PathBuf, system: &FileSystemView) -> Result<(), Blocked> {
        let work = self.work;
        let resource = Resource::Disk(root.clone());
        if !work.pressure.root_has_room(root) {
            let used = system.used.0;
            let limit = work.policy.disk.band.add_below();
            return Err(Blocked::Busy { resource, used, limit });
        }
        let shares_device = |node: &&NodeView| {
            let other = work.snapshot.machine.file_systems.get(&node.record.spec.storage);
            node.record.spec.storage == *root
                || other.is_some_and(|other| other.device == system.device)
        };
        let placed = u64::from(self.placed.values().sum::<u32>());
        let neighbours: Vec<&NodeView> = work.snapshot.nodes.iter().filter(shares_device).collect();
        let existing: u64 = neighbours.iter().map(|node| self.will_grow(node)).sum();
        let expected =
            existing.saturating_add(self.new_will_grow(&neighbours).saturating_mul(placed + 1));
        let limit = work.policy.disk.band.add_below() / 100.0 * system.total.0 as f64;
        let used = system.total.0.saturating_sub(system.free.0);
        // What is created must not bring about the emergency that would remove it again.
        let above_crisis = system.free.0.saturating_sub(work.policy.crisis_bytes.0);
        let room = (limit as u64).saturating_sub(used).min(above_crisis);
        if expected < room {
            return Ok(());
        }
        Err(Blocked::DiskWouldFill { resource, expected: Bytes(expected), room: Bytes(room) })
    }

    /// What a node there is expected to add to its data: its growth of a day, carried on to the
    /// horizon; a young one, and one never measured, up to the prior at least.
    fn will_grow(&self, node: &NodeView) -> u64 {
        let stability = &self.work.policy.stability;
        let size = node.disk.unwrap_or_default().0;
        let days = stability.disk_horizon.as_secs_f64() / 86_400.0;
        let carried_on = node.growth.map_or(0, |growth| (growth.0 as f64 * days) as u64);
        let age = self.work.snapshot.now.wall.since(node.record.created);
        let is_known = node.growth.is_some() && age >= Duration::from_secs(86_400);
        match is_known {
            true => carried_on,
            false => carried_on.max(stability.disk_prior.0.saturating_sub(size)),
        }
    }

    /// The same for a node that is not there yet: the prior, or what its neighbours grow on average
    /// when that is more.
    fn new_will_grow(&self, neighbours: &[&NodeView]) -> u64 {
        let days = self.work.policy.stability.disk_horizon.as_secs_f64() / 86_400.0;
        let known: Vec<u64> =
            neighbours.iter().filter_map(|node| node.growth).map(|growth| growth.0).collect();
        let sum: u64 = known.iter().sum();
        let average = sum.checked_div(known.len() as u64).unwrap_or(0);
        self.work.policy.stability.disk_prior.0.max((average as f64 * days) as u64)
    }

    /// The smallest free id whose ports are free as well.
    fn place(&mut self, root: PathBuf) -> Result<Action, Blocked> {
        let defaults = &self.work.policy.nodes;
        let mut id = NodeId::FIRST;
        let ports = loop {
            match defaults.ports.ports(id, defaults.program) {
                Err(error) => {
                    return Err(Blocked::NoPorts { why: error.to_string() });
                }
                Ok(ports) if self.is_free(id, &ports) => break ports,
                Ok(_) => id = id.next(),
            }
        };
        let wallet = defaults.wallets.next(&self.wallets);
        self.give(id, &ports, wallet, &root);
        let spec = self.spec(id, ports, wallet, root);
        Ok(Action::Add { spec: Box::new(spec), release: self.release.clone() })
    }

    fn is_free(&mut self, id: NodeId, ports: &NodePorts) -> bool {
        let ours = self.work.snapshot.node(id).is_some() || self.made.contains(&id);
        let id_taken = self.taken_ids.contains(&id);
        let port_taken = ports.all().any(|port| self.taken_ports.contains(&port));
        // Our own nodes are where they should be; anything else in the way is worth a word.
        if !ours && (id_taken || port_taken) {
            self.skipped.insert(id);
        }
        !id_taken && !port_taken
    }

    fn spec(&self, id: NodeId, ports: NodePorts, wallet: Address, storage: PathBuf) -> NodeSpec {
        let defaults = &self.work.policy.nodes;
        let data = storage.join(id.to_string());
        NodeSpec {
            id,
            program: defaults.program,
            manager: defaults.manager,
            wallet,
            ports,
            binary: data.join(defaults.program.binary_name()),
            logs: defaults.logs.join(id.to_string()),
            data,
            storage,
            autostart: defaults.autostart,
            launch: defaults.launch.clone(),
        }
    }
}

/// The root with most free bytes; ties go to the first.
fn most_room(roots: Vec<(PathBuf, FileSystemView)>) -> Option<PathBuf> {
    let mut best: Option<(PathBuf, Bytes)> = None;
    for (root, system) in roots {
        if best.as_ref().is_none_or(|(_, free)| system.free > *free) {
            best = Some((root, system.free));
        }
    }
    best.map(|(root, _)| root)
}
