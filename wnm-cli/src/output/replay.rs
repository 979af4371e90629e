//! What replays came to.

use std::fmt::Write;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use wnm_core::action::PlannedAction;
use wnm_core::host::CycleSummary;
use wnm_core::model::counted;
use wnm_core::plan::Plan;
use wnm_core::policy::PolicyDraft;
use wnm_core::replay::{Difference, Gap, Replay, ReplayReport};

use super::json;

#[derive(Serialize)]
pub(super) struct CyclesShape<'a> {
    schema: u32,
    recorded: &'a [CycleSummary],
}

pub(super) fn cycles(cycles: &[CycleSummary]) -> CyclesShape<'_> {
    CyclesShape { schema: json::SCHEMA, recorded: cycles }
}

pub(super) fn cycles_text(cycles: &[CycleSummary]) -> String {
    if cycles.is_empty() {
        return "no cycle is kept\n".to_owned();
    }
    let row = |cycle: &CycleSummary| {
        [
            cycle.cycle.to_string(),
            cycle.at.to_string(),
            cycle.nodes.to_string(),
            cycle.actions.to_string(),
        ]
    };
    table(["CYCLE", "TIME (UTC)", "NODES", "ACTIONS"], cycles.iter().map(row))
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table.to_string().lines().fold(String::new(), |text, line| text + line.trim() + "\n")
}

/// Whether a plan came out as it was recorded.
pub(super) fn again_text(now: &Plan, then: &Plan) -> String {
    match (now.actions == then.actions, now == then) {
        (true, true) => "the same as was decided then\n".to_owned(),
        (true, false) => "the same as was decided then; what is said about it differs\n".to_owned(),
        (false, _) if then.actions.is_empty() => {
            "NOT the same: then it was decided to do nothing\n".to_owned()
        }
        (false, _) => {
            let actions = then.actions.iter().map(|it| format!("    {}\n", decided(it)));
            format!("NOT the same: then it was decided to\n{}", actions.collect::<String>())
        }
    }
}

fn decided(planned: &PlannedAction) -> String {
    format!("{}: {}", planned.action, planned.reason)
}

#[derive(Serialize)]
pub(super) struct ReplayShape<'a> {
    schema: u32,
    set: &'a PolicyDraft,
    the_same: bool,
    #[serde(flatten)]
    report: &'a ReplayReport,
}

pub(super) fn shape<'a>(changes: &'a PolicyDraft, report: &'a ReplayReport) -> ReplayShape<'a> {
    ReplayShape { schema: json::SCHEMA, set: changes, the_same: report.is_the_same(), report }
}

pub(super) fn text(changes: &PolicyDraft, report: &ReplayReport, limit: usize) -> String {
    let is_changed = !changes.values.is_empty();
    let mut text = read(report);
    for (setting, value) in &changes.values {
        let _ = writeln!(text, "with {setting} = {value}");
    }
    for setting in Replay::unanswered(changes) {
        let _ = writeln!(text, "note: {setting} shapes what is seen, which stays as it was");
    }
    text += &verdict(report, is_changed);
    for difference in report.differences.iter().take(limit) {
        text += &differing(difference, is_changed);
    }
    if let Some(more @ 1..) = report.differences.len().checked_sub(limit) {
        let _ = writeln!(text, "and {more} more; --limit N shows them");
    }
    text + &totals(report, is_changed)
}

/// What there was to read.
fn read(report: &ReplayReport) -> String {
    let mut text = counted(report.cycles, "cycle");
    if let (Some(since), Some(until)) = (report.since, report.until) {
        let _ = write!(text, " from {since} to {until} UTC");
    }
    text.push('\n');
    if report.unread > 0 {
        let _ = writeln!(text, "{} more cannot be read", report.unread);
    }
    if let Some(longest) = report.gaps.iter().max_by_key(|gap| gap.seconds) {
        let Gap { from, seconds, .. } = longest;
        let gaps = counted(report.gaps.len() as u32, "gap");
        let _ = writeln!(text, "{gaps}, the longest of {seconds} s, from {from} UTC");
    }
    text
}

fn verdict(report: &ReplayReport, is_changed: bool) -> String {
    let mut text = String::new();
    let judged = report.cycles - report.unfit;
    let differing = judged - report.same;
    let _ = match (differing, is_changed) {
        (0, _) if judged == 0 => Ok(()),
        (0, false) => writeln!(text, "all decide the same as they did"),
        (0, true) => writeln!(text, "nothing would have been decided otherwise"),
        (_, false) => writeln!(text, "{differing} of them decide otherwise than they did"),
        (_, true) => writeln!(text, "in {differing} of them the decisions would have been others"),
    };
    if report.retold > 0 {
        let cycles = counted(report.retold, "cycle");
        let _ = writeln!(text, "{cycles} decide the same, and explain it otherwise");
    }
    if report.unfit > 0 {
        let cycles = counted(report.unfit, "cycle");
        let _ = writeln!(text, "{cycles} not judged, for these do not fit to what was set then:");
        for misfit in &report.misfits {
            let _ = writeln!(text, "    {misfit}");
        }
    }
    if report.unsound > 0 {
        let plans = counted(report.unsound, "plan");
        let _ = writeln!(text, "BUG: {plans} did not pass their own check; please report this");
    }
    text
}

fn differing(difference: &Difference, is_changed: bool) -> String {
    let (would, would_not) = match is_changed {
        true => ("would have", "would not have"),
        false => ("decides now", "decided then"),
    };
    let mut text = format!("{} UTC, cycle {}\n", difference.at, difference.cycle);
    for planned in &difference.now {
        let _ = writeln!(text, "    {would}: {}", decided(planned));
    }
    for planned in &difference.then {
        let _ = writeln!(text, "    {would_not}: {}", decided(planned));
    }
    for why in &difference.why_not {
        let _ = writeln!(text, "        {why}");
    }
    text
}

fn totals(report: &ReplayReport, is_changed: bool) -> String {
    if report.totals.is_empty() {
        return String::new();
    }
    // What was not granted made no room for more.
    let now = if is_changed { "WOULD HAVE BEEN (AT LEAST)" } else { "NOW" };
    let rows = report
        .totals
        .iter()
        .map(|(kind, total)| [(*kind).to_owned(), total.then.to_string(), total.now.to_string()]);
    table(["DECIDED", "AS RECORDED", now], rows)
}
