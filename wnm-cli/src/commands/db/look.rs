//! What is on this machine, held against a backup.
#![expect(clippy::disallowed_methods, reason = "a shell module that looks whose units are")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use wnm_core::host::NodeFiles;
use wnm_core::model::{Manager, ManagerKind, NodeId, NodeRecord, node_of_directory};
use wnm_core::observe::Ledger;
use wnm_core::policy::{PolicyDraft, Setting};
use wnm_managers::{DiskFiles, unit_is_ours};
use wnm_store::SqliteStore;

use super::judge::Seen;
use crate::commands::Context;
use crate::compose::{self, Adapters};
use crate::error::CliError;
use crate::output::Stranger;

/// What there is, whoever made it.
pub(super) struct Machine {
    files: DiskFiles,
    /// Names below each storage root, where they could be listed.
    roots: BTreeMap<PathBuf, Option<BTreeSet<String>>>,
    /// Data directories with living processes; `None` when they could not be looked at.
    processes: Option<BTreeMap<PathBuf, Vec<u32>>>,
    /// Where units lie.
    units: PathBuf,
    /// Names that each manager knows; `None` for one that did not answer.
    known: BTreeMap<Manager, Option<BTreeSet<NodeId>>>,
}

impl Machine {
    /// Looks around for the nodes of `ledger` and of `others`, of which less is known.
    pub(super) fn look(
        context: &Context<'_>,
        ledger: &Ledger,
        others: &[NodeRecord],
    ) -> Result<Machine, CliError> {
        let mut all = ledger.clone();
        all.nodes.extend(others.iter().cloned());
        let in_force = ledger.draft.under(&context.layers.merged());
        let store = SqliteStore::in_memory()?;
        let adapters = Adapters::new(store, &all, &in_force, &context.paths, context.environment);
        let roots = compose::roots(&all, &in_force);
        Ok(Machine {
            processes: adapters.host().managers.processes(&roots).ok(),
            known: known(&adapters, &all, &in_force),
            files: compose::files(&context.paths),
            units: context.paths.units.clone(),
            roots: roots.into_iter().map(|root| (root.clone(), names(context, &root))).collect(),
        })
    }

    /// What is seen of a node of the backup.
    pub(super) fn seen(&self, record: &NodeRecord) -> Seen {
        let spec = &record.spec;
        let listed = self.roots.get(&spec.storage).and_then(Option::as_ref);
        let name = spec.data.file_name().and_then(|name| name.to_str());
        let data = listed.zip(name).map(|(listed, name)| listed.contains(name));
        Seen {
            data,
            kinship: self.files.kinship(record.key(), spec).ok(),
            contested: self.is_elsewhere(record),
            theirs: self.has_foreign_unit(record),
            traces: has_logs(record),
        }
    }

    /// A unit of its name that wnm did not write, or gave away.
    fn has_foreign_unit(&self, record: &NodeRecord) -> bool {
        let file = self.units.join(format!("{}.service", record.spec.service()));
        record.spec.manager.kind == ManagerKind::Systemd
            && std::fs::read_to_string(file).is_ok_and(|text| !unit_is_ours(&text))
    }

    /// The processes that use a data directory.
    pub(super) fn pids(&self, data: &Path) -> Vec<u32> {
        let processes = self.processes.as_ref();
        processes.and_then(|processes| processes.get(data)).cloned().unwrap_or_default()
    }

    /// Whether anything carries the name of a node whose own directory is gone. What cannot be asked
    /// may.
    fn is_elsewhere(&self, record: &NodeRecord) -> bool {
        let id = record.spec.id;
        let by_manager = self.known.values().any(|known| match known {
            Some(known) => known.contains(&id),
            None => true,
        });
        let Some(processes) = &self.processes else { return true };
        by_manager
            || processes.keys().any(|data| node_of(data) == Some(id))
            || self.directories().any(|data| node_of(&data) == Some(id))
    }

