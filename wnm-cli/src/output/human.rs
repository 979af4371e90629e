//! The shapes for people: understandable without colour.

use std::fmt::Write;

use wnm_core::action::Outcome;
use wnm_core::explain::{Explanation, WhyNot, explain};
use wnm_core::host::LastSeen;
use wnm_core::model::{NodeRecord, Phase, Release, Want};
use wnm_core::observe::{NodeView, OpRecord, Snapshot};
use wnm_core::plan::{Blocked, Plan, PlanReport};
use wnm_core::policy::Policy;
use wnm_core::run::CycleReport;

use super::{ConfigRow, json};
use crate::settings::{Paths, Source};

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
    text + &not_more(&explain(snapshot, policy, plan), policy)
        + &rollout(&plan.report)
        + &notes(&plan.report)
}

/// Why not more, each with the setting that says so.
fn not_more(explanation: &Explanation, policy: &Policy) -> String {
    let starts = Some(policy.limits.starts.or(0)).filter(|number| *number > 0);
    let mut text = String::new();
    for rule in &explanation.rules {
        let threshold = rule.thresholds.iter().find_map(|threshold| threshold.setting);
        let setting = rule.held.map(|held| held.setting).or(threshold);
        for blocked in &rule.blocked {
            let says_it = match blocked {
                Blocked::NoReading { .. } => false,
                // As long as nobody knows what a node costs, and where room is short, fewer start.
                Blocked::InFlight { limit, .. } => starts.is_none_or(|starts| starts == *limit),
                _ => true,
            };
            let _ = match setting.filter(|_| says_it) {
                Some(setting) => writeln!(text, "not growing: {blocked} ({setting})"),
                None => writeln!(text, "not growing: {blocked}"),
            };
        }
    }
    if let more @ WhyNot::Grows { .. } = &explanation.summary.why_not_more {
        let _ = writeln!(text, "not more: {more}");
    }
    text
}

fn counts(snapshot: &Snapshot, cap: u32) -> String {
    let running = snapshot.nodes.iter().filter(|node| node.seen.alive == Some(true)).count();
    let counting = snapshot.counting().count();
    format!("before this: {counting} of {cap} nodes, {running} running")
}

pub(super) fn waits(report: &PlanReport) -> String {
    let mut text = String::new();
    for blocked in &report.blocked {
        let _ = writeln!(text, "not growing: {blocked}");
    }
    text + &rollout(report) + &notes(report)
}

/// Where wnm's own upgrade stands, and the first thing it waits for.
fn rollout(report: &PlanReport) -> String {
    let Some(rollout) = &report.rollout else { return String::new() };
    let wait = rollout.waits.first().map(|wait| format!("; {wait}")).unwrap_or_default();
    format!("{}{wait}\n", super::upgrades::line(rollout))
}

fn notes(report: &PlanReport) -> String {
    let mut text = String::new();
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
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
        (_, Want::Run, Some(node)) if given_since(record, node) => "upgrading",
        (_, _, Some(node)) => node.seen.state.name(),
        (_, _, None) => "unknown",
    }
}

/// The cycle that saw the node gave it another program.
fn given_since(record: &NodeRecord, seen: &NodeView) -> bool {
    record.upgrade.is_some() && record.upgrade != seen.record.upgrade
}

/// The journal; `filtered` when only a part of it was asked for.
pub(super) fn history(records: &[OpRecord], filtered: bool) -> String {
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
    match (records.is_empty(), filtered) {
        (false, _) => text,
        (true, false) => "nothing was done yet\n".to_owned(),
        (true, true) => {
            "nothing of that kind was done; `wnm history` shows the last 50\n".to_owned()
        }
    }
}

/// A listing that is a configuration file: fed back it changes nothing.
pub(super) fn config(rows: &[ConfigRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let value = toml::Value::String(row.value.clone());
        let default = match (row.source, row.setting.default_text()) {
            (Source::Default, _) | (_, "") => String::new(),
            (_, default) => format!("; default {default}"),
        };
        let _ = writeln!(text, "{} = {value}  # {}{default}", row.setting, row.source.name());
    }
    text
}
