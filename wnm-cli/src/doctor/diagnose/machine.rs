//! The machine and what is installed on it.

use std::path::Path;
use std::time::Duration;

use wnm_core::model::{Bytes, Percent, Scope, Timestamp};
use wnm_managers::UserManager;

use super::super::facts::{DiskFact, Facts};
use super::super::finding::{Finding, Remedy, Severity};
use super::{sudo, wnm};

/// The first day of 2026: no clock is right that says it is earlier.
const EARLIEST: Timestamp = Timestamp(1_767_225_600_000);
/// A clock may be a little ahead of the one that wrote a time down.
const SLACK: Duration = Duration::from_secs(300);
/// What one node may need: sockets, database, log files, connections.
const FILES_A_NODE: u64 = 1024;
/// A machine with less memory than this feels every leap of its nodes.
const SMALL: Bytes = Bytes(8 * Bytes::GB);
/// Below this share of its memory a machine begins to kill.
const SCARCE: f64 = 5.0;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(clock(facts));
    findings.extend(open_files(facts));
    findings.extend(memory(facts));
    findings.extend(facts.machine.disks.iter().flat_map(|disk| space(facts, disk)));
    findings.extend(stall(facts));
    findings.extend(rights(facts));
    findings.extend(tools(facts));
    findings
}

fn clock(facts: &Facts) -> Option<Finding> {
    let ahead = facts.schedule.last_cycle.map(|last| last.since(facts.now)).unwrap_or_default();
    let fix = sudo(facts, "timedatectl set-ntp true");
    let wrong = |means: &str| {
        Some(
            Finding::new(Severity::Error, "clock-wrong", format!("{} UTC", facts.now), means)
                .fix(fix.as_str()),
        )
    };
    if facts.now < EARLIEST {
        return wrong("the clock is years slow: nodes cannot trust certificates or each other");
    }
    if ahead > SLACK {
        return wrong("the clock went back: the last cycle lies in the future of this time");
    }
    (facts.machine.clock_synchronised == Some(false)).then(|| {
        let means = "nobody keeps the clock right: times in reports and logs will drift";
        Finding::new(Severity::Warning, "clock-unsynchronised", "clock", means).fix(fix)
    })
}

fn open_files(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let finding = |subject: String, means: &str| {
        Finding::new(Severity::Warning, "open-files", subject, means)
    };
    if let Some(limit) = facts.machine.open_files.filter(|limit| *limit < FILES_A_NODE) {
        let means = "a node may run out of files and sockets";
        let command = "echo '* - nofile 65536' >/etc/security/limits.d/wnm.conf";
        findings.push(
            finding(format!("{limit} files a process"), means)
                .fix(sudo(facts, &format!("sh -c {}", shell_words::quote(command)))),
        );
    }
    let needed = u64::from(facts.cap) * FILES_A_NODE;
    if let Some(limit) = facts.machine.open_files_in_all.filter(|limit| *limit < needed) {
        let means = format!("{} nodes may need {needed} of them", facts.cap);
        findings.push(
            finding(format!("{limit} files in all"), &means)
                .fix(sudo(facts, &format!("sysctl -w fs.file-max={needed}"))),
        );
    }
    findings
}

fn memory(facts: &Facts) -> Vec<Finding> {
    let Some((total, available)) = facts.machine.memory else { return Vec::new() };
    let mut findings = Vec::new();
    let share = Percent::of(available.0, total.0).map_or(100.0, |share| share.0);
    if share < SCARCE {
        let means = "the kernel may kill nodes at any moment; the next cycles will stop some";
        let subject = format!("{available} of {total} memory left");
        let finding = Finding::new(Severity::Error, "memory-low", subject, means);
        findings.push(finding.fix(wnm(facts, "stop --count 1")));
    }
    if total < SMALL && facts.machine.swap == Some(Bytes(0)) {
        let means = "a short leap of a few nodes has nowhere to go, and the kernel kills one";
        findings.push(Finding::new(Severity::Note, "no-swap", "no swap", means));
    }
    findings
}

