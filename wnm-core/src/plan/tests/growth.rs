//! When nodes are added, and what that waits for.

use super::*;

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
    blocked: load is 3.00, growing needs less than 2.40
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
    blocked: disk:/srv/nodes would not hold another node: 200.0 MB expected to be needed, 0 B left below hd_less_than and above crisis_bytes
    refused: no storage can be used: every disk has less than crisis_bytes (2.0 GB) left
    note: disk:/srv/nodes is above hd_remove or has less than crisis_bytes left, and removing nodes would not help: nothing is removed; free space by hand
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
fn an_eager_policy_waits_for_nothing() {
    let mut snapshot = quiet(1);
    snapshot.memory.room = None;
    snapshot.memory.last_stop = Some(at(0));
    snapshot.memory.last_growth = Some(at(0));
    snapshot.memory.last_shed = Some(at(0));
    assert_eq!(sound(&snapshot, &policy(&eager_draft())).actions.len(), 1);
}

#[test]
fn rates_and_stall_are_judged_only_where_somebody_asked() {
    let set = [(Setting::NetioWriteLessThan, "10MB"), (Setting::NetioWriteRemove, "20MB")];
    let asked = with(draft(), &set);
    let sending = |written: Option<f64>| {
        let mut snapshot = quiet(3);
        snapshot.machine.network = written.map(|written| IoRate { read: 0.0, written });
        snapshot.memory.over.insert(Resource::NetWrite, at(700));
        snapshot
    };
    let name = |policy: &Policy, written| {
        let plan = sound(&sending(written), policy);
        plan.actions.first().map(|planned| planned.action.name())
    };
    assert_eq!(name(&policy(&draft()), Some(1e9)), Some("add"), "nobody asked");
    let table = [
        (Some(9_999_999.0), Some("add")),
        (Some(10_000_000.0), None),
        (Some(20_000_000.0), None),
        (Some(20_000_001.0), Some("stop")),
        (None, None),
    ];
    for (written, expected) in table {
        assert_eq!(name(&asked, written), expected, "{written:?}");
    }
    let only_shed = with(draft(), &[(Setting::PsiIoRemove, "30")]);
    assert_eq!(name(&only_shed, None), Some("add"), "growth is not judged by it");
}

#[test]
fn nodes_that_grow_fast_leave_no_room_for_more() {
    let policy = policy(&draft());
    for (growth, grows) in [(gb(5), true), (gb(15), false)] {
        let mut snapshot = quiet(2);
        for node in &mut snapshot.nodes {
            // 20 % of 1 TB used, 550 GB below hd_less_than; three nodes for 14 days each.
            node.growth = Some(growth);
            node.disk = Some(gb(100));
            node.record.created = Timestamp(0);
        }
        let plan = sound(&snapshot, &policy);
        assert_eq!(!plan.actions.is_empty(), grows, "{growth} a day: {}", render(&plan));
    }
}

#[test]
fn a_node_that_stopped_growing_no_longer_counts_up_to_the_prior() {
    let policy = with(draft(), &[(Setting::DiskPrior, "200GB")]);
    for (growth, days, grows) in [(Some(gb(0)), 2, true), (Some(gb(0)), 0, false), (None, 2, false)]
    {
        let mut snapshot = quiet(3);
        for node in &mut snapshot.nodes {
            node.growth = growth;
            node.record.created = Timestamp(snapshot.now.wall.0 - days * 86_400_000);
        }
        let plan = sound(&snapshot, &policy);
        assert_eq!(!plan.actions.is_empty(), grows, "{growth:?}, {days} days old");
    }
}

