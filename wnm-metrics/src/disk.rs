//! Space and inodes of the file system below a directory.
#![expect(clippy::disallowed_methods, reason = "shell module: looks at storage roots")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::{Exhaustible, FileSystemSample};

/// What `statvfs` counts, in fragments and in inodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// Bytes in a fragment, the unit of the three block counts.
    pub(crate) fragment: u64,
    /// All fragments.
    pub(crate) blocks: u64,
    /// Free fragments.
    pub(crate) blocks_free: u64,
    /// Free fragments that not only root may use.
    pub(crate) blocks_available: u64,
    /// All inodes; 0 where they are not counted.
    pub(crate) files: u64,
    /// Free inodes.
    pub(crate) files_free: u64,
    /// Free inodes that not only root may use.
    pub(crate) files_available: u64,
}

/// Asks the file system that holds `directory`. An error when the directory is not there.
pub(crate) fn sample(directory: &Path) -> HostResult<FileSystemSample> {
    let op = || format!("look at the file system of {}", directory.display());
    let device = fs::metadata(directory).map_err(|error| HostError::io(op(), error))?.dev();
    let stat = statvfs(directory).map_err(|errno| HostError::io(op(), errno.into()))?;
    let counts = Counts {
        fragment: stat.fragment_size(),
        blocks: stat.blocks(),
        blocks_free: stat.blocks_free(),
        blocks_available: stat.blocks_available(),
        files: stat.files(),
        files_free: stat.files_free(),
        files_available: stat.files_available(),
    };
    Ok(counts.file_system(device))
}

impl Counts {
    /// As we count: what is reserved for root is neither ours nor used up.
    pub(crate) fn file_system(&self, device: u64) -> FileSystemSample {
        let space = Exhaustible {
            total: without_reserve(self.blocks, self.blocks_free, self.blocks_available)
                .saturating_mul(self.fragment),
            free: self.blocks_available.saturating_mul(self.fragment),
        };
        // btrfs and the like make inodes as they need them and say 0.
        let inodes = (self.files > 0).then(|| Exhaustible {
            total: without_reserve(self.files, self.files_free, self.files_available),
            free: self.files_available,
        });
        FileSystemSample { device, space, inodes }
    }
}

fn without_reserve(total: u64, free: u64, available: u64) -> u64 {
    total.saturating_sub(free).saturating_add(available)
}
