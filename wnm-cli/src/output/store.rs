//! The store, its backups, and what putting one back means.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wnm_core::model::{Bytes, Manager, NodeId, NodeKey, RecordId, Timestamp, counted};
use wnm_store::{Backup, Sound};

use super::json::SCHEMA;
use crate::commands::{Fate, Inspected};

#[derive(Serialize)]
pub(super) struct CheckShape<'a> {
    schema: u32,
    path: &'a Path,
    sound: bool,
    complaints: &'a [String],
    /// The newest backup that is sound.
    backup: Option<BackupShape<'a>>,
}

#[derive(Serialize)]
struct BackupShape<'a> {
    file: &'a Path,
    made: Timestamp,
}

pub(super) fn check<'a>(
    path: &'a Path,
    complaints: &'a [String],
    newest: Option<&'a Backup>,
) -> CheckShape<'a> {
    CheckShape {
        schema: SCHEMA,
        path,
        sound: complaints.is_empty(),
        complaints,
        backup: newest.map(|backup| BackupShape { file: &backup.file, made: backup.made }),
    }
}

pub(super) fn check_text(shape: &CheckShape<'_>) -> String {
    let mut text = match shape.sound {
        true => format!("{} is sound\n", shape.path.display()),
        false => format!("{} is damaged:\n", shape.path.display()),
    };
    for complaint in shape.complaints {
        let _ = writeln!(text, "  {complaint}");
    }
    let _ = match &shape.backup {
        Some(backup) => writeln!(text, "newest sound backup: {} UTC", backup.made),
        None => writeln!(text, "newest sound backup: none yet; cycles make one a day"),
    };
    text
}

#[derive(Serialize)]
pub(super) struct MadeShape<'a> {
    schema: u32,
    file: &'a Path,
    nodes: usize,
    /// The schema of the store.
    migration: &'a str,
}

pub(super) fn made<'a>(file: &'a Path, sound: &'a Sound) -> MadeShape<'a> {
    MadeShape { schema: SCHEMA, file, nodes: sound.ledger.nodes.len(), migration: &sound.version }
}

pub(super) fn made_text(shape: &MadeShape<'_>) -> String {
    format!("{}: {}, sound\n", shape.file.display(), counted(shape.nodes as u32, "node"))
}

#[derive(Serialize)]
pub(super) struct BackupsShape<'a> {
    schema: u32,
    directory: &'a Path,
    backups: Vec<ListedShape<'a>>,
}

#[derive(Serialize)]
struct ListedShape<'a> {
    file: &'a Path,
    made: Timestamp,
    bytes: u64,
    /// Made before the migration to this schema.
    before: Option<&'a str>,
    sound: bool,
    nodes: Option<usize>,
    migration: Option<&'a str>,
    /// Why it cannot be put back.
    problem: Option<&'a str>,
}

pub(super) fn backups<'a>(directory: &'a Path, all: &'a [Inspected]) -> BackupsShape<'a> {
    let listed = |(backup, looked): &'a Inspected| ListedShape {
        file: &backup.file,
        made: backup.made,
        bytes: backup.bytes,
        before: backup.before.as_deref(),
        sound: looked.is_ok(),
        nodes: looked.as_ref().ok().map(|sound| sound.ledger.nodes.len()),
        migration: looked.as_ref().ok().map(|sound| sound.version.as_str()),
        problem: looked.as_ref().err().map(String::as_str),
    };
    BackupsShape { schema: SCHEMA, directory, backups: all.iter().map(listed).collect() }
}

pub(super) fn backups_text(shape: &BackupsShape<'_>) -> String {
    if shape.backups.is_empty() {
        let directory = shape.directory.display();
        return format!(
            "no backups in {directory}; cycles make one a day, `wnm db backup` one now\n"
        );
    }
    let mut text = format!(
        "{} in {}\n",
        counted(shape.backups.len() as u32, "backup"),
        shape.directory.display()
    );
    for backup in &shape.backups {
        let name = backup.file.file_name().unwrap_or_default().to_string_lossy();
        let before = backup.before.map_or(String::new(), |it| format!(", before migration {it}"));
        let state = match (backup.nodes, backup.migration, backup.problem) {
            (_, _, Some(problem)) => format!("not usable: {problem}"),
            (nodes, migration, None) => format!(
                "{}, schema {}, sound",
                counted(nodes.unwrap_or(0) as u32, "node"),
                migration.unwrap_or_default()
            ),
        };
        let (made, bytes) = (backup.made, Bytes(backup.bytes));
        let _ = writeln!(text, "{name}: {made} UTC{before}, {bytes}, {state}");
    }
    text
}

#[derive(Serialize)]
pub(super) struct MigratedShape<'a> {
    schema: u32,
    path: &'a Path,
    /// Those that it had.
    had: &'a [String],
    /// Those that it has now as well.
    applied: &'a [String],
}

