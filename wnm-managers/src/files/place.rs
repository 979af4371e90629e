//! A node's directory, with its own copy of the program in it.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{NodeSpec, Release};
use wnm_core::observe::FaultKind;

use super::{is_there, sync_directory};

/// Where a directory is put together before it gets its name.
pub(super) fn staging(spec: &NodeSpec) -> PathBuf {
    spec.storage.join(format!(".new-{}", spec.id))
}

/// The directory comes into being whole, by one rename: a crash leaves a node or none.
pub(super) fn prepare(spec: &NodeSpec, release: &Release) -> HostResult<Change> {
    if is_there(&spec.data)? {
        return check(spec, Some(release));
    }
    let staging = staging(spec);
    if is_there(&staging)? {
        // Left by a run that died; its name says that no node ever ran in it.
        fs::remove_dir_all(&staging)
            .map_err(|error| HostError::io(format!("clear {}", staging.display()), error))?;
    }
    let built = build(&staging, spec, release);
    if built.is_err() {
        // A half-made directory on a full disk would keep it full.
        let _ = fs::remove_dir_all(&staging);
    }
    built?;
    make_directory(&spec.logs)?;
    fs::rename(&staging, &spec.data)
        .map_err(|error| HostError::io(format!("name {}", spec.data.display()), error))?;
    sync_directory(&spec.storage)?;
    Ok(Change::Made)
}

fn build(staging: &Path, spec: &NodeSpec, release: &Release) -> HostResult<()> {
    make_directory(staging)?;
    copy_program(staging, spec, release)?;
    sync_directory(staging)
}

/// The data must be there. Logs, a missing program and the key's permissions are put right.
pub(super) fn check(spec: &NodeSpec, release: Option<&Release>) -> HostResult<Change> {
    if !is_there(&spec.data)? {
        let op = format!("{} is gone: {} is not started", spec.data.display(), spec.id);
        return Err(HostError::new(op, FaultKind::NotFound));
    }
    let mut change = Change::AlreadySo;
    if !is_there(&spec.logs)? {
        make_directory(&spec.logs)?;
        change = Change::Made;
    }
    if !is_there(&spec.binary)? {
        let gone = || {
            let op = format!("{} is gone, and there is no program to copy", spec.binary.display());
            HostError::new(op, FaultKind::NotFound)
        };
        copy_program(&spec.data, spec, release.ok_or_else(gone)?)?;
        sync_directory(&spec.data)?;
        change = Change::Made;
    }
    if make_private(&spec.data.join(spec.program.identity_file()))? {
        change = Change::Made;
    }
    Ok(change)
}

/// The program and what lies beside it in a release, for this node alone: programs replace
/// themselves, and one that only has its binary may find no peers.
fn copy_program(directory: &Path, spec: &NodeSpec, release: &Release) -> HostResult<()> {
    copy(&release.path, &directory.join(spec.program.binary_name()), 0o755)?;
    for name in spec.program.companions() {
        let from = release.path.with_file_name(name);
        let to = directory.join(name);
        if is_there(&from)? && !is_there(&to)? {
            copy(&from, &to, 0o644)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, mode: u32) -> HostResult<()> {
    let op = || format!("copy {} to {}", from.display(), to.display());
    let beside = to.with_extension("new");
    let copied = (|| {
        fs::copy(from, &beside)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(mode))?;
        fs::File::open(&beside)?.sync_all()?;
        fs::rename(&beside, to)
    })();
    if copied.is_err() {
        let _ = fs::remove_file(&beside);
    }
    copied.map_err(|error| HostError::io(op(), error))
}

fn make_directory(path: &Path) -> HostResult<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| HostError::io(format!("make {}", path.display()), error))
}

/// `ant-node` writes its key readable for everybody. True when that had to be mended.
pub(super) fn make_private(key: &Path) -> HostResult<bool> {
    let op = || format!("make {} private", key.display());
    let mode = match fs::symlink_metadata(key) {
        Ok(found) if found.is_file() => found.permissions().mode(),
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(HostError::io(op(), error)),
    };
    if mode & 0o077 == 0 {
        return Ok(false);
    }
    fs::set_permissions(key, fs::Permissions::from_mode(0o600))
        .map_err(|error| HostError::io(op(), error))?;
    Ok(true)
}
