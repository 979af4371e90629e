//! Another program in the place of a node's: put beside it, tried, swapped in by one rename, and put
//! back from what was kept. Everything lies in the storage root, beside the node's directory, under
//! names that no node carries: what a failing program does to its own data does not reach it.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{Installed, NodeSpec, Program, Release, Version};
use wnm_core::observe::FaultKind;

use super::place::copy_program;
use crate::hands::{Hands, hex};

/// What is to come.
pub(super) fn next(spec: &NodeSpec) -> PathBuf {
    spec.storage.join(format!(".next-{}", spec.id))
}

/// What was before.
pub(super) fn kept(spec: &NodeSpec) -> PathBuf {
    spec.storage.join(format!(".kept-{}", spec.id))
}

/// What was before, while it is put together.
pub(super) fn keeping(spec: &NodeSpec) -> PathBuf {
    spec.storage.join(format!(".keeping-{}", spec.id))
}

/// So much of a hash tells one key from another.
const FINGERPRINT: usize = 16;

pub(super) fn examine(
    hands: &dyn Hands,
    spec: &NodeSpec,
    known: Option<&Installed>,
) -> HostResult<Installed> {
    let stamp = hands.stamps(&[&spec.binary]).into_iter().next().flatten();
    let stamp = stamp.ok_or_else(|| {
        let op = format!("{} cannot be seen", spec.binary.display());
        HostError::new(op, FaultKind::NotFound)
    })?;
    let same = known.filter(|known| known.stamp == stamp);
    let (version, sha256) = match same {
        Some(known) => (known.version.clone(), known.sha256.clone()),
        None => (version_of(hands, spec.program, &spec.binary)?, hands.sha256(&spec.binary)?),
    };
    Ok(Installed { stamp, version, sha256, identity: fingerprint(hands, spec)? })
}

/// Tells one key from another, and nothing of the key.
fn fingerprint(hands: &dyn Hands, spec: &NodeSpec) -> HostResult<Option<String>> {
    let key = spec.data.join(spec.program.identity_file());
    if !hands.is_there(&key)? {
        return Ok(None);
    }
    let mut text = hex(&Sha256::digest(hands.read_key(&key)?));
    text.truncate(FINGERPRINT);
    Ok(Some(text))
}

fn version_of(hands: &dyn Hands, program: Program, path: &Path) -> HostResult<Version> {
    let text = hands.ask_version(path)?;
    match Program::identify(text.trim()) {
        Some((found, version)) if found == program => Ok(version),
        _ => {
            let line = text.lines().next().unwrap_or("nothing");
            let op = format!("{} is no {program}: `--version` printed `{line}`", path.display());
            Err(HostError::new(op, FaultKind::Garbled))
        }
    }
}

pub(super) fn stage(hands: &dyn Hands, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
    let (next, program) = (next(spec), spec.program.binary_name());
    // A run that died after it had put the release in its place: what was kept must not be lost.
    if hands.is_there(&kept(spec).join(program))? && has(hands, spec, &release.version) {
        return Ok(Change::AlreadySo);
    }
    if hands.is_there(&next)? {
        hands.remove_tree(&next)?;
    }
    let staged = put_beside(hands, spec, release, &next);
    if staged.is_err() {
        // Half a program on a full disk would keep it full; the first error is the one.
        let _ = hands.remove_tree(&next);
    }
    staged.map(|()| Change::Made)
}

fn put_beside(
    hands: &dyn Hands,
    spec: &NodeSpec,
    release: &Release,
    next: &Path,
) -> HostResult<()> {
    hands.make_directory(next)?;
    copy_program(hands, next, spec, release)?;
    hands.sync_directory(next)?;
    let version = version_of(hands, spec.program, &next.join(spec.program.binary_name()))?;
    if version == release.version {
        return Ok(());
    }
    let op = format!(
        "{} is {version} by now, and {} was meant: it is not installed",
        release.path.display(),
        release.version
    );
    Err(HostError::new(op, FaultKind::Conflict))
}

fn has(hands: &dyn Hands, spec: &NodeSpec, version: &Version) -> bool {
    version_of(hands, spec.program, &spec.binary).is_ok_and(|has| has == *version)
}

