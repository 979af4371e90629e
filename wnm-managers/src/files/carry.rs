//! A node's data on its way to another disk.

use std::path::PathBuf;

use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{NodeKey, NodeSpec};
use wnm_core::observe::FaultKind;

use super::key::sha256;
use super::{DiskFiles, aside, entries, guard};

/// Where a copy is made whole before it gets its name: a name that no node carries.
fn coming(node: NodeKey, to: &NodeSpec) -> PathBuf {
    to.storage.join(format!(".coming-{}-{}", to.id, node.record))
}

pub(super) fn carry(
    files: &DiskFiles,
    node: NodeKey,
    spec: &NodeSpec,
    to: &NodeSpec,
) -> HostResult<Change> {
    let hands = files.hands.as_ref();
    let name = spec.program.identity_file();
    // Not mounted is not empty: without its marker nothing is put there.
    entries(&to.storage)?;
    if !hands.is_there(&spec.data)? {
        // Set aside already, by a run that died: what was carried is all there is of the node.
        let old = aside(node, spec).join(name);
        let is_same = hands.is_there(&old)?
            && hands.is_there(&to.data.join(name))?
            && hands.read_key(&old)? == hands.read_key(&to.data.join(name))?;
        return match is_same {
            true => Ok(Change::AlreadySo),
            false => {
                let op =
                    format!("{} is gone, and is not in {}", spec.data.display(), to.data.display());
                Err(HostError::new(op, FaultKind::NotFound))
            }
        };
    }
    guard::inside(&spec.data, &spec.storage)?;
    let key = hands.read_key(&spec.data.join(name))?;
    discard_earlier(files, node, to, &key)?;
    let coming = coming(node, to);
    let copied = hands.copy_tree(&spec.data, &coming).and_then(|()| {
        let same = sha256(&hands.read_key(&coming.join(name))?) == sha256(&key);
        let op = || format!("the key in {} is not the same", coming.display());
        if same { Ok(()) } else { Err(HostError::new(op(), FaultKind::Failed)) }
    });
    if let Err(error) = copied.and_then(|()| hands.rename(&coming, &to.data)) {
        // The node goes on where it was: a copy of its key beside it, and on a full disk any copy, is
        // in the way. The first error is the one.
        let _ = hands.remove_tree(&coming);
        return Err(error);
    }
    if let Err(error) = hands.sync_directory(&to.storage) {
        let _ = files.remove_tree(&to.data, &to.storage);
        return Err(error);
    }
    Ok(Change::Made)
}

/// What an earlier try left there, and nothing else: the node has run since, so it is older.
fn discard_earlier(files: &DiskFiles, node: NodeKey, to: &NodeSpec, key: &[u8]) -> HostResult<()> {
    let hands = files.hands.as_ref();
    let coming = coming(node, to);
    if hands.is_there(&coming)? {
        files.remove_tree(&coming, &to.storage)?;
    }
    if !hands.is_there(&to.data)? {
        return Ok(());
    }
    let there = to.data.join(to.program.identity_file());
    if !hands.is_there(&there)? || hands.read_key(&there)? != key {
        let op = format!("{} is there, and is not of this node", to.data.display());
        return Err(HostError::new(op, FaultKind::Conflict));
    }
    files.remove_tree(&to.data, &to.storage)
}
