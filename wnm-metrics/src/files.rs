//! The only place of this crate that opens files.
#![expect(clippy::disallowed_methods, reason = "shell module: reads what the probes ask for")]

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::OFlag;

/// Files of `proc` do not say how long they are. Most have less than this, and are read at once
/// where there is room for it.
const USUAL: usize = 4 << 10;
/// So much of a longer file is asked for at once.
const PIECE: usize = 16 << 10;

/// All of a regular file of at most `limit` bytes.
///
/// Some of these lie where a node may write: a FIFO must not block us, a link must not lead us
/// elsewhere, and nothing may fill our memory.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let mut bytes = Vec::with_capacity(USUAL);
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if read as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

/// The beginning of a regular file, piece by piece, for as long as `more` wants: it is shown the
/// last whole line that came.
pub(crate) fn read_while(
    path: &Path,
    limit: u64,
    more: impl Fn(&[u8]) -> bool,
) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut bytes = Vec::new();
    loop {
        let came = bytes.len();
        bytes.resize(came + PIECE, 0);
        let count = file.read(&mut bytes[came..])?;
        bytes.truncate(came + count);
        if bytes.len() as u64 > limit {
            return Err(too_large(limit));
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        let last = bytes[..whole].rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        if count == 0 {
            return Ok(bytes);
        }
        if whole > 0 && !more(last) {
            bytes.truncate(whole + 1);
            return Ok(bytes);
        }
    }
}

/// How long ago a file was written, by the clock that wrote it.
pub(crate) fn age(path: &Path) -> Option<Duration> {
    let written = std::fs::symlink_metadata(path).ok()?.modified().ok()?;
    SystemTime::now().duration_since(written).ok()
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes"))
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table");
        let wanted = "wanted\n".repeat(PIECE);
        std::fs::write(&path, wanted.clone() + &"other\n".repeat(PIECE)).unwrap();
        let read = read_while(&path, 1 << 20, |line| line == b"wanted").unwrap();
        assert!(read.starts_with(wanted.as_bytes()) && read.ends_with(b"other\n"));
        assert!(read.len() < wanted.len() + PIECE + 1);
        let all = read_while(&path, 1 << 20, |_| true).unwrap();
        assert_eq!(all, std::fs::read(&path).unwrap());
        let limited = read_while(&path, 1 << 16, |_| true).unwrap_err();
        assert_eq!(limited.kind(), io::ErrorKind::FileTooLarge);
    }
}
