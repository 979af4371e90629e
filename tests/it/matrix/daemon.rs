//! The `ant` daemon of a home, by its stand-in: begun anew for each blow, with the registry that was kept.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::antd::ask;
use crate::harness::{TestEnv, is_there, wait_until};

/// Where it keeps its files.
const HOME: &str = "home/.local/share/ant";
const PATIENCE: Duration = Duration::from_secs(20);

/// Nobody's child, as where a login began it.
pub(super) fn begin(env: &TestEnv) {
    for name in ["daemon.port", "daemon.pid"] {
        fs::remove_file(env.path(HOME).join(name)).ok();
    }
    let mut command = Command::new("setsid");
    command.args(["--fork", env!("CARGO_BIN_EXE_stand-in-antd")]).env_clear();
    command.env("HOME", env.path("home")).env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("setsid is there").success());
    wait_until(PATIENCE, "the daemon listens", || is_there(&env.path(HOME).join("daemon.pid")));
}

/// It has no time for anything; its nodes go on.
pub(super) fn end(env: &TestEnv) {
    let Ok(text) = fs::read_to_string(env.path(HOME).join("daemon.pid")) else { return };
    let Ok(pid) = text.trim().parse() else { return };
    // It may have ended long ago.
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).ok();
    let line = format!("/proc/{pid}/cmdline");
    wait_until(PATIENCE, "it has ended", || fs::read(&line).unwrap_or_default().is_empty());
}

/// Starts the node whose directory is called so.
pub(super) fn start(env: &TestEnv, name: &str) {
    let number = name.trim_start_matches("node-");
    let answer = ask(&env.path(HOME), "POST", &format!("nodes/{number}/start"), "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{name}: {answer}");
}

/// Whether it is said of a node that it crashed too often.
pub(super) fn has_given_up(env: &TestEnv, number: u32) -> bool {
    ask(&env.path(HOME), "GET", &format!("nodes/{number}"), "").contains("\"errored\"")
}
