//! Our own hands.
#![expect(clippy::disallowed_methods, reason = "the shell module for files of our own")]

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sha2::{Digest, Sha256};
use wnm_core::host::{CommandRunner, HostError, HostResult, Invocation};
use wnm_core::model::{Bytes, FileStamp};
use wnm_core::observe::FaultKind;

use super::{COPY_PATIENCE, Hands, VERSION_PATIENCE, hex, version_text};
use crate::binary::stamp_of;
use crate::exec::SystemRunner;
use crate::files::{sync_directory, write_durably};

/// Nodes, files and wnm all belong to one user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnHands;

impl Hands for OwnHands {
    fn is_there(&self, path: &Path) -> HostResult<bool> {
        match fs::symlink_metadata(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("look at", path, error)),
        }
    }

    fn read_key(&self, key: &Path) -> HostResult<Vec<u8>> {
        // A link in its place leads to another node's key, or to no key at all.
        let found = fs::symlink_metadata(key).map_err(|error| failed("read", key, error))?;
        if !found.is_file() {
            let op = format!("read {}: it is no file", key.display());
            return Err(HostError::new(op, FaultKind::Refused));
        }
        fs::read(key).map_err(|error| failed("read", key, error))
    }

    fn make_directory(&self, path: &Path) -> HostResult<()> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| failed("make", path, error))
    }

    fn make_root(&self, path: &Path) -> HostResult<()> {
        fs::create_dir_all(path).map_err(|error| failed("make", path, error))
    }

    fn copy(&self, from: &Path, to: &Path, mode: u32) -> HostResult<()> {
        let beside = to.with_extension("new");
        let copied = (|| {
            fs::copy(from, &beside)?;
            fs::set_permissions(&beside, fs::Permissions::from_mode(mode))?;
            fs::File::open(&beside)?.sync_all()?;
            fs::rename(&beside, to)
        })();
        if copied.is_err() {
            let _ = fs::remove_file(&beside);
        }
        let op = || format!("copy {} to {}", from.display(), to.display());
        copied.map_err(|error| HostError::io(op(), error))
    }

    fn copy_own(&self, from: &Path, to: &Path, mode: u32) -> HostResult<()> {
        self.copy(from, to, mode)
    }

    fn copy_tree(&self, from: &Path, to: &Path) -> HostResult<()> {
        // `cp` keeps holes, links and times, which are many lines of ours.
        let op = || format!("copy {} to {}", from.display(), to.display());
        let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
        for (program, args) in [
            ("cp", vec!["-aT", "--", from.as_ref(), to.as_ref()]),
            ("sync", vec!["-f", "--", to.as_ref()]),
        ] {
            let answer = SystemRunner.run(&Invocation::new(program, args, COPY_PATIENCE))?;
            if !answer.ok() {
                let full = answer.stderr.contains("No space left on device");
                let kind = if full { FaultKind::Full } else { FaultKind::Failed };
                return Err(HostError::with(op(), kind, answer.stderr.trim().to_owned()));
            }
        }
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()> {
        write_durably(path, bytes, mode)
    }

    fn rename(&self, from: &Path, to: &Path) -> HostResult<()> {
        let op = || format!("rename {} to {}", from.display(), to.display());
        fs::rename(from, to).map_err(|error| HostError::io(op(), error))
    }

    fn sync_directory(&self, path: &Path) -> HostResult<()> {
        sync_directory(path)
    }

    fn remove_file(&self, path: &Path) -> HostResult<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("delete", path, error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn remove_tree(&self, path: &Path) -> HostResult<()> {
        fs::remove_dir_all(path).map_err(|error| failed("delete", path, error))
    }

    fn remove_if_empty(&self, path: &Path) {
        let _ = fs::remove_dir(path);
    }

    fn make_private(&self, key: &Path) -> HostResult<bool> {
        let failed = |error| failed("make private", key, error);
        let mode = match fs::symlink_metadata(key) {
            Ok(found) if found.is_file() => found.permissions().mode(),
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        if mode & 0o077 == 0 {
            return Ok(false);
        }
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(true)
    }

    fn usage(&self, path: &Path) -> HostResult<Bytes> {
        let mut total = 0;
        let mut left = vec![path.to_owned()];
        while let Some(directory) = left.pop() {
            let failed = |error| failed("measure", &directory, error);
            for entry in fs::read_dir(&directory).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                // Files come and go while a node works; links lead out and are not counted.
                let Ok(found) = fs::symlink_metadata(entry.path()) else {
                    continue;
                };
                total += found.blocks() * 512;
                if found.is_dir() {
                    left.push(entry.path());
                }
            }
        }
        Ok(Bytes(total))
    }

    fn stamps(&self, paths: &[&Path]) -> Vec<Option<FileStamp>> {
        let stamp = |path: &&Path| {
            let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
            Some(stamp_of(&found))
        };
        paths.iter().map(stamp).collect()
    }

    fn sha256(&self, path: &Path) -> HostResult<String> {
        let mut file = fs::File::open(path).map_err(|error| failed("read", path, error))?;
        let (mut hash, mut piece) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            match file.read(&mut piece).map_err(|error| failed("read", path, error))? {
                0 => return Ok(hex(&hash.finalize())),
                length => hash.update(&piece[..length]),
            }
        }
    }

    fn ask_version(&self, program: &Path) -> HostResult<String> {
        let call = Invocation::new(program.to_string_lossy(), ["--version"], VERSION_PATIENCE);
        version_text(program, SystemRunner.run(&call)?)
    }

    fn link(&self, from: &Path, to: &Path) -> HostResult<()> {
        match fs::hard_link(from, to) {
            Ok(()) => Ok(()),
            // Some file systems have no second names.
            Err(_) => self.copy(from, to, 0o755),
        }
    }

    fn signal(&self, pid: u32, signal: Signal) -> HostResult<()> {
        match kill(Pid::from_raw(i32::try_from(pid).unwrap_or(i32::MAX)), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => {
                Err(HostError::io(format!("send {signal} to process {pid}"), error.into()))
            }
        }
    }
}

fn failed(what: &str, path: &Path, error: std::io::Error) -> HostError {
    HostError::io(format!("{what} {}", path.display()), error)
}
