//! Starting again, writing again, restarting.

use super::*;

#[test]
fn nothing_is_down() {
    insta::assert_snapshot!(group(&quiet(2), &full(2), "heal"), @"
    nodes that are down | rests | every node that should run does
    lost units | rests | no manager has lost one
    mute nodes | rests | restarts none (restart_mute): there are none
    ");
}

#[test]
fn a_node_that_is_down_is_started_or_held_back() {
    let heal = |snapshot: &Snapshot| rule(snapshot, &full(3), &Rule::Heal);
    let mut snapshot = quiet(3);
    set(&mut snapshot, 2, stopped());
    insta::assert_snapshot!(heal(&snapshot), @"
    nodes that are down | acts | 1 down, 0 starting, at most 2 (max_concurrent_starts): 1 action
      start antnode0002: it should run and does not
    ");
    let mut hot = snapshot.clone();
    hot.machine.cpu = Some(Percent(75.0));
    insta::assert_snapshot!(heal(&hot), @"
    nodes that are down | waits | 1 down, 0 starting, at most 2 (max_concurrent_starts): until cpu has fallen
      1 node to be started again, but cpu is above its threshold
    ");
    let mut busy = snapshot.clone();
    set(&mut busy, 1, NodeState::Starting);
    set(&mut busy, 3, NodeState::Starting);
    insta::assert_snapshot!(heal(&busy), @"
    nodes that are down | waits | 1 down, 2 starting, at most 2 (max_concurrent_starts): until fewer are in motion
      1 node more to be started again, in the next cycles
    ");
    let mut dying = snapshot;
    let deaths = vec![at(200), at(100), at(30)];
    let memory = NodeMemory { deaths, last_try: Some(at(31)), ..NodeMemory::default() };
    dying.memory.nodes.insert(record(2).record, memory);
    insta::assert_snapshot!(heal(&dying), @"
    nodes that are down | waits | 1 down, 0 starting, at most 2 (max_concurrent_starts): 90 s more until the next start of a node that died
      antnode0002 died 3 times in the last hour: next start in 90 s
    ");
}

#[test]
fn lost_units_and_mute_nodes() {
    let mut snapshot = quiet(2);
    snapshot.nodes[0].definition_lost = true;
    insta::assert_snapshot!(rule(&snapshot, &full(2), &Rule::Mend), @"
    lost units | acts | 1 lost: 1 action
      mend antnode0001: its unit was deleted while it runs
    ");
    set(&mut snapshot, 2, NodeState::Mute { missing: "its UDP port is not bound".into() });
    insta::assert_snapshot!(rule(&snapshot, &full(2), &Rule::Mute), @"mute nodes | rests | 1 mute, restarts none (restart_mute): not asked for");
    let restarts = with(&[(Setting::RestartMute, "on"), (Setting::NodeCap, "2")]);
    insta::assert_snapshot!(rule(&snapshot, &restarts, &Rule::Mute), @"
    mute nodes | acts | 1 mute, restarts them (restart_mute): 1 action
      restart antnode0002: it lives but shows no sign of life
    ");
    set(&mut snapshot, 1, NodeState::Starting);
    insta::assert_snapshot!(rule(&snapshot, &restarts, &Rule::Mute), @"mute nodes | waits | 1 mute, restarts them (restart_mute): until fewer are in motion");
}
