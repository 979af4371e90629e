//! The archive of node keys. A key that is in it stays; an equal one is not written twice, a
//! different one never over another.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{NodeKey, NodeSpec, RecordId, Timestamp};
use wnm_core::observe::FaultKind;

use super::write_durably;
use crate::hands::Hands;

/// Copies the key in `data` into the archive, with what is needed to bring the node back.
pub(super) fn archive(
    hands: &dyn Hands,
    archive: &Path,
    node: NodeKey,
    spec: &NodeSpec,
    data: &Path,
) -> HostResult<Change> {
    let key = data.join(spec.program.identity_file());
    if !hands.is_there(&key)? {
        return Ok(Change::NotManaged);
    }
    let bytes = hands.read_key(&key)?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(archive)
        .map_err(|error| HostError::io(format!("make {}", archive.display()), error))?;
    let (place, known) = free_place(archive, node, spec, &bytes)?;
    if known {
        return Ok(Change::AlreadySo);
    }
    let story = serde_json::to_vec_pretty(spec)
        .map_err(|error| HostError::with("describe the node", FaultKind::Failed, error))?;
    // The description first: a key in the archive is never without it.
    write_durably(&place.with_extension("json"), &story, 0o600)?;
    write_durably(&place, &bytes, 0o600)?;
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
    let (mut known, mut attempt) = (Vec::new(), 1_u32);
    loop {
        let place = place(archive, node, spec, attempt);
        match fs::read(&place) {
            Ok(found) => known.push(found),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
            Err(error) => return Err(HostError::io(format!("read {}", place.display()), error)),
        }
        attempt += 1;
    }
    let lies_there = hands.is_there(&key)?;
    Ok(match (known.is_empty(), lies_there) {
        (true, _) => Kinship::NoneArchived,
        (false, false) => Kinship::OnlyArchived,
        (false, true) if known.contains(&hands.read_key(&key)?) => Kinship::Same,
        (false, true) => Kinship::Other,
    })
}

/// The name of the `attempt`th key of a record.
fn place(archive: &Path, node: NodeKey, spec: &NodeSpec, attempt: u32) -> PathBuf {
    let suffix = if attempt == 1 { String::new() } else { format!("-{attempt}") };
    archive.join(format!("{}-{}-{}{suffix}.key", spec.id, node.record, spec.program))
}

/// Every key of the archive, by name. No archive is an empty one.
pub(super) fn list(archive: &Path) -> HostResult<Vec<ArchivedKey>> {
    let failed = |error| HostError::io(format!("list {}", archive.display()), error);
    let entries = match fs::read_dir(archive) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|kind| kind == "key") {
            keys.push(described(&path));
        }
    }
    keys.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(keys)
}

fn described(path: &Path) -> ArchivedKey {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let record = file.split('-').nth(1).and_then(|number| number.parse().ok()).map(RecordId);
    let written = fs::metadata(path).and_then(|found| found.modified()).ok();
    let since_epoch = written.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let written = since_epoch.and_then(|age| i64::try_from(age.as_millis()).ok()).map(Timestamp);
    let spec = fs::read(path.with_extension("json"))
        .map_err(|error| format!("its description cannot be read: {error}"))
        .and_then(|text| {
            serde_json::from_slice(&text)
                .map_err(|error| format!("its description makes no sense: {error}"))
        });
    ArchivedKey { file, record, written, spec }
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

/// The file that holds these bytes already, or the first free name for them.
fn free_place(
    archive: &Path,
    node: NodeKey,
    spec: &NodeSpec,
    bytes: &[u8],
) -> HostResult<(PathBuf, bool)> {
    let mut attempt = 1_u32;
    loop {
        let place = place(archive, node, spec, attempt);
        match fs::read(&place) {
            Ok(found) if found == bytes => return Ok((place, true)),
            Ok(_) => attempt += 1,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((place, false));
            }
            Err(error) => {
                return Err(HostError::io(format!("read {}", place.display()), error));
            }
        }
    }
}
