//! The archive of node keys. A key that is in it stays; an equal one is not written twice, a
//! different one never over another.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{NodeKey, NodeSpec};
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

/// The file that holds these bytes already, or the first free name for them.
fn free_place(
    archive: &Path,
    node: NodeKey,
    spec: &NodeSpec,
    bytes: &[u8],
) -> HostResult<(PathBuf, bool)> {
    let mut attempt = 1_u32;
    loop {
        let suffix = if attempt == 1 { String::new() } else { format!("-{attempt}") };
        let name = format!("{}-{}-{}{suffix}.key", spec.id, node.record, spec.program);
        let place = archive.join(name);
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
