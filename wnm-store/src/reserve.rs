//! A file that is only there to be given up: a full disk can be relieved only by actions, and no
//! action runs that is not written down first.
#![expect(clippy::disallowed_methods, reason = "the reserve is a file beside the store")]

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Enough for a cycle with its journal.
const SIZE: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Reserve {
    file: PathBuf,
}

impl Reserve {
    pub(crate) fn at(file: PathBuf) -> Reserve {
        Reserve { file }
    }

    /// Gives it up. True when there was something to give.
    pub(crate) fn release(&self) -> bool {
        let released = std::fs::remove_file(&self.file).is_ok();
        if released {
            tracing::warn!(file = %self.file.display(), "the disk is full: gave up the reserve");
        }
        released
    }

    /// Makes it unless it is there. What cannot be made whole is not kept: it would only take the
    /// last room.
    pub(crate) fn renew(&self) -> io::Result<()> {
        // There is nothing to read in it, and nothing beside the store is for others.
        let mut private = std::fs::OpenOptions::new();
        private.write(true).create_new(true).mode(0o600);
        let file = private.open(&self.file);
        let mut file = match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            file => file?,
        };
        let written = file.write_all(&noise()).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = std::fs::remove_file(&self.file);
        }
        written
    }

    /// What the system says to writing here.
    pub(crate) fn probe(&self) -> io::Result<()> {
        match std::fs::OpenOptions::new().write(true).open(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.renew(),
            opened => opened.map(|_| ()),
        }
    }
}

/// Bytes that no file system can compress or leave out.
fn noise() -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut bytes = Vec::with_capacity(SIZE);
    while bytes.len() < SIZE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}
