//! The primitive effects on files and processes, by our own hand or by root's. Every operation is
//! told once, in `files` and `systemd`, and does not know whose hands it uses.

mod own;
mod root;
#[cfg(test)]
mod tests;

pub(crate) use own::OwnHands;
pub use root::RootHands;

use std::path::Path;

use nix::sys::signal::Signal;
use wnm_core::host::HostResult;
use wnm_core::model::Bytes;

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

    /// Sends a signal; a process that ended meanwhile is no error.
    fn signal(&self, pid: u32, signal: Signal) -> HostResult<()>;
}
