//! Things that are only looked at: one setting, the keys, the store. Once as data, once as text.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use wnm_core::model::{Address, Bytes, NodeId, Program, RecordId, Timestamp, counted};
use wnm_managers::{ArchivedKey, KeyState};
use wnm_store::StoreStatus;

use super::{ConfigExplained, LivingKey, json};
use crate::settings::Source;

#[derive(Serialize)]
pub(super) struct SettingShape<'a> {
    schema: u32,
    key: &'static str,
    help: &'static str,
    value: &'a str,
    source: &'static str,
    stored: Option<&'a str>,
    takes: String,
    now: Option<&'a str>,
    default: &'static str,
    fixed_by_nodes: bool,
    nodes: usize,
    can_change_now: bool,
    for_this_run_only: bool,
}

pub(super) fn setting(of: &ConfigExplained) -> SettingShape<'_> {
    let setting = of.row.setting;
    SettingShape {
        schema: json::SCHEMA,
        key: setting.key(),
        help: setting.help(),
        value: &of.row.value,
        source: of.row.source.name(),
        stored: of.stored.as_deref(),
        takes: setting.kind().to_string(),
        now: of.now.as_deref(),
        default: setting.default_text(),
        fixed_by_nodes: setting.is_fixed_by_nodes(),
        nodes: of.nodes,
        can_change_now: !setting.is_fixed_by_nodes() || of.nodes == 0,
        for_this_run_only: !matches!(of.row.source, Source::Default | Source::Store),
    }
}

pub(super) fn setting_text(shape: &SettingShape<'_>) -> String {
    let SettingShape { key, help, value, source, .. } = shape;
    let mut text = format!("{key}: {help}\n");
    let _ = writeln!(text, "value: `{value}`, from the {source}");
    if shape.for_this_run_only {
        let stored = shape.stored.unwrap_or(shape.default);
        let _ = writeln!(
            text,
            "stored: `{stored}`; a value from above the store may hold back and stop, but never \
             removes nodes"
        );
    }
    let _ = writeln!(text, "takes: {}", shape.takes);
    if let Some(now) = shape.now {
        let _ = writeln!(text, "now: {now}");
    }
    let _ = match shape.default {
        "" => writeln!(text, "default: none"),
        default => writeln!(text, "default: `{default}`"),
    };
    let nodes = counted(shape.nodes as u32, "node");
    text + &match (shape.fixed_by_nodes, shape.can_change_now) {
        (false, _) => "can be changed at any time\n".to_owned(),
        (true, true) => "can be changed until there are nodes\n".to_owned(),
        (true, false) => format!("cannot be changed now: {nodes} built with it\n"),
    }
}

#[derive(Serialize)]
pub(super) struct IdentitiesShape<'a> {
    schema: u32,
    archive: &'a Path,
    archived: Vec<ArchivedShape<'a>>,
    nodes: Vec<LivingShape<'a>>,
}

#[derive(Serialize)]
struct ArchivedShape<'a> {
    file: &'a str,
    node: Option<NodeId>,
    record: Option<RecordId>,
    program: Option<Program>,
    wallet: Option<Address>,
    written: Option<Timestamp>,
    /// Only its owner can open it.
    sealed: bool,
    /// The file that took it to another machine.
    moved: Option<&'a str>,
    /// What is wrong with its description.
    problem: Option<&'a str>,
}

#[derive(Serialize)]
struct LivingShape<'a> {
    node: NodeId,
    record: RecordId,
    wallet: Address,
    #[serde(flatten)]
    key: &'a KeyState,
}

pub(super) fn identities<'a>(
    archive: &'a Path,
    archived: &'a [ArchivedKey],
    living: &'a [LivingKey<'a>],
) -> IdentitiesShape<'a> {
    let kept = |key: &'a ArchivedKey| ArchivedShape {
        file: &key.file,
        node: key.spec.as_ref().ok().map(|spec| spec.id),
        record: key.record,
        program: key.spec.as_ref().ok().map(|spec| spec.program),
        wallet: key.spec.as_ref().ok().map(|spec| spec.wallet),
        written: key.written,
        sealed: key.sealed,
        moved: key.moved.as_deref(),
        problem: key.spec.as_ref().err().map(String::as_str),
    };
    let lives = |living: &'a LivingKey<'a>| LivingShape {
        node: living.record.spec.id,
        record: living.record.record,
        wallet: living.record.spec.wallet,
        key: &living.key,
    };
    IdentitiesShape {
        schema: json::SCHEMA,
        archive,
        archived: archived.iter().map(kept).collect(),
        nodes: living.iter().map(lives).collect(),
    }
}

pub(super) fn identities_text(shape: &IdentitiesShape<'_>) -> String {
    let mut text =
        format!("{} in {}\n", counted(shape.archived.len() as u32, "key"), shape.archive.display());
    for key in &shape.archived {
        let written = key.written.map_or("at an unknown time".to_owned(), |at| format!("{at} UTC"));
        let _ = match (key.problem, key.wallet) {
            (Some(problem), _) => writeln!(text, "{}: archived {written}; {problem}", key.file),
            (None, Some(wallet)) => {
                let sealed = if key.sealed { ", sealed" } else { "" };
                let moved = key.moved.map_or(String::new(), |to| {
                    format!("; HAS MOVED to another machine with {to}")
                });
                writeln!(
                    text,
                    "{}: archived {written}{sealed}, earned for {wallet}{moved}",
                    key.file
                )
            }
            (None, None) => writeln!(text, "{}: archived {written}", key.file),
        };
    }
    for node in &shape.nodes {
        let state = match node.key {
            KeyState::Archived => "in use, and in the archive".to_owned(),
            KeyState::OnlyInUse => "in use; the next cycle puts it into the archive".to_owned(),
            KeyState::NoneYet => "the node has none yet".to_owned(),
            KeyState::Unread { why } => format!("could not be looked at: {why}"),
        };
        let _ = writeln!(text, "{}: {state}", node.node);
    }
    text
}

#[derive(Serialize)]
pub(super) struct StoreShape<'a> {
    schema: u32,
    path: &'a Path,
    #[serde(flatten)]
    status: &'a StoreStatus,
}

pub(super) fn store<'a>(path: &'a Path, status: &'a StoreStatus) -> StoreShape<'a> {
    StoreShape { schema: json::SCHEMA, path, status }
}

pub(super) fn store_text(shape: &StoreShape<'_>) -> String {
    let StoreStatus {
        bytes,
        version,
        generation,
        nodes,
        operations,
        requests,
        open_requests,
        cycles,
        cycles_since,
        cycles_bytes,
        reserve,
    } = shape.status;
    let since = cycles_since.map_or(String::new(), |since| format!(" since {since} UTC"));
    let reserve = if *reserve { "there" } else { "gone: the disk is or was full" };
    format!(
        "{}: {}, schema {version}\nsettings: generation {generation}\n{nodes} nodes, {operations} \
         operations, {requests} requests of which {open_requests} unanswered\n\
         cycles: {cycles} kept{since}, about {}\nreserve for a full disk: {reserve}\n",
        shape.path.display(),
        Bytes(*bytes),
        Bytes(*cycles_bytes),
    )
}