/// The node is stopped.
pub(super) fn replace(hands: &dyn Hands, spec: &NodeSpec, version: &Version) -> HostResult<Change> {
    let (next, program) = (next(spec), spec.program.binary_name());
    let staged = next.join(program);
    if !hands.is_there(&staged)? {
        if hands.is_there(&kept(spec).join(program))? && has(hands, spec, version) {
            return Ok(Change::AlreadySo);
        }
        let op = format!("{version} was not put beside the program of {}", spec.id);
        return Err(HostError::new(op, FaultKind::NotFound));
    }
    keep(hands, spec)?;
    for name in spec.program.companions() {
        if hands.is_there(&next.join(name))? {
            hands.rename(&next.join(name), &spec.data.join(name))?;
        }
    }
    hands.rename(&staged, &spec.binary)?;
    hands.sync_directory(&spec.data)?;
    hands.remove_tree(&next)?;
    Ok(Change::Made)
}

/// The program and what lies beside it under second names, which cost no space, and the key, which
/// a program may write over in place.
fn keep(hands: &dyn Hands, spec: &NodeSpec) -> HostResult<()> {
    let (keeping, kept) = (keeping(spec), kept(spec));
    for leftover in [&keeping, &kept] {
        if hands.is_there(leftover)? {
            hands.remove_tree(leftover)?;
        }
    }
    hands.make_directory(&keeping)?;
    hands.link(&spec.binary, &keeping.join(spec.program.binary_name()))?;
    for name in spec.program.companions() {
        if hands.is_there(&spec.data.join(name))? {
            hands.link(&spec.data.join(name), &keeping.join(name))?;
        }
    }
    let key = spec.program.identity_file();
    if hands.is_there(&spec.data.join(key))? {
        hands.copy(&spec.data.join(key), &keeping.join(key), 0o600)?;
    }
    hands.sync_directory(&keeping)?;
    hands.rename(&keeping, &kept)?;
    hands.sync_directory(&spec.storage)
}

/// The node is stopped. `archive` puts the key of a directory into the archive. The program comes
/// last: as long as it is kept, all of this is done again.
pub(super) fn put_back(
    hands: &dyn Hands,
    spec: &NodeSpec,
    archive: &dyn Fn(&Path) -> HostResult<Change>,
) -> HostResult<Change> {
    let (next, kept, program) = (next(spec), kept(spec), spec.program.binary_name());
    if hands.is_there(&next)? {
        hands.remove_tree(&next)?;
    }
    if !hands.is_there(&kept.join(program))? {
        if hands.is_there(&kept)? {
            hands.remove_tree(&kept)?;
        }
        return Ok(Change::AlreadySo);
    }
    put_key_back(hands, spec, &kept, archive)?;
    for name in spec.program.companions() {
        if hands.is_there(&kept.join(name))? {
            hands.rename(&kept.join(name), &spec.data.join(name))?;
        }
    }
    hands.rename(&kept.join(program), &spec.binary)?;
    hands.sync_directory(&spec.data)?;
    hands.remove_tree(&kept)?;
    Ok(Change::Made)
}

/// No key is ever lost: the one that is there now goes into the archive before another one comes in
/// its place.
fn put_key_back(
    hands: &dyn Hands,
    spec: &NodeSpec,
    kept: &Path,
    archive: &dyn Fn(&Path) -> HostResult<Change>,
) -> HostResult<()> {
    let name = spec.program.identity_file();
    let (was, is) = (kept.join(name), spec.data.join(name));
    if !hands.is_there(&was)? {
        return Ok(());
    }
    if hands.is_there(&is)? {
        if hands.read_key(&was)? == hands.read_key(&is)? {
            return Ok(());
        }
        archive(&spec.data)?;
    }
    hands.copy(&was, &is, 0o600)
}

pub(super) fn drop_kept(hands: &dyn Hands, spec: &NodeSpec) -> HostResult<Change> {
    let mut change = Change::AlreadySo;
    for leftover in [next(spec), keeping(spec), kept(spec)] {
        if hands.is_there(&leftover)? {
            hands.remove_tree(&leftover)?;
            change = Change::Made;
        }
    }
    Ok(change)
}
