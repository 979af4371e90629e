//! Files of a former manager that lie where wnm's own must lie: they get another name.
#![expect(clippy::disallowed_methods, reason = "the shell module that renames what is in the way")]

use std::fs;
use std::path::{Path, PathBuf};

use wnm_core::host::{HostError, HostResult};
use wnm_core::model::Timestamp;
use wnm_core::observe::FaultKind;

use super::journal::stamp;

/// The names that files get: `colony.db.python-2026-11-30…`, and those that belong to a database
/// with it.
pub(super) fn aside(files: &[PathBuf], at: Timestamp) -> Vec<(PathBuf, PathBuf)> {
    let suffixes = ["-wal", "-shm", "-journal", ""];
    let named = |path: &Path, end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let pair = |path: &PathBuf, suffix: &str| {
        let to = named(path, &format!(".python-{}{suffix}", stamp(at)));
        (named(path, suffix), to)
    };
    files.iter().flat_map(|path| suffixes.map(|suffix| pair(path, suffix))).collect()
}

/// What is not there was renamed before, or never was. Nothing is written over.
pub(super) fn rename(from: &Path, to: &Path) -> HostResult<()> {
    let op = || format!("rename {} to {}", from.display(), to.display());
    let is_there = |path: &Path| match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(HostError::io(op(), error)),
    };
    if !is_there(from)? {
        return Ok(());
    }
    if is_there(to)? {
        return Err(HostError::with(op(), FaultKind::Conflict, "that is there already"));
    }
    fs::rename(from, to).map_err(|error| HostError::io(op(), error))
}
