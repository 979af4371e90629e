//! The shapes for people: understandable without colour.

use std::fmt::Write;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use wnm_core::action::Outcome;
use wnm_core::host::LastSeen;
use wnm_core::model::{NodeRecord, Phase, Release, Want};
use wnm_core::observe::{Ledger, MachineView, NodeState, NodeView, OpRecord, Snapshot};
use wnm_core::plan::{Plan, PlanReport};
use wnm_core::policy::Policy;
use wnm_core::run::CycleReport;

use super::{ConfigRow, json};
use crate::settings::Paths;

pub(super) fn initialised(paths: &Paths, policy: &Policy, release: &Release) -> String {
    let wallets = policy.nodes.wallets.shares().iter().map(|share| share.address.to_string());
    format!(
        "initialised {}\n  up to {} nodes of {} {}, kept by {}\n  rewards go to {}\nnext: `wnm \
         schedule install` has a cycle run every minute; `wnm plan` shows what it would do",
        paths.base.display(),
        policy.cap.stored,
        policy.nodes.program,
        release.version,
        policy.nodes.manager,
        wallets.collect::<Vec<_>>().join(", "),
    )
}

pub(super) fn cycle(report: &CycleReport) -> String {
    let mut text = String::new();
    for done in &report.done {
        let _ = match &done.outcome {
            Outcome::Done { .. } => writeln!(text, "done: {}", done.planned.action),
            Outcome::Failed { fault } => {
                writeln!(text, "FAILED: {}: {}", done.planned.action, fault.message)
            }
        };
    }
    for fault in &report.faults {
        let _ = writeln!(text, "FAILED: {fault}");
    }
    if report.done.is_empty() && report.faults.is_empty() {
        let _ = writeln!(text, "nothing to do");
    }
    let _ = writeln!(text, "{}", counts(&report.snapshot, report.policy.cap.limit));
    text + &waits(&report.plan.report)
}

pub(super) fn plan(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> String {
    let mut text = String::new();
    for planned in &plan.actions {
        let _ = writeln!(text, "{}: {}", planned.action, planned.reason);
        for step in json::steps(snapshot, planned) {
            let _ = writeln!(text, "    {step}");
        }
    }
    if plan.actions.is_empty() {
        let _ = writeln!(text, "nothing to do");
    }
    let _ = writeln!(text, "{}", counts(snapshot, policy.cap.limit));
    text + &waits(&plan.report)
}

fn counts(snapshot: &Snapshot, cap: u32) -> String {
    let running = snapshot.nodes.iter().filter(|node| node.seen.alive == Some(true)).count();
    let counting = snapshot.counting().count();
    format!("{counting} of {cap} nodes, {running} running before this")
}

fn waits(report: &PlanReport) -> String {
    let mut text = String::new();
    for blocked in &report.blocked {
        let _ = writeln!(text, "not growing: {blocked}");
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

pub(super) fn status(ledger: &Ledger, last: Option<&LastSeen>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "NODE", "STATE", "PID", "PORT", "PEERS", "RECORDS", "MEMORY", "UP", "VERSION",
    ]);
    for record in &ledger.nodes {
        table.add_row(row(record, view(record, last)));
    }
    let mut text = String::new();
    if ledger.nodes.is_empty() {
        let _ = writeln!(text, "no nodes");
    } else {
        for line in table.to_string().lines() {
            let _ = writeln!(text, "{}", line.trim());
        }
    }
    match last {
        Some(last) => {
            let _ = writeln!(text, "{}", machine(&last.snapshot.machine));
            let _ = writeln!(text, "as of {} UTC", last.snapshot.now.wall);
            text += &waits(&last.plan.report);
        }
        None => text += "no cycle has run yet\n",
    }
    text
}

/// What the last cycle saw of this very record.
pub(super) fn view<'a>(record: &NodeRecord, last: Option<&'a LastSeen>) -> Option<&'a NodeView> {
    last?.node(record.spec.id).filter(|node| node.record.record == record.record)
}

