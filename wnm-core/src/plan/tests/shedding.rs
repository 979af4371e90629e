//! What is stopped and what is removed.

use super::*;

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
    stop antnode0010: memory 77.5 % is above 75.0 % for 180 s
    stop antnode0009: memory 77.5 % is above 75.0 % for 180 s
    blocked: memory is 77.5 %, growing needs less than 60.0 %
    ");
}

#[test]
fn memory_that_is_nearly_gone_stops_one_at_once() {
    let mut snapshot = quiet(3);
    snapshot.machine.memory = Some(MemorySample { total: gb(16), available: Bytes(300_000_000) });
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    stop antnode0003: emergency: memory has 1.9 % left, 2.0 % is the least
    blocked: memory is 98.1 %, growing needs less than 60.0 %
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

pub(super) fn full_disk(nodes: u32, each: Bytes) -> Snapshot {
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
    retire antnode0003: disk:/srv/nodes 92.0 % is above 90.0 % for 21600 s
    blocked: disk:/srv/nodes is 92.0 %, growing needs less than 75.0 %
    ");
    let mut early = full_disk(3, gb(30));
    early.memory.over.insert(Resource::Disk(STORAGE.into()), at(6 * 3600 - 1));
    assert!(sound(&early, &policy).actions.is_empty());
}

#[test]
fn a_disk_that_others_filled_loses_nothing() {
    insta::assert_snapshot!(planned(&full_disk(3, gb(1)), &policy(&draft())), @"
    blocked: disk:/srv/nodes is 92.0 %, growing needs less than 75.0 %
    note: disk:/srv/nodes is above hd_remove or has less than crisis_bytes left, and removing nodes would not help: nothing is removed; free space by hand
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
    blocked: disk:/srv/nodes is 99.0 %, growing needs less than 75.0 %
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

#[test]
fn a_directory_that_is_missed_for_a_short_time_is_nobodys_death() {
    let policy = with(draft(), &[(Setting::NodeCap, "3")]);
    let mut gone = quiet(3);
    set(&mut gone, 1, NodeState::Dead, Some(false));
    gone.nodes[0].data_present = Some(false);
    let record = gone.nodes[0].record();
    let missed = |seconds: Option<u64>| {
        let mut gone = gone.clone();
        gone.memory.nodes.entry(record).or_default().missed = seconds.map(at);
        planned(&gone, &policy)
    };
    insta::assert_snapshot!(missed(None), @"note: the data directory of antnode0001 is gone, and it is taken for lost in 3600 s. Put it back where it was, or `wnm remove 1`");
    insta::assert_snapshot!(missed(Some(3599)), @"note: the data directory of antnode0001 is gone, and it is taken for lost in 1 s. Put it back where it was, or `wnm remove 1`");
    insta::assert_snapshot!(missed(Some(3600)), @"remove antnode0001: its data directory is gone");
}

#[test]
fn a_node_that_lives_is_not_dead_whatever_became_of_its_directory() {
    let policy = with(draft(), &[(Setting::NodeCap, "3")]);
    for alive in [Some(true), None] {
        let mut moved = quiet(3);
        set(&mut moved, 1, NodeState::Dead, alive);
        moved.nodes[0].data_present = Some(false);
        insta::allow_duplicates! { insta::assert_snapshot!(planned(&moved, &policy), @"note: the data directory of antnode0001 is gone, and its process lives, so it is not taken for lost. Put it back where it was, or `wnm remove 1`"); }
    }
}

pub(super) fn retired(cause: Removal, seconds_ago: u64) -> Snapshot {
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
    blocked: this cycle does something else first
    ");
}

/// A node that is leaving and cannot be seen waits, however long that takes.
#[test]
fn the_second_half_of_a_removal_needs_to_see_as_well() {
    let policy = with(draft(), &[(Setting::NodeCap, "2")]);
    let of = |present: Option<bool>, alive: Option<bool>| {
        let mut snapshot = retired(Removal::Cap, 9000);
        (snapshot.nodes[2].data_present, snapshot.nodes[2].seen.alive) = (present, alive);
        acts(&snapshot, &policy)
    };
    assert_eq!(of(Some(true), Some(false)), "remove antnode0003");
    assert_eq!(of(Some(false), Some(false)), "remove antnode0003");
    assert_eq!(of(None, Some(false)), "");
    assert_eq!(of(Some(true), None), "");
    assert_eq!(of(None, None), "");
}

/// Of two that are leaving for the cap only so many come back as it allows.
#[test]
fn a_cap_that_is_raised_by_one_takes_one_back() {
    let mut snapshot = retired(Removal::Cap, 60);
    set(&mut snapshot, 2, NodeState::Removing, Some(false));
    snapshot.nodes[1].record.phase = Phase::Removing { since: at(60), cause: Removal::Cap };
    let with_cap = |cap: &str| acts(&snapshot, &with(draft(), &[(Setting::NodeCap, cap)]));
    assert_eq!(with_cap("1"), "");
    assert_eq!(with_cap("2"), "reprieve antnode0002");
    assert_eq!(with_cap("3"), "reprieve antnode0002, reprieve antnode0003");
}

/// Who asks for a node that is leaving is heard before its delay is.
#[test]
fn a_start_that_was_asked_for_comes_before_the_end_of_the_delay() {
    let policy = with(draft(), &[(Setting::NodeCap, "3")]);
    for cause in [Removal::Cap, Removal::Disk] {
        let mut snapshot = retired(cause, 9000);
        snapshot.requests = vec![request(1, Verb::Start { nodes: vec![key(3)] })];
        assert_eq!(acts(&snapshot, &policy), "start antnode0003", "{cause:?}");
        snapshot.requests = vec![request(1, Verb::Start { nodes: vec![key(1)] })];
        assert_ne!(acts(&snapshot, &policy), "", "{cause:?}, another one is asked for");
    }
}
