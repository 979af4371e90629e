//! Mistakes this engine once made, each as the story that showed it.

use super::shedding::{full_disk, retired};
use super::*;
use crate::action::{Action, Mark, PlannedAction};
use crate::model::{OpId, RecordId};
use crate::observe::PastRemoval;

fn open(operation: i64, record: RecordId, action: Action) -> OpenOperation {
    let planned = PlannedAction { action, reason: crate::action::Reason::RoomAgain };
    OpenOperation { id: OpId(operation), record, planned, begun: Timestamp(0) }
}

fn past(count: usize, disk: bool) -> Vec<PastRemoval> {
    vec![PastRemoval { at: at(100), disk }; count]
}

fn nearly_full(device: u64) -> FileSystemView {
    FileSystemView { device, free: Bytes(1_500_000_000), ..disk(99) }
}

/// Another root, in use by nobody yet.
fn second_root(snapshot: &mut Snapshot, system: FileSystemView) {
    snapshot.machine.file_systems.insert("/mnt/b".into(), system);
    snapshot.storage.insert("/mnt/b".into(), Ok(()));
}

/// So many nodes of 10 GB on a disk with hardly anything left.
fn in_a_crisis(nodes: u32) -> Snapshot {
    let mut snapshot = quiet(nodes);
    snapshot.machine.file_systems.insert(STORAGE.into(), nearly_full(1));
    for node in &mut snapshot.nodes {
        node.disk = Some(gb(10));
    }
    snapshot
}

fn names(plan: &Plan) -> Vec<String> {
    plan.actions.iter().map(|planned| planned.action.to_string()).collect()
}

#[test]
fn a_silent_manager_does_not_make_removals_unsound() {
    let policy = with(draft(), &[(Setting::NodeCap, "2")]);
    let mut snapshot = retired(Removal::Cap, 400);
    snapshot.nodes[2].seen.alive = None;
    let remove = Action::Remove { node: key(3), cause: Removal::Cap };
    snapshot.open.push(open(1, record(3).record, remove));
    assert_eq!(names(&sound(&snapshot, &policy)), Vec::<String>::new());
    snapshot.open.clear();
    snapshot.requests = vec![request(1, Verb::Remove { nodes: vec![key(3)] })];
    let plan = sound(&snapshot, &policy);
    assert_eq!(names(&plan), Vec::<String>::new());
    assert_eq!(plan.report.requests[0].why, ["antnode0003: it could not be observed"]);
}

#[test]
fn an_operators_start_and_the_engines_reprieve_share_the_cap() {
    let mut snapshot = quiet(5);
    for number in [4, 5] {
        set(&mut snapshot, number, NodeState::Removing, Some(false));
        snapshot.nodes[number as usize - 1].record.phase =
            Phase::Removing { since: at(60), cause: Removal::Cap };
    }
    snapshot.requests = vec![request(1, Verb::Start { nodes: vec![key(5)] })];
    let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, "4")]));
    assert_eq!(names(&plan), ["start antnode0005"]);
}

#[test]
fn one_removal_left_is_one_removal() {
    let mut snapshot = full_disk(9, gb(30));
    snapshot.memory.removals = past(3, false);
    let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, "5")]));
    assert_eq!(names(&plan), ["retire antnode0009"]);
}

#[test]
fn two_roots_on_one_device_are_one_disk() {
    let mut snapshot = full_disk(4, gb(30));
    second_root(&mut snapshot, disk(92));
    snapshot.memory.over.insert(Resource::Disk("/mnt/b".into()), at(6 * 3600));
    assert_eq!(names(&sound(&snapshot, &policy(&draft()))), ["retire antnode0004"]);
    let mut crisis = in_a_crisis(4);
    second_root(&mut crisis, nearly_full(1));
    assert_eq!(names(&sound(&crisis, &policy(&draft()))), ["remove antnode0004"]);
}

#[test]
fn inodes_are_no_bytes() {
    let mut snapshot = quiet(4);
    for node in &mut snapshot.nodes {
        node.disk = Some(gb(45));
    }
    let system = snapshot.machine.file_systems.values_mut().next().unwrap();
    system.inodes_used = Some(Percent(95.0));
    snapshot.memory.over.insert(Resource::Inodes(STORAGE.into()), at(6 * 3600));
    let plan = sound(&snapshot, &policy(&draft()));
    assert_eq!(names(&plan), Vec::<String>::new());
    assert!(
        render(&plan).contains("note: inodes:/srv/nodes is above hd_remove"),
        "{}",
        render(&plan)
    );
}

