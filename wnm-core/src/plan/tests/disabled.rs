//! Disabled nodes: left alone in every respect.

use super::*;
use crate::action::{Action, PlannedAction, Reason};
use crate::model::OpId;
use crate::observe::{NodeReading, settle};

/// `quiet` with node `number` disabled, and stopped unless `alive`.
fn one_disabled(nodes: u32, number: u32, alive: bool) -> Snapshot {
    let mut snapshot = quiet(nodes);
    set(&mut snapshot, number, NodeState::Disabled, Some(alive));
    snapshot.nodes[number as usize - 1].record.want = Want::Disabled;
    snapshot
}

fn asked(mut snapshot: Snapshot, verb: Verb, policy: &Policy) -> String {
    snapshot.requests = vec![request(1, verb)];
    planned(&snapshot, policy)
}

fn cap(count: &str) -> Policy {
    with(draft(), &[(Setting::NodeCap, count)])
}

#[test]
fn it_is_disabled_once_and_only_the_record_changes() {
    let text = asked(quiet(1), Verb::Disable { nodes: vec![key(1)] }, &cap("1"));
    assert_eq!(text, "disable antnode0001: request 1");
    let again = one_disabled(1, 1, true);
    assert_eq!(asked(again, Verb::Disable { nodes: vec![key(1)] }, &cap("0")), "");
}

#[test]
fn enabling_is_for_disabled_nodes_and_keeps_to_the_cap() {
    let verb = || Verb::Enable { nodes: vec![key(2)] };
    assert_eq!(asked(quiet(2), verb(), &cap("2")), "", "it is not disabled");
    let text = asked(one_disabled(2, 2, false), verb(), &cap("2"));
    assert!(text.starts_with("enable antnode0002: request 1"), "{text}");
    insta::assert_snapshot!(asked(one_disabled(2, 2, false), verb(), &cap("1")), @"refused: antnode0002: it would make 2 nodes and node_cap is 1: raise it with `wnm config set node_cap 2`");
}

