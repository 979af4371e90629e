//! The next node: its id, ports, wallet and place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::counts::Counts;
use super::disk::Outlook;
use super::spread::Spread;
use super::work::Work;
use super::{Blocked, Note};
use crate::action::{Action, Resource};
use crate::model::{
    Address, Bytes, ManagerKind, NodeId, NodePorts, NodeSpec, Phase, PortError, Release, Returning,
};
use crate::observe::{FileSystemView, NodeView};
use crate::policy::InContainer;

/// Hands out what new nodes are made of, never the same thing twice.
pub(super) struct Allocator<'w, 'a> {
    work: &'w Work<'a>,
    release: Release,
    taken_ids: BTreeSet<NodeId>,
    taken_ports: BTreeSet<u16>,
    wallets: BTreeMap<Address, u32>,
    placed: BTreeMap<PathBuf, u32>,
    /// Where nodes share containers.
    spread: Option<Spread<'a>>,
    /// Where each container counts by itself.
    counts: Option<Counts<'a>>,
    /// Nodes of ours, recorded or made by this very plan.
    ours: BTreeSet<NodeId>,
    skipped: BTreeSet<NodeId>,
    /// Every id below this one is taken: what was looked through once is not again.
    next: NodeId,
}

impl<'w, 'a> Allocator<'w, 'a> {
    /// An error when it is not known what is free, or there is nothing to run.
    pub(super) fn new(work: &'w Work<'a>) -> Result<Allocator<'w, 'a>, Blocked> {
        let snapshot = work.snapshot;
        let release =
            snapshot.release.clone().map_err(|unread| Blocked::NoProgram { why: unread.why })?;
        let program = work.policy.nodes.program;
        if let Some(failed) = snapshot.holds.quarantine(program, &release.version) {
            let version = &release.version;
            let why = format!(
                "{version} is quarantined ({}): give another one, or trust it again with `wnm \
                 upgrade --unquarantine {version}`",
                failed.why
            );
            return Err(Blocked::NoProgram { why });
        }
        let survey =
            |unread: &crate::observe::Unread| Blocked::NoSurvey { why: unread.why.clone() };
        let mut taken_ids = snapshot.occupied.clone().map_err(|unread| survey(&unread))?;
        let mut taken_ports = snapshot.ports.clone().map_err(|unread| survey(&unread))?;
        let mut wallets = BTreeMap::new();
        let kind = work.policy.nodes.manager.kind;
        let numbering = match (&snapshot.numbering, kind.numbers_nodes()) {
            (_, false) => None,
            (Some(Ok(numbering)), true) => Some(numbering),
            (Some(Err(unread)), true) => return Err(survey(unread)),
            (None, true) => {
                let why = format!("{kind} did not say which number comes next");
                return Err(Blocked::NoSurvey { why });
            }
        };
        taken_ports.extend(numbering.into_iter().flat_map(|numbering| &numbering.ports));
        for node in &snapshot.nodes {
            taken_ports.extend(node.record.spec.ports.all());
            if !matches!(node.record.phase, Phase::Removing { .. }) {
                *wallets.entry(node.record.spec.wallet).or_insert(0) += 1;
            }
        }
        let defaults = &work.policy.nodes;
        let recorded = || snapshot.nodes.iter().map(|node| &node.record.spec);
        let counts = numbering.filter(|_| kind.counts_in_containers());
        let counts = counts.map(|numbering| Counts::new(numbering, recorded()));
        let is_shared = match kind {
            ManagerKind::Docker => defaults.containers.are_shared(),
            _ => kind.counts_in_containers(),
        };
        let mut spread = is_shared.then(|| Spread::new(&defaults.containers));
        if let Some(spread) = &mut spread {
            snapshot.nodes.iter().for_each(|node| spread.count(&node.record.spec));
        }
        let ours: BTreeSet<NodeId> = snapshot.nodes.iter().map(NodeView::id).collect();
        taken_ids.extend(&ours);
        let together = numbering.filter(|_| counts.is_none());
        if let Some(early) = together.and_then(|numbering| ours.range(numbering.next..).next()) {
            let why = format!("{early} is recorded, and {kind} has not made it yet");
            return Err(Blocked::NoSurvey { why });
        }
        let mut allocator = Allocator {
            work,
            release,
            taken_ids,
            taken_ports,
            wallets,
            placed: BTreeMap::new(),
            spread,
            counts,
            ours,
            skipped: BTreeSet::new(),
            next: together.map_or(NodeId::FIRST, |numbering| numbering.next),
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
                self.give(spec);
            }
            _ => {}
        }
    }

    fn give(&mut self, spec: &NodeSpec) {
        self.ours.insert(spec.id);
        self.taken_ids.insert(spec.id);
        self.taken_ports.extend(spec.ports.all());
        *self.wallets.entry(spec.wallet).or_insert(0) += 1;
        *self.placed.entry(spec.storage.clone()).or_insert(0) += 1;
        if let Some(spread) = &mut self.spread {
            spread.count(spec);
        }
        if let Some(counts) = &mut self.counts {
            counts.give(spec);
        }
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
            let mut nodes = snapshot.nodes.iter();
            // The next one there would be evicted as well, with its identity.
            if let Some(evicted) =
                nodes.find(|node| node.evicted && node.record.spec.storage == *root)
            {
                let id = evicted.id();
                why.push(format!(
                    "{id} was evicted from {}: make room there, then `wnm remove {}`",
                    root.display(),
                    id.number()
                ));
                continue;
            }
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
    fn holds(&self, root: &Path, system: &FileSystemView) -> Result<(), Blocked> {
        let work = self.work;
        let resource = Resource::Disk(root.to_path_buf());
        if !work.pressure.root_has_room(root) {
            let used = system.used.0;
            let limit = work.policy.disk.band.add_below();
            return Err(Blocked::Busy { resource, used, limit });
        }
        let outlook = Outlook::of(work.snapshot, work.policy, root, system);
        let placed = u64::from(self.placed.values().sum::<u32>());
        let expected = outlook.expected(placed + 1);
        if expected < outlook.room {
            return Ok(());
        }
        Err(Blocked::DiskWouldFill { resource, expected, room: outlook.room })
    }

    /// The smallest free id whose ports are free as well, of those that its container has.
    fn place(&mut self, root: PathBuf) -> Result<Action, Blocked> {
        let defaults = &self.work.policy.nodes;
        let wallet = defaults.wallets.next(&self.wallets);
        let spec = match (self.spread.is_some(), &self.counts) {
            (false, _) => {
                let (id, ports) = self.anywhere()?;
                defaults.spec_with(id, ports, wallet, &root)
            }
            (true, None) => {
                let (id, ports, name) = self.in_a_container(&root, wallet)?;
                let container = Some(name);
                NodeSpec { container, ..defaults.spec_with(id, ports, wallet, &root) }
            }
            (true, Some(_)) => {
                let (id, ports, name) = self.in_a_container(&root, wallet)?;
                let number = self.counts.as_ref().map_or(Ok(NodeId::FIRST), |it| it.next(&name));
                let number = number.map_err(|why| Blocked::NoSurvey { why })?;
                defaults.spec_in(id, ports, wallet, &root, &InContainer { name, number })
            }
        };
        self.give(&spec);
        Ok(Action::Add { spec: Box::new(spec), release: self.release.clone(), key: None })
    }

    /// A node for a key that comes back: under the number that was named, or else under the one it
    /// had where that is free, or the next free one.
    pub(super) fn next_for(
        &mut self,
        key: &Returning,
        number: Option<NodeId>,
        storage: Option<&Path>,
    ) -> Result<Action, Blocked> {
        let crisis = self.work.policy.crisis_bytes;
        let mut roots = self.usable_roots()?;
        if let Some(storage) = storage {
            roots.retain(|(root, _)| root == storage);
            if roots.is_empty() {
                let why = format!("{} is no storage root that can be used now", storage.display());
                return Err(Blocked::NoStorage { why });
            }
        }
        roots.retain(|(_, system)| system.free > crisis);
        let root = most_room(roots).ok_or_else(|| Blocked::NoStorage {
            why: format!("every disk has less than crisis_bytes ({crisis}) left"),
        })?;
        let again = number.or(key.was).and_then(|id| {
            let ports = self.work.policy.nodes.ports_of(id).ok()?;
            let is_free = self.spread.is_none() && self.is_free(id, &ports);
            is_free.then_some((id, ports))
        });
        let (id, ports) = match (again, number) {
            (Some(free), _) => free,
            (None, Some(id)) => {
                let why = format!("{id} is not free: something has its name or one of its ports");
                return Err(Blocked::NoPorts { why });
            }
            (None, None) if self.spread.is_none() => self.anywhere()?,
            (None, None) => {
                let why = "nodes in shared containers are not brought back".to_owned();
                return Err(Blocked::NoStorage { why });
            }
        };
        let spec = self.work.policy.nodes.spec_with(id, ports, key.wallet, &root);
        self.give(&spec);
        let (spec, key) = (Box::new(spec), Some(Box::new(key.clone())));
        Ok(Action::Add { spec, release: self.release.clone(), key })
    }

    fn anywhere(&mut self) -> Result<(NodeId, NodePorts), Blocked> {
        let defaults = &self.work.policy.nodes;
        let mut id = self.next;
        let ports = loop {
            match defaults.ports_of(id) {
                Err(error) => return Err(Blocked::NoPorts { why: error.to_string() }),
                Ok(ports) if self.is_free(id, &ports) => break ports,
                // The number is not ours to choose.
                Ok(ports) if defaults.manager.kind.numbers_nodes() && !self.ours.contains(&id) => {
                    return Err(Blocked::NoPorts { why: self.in_the_way(id, &ports) });
                }
                Ok(_) => id = id.next(),
            }
        };
        self.next = id.next();
        Ok((id, ports))
    }

    /// What keeps the next node of a manager that numbers nodes from being made, and the way out: it
    /// gives no other number before this one is given.
    fn in_the_way(&self, id: NodeId, ports: &NodePorts) -> String {
        let defaults = &self.work.policy.nodes;
        let kind = defaults.manager.kind;
        let next = format!("the next node of {kind} is {id}");
        if self.taken_ids.contains(&id) {
            let name = kind.service_name(id);
            return format!(
                "{next}, and something is called {name} already: move away what has this name in {}, \
                 and in the places of units and containers",
                shown(&defaults.storage)
            );
        }
        let taken = ports.all().filter(|port| self.taken_ports.contains(port));
        let taken: Vec<String> = taken.map(|port| port.to_string()).collect();
        format!(
            "{next}, and port {} is in use: free it, or give other ports with port_start, \
             metrics_port_start or rpc_port_start",
            taken.join(", ")
        )
    }

    /// The emptiest container with a free id. Ids end where ports do.
    fn in_a_container(
        &mut self,
        root: &Path,
        wallet: Address,
    ) -> Result<(NodeId, NodePorts, String), Blocked> {
        let defaults = &self.work.policy.nodes;
        let no_ports = |error: PortError| Blocked::NoPorts { why: error.to_string() };
        let ports_of = |id: NodeId| defaults.ports_of(id);
        let first = ports_of(NodeId::FIRST).map_err(no_ports)?;
        let like = defaults.spec_with(NodeId::FIRST, first, wallet, root);
        let candidates: Vec<_> = self.spread.iter().flat_map(|it| it.candidates(&like)).collect();
        let mut why_not = None;
        for number in candidates {
            let Some(spread) = &self.spread else { break };
            let (ids, name) = (spread.ids(number), spread.name(number));
            if let Some(Err(why)) = self.counts.as_ref().map(|counts| counts.next(&name)) {
                // Others may well be able to.
                why_not = Some(Blocked::NoSurvey { why });
                continue;
            }
            for id in ids {
                match ports_of(id) {
                    Ok(ports) if self.is_free(id, &ports) => return Ok((id, ports, name)),
                    Ok(_) => {}
                    // Higher ids of this block, and of those after it, have none either.
                    Err(error) => {
                        why_not = Some(no_ports(error));
                        break;
                    }
                }
            }
        }
        // There is always an unused container, so the last thing tried had no ports.
        Err(why_not.unwrap_or_else(|| {
            no_ports(PortError {
                setting: "port_start",
                base: defaults.ports.node,
                id: NodeId::FIRST,
                port: u32::from(u16::MAX) + 1,
            })
        }))
    }

    fn is_free(&mut self, id: NodeId, ports: &NodePorts) -> bool {
        let ours = self.ours.contains(&id);
        let id_taken = self.taken_ids.contains(&id);
        let port_taken = ports.all().any(|port| self.taken_ports.contains(&port));
        // Our own nodes are where they should be; anything else in the way is worth a word.
        if !ours && (id_taken || port_taken) {
            self.skipped.insert(id);
        }
        !id_taken && !port_taken
    }
}

fn shown(roots: &[PathBuf]) -> String {
    let roots: Vec<String> = roots.iter().map(|root| root.display().to_string()).collect();
    roots.join(", ")
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
