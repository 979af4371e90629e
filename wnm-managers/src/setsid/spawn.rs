//! Starts a node in a session of its own.
#![expect(clippy::disallowed_methods, reason = "the shell module that starts setsid nodes")]
#![expect(unsafe_code, reason = "setsid has to happen between fork and exec")]

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use wnm_core::host::{HostError, HostResult};
use wnm_core::model::NodeSpec;
use wnm_core::observe::FaultKind;

/// A program that dislikes its arguments or finds its port taken ends within this time.
const FIRST_LOOK: Duration = Duration::from_millis(150);

/// The node's own process, with its output in its log directory. It stays when we end.
pub(super) fn spawn(spec: &NodeSpec) -> HostResult<()> {
    let op = || format!("start {}", spec.id);
    let log_path = spec.logs.join("output.log");
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log_path)
        .map_err(|error| HostError::io(format!("open {}", log_path.display()), error))?;
    let errors = log.try_clone().map_err(|error| HostError::io(op(), error))?;
    let mut command = Command::new(&spec.binary);
    command
        .args(spec.program.arguments(spec))
        .envs(spec.launch.environment.iter().map(|(key, value)| (key, value)))
        .current_dir(&spec.data)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    // SAFETY: setsid and umask are async-signal-safe, take no memory and no lock; nothing else
    // runs between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // `ant-node` leaves the permissions of its key to whoever starts it.
            nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
            nix::unistd::setsid().map(|_| ()).map_err(Into::into)
        });
    }
    let mut child = command.spawn().map_err(|error| HostError::io(op(), error))?;
    thread::sleep(FIRST_LOOK);
    match child.try_wait() {
        Ok(Some(status)) => {
            let why = format!("it ended at once ({status}); see {}", log_path.display());
            Err(HostError::with(op(), FaultKind::Failed, why))
        }
        // It lives; not waiting for it is the point.
        Ok(None) | Err(_) => Ok(()),
    }
}