#[test]
fn a_full_disk_of_others_does_not_hinder_relief_elsewhere() {
    let mut snapshot = quiet(4);
    second_root(&mut snapshot, nearly_full(2));
    snapshot.machine.cpu = Some(Percent(99.0));
    snapshot.memory.over.insert(Resource::Cpu, at(9000));
    let plan = sound(&snapshot, &policy(&draft()));
    assert_eq!(names(&plan), ["stop antnode0004"]);
}

#[test]
fn a_crisis_takes_the_node_that_is_leaving_anyway() {
    let mut snapshot = in_a_crisis(4);
    set(&mut snapshot, 4, NodeState::Removing, Some(false));
    snapshot.nodes[3].record.phase = Phase::Removing { since: at(100), cause: Removal::Disk };
    snapshot.memory.removals = past(9, true);
    let text = planned(&snapshot, &policy(&draft()));
    let first = "remove antnode0004: retired 100 s ago, and disk:/srv/nodes is nearly exhausted";
    assert_eq!(text.lines().next(), Some(first), "no budget is needed for it: {text}");
    assert_eq!(sound(&snapshot, &policy(&draft())).actions.len(), 1);
}

#[test]
fn crisis_bytes_for_one_run_remove_nothing() {
    let mut snapshot = quiet(4);
    for node in &mut snapshot.nodes {
        node.disk = Some(gb(50));
    }
    let overrides = PolicyDraft::default().with(Setting::CrisisBytes, "850GB");
    let policy = Policy::parse(&draft(), &overrides, CPUS).unwrap();
    assert_eq!(names(&sound(&snapshot, &policy)), Vec::<String>::new());
}

#[test]
fn dead_records_push_nobody_out() {
    let mut snapshot = quiet(6);
    for number in [1, 2] {
        set(&mut snapshot, number, NodeState::Dead, Some(false));
        snapshot.nodes[number as usize - 1].data_present = Some(false);
    }
    let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, "4")]));
    assert_eq!(names(&plan), ["remove antnode0001"]);
}

#[test]
fn a_higher_cap_for_one_run_is_not_believed() {
    let stored = draft().with(Setting::NodeCap, "3");
    let overrides = PolicyDraft::default().with(Setting::NodeCap, "10");
    let policy = Policy::parse(&stored, &overrides, CPUS).unwrap();
    assert_eq!(names(&sound(&quiet(3), &policy)), Vec::<String>::new());
}

#[test]
fn taking_back_starts_nothing_that_was_not_wanted() {
    let mut snapshot = retired(Removal::Cap, 100);
    snapshot.nodes[2].record.want = Want::StoppedByOperator;
    let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, "3")]));
    assert_eq!(names(&plan), ["reprieve antnode0003"]);
    let mark = Mark::of(&plan.actions[0].action, &snapshot.nodes[2].record, &at(0));
    assert_eq!((mark.want, mark.phase), (Want::StoppedByOperator, Phase::Steady));
    let spec = &snapshot.nodes[2].record.spec;
    assert_eq!(crate::plan::lower(&plan.actions[0].action, spec), vec![]);
}

#[test]
fn a_removal_that_waits_for_its_disk_holds_back_nobody() {
    let mut snapshot = quiet(3);
    set(&mut snapshot, 2, stopped(), Some(false));
    set(&mut snapshot, 3, NodeState::Removing, None);
    snapshot.nodes[2].data_present = None;
    snapshot.nodes[2].record.phase =
        Phase::Removing { since: at(90_000), cause: Removal::Operator };
    let one = [(Setting::NodeCap, "3"), (Setting::MaxConcurrentOperations, "1")];
    let plan = sound(&snapshot, &with(draft(), &one));
    assert_eq!(names(&plan), ["start antnode0002"]);
}

#[test]
fn what_was_started_before_a_reboot_is_not_starting() {
    let mut record = record(1);
    record.phase =
        Phase::Starting { since: Instant { boot: BootId("old".into()), uptime_ms: 5_000 } };
    let instant = Instant { boot: BootId("new".into()), uptime_ms: 40_000 };
    let now = Now { wall: Timestamp(0), instant };
    let unit = crate::observe::UnitReading {
        state: crate::observe::UnitState::Stopped,
        pid: None,
        restarts: None,
        invocation: None,
        definition_lost: false,
    };
    let reading = crate::observe::NodeReading {
        unit: Ok(unit),
        process: None,
        endpoint: None,
        facts: NodeFacts::default(),
        data: Ok(true),
        disk: None,
        installed: None,
        key_at_risk: false,
    };
    let seen = crate::observe::settle(
        &record,
        Some(&reading),
        Going::default(),
        &policy(&draft()).delays,
        &now,
    );
    assert_eq!(seen.state.name(), "stopped");
}

