//! The order of decisions: of two steps that are due, the earlier one is taken first, and where they
//! are about the same node the later one yields.

use super::*;
use crate::action::{Action, PlannedAction, Reason, Stopped};
use crate::model::OpId;

fn dead(snapshot: &mut Snapshot, number: u32) {
    set(snapshot, number, NodeState::Dead, Some(false));
    snapshot.nodes[number as usize - 1].data_present = Some(false);
}

fn open(snapshot: &mut Snapshot, action: Action) {
    let planned = PlannedAction { action, reason: Reason::RoomAgain };
    let record = record(1).record;
    snapshot.open.push(OpenOperation { id: OpId(9), record, planned, begun: Timestamp(0) });
}

/// Everything at once: an open operation, a delay that ran out, a dead node, a request, a surplus,
/// a stopped node.
fn everything() -> Snapshot {
    let mut snapshot = quiet(8);
    open(&mut snapshot, Action::Stop { node: key(1), stopped: Stopped::ByOperator });
    set(&mut snapshot, 2, NodeState::Removing, Some(false));
    snapshot.nodes[1].record.phase = Phase::Removing { since: at(400), cause: Removal::Disk };
    dead(&mut snapshot, 3);
    snapshot.requests = vec![request(1, Verb::Restart { nodes: vec![key(4)] })];
    set(&mut snapshot, 5, stopped(), Some(false));
    snapshot
}

#[test]
fn each_step_comes_before_the_next() {
    let policy = with(draft(), &[(Setting::NodeCap, "5")]);
    insta::assert_snapshot!(planned(&everything(), &policy), @"
    stop antnode0001: operation 9 was begun and not finished
    remove antnode0002: retired 400 s ago
    remove antnode0003: its data directory is gone
    restart antnode0004: request 1
    retire antnode0005: 6 nodes, 5 allowed
    ");
}

#[test]
fn growth_comes_last_and_waits_for_all_others() {
    let policy = with(draft(), &[(Setting::NodeCap, "20")]);
    let mut snapshot = everything();
    let steps: [fn(&mut Snapshot); 5] = [
        |it| it.open.clear(),
        |it| {
            set(it, 2, NodeState::Running, Some(true));
            it.nodes[1].record.phase = Phase::Steady;
        },
        |it| {
            set(it, 3, NodeState::Running, Some(true));
            it.nodes[2].data_present = Some(true);
        },
        |it| it.requests.clear(),
        |it| set(it, 5, NodeState::Running, Some(true)),
    ];
    let mut seen = vec![acts(&snapshot, &policy)];
    for step in steps {
        step(&mut snapshot);
        seen.push(acts(&snapshot, &policy));
    }
    insta::assert_snapshot!(seen.join("\n"), @"
    stop antnode0001, remove antnode0002, remove antnode0003, restart antnode0004, start antnode0005
    remove antnode0002, remove antnode0003, restart antnode0004, start antnode0005
    remove antnode0003, restart antnode0004, start antnode0005
    restart antnode0004, start antnode0005
    start antnode0005
    add antnode0009
    ");
}

#[test]
fn what_is_begun_is_finished_before_anything_else_is_done_with_that_node() {
    let mut snapshot = quiet(1);
    open(&mut snapshot, Action::Stop { node: key(1), stopped: Stopped::ByPressure });
    snapshot.requests = vec![request(1, Verb::Restart { nodes: vec![key(1)] })];
    insta::assert_snapshot!(planned(&snapshot, &with(draft(), &[(Setting::NodeCap, "1")])), @"
    stop antnode0001: operation 9 was begun and not finished
    refused: antnode0001: something else is done with it in this cycle; ask again
    ");
}

#[test]
fn a_request_comes_before_pressure_and_pressure_before_healing() {
    let policy = with(draft(), &[(Setting::NodeCap, "4")]);
    let mut snapshot = quiet(4);
    snapshot.machine.cpu = Some(Percent(80.0));
    snapshot.memory.over.insert(Resource::Cpu, at(700));
    set(&mut snapshot, 1, stopped(), Some(false));
    snapshot.requests = vec![request(1, Verb::Restart { nodes: vec![key(4)] })];
    assert_eq!(acts(&snapshot, &policy), "restart antnode0004, stop antnode0003");
}

#[test]
fn the_oldest_request_is_answered_first() {
    let mut snapshot = quiet(1);
    let nodes = || vec![key(1)];
    snapshot.requests = vec![
        request(7, Verb::Stop { nodes: nodes() }),
        request(8, Verb::Restart { nodes: nodes() }),
    ];
    let text = planned(&snapshot, &with(draft(), &[(Setting::NodeCap, "1")]));
    assert!(text.starts_with("stop antnode0001: request 7"), "{text}");
}

#[test]
fn a_reboot_is_a_reboot_only_after_an_earlier_boot() {
    let policy = with(draft(), &[(Setting::NodeCap, "1")]);
    for (boot, noted) in [(None, false), (Some("b"), false), (Some("earlier"), true)] {
        let mut snapshot = quiet(1);
        snapshot.memory.boot = boot.map(|boot| BootId(boot.into()));
        let text = planned(&snapshot, &policy);
        assert_eq!(text.contains("restarted since the last cycle"), noted, "{boot:?}");
    }
}

#[test]
fn after_a_reboot_grow_thresholds_and_waits_do_not_hold_nodes_back() {
    let mut snapshot = quiet(4);
    snapshot.memory.boot = Some(BootId("earlier".into()));
    for number in 1..=4 {
        set(&mut snapshot, number, stopped(), Some(false));
    }
    for (cpu, expected) in [(69.0, "start antnode0001, start antnode0002"), (70.1, "")] {
        snapshot.machine.cpu = Some(Percent(cpu));
        snapshot.memory.last_shed = Some(at(1));
        assert_eq!(acts(&snapshot, &policy(&draft())), expected, "{cpu} %");
    }
}

#[test]
fn a_delay_runs_from_the_first_decision_and_by_cause() {
    let causes = [
        (Removal::Cap, 299, ""),
        (Removal::Cap, 300, "remove antnode0003"),
        (Removal::Disk, 299, ""),
        (Removal::Disk, 300, "remove antnode0003"),
        (Removal::Operator, 0, "remove antnode0003"),
        (Removal::Dead, 0, "remove antnode0003"),
    ];
    for (cause, ago, expected) in causes {
        let snapshot = super::shedding::retired(cause, ago);
        let acts = acts(&snapshot, &with(draft(), &[(Setting::NodeCap, "2")]));
        assert_eq!(acts, expected, "{cause:?} {ago} s ago");
    }
}

#[test]
fn only_a_surplus_is_taken_back_by_a_higher_cap() {
    for (cause, expected) in [
        (Removal::Cap, "reprieve antnode0003"),
        (Removal::Disk, "remove antnode0003"),
        (Removal::Operator, "remove antnode0003"),
    ] {
        let snapshot = super::shedding::retired(cause, 400);
        let acts = acts(&snapshot, &with(draft(), &[(Setting::NodeCap, "3")]));
        assert_eq!(acts.split(", ").next(), Some(expected), "{cause:?}");
    }
}
