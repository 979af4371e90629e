//! A node that comes back with its key, and who might have that key meanwhile.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{NodeSpec, Program, Release, Returning};
use wnm_core::observe::FaultKind;

use super::bundle::HeldKey;
use super::key::{fingerprint, sha256};
use super::{DiskFiles, MARKER, entries, moved, place, write_durably};
use crate::process::pids_below;

/// The directory comes into being whole, with its key in it, by one rename.
pub(super) fn bring_back(
    files: &DiskFiles,
    spec: &NodeSpec,
    release: &Release,
    key: &Returning,
) -> HostResult<Change> {
    let hands = files.hands.as_ref();
    let name = spec.program.identity_file();
    if hands.is_there(&spec.data)? {
        let own = spec.data.join(name);
        if !hands.is_there(&own)? || sha256(&hands.read_key(&own)?) != key.sha256 {
            let op = format!("{} is there, without that key in it", spec.data.display());
            return Err(HostError::new(op, FaultKind::Conflict));
        }
        place::check(hands, spec, Some(release))?;
        discard(key)?;
        return Ok(Change::AlreadySo);
    }
    let bytes = waiting(key)?;
    let print = fingerprint(spec.program, &bytes);
    moved::refuse(&files.archive.place, &print)?;
    if let Some(user) = user_of(files, spec.program, &print)? {
        let op = format!("{user} has that key: one identity never runs in two places");
        return Err(HostError::new(op, FaultKind::Conflict));
    }
    place::make_whole(hands, spec, &|staging| {
        place::build(hands, staging, spec, release)?;
        hands.copy(&key.file, &staging.join(name), 0o600)?;
        hands.sync_directory(staging)
    })?;
    discard(key)?;
    Ok(Change::Made)
}

/// The key that waits, whole.
fn waiting(key: &Returning) -> HostResult<Vec<u8>> {
    let op = || format!("read {}", key.file.display());
    let bytes = fs::read(&key.file).map_err(|error| HostError::io(op(), error))?;
    match sha256(&bytes) == key.sha256 {
        true => Ok(bytes),
        false => {
            let why = "it is not the key that was asked for".to_owned();
            Err(HostError::with(op(), FaultKind::Refused, why))
        }
    }
}

/// What a key is called that waits to come back.
const WAITING: &str = ".returning-";

/// While it lives nobody clears away what was laid ready: until a request names it, nothing else shows
/// that it is wanted. The kernel lets go of it when this process ends, however it ends.
#[derive(Debug)]
pub struct LaidReady {
    _archive: Flock<File>,
}

/// Lays a key where only we and the next cycle look.
pub(super) fn lay_ready(archive: &Path, held: &HeldKey) -> HostResult<(Returning, LaidReady)> {
    let op = || format!("lock {}", archive.display());
    let directory = File::open(archive).map_err(|error| HostError::io(op(), error))?;
    // Others may lay keys ready as well; whoever clears away takes it for himself.
    let lock = Flock::lock(directory, FlockArg::LockShared)
        .map_err(|(_, error)| HostError::io(op(), error.into()))?;
    let returning = returning(archive, held);
    write_durably(&returning.file, &held.key, 0o600)?;
    Ok((returning, LaidReady { _archive: lock }))
}

/// Deletes keys that were laid ready by a run that died before anything named them: a copy of a key that
/// may be sealed in the archive must not lie there for ever. `awaited` is asked when nobody can lay
/// another one, and tells which are named.
pub(super) fn clear_waiting(
    archive: &Path,
    awaited: &dyn Fn() -> HostResult<Vec<PathBuf>>,
) -> HostResult<()> {
    let waiting = |name: &String| name.trim_start_matches('.').starts_with(&WAITING[1..]);
    let op = || format!("look into {}", archive.display());
    let names = || -> std::io::Result<Vec<String>> {
        let names = fs::read_dir(archive)?.flatten().map(|entry| entry.file_name());
        Ok(names.filter_map(|name| name.into_string().ok()).filter(waiting).collect())
    };
    // There is no archive before there is a key in it.
    if names().unwrap_or_default().is_empty() {
        return Ok(());
    }
    let directory = File::open(archive).map_err(|error| HostError::io(op(), error))?;
    let Ok(_alone) = Flock::lock(directory, FlockArg::LockExclusiveNonblock) else {
        return Ok(());
    };
    let names = names().map_err(|error| HostError::io(op(), error))?;
    let awaited = awaited()?;
    for path in names.iter().map(|name| archive.join(name)) {
        if !awaited.contains(&path) {
            remove(&path)?;
        }
    }
    Ok(())
}

pub(super) fn returning(archive: &Path, held: &HeldKey) -> Returning {
    let sha256 = sha256(&held.key);
    let file = archive.join(format!("{WAITING}{}", &sha256[..16]));
    let spec = &held.story.spec;
    let (program, wallet, was) = (spec.program, spec.wallet, Some(spec.id));
    Returning { file, sha256, program, wallet, was }
}

/// What waited is in its place, or waits for nothing any more.
pub(super) fn discard(key: &Returning) -> HostResult<()> {
    remove(&key.file)
}

fn remove(path: &Path) -> HostResult<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(HostError::io(format!("delete {}", path.display()), error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The data directory, with or without a process, that has this key. What cannot be looked at among
/// our own is an error: who knows what is in it.
pub(super) fn user_of(
    files: &DiskFiles,
    program: Program,
    print: &str,
) -> HostResult<Option<String>> {
    let hands = files.hands.as_ref();
    let has = |data: &Path| -> HostResult<bool> {
        let key = data.join(program.identity_file());
        Ok(hands.is_there(&key)? && fingerprint(program, &hands.read_key(&key)?) == print)
    };
    for root in &files.roots {
        for name in entries(root)?.iter().filter(|name| *name != MARKER && !name.starts_with('.')) {
            let data = root.join(name);
            if data.is_dir() && has(&data)? {
                return Ok(Some(data.display().to_string()));
            }
        }
    }
    // Of others, what we may look at.
    for (data, pids) in pids_below(&[PathBuf::from("/")])? {
        let is_ours = files.roots.iter().any(|root| data.starts_with(root));
        if !is_ours && has(&data).unwrap_or(false) {
            let pid = pids.first().copied().unwrap_or_default();
            return Ok(Some(format!("process {pid} with {}", data.display())));
        }
    }
    Ok(None)
}
