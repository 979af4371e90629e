//! The archive of node keys. A key that is in it stays; an equal one is not written twice, a
//! different one never over another.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{NodeKey, NodeSpec, RecordId, Timestamp};
use wnm_core::observe::FaultKind;

use super::bundle::HeldKey;
use super::key::{Story, sha256};
use super::seal::{Seal, Unseal, seal, unseal};
use super::{moved, write_durably};
use crate::hands::Hands;

/// A key that lies there as it is.
const PLAIN: &str = "key";
/// One that is sealed.
const SEALED: &str = "age";

/// The archive, and for whom what is put there is sealed.
#[derive(Clone, Debug)]
pub(super) struct Archive {
    pub(super) place: PathBuf,
    pub(super) seal: Seal,
}

impl Archive {
    pub(super) fn new(place: PathBuf) -> Archive {
        Archive { place, seal: Seal::None }
    }

    pub(super) fn make(&self) -> HostResult<()> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.place);
        made.map_err(|error| HostError::io(format!("make {}", self.place.display()), error))
    }
}

/// Copies the key in `data` into the archive, with what is needed to bring the node back.
pub(super) fn archive(
    hands: &dyn Hands,
    archive: &Archive,
    node: NodeKey,
    spec: &NodeSpec,
    data: &Path,
) -> HostResult<Change> {
    let key = data.join(spec.program.identity_file());
    if !hands.is_there(&key)? {
        return Ok(Change::NotManaged);
    }
    let bytes = hands.read_key(&key)?;
    archive.make()?;
    let (stem, known) = free_place(&archive.place, node, spec, &bytes)?;
    if known {
        return Ok(Change::AlreadySo);
    }
    let mut story = Story::of(spec, &bytes);
    let (kept, kind) = match &archive.seal {
        Seal::None => (bytes, PLAIN),
        how => (seal(&bytes, how)?, SEALED),
    };
    if kind == SEALED {
        story.sealed_sha256 = Some(sha256(&kept));
    }
    let story = serde_json::to_vec_pretty(&story)
        .map_err(|error| HostError::with("describe the node", FaultKind::Failed, error))?;
    // The description first: a key in the archive is never without it.
    write_durably(&with(&stem, "json"), &story, 0o600)?;
    write_durably(&with(&stem, kind), &kept, 0o600)?;
    Ok(Change::Made)
}

/// True when the node's key is in the archive, or when it has none.
pub(super) fn is_safe(
    hands: &dyn Hands,
    archive: &Path,
    node: NodeKey,
    spec: &NodeSpec,
) -> HostResult<bool> {
    let key = spec.data.join(spec.program.identity_file());
    if !hands.is_there(&key)? {
        return Ok(true);
    }
    let bytes = hands.read_key(&key)?;
    Ok(free_place(archive, node, spec, &bytes)?.1)
}

/// A key in the archive, without its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedKey {
    /// Name of its file.
    pub file: String,
    /// The record of the node it was of, from that name.
    pub record: Option<RecordId>,
    /// When it was put there.
    pub written: Option<Timestamp>,
    /// True when only its owner can open it.
    pub sealed: bool,
    /// What tells it from other keys, where its description says so.
    pub fingerprint: Option<String>,
    /// Where it has moved to, if it is another machine's now.
    pub moved: Option<String>,
    /// The node it was of, or what is wrong with its description.
    pub spec: Result<NodeSpec, String>,
}

/// What is known of the key of a node that is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "key")]
pub enum KeyState {
    /// It has none; nodes make their own at their first start.
    NoneYet,
    /// It is nowhere but with the node.
    OnlyInUse,
    /// The same key is in the archive.
    Archived,
    /// It could not be looked at.
    Unread {
        /// Why not.
        why: String,
    },
}

/// How the key that lies with a node relates to those that are archived under its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinship {
    /// The archive has none of that record.
    NoneArchived,
    /// It is in the archive.
    Same,
    /// The archive has another, and not this one.
    Other,
    /// The archive has one, and the node has none.
    OnlyArchived,
}

pub(super) fn kinship(
    hands: &dyn Hands,
    archive: &Path,
    node: NodeKey,
    spec: &NodeSpec,
) -> HostResult<Kinship> {
    let key = spec.data.join(spec.program.identity_file());
    let first = stem_of(archive, node, spec, 1);
    let archived = [PLAIN, SEALED].iter().map(|kind| read_if_there(&with(&first, kind)));
    let archived = archived.collect::<HostResult<Vec<_>>>()?.iter().any(Option::is_some);
    Ok(match (archived, hands.is_there(&key)?) {
        (false, _) => Kinship::NoneArchived,
        (true, false) => Kinship::OnlyArchived,
        (true, true) if free_place(archive, node, spec, &hands.read_key(&key)?)?.1 => Kinship::Same,
        (true, true) => Kinship::Other,
    })
}

/// The name of the `attempt`th key of a record, without its ending.
fn stem_of(archive: &Path, node: NodeKey, spec: &NodeSpec, attempt: u32) -> PathBuf {
    let suffix = if attempt == 1 { String::new() } else { format!("-{attempt}") };
    archive.join(format!("{}-{}-{}{suffix}", spec.id, node.record, spec.program))
}

