//! A process that outlives whoever started it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::told;

/// True while it lives.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    pid > 0 && state.is_some_and(|state| !"ZXx".contains(state))
}

/// Starts it in its own group, with nothing of ours open; answers its number when it has become itself.
pub(crate) fn start(command: &mut Command) -> Result<u32, String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    Ok(command.spawn().map_err(told)?.id())
}

/// Asks it to end, and insists when the time is over.
pub(crate) fn stop(pid: u32, patience: Duration) {
    if !lives(pid) {
        return;
    }
    let target = Pid::from_raw(pid as i32);
    let end = Instant::now() + patience;
    // It may end at any moment.
    kill(target, Signal::SIGTERM).ok();
    while lives(pid) {
        if Instant::now() > end {
            kill(target, Signal::SIGKILL).ok();
        }
        thread::sleep(Duration::from_millis(3));
    }
}
