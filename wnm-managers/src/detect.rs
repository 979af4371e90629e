//! What this machine offers.

use std::time::Duration;

use wnm_core::host::{CommandRunner, Invocation};

use crate::systemd::user_environment;

/// These questions are answered in milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a user's own systemd can keep nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserManager {
    /// It answers and stays when the user logs out.
    Ready,
    /// It answers, but ends with the last session of the user.
    NotLingering,
    /// Nobody answers.
    Absent,
}

/// Asks the user's systemd, and whether lingering is on for `user`.
pub fn user_manager(runner: &dyn CommandRunner, runtime_dir: &str, user: &str) -> UserManager {
    let mut call =
        Invocation::new("systemctl", ["--user", "show", "--property=Version", "--value"], PATIENCE);
    call.env = user_environment(runtime_dir);
    let answers = runner.run(&call).is_ok_and(|answer| answer.ok());
    if !answers {
        return UserManager::Absent;
    }
    let call =
        Invocation::new("loginctl", ["show-user", user, "--property=Linger", "--value"], PATIENCE);
    match runner.run(&call) {
        Ok(answer) if answer.stdout.trim() == "no" => UserManager::NotLingering,
        // A machine without logind has nothing that could end the user's manager.
        Ok(_) | Err(_) => UserManager::Ready,
    }
}

/// Whether the machine's own systemd answers.
pub fn system_manager(runner: &dyn CommandRunner) -> bool {
    let args = ["show", "--property=Version", "--value"];
    runner.run(&Invocation::new("systemctl", args, PATIENCE)).is_ok_and(|answer| answer.ok())
}

/// Why nothing can be done with root's rights; `None` when it can.
pub fn root_refusal(runner: &dyn CommandRunner) -> Option<String> {
    let nothing: [&str; 0] = [];
    match runner.run(&Invocation::new("/usr/bin/true", nothing, PATIENCE).as_root()) {
        Ok(answer) if answer.ok() => None,
        Ok(answer) => Some(answer.stderr.trim().to_owned()),
        Err(error) => Some(error.chain()),
    }
}
