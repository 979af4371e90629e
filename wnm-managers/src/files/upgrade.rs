//! Another program in the place of a node's: put beside it, tried, swapped in by one rename, and put
//! back from what was kept. Everything lies in the storage root, beside the node's directory, under
//! names that no node carries: what a failing program does to its own data does not reach it.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{Installed, NodeSpec, Program, Release, Version};
use wnm_core::observe::FaultKind;

use super::guard;
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
    if hands.is_there(&kept(spec).join(program))? && has(hands, spec)? == release.version {
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

/// What lies in the node's directory. That it does not answer says nothing: on a busy machine the
/// best program is slow to.
fn has(hands: &dyn Hands, spec: &NodeSpec) -> HostResult<Version> {
    version_of(hands, spec.program, &spec.binary).map_err(|error| {
        let op = format!(
            "{}; should it be broken for good, delete it: `wnm restart {}` then puts a sound one there",
            error.op, spec.id
        );
        HostError { op, ..error }
    })
}

/// The node is stopped. `from` is what it had when this was decided.
pub(super) fn replace(
    hands: &dyn Hands,
    spec: &NodeSpec,
    version: &Version,
    from: Option<&Version>,
) -> HostResult<Change> {
    let (next, program) = (next(spec), spec.program.binary_name());
    let (staged, has) = (next.join(program), has(hands, spec)?);
    if has == *version && hands.is_there(&kept(spec).join(program))? {
        return Ok(Change::AlreadySo);
    }
    if from.is_some_and(|from| has > *from) {
        let op = format!(
            "{} has {has} by now, which came by itself: {version} is not put in its place",
            spec.id
        );
        return Err(HostError::new(op, FaultKind::Refused));
    }
    if !hands.is_there(&staged)? {
        let op = format!("{version} was not put beside the program of {}", spec.id);
        return Err(HostError::new(op, FaultKind::NotFound));
    }
    let was_kept = hands.is_there(&kept(spec))?;
    if let Err(error) = swap(hands, spec, &staged) {
        // The old program goes on, and with it what belongs to it; the first error is the one.
        let _ = give_up(hands, spec, was_kept);
        return Err(error);
    }
    // From here on the new program is in its place, and an error would say that it is not. A power cut
    // may bring the old one back, which the next look sees; what is left over is cleared away with
    // what is kept.
    let _ = hands.sync_directory(&spec.data);
    let _ = hands.remove_tree(&next);
    Ok(Change::Made)
}

fn swap(hands: &dyn Hands, spec: &NodeSpec, staged: &Path) -> HostResult<()> {
    let next = next(spec);
    keep(hands, spec)?;
    for name in spec.program.companions() {
        if hands.is_there(&next.join(name))? {
            hands.rename(&next.join(name), &spec.data.join(name))?;
        }
    }
    hands.rename(staged, &spec.binary)
}

/// All as it was before, and nothing left beside it: what was kept by a run before this one is not
/// ours to judge.
fn give_up(hands: &dyn Hands, spec: &NodeSpec, was_kept: bool) -> HostResult<()> {
    let kept = kept(spec);
    if hands.is_there(&kept)? {
        companions_back(hands, spec)?;
    }
    let new = (!was_kept).then_some(kept);
    for leftover in [next(spec), keeping(spec)].into_iter().chain(new) {
        if hands.is_there(&leftover)? {
            hands.remove_tree(&leftover)?;
        }
    }
    Ok(())
}

/// What lay beside the program before, from what is kept, which stays.
fn companions_back(hands: &dyn Hands, spec: &NodeSpec) -> HostResult<()> {
    for name in spec.program.companions() {
        let (was, is) = (kept(spec).join(name), spec.data.join(name));
        match hands.is_there(&was)? {
            true => hands.copy_own(&was, &is, 0o644)?,
            false => hands.remove_file(&is)?,
        }
    }
    Ok(())
}

/// The program and what lies beside it under second names, which cost no space, and the key, which
/// a program may write over in place.
fn keep(hands: &dyn Hands, spec: &NodeSpec) -> HostResult<()> {
    let (keeping, kept) = (keeping(spec), kept(spec));
    if keeps_what_is_there(hands, spec)? {
        // A run that died here may have put companions of the new program in their place already.
        return keep_key(hands, spec, &kept);
    }
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
    keep_key(hands, spec, &keeping)?;
    hands.sync_directory(&keeping)?;
    hands.rename(&keeping, &kept)?;
    hands.sync_directory(&spec.storage)
}

fn keep_key(hands: &dyn Hands, spec: &NodeSpec, place: &Path) -> HostResult<()> {
    let key = spec.program.identity_file();
    if !hands.is_there(&spec.data.join(key))? {
        return Ok(());
    }
    hands.copy_own(&spec.data.join(key), &place.join(key), 0o600)
}

/// True when the kept program and the one in its place are one file, or two with the same bytes where
/// there are no second names. What is kept has its name only once it is whole.
fn keeps_what_is_there(hands: &dyn Hands, spec: &NodeSpec) -> HostResult<bool> {
    let kept = kept(spec).join(spec.program.binary_name());
    if !hands.is_there(&kept)? {
        return Ok(false);
    }
    let stamps = hands.stamps(&[&kept, &spec.binary]);
    match stamps[..] {
        [Some(kept), Some(there)] if kept.inode == there.inode => Ok(true),
        _ => Ok(hands.sha256(&kept)? == hands.sha256(&spec.binary)?),
    }
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
    hands.copy_own(&was, &is, 0o600)
}

pub(super) fn drop_kept(hands: &dyn Hands, spec: &NodeSpec) -> HostResult<Change> {
    let mut change = Change::AlreadySo;
    for leftover in [next(spec), keeping(spec), kept(spec)] {
        if hands.is_there(&leftover)? {
            guard::inside(&leftover, &spec.storage)?;
            hands.remove_tree(&leftover)?;
            change = Change::Made;
        }
    }
    Ok(change)
}
