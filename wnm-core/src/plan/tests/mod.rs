//! Tables: a snapshot and a policy in, the plan as text out.
#![expect(clippy::unwrap_used, reason = "tests")]

mod around;
mod backoff;
mod capacity;
mod containers;
mod counted;
mod daemon;
mod defaults;
mod disabled;
mod disks;
mod growth;
mod healing;
mod lessons;
mod limits;
mod measuring;
mod numbers;
mod order;
mod pace;
mod places;
mod properties;
mod python;
mod requests;
mod returning;
mod rollouts;
mod second_opinion;
mod selectors;
mod shedding;
mod states;
mod thresholds;
mod upgrades;
mod verbs;
mod waits;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::{Plan, PlanScope, check, plan};
use crate::action::Resource;
use crate::fakes::build::{CPUS, STORAGE, draft, eager_draft, gb, id, policy, record, release};
use crate::model::{
    BootId, Bytes, Instant, LoadAverage, NodeKey, Now, Percent, Phase, Removal, Request, RequestId,
    Shown, Timestamp, Upgrade, UpgradeHolds, UpgradeRole, Verb, Version, Want,
};
use crate::observe::{
    EngineMemory, FaultKind, FileSystemView, Going, IoRate, MachineView, MemorySample, NodeFacts,
    NodeMemory, NodeState, NodeView, OpenOperation, ProcessKey, Round, SCHEMA, SeenNode, Snapshot,
    Unread,
};
use crate::policy::{Policy, PolicyDraft, Setting};

const UPTIME_MS: u64 = 100_000_000;

fn at(seconds_ago: u64) -> Instant {
    Instant { boot: BootId("b".into()), uptime_ms: UPTIME_MS - seconds_ago * 1000 }
}

/// A quiet machine with `nodes` running nodes, which has had room for a long time.
fn quiet(nodes: u32) -> Snapshot {
    let memory = EngineMemory {
        boot: Some(BootId("b".into())),
        last_look: Some(at(60)),
        room: Some(at(10_000)),
        ..EngineMemory::default()
    };
    Snapshot {
        schema: SCHEMA,
        now: Now { wall: Timestamp(1_800_000_000_000), instant: at(0) },
        machine: MachineView {
            cpus: CPUS,
            cpu: Some(Percent(20.0)),
            memory: Some(MemorySample { total: gb(16), available: gb(12) }),
            load: Some(LoadAverage { one: 0.5, five: 0.5, fifteen: 0.5 }),
            file_systems: BTreeMap::from([(PathBuf::from(STORAGE), disk(20))]),
            disk: None,
            network: None,
            stall: None,
            unread: None,
        },
        nodes: (1..=nodes).map(running).collect(),
        open: Vec::new(),
        requests: Vec::new(),
        begun: BTreeMap::new(),
        memory,
        release: Ok(release()),
        program: None,
        ports: Ok(BTreeSet::new()),
        occupied: Ok((1..=nodes).map(id).collect()),
        numbering: None,
        storage: BTreeMap::from([(PathBuf::from(STORAGE), Ok(()))]),
        around: crate::observe::Surroundings::default(),
        releases: BTreeMap::new(),
        holds: UpgradeHolds::default(),
    }
}

/// A disk of 1 TB, so many percent used.
fn disk(used: u64) -> FileSystemView {
    FileSystemView {
        device: 1,
        total: gb(1000),
        free: gb(1000 - 10 * used),
        used: Percent(used as f64),
        inodes_used: Some(Percent(1.0)),
    }
}

fn running(number: u32) -> NodeView {
    NodeView {
        record: record(number),
        seen: SeenNode { state: NodeState::Running, alive: Some(true) },
        process: Some(ProcessKey { pid: 1000 + number, start_ticks: 7 }),
        process_age: Some(Duration::from_secs(50_000)),
        restarts: Some(0),
        definition_lost: false,
        evicted: false,
        key_at_risk: false,
        memory: Some(Bytes(200_000_000)),
        cpu_ms: Some(u64::from(number)),
        facts: NodeFacts::default(),
        data_present: Some(true),
        disk: None,
        measured: None,
        growth: None,
        installed: None,
        examined: false,
        missing: None,
    }
}

