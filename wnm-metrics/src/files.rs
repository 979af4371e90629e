//! The only place of this crate that opens files.
#![expect(clippy::disallowed_methods, reason = "shell module: reads what the probes ask for")]

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

/// All of a regular file of at most `limit` bytes.
///
/// Some of these lie where a node may write: a FIFO must not block us, a link must not lead us
/// elsewhere, and nothing may fill our memory.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let careful = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(careful.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if read as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {limit} bytes"),
        ));
    }
    Ok(bytes)
}