#[test]
fn with_all_limits_at_one_a_removal_and_a_start_are_two_cycles() {
    let mut snapshot = quiet(4);
    set(&mut snapshot, 1, NodeState::Dead, Some(false));
    snapshot.nodes[0].data_present = Some(false);
    set(&mut snapshot, 2, stopped(), Some(false));
    let ones = [(Setting::NodeCap, "4"), (Setting::MaxConcurrentOperations, "1")];
    assert_eq!(names(&sound(&snapshot, &with(draft(), &ones))), ["remove antnode0001"]);
}

#[test]
fn a_cap_for_one_run_lets_the_stopped_rest_first() {
    let mut snapshot = quiet(5);
    for number in [1, 2] {
        set(&mut snapshot, number, stopped(), Some(false));
    }
    let overrides = PolicyDraft::default().with(Setting::NodeCap, "3");
    let policy = Policy::parse(&draft(), &overrides, CPUS).unwrap();
    assert_eq!(names(&sound(&snapshot, &policy)), ["stop antnode0002", "stop antnode0001"]);
}

#[test]
fn a_request_is_not_carried_out_twice() {
    let policy = with(draft(), &[(Setting::NodeCap, "9")]);
    let mut snapshot = quiet(3);
    snapshot.requests = vec![
        request(1, Verb::Add { count: 3 }),
        request(2, Verb::Restart { nodes: vec![key(1), key(2)] }),
    ];
    let records = |numbers: &[u32]| numbers.iter().map(|number| record(*number).record).collect();
    snapshot.begun = [(RequestId(1), records(&[2, 3])), (RequestId(2), records(&[1]))].into();
    assert_eq!(names(&sound(&snapshot, &policy)), ["add antnode0004", "restart antnode0002"]);
}

#[test]
fn a_wall_clock_that_jumps_expires_nothing_within_one_boot() {
    let mut snapshot = quiet(3);
    let mut old = request(1, Verb::Stop { nodes: vec![key(1)] });
    old.made = Timestamp(snapshot.now.wall.0 - 86_400_000);
    snapshot.requests = vec![old];
    let policy = with(draft(), &[(Setting::NodeCap, "3")]);
    assert_eq!(names(&sound(&snapshot, &policy)), ["stop antnode0001"]);
}

#[test]
fn two_additions_of_one_cycle_are_two_nodes() {
    let mut snapshot = quiet(1);
    snapshot.ports.as_mut().unwrap().insert(55_002);
    snapshot.requests =
        vec![request(1, Verb::Add { count: 1 }), request(2, Verb::Add { count: 2 })];
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    add antnode0003: request 1
    add antnode0004: request 2
    add antnode0005: request 2
    blocked: 3 nodes in motion, at most 1 at once
    note: skipped because their name or ports are taken: antnode0002
    note: skipped because their name or ports are taken: antnode0002
    ");
}

#[test]
fn a_disabled_node_still_earns_for_its_wallet() {
    let other = "0x1111111111111111111111111111111111111111";
    let wallets = format!("faucet,{other}");
    let policy = with(draft(), &[(Setting::RewardsAddress, &wallets)]);
    let mut snapshot = quiet(1);
    set(&mut snapshot, 1, NodeState::Disabled, Some(true));
    snapshot.nodes[0].record.want = Want::Disabled;
    let plan = sound(&snapshot, &policy);
    let Action::Add { spec, .. } = &plan.actions[0].action else { unreachable!() };
    assert_eq!(spec.wallet.to_string(), other);
}

/// What `settings` say for one run only, over `stored` ones.
fn for_one_run(stored: PolicyDraft, settings: &[(Setting, &str)]) -> Policy {
    let none = PolicyDraft::default();
    let overrides =
        settings.iter().fold(none, |draft, (setting, text)| draft.with(*setting, *text));
    Policy::parse(&stored, &overrides, CPUS).unwrap()
}

