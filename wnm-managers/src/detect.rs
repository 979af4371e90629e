//! What this machine offers.

use std::time::Duration;

use wnm_core::host::{CommandRunner, Invocation};

use crate::systemd::user_environment;

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
    let patience = Duration::from_secs(10);
    let mut call =
        Invocation::new("systemctl", ["--user", "show", "--property=Version", "--value"], patience);
    call.env = user_environment(runtime_dir);
    let answers = runner.run(&call).is_ok_and(|answer| answer.ok());
    if !answers {
        return UserManager::Absent;
    }
    let call =
        Invocation::new("loginctl", ["show-user", user, "--property=Linger", "--value"], patience);
    match runner.run(&call) {
        Ok(answer) if answer.stdout.trim() == "no" => UserManager::NotLingering,
        // A machine without logind has nothing that could end the user's manager.
        Ok(_) | Err(_) => UserManager::Ready,
    }
}
