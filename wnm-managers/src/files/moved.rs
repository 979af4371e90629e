//! Keys that have moved to another machine: a word in the archive for each, so that this one neither
//! starts nor brings back a node with them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::FaultKind;

use super::write_durably;

const ENDING: &str = "moved";

fn word(archive: &Path, fingerprint: &str) -> PathBuf {
    archive.join(format!("{fingerprint}.{ENDING}"))
}

/// Where the key has moved to, if it has.
pub(super) fn of(archive: &Path, fingerprint: &str) -> HostResult<Option<String>> {
    let path = word(archive, fingerprint);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HostError::io(format!("read {}", path.display()), error)),
    }
}

/// Whether any key has.
pub(super) fn any(archive: &Path) -> bool {
    let is_word = |entry: fs::DirEntry| entry.path().extension().is_some_and(|it| it == ENDING);
    fs::read_dir(archive).is_ok_and(|entries| entries.flatten().any(is_word))
}

pub(super) fn mark(archive: &Path, fingerprint: &str, to: &str) -> HostResult<()> {
    write_durably(&word(archive, fingerprint), format!("{to}\n").as_bytes(), 0o600)
}

pub(super) fn unmark(archive: &Path, fingerprint: &str) -> HostResult<()> {
    let path = word(archive, fingerprint);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(HostError::io(format!("delete {}", path.display()), error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(super) fn refuse(archive: &Path, fingerprint: &str) -> HostResult<()> {
    match of(archive, fingerprint)? {
        None => Ok(()),
        Some(to) => {
            let op = format!(
                "its key has moved to another machine with {to}: if it runs nowhere else, \
                 `wnm identity restore --back` takes it back"
            );
            Err(HostError::new(op, FaultKind::Refused))
        }
    }
}
