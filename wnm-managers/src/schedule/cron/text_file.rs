//! A text on its way to `crontab`.
//!
//! A file and not a pipe: when a pipe breaks off, `crontab` takes what came for all there is, and
//! the lines of everybody else are gone. A file is whole before `crontab` starts.
#![expect(clippy::disallowed_methods, reason = "the shell module that writes and removes the file")]

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::FaultKind;

/// Names to try: one may be taken by what a killed process of the same id left.
const TRIES: u32 = 100;

/// A complete file that only its owner reads; removed when dropped.
pub(super) struct TextFile {
    path: PathBuf,
}

impl TextFile {
    /// A new file in `directory`, which may be anybody's to write to: no file or link that is
    /// there already is ever opened.
    pub(super) fn write(directory: &Path, text: &str) -> HostResult<TextFile> {
        let (text_file, mut file) = TextFile::create(directory)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let op = || format!("write {}", text_file.path.display());
        written.map_err(|error| HostError::io(op(), error))?;
        Ok(text_file)
    }

    /// Where it lies.
    pub(super) fn path(&self) -> String {
        self.path.display().to_string()
    }

    fn create(directory: &Path) -> HostResult<(TextFile, File)> {
        for number in 0..TRIES {
            let path = directory.join(format!("wnm-crontab-{}-{number}", std::process::id()));
            let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            match opened {
                Ok(file) => return Ok((TextFile { path }, file)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(HostError::io(format!("create {}", path.display()), error));
                }
            }
        }
        let op = format!("every name for a file in {} is taken", directory.display());
        Err(HostError::new(op, FaultKind::Conflict))
    }
}

impl Drop for TextFile {
    fn drop(&mut self) {
        // One that stays is private, and harms nobody.
        let _ = fs::remove_file(&self.path);
    }
}