#[test]
fn two_wishes_of_one_cycle_keep_to_the_cap_together() {
    let mut snapshot = one_disabled(2, 2, false);
    snapshot.requests =
        vec![request(1, Verb::Enable { nodes: vec![key(2)] }), request(2, Verb::Add { count: 1 })];
    insta::assert_snapshot!(planned(&snapshot, &cap("2")), @"
    enable antnode0002: request 1
    blocked: this cycle does something else first
    refused: 1 more would make 3 nodes and node_cap is 2: raise it with `wnm config set node_cap 3`
    ");
}

#[test]
fn what_is_being_removed_is_not_disabled() {
    let mut snapshot = quiet(1);
    set(&mut snapshot, 1, NodeState::Removing, Some(false));
    snapshot.nodes[0].record.phase = Phase::Removing { since: at(10), cause: Removal::Disk };
    insta::assert_snapshot!(asked(snapshot, Verb::Disable { nodes: vec![key(1)] }, &cap("0")), @"refused: antnode0001: it is being removed; `start` would take it back");
}

#[test]
fn what_cannot_be_observed_can_be_disabled_and_enabled() {
    let unseen = || NodeState::Unknown { why: "no answer".into() };
    let mut snapshot = quiet(1);
    set(&mut snapshot, 1, unseen(), None);
    let text = asked(snapshot, Verb::Disable { nodes: vec![key(1)] }, &cap("1"));
    assert!(text.starts_with("disable antnode0001: request 1"), "{text}");
    let mut snapshot = one_disabled(1, 1, true);
    snapshot.nodes[0].seen.alive = None;
    snapshot.nodes[0].data_present = None;
    let text = asked(snapshot, Verb::Enable { nodes: vec![key(1)] }, &cap("1"));
    assert!(text.starts_with("enable antnode0001: request 1"), "{text}");
}

#[test]
fn other_verbs_refuse_it() {
    let nodes = || vec![key(1)];
    for verb in [
        Verb::Start { nodes: nodes() },
        Verb::Stop { nodes: nodes() },
        Verb::Restart { nodes: nodes() },
        Verb::Remove { nodes: nodes() },
    ] {
        let text = asked(one_disabled(1, 1, true), verb, &cap("0"));
        assert_eq!(text, "refused: antnode0001: it is disabled; enable it first");
    }
}

#[test]
fn a_teardown_takes_it_and_nothing_else_may() {
    let verb = || Verb::Teardown { nodes: vec![key(1), key(2)] };
    insta::assert_snapshot!(asked(one_disabled(2, 1, true), verb(), &cap("2")), @"
    remove antnode0001: request 1
    remove antnode0002: request 1
    blocked: this cycle does something else first
    ");
    let mut silent = one_disabled(1, 1, true);
    silent.nodes[0].seen.alive = None;
    let verb = Verb::Teardown { nodes: vec![key(1)] };
    insta::assert_snapshot!(asked(silent, verb, &cap("0")), @"refused: antnode0001: it could not be observed");
    let mut forged = one_disabled(2, 1, true);
    forged.requests = vec![request(1, Verb::Remove { nodes: vec![key(1)] })];
    let mut plan = plan(&forged, &cap("2"), PlanScope::Everything);
    plan.actions = vec![PlannedAction {
        action: Action::Remove { node: key(1), cause: Removal::Operator },
        reason: Reason::Request { id: RequestId(1) },
    }];
    assert!(!check(&plan, &forged, &cap("2")).is_empty(), "a removal is no teardown");
}

#[test]
fn a_teardown_that_died_over_it_is_finished() {
    let mut record = record(1);
    record.want = Want::Disabled;
    record.phase = Phase::Removing { since: at(10), cause: Removal::Operator };
    let none: Option<&NodeReading> = None;
    let now = quiet(0).now;
    let seen = settle(&record, none, Going::default(), &policy(&draft()).delays, &now);
    assert_eq!(seen.state, NodeState::Removing);
    let mut snapshot = quiet(1);
    snapshot.nodes[0].record = record;
    set(&mut snapshot, 1, NodeState::Removing, Some(false));
    insta::assert_snapshot!(planned(&snapshot, &cap("0")), @"remove antnode0001: retired 10 s ago");
    let restart = Verb::Start { nodes: vec![key(1)] };
    sound_with(snapshot, restart);
}

/// Whatever comes of it, the second opinion agrees.
#[track_caller]
fn sound_with(mut snapshot: Snapshot, verb: Verb) {
    snapshot.requests = vec![request(1, verb)];
    let _ = sound(&snapshot, &cap("5"));
}

#[test]
fn nothing_of_the_engine_touches_it() {
    let policy = with(eager_draft(), &[(Setting::NodeCap, "1"), (Setting::RestartMute, "on")]);
    let mut snapshot = one_disabled(2, 2, false);
    assert_eq!(planned(&snapshot, &policy), "", "neither healed nor one too many");
    snapshot.nodes[1].data_present = Some(false);
    snapshot.nodes[1].definition_lost = true;
    assert_eq!(planned(&snapshot, &policy), "", "neither cleaned up nor mended");
    let mut full = one_disabled(1, 1, true);
    full.machine.file_systems.insert(STORAGE.into(), disk(99));
    full.machine.memory = Some(MemorySample { total: gb(16), available: gb(0) });
    full.machine.cpu = Some(Percent(99.0));
    full.nodes[0].disk = Some(gb(900));
    full.memory.over = [Resource::Cpu, Resource::Disk(STORAGE.into())]
        .map(|resource| (resource, at(90_000)))
        .into();
    assert!(sound(&full, &policy).actions.is_empty(), "not shed either");
}

#[test]
fn it_is_no_excuse_for_so_many_dead() {
    // Two of three that are ours look dead: the disabled fourth does not make that a minority.
    let mut snapshot = one_disabled(4, 4, true);
    for number in [1, 2] {
        set(&mut snapshot, number, NodeState::Dead, Some(false));
        snapshot.nodes[number as usize - 1].data_present = Some(false);
    }
    insta::assert_snapshot!(planned(&snapshot, &cap("3")), @"note: 2 of 3 nodes look dead at once: none is touched. Is a disk missing? Remove by hand what is really gone");
}

#[test]
fn disabling_one_too_many_sheds_no_second_one() {
    let text = asked(quiet(2), Verb::Disable { nodes: vec![key(2)] }, &cap("1"));
    assert_eq!(text, "disable antnode0002: request 1");
}

#[test]
fn a_disabling_that_died_is_finished_and_other_open_work_waits() {
    let open = |action| OpenOperation {
        id: OpId(9),
        record: record(1).record,
        planned: PlannedAction { action, reason: Reason::RoomAgain },
        begun: Timestamp(0),
    };
    let mut snapshot = one_disabled(1, 1, true);
    snapshot.open = vec![open(Action::Disable { node: key(1) })];
    let text = planned(&snapshot, &cap("0"));
    assert_eq!(text, "disable antnode0001: operation 9 was begun and not finished");
    snapshot.open = vec![open(Action::Start { node: key(1), release: None })];
    assert_eq!(planned(&snapshot, &cap("0")), "");
}

#[test]
fn a_survey_decides_nothing() {
    let mut snapshot = quiet(2);
    set(&mut snapshot, 2, stopped(), Some(false));
    snapshot.requests = vec![request(1, Verb::Add { count: 1 })];
    let plan = plan(&snapshot, &policy(&eager_draft()), PlanScope::Nothing);
    assert_eq!((plan.actions.len(), plan.report.requests.len()), (0, 0));
}
