//! Why a node is as it is, and what would happen to it next.

use super::*;
use crate::explain::NodeStory;

/// What is told of one node.
fn told(snapshot: &Snapshot, policy: &Policy, number: u32) -> String {
    let explanation = explained(snapshot, policy);
    let story: &NodeStory = explanation.nodes.iter().find(|it| it.id == id(number)).unwrap();
    let signs = story.signs.iter().map(ToString::to_string);
    let planned = story.planned.iter().map(|planned| format!("planned: {planned}"));
    let held = story.held_back.iter().map(|held| format!("held back: {held}"));
    let prospects = story.prospects.iter().map(ToString::to_string);
    signs.chain(planned).chain(held).chain(prospects).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_that_runs() {
    insta::assert_snapshot!(told(&quiet(3), &full(3), 3), @"
    data: there
    manager: says it runs
    process: 1003, for 13.9 h
    signs of life: none is missing
    if it stops: the next cycle starts it again
    under pressure: it is stopped as the 1st of 3
    if node_cap is lowered: it is removed as the 1st of 3, its identity archived
    if its disk stays too full: it is removed as the 1st of 3, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
    insta::assert_snapshot!(told(&quiet(12), &full(12), 1), @"
    data: there
    manager: says it runs
    process: 1001, for 13.9 h
    signs of life: none is missing
    if it stops: the next cycle starts it again
    under pressure: it is stopped as the 12th of 12
    if node_cap is lowered: it is removed as the 12th of 12, its identity archived
    if its disk stays too full: it is removed as the 12th of 12, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
}

#[test]
fn one_that_died_often_would_rest_first() {
    let mut snapshot = quiet(2);
    snapshot.nodes[0].process_age = Some(Duration::from_secs(30));
    let memory = NodeMemory { deaths: vec![at(900), at(60)], ..NodeMemory::default() };
    snapshot.memory.nodes.insert(record(1).record, memory);
    insta::assert_snapshot!(told(&snapshot, &full(2), 1), @"
    data: there
    manager: says it runs
    process: 1001, for 30 s
    signs of life: too early to ask for them
    if it stops: it is started again after 120 s
    under pressure: it is stopped as the 2nd of 2
    if node_cap is lowered: it is removed as the 2nd of 2, its identity archived
    if its disk stays too full: it is removed as the 2nd of 2, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
}

#[test]
fn one_that_is_down() {
    let mut snapshot = quiet(2);
    set(&mut snapshot, 2, stopped());
    insta::assert_snapshot!(told(&snapshot, &full(2), 2), @"
    data: there
    manager: it does not run
    process: none
    planned: start antnode0002: it should run and does not
    if node_cap is lowered: it is removed as the 1st of 2, its identity archived
    if its disk stays too full: it is removed as the 1st of 2, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
    snapshot.machine.cpu = Some(Percent(75.0));
    insta::assert_snapshot!(told(&snapshot, &full(2), 2), @"
    data: there
    manager: it does not run
    process: none
    held back: cpu is above its shed threshold
    if node_cap is lowered: it is removed as the 1st of 2, its identity archived
    if its disk stays too full: it is removed as the 1st of 2, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
    insta::assert_snapshot!(told(&snapshot, &full(2), 1), @"
    data: there
    manager: says it runs
    process: 1001, for 13.9 h
    signs of life: none is missing
    if it stops: it is started again once cpu has fallen
    under pressure: it is stopped as the only one
    if node_cap is lowered: it is removed as the 2nd of 2, its identity archived
    if its disk stays too full: it is removed as the 2nd of 2, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
}

#[test]
fn one_that_somebody_stopped() {
    let mut snapshot = quiet(2);
    set(&mut snapshot, 2, stopped());
    snapshot.nodes[1].record.want = Want::StoppedByOperator;
    insta::assert_snapshot!(told(&snapshot, &full(2), 2), @"
    data: there
    manager: it does not run
    process: none
    held back: an operator stopped it; only `wnm start` starts it
    on `wnm start`: the next cycle starts it again
    if node_cap is lowered: it is removed as the 1st of 2, its identity archived
    if its disk stays too full: it is removed as the 1st of 2, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
    snapshot.nodes[1].record.want = Want::StoppedByPressure;
    snapshot.memory.last_shed = Some(at(100));
    insta::assert_snapshot!(told(&snapshot, &full(2), 2), @"
    data: there
    manager: it does not run
    process: none
    held back: it was stopped by pressure, and waits for room to grow
    when there is room: it is started as the only one
    if node_cap is lowered: it is removed as the 1st of 2, its identity archived
    if its disk stays too full: it is removed as the 1st of 2, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
}

#[test]
fn one_that_runs_although_it_was_stopped() {
    let mut snapshot = quiet(1);
    snapshot.nodes[0].record.want = Want::StoppedByOperator;
    insta::assert_snapshot!(told(&snapshot, &full(1), 1), @"
    data: there
    manager: says it runs
    process: 1001, for 13.9 h
    signs of life: none is missing
    held back: it should be stopped, but somebody started it; it is left alone
    if it stops: it is left alone
    if node_cap is lowered: it is removed as the only one, its identity archived
    if its disk stays too full: it is removed as the only one, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
}

#[test]
fn one_that_is_left_alone() {
    let mut snapshot = quiet(1);
    snapshot.nodes[0].record.want = Want::Disabled;
    set(&mut snapshot, 1, NodeState::Disabled);
    insta::assert_snapshot!(told(&snapshot, &full(1), 1), @"
    data: there
    manager: did not say
    process: could not be observed
    held back: it is disabled until `wnm enable`
    whatever happens: it is left alone
    on `wnm enable`: it is cared for again, and wanted to run
    ");
}

#[test]
fn one_that_cannot_be_seen_and_one_that_is_mute() {
    let mut snapshot = quiet(2);
    set(&mut snapshot, 1, NodeState::Unknown { why: "/srv/nodes is not mounted".into() });
    set(&mut snapshot, 2, NodeState::Mute { missing: "its UDP port is not bound".into() });
    insta::assert_snapshot!(told(&snapshot, &full(2), 1), @"
    data: could not be looked at
    manager: /srv/nodes is not mounted
    process: could not be observed
    held back: it could not be observed: /srv/nodes is not mounted
    when it is seen again: it is judged anew; until then left alone
    ");
    insta::assert_snapshot!(told(&snapshot, &full(2), 2), @"
    data: there
    manager: says it runs
    process: 1002, for 13.9 h
    signs of life: its UDP port is not bound
    if it stops: the next cycle starts it again
    under pressure: it is stopped as the only one
    if node_cap is lowered: it is removed as the only one, its identity archived
    if its disk stays too full: it is removed as the only one, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
}

#[test]
fn one_on_its_way_out() {
    let mut snapshot = quiet(2);
    snapshot.nodes[1].record.phase = Phase::Removing { since: at(100), cause: Removal::Cap };
    set(&mut snapshot, 2, NodeState::Removing);
    insta::assert_snapshot!(told(&snapshot, &full(1), 2), @"
    data: there
    manager: says it does not run
    process: none
    when its delay is over: it is deleted in 200 s, its identity archived
    if node_cap is raised: its removal is taken back
    on `wnm start`: its removal is taken back
    ");
    snapshot.nodes[1].record.phase = Phase::Removing { since: at(100), cause: Removal::Operator };
    insta::assert_snapshot!(told(&snapshot, &full(1), 2), @"
    data: there
    manager: says it does not run
    process: none
    planned: remove antnode0002: retired 100 s ago
    when its delay is over: the next cycle that can deletes it, its identity archived
    ");
}

#[test]
fn one_that_was_just_started_and_one_whose_data_is_gone() {
    let mut snapshot = quiet(4);
    snapshot.nodes[0].record.phase = Phase::Starting { since: at(40) };
    snapshot.nodes[0].process_age = Some(Duration::from_secs(39));
    set(&mut snapshot, 1, NodeState::Starting);
    insta::assert_snapshot!(told(&snapshot, &full(4), 1), @"
    data: there
    manager: says it runs
    process: 1001, for 39 s
    signs of life: too early to ask for them
    held back: it counts as starting for 260 s more
    if it stops: the next cycle starts it again
    under pressure: it is stopped as the 4th of 4
    if node_cap is lowered: it is removed as the 4th of 4, its identity archived
    if its disk stays too full: it is removed as the 4th of 4, its identity archived
    if its disk is gone: it is unknown: nothing is done with it, and nothing is deleted
    ");
    set(&mut snapshot, 2, NodeState::Dead);
    insta::assert_snapshot!(told(&snapshot, &full(4), 2), @"
    data: gone, while its storage is there
    manager: says it does not run
    process: none
    planned: remove antnode0002: its data directory is gone
    ");
}