#[test]
fn budgets_delays_and_graces_for_one_run_remove_nothing() {
    let cap = |cap| draft().with(Setting::NodeCap, cap);
    let mut spent = quiet(9);
    spent.memory.removals = past(4, false);
    let more = for_one_run(cap("2"), &[(Setting::MaxDestructivePerHour, "100")]);
    assert_eq!(names(&sound(&spent, &more)), Vec::<String>::new());
    let wider = for_one_run(cap("2"), &[(Setting::MaxConcurrentRemovals, "9")]);
    assert_eq!(names(&sound(&quiet(9), &wider)), ["retire antnode0009"]);
    let hasty = for_one_run(cap("2"), &[(Setting::DelayRemove, "0s")]);
    assert_eq!(names(&sound(&retired(Removal::Cap, 60), &hasty)), Vec::<String>::new());
    let mut full = full_disk(9, gb(30));
    full.memory.over.insert(Resource::Disk(STORAGE.into()), at(600));
    let hasty = for_one_run(cap("9"), &[(Setting::HdGrace, "0s")]);
    assert_eq!(names(&sound(&full, &hasty)), Vec::<String>::new());
    let mut full = full_disk(9, gb(30));
    full.memory.removals = past(2, true);
    let more = for_one_run(cap("9"), &[(Setting::MaxDiskRemovalsPerDay, "100")]);
    assert_eq!(names(&sound(&full, &more)), Vec::<String>::new());
}

#[test]
fn a_disk_threshold_for_one_run_makes_foreign_data_no_smaller() {
    // 92 % used, 20 GB above the stored threshold, and only 3 GB of ours.
    let snapshot = full_disk(3, gb(1));
    let policy = for_one_run(draft(), &[(Setting::HdRemove, "91.9")]);
    assert_eq!(names(&sound(&snapshot, &policy)), Vec::<String>::new());
    // 58.5 GB short of what is stored, and only 10 GB of ours.
    let stored = draft().with(Setting::CrisisBytes, "60GB");
    let policy = for_one_run(stored, &[(Setting::CrisisBytes, "2GB")]);
    assert_eq!(names(&sound(&in_a_crisis(1), &policy)), Vec::<String>::new());
}

#[test]
fn a_cap_for_one_run_lets_a_retired_node_wait() {
    let snapshot = retired(Removal::Cap, 400);
    let policy = for_one_run(draft(), &[(Setting::NodeCap, "2")]);
    assert_eq!(planned(&snapshot, &policy), "", "the stored cap has room for it");
    let mut crisis = snapshot.clone();
    crisis.machine.file_systems.insert(STORAGE.into(), nearly_full(1));
    assert_eq!(names(&sound(&crisis, &policy)), Vec::<String>::new());
}

#[test]
fn a_stored_value_that_is_no_value_is_named_even_when_a_run_replaces_it() {
    let stored = draft().with(Setting::NodeCap, "many");
    let overrides = PolicyDraft::default().with(Setting::NodeCap, "3");
    let errors = Policy::parse(&stored, &overrides, CPUS).unwrap_err();
    insta::assert_snapshot!(errors[0], @"node_cap is `many`: give a whole number from 0 to 10000");
}

#[test]
fn the_order_of_nodes_in_a_snapshot_is_irrelevant() {
    let mut snapshot = quiet(6);
    for number in 1..=6 {
        set(&mut snapshot, number, stopped(), Some(false));
    }
    let policy = with(draft(), &[(Setting::NodeCap, "6")]);
    snapshot.nodes.reverse();
    assert_eq!(names(&sound(&snapshot, &policy)), ["start antnode0001", "start antnode0002"]);
}

/// Foreign data on one disk held back growth on all, and the report said that something else came first.
#[test]
fn a_disk_that_is_too_full_concerns_its_own_nodes_only() {
    let roots = [(Setting::NodeStorage, "/srv/nodes /mnt/b")];
    let policy = with(draft(), &roots);
    let mut snapshot = quiet(2);
    second_root(&mut snapshot, FileSystemView { device: 2, ..disk(20) });
    snapshot.machine.file_systems.insert(STORAGE.into(), disk(95));
    let plan = sound(&snapshot, &policy);
    let places: Vec<String> = plan
        .actions
        .iter()
        .filter_map(|planned| match &planned.action {
            Action::Add { spec, .. } => Some(spec.data.display().to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(places, ["/mnt/b/antnode0003"]);

    // A node that rests on the full disk stays as it is; one that should run there is not started.
    snapshot.nodes[0].record.want = Want::StoppedByPressure;
    set(&mut snapshot, 1, stopped(), Some(false));
    set(&mut snapshot, 2, stopped(), Some(false));
    let acts = names(&sound(&snapshot, &policy));
    assert!(acts.iter().all(|act| !act.starts_with("start")), "{acts:?}");
}