/// Every key of the archive, by name. No archive is an empty one.
pub(super) fn list(archive: &Path) -> HostResult<Vec<ArchivedKey>> {
    let mut keys: Vec<_> = files(archive)?.iter().map(|path| described(archive, path)).collect();
    keys.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(keys)
}

fn files(archive: &Path) -> HostResult<Vec<PathBuf>> {
    let failed = |error| HostError::io(format!("list {}", archive.display()), error);
    let entries = match fs::read_dir(archive) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_hidden = path.file_name().is_some_and(|it| it.to_string_lossy().starts_with('.'));
        if !is_hidden && path.extension().is_some_and(|kind| kind == PLAIN || kind == SEALED) {
            keys.push(path);
        }
    }
    Ok(keys)
}

/// The records that have a key in the archive, by the names of its files alone.
pub(super) fn records(archive: &Path) -> HostResult<BTreeSet<RecordId>> {
    let files = files(archive)?;
    Ok(files.iter().filter_map(|path| record_of(&name_of(path))).collect())
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn record_of(file: &str) -> Option<RecordId> {
    file.split('-').nth(1).and_then(|number| number.parse().ok()).map(RecordId)
}

fn described(archive: &Path, path: &Path) -> ArchivedKey {
    let file = name_of(path);
    let record = record_of(&file);
    let written = fs::metadata(path).and_then(|found| found.modified()).ok();
    let since_epoch = written.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let written = since_epoch.and_then(|age| i64::try_from(age.as_millis()).ok()).map(Timestamp);
    let sealed = path.extension().is_some_and(|kind| kind == SEALED);
    let story = story_of(path);
    let fingerprint = story.as_ref().ok().and_then(|story| story.fingerprint.as_deref());
    let moved = fingerprint.and_then(|it| moved::of(archive, it).ok().flatten());
    let fingerprint = fingerprint.map(str::to_owned);
    let spec = story.map(|story| story.spec);
    ArchivedKey { file, record, written, sealed, fingerprint, moved, spec }
}

fn story_of(path: &Path) -> Result<Story, String> {
    fs::read(path.with_extension("json"))
        .map_err(|error| format!("its description cannot be read: {error}"))
        .and_then(|text| {
            serde_json::from_slice(&text)
                .map_err(|error| format!("its description makes no sense: {error}"))
        })
}

/// The key in this file of an archive, which lies there as it is or is opened.
pub(super) fn take(file: &Path, with: &Unseal) -> HostResult<HeldKey> {
    let shown = file.display().to_string();
    let op = || format!("read {shown}");
    let kind = fs::symlink_metadata(file).map_err(|error| HostError::io(op(), error))?;
    if !kind.is_file() {
        return Err(HostError::with(op(), FaultKind::Refused, "it is no plain file".to_owned()));
    }
    let story = story_of(file).map_err(|why| HostError::with(op(), FaultKind::Refused, why))?;
    let kept = fs::read(file).map_err(|error| HostError::io(op(), error))?;
    let key = unseal(&kept, &shown, with)?;
    match &story.key_sha256 {
        Some(expected) if *expected != sha256(&key) => {
            let why = "it is not the key that its description tells of: it was bent or cut";
            Err(HostError::with(op(), FaultKind::Refused, why.to_owned()))
        }
        _ => Ok(HeldKey { story, key }),
    }
}

/// Where the key of a recorded node is.
pub(super) fn state(
    hands: &dyn Hands,
    archive: &Path,
    node: NodeKey,
    spec: &NodeSpec,
) -> HostResult<KeyState> {
    if !hands.is_there(&spec.data.join(spec.program.identity_file()))? {
        return Ok(KeyState::NoneYet);
    }
    Ok(if is_safe(hands, archive, node, spec)? { KeyState::Archived } else { KeyState::OnlyInUse })
}

/// The names, without their endings, of what holds these bytes already, or the first free ones.
fn free_place(
    archive: &Path,
    node: NodeKey,
    spec: &NodeSpec,
    bytes: &[u8],
) -> HostResult<(PathBuf, bool)> {
    let mut attempt = 1_u32;
    loop {
        let stem = stem_of(archive, node, spec, attempt);
        let plain = read_if_there(&with(&stem, PLAIN))?;
        let sealed = read_if_there(&with(&stem, SEALED))?;
        match (plain, sealed) {
            (None, None) => return Ok((stem, false)),
            (Some(found), _) if found == bytes => return Ok((stem, true)),
            (_, Some(found)) if is_of(&with(&stem, SEALED), &found, bytes) => {
                return Ok((stem, true));
            }
            _ => attempt += 1,
        }
    }
}

/// Whether a sealed file is whole and holds these bytes, which nobody here can open: by what was
/// written down of both when it was sealed.
fn is_of(file: &Path, sealed: &[u8], bytes: &[u8]) -> bool {
    story_of(file).is_ok_and(|story| {
        story.key_sha256 == Some(sha256(bytes)) && story.sealed_sha256 == Some(sha256(sealed))
    })
}

fn read_if_there(path: &Path) -> HostResult<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HostError::io(format!("read {}", path.display()), error)),
    }
}

/// Names have no dots of their own but those of versions, which no name holds.
fn with(stem: &Path, kind: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(kind);
    PathBuf::from(name)
}