/// The state to show: what was seen, unless the cycle that saw it set something in motion.
pub(super) fn state_word(record: &NodeRecord, last: Option<&LastSeen>) -> &'static str {
    let seen = view(record, last);
    let moved = seen
        .is_none_or(|node| node.record.phase != record.phase || node.record.want != record.want);
    match (&record.phase, record.want, seen) {
        (Phase::Removing { .. }, _, _) => "removing",
        (_, Want::Disabled, _) => "disabled",
        (Phase::Starting { .. } | Phase::Creating { .. }, _, _) if moved => "starting",
        (_, Want::StoppedByOperator | Want::StoppedByPressure, _) if moved => "stopped",
        (_, _, Some(node)) => node.seen.state.name(),
        (_, _, None) => "unknown",
    }
}

fn row(record: &NodeRecord, seen: Option<&NodeView>) -> Vec<String> {
    let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let state = match seen {
        Some(node) if node.record.phase == record.phase && node.record.want == record.want => {
            described(record, node)
        }
        _ => moving(record).to_owned(),
    };
    let version = seen.and_then(|node| node.facts.version.clone()).or(record.version.clone());
    vec![
        record.spec.id.to_string(),
        state,
        number(seen.and_then(|node| node.process).map(|key| u64::from(key.pid))),
        record.spec.ports.node.to_string(),
        number(seen.and_then(|node| node.facts.peers)),
        number(seen.and_then(|node| node.facts.records)),
        seen.and_then(|node| node.memory).map_or("-".to_owned(), |bytes| bytes.to_string()),
        seen.and_then(|node| node.process_age).map_or("-".to_owned(), |age| short(age.as_secs())),
        version.map_or("-".to_owned(), |version| version.to_string()),
    ]
}

fn described(record: &NodeRecord, node: &NodeView) -> String {
    let word = node.seen.state.name();
    match (record.want, &node.seen.state) {
        (Want::StoppedByOperator, NodeState::Stopped { .. }) => "stopped (operator)".to_owned(),
        (Want::StoppedByPressure, NodeState::Stopped { .. }) => "stopped (pressure)".to_owned(),
        _ => word.to_owned(),
    }
}

fn moving(record: &NodeRecord) -> &'static str {
    match (&record.phase, record.want) {
        (Phase::Removing { .. }, _) => "removing",
        (_, Want::Disabled) => "disabled",
        (_, Want::StoppedByOperator) => "stopped (operator)",
        (_, Want::StoppedByPressure) => "stopped (pressure)",
        (Phase::Starting { .. } | Phase::Creating { .. }, Want::Run) => "starting",
        (Phase::Steady, Want::Run) => "not yet seen",
    }
}

/// `42s`, `17m`, `5h`, `3d`.
fn short(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn machine(machine: &MachineView) -> String {
    if let Some(unread) = &machine.unread {
        return format!("machine: could not be looked at: {unread}");
    }
    let mut parts = vec![format!("{} CPUs", machine.cpus)];
    parts.push(machine.cpu.map_or("cpu not yet known".to_owned(), |cpu| format!("cpu {cpu}")));
    if let Some(memory) = machine.memory {
        parts.push(format!("memory {} of {} available", memory.available, memory.total));
    }
    parts.extend(machine.load.map(|load| format!("load {load}")));
    for (root, system) in &machine.file_systems {
        parts.push(format!("{} {} used, {} free", root.display(), system.used, system.free));
    }
    format!("machine: {}", parts.join(", "))
}

pub(super) fn history(records: &[OpRecord]) -> String {
    let mut text = String::new();
    for record in records {
        let outcome = match (&record.outcome, record.ended) {
            (Some(Outcome::Done { .. }), _) => "done".to_owned(),
            (Some(Outcome::Failed { fault }), _) => format!("FAILED: {}", fault.message),
            (None, Some(_)) => "interrupted; taken up again later".to_owned(),
            (None, None) => "going on, or interrupted".to_owned(),
        };
        let _ = writeln!(
            text,
            "{}  {}: {} - {outcome}",
            record.begun, record.planned.action, record.planned.reason
        );
    }
    if records.is_empty() { "nothing was done yet\n".to_owned() } else { text }
}

/// A listing that is a configuration file: fed back it changes nothing.
pub(super) fn config(rows: &[ConfigRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let value = toml::Value::String(row.value.clone());
        let _ = writeln!(text, "{} = {value}  # {}", row.setting, row.source.name());
    }
    text
}