pub(super) fn migrated<'a>(
    path: &'a Path,
    had: &'a [String],
    applied: &'a [String],
) -> MigratedShape<'a> {
    MigratedShape { schema: SCHEMA, path, had, applied }
}

pub(super) fn migrated_text(shape: &MigratedShape<'_>) -> String {
    let (path, had) = (shape.path.display(), shape.had.join(", "));
    match shape.applied.last() {
        None => format!("{path} is up to date: {had}\n"),
        Some(last) => format!(
            "{path} had {had}\napplied: {}\nas it was before: {path}.before-{last}\n",
            shape.applied.join(", ")
        ),
    }
}

/// What is where the store belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoreState {
    Missing,
    Damaged,
    Sound,
}

/// A node of the backup, and what becomes of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) node: NodeId,
    pub(crate) record: RecordId,
    pub(crate) data: PathBuf,
    pub(crate) processes: Vec<u32>,
    pub(crate) fate: Fate,
}

/// What looks like a node on this machine and is not in the backup: it is left as it is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Stranger {
    pub(crate) node: Option<NodeId>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) processes: Vec<u32>,
    pub(crate) managers: Vec<Manager>,
}

/// A setting that comes back otherwise than the store has it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Differing {
    pub(crate) setting: &'static str,
    pub(crate) store: Option<String>,
    pub(crate) restored: Option<String>,
}

/// A backup held against what is there.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) backup: PathBuf,
    /// Its schema.
    #[serde(rename = "migration")]
    pub(crate) version: String,
    pub(crate) store: PathBuf,
    pub(crate) state: StoreState,
    pub(crate) nodes: Vec<Verdict>,
    pub(crate) strangers: Vec<Stranger>,
    /// As far as the store can be read.
    pub(crate) only_in_store: Vec<NodeKey>,
    pub(crate) settings: Vec<Differing>,
    pub(crate) dry_run: bool,
    /// Where what was there is kept.
    pub(crate) aside: Option<PathBuf>,
}

#[derive(Serialize)]
struct ComparisonShape<'a> {
    schema: u32,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

pub(super) fn comparison_json(of: &Comparison) -> serde_json::Result<String> {
    super::json::any(&ComparisonShape { schema: SCHEMA, comparison: of })
}

pub(super) fn comparison_text(of: &Comparison) -> String {
    let state = match of.state {
        StoreState::Missing => "not there",
        StoreState::Damaged => "damaged",
        StoreState::Sound => "sound",
    };
    let mut text = format!(
        "backup: {}, {}\nstore: {}, {state}\n",
        of.backup.display(),
        counted(of.nodes.len() as u32, "node"),
        of.store.display()
    );
    for node in &of.nodes {
        let runs = running(&node.processes);
        let _ = writeln!(text, "{}: {}{runs}", node.node, node.fate.text());
    }
    for stranger in &of.strangers {
        let _ = writeln!(text, "{}", stranger_text(stranger));
    }
    if !of.only_in_store.is_empty() {
        let names: Vec<String> = of.only_in_store.iter().map(|it| it.id.to_string()).collect();
        let _ = writeln!(text, "in the store and not in the backup: {}", names.join(", "));
    }
    for setting in &of.settings {
        let value = |value: &Option<String>| match value {
            Some(value) => format!("`{value}`"),
            None => "its default".to_owned(),
        };
        let (was, is) = (value(&setting.store), value(&setting.restored));
        let _ = writeln!(text, "{}: {is}, was {was}", setting.setting);
    }
    text + &ending(of)
}

fn running(processes: &[u32]) -> String {
    let pids: Vec<String> = processes.iter().map(u32::to_string).collect();
    if pids.is_empty() { String::new() } else { format!(", process {}", pids.join(", ")) }
}

fn stranger_text(stranger: &Stranger) -> String {
    let name = match (&stranger.node, &stranger.data) {
        (_, Some(data)) => data.display().to_string(),
        (Some(node), None) => node.to_string(),
        (None, None) => String::new(),
    };
    // Of a process everybody who looks at processes knows.
    let managers = stranger.managers.iter().filter(|_| stranger.data.is_none());
    let managers: Vec<String> = managers.map(Manager::to_string).collect();
    let of =
        if managers.is_empty() { String::new() } else { format!(", of {}", managers.join(", ")) };
    format!("{name}: not in the backup{}{of}: left as it is", running(&stranger.processes))
}

fn ending(of: &Comparison) -> String {
    if of.dry_run {
        return "nothing was changed\n".to_owned();
    }
    let aside = of
        .aside
        .as_ref()
        .map_or(String::new(), |aside| format!("what was there is kept: {}\n", aside.display()));
    format!(
        "{aside}the backup is in place: open requests were refused, and nothing is removed for an hour\n"
    )
}
