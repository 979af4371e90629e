//! `wnm explain`: the rules, their inputs and their verdicts, once as data and once as text. Times
//! are as of the last look.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use wnm_core::host::LastSeen;
use wnm_core::model::{Instant, NodeId, NodeRecord, Phase, RecordId, Removal, Timestamp, Want};
use wnm_core::observe::{Ledger, NodeState};
use wnm_core::plan::{Note, Verdict, VerdictKind, disk_removals_left, removals_left};
use wnm_core::policy::Policy;

use super::{human, json};

#[derive(Serialize)]
pub(super) struct Shape {
    schema: u32,
    looked: Timestamp,
    resources: Vec<ResourceShape>,
    growth: GrowthShape,
    budgets: BudgetShape,
    notes: Vec<String>,
    nodes: Vec<NodeShape>,
}

#[derive(Serialize)]
struct ResourceShape {
    #[serde(flatten)]
    verdict: Verdict,
    /// Since how many seconds the shed threshold is exceeded in every sample.
    over_for_s: Option<u64>,
    /// Nodes are shed after this, if the excess goes on; nothing when none is waited for.
    grace_left_s: Option<u64>,
}

/// Seconds that are left of each wait; zero when it is over.
#[derive(Serialize)]
struct GrowthShape {
    /// `None` while there is no room.
    room_for_s: Option<u64>,
    window_s: u64,
    window_left_s: Option<u64>,
    settle_left_s: u64,
    quiet_left_s: u64,
    blocked: Vec<String>,
}

#[derive(Serialize)]
struct BudgetShape {
    nodes: u32,
    cap: u32,
    stored_cap: u32,
    starting: u32,
    removing: u32,
    disabled: u32,
    removals_left_this_hour: u32,
    removals_per_hour: u32,
    disk_removals_left_today: u32,
    disk_removals_per_day: u32,
}

#[derive(Serialize)]
struct NodeShape {
    id: NodeId,
    record: RecordId,
    state: &'static str,
    why: Option<String>,
    want: Want,
    phase: Phase,
    deaths_last_hour: u32,
    waits: Vec<String>,
}

pub(super) fn shape(ledger: &Ledger, policy: &Policy, last: &LastSeen) -> Shape {
    let report = &last.plan.report;
    Shape {
        schema: json::SCHEMA,
        looked: last.snapshot.now.wall,
        resources: report.pressure.0.iter().map(|it| resource(it, last)).collect(),
        growth: growth(ledger, policy, last),
        budgets: budgets(ledger, policy, last),
        notes: report.notes.iter().map(ToString::to_string).collect(),
        nodes: ledger.nodes.iter().map(|it| node(it, ledger, policy, last)).collect(),
    }
}

fn now(last: &LastSeen) -> &Instant {
    &last.snapshot.now.instant
}

fn resource(verdict: &Verdict, last: &LastSeen) -> ResourceShape {
    let since = last.plan.memory.over.get(&verdict.resource);
    // What the engine itself noted: it alone knows which grace applied.
    let grace = last.plan.report.notes.iter().find_map(|note| match note {
        Note::Grace { resource, left_s } if *resource == verdict.resource => Some(*left_s),
        _ => None,
    });
    ResourceShape {
        verdict: verdict.clone(),
        over_for_s: since.map(|since| since.age(now(last)).as_secs()),
        grace_left_s: grace,
    }
}

fn left(since: Option<&Instant>, wait: Duration, now: &Instant) -> u64 {
    let left = since.map_or(Duration::ZERO, |since| wait.saturating_sub(since.age(now)));
    left.as_millis().div_ceil(1000) as u64
}

fn growth(ledger: &Ledger, policy: &Policy, last: &LastSeen) -> GrowthShape {
    let (memory, stability, now) = (&ledger.memory, &policy.stability, now(last));
    let settle = |since: &Option<Instant>| left(since.as_ref(), stability.settle_time, now);
    let room = memory.room.as_ref();
    GrowthShape {
        room_for_s: room.map(|since| since.age(now).as_secs()),
        window_s: stability.grow_window.as_secs(),
        window_left_s: room.map(|since| left(Some(since), stability.grow_window, now)),
        settle_left_s: settle(&memory.last_growth).max(settle(&memory.last_stop)),
        quiet_left_s: left(memory.last_shed.as_ref(), stability.quiet_time, now),
        blocked: last.plan.report.blocked.iter().map(ToString::to_string).collect(),
    }
}

fn budgets(ledger: &Ledger, policy: &Policy, last: &LastSeen) -> BudgetShape {
    let nodes = &last.snapshot.nodes;
    let count = |wanted: fn(&NodeState) -> bool| {
        nodes.iter().filter(|node| wanted(&node.seen.state)).count() as u32
    };
    let hour = removals_left(&ledger.memory, policy, nodes.len(), now(last), &[]);
    let day = disk_removals_left(&ledger.memory, policy, nodes.len(), now(last), &[]);
    BudgetShape {
        nodes: last.snapshot.counting().count() as u32,
        cap: policy.cap.limit,
        stored_cap: policy.cap.stored,
        starting: count(|state| matches!(state, NodeState::Starting)),
        removing: count(|state| matches!(state, NodeState::Removing)),
        disabled: count(|state| matches!(state, NodeState::Disabled)),
        removals_left_this_hour: hour.left,
        removals_per_hour: hour.limit,
        disk_removals_left_today: day.left,
        disk_removals_per_day: day.limit,
    }
}

