//! What is started again.

use super::*;

#[test]
fn a_stopped_node_is_healed_whatever_holds_growth_back() {
    let mut snapshot = quiet(3);
    set(&mut snapshot, 2, stopped(), Some(false));
    snapshot.machine.cpu = Some(Percent(60.0));
    snapshot.memory.last_stop = Some(at(1));
    insta::assert_snapshot!(planned(&snapshot, &policy(&draft())), @"
    start antnode0002: it should run and does not
    blocked: cpu is 60.0 %, growing needs less than 50.0 %
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
    blocked: cpu is 70.1 %, growing needs less than 50.0 %
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

/// A full disk holds back the nodes on it; how many is said.
#[test]
fn a_full_disk_holds_back_its_own_nodes_and_no_others() {
    let mut snapshot = quiet(5);
    let other = FileSystemView { device: 2, ..disk(92) };
    snapshot.machine.file_systems.insert("/mnt/b".into(), other);
    snapshot.storage.insert("/mnt/b".into(), Ok(()));
    for number in 3..=5 {
        set(&mut snapshot, number, stopped(), Some(false));
    }
    for node in &mut snapshot.nodes[3..] {
        node.record.spec.storage = "/mnt/b".into();
    }
    insta::assert_snapshot!(planned(&snapshot, &with(draft(), &[(Setting::NodeCap, "5")])), @"
    start antnode0003: it should run and does not
    note: disk:/mnt/b is above its threshold; nodes are shed in 21600 s
    note: 2 nodes to be started again, but disk:/mnt/b is above its threshold
    ");
}

/// Where its program is missing a node is given that of new nodes: never an older one than it had, and
/// none that failed.
#[test]
fn a_missing_program_is_put_back_by_one_that_fits() {
    let of = |change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = quiet(2);
        set(&mut snapshot, 2, stopped(), Some(false));
        change(&mut snapshot);
        let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, "2")]));
        plan.actions.iter().find_map(|it| match &it.action {
            crate::action::Action::Start { release, .. } => {
                Some(release.as_ref().map(|it| it.version.to_string()))
            }
            _ => None,
        })
    };
    let has = |text: &'static str| {
        move |it: &mut Snapshot| it.nodes[1].record.version = Some(text.parse().unwrap())
    };
    let same = Some(Some("0.23.1".to_owned()));
    assert_eq!(of(&|_| {}), same, "the same");
    assert_eq!(of(&has("0.22.0")), same, "a newer one");
    assert_eq!(of(&has("0.23.2")), Some(None), "it had a newer one");
    assert_eq!(of(&|it| it.nodes[1].record.version = None), same, "nobody knows what it had");
    let quarantined = |it: &mut Snapshot| {
        it.holds.quarantined = vec![crate::model::Quarantined {
            program: it.nodes[1].record.spec.program,
            version: release().version,
            since: Timestamp(0),
            why: "it died".to_owned(),
        }];
    };
    assert_eq!(of(&quarantined), Some(None), "it failed");
}
