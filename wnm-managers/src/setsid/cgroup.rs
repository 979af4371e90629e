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

/// What starts a process again when it ends: a unit of which it is the main process, or a
/// container. None for a child of cron, of a timer's cycle or of a session, as ours are.
pub(crate) fn keeper(runner: &dyn CommandRunner, pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    // One that we are in ourselves keeps us, not the node.
    if let Some(id) = container_of(&text).filter(|id| container_of(&own) != Some(id)) {
        return Some(format!("container {}", &id[..12]));
    }
    let service = service_of(&text)?;
    let mut args = vec!["show", "--property=MainPID", "--value", "--", service.unit];
    if service.of_user {
        args.insert(0, "--user");
    }
    let answer = runner.run(&Invocation::new("systemctl", args, Duration::from_secs(10))).ok()?;
    (answer.stdout.trim() == pid.to_string()).then(|| service.unit.to_owned())
}

/// The whole id of the container that a process is in.
pub(crate) fn container_of_process(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    container_of(&text).map(str::to_owned)
}

/// Docker and podman name the group after the container, 64 hex digits of it.
fn container_of(text: &str) -> Option<&str> {
    let is_id = |word: &&str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    text.split(['/', '-', '.', '\n']).find(is_id)
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
    fn containers_are_known_by_their_ids() {
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(container_of(&format!("0::/system.slice/docker-{id}.scope\n")), Some(&*id));
        assert_eq!(container_of(&format!("4:memory:/docker/{id}\n0::/\n")), Some(&*id));
        assert_eq!(container_of(&format!("0::/machine.slice/libpod-{id}.scope\n")), Some(&*id));
        assert_eq!(container_of("0::/system.slice/cron.service\n"), None);
    }

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
