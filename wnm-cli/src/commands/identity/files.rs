//! Files with keys, outside of the archive.
#![expect(clippy::disallowed_methods, reason = "the shell module that writes and reads backups")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use wnm_core::model::Timestamp;
use wnm_managers::Seal;

use crate::error::CliError;
use crate::exit::Exit;

/// The file that was named, or one of this day's name in the directory that was.
pub(super) fn named(to: &Path, how: &Seal, now: Timestamp) -> PathBuf {
    if !to.is_dir() {
        return to.to_owned();
    }
    let kind = if matches!(how, Seal::None) { "json" } else { "age" };
    let day = now.to_string().replace([' ', ':'], "-");
    to.join(format!("wnm-identities-{day}.{kind}"))
}

pub(super) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// A new file, for us alone, whole and on the disk; one that is there is never written over.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        let problem = format!("failed to write {}: {error}", path.display());
        CliError::new(Exit::Failed, problem).hint("nothing else was done")
    };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a backup is none; the error that matters is the first.
        let _ = fs::remove_file(path);
        return Err(failed(error));
    }
    let place = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(place).and_then(|directory| directory.sync_all()).map_err(failed)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(path)
        .map_err(|error| CliError::usage(format!("cannot read {}: {error}", path.display())))
}
