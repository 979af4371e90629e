//! A node's directory, with its own copy of the program in it.

use std::path::{Path, PathBuf};

use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{NodeSpec, Release};
use wnm_core::observe::FaultKind;

use crate::hands::Hands;

/// Where a directory is put together before it gets its name.
pub(super) fn staging(spec: &NodeSpec) -> PathBuf {
    spec.storage.join(format!(".new-{}", spec.id))
}

/// The directory comes into being whole, by one rename: a crash leaves a node or none.
pub(super) fn prepare(hands: &dyn Hands, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
    if hands.is_there(&spec.data)? {
        return check(hands, spec, Some(release));
    }
    make_whole(hands, spec, &|staging| build(hands, staging, spec, release))
}

/// Puts a node's directory together under a name that no node carries, and gives it its own.
pub(super) fn make_whole(
    hands: &dyn Hands,
    spec: &NodeSpec,
    fill: &dyn Fn(&Path) -> HostResult<()>,
) -> HostResult<Change> {
    let staging = staging(spec);
    if hands.is_there(&staging)? {
        // Left by a run that died; its name says that no node ever ran in it.
        hands.remove_tree(&staging)?;
    }
    let filled = fill(&staging);
    if filled.is_err() {
        // A half-made directory on a full disk would keep it full.
        let _ = hands.remove_tree(&staging);
    }
    filled?;
    hands.make_directory(&spec.logs)?;
    hands.rename(&staging, &spec.data)?;
    hands.sync_directory(&spec.storage)?;
    Ok(Change::Made)
}

/// Everything that a new node is made of, but its name.
pub(super) fn build(
    hands: &dyn Hands,
    staging: &Path,
    spec: &NodeSpec,
    release: &Release,
) -> HostResult<()> {
    hands.make_directory(staging)?;
    copy_program(hands, staging, spec, release)?;
    hands.sync_directory(staging)
}

/// The data must be there. Logs, a missing program and the key's permissions are put right.
pub(super) fn check(
    hands: &dyn Hands,
    spec: &NodeSpec,
    release: Option<&Release>,
) -> HostResult<Change> {
    if !hands.is_there(&spec.data)? {
        let op = format!("{} is gone: {} is not started", spec.data.display(), spec.id);
        return Err(HostError::new(op, FaultKind::NotFound));
    }
    let mut change = Change::AlreadySo;
    if !hands.is_there(&spec.logs)? {
        hands.make_directory(&spec.logs)?;
        change = Change::Made;
    }
    if !hands.is_there(&spec.binary)? {
        let gone = || {
            let op = format!("{} is gone, and there is no program to copy", spec.binary.display());
            HostError::new(op, FaultKind::NotFound)
        };
        copy_program(hands, &spec.data, spec, release.ok_or_else(gone)?)?;
        hands.sync_directory(&spec.data)?;
        change = Change::Made;
    }
    if hands.make_private(&spec.data.join(spec.program.identity_file()))? {
        change = Change::Made;
    }
    Ok(change)
}

/// The program and what lies beside it in a release, for this node alone: programs replace
/// themselves, and one that only has its binary may find no peers.
pub(super) fn copy_program(
    hands: &dyn Hands,
    directory: &Path,
    spec: &NodeSpec,
    release: &Release,
) -> HostResult<()> {
    copy_verified(hands, release, &directory.join(spec.program.binary_name()))?;
    for name in spec.program.companions() {
        let from = release.path.with_file_name(name);
        let to = directory.join(name);
        if hands.is_there(&from)? && !hands.is_there(&to)? {
            hands.copy(&from, &to, 0o644)?;
        }
    }
    Ok(())
}

/// What was verified when it was taken in may have changed on the disk since: a program gets its name
/// only when it still is what it was.
fn copy_verified(hands: &dyn Hands, release: &Release, to: &Path) -> HostResult<()> {
    let Some(wanted) = &release.sha256 else { return hands.copy(&release.path, to, 0o755) };
    let coming = to.with_extension("coming");
    hands.copy(&release.path, &coming, 0o755)?;
    let found = hands.sha256(&coming).and_then(|found| match found == *wanted {
        true => hands.rename(&coming, to),
        false => {
            let op = format!(
                "{} is not what it was when it was verified: it has the SHA-256 {found}, and should \
                 have {wanted}. No node is given it: `wnm binary verify` says more, and `wnm binary \
                 fetch {}` brings it again",
                release.path.display(),
                release.version
            );
            Err(HostError::new(op, FaultKind::Conflict))
        }
    });
    if found.is_err() {
        let _ = hands.remove_file(&coming);
    }
    found
}
