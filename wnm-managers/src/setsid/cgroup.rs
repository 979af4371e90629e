//! A process started inside a service ends with that service, session of its own or not.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads cgroups")]

use std::fs;
use std::time::Duration;

use wnm_core::host::{CommandRunner, HostError, HostResult, Invocation};
use wnm_core::observe::FaultKind;

/// An error when wnm itself runs in a service that would take its children along when it ends.
pub(super) fn refuse_mortal_service(runner: &dyn CommandRunner) -> HostResult<()> {
    // Where there is no such file there are no services either.
    let Ok(text) = fs::read_to_string("/proc/self/cgroup") else {
        return Ok(());
    };
    let Some(service) = service_of(&text) else {
        return Ok(());
    };
    let mut args = vec!["show", "--property=KillMode", "--value", "--", service.unit];
    if service.of_user {
        args.insert(0, "--user");
    }
    let call = Invocation::new("systemctl", args, Duration::from_secs(10));
    let answer = runner.run(&call);
    let spares = |mode: &str| matches!(mode.trim(), "process" | "none" | "");
    match answer {
        Ok(answer) if !answer.ok() || spares(&answer.stdout) => Ok(()),
        Ok(_) => {
            let op = format!(
                "wnm runs in {}, which ends everything it started: give that unit \
                 KillMode=process, or use the systemd manager",
                service.unit
            );
            Err(HostError::new(op, FaultKind::Refused))
        }
        // Nobody can say, and nodes that never start help nobody.
        Err(_) => Ok(()),
    }
}

/// The service of systemd that a process is part of, and whether it is a user's; none where it is
/// in a session, or where nobody can say.
pub fn service_of_process(pid: u32) -> Option<(String, bool)> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    service_of(&text).map(|service| (service.unit.to_owned(), service.of_user))
}

#[derive(Debug, PartialEq, Eq)]
struct Service<'a> {
    unit: &'a str,
    of_user: bool,
}

/// The service that a cgroup file names, in the hierarchy that systemd itself uses.
fn service_of(text: &str) -> Option<Service<'_>> {
    let path = text.lines().find_map(|line| {
        line.strip_prefix("0::").or_else(|| line.split_once(":name=systemd:").map(|(_, path)| path))
    })?;
    let unit = path.rsplit('/').next()?;
    let is_user_manager = unit.starts_with("user@");
    let of_user = path.contains("/user@");
    (unit.ends_with(".service") && !is_user_manager).then_some(Service { unit, of_user })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_told_from_sessions() {
        let of = |text| service_of(text).map(|service| (service.unit, service.of_user));
        assert_eq!(of("0::/system.slice/wnm.service\n"), Some(("wnm.service", false)));
        let user =
            "3:cpu:/\n1:name=systemd:/user.slice/user-1.slice/user@1.service/app.slice/w.service\n";
        assert_eq!(of(user), Some(("w.service", true)));
        assert_eq!(of("0::/user.slice/user-1.slice/session-3.scope\n"), None);
        assert_eq!(of("0::/user.slice/user-1.slice/user@1.service/init.scope\n"), None);
        assert_eq!(of("0::/\n"), None);
        assert_eq!(of(""), None);
    }
}
