//! Planners that break each comparison, to show that it notices.

use std::cell::Cell;

use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::cases::{Case, tapes};
use super::compare::{self, Planner};
use super::*;
use crate::action::{Action, PlannedAction, Reason, Stopped};

fn engine(snapshot: &Snapshot, policy: &Policy) -> Plan {
    plan(snapshot, policy, PlanScope::Everything)
}

fn nothing(snapshot: &Snapshot, policy: &Policy) -> Plan {
    plan(snapshot, policy, PlanScope::Nothing)
}

fn with_action(mut plan: Plan, action: Option<Action>, reason: Reason) -> Plan {
    plan.actions.extend(action.map(|action| PlannedAction { action, reason }));
    plan
}

fn first(snapshot: &Snapshot) -> Option<NodeKey> {
    snapshot.nodes.first().map(|node| node.record.key())
}

fn stop(node: NodeKey) -> Action {
    Action::Stop { node, stopped: Stopped::ByPressure }
}

fn add(_: NodeKey) -> Action {
    Action::Add { spec: Box::new(crate::fakes::build::spec(900)), release: release() }
}

const ROOM: Reason = Reason::Room { nodes: 1, cap: 2 };
const DOWN: Reason = Reason::Down { deaths: 0 };
const OVER_CAP: Reason = Reason::OverCap { nodes: 2, cap: 1 };

/// Tosses a coin.
fn fickle(turn: &Cell<u32>, snapshot: &Snapshot, policy: &Policy) -> Plan {
    turn.set(turn.get() + 1);
    let odd = turn.get() % 2 == 1;
    with_action(engine(snapshot, policy), first(snapshot).filter(|_| odd).map(stop), DOWN)
}

/// Takes whatever node comes first.
fn careless(snapshot: &Snapshot, policy: &Policy, _: PlanScope) -> Plan {
    with_action(nothing(snapshot, policy), first(snapshot).map(stop), DOWN)
}

/// Decides by a number that no record can hold.
fn immeasurable(snapshot: &Snapshot, policy: &Policy, _: PlanScope) -> Plan {
    let mut plan = engine(snapshot, policy);
    plan.report.pressure.0[0].used = Some(f64::INFINITY);
    plan
}

/// Grows because memory is short.
fn contrary(snapshot: &Snapshot, policy: &Policy, _: PlanScope) -> Plan {
    let short = snapshot.machine.memory.is_some_and(|it| it.available < gb(4));
    with_action(nothing(snapshot, policy), first(snapshot).filter(|_| short).map(add), ROOM)
}

/// Grows because the cap is low.
fn upside_down(snapshot: &Snapshot, policy: &Policy, _: PlanScope) -> Plan {
    let low = policy.cap.limit < 20;
    with_action(nothing(snapshot, policy), first(snapshot).filter(|_| low).map(add), ROOM)
}

/// Takes the cap of one run for the stored one.
fn hasty(snapshot: &Snapshot, policy: &Policy, _: PlanScope) -> Plan {
    let over = policy.cap.limit < policy.cap.stored;
    let retire = |node| Action::Retire { node, cause: Removal::Cap };
    with_action(nothing(snapshot, policy), first(snapshot).filter(|_| over).map(retire), OVER_CAP)
}

/// Believes the wall clock.
fn believing(snapshot: &Snapshot, policy: &Policy, _: PlanScope) -> Plan {
    let late = snapshot.now.wall > Timestamp(1_800_000_000_000);
    with_action(nothing(snapshot, policy), first(snapshot).filter(|_| late).map(stop), DOWN)
}

/// Takes silence for a stop.
fn blind(snapshot: &Snapshot, policy: &Policy, _: PlanScope) -> Plan {
    let silent = snapshot.nodes.iter().find(|node| node.seen.alive.is_none());
    let start = silent.map(|node| Action::Start { node: node.record.key(), release: None });
    with_action(nothing(snapshot, policy), start, DOWN)
}

/// Does everything when asked for less.
fn eager(snapshot: &Snapshot, policy: &Policy, _: PlanScope) -> Plan {
    engine(snapshot, policy)
}

/// Starts and stops by turns.
fn restless(snapshot: &Snapshot, policy: &Policy, _: PlanScope) -> Plan {
    let node = snapshot.nodes.iter().find(|node| node.record.counts());
    let action = node.map(|node| match node.seen.alive {
        Some(true) => stop(node.record.key()),
        _ => Action::Start { node: node.record.key(), release: None },
    });
    with_action(nothing(snapshot, policy), action, DOWN)
}

#[test]
fn every_comparison_notices_a_planner_that_breaks_it() {
    let mut runner = TestRunner::deterministic();
    let cases: Vec<Case> =
        (0..200).map(|_| Case::make(&tapes().new_tree(&mut runner).unwrap().current())).collect();
    let turn = Cell::new(0);
    let fickle = move |snapshot: &Snapshot, policy: &Policy, _| fickle(&turn, snapshot, policy);
    let planners: [(&str, &Planner); 10] = [
        ("equal_inputs_give_equal_plans", &fickle),
        ("the_order_of_nodes_is_irrelevant", &careless),
        ("what_is_kept_gives_the_same_plan", &immeasurable),
        ("less_room_never_means_more_growth", &contrary),
        ("a_lower_cap_never_means_more_growth", &upside_down),
        ("a_value_for_one_run_never_removes", &hasty),
        ("a_wall_clock_that_jumps_moves_nothing", &believing),
        ("what_cannot_be_seen_is_not_touched", &blind),
        ("a_scope_bounds_what_is_decided", &eager),
        ("what_is_done_is_not_planned_again", &restless),
    ];
    for (name, comparison) in compare::ALL {
        let (_, planner) = planners.iter().find(|(broken, _)| broken == name).unwrap();
        let noticed = cases.iter().any(|case| comparison(case, *planner).is_err());
        assert!(noticed, "{name} did not notice");
    }
}