fn space(facts: &Facts, disk: &DiskFact) -> Vec<Finding> {
    let mut findings = Vec::new();
    let place = disk.root.display();
    let look = |root: &Path| format!("du --max-depth=1 {}", super::quoted(root));
    if disk.free < disk.crisis {
        let means = "less is free than crisis_bytes: no node is added or started on it, and one is \
                     removed where that helps";
        let subject = format!("{place}: {} left", disk.free);
        let finding = Finding::new(Severity::Error, "disk-full", subject, means);
        findings.push(finding.fix(super::hand(facts, &look(&disk.root))));
    } else if disk.used.0 >= disk.full {
        let means = "no node is added here; see hd_less_than and hd_remove";
        let subject = format!("{place}: {} used", disk.used);
        let finding = Finding::new(Severity::Warning, "disk-filling", subject, means);
        findings.push(finding.fix(super::hand(facts, &look(&disk.root))));
    }
    if let Some(used) = disk.inodes_used.filter(|used| used.0 >= disk.full) {
        let means = "files run out before bytes do: no node is added here";
        let subject = format!("{place}: {used} of its inodes used");
        let finding = Finding::new(Severity::Warning, "inodes-filling", subject, means);
        findings.push(finding.fix(format!("df --inodes {}", super::quoted(&disk.root))));
    }
    findings
}

fn stall(facts: &Facts) -> Option<Finding> {
    let severity = if facts.machine.wants_stall { Severity::Warning } else { Severity::Note };
    (!facts.machine.has_stall).then(|| {
        let means = "this kernel tells no pressure stall: psi_… settings hold growth back and shed \
                     nothing";
        Finding::new(severity, "no-pressure-stall", "/proc/pressure", means)
    })
}

fn rights(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let user = &facts.user;
    if let Some(why) = &facts.machine.no_root {
        let line = format!("{user} ALL=(ALL) NOPASSWD: ALL");
        let means = format!("nothing can be done to nodes of the system scope: {why}");
        findings.push(
            Finding::new(Severity::Error, "no-root-rights", user.as_str(), means)
                .fix(format!("put `{line}` into a file in /etc/sudoers.d")),
        );
    }
    if facts.machine.systemd_answers == Some(false) {
        let means = "units of nodes can neither be seen nor started";
        findings.push(Finding::new(Severity::Error, "no-systemd", "systemd", means));
    }
    let linger = format!("loginctl enable-linger {user}");
    match facts.machine.bus {
        Some(UserManager::NotLingering) => {
            let means = "every node stops when the last session of this user ends";
            findings.push(
                Finding::new(Severity::Error, "no-linger", user.as_str(), means)
                    .fix(linger)
                    .remedy(Remedy::EnableLinger(user.clone())),
            );
        }
        Some(UserManager::Absent) => {
            let means = "the user's systemd does not answer: nodes can neither be seen nor started";
            let finding = Finding::new(Severity::Error, "no-systemd", user.as_str(), means);
            findings.push(finding.fix(linger).remedy(Remedy::EnableLinger(user.clone())));
        }
        Some(UserManager::Ready) | None => {}
    }
    findings
}

fn tools(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (tool, purpose) in &facts.tools.missing {
        let means = format!("it is needed {purpose}");
        findings.push(Finding::new(Severity::Error, "tool-missing", *tool, means));
    }
    if let Err(why) = &facts.tools.node_program {
        let means = "no new node can be made";
        let finding = Finding::new(Severity::Warning, "no-node-program", why.as_str(), means);
        findings.push(finding.fix(wnm(facts, "config set node_binary /path/to/ant-node")));
    }
    for name in &facts.tools.missing_companions {
        let means = "a new node may find no peer: nothing tells it where the network is";
        let finding = Finding::new(Severity::Warning, "program-alone", name.as_str(), means);
        findings.push(finding.fix(wnm(facts, "binary fetch")));
    }
    for (directory, why) in &facts.tools.spoiled_versions {
        let means = format!("nodes that are made or upgraded from it may not start: {why}");
        let finding = Finding::new(Severity::Error, "version-spoiled", directory.as_str(), means);
        findings.push(finding.fix(wnm(facts, "binary verify")));
    }
    if let Some((why, hint)) = &facts.tools.no_manager {
        let means = format!("nodes of {} can neither be seen nor started", facts.manager);
        let finding = Finding::new(Severity::Error, "no-manager", why.as_str(), means);
        findings.push(finding.fix(hint.clone()));
    }
    if let Some(why) = &facts.tools.no_firewall {
        let means = "nobody can say whether nodes are reachable, and new ports stay closed";
        let finding = Finding::new(Severity::Warning, "firewall-unknown", why.as_str(), means);
        findings.push(finding.fix(match facts.scope {
            Scope::System => sudo(facts, "ufw status"),
            Scope::User => wnm(facts, "config set firewall none"),
        }));
    }
    findings
}
