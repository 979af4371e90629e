//! Records, units, processes, directories, ports and firewall rules: do they tell the same story?
//! Both ways: what is recorded must be there, and what is there must be recorded.

use std::path::Path;

use wnm_core::model::{Scope, UnitDrift, Want};
use wnm_core::observe::NodeState;

use super::super::facts::{Facts, NodeFact, StrayProcess};
use super::super::finding::{Finding, Severity};
use super::{hand, quoted, wnm};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = roots(facts);
    for node in &facts.nodes {
        findings.extend(processes(facts, node));
        if node.want != Want::Disabled {
            findings.extend(state(facts, node));
            findings.extend(ports(facts, node));
        }
    }
    findings.extend(older_than_units(facts));
    findings.extend(strays(facts));
    findings
}

fn roots(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for root in &facts.roots {
        let shown = root.path.display().to_string();
        if let Some(why) = &root.problem {
            let means = format!("nodes in it are unknown, and nothing is done to them: {why}");
            let finding = Finding::new(Severity::Error, "storage-absent", shown, means);
            findings.push(finding.fix(format!("findmnt --target {}", quoted(&root.path))));
        } else if root.marker_is_sound == Some(false) {
            let means = "its marker is not what init wrote there: is it the disk you think it is?";
            let finding = Finding::new(Severity::Warning, "marker-odd", shown, means);
            findings.push(finding.fix(hand(facts, &format!("ls -la {}", quoted(&root.path)))));
        }
    }
    findings
}

fn state(facts: &Facts, node: &NodeFact) -> Option<Finding> {
    let name = node.id.to_string();
    let wanted = node.want == Want::Run;
    let finding = |severity, id, means: String| Finding::new(severity, id, name.as_str(), means);
    let run = wnm(facts, "run");
    let found = match &node.state {
        NodeState::Dead => finding(
            Severity::Error,
            "data-gone",
            format!(
                "{} is not where it should be: put it back; the node is forgotten once its process \
                 has ended and an hour has passed, unless it is disabled",
                node.data.display()
            ),
        )
        .fix(wnm(facts, &format!("disable {name}"))),
        NodeState::Unknown { why } => {
            finding(Severity::Warning, "node-unknown", format!("nothing is done to it: {why}"))
                .fix(wnm(facts, &format!("explain {name}")))
        }
        NodeState::Mute { missing } => {
            finding(Severity::Warning, "node-mute", format!("it runs, but {missing}"))
                .fix(wnm(facts, &format!("restart {name}")))
        }
        NodeState::Stopped { why } if wanted => {
            finding(Severity::Warning, "node-stopped", format!("it should run: {why}")).fix(run)
        }
        _ if node.definition_lost => {
            let means = "its unit is gone: it would not come back from its next stop";
            finding(Severity::Warning, "unit-gone", means.to_owned()).fix(run)
        }
        _ if node.drift.is_some() => return drift(facts, node),
        _ if node.has_key == Some(false) && node.alive == Some(true) => {
            let means = "it runs without a key on disk: its next start begins a new identity";
            finding(Severity::Error, "key-gone", means.to_owned())
                .fix(wnm(facts, &format!("explain {name}")))
        }
        _ => return None,
    };
    Some(found)
}

fn drift(facts: &Facts, node: &NodeFact) -> Option<Finding> {
    let name = node.id.to_string();
    let finding = match node.drift.as_ref()? {
        UnitDrift::Overridden { by } => {
            let means = format!("{} changes its unit: wnm leaves that as it is", by.join(", "));
            Finding::new(Severity::Note, "unit-overridden", name, means)
        }
        changed @ (UnitDrift::Rewritten | UnitDrift::NotReloaded) => {
            let means = format!("{changed}: the next cycles put that right, without a restart");
            Finding::new(Severity::Warning, "unit-changed", name, means).fix(wnm(facts, "run"))
        }
    };
    Some(finding)
}

/// All of them at once: after an update of wnm it is every node.
fn older_than_units(facts: &Facts) -> Option<Finding> {
    let older: Vec<String> = facts
        .nodes
        .iter()
        .filter(|node| node.older_than_unit)
        .map(|node| node.id.to_string())
        .collect();
    let first = older.first()?;
    let subject = match older.len() {
        1 => first.clone(),
        many => format!("{many} nodes, {first} first"),
    };
    let means = "started before the unit was last written: limits hold already, all else from the \
                 next start on";
    let finding = Finding::new(Severity::Note, "older-than-unit", subject, means);
    Some(finding.fix(wnm(facts, &format!("restart {first}"))))
}

