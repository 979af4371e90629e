//! Tables: a snapshot and a policy in, the plan as text out.
#![expect(clippy::unwrap_used, reason = "tests")]

mod disabled;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::{Plan, PlanScope, check, plan};
use crate::action::Resource;
use crate::fakes::build::{CPUS, STORAGE, draft, eager_draft, gb, id, policy, record, release};
use crate::model::{
    BootId, Bytes, Instant, LoadAverage, NodeKey, Now, Percent, Phase, Removal, Request, RequestId,
    Timestamp, Verb, Want,
};
use crate::observe::{
    EngineMemory, FaultKind, FileSystemView, MachineView, MemorySample, NodeFacts, NodeMemory,
    NodeState, NodeView, OpenOperation, ProcessKey, Round, SCHEMA, SeenNode, Snapshot, Unread,
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
            unread: None,
        },
        nodes: (1..=nodes).map(running).collect(),
        open: Vec::new(),
        requests: Vec::new(),
        memory,
        release: Ok(release()),
        ports: Ok(BTreeSet::new()),
        occupied: Ok((1..=nodes).map(id).collect()),
        storage: BTreeMap::from([(PathBuf::from(STORAGE), Ok(()))]),
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
        memory: Some(Bytes(200_000_000)),
        cpu_ms: Some(u64::from(number)),
        facts: NodeFacts::default(),
        data_present: Some(true),
        disk: None,
    }
}

fn set(snapshot: &mut Snapshot, number: u32, state: NodeState, alive: Option<bool>) {
    let node = &mut snapshot.nodes[number as usize - 1];
    node.seen = SeenNode { state, alive };
    if alive != Some(true) {
        (node.process, node.process_age, node.memory) = (None, None, None);
    }
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

fn with(draft: PolicyDraft, pairs: &[(Setting, &str)]) -> Policy {
    policy(&pairs.iter().fold(draft, |draft, (setting, text)| draft.with(*setting, *text)))
}

fn request(number: i64, verb: Verb) -> Request {
    Request { id: RequestId(number), verb, made: Timestamp(1_800_000_000_000), made_at: at(1) }
}

fn key(number: u32) -> NodeKey {
    record(number).key()
}

#[test]
fn a_quiet_machine_below_its_cap_gets_one_more_node() {
    insta::assert_snapshot!(planned(&quiet(2), &policy(&draft())), @"add antnode0003: room for more: 2 of 20 nodes");
}

#[test]
fn at_the_cap_nothing_is_done_and_nothing_is_waited_for() {
    let policy = with(draft(), &[(Setting::NodeCap, "3")]);
    assert_eq!(planned(&quiet(3), &policy), "");
}

#[test]
fn growth_thresholds_are_strict() {
    let policy = policy(&draft());
    for (cpu, grows) in [(49.9, true), (50.0, false), (50.1, false)] {
        let mut snapshot = quiet(1);
        snapshot.machine.cpu = Some(Percent(cpu));
        assert_eq!(sound(&snapshot, &policy).actions.len() == 1, grows, "cpu {cpu}");
    }
    for (load, grows) in [(2.39, true), (2.4, false)] {
        let mut snapshot = quiet(1);
        snapshot.machine.load = Some(LoadAverage { one: 0.1, five: 0.1, fifteen: load });
        assert_eq!(sound(&snapshot, &policy).actions.len() == 1, grows, "load {load}");
    }
    for (available, grows) in [(7, true), (6, false)] {
        let mut snapshot = quiet(1);
        snapshot.machine.memory = Some(MemorySample { total: gb(16), available: gb(available) });
        assert_eq!(sound(&snapshot, &policy).actions.len() == 1, grows, "{available} GB left");
    }
    for (used, grows) in [(70, true), (75, false)] {
        let mut snapshot = quiet(1);
        snapshot.machine.file_systems.insert(STORAGE.into(), disk(used));
        let policy = with(draft(), &[(Setting::DiskPrior, "1GB")]);
        assert_eq!(sound(&snapshot, &policy).actions.len() == 1, grows, "disk {used} %");
    }
}

#[test]
fn everything_that_growth_waits_for_is_said() {
    let mut snapshot = quiet(1);
    snapshot.machine.cpu = None;
    snapshot.machine.load = Some(LoadAverage { one: 3.0, five: 3.0, fifteen: 3.0 });
    snapshot.memory.last_stop = Some(at(100));
    snapshot.memory.last_shed = Some(at(100));
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    blocked: cpu could not be measured yet
    blocked: load is 3.0, growing needs less than 2.4
    blocked: the machine settles for 200 s more
    blocked: nodes were shed: no growing for 1700 s more
    ");
}

#[test]
fn room_must_last_for_the_whole_window() {
    let policy = policy(&draft());
    for (held, grows) in [(599, false), (600, true)] {
        let mut snapshot = quiet(1);
        snapshot.memory.room = Some(at(held));
        assert_eq!(sound(&snapshot, &policy).actions.len() == 1, grows, "{held} s");
    }
    let mut first_look = quiet(1);
    first_look.memory = EngineMemory::default();
    assert!(sound(&first_look, &policy).actions.is_empty());
}

#[test]
fn without_knowledge_nothing_grows() {
    let policy = policy(&draft());
    let unread = || Unread { kind: FaultKind::Timeout, why: "no answer".into() };
    let cases: [fn(&mut Snapshot, Unread); 6] = [
        |snapshot, _| snapshot.machine.cpu = None,
        |snapshot, _| snapshot.machine.memory = None,
        |snapshot, _| snapshot.machine.file_systems.clear(),
        |snapshot, unread| snapshot.release = Err(unread),
        |snapshot, unread| snapshot.ports = Err(unread),
        |snapshot, unread| snapshot.occupied = Err(unread),
    ];
    for (at, change) in cases.iter().enumerate() {
        let mut snapshot = quiet(1);
        change(&mut snapshot, unread());
        let plan = sound(&snapshot, &policy);
        assert!(plan.actions.is_empty(), "case {at}");
        assert!(!plan.report.blocked.is_empty(), "case {at} says why");
    }
}

#[test]
fn a_disk_that_would_not_hold_them_gets_no_more_nodes() {
    let mut snapshot = quiet(3);
    snapshot.machine.file_systems.insert(STORAGE.into(), disk(68));
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"blocked: disk:/srv/nodes would not hold another node: 80.0 GB expected to be needed, 70.0 GB left below hd_less_than and above crisis_bytes");
}

