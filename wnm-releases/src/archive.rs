//! Unpacks a release. What comes out of an archive was made by somebody else, signed or not: only
//! plain files with plain names are read, only what belongs to the program is written, under names
//! and with modes of our own.
#![expect(clippy::disallowed_methods, reason = "the shell module that writes what was unpacked")]

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::read::GzDecoder;
use tar::EntryType;
use wnm_core::model::Program;

use crate::digest::Hasher;
use crate::error::{ReleaseError, ReleaseFault, ReleaseResult};
use crate::manifest::KeptFile;

/// The most that an archive may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    /// Bytes after unpacking, headers and all; a node program has some tens of MB.
    pub(crate) bytes: u64,
    /// Files and directories; releases have six.
    pub(crate) entries: usize,
}

impl Most {
    pub(crate) const USUAL: Most = Most { bytes: 600 << 20, entries: 256 };
}

/// An extended header says times and owners; one that says more wants something else.
const LARGEST_HEADER: u64 = 64 << 10;

/// Longest path in an archive.
const LONGEST_PATH: usize = 200;

/// Unpacks a `tar.gz` into the empty directory `into`: the program and what belongs beside it.
/// On an error whatever is there is half done, and is the caller's to delete.
pub(crate) fn unpack(
    archive: impl Read,
    program: Program,
    most: Most,
    into: &Path,
) -> ReleaseResult<Vec<KeptFile>> {
    unpack_tar(GzDecoder::new(archive), program, most, into)
}

pub(crate) fn unpack_tar(
    tar: impl Read,
    program: Program,
    most: Most,
    into: &Path,
) -> ReleaseResult<Vec<KeptFile>> {
    let mut archive = tar::Archive::new(Bounded { inner: tar, left: most.bytes });
    let mut seen = Seen::default();
    let mut kept: Vec<KeptFile> = Vec::new();
    // Raw: nothing is taken from a header that was not looked at here.
    for (number, entry) in archive.entries().map_err(|it| unreadable(&it))?.raw(true).enumerate() {
        if number >= most.entries {
            return Err(refused(format!("it has more than {} entries", most.entries)));
        }
        let mut entry = entry.map_err(|error| unreadable(&error))?;
        let kind = entry.header().entry_type();
        if let EntryType::XHeader | EntryType::XGlobalHeader = kind {
            harmless(&mut entry)?;
            continue;
        }
        let path = plain_path(&entry.path_bytes())?;
        match kind {
            EntryType::Regular => {}
            EntryType::Directory => {
                seen.add(&path, true)?;
                continue;
            }
            other => return Err(refused(format!("{path} is {}", kind_name(other)))),
        }
        seen.add(&path, false)?;
        let name = path.rsplit('/').next().unwrap_or_default();
        let Some(mode) = mode_of(program, name) else { continue };
        if kept.iter().any(|file| file.name == name) {
            return Err(refused(format!("it has two files of the name {name}")));
        }
        let said = entry.size();
        let file = keep(&mut entry, name, mode, into)?;
        if file.bytes != said {
            return Err(refused(format!("{name} should have {said} bytes and has {}", file.bytes)));
        }
        kept.push(file);
    }
    // To the very end: there is the checksum of the compression.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(|error| unreadable(&error))?;
    match kept.iter().find(|file| file.name == program.binary_name()) {
        Some(binary) if binary.bytes > 0 => Ok(kept),
        Some(_) => Err(refused(format!("{program} in it is empty"))),
        None => Err(refused(format!("there is no {program} in it"))),
    }
}

/// What a file of a release becomes; none for what does not belong to the program.
fn mode_of(program: Program, name: &str) -> Option<u32> {
    let beside = || program.companions().contains(&name).then_some(0o444);
    (name == program.binary_name()).then_some(0o555).or_else(beside)
}

fn keep(entry: &mut impl Read, name: &str, mode: u32, into: &Path) -> ReleaseResult<KeptFile> {
    let path = into.join(name);
    let failed = |error: io::Error| ReleaseError::io("write", &path, &error);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = file.map_err(failed)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = match entry.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(&error)),
        };
        let both =
            file.write_all(&buffer[..count]).and_then(|()| hasher.write_all(&buffer[..count]));
        both.map_err(failed)?;
    }
    let mode_bits = std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(&path, mode_bits).and_then(|()| file.sync_all()).map_err(failed)?;
    let (sha256, bytes) = hasher.finish();
    Ok(KeptFile { name: name.to_owned(), bytes, sha256, mode })
}

/// Paths so far. A name that comes twice is a trick: two readers see two different archives.
#[derive(Debug, Default)]
struct Seen {
    files: BTreeSet<String>,
    directories: BTreeSet<String>,
}

impl Seen {
    fn add(&mut self, path: &str, is_directory: bool) -> ReleaseResult<()> {
        // Directories may be named again, as `tar` does when it is told to add to an archive.
        let twice = match is_directory {
            true => self.files.contains(path),
            false => !self.files.insert(path.to_owned()) || self.directories.contains(path),
        };
        if is_directory {
            self.directories.insert(path.to_owned());
        }
        match twice {
            true => Err(refused(format!("it has {path} twice"))),
            false => Ok(()),
        }
    }
}

/// A path that means the same to everybody.
fn plain_path(bytes: &[u8]) -> ReleaseResult<String> {
    let shown = || String::from_utf8_lossy(bytes).escape_debug().to_string();
    let refuse = |why: &str| Err(refused(format!("the path `{}` in it {why}", shown())));
    let Ok(text) = std::str::from_utf8(bytes) else { return refuse("is not UTF-8") };
    if text.len() > LONGEST_PATH {
        return refuse("is too long");
    }
    if text.starts_with('/') {
        return refuse("is absolute");
    }
    if text.contains(|c: char| c.is_control() || c == '\\') {
        return refuse("has characters that no release needs");
    }
    let parts: Vec<&str> =
        text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return refuse("leads out of it");
    }
    Ok(parts.join("/"))
}

/// Extended headers may say when and by whom a file was made, and nothing about what it is.
fn harmless<R: Read>(entry: &mut tar::Entry<'_, R>) -> ReleaseResult<()> {
    if entry.size() > LARGEST_HEADER {
        return Err(refused("it has an extended header that is too large"));
    }
    let Some(extensions) = entry.pax_extensions().map_err(|error| unreadable(&error))? else {
        return Ok(());
    };
    for extension in extensions {
        let extension = extension.map_err(|error| unreadable(&error))?;
        let key = extension.key().unwrap_or("path");
        if ["path", "linkpath", "size"].contains(&key) || key.starts_with("GNU.sparse") {
            return Err(refused(format!("an extended header in it sets `{key}`")));
        }
    }
    Ok(())
}

fn kind_name(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNULongName | EntryType::GNULongLink => "a name that is too long",
        EntryType::GNUSparse => "a file with holes",
        _ => "neither a file nor a directory",
    }
}

fn refused(why: impl Into<String>) -> ReleaseError {
    let what = format!("the archive is refused: {}", why.into());
    ReleaseError::new(ReleaseFault::Misshapen, what)
}

fn unreadable(error: &io::Error) -> ReleaseError {
    refused(match error.get_ref().is_some_and(|inner| inner.is::<Bomb>()) {
        true => format!("{error}"),
        false => format!("it cannot be read: {error}"),
    })
}

/// Reads no more than so many bytes, whatever an archive says of itself.
struct Bounded<R> {
    inner: R,
    left: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than a release may have")]
struct Bomb;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(Bomb)),
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