fn set(snapshot: &mut Snapshot, number: u32, state: NodeState, alive: Option<bool>) {
    let node = &mut snapshot.nodes[number as usize - 1];
    node.seen = SeenNode { state, alive };
    if alive != Some(true) {
        (node.process, node.process_age, node.memory) = (None, None, None);
    }
    // Of those that are dead their data is missed for long enough, unless a test says otherwise.
    let missed = (node.seen.state == NodeState::Dead).then(|| at(4000));
    snapshot.memory.nodes.entry(node.record()).or_default().missed = missed;
}

fn stopped() -> NodeState {
    NodeState::Stopped { why: "it does not run".into() }
}

/// Plans, has the plan checked, and renders it: one line an action, then what is waited for.
#[track_caller]
fn planned(snapshot: &Snapshot, policy: &Policy) -> String {
    render(&sound(snapshot, policy))
}

#[track_caller]
fn sound(snapshot: &Snapshot, policy: &Policy) -> Plan {
    let plan = plan(snapshot, policy, PlanScope::Everything);
    assert_eq!(check(&plan, snapshot, policy), vec![], "the second opinion disagrees");
    plan
}

fn render(plan: &Plan) -> String {
    let actions = plan.actions.iter().map(|it| format!("{}: {}", it.action, it.reason));
    let blocked = plan.report.blocked.iter().map(|it| format!("blocked: {it}"));
    let refused = plan.report.requests.iter().flat_map(|it| it.why.clone());
    let refused = refused.map(|it| format!("refused: {it}"));
    let notes = plan.report.notes.iter().map(|it| format!("note: {it}"));
    actions.chain(blocked).chain(refused).chain(notes).collect::<Vec<_>>().join("\n")
}

/// What is done, and nothing of what is said.
#[track_caller]
fn acts(snapshot: &Snapshot, policy: &Policy) -> String {
    let plan = sound(snapshot, policy);
    plan.actions.iter().map(|it| it.action.to_string()).collect::<Vec<_>>().join(", ")
}

fn with(draft: PolicyDraft, pairs: &[(Setting, &str)]) -> Policy {
    policy(&pairs.iter().fold(draft, |draft, (setting, text)| draft.with(*setting, *text)))
}

fn request(number: i64, verb: Verb) -> Request {
    Request { id: RequestId(number), verb, made: Timestamp(1_800_000_000_000), made_at: at(1) }
}

/// A program that was given ten seconds ago.
fn on_trial() -> Upgrade {
    Upgrade {
        from: Version::new(0, 22, 1),
        to: Version::new(0, 23, 1),
        role: UpgradeRole::Asked,
        since: at(10),
        before: Shown::default(),
    }
}

fn key(number: u32) -> NodeKey {
    record(number).key()
}

#[test]
fn what_a_dead_cycle_began_is_done_again() {
    let mut snapshot = quiet(1);
    let begun = plan(&quiet(1), &policy(&draft()), PlanScope::Everything).actions.remove(0);
    let mut half_made = running(2);
    half_made.record.phase = Phase::Starting { since: at(30) };
    snapshot.nodes.push(half_made);
    set(&mut snapshot, 2, NodeState::Starting, Some(false));
    snapshot.nodes[1].data_present = Some(false);
    snapshot.open.push(OpenOperation {
        id: crate::model::OpId(9),
        record: record(2).record,
        planned: begun,
        begun: Timestamp(0),
    });
    let text = planned(&snapshot, &with(draft(), &[(Setting::NodeCap, "2")]));
    assert_eq!(text, "add antnode0002: operation 9 was begun and not finished");
}

#[test]
fn the_order_of_nodes_in_the_input_is_irrelevant() {
    let mut snapshot = quiet(8);
    set(&mut snapshot, 5, stopped(), Some(false));
    let policy = with(draft(), &[(Setting::NodeCap, "7")]);
    let straight = sound(&snapshot, &policy);
    snapshot.nodes.reverse();
    assert_eq!(straight.actions, sound(&snapshot, &policy).actions);
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let policy = with(draft(), &[(Setting::NodeCap, "2")]);
    let snapshot = quiet(2);
    let growing = plan(&quiet(2), &super::tests::policy(&draft()), PlanScope::Everything);
    let mut bad = growing.clone();
    bad.actions.push(bad.actions[0].clone());
    let violations: Vec<String> =
        check(&bad, &snapshot, &policy).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(violations.join("\n"), @"
    two actions on antnode0003
    antnode0003: port 55003 is taken
    antnode0003: /srv/nodes/antnode0003 is taken
    4 nodes, 2 allowed
    2 nodes starting at once, 1 allowed
    ");
}