/// Nodes that rest, are started again before others are made, and only up to the cap.
#[test]
fn what_rests_comes_back_up_to_the_cap_and_no_further() {
    let resting = |running: u32, resting: u32, cap: &str, change: fn(&mut Snapshot)| {
        let mut snapshot = quiet(running + resting);
        snapshot.memory.cost = super::capacity::learned();
        snapshot.machine.cpus = 32;
        snapshot.memory.cost.cpus = 32;
        for number in running + 1..=running + resting {
            set(&mut snapshot, number, stopped(), Some(false));
            snapshot.nodes[number as usize - 1].record.want = Want::StoppedByPressure;
        }
        change(&mut snapshot);
        let settings = [(Setting::NodeCap, cap), (Setting::MaxDestructivePerHour, "0")];
        planned(&snapshot, &with(draft(), &settings))
    };
    let busy = |it: &mut Snapshot| it.machine.cpu = Some(Percent(60.0));
    insta::assert_snapshot!(resting(2, 1, "2", busy), @"note: 0 nodes removed of late, at most 0 may be: waiting");
    insta::assert_snapshot!(resting(2, 1, "3", busy), @"blocked: cpu is 60.0 %, growing needs less than 50.0 %");
}

/// What operators asked for in the same cycle counts against the cap, and nothing else does.
#[test]
fn what_was_asked_for_counts_against_the_cap() {
    let asked = |nodes: u32, cap: &str, verb: Verb| {
        let mut snapshot = quiet(nodes);
        snapshot.memory.cost = super::capacity::learned();
        snapshot.requests = vec![request(1, verb)];
        planned(&snapshot, &with(draft(), &[(Setting::NodeCap, cap), (Setting::DiskPrior, "1GB")]))
    };
    let add = || Verb::Add { count: 1 };
    insta::assert_snapshot!(asked(4, "6", add()), @"
    add antnode0005: request 1
    blocked: this cycle does something else first
    ");
    insta::assert_snapshot!(asked(4, "5", add()), @"add antnode0005: request 1");
    insta::assert_snapshot!(asked(2, "3", Verb::Disable { nodes: vec![key(1)] }), @"
    disable antnode0001: request 1
    blocked: this cycle does something else first
    ");
    insta::assert_snapshot!(asked(3, "4", Verb::Restart { nodes: vec![key(1)] }), @"
    restart antnode0001: request 1
    blocked: this cycle does something else first
    ");
}

/// What may come again and again holds growth back for ever if it is waited for.
#[test]
fn growth_waits_for_what_this_cycle_does_and_not_for_what_it_mends() {
    let acts_of = |change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = quiet(3);
        change(&mut snapshot);
        acts(&snapshot, &with(draft(), &[(Setting::NodeCap, "3")]))
    };
    let leaving = |seconds: u64| {
        acts_of(&move |it: &mut Snapshot| {
            it.nodes[2].record.phase =
                Phase::Removing { since: at(seconds), cause: Removal::Operator };
            set(it, 3, NodeState::Removing, Some(false));
        })
    };
    // The delay is 300 s, and ten minutes more are waited for.
    assert_eq!(leaving(900), "remove antnode0003");
    assert_eq!(leaving(901), "remove antnode0003, add antnode0004");
    let mended = |change: &dyn Fn(&mut Snapshot)| {
        acts_of(&|it: &mut Snapshot| {
            it.nodes.pop();
            it.occupied = Ok([id(1), id(2)].into());
            change(it);
        })
    };
    let both = "mend antnode0001, add antnode0003";
    assert_eq!(mended(&|it| it.nodes[0].definition_lost = true), both);
    assert_eq!(mended(&|it| it.nodes[0].key_at_risk = true), both);
    let drift = crate::model::UnitDrift::Rewritten;
    assert_eq!(mended(&|it| drop(it.around.drift.insert(id(1), drift.clone()))), both);
    let held = |it: &mut Snapshot| {
        let trial = Upgrade { since: at(700), to: release().version, ..on_trial() };
        it.nodes[0].record.upgrade = Some(trial);
    };
    assert_eq!(mended(&held), "prove antnode0001, add antnode0003");
    let asked = |it: &mut Snapshot| {
        it.requests = vec![request(1, Verb::Restart { nodes: vec![key(1)] })];
    };
    assert_eq!(mended(&asked), "restart antnode0001");
}
