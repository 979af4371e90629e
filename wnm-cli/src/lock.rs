//! One cycle at a time: an advisory lock on a file that stays in place between runs, so that a
//! killed run leaves no stale lock behind.
#![expect(
    clippy::disallowed_methods,
    reason = "the shell module that opens the lock file and waits"
)]

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

use crate::error::CliError;
use crate::exit::Exit;

/// Held while a cycle runs; the kernel lets go of it when this process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Guard {
    _lock: Flock<File>,
}

/// The lock, or `None` when another cycle still holds it after `patience`.
pub(crate) fn acquire(path: &Path, patience: Duration) -> Result<Option<Guard>, CliError> {
    acquire_unless(path, patience, &|| false)
}

/// The same, and `None` as soon as nobody wants it any more.
pub(crate) fn acquire_unless(
    path: &Path,
    patience: Duration,
    given_up: &dyn Fn() -> bool,
) -> Result<Option<Guard>, CliError> {
    let deadline = Instant::now() + patience;
    let failed = |error: std::io::Error| {
        CliError::new(Exit::Failed, format!("failed to lock {}: {error}", path.display()))
    };
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(Some(Guard { _lock: lock })),
            Err((returned, nix::errno::Errno::EWOULDBLOCK)) => file = returned,
            Err((_, error)) => return Err(failed(error.into())),
        }
        if Instant::now() >= deadline || given_up() {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(100));
    }
}
