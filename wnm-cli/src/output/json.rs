//! The machine-readable shapes. Core's own types, with a schema number.

use serde::Serialize;
use serde_json::{Result, to_string_pretty};
use wnm_core::action::{Outcome, PlannedAction, Step};
use wnm_core::explain::{WhyNot, explain};
use wnm_core::host::LastSeen;
use wnm_core::model::{NodeRecord, Timestamp};
use wnm_core::observe::{
    Estimate, LearnedCost, Ledger, MachineView, NodeCost, NodeView, OpRecord, Snapshot,
};
use wnm_core::plan::{Capacity, Plan, PlanReport, lower};
use wnm_core::policy::Policy;
use wnm_core::run::CycleReport;

use super::ConfigRow;

/// Number of these shapes; rises when a script that reads them could break.
pub(super) const SCHEMA: u32 = 1;

/// A shape that carries its own number.
pub(super) fn any(shape: &impl Serialize) -> Result<String> {
    to_string_pretty(shape)
}

#[derive(Serialize)]
struct CycleShape<'a> {
    schema: u32,
    at: Timestamp,
    done: Vec<DoneShape<'a>>,
    report: &'a PlanReport,
    faults: &'a [String],
}

#[derive(Serialize)]
struct DoneShape<'a> {
    #[serde(flatten)]
    planned: &'a PlannedAction,
    outcome: &'a Outcome,
}

pub(super) fn cycle(report: &CycleReport) -> Result<String> {
    to_string_pretty(&CycleShape {
        schema: SCHEMA,
        at: report.snapshot.now.wall,
        done: report
            .done
            .iter()
            .map(|done| DoneShape { planned: &done.planned, outcome: &done.outcome })
            .collect(),
        report: &report.plan.report,
        faults: &report.faults,
    })
}

#[derive(Serialize)]
struct PlanShape<'a> {
    schema: u32,
    at: Timestamp,
    actions: Vec<ActionShape<'a>>,
    report: &'a PlanReport,
    why_not_more: WhyNot,
    machine: &'a MachineView,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<RecordedShape<'a>>,
}

/// What was decided then, beside what is decided now.
#[derive(Serialize)]
struct RecordedShape<'a> {
    same: bool,
    actions: &'a [PlannedAction],
}

#[derive(Serialize)]
struct ActionShape<'a> {
    #[serde(flatten)]
    planned: &'a PlannedAction,
    steps: Vec<Step>,
}

pub(super) fn plan(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> Result<String> {
    plan_again(snapshot, policy, plan, None)
}

pub(super) fn plan_again(
    snapshot: &Snapshot,
    policy: &Policy,
    plan: &Plan,
    then: Option<&Plan>,
) -> Result<String> {
    let shape = |planned| ActionShape { planned, steps: steps(snapshot, planned) };
    to_string_pretty(&PlanShape {
        schema: SCHEMA,
        at: snapshot.now.wall,
        actions: plan.actions.iter().map(shape).collect(),
        report: &plan.report,
        why_not_more: explain(snapshot, policy, plan).summary.why_not_more,
        machine: &snapshot.machine,
        recorded: then.map(|then| RecordedShape {
            same: then.actions == plan.actions,
            actions: &then.actions,
        }),
    })
}

/// The steps of a planned action, as they would be run.
pub(super) fn steps(snapshot: &Snapshot, planned: &PlannedAction) -> Vec<Step> {
    let spec = match &planned.action {
        wnm_core::action::Action::Add { spec, .. } => Some(spec.as_ref()),
        action => snapshot.node(action.node()).map(|node| &node.record.spec),
    };
    spec.map(|spec| lower(&planned.action, spec)).unwrap_or_default()
}

#[derive(Serialize)]
struct StatusShape<'a> {
    schema: u32,
    looked: Option<Timestamp>,
    machine: Option<&'a MachineView>,
    learned: Option<LearnedShape<'a>>,
    capacity: Option<&'a Capacity>,
    nodes: Vec<NodeShape<'a>>,
    report: Option<&'a PlanReport>,
}

#[derive(Serialize)]
struct NodeShape<'a> {
    state: &'static str,
    record: &'a NodeRecord,
    seen: Option<&'a NodeView>,
}

/// What a node costs, without what the estimates are made from. CPU in percent of the machine, disk
/// in bytes a day, network in bytes per second.
#[derive(Serialize)]
struct LearnedShape<'a> {
    text: String,
    observed_s: f64,
    running: &'a NodeCost,
    starting: &'a NodeCost,
    disk_growth: Option<Estimate>,
    received: Option<Estimate>,
    sent: Option<Estimate>,
    /// CPU that no process is charged for, for each node; within none of the above.
    cpu_beyond: Option<f64>,
}

fn learned(cost: &LearnedCost) -> LearnedShape<'_> {
    LearnedShape {
        text: cost.to_string(),
        observed_s: cost.observed_s,
        running: &cost.running,
        starting: &cost.starting,
        disk_growth: cost.disk_growth,
        received: cost.received,
        sent: cost.sent,
        cpu_beyond: cost.beyond.each,
    }
}

pub(super) fn status(
    ledger: &Ledger,
    last: Option<&LastSeen>,
    capacity: Option<&Capacity>,
) -> Result<String> {
    to_string_pretty(&StatusShape {
        schema: SCHEMA,
        looked: last.map(|last| last.snapshot.now.wall),
        machine: last.map(|last| &last.snapshot.machine),
        learned: last.map(|last| learned(&last.plan.memory.cost)),
        capacity,
        nodes: ledger
            .nodes
            .iter()
            .map(|record| NodeShape {
                state: super::human::state_word(record, last),
                record,
                seen: super::human::view(record, last),
            })
            .collect(),
        report: last.map(|last| &last.plan.report),
    })
}

#[derive(Serialize)]
struct HistoryShape<'a> {
    schema: u32,
    operations: &'a [OpRecord],
}

pub(super) fn history(records: &[OpRecord]) -> Result<String> {
    to_string_pretty(&HistoryShape { schema: SCHEMA, operations: records })
}

#[derive(Serialize)]
struct ConfigShape<'a> {
    schema: u32,
    settings: Vec<SettingShape<'a>>,
}

#[derive(Serialize)]
struct SettingShape<'a> {
    key: &'static str,
    value: &'a str,
    source: &'static str,
    default: &'static str,
    help: &'static str,
}

pub(super) fn config(rows: &[ConfigRow]) -> Result<String> {
    let settings = rows
        .iter()
        .map(|row| SettingShape {
            key: row.setting.key(),
            value: &row.value,
            source: row.source.name(),
            default: row.setting.default_text(),
            help: row.setting.help(),
        })
        .collect();
    to_string_pretty(&ConfigShape { schema: SCHEMA, settings })
}