#[test]
fn nothing_is_created_that_an_emergency_would_remove_again() {
    // Plenty below hd_less_than, and hardly more than crisis_bytes.
    let mut small = disk(3);
    (small.total, small.free) = (Bytes(2_200_000_000), Bytes(2_100_000_000));
    let mut snapshot = quiet(1);
    snapshot.machine.file_systems.insert(STORAGE.into(), small.clone());
    let eager = with(eager_draft(), &[(Setting::DiskPrior, "200MB")]);
    insta::assert_snapshot!(planned(&snapshot, &eager), @"blocked: disk:/srv/nodes would not hold another node: 400.0 MB expected to be needed, 100.0 MB left below hd_less_than and above crisis_bytes");
    snapshot.requests = vec![request(1, Verb::Add { count: 1 })];
    assert_eq!(sound(&snapshot, &eager).actions.len(), 1, "an operator may");
    small.free = Bytes(1_900_000_000);
    snapshot.machine.file_systems.insert(STORAGE.into(), small);
    snapshot.nodes.clear();
    insta::assert_snapshot!(planned(&snapshot, &eager), @"
    blocked: this cycle does something else first
    refused: no storage can be used: every disk has less than crisis_bytes (2.0 GB) left
    note: disk:/srv/nodes is too full, but removing nodes would not bring it below its threshold: nothing is removed; free space by hand
    ");
}

#[test]
fn taken_names_and_ports_are_skipped() {
    let mut snapshot = quiet(1);
    snapshot.occupied.as_mut().unwrap().insert(id(2));
    snapshot.ports.as_mut().unwrap().insert(55_003);
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    add antnode0004: room for more: 1 of 20 nodes
    note: skipped because their name or ports are taken: antnode0002, antnode0003
    ");
}

#[test]
fn a_stopped_node_is_healed_whatever_holds_growth_back() {
    let mut snapshot = quiet(3);
    set(&mut snapshot, 2, stopped(), Some(false));
    snapshot.machine.cpu = Some(Percent(60.0));
    snapshot.memory.last_stop = Some(at(1));
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    start antnode0002: it should run and does not
    blocked: cpu is 60.0 %, growing needs less than 50 %
    blocked: the machine settles for 299 s more
    blocked: 1 node in motion, at most 1 at once
    ");
}

#[test]
fn a_lost_unit_is_written_again_without_a_restart() {
    let mut snapshot = quiet(2);
    snapshot.nodes[0].definition_lost = true;
    let policy = with(draft(), &[(Setting::NodeCap, "2")]);
    assert_eq!(planned(&snapshot, &policy), "mend antnode0001: its unit was deleted while it runs");
}

#[test]
fn healing_waits_while_a_shed_threshold_is_exceeded() {
    let mut snapshot = quiet(3);
    set(&mut snapshot, 2, stopped(), Some(false));
    snapshot.machine.cpu = Some(Percent(70.1));
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    blocked: cpu is 70.1 %, growing needs less than 50 %
    note: cpu is above its threshold; nodes are shed in 600 s
    note: 1 node to be started again, but cpu is above its threshold
    ");
}

#[test]
fn what_is_not_wanted_to_run_is_not_healed() {
    let policy = with(draft(), &[(Setting::NodeCap, "1")]);
    for want in [Want::StoppedByOperator, Want::Disabled] {
        let mut snapshot = quiet(1);
        set(&mut snapshot, 1, stopped(), Some(false));
        snapshot.nodes[0].record.want = want;
        if want == Want::Disabled {
            snapshot.nodes[0].seen.state = NodeState::Disabled;
            snapshot.occupied = Ok([id(1)].into());
        }
        let policy = if want == Want::Disabled {
            with(draft(), &[(Setting::NodeCap, "0")])
        } else {
            policy.clone()
        };
        assert_eq!(planned(&snapshot, &policy), "", "{want:?}");
    }
}

#[test]
fn unknown_is_not_stopped() {
    let mut snapshot = quiet(2);
    set(&mut snapshot, 2, NodeState::Unknown { why: "no answer".into() }, None);
    let policy = with(draft(), &[(Setting::NodeCap, "1")]);
    let text = planned(&snapshot, &policy);
    assert!(text.starts_with("retire antnode0001"), "the observed one goes: {text}");
    let policy = with(draft(), &[(Setting::NodeCap, "2")]);
    assert_eq!(planned(&snapshot, &policy), "note: antnode0002 could not be observed: no answer");
}

#[test]
fn a_node_that_keeps_dying_waits_longer_and_longer() {
    let policy = with(draft(), &[(Setting::NodeCap, "1")]);
    for (deaths, last, heals) in [
        (0, 0, true),
        (2, 59, false),
        (2, 60, true),
        (3, 119, false),
        (3, 120, true),
        (5, 3000, false),
    ] {
        let mut snapshot = quiet(1);
        set(&mut snapshot, 1, stopped(), Some(false));
        let memory = NodeMemory { deaths: vec![at(last); deaths], ..NodeMemory::default() };
        snapshot.memory.nodes.insert(record(1).record, memory);
        let plan = sound(&snapshot, &policy);
        assert_eq!(plan.actions.len() == 1, heals, "{deaths} deaths, the last {last} s ago");
    }
}

#[test]
fn a_back_off_does_not_block_the_others() {
    let mut snapshot = quiet(2);
    set(&mut snapshot, 1, stopped(), Some(false));
    set(&mut snapshot, 2, stopped(), Some(false));
    let memory = NodeMemory { deaths: vec![at(1); 6], ..NodeMemory::default() };
    snapshot.memory.nodes.insert(record(1).record, memory);
    let policy = with(draft(), &[(Setting::NodeCap, "2")]);
    insta::assert_snapshot!(planned(&snapshot, &policy), @"
    start antnode0002: it should run and does not
    note: antnode0001 is failing: it died 6 times in the last hour and is tried once an hour; look at its log
    note: antnode0001 died 6 times in the last hour: next start in 3599 s
    ");
}

#[test]
fn pressure_stops_nodes_after_its_grace_and_in_rounds_that_double() {
    let policy = policy(&draft());
    for (held, round, expected) in [
        (599, None, 0),
        (600, None, 1),
        (2000, Some((1, 599)), 0),
        (2000, Some((1, 600)), 2),
        (3000, Some((2, 600)), 4),
    ] {
        let mut snapshot = quiet(10);
        snapshot.machine.cpu = Some(Percent(80.0));
        snapshot.memory.over.insert(Resource::Cpu, at(held));
        if let Some((count, ago)) = round {
            snapshot.memory.rounds.insert(Resource::Cpu, Round { count, at: at(ago) });
        }
        let plan = sound(&snapshot, &policy);
        assert_eq!(plan.actions.len(), expected, "held {held} s, round {round:?}");
        assert!(plan.actions.iter().all(|it| it.action.name() == "stop"), "never removed");
    }
}

#[test]
fn at_exactly_the_threshold_nothing_is_shed() {
    let policy = policy(&draft());
    for (cpu, sheds) in [(69.9, false), (70.0, false), (70.1, true)] {
        let mut snapshot = quiet(3);
        snapshot.machine.cpu = Some(Percent(cpu));
        snapshot.memory.over.insert(Resource::Cpu, at(700));
        assert_eq!(!sound(&snapshot, &policy).actions.is_empty(), sheds, "cpu {cpu}");
    }
}

#[test]
fn load_needs_both_short_averages() {
    let policy = policy(&draft());
    for (one, five, fifteen, sheds) in
        [(9.0, 9.0, 0.0, true), (9.0, 4.0, 9.0, false), (4.0, 9.0, 9.0, false)]
    {
        let mut snapshot = quiet(3);
        snapshot.machine.load = Some(LoadAverage { one, five, fifteen });
        snapshot.memory.over.insert(Resource::Load, at(700));
        let plan = sound(&snapshot, &policy);
        assert_eq!(!plan.actions.is_empty(), sheds, "{one} {five} {fifteen}");
    }
}

#[test]
fn a_gap_between_cycles_begins_the_grace_anew() {
    let mut snapshot = quiet(3);
    snapshot.machine.cpu = Some(Percent(80.0));
    snapshot.memory.over.insert(Resource::Cpu, at(5000));
    snapshot.memory.last_look = Some(at(151));
    assert!(sound(&snapshot, &policy(&draft())).actions.is_empty());
}

#[test]
fn urgent_cpu_has_a_short_grace() {
    let mut snapshot = quiet(3);
    snapshot.machine.cpu = Some(Percent(91.0));
    snapshot.memory.over.insert(Resource::Cpu, at(180));
    snapshot.memory.urgent = Some(at(180));
    assert_eq!(sound(&snapshot, &policy(&draft())).actions.len(), 1);
}

#[test]
fn memory_stops_as_many_as_are_needed_at_once() {
    let mut snapshot = quiet(10);
    // 77.5 % of 16 GB used, 2.5 % or 400 MB too much: two nodes of 200 MB.
    snapshot.machine.memory = Some(MemorySample { total: gb(16), available: Bytes(3_600_000_000) });
    snapshot.memory.over.insert(Resource::Memory, at(180));
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    stop antnode0010: memory 77.5 % is above 75 % for 180 s
    stop antnode0009: memory 77.5 % is above 75 % for 180 s
    blocked: memory is 77.5 %, growing needs less than 60 %
    ");
}

#[test]
fn memory_that_is_nearly_gone_stops_one_at_once() {
    let mut snapshot = quiet(3);
    snapshot.machine.memory = Some(MemorySample { total: gb(16), available: Bytes(300_000_000) });
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    stop antnode0003: emergency: memory has 1.9 % left, 2 % is the least
    blocked: memory is 98.1 %, growing needs less than 60 %
    ");
}

#[test]
fn the_stored_cap_retires_the_surplus_one_a_cycle() {
    let policy = with(draft(), &[(Setting::NodeCap, "2")]);
    insta::assert_snapshot!(planned(&quiet(4), &policy), @"retire antnode0004: 4 nodes, 2 allowed");
}

#[test]
fn a_cap_for_one_run_stops_and_never_removes() {
    let overrides = PolicyDraft::default().with(Setting::NodeCap, "2");
    let policy = Policy::parse(&draft(), &overrides, CPUS).unwrap();
    insta::assert_snapshot!(planned(&quiet(4), &policy), @"
    stop antnode0004: 4 nodes, 2 allowed
    stop antnode0003: 4 nodes, 2 allowed
    ");
}

#[test]
fn the_hourly_budget_ends_removals() {
    let policy = with(draft(), &[(Setting::NodeCap, "2")]);
    let mut snapshot = quiet(9);
    let past = |_| crate::observe::PastRemoval { at: at(100), disk: false };
    snapshot.memory.removals = (0..4).map(past).collect();
    insta::assert_snapshot!(planned(&snapshot, &policy), @"note: 4 nodes removed of late, at most 4 may be: waiting");
}

fn full_disk(nodes: u32, each: Bytes) -> Snapshot {
    let mut snapshot = quiet(nodes);
    snapshot.machine.file_systems.insert(STORAGE.into(), disk(92));
    snapshot.memory.over.insert(Resource::Disk(STORAGE.into()), at(6 * 3600));
    for node in &mut snapshot.nodes {
        node.disk = Some(each);
    }
    snapshot
}

#[test]
fn a_full_disk_loses_one_node_after_its_grace() {
    let policy = policy(&draft());
    insta::assert_snapshot!(planned(&full_disk(3, gb(30)), &policy), @"
    retire antnode0003: disk:/srv/nodes 92.0 % is above 90 % for 21600 s
    blocked: disk:/srv/nodes is 92.0 %, growing needs less than 75 %
    ");
    let mut early = full_disk(3, gb(30));
    early.memory.over.insert(Resource::Disk(STORAGE.into()), at(6 * 3600 - 1));
    assert!(sound(&early, &policy).actions.is_empty());
}

#[test]
fn a_disk_that_others_filled_loses_nothing() {
    insta::assert_snapshot!(planned(&full_disk(3, gb(1)), &policy(&draft())), @"
    blocked: disk:/srv/nodes is 92.0 %, growing needs less than 75 %
    note: disk:/srv/nodes is too full, but removing nodes would not bring it below its threshold: nothing is removed; free space by hand
    ");
}

#[test]
fn a_disk_threshold_for_one_run_never_removes() {
    let overrides =
        PolicyDraft::default().with(Setting::HdLessThan, "50").with(Setting::HdRemove, "80");
    let policy = Policy::parse(&draft(), &overrides, CPUS).unwrap();
    let mut snapshot = full_disk(3, gb(300));
    snapshot.machine.file_systems.insert(STORAGE.into(), disk(85));
    let plan = sound(&snapshot, &policy);
    assert!(plan.actions.iter().all(|it| it.action.name() == "stop"), "{}", render(&plan));
}

#[test]
fn a_disk_with_nothing_left_loses_one_at_once() {
    let mut snapshot = quiet(3);
    let mut nearly = disk(99);
    nearly.free = Bytes(1_500_000_000);
    snapshot.machine.file_systems.insert(STORAGE.into(), nearly);
    for node in &mut snapshot.nodes {
        node.disk = Some(gb(10));
    }
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    remove antnode0003: emergency: disk:/srv/nodes has 1.5 GB left, 2.0 GB is the least
    blocked: disk:/srv/nodes is 99.0 %, growing needs less than 75 %
    ");
}

#[test]
fn one_dead_node_is_cleaned_up_but_not_half_of_them() {
    let policy = with(draft(), &[(Setting::NodeCap, "3")]);
    let mut one = quiet(3);
    set(&mut one, 1, NodeState::Dead, Some(false));
    one.nodes[0].data_present = Some(false);
    insta::assert_snapshot!(planned(&one, &policy), @"remove antnode0001: its data directory is gone");
    let mut two = one.clone();
    set(&mut two, 2, NodeState::Dead, Some(false));
    two.nodes[1].data_present = Some(false);
    insta::assert_snapshot!(planned(&two, &policy), @"note: 2 of 3 nodes look dead at once: none is touched. Is a disk missing? Remove by hand what is really gone");
}

fn retired(cause: Removal, seconds_ago: u64) -> Snapshot {
    let mut snapshot = quiet(3);
    set(&mut snapshot, 3, NodeState::Removing, Some(false));
    snapshot.nodes[2].record.phase = Phase::Removing { since: at(seconds_ago), cause };
    snapshot
}

#[test]
fn a_retired_node_is_deleted_after_the_delay_and_not_before() {
    let policy = with(draft(), &[(Setting::NodeCap, "2")]);
    assert_eq!(planned(&retired(Removal::Cap, 299), &policy), "");
    insta::assert_snapshot!(planned(&retired(Removal::Cap, 300), &policy), @"remove antnode0003: retired 300 s ago");
}

#[test]
fn a_higher_cap_takes_a_retired_node_back() {
    let policy = with(draft(), &[(Setting::NodeCap, "3")]);
    insta::assert_snapshot!(planned(&retired(Removal::Cap, 400), &policy), @"
    reprieve antnode0003: there is room again
    blocked: 2 nodes in motion, at most 1 at once
    ");
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
fn requests_are_answered_one_by_one() {
    let policy = with(draft(), &[(Setting::NodeCap, "4")]);
    let mut snapshot = quiet(3);
    let gone = NodeKey { record: crate::model::RecordId(99), ..key(2) };
    snapshot.requests = vec![
        request(1, Verb::Stop { nodes: vec![key(1), gone] }),
        request(2, Verb::Restart { nodes: vec![key(1), key(2)] }),
        request(3, Verb::Add { count: 1 }),
        request(4, Verb::Add { count: 1 }),
        request(5, Verb::Remove { nodes: vec![key(3)] }),
    ];
    insta::assert_snapshot!(planned(&snapshot, &policy), @"
    stop antnode0001: request 1
    restart antnode0002: request 2
    add antnode0004: request 3
    remove antnode0003: request 5
    refused: antnode0002: it is gone since it was asked for
    refused: antnode0001: something else is done with it in this cycle; ask again
    refused: 1 more would make 5 nodes and node_cap is 4: raise it with `wnm config set node_cap 5`
    ");
}

#[test]
fn a_request_expires_after_an_hour_by_either_clock() {
    let policy = with(draft(), &[(Setting::NodeCap, "3")]);
    for (wall_ago_s, ago_s, expired) in [(3600, 3600, false), (3601, 5, true), (5, 3601, true)] {
        let mut snapshot = quiet(3);
        let mut old = request(1, Verb::Stop { nodes: vec![key(1)] });
        old.made = Timestamp(snapshot.now.wall.0 - wall_ago_s * 1000);
        old.made_at = at(ago_s);
        snapshot.requests = vec![old];
        let plan = sound(&snapshot, &policy);
        assert_eq!(plan.actions.is_empty(), expired, "{wall_ago_s} s, {ago_s} s");
    }
}

#[test]
fn pressure_rests_nodes_and_room_brings_back_the_oldest_first() {
    let mut snapshot = quiet(3);
    for number in [1, 3] {
        set(&mut snapshot, number, stopped(), Some(false));
        snapshot.nodes[number as usize - 1].record.want = Want::StoppedByPressure;
    }
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"start antnode0001: there is room again");
}

#[test]
fn after_a_reboot_nodes_come_back_as_many_as_may_start() {
    let mut snapshot = quiet(6);
    snapshot.memory.boot = Some(BootId("earlier".into()));
    for number in 1..=6 {
        set(&mut snapshot, number, stopped(), Some(false));
    }
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    start antnode0001: it should run and does not
    start antnode0002: it should run and does not
    blocked: there must be room for 600 s more
    blocked: 2 nodes in motion, at most 1 at once
    note: the machine was restarted since the last cycle
    note: 4 nodes more to be started again, in the next cycles
    ");
}

#[test]
fn an_eager_policy_waits_for_nothing() {
    let mut snapshot = quiet(1);
    snapshot.memory.room = None;
    snapshot.memory.last_stop = Some(at(0));
    snapshot.memory.last_growth = Some(at(0));
    snapshot.memory.last_shed = Some(at(0));
    assert_eq!(sound(&snapshot, &policy(&eager_draft())).actions.len(), 1);
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
    ");
}
