//! The primitive effects on files and processes, by our own hand or by root's. Every operation is
//! told once, in `files` and `systemd`, and does not know whose hands it uses.

mod own;
mod root;
#[cfg(test)]
mod tests;

pub(crate) use own::OwnHands;
pub use root::RootHands;

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use wnm_core::host::{Completed, HostError, HostResult};
use wnm_core::model::{Bytes, FileStamp};
use wnm_core::observe::FaultKind;

/// Single effects. None of them decides whether it is right: that is for the guards.
pub(crate) trait Hands: Send + Sync {
    /// Whether something is there, of any kind, links not followed. An error is not absence.
    fn is_there(&self, path: &Path) -> HostResult<bool>;

    /// The bytes of a node's key.
    fn read_key(&self, key: &Path) -> HostResult<Vec<u8>>;

    /// A directory that only the node itself may look into.
    fn make_directory(&self, path: &Path) -> HostResult<()>;

    /// A directory of directories, such as a storage root. One that is there stays as it is.
    fn make_root(&self, path: &Path) -> HostResult<()>;

    /// A copy for the node, whole or not there.
    fn copy(&self, from: &Path, to: &Path, mode: u32) -> HostResult<()>;

    /// The same from what a node may write itself: nothing is read that the node could not read.
    fn copy_own(&self, from: &Path, to: &Path, mode: u32) -> HostResult<()>;

    /// A copy of a directory with all that is in it, with owners, modes and times, on the disk when it
    /// is done. Links are copied as links.
    fn copy_tree(&self, from: &Path, to: &Path) -> HostResult<()>;

    /// A file of wnm's own, whole or not there.
    fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()>;

    /// Another name in the same directory.
    fn rename(&self, from: &Path, to: &Path) -> HostResult<()>;

    /// Makes renames and new names in a directory survive a power cut.
    fn sync_directory(&self, path: &Path) -> HostResult<()>;

    /// Deletes a file that may be gone already.
    fn remove_file(&self, path: &Path) -> HostResult<()>;

    /// Deletes a directory with all that is in it, links not followed.
    fn remove_tree(&self, path: &Path) -> HostResult<()>;

    /// Deletes an empty directory. One with anything in it is somebody's, and stays, and so does a
    /// place where a disk is mounted.
    fn remove_if_empty(&self, path: &Path);

    /// Takes a key from everybody but its owner. True when that had to be done.
    fn make_private(&self, key: &Path) -> HostResult<bool>;

    /// Bytes on disk below a directory, links not followed.
    fn usage(&self, path: &Path) -> HostResult<Bytes>;

    /// Which file lies at each of these paths, links not followed; `None` where there is none or it
    /// cannot be seen.
    fn stamps(&self, paths: &[&Path]) -> Vec<Option<FileStamp>>;

    /// SHA-256 of a file, in hex.
    fn sha256(&self, path: &Path) -> HostResult<String>;

    /// What a node program prints for `--version`, run as the node would run it.
    fn ask_version(&self, program: &Path) -> HostResult<String>;

    /// A second name for a file in the same file system, or a copy of it where there are no second
    /// names.
    fn link(&self, from: &Path, to: &Path) -> HostResult<()>;

    /// Sends a signal; a process that ended meanwhile is no error.
    fn signal(&self, pid: u32, signal: Signal) -> HostResult<()>;
}

/// A program that takes longer to say its version is none. It answers within milliseconds, but antnode
/// 0.4.17 was seen to take three seconds of CPU for it, which is ten on a busy machine.
pub(crate) const VERSION_PATIENCE: Duration = Duration::from_secs(30);

/// Twenty gigabytes on a slow disk.
pub(crate) const COPY_PATIENCE: Duration = Duration::from_secs(4 * 3600);

/// What a program printed, if it said anything with success.
fn version_text(program: &Path, answer: Completed) -> HostResult<String> {
    if answer.ok() {
        return Ok(answer.stdout);
    }
    let why = answer.stderr.lines().next().unwrap_or("it said nothing").to_owned();
    let op = format!("ask {} for its version", program.display());
    Err(HostError::with(op, FaultKind::Garbled, why))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