fn processes(facts: &Facts, node: &NodeFact) -> Option<Finding> {
    let pids: Vec<String> = node.processes.iter().map(u32::to_string).collect();
    let subject = format!("{}: process {}", node.id, pids.join(", "));
    let stop = wnm(facts, &format!("stop {}", node.id));
    match (node.processes.len(), node.alive) {
        (0, _) => None,
        (1, Some(false)) => {
            let means = "it uses this node's data, and its manager did not start it";
            let finding = Finding::new(Severity::Error, "process-foreign", subject, means);
            Some(finding.fix(stop))
        }
        (1, _) => None,
        (_, _) => {
            let means = "one identity runs more than once: the network may shun it";
            Some(Finding::new(Severity::Error, "identity-twice", subject, means).fix(stop))
        }
    }
}

fn ports(facts: &Facts, node: &NodeFact) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_down = node.processes.is_empty() && node.alive == Some(false);
    if is_down && node.want == Want::Run {
        for port in &node.bound {
            let means = "another program has it: the node cannot start, or cannot be reached";
            let subject = format!("{}: port {port}", node.id);
            let finding = Finding::new(Severity::Error, "port-taken", subject, means);
            findings.push(finding.fix(format!("ss -lunpt 'sport = :{port}'")));
        }
    }
    for rule in node.closed.iter().filter(|_| node.alive == Some(true)) {
        let means = "the firewall has no opening of ours for it: peers do not reach the \
                     node; a cycle opens it within upkeep_every";
        let subject = format!("{}: {rule}", node.id);
        let finding = Finding::new(Severity::Warning, "port-closed", subject, means);
        findings.push(finding.fix(wnm(facts, "run")));
    }
    findings
}

fn strays(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let strays = &facts.strays;
    findings.extend(strays.processes.iter().map(|process| stray_process(facts, process)));
    findings.extend(strays.directories.iter().map(|found| stray_directory(facts, found)));
    for leftover in &strays.leftovers {
        let means = "left by work that was never finished, of a node without a record: it only \
                     takes space";
        let subject = leftover.display().to_string();
        let finding = Finding::new(Severity::Note, "leftover", subject, means);
        findings.push(finding.fix(hand(facts, &format!("rm -rI {}", quoted(leftover)))));
    }
    for (unit, is_ours) in &strays.units {
        let whose = if *is_ours { "wnm made it" } else { "somebody else made it" };
        let means = format!("a unit without a record; {whose}, and its number is never used");
        let subject = unit.display().to_string();
        let finding = Finding::new(Severity::Warning, "stray-unit", subject, means);
        let name = unit.file_name().unwrap_or_default().to_string_lossy();
        let systemctl = match facts.scope {
            Scope::User => "systemctl --user",
            Scope::System => "systemctl",
        };
        findings.push(finding.fix(match is_ours {
            true => {
                let disable = hand(facts, &format!("{systemctl} disable --now {name}"));
                format!("{disable} && {}", hand(facts, &format!("rm {}", quoted(unit))))
            }
            false => format!("{systemctl} cat {name}"),
        }));
    }
    for why in &strays.unread {
        let means = "whether anything lies around there that no record knows cannot be said";
        findings.push(Finding::new(Severity::Warning, "not-looked-at", why.as_str(), means));
    }
    findings
}

/// What keeps a process would start it again after a `kill`, and a service that it is part of may
/// be that of cron or of a login: which one it is has to be looked at first.
fn stray_process(facts: &Facts, process: &StrayProcess) -> Finding {
    const EARNS: &str = "a node that no record knows: it earns for whom it was started";
    let StrayProcess { data, pid, service } = process;
    let subject = format!("process {pid}: {}", data.display());
    let finding =
        |means: String| Finding::new(Severity::Error, "stray-process", subject.clone(), means);
    let Some((unit, of_user)) = service else {
        let means = format!("{EARNS}; if something else than systemd keeps it, stop it there");
        return finding(means).fix(hand(facts, &format!("kill {pid}")));
    };
    let systemctl = if *of_user { "systemctl --user" } else { "systemctl" };
    let means = format!("{EARNS}; it is part of {unit}: if that is its own, stop it there");
    finding(means).fix(format!("{systemctl} status -- {}", shell_words::quote(unit)))
}

/// Data that is moved under a living node may cost it its identity.
fn stray_directory(facts: &Facts, directory: &Path) -> Finding {
    let is_used = |process: &StrayProcess| {
        process.data.starts_with(directory) || directory.starts_with(&process.data)
    };
    let subject = directory.display().to_string();
    let finding = |means: &str| {
        let means = format!("data of a node without a record, and maybe its only key: {means}");
        Finding::new(Severity::Warning, "stray-directory", subject.clone(), means)
    };
    if facts.strays.processes.iter().any(is_used) {
        return finding("a process uses it, so leave it where it is until that is stopped");
    }
    if facts.strays.processes_unread {
        return finding("whether a process uses it is not known, so leave it where it is");
    }
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let aside = directory.with_file_name(format!("kept-{name}"));
    let command = format!("mv -nT {} {}", quoted(directory), quoted(&aside));
    finding("wnm leaves it alone and never uses its number").fix(hand(facts, &command))
}