fn node(record: &NodeRecord, ledger: &Ledger, policy: &Policy, last: &LastSeen) -> NodeShape {
    let why = human::view(record, Some(last)).and_then(|node| match &node.seen.state {
        NodeState::Mute { missing: why }
        | NodeState::Stopped { why }
        | NodeState::Unknown { why } => Some(why.clone()),
        _ => None,
    });
    let deaths = ledger.memory.nodes.get(&record.record).map_or(0, |memory| memory.deaths.len());
    NodeShape {
        id: record.spec.id,
        record: record.record,
        state: human::state_word(record, Some(last)),
        why,
        want: record.want,
        phase: record.phase.clone(),
        deaths_last_hour: deaths as u32,
        waits: waits(record, ledger, policy, now(last)),
    }
}

fn waits(record: &NodeRecord, ledger: &Ledger, policy: &Policy, now: &Instant) -> Vec<String> {
    let mut waits = Vec::new();
    match &record.phase {
        Phase::Starting { since } => match left(Some(since), policy.delays.start, now) {
            0 => {}
            left => waits.push(format!("counts as starting for {left} s more")),
        },
        Phase::Creating { .. } => waits.push("its creation has not succeeded yet".to_owned()),
        Phase::Removing { since, cause: Removal::Cap | Removal::Disk } => {
            let left = left(Some(since), policy.delays.remove, now);
            waits.push(format!("deleted in {left} s; `wnm start` takes it back"));
        }
        Phase::Removing { .. } => waits.push("deleted by the next cycle that can".to_owned()),
        Phase::Steady => {}
    }
    match record.want {
        Want::Disabled => waits.push("left alone until `wnm enable`".to_owned()),
        Want::StoppedByOperator => waits.push("stopped until `wnm start`".to_owned()),
        Want::StoppedByPressure => waits.push("started when there is room to grow".to_owned()),
        Want::Run => {
            let pause = ledger.memory.nodes.get(&record.record);
            let pause =
                pause.map(|memory| memory.pause_left(policy.stability.restart_backoff, now));
            let left = pause.unwrap_or_default().as_millis().div_ceil(1000);
            if left > 0 {
                waits.push(format!("not started again for {left} s more, should it stop"));
            }
        }
    }
    waits
}

pub(super) fn human(shape: &Shape) -> String {
    let mut text = format!("as of the last look, {} UTC\n\n", shape.looked);
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["RESOURCE", "USED", "GROW BELOW", "SHED ABOVE", "VERDICT"]);
    for row in &shape.resources {
        table.add_row(resource_row(row));
    }
    for line in table.to_string().lines() {
        let _ = writeln!(text, "{}", line.trim());
    }
    text.push('\n');
    text += &growth_text(&shape.growth);
    text += &budget_text(&shape.budgets);
    for note in &shape.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !shape.nodes.is_empty() {
        text.push('\n');
    }
    for node in &shape.nodes {
        text += &node_text(node);
    }
    text
}

fn resource_row(row: &ResourceShape) -> [String; 5] {
    let Verdict { resource, used, add_below, remove_above, verdict } = &row.verdict;
    let threshold = |at: &Option<f64>| at.map_or("off".to_owned(), |at| resource.show(at));
    let word = match verdict {
        VerdictKind::Room => "room to grow".to_owned(),
        VerdictKind::Hold => "neither grow nor shed".to_owned(),
        VerdictKind::Unknown => "not measured: neither grow nor shed".to_owned(),
        VerdictKind::Shed => {
            let held = row.over_for_s.unwrap_or_default();
            match row.grace_left_s {
                Some(left) => format!("above for {held} s, shed in {left} s"),
                None => format!("above for {held} s: shed"),
            }
        }
    };
    [
        resource.to_string(),
        used.map_or("-".to_owned(), |used| resource.show(used)),
        threshold(add_below),
        threshold(remove_above),
        word,
    ]
}

fn growth_text(growth: &GrowthShape) -> String {
    let mut text = match (growth.room_for_s, growth.window_left_s) {
        (Some(held), Some(0)) => format!("room: for {held} s, {} s are enough\n", growth.window_s),
        (Some(held), left) => {
            let left = left.unwrap_or_default();
            format!("room: for {held} s of {} s, {left} s more to wait\n", growth.window_s)
        }
        (None, _) => "room: none, or not known\n".to_owned(),
    };
    let _ = writeln!(
        text,
        "settling: {} s more; quiet after shedding: {} s more",
        growth.settle_left_s, growth.quiet_left_s
    );
    for blocked in &growth.blocked {
        let _ = writeln!(text, "not growing: {blocked}");
    }
    text
}

fn budget_text(budget: &BudgetShape) -> String {
    let stored = match budget.cap == budget.stored_cap {
        true => String::new(),
        false => format!(" (stored: {})", budget.stored_cap),
    };
    format!(
        "nodes: {} of {}{stored}; {} starting, {} removing, {} disabled\nremovals left: {} of {} \
         this hour, for disk {} of {} today\n",
        budget.nodes,
        budget.cap,
        budget.starting,
        budget.removing,
        budget.disabled,
        budget.removals_left_this_hour,
        budget.removals_per_hour,
        budget.disk_removals_left_today,
        budget.disk_removals_per_day,
    )
}

fn node_text(node: &NodeShape) -> String {
    let want = match node.want {
        Want::Run => "to run",
        Want::StoppedByOperator => "stopped, by an operator",
        Want::StoppedByPressure => "stopped, for want of resources",
        Want::Disabled => "to be left alone",
    };
    let why = node.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let mut text = format!("{}: {}{why}, wanted {want}", node.id, node.state);
    if node.deaths_last_hour > 0 {
        let _ = write!(text, "; deaths in the last hour: {}", node.deaths_last_hour);
    }
    for wait in &node.waits {
        let _ = write!(text, "; {wait}");
    }
    text.push('\n');
    text
}
