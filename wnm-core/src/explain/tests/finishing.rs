//! Looking, finishing, cleaning up, answering.

use super::*;

#[test]
fn a_quiet_machine_has_nothing_to_look_at_twice() {
    let snapshot = quiet(2);
    insta::assert_snapshot!(group(&snapshot, &full(2), "look"), @"
    nodes | rests | 2 recorded: all could be observed
    reboot | rests | not since the last cycle
    gap between cycles | rests | last cycle 60 s ago, graces begin anew above 150 s: the last cycle was a short time ago
    ");
    insta::assert_snapshot!(group(&snapshot, &full(2), "finish and answer"), @"
    open operations | rests | none was left open
    nodes on their way out | rests | there are none
    dead nodes | rests | there are none
    requests | rests | nobody asked for anything
    ");
}

#[test]
fn what_cannot_be_seen_is_not_judged() {
    let mut snapshot = quiet(3);
    set(&mut snapshot, 2, NodeState::Unknown { why: "no answer in 3 s".into() });
    set(&mut snapshot, 3, NodeState::Mute { missing: "its UDP port is not bound".into() });
    insta::assert_snapshot!(rule(&snapshot, &full(3), &Rule::Look), @"
    nodes | unjudged | 3 recorded: 1 node could not be observed: nothing is done with it
      antnode0002 could not be observed: no answer in 3 s
      antnode0003 lives, but its UDP port is not bound
    ");
    let mut snapshot = quiet(1);
    snapshot.machine =
        MachineView { unread: Some(unread("no /proc")), ..MachineView::unmeasured(4) };
    insta::assert_snapshot!(rule(&snapshot, &full(1), &Rule::Look), @"nodes | unjudged | 1 recorded: the machine was not measured: no /proc");
}

#[test]
fn a_first_cycle_a_gap_and_a_reboot_are_told() {
    let mut snapshot = quiet(1);
    snapshot.memory.last_look = Some(at(151));
    insta::assert_snapshot!(group(&snapshot, &full(1), "look"), @"
    nodes | rests | 1 recorded: all could be observed
    reboot | rests | not since the last cycle
    gap between cycles | acts | last cycle 151 s ago, graces begin anew above 150 s: every grace begins anew
    ");
    snapshot.memory.boot = Some(BootId("a".into()));
    insta::assert_snapshot!(group(&snapshot, &full(1), "look"), @"
    nodes | rests | 1 recorded: all could be observed
    reboot | acts | everything is looked at anew
    gap between cycles | acts | last cycle 151 s ago, graces begin anew above 150 s: every grace begins anew
    ");
    snapshot.memory = Default::default();
    insta::assert_snapshot!(group(&snapshot, &full(1), "look"), @"
    nodes | rests | 1 recorded: all could be observed
    reboot | rests | this is the first cycle
    gap between cycles | rests | graces begin anew above 150 s: this is the first cycle
    ");
}

/// An operation on node 1 that a dead cycle left open.
fn left_open() -> Snapshot {
    let mut snapshot = quiet(1);
    set(&mut snapshot, 1, stopped());
    let planned = plan(&snapshot, &full(1), PlanScope::Everything).actions.remove(0);
    let record = record(1).record;
    let (id, begun) = (crate::model::OpId(9), Timestamp(0));
    snapshot.open.push(OpenOperation { id, record, planned, begun });
    snapshot
}

#[test]
fn an_open_operation_is_finished_or_waits_until_its_node_is_seen() {
    let mut snapshot = left_open();
    insta::assert_snapshot!(rule(&snapshot, &full(1), &Rule::Unfinished), @"
    open operations | acts | 1 open: 1 action
      start antnode0001: operation 9 was begun and not finished
    ");
    set(&mut snapshot, 1, NodeState::Unknown { why: "silent".into() });
    insta::assert_snapshot!(rule(&snapshot, &full(1), &Rule::Unfinished), @"open operations | waits | 1 open: until it can be observed");
}

fn retired(since: u64, cause: Removal) -> Snapshot {
    let mut snapshot = quiet(2);
    snapshot.nodes[1].record.phase = Phase::Removing { since: at(since), cause };
    set(&mut snapshot, 2, NodeState::Removing);
    snapshot
}

#[test]
fn a_retired_node_waits_goes_comes_back_or_cannot_be_seen() {
    let leaving = |snapshot: &Snapshot, cap| rule(snapshot, &full(cap), &Rule::Leaving);
    insta::assert_snapshot!(leaving(&retired(100, Removal::Disk), 1), @"nodes on their way out | waits | 1 on their way out, for 100 s of 300 s (delay_remove): 200 s more until the first may be deleted; until then it can be taken back");
    insta::assert_snapshot!(leaving(&retired(300, Removal::Disk), 1), @"
    nodes on their way out | acts | 1 on their way out, for 300 s of 300 s (delay_remove): 1 action
      remove antnode0002: retired 300 s ago
    ");
    insta::assert_snapshot!(leaving(&retired(100, Removal::Cap), 2), @"
    nodes on their way out | acts | 1 on their way out, for 100 s of 300 s (delay_remove): 1 action
      reprieve antnode0002: there is room again
    ");
    let mut hidden = retired(300, Removal::Disk);
    hidden.nodes[1].data_present = None;
    insta::assert_snapshot!(leaving(&hidden, 1), @"nodes on their way out | waits | 1 on their way out, for 300 s of 300 s (delay_remove): until it can be observed");
}

#[test]
fn dead_nodes_go_one_a_cycle_and_none_when_too_many() {
    let mut snapshot = quiet(5);
    set(&mut snapshot, 2, NodeState::Dead);
    set(&mut snapshot, 3, NodeState::Dead);
    insta::assert_snapshot!(rule(&snapshot, &full(5), &Rule::Dead), @"
    dead nodes | acts | 2 dead, at most 1 (max_concurrent_removals): 1 action
      remove antnode0002: its data directory is gone
    ");
    set(&mut snapshot, 4, NodeState::Dead);
    insta::assert_snapshot!(rule(&snapshot, &full(5), &Rule::Dead), @"dead nodes | rests | 3 dead, at most 1 (max_concurrent_removals): so many at once that none is touched: is a disk missing? Remove by hand what is really gone");
}

#[test]
fn requests_are_answered_with_what_is_refused() {
    let ask = |verb| Request { id: RequestId(7), verb, made: Timestamp(0), made_at: at(1) };
    let keys = |numbers: &[u32]| numbers.iter().map(|number| record(*number).key()).collect();
    let mut snapshot = quiet(2);
    set(&mut snapshot, 2, NodeState::Unknown { why: "silent".into() });
    snapshot.requests = vec![ask(Verb::Stop { nodes: keys(&[1, 2]) })];
    insta::assert_snapshot!(rule(&snapshot, &full(2), &Rule::Requests), @"
    requests | acts | 1 waiting: 1 action
      stop antnode0001: request 7
      refused: antnode0002: it could not be observed: silent
    ");
    snapshot.requests = vec![ask(Verb::Add { count: 5 })];
    insta::assert_snapshot!(rule(&snapshot, &full(2), &Rule::Requests), @"
    requests | rests | 1 waiting: all that was asked for was refused
      refused: 5 more would make 7 nodes and node_cap is 2: raise it with `wnm config set node_cap 7`
    ");
    snapshot.requests = vec![ask(Verb::Enable { nodes: keys(&[1]) })];
    insta::assert_snapshot!(rule(&snapshot, &full(2), &Rule::Requests), @"requests | rests | 1 waiting: all that was asked for is so already");
}

#[test]
fn what_a_smaller_cycle_did_not_ask_is_said() {
    let snapshot = quiet(1);
    let policy = full(2);
    for scope in [PlanScope::RequestsOnly, PlanScope::Nothing] {
        let plan = plan(&snapshot, &policy, scope);
        let explanation = explain(&snapshot, &policy, &plan);
        let text = said(&explanation, |rule| *rule == Rule::Grow);
        match scope {
            PlanScope::Nothing => {
                insta::assert_snapshot!(text, @"one more node | rests | not asked: this cycle only looked")
            }
            _ => {
                insta::assert_snapshot!(text, @"one more node | rests | not asked: this cycle only answered requests")
            }
        }
    }
}
