//! The machine, its systemd and its tools.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads a few files of /proc")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use wnm_core::host::{CommandRunner, Invocation};
use wnm_core::model::{Bytes, Manager, ManagerKind, Resource, Scope};
use wnm_core::observe::Snapshot;
use wnm_core::policy::Policy;
use wnm_managers::{SystemRunner, UserManager, root_refusal, system_manager, user_manager};

use super::super::facts::{DiskFact, Facts, MachineFacts};
use crate::commands::Context;

pub(super) fn facts(seen: Option<&(Snapshot, Policy)>) -> MachineFacts {
    let meminfo = read("/proc/meminfo");
    let memory = kilobytes(&meminfo, "MemTotal:").zip(kilobytes(&meminfo, "MemAvailable:"));
    MachineFacts {
        clock_synchronised: clock_synchronised(),
        open_files: open_files(&read("/proc/self/limits")),
        open_files_in_all: read("/proc/sys/fs/file-max").trim().parse().ok(),
        swap: kilobytes(&meminfo, "SwapTotal:"),
        memory,
        has_stall: fs::metadata("/proc/pressure/cpu").is_ok(),
        wants_stall: seen.is_some_and(|(_, policy)| wants_stall(policy)),
        disks: seen.map(|(snapshot, policy)| disks(snapshot, policy)).unwrap_or_default(),
        no_root: None,
        bus: None,
        systemd_answers: None,
    }
}

/// What needs to know which scope and manager it is about; `is_podman`: lingering matters, units do not.
pub(super) fn managers(context: &Context<'_>, facts: &mut Facts, is_podman: bool) {
    match facts.scope {
        Scope::System => {
            facts.machine.no_root = root_refusal(&SystemRunner);
            let is_needed = needs_systemd(facts);
            facts.machine.systemd_answers = is_needed.then(|| system_manager(&SystemRunner));
        }
        Scope::User if needs_systemd(facts) || is_podman => {
            let bus = user_manager(&SystemRunner, &context.paths.runtime_dir, &facts.user);
            // Without logind nothing of a session's ends.
            let matters = needs_systemd(facts) || bus != UserManager::Absent;
            facts.machine.bus = matters.then_some(bus);
        }
        Scope::User => {}
    }
}

/// Whether the scope's systemd is needed: for nodes, or for a timer.
fn needs_systemd(facts: &Facts) -> bool {
    let timer = wnm_managers::ScheduleKind::Systemd;
    facts.manager.kind.needs_systemd()
        || facts.schedule.scheduled.iter().any(|scheduled| scheduled.kind == timer)
}

/// Tools that are called by name, and not found where they would be looked for.
pub(super) fn missing_tools(
    context: &Context<'_>,
    manager: Manager,
    docker: &str,
) -> Vec<(&'static str, &'static str)> {
    let is_root = nix::unistd::geteuid().is_root();
    let through_root = Manager { kind: ManagerKind::Setsid, scope: Scope::System };
    let needed = [
        (manager.kind.needs_systemd(), "systemctl", "to keep nodes in units of systemd"),
        (
            manager.kind.has_containers() && docker == "docker",
            "docker",
            "to keep nodes in containers",
        ),
        (manager.kind == ManagerKind::Launchd, "launchctl", "to keep nodes in jobs of launchd"),
        (manager == through_root, "setpriv", "to start nodes as a user of their own"),
        (manager.scope == Scope::System && !is_root, "sudo", "for root's rights"),
    ];
    let directories = context.environment.program_directories();
    let is_there = |tool: &str| directories.iter().any(|place| is_program(&place.join(tool)));
    let missing = needed.into_iter().filter(|(needed, tool, _)| *needed && !is_there(tool));
    missing.map(|(_, tool, purpose)| (tool, purpose)).collect()
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// systemd knows whether a time server is followed; without systemd nobody says.
fn clock_synchronised() -> Option<bool> {
    let args = ["show", "--property=NTPSynchronized", "--value"];
    let call = Invocation::new("timedatectl", args, Duration::from_secs(10));
    match SystemRunner.run(&call).ok()?.stdout.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn wants_stall(policy: &Policy) -> bool {
    let stall = [Resource::StallCpu, Resource::StallMemory, Resource::StallIo];
    stall.iter().any(|resource| {
        policy.optional.get(resource).is_some_and(|thresholds| !thresholds.is_off())
    })
}

fn disks(snapshot: &Snapshot, policy: &Policy) -> Vec<DiskFact> {
    let systems = snapshot.machine.file_systems.iter();
    systems
        .map(|(root, seen)| DiskFact {
            root: root.clone(),
            free: seen.free,
            used: seen.used,
            inodes_used: seen.inodes_used,
            crisis: policy.crisis_bytes,
            full: policy.disk.band.add_below(),
        })
        .collect()
}

/// Nothing where there is no such file: what cannot be had is absent.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn kilobytes(meminfo: &str, key: &str) -> Option<Bytes> {
    let rest = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = rest.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(Bytes(number * 1024))
}

/// The soft limit: what a program gets that does not ask for more.
fn open_files(limits: &str) -> Option<u64> {
    let rest = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 20000                files\n";
        assert_eq!(open_files(limits), Some(1024));
        assert_eq!(open_files(""), None);
        let meminfo = "MemTotal:       24689208 kB\nSwapTotal:             0 kB\n";
        assert_eq!(kilobytes(meminfo, "SwapTotal:"), Some(Bytes(0)));
        assert_eq!(kilobytes(meminfo, "MemTotal:"), Some(Bytes(24_689_208 * 1024)));
        assert_eq!(kilobytes(meminfo, "MemAvailable:"), None);
    }
}
