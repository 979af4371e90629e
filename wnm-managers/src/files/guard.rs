//! What may be touched at all. Every path that is renamed or deleted passes here first.

use std::fs;
use std::path::Path;

use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{ManagerKind, NodeSpec};
use wnm_core::observe::FaultKind;

use crate::hands::Hands;

/// A node's directory is a child of its storage root and carries its name. One that was taken over
/// keeps the name it had; that it is a node's is then told by the key in it.
pub(super) fn own_name(hands: &dyn Hands, spec: &NodeSpec) -> HostResult<()> {
    let is_child = spec.data.parent() == Some(spec.storage.as_path());
    if is_child && (carries_name(&spec.data, spec) || is_adopted(hands, spec)?) {
        return Ok(());
    }
    refuse(&spec.data, &spec.storage)
}

fn is_adopted(hands: &dyn Hands, spec: &NodeSpec) -> HostResult<bool> {
    let adopts = matches!(spec.manager.kind, ManagerKind::Systemd | ManagerKind::Setsid);
    Ok(adopts
        && spec.service.is_some()
        && hands.is_there(&spec.data.join(spec.program.identity_file()))?)
}

/// The directory that a node's logs lie in, provided that they carry the node's name.
pub(super) fn log_root(spec: &NodeSpec) -> HostResult<&Path> {
    match spec.logs.parent() {
        Some(root) if carries_name(&spec.logs, spec) => Ok(root),
        // Logs among the data are deleted with it; the ant daemon puts them one level deeper.
        Some(root) if root == spec.data || carries_name(root, spec) => Ok(root),
        _ => refuse(&spec.logs, Path::new("a log directory of its own")),
    }
}

/// Its own name, or the one that its manager has for it.
fn carries_name(path: &Path, spec: &NodeSpec) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name == spec.id.to_string() || name == spec.service())
}

/// `path` is a real directory strictly inside `root`, with every link resolved.
pub(super) fn inside(path: &Path, root: &Path) -> HostResult<()> {
    let look = |path: &Path| {
        fs::canonicalize(path)
            .map_err(|error| HostError::io(format!("resolve {}", path.display()), error))
    };
    let link = fs::symlink_metadata(path)
        .map_err(|error| HostError::io(format!("look at {}", path.display()), error))?
        .is_symlink();
    let (real, real_root) = (look(path)?, look(root)?);
    if !link && real != real_root && real.starts_with(&real_root) {
        return Ok(());
    }
    refuse(path, root)
}

fn refuse<T>(path: &Path, root: &Path) -> HostResult<T> {
    let op = format!(
        "{} does not lie inside {} with its links resolved: it is not touched",
        path.display(),
        root.display()
    );
    Err(HostError::new(op, FaultKind::Refused))
}
