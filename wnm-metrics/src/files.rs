//! The only place of this crate that opens files.
#![expect(clippy::disallowed_methods, reason = "shell module: reads what the probes ask for")]

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// All of a regular file of at most `limit` bytes.
///
/// Some of these lie where a node may write: a FIFO must not block us, a link must not lead us
/// elsewhere, and nothing may fill our memory.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
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

/// The last `limit` bytes of a regular file, or all of it.
pub(crate) fn tail(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
    let mut bytes = Vec::new();
    // It may grow while we read.
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The file in `directory` whose name begins and ends so and sorts last: with a date in the middle
/// that is the newest.
pub(crate) fn newest(directory: &Path, begin: &str, end: &str) -> io::Result<PathBuf> {
    let mut last: Option<String> = None;
    for entry in std::fs::read_dir(directory)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if name.starts_with(begin) && name.ends_with(end) && last.as_ref() < Some(&name) {
            last = Some(name);
        }
    }
    let missing = || io::Error::new(io::ErrorKind::NotFound, format!("no {begin}*{end}"));
    Ok(directory.join(last.ok_or_else(missing)?))
}

fn open(path: &Path) -> io::Result<std::fs::File> {
    let careful = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(careful.bits()).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("not a regular file")),
    }
}
