//! Files that are whole or not there.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use wnm_core::host::{HostError, HostResult};

/// Writes beside, flushes to the disk, renames over: a reader or a power cut sees the old file or
/// the new one.
pub(crate) fn write_durably(path: &Path, bytes: &[u8], mode: u32) -> HostResult<()> {
    let op = || format!("write {}", path.display());
    let beside = beside(path);
    let write = || {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    if let Err(error) = write() {
        // What is half written is no use to anybody; the error that matters is the first.
        let _ = fs::remove_file(&beside);
        return Err(HostError::io(op(), error));
    }
    match path.parent() {
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}

/// Makes renames and new names in a directory survive a power cut.
pub(crate) fn sync_directory(path: &Path) -> HostResult<()> {
    fs::File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| HostError::io(format!("flush {}", path.display()), error))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}