    fn directories(&self) -> impl Iterator<Item = PathBuf> {
        let of = |(root, names): (&PathBuf, &Option<BTreeSet<String>>)| {
            let root = root.clone();
            let names = names.iter().flatten().cloned().collect::<Vec<_>>();
            names.into_iter().map(move |name| root.join(name))
        };
        self.roots.iter().flat_map(of).filter(|data| is_named(data))
    }

    /// What looks like a node and is none of these.
    pub(super) fn strangers(&self, recorded: &[NodeRecord]) -> Vec<Stranger> {
        let ours: BTreeSet<&Path> = recorded.iter().map(|it| it.spec.data.as_path()).collect();
        let ids: BTreeSet<NodeId> = recorded.iter().map(|it| it.spec.id).collect();
        let living = self.processes.iter().flat_map(|processes| processes.keys().cloned());
        let places: BTreeSet<PathBuf> =
            living.chain(self.directories()).filter(|it| !ours.contains(it.as_path())).collect();
        let mut strangers: Vec<Stranger> = places
            .into_iter()
            .map(|data| Stranger {
                node: node_of(&data),
                processes: self.pids(&data),
                managers: node_of(&data).map(|id| self.managers_of(id)).unwrap_or_default(),
                data: Some(data),
            })
            .collect();
        let told: BTreeSet<NodeId> = strangers.iter().filter_map(|it| it.node).collect();
        let known: BTreeSet<NodeId> = self.known.values().flatten().flatten().copied().collect();
        strangers.extend(
            known.into_iter().filter(|id| !ids.contains(id) && !told.contains(id)).map(|id| {
                Stranger {
                    node: Some(id),
                    data: None,
                    processes: Vec::new(),
                    managers: self.managers_of(id),
                }
            }),
        );
        strangers
    }

    fn managers_of(&self, id: NodeId) -> Vec<Manager> {
        let knows = |known: &Option<BTreeSet<NodeId>>| {
            known.as_ref().is_some_and(|known| known.contains(&id))
        };
        self.known.iter().filter(|(_, known)| knows(known)).map(|(it, _)| *it).collect()
    }

    /// The highest record that the archive of keys tells of.
    pub(super) fn highest_archived(&self) -> i64 {
        let archived = self.files.archived().unwrap_or_default();
        archived.iter().filter_map(|key| key.record).map(|record| record.0).max().unwrap_or(0)
    }
}

/// A removal deletes logs as well; data that somebody moved leaves them behind. Logs that lie in the
/// data say nothing.
fn has_logs(record: &NodeRecord) -> bool {
    let spec = &record.spec;
    spec.logs.starts_with(&spec.data) || std::fs::symlink_metadata(&spec.logs).is_ok()
}

/// Without a marker the disk is not mounted, or the place is not ours: nothing is known of it.
fn names(context: &Context<'_>, root: &Path) -> Option<BTreeSet<String>> {
    compose::files(&context.paths).survey(root).entries.ok()
}

fn known(
    adapters: &Adapters,
    ledger: &Ledger,
    in_force: &PolicyDraft,
) -> BTreeMap<Manager, Option<BTreeSet<NodeId>>> {
    let host = adapters.host();
    let mut wanted: BTreeSet<Manager> =
        ledger.nodes.iter().map(|record| record.spec.manager).collect();
    wanted.extend(in_force.text(Setting::Manager).parse::<Manager>());
    let ask = |manager: Manager| host.managers.get(manager).and_then(|it| it.discover()).ok();
    let mut known: BTreeMap<Manager, _> = wanted.into_iter().map(|it| (it, ask(it))).collect();
    for manager in host.managers.at_hand() {
        known.entry(manager.manager()).or_insert_with(|| manager.discover().ok());
    }
    known
}

fn node_of(data: &Path) -> Option<NodeId> {
    data.file_name().and_then(|name| name.to_str()).and_then(node_of_directory)
}

/// A bare number is a fine way to name a node, but no directory of ours.
fn is_named(data: &Path) -> bool {
    let name = data.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    node_of(data).is_some() && !name.bytes().all(|byte| byte.is_ascii_digit())
}
