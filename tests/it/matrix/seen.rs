//! What is there at one moment: processes, keys, files, and what the store says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use wnm_core::host::{HistoryQuery, Intents, Store};
use wnm_core::model::{NodeRecord, Phase, Want};
use wnm_core::observe::{OpRecord, ProcessKey};
use wnm_store::SqliteStore;

use crate::harness::TestEnv;

/// A look at everything.
#[derive(Debug)]
pub(super) struct Seen {
    /// By data directory.
    pub(super) processes: BTreeMap<PathBuf, Vec<ProcessKey>>,
    /// Every key, wherever it lies.
    pub(super) keys: BTreeMap<PathBuf, Vec<u8>>,
    pub(super) state: State,
    pub(super) records: Vec<NodeRecord>,
    /// The journal, oldest first; `None` where there is no store.
    pub(super) journal: Option<Vec<OpRecord>>,
}

/// What must be as before, or as it is afterwards: nothing in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// Names of everything, without numbers that differ from run to run.
    pub(super) files: BTreeSet<String>,
    /// Who is recorded, and what is wanted of it.
    pub(super) nodes: BTreeSet<String>,
}

impl Seen {
    pub(super) fn look(env: &TestEnv) -> Seen {
        let root = env.path("");
        let processes = wnm_managers::processes_below(std::slice::from_ref(&root));
        let (mut keys, mut files) = (BTreeMap::new(), BTreeSet::new());
        for part in ["home", "nodes", "other"] {
            walk(&root, &root.join(part), &mut keys, &mut files);
        }
        let (records, journal) = ledger(env);
        let nodes = records.iter().map(told).collect();
        Seen {
            processes: processes.expect("processes can be listed"),
            keys,
            state: State { files, nodes },
            records,
            journal,
        }
    }

    /// Every key there is.
    pub(super) fn all_keys(&self) -> BTreeSet<Vec<u8>> {
        self.keys.values().cloned().collect()
    }

    /// Keys that lie where keys belong: with a node that is recorded, or in the archive.
    pub(super) fn kept_keys(&self, also: &[PathBuf]) -> BTreeSet<Vec<u8>> {
        let homes: Vec<&PathBuf> =
            self.records.iter().map(|record| &record.spec.data).chain(also).collect();
        let belongs = |path: &Path| {
            path.parent().is_some_and(|parent| {
                parent.ends_with("identities") || homes.iter().any(|home| **home == *parent)
            })
        };
        self.keys.iter().filter(|(path, _)| belongs(path)).map(|(_, key)| key.clone()).collect()
    }
}

fn told(record: &NodeRecord) -> String {
    let trial = if record.upgrade.is_some() { ", on trial" } else { "" };
    let version = record.version.as_ref().map(ToString::to_string).unwrap_or_default();
    let left = if record.spec.left.is_some() { ", left something" } else { "" };
    let want = match record.want {
        Want::Run => "run",
        Want::StoppedByOperator => "stopped by operator",
        Want::StoppedByPressure => "stopped by pressure",
        Want::Disabled => "disabled",
    };
    let leaving = if matches!(record.phase, Phase::Removing { .. }) { ", leaving" } else { "" };
    let (id, place) = (record.spec.id, record.spec.storage.display());
    format!("{id} {version} {want}{trial}{left}{leaving} in {place}")
}

/// From a copy: looking must not change what the next wnm finds.
fn ledger(env: &TestEnv) -> (Vec<NodeRecord>, Option<Vec<OpRecord>>) {
    let copy = env.path("looked-at");
    fs::remove_dir_all(&copy).ok();
    fs::create_dir_all(&copy).expect("a directory");
    for name in ["colony.db", "colony.db-wal"] {
        fs::copy(env.base_dir().join(name), copy.join(name)).ok();
    }
    // One that is not there yet, or that is another tool's.
    let Ok(store) = SqliteStore::open(&copy.join("colony.db")) else {
        return (Vec::new(), None);
    };
    let ledger = store.load().expect("a store that opens can be read");
    let mut journal = store.history(&HistoryQuery::default()).expect("it can be read");
    journal.sort_by_key(|line| line.id);
    (ledger.nodes, Some(journal))
}

fn walk(
    root: &Path,
    at: &Path,
    keys: &mut BTreeMap<PathBuf, Vec<u8>>,
    files: &mut BTreeSet<String>,
) {
    let Ok(entries) = fs::read_dir(at) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let kind = fs::symlink_metadata(&path).map(|it| it.file_type());
        // A node may delete its own files at any moment.
        let Ok(kind) = kind else { continue };
        let shown = path.strip_prefix(root).expect("below it").display().to_string();
        if kind.is_dir() {
            files.extend(steady(&(shown + "/"), &name));
            walk(root, &path, keys, files);
            continue;
        }
        let is_key = name == "node_identity.key" || name == "secret-key" || name.ends_with(".key");
        if is_key && let Ok(bytes) = fs::read(&path) {
            keys.insert(path.clone(), bytes);
        }
        let content = match name.starts_with("precious") {
            true => fs::read_to_string(&path).unwrap_or_default(),
            false => String::new(),
        };
        files.extend(steady(&shown, &name).map(|shown| shown + &content));
    }
}

/// The name without what differs from run to run; `None` for what a process that runs or died may
/// leave and the next one tidies up by itself.
fn steady(shown: &str, name: &str) -> Option<String> {
    if ["colony.db-wal", "colony.db-shm"].contains(&name) {
        return None;
    }
    let (place, _) = shown.rsplit_once('/').unwrap_or(("", shown));
    if place.ends_with("/identities") && !name.starts_with('.') && !name.ends_with(".new") {
        // One key more in the archive is nothing left over; which are there is looked at by content.
        return None;
    }
    let timed = ["colony-20", "colony.db.replaced-20", "colony.db.python-20", "import-20"];
    let parts = shown.split('/').map(|part| match timed.iter().find(|it| part.starts_with(**it)) {
        Some(known) => format!("{}*", known.trim_end_matches("20")),
        None => part.to_owned(),
    });
    Some(parts.collect::<Vec<_>>().join("/"))
}
