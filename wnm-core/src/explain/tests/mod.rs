//! Tables: a situation in, what the rules and the nodes say as text out.
#![expect(clippy::unwrap_used, reason = "tests")]

mod finishing;
mod growing;
mod healing;
mod nodes;
mod properties;
mod shedding;
mod summaries;

use std::time::Duration;

use super::{Explanation, Rule, explain};
use crate::action::Resource;
use crate::fakes::build::{CPUS, STORAGE, draft, gb, id, policy, record, release};
use crate::model::{
    BootId, Bytes, Instant, LoadAverage, Now, Percent, Phase, Removal, Request, RequestId,
    Timestamp, Verb, Want,
};
use crate::observe::{
    FaultKind, FileSystemView, IoRate, MachineView, MemorySample, NodeMemory, NodeState, NodeView,
    OpenOperation, PastRemoval, ProcessKey, Round, Snapshot, Unread,
};
use crate::plan::{Plan, PlanScope, check, plan};
use crate::policy::{Policy, PolicyDraft, Setting};

const UPTIME_MS: u64 = 100_000_000;

fn at(seconds_ago: u64) -> Instant {
    Instant { boot: BootId("b".into()), uptime_ms: UPTIME_MS - seconds_ago * 1000 }
}

/// A quiet machine with `nodes` running nodes, which has had room for a long time.
fn quiet(nodes: u32) -> Snapshot {
    let disk = FileSystemView::new(1, gb(1000), gb(800));
    let machine = MachineView {
        cpu: Some(Percent(20.0)),
        memory: Some(MemorySample { total: gb(16), available: gb(12) }),
        load: Some(LoadAverage { one: 0.5, five: 0.5, fifteen: 0.5 }),
        file_systems: [(STORAGE.into(), disk)].into(),
        ..MachineView::unmeasured(CPUS)
    };
    let now = Now { wall: Timestamp(1_800_000_000_000), instant: at(0) };
    let mut snapshot = Snapshot::new(now, machine, release());
    snapshot.nodes = (1..=nodes).map(running).collect();
    snapshot.memory.boot = Some(BootId("b".into()));
    snapshot.memory.last_look = Some(at(60));
    snapshot.memory.room = Some(at(10_000));
    snapshot
}

fn running(number: u32) -> NodeView {
    NodeView {
        process: Some(ProcessKey { pid: 1000 + number, start_ticks: 7 }),
        process_age: Some(Duration::from_secs(50_000)),
        memory: Some(Bytes(200_000_000)),
        ..NodeView::new(record(number), NodeState::Running)
    }
}

/// Replaces what was seen of a node.
fn set(snapshot: &mut Snapshot, number: u32, state: NodeState) {
    let node = &mut snapshot.nodes[number as usize - 1];
    let seen = NodeView::new(node.record.clone(), state);
    let process = node.process.filter(|_| seen.seen.alive == Some(true));
    *node = NodeView { process, process_age: process.and(node.process_age), ..seen };
    // Of those that are dead their data is missed for long enough.
    let missed = (node.seen.state == NodeState::Dead).then(|| at(4000));
    snapshot.memory.nodes.entry(node.record()).or_default().missed = missed;
}

fn stopped() -> NodeState {
    NodeState::Stopped { why: "it does not run".into() }
}

fn unread(why: &str) -> Unread {
    Unread { kind: FaultKind::Timeout, why: why.into() }
}

fn with(pairs: &[(Setting, &str)]) -> Policy {
    policy(&pairs.iter().fold(draft(), |draft, (setting, text)| draft.with(*setting, *text)))
}

/// No more nodes than these.
fn full(nodes: u32) -> Policy {
    policy(&draft().with(Setting::NodeCap, nodes.to_string()))
}

fn planned(snapshot: &Snapshot, policy: &Policy) -> Plan {
    let plan = plan(snapshot, policy, PlanScope::Everything);
    assert_eq!(check(&plan, snapshot, policy), vec![], "the second opinion disagrees");
    plan
}

fn explained(snapshot: &Snapshot, policy: &Policy) -> Explanation {
    explain(snapshot, policy, &planned(snapshot, policy))
}

/// The rules of these groups, as a frontend would show them.
fn said(explanation: &Explanation, wanted: impl Fn(&Rule) -> bool) -> String {
    let mut lines = Vec::new();
    for judgement in explanation.rules.iter().filter(|it| wanted(&it.rule)) {
        let (rule, word) = (&judgement.rule, judgement.ruling.name());
        lines.push(format!("{rule} | {word} | {judgement}"));
        lines.extend(judgement.remarks().iter().map(|remark| format!("  {remark}")));
    }
    lines.join("\n")
}

/// What one rule says.
#[track_caller]
fn rule(snapshot: &Snapshot, policy: &Policy, rule: &Rule) -> String {
    let text = said(&explained(snapshot, policy), |it| it == rule);
    assert!(!text.is_empty(), "there is no such rule");
    text
}

fn group(snapshot: &Snapshot, policy: &Policy, name: &str) -> String {
    said(&explained(snapshot, policy), |rule| rule.group() == name)
}

fn disk() -> Resource {
    Resource::Disk(STORAGE.into())
}

fn shed(resource: Resource) -> Rule {
    Rule::Shed { resource }
}

fn room(resource: Resource) -> Rule {
    Rule::Room { resource }
}
