//! The conditions of growth, and growth.

use super::*;
use crate::observe::{Estimate, LearnedCost, NodeCost};

#[test]
fn every_condition_is_met() {
    insta::assert_snapshot!(group(&quiet(2), &policy(&draft()), "grow"), @"
    fewer than node_cap | rests | 2 counting, at most 20 (node_cap): met
    cpu | rests | used 20.0 %, grows below 50.0 % (cpu_less_than): met
    memory | rests | used 25.0 %, grows below 60.0 % (mem_less_than): met
    load | rests | used 0.50, grows below 2.40 (desired_load_average): met
    disk:/srv/nodes | rests | used 20.0 %, grows below 75.0 % (hd_less_than): met
    room for long enough | rests | everything has had room, for 2.8 h of 600 s (grow_window): met
    settled | rests | must be older than 300 s (settle_time): met
    quiet after shedding | rests | must be older than 1800 s (quiet_time): met
    what a node costs | rests | what a node costs is not known yet, for 0 s of 900 s (learn_time): met
    nodes in motion | rests | 1 started by this plan, at most 1 (max_concurrent_starts): met
    disk:/srv/nodes in the long run | rests | its nodes and one more may need 60.0 GB, must be below 550.0 GB (hd_less_than), reckoned for 14.0 days (disk_horizon): met
    one more node | acts | 1 action
      add antnode0003: room for more: 2 of 20 nodes
    ");
}

#[test]
fn at_the_cap_nothing_is_waited_for() {
    let both = |rule: &Rule| matches!(rule, Rule::BelowCap | Rule::Grow);
    insta::assert_snapshot!(said(&explained(&quiet(3), &full(3)), both), @"
    fewer than node_cap | rests | 3 counting, at most 3 (node_cap): as many nodes as may be
    one more node | rests | as many nodes as may be
    ");
}

#[test]
fn every_condition_can_be_unmet_at_once() {
    let mut snapshot = quiet(2);
    set(&mut snapshot, 2, NodeState::Starting);
    snapshot.machine.cpu = None;
    snapshot.machine.load = Some(LoadAverage { one: 3.0, five: 3.0, fifteen: 3.0 });
    snapshot.memory.room = None;
    snapshot.memory.last_stop = Some(at(100));
    snapshot.memory.last_shed = Some(at(100));
    insta::assert_snapshot!(group(&snapshot, &policy(&draft()), "grow"), @"
    fewer than node_cap | rests | 2 counting, at most 20 (node_cap): met
    cpu | unjudged | used not measured, grows below 50.0 % (cpu_less_than): nothing grows on a guess
    memory | rests | used 25.0 %, grows below 60.0 % (mem_less_than): met
    load | waits | used 3.00, grows below 2.40 (desired_load_average): until it has fallen
    disk:/srv/nodes | rests | used 20.0 %, grows below 75.0 % (hd_less_than): met
    room for long enough | waits | not everything has room, for at least 600 s (grow_window): until there was room for long enough
    settled | waits | last change 100 s ago, must be older than 300 s (settle_time): 200 s more until the machine has settled
    quiet after shedding | waits | last shedding 100 s ago, must be older than 1800 s (quiet_time): 1700 s more until it was quiet for long enough
    what a node costs | rests | what a node costs is not known yet, for 0 s of 900 s (learn_time): met
    nodes in motion | waits | 1 starting, 0 started by this plan, at most 1 (max_concurrent_starts): until fewer are in motion
    disk:/srv/nodes in the long run | rests | its nodes and one more may need 60.0 GB, must be below 550.0 GB (hd_less_than), reckoned for 14.0 days (disk_horizon): met
    one more node | waits | for 6 conditions above
    ");
}

#[test]
fn room_has_to_last() {
    let mut snapshot = quiet(2);
    snapshot.memory.room = Some(at(200));
    let both = |rule: &Rule| matches!(rule, Rule::Window | Rule::Grow);
    insta::assert_snapshot!(said(&explained(&snapshot, &policy(&draft())), both), @"
    room for long enough | waits | everything has had room, for 200 s of 600 s (grow_window): 400 s more until there was room for long enough
    one more node | waits | for 1 condition above
    ");
}

fn learned(cpu: f64) -> LearnedCost {
    let sure = |mean| Some(Estimate { mean, spread: 0.0, weight_s: 3600.0 });
    let cost = NodeCost { cpu: sure(cpu), memory: sure(2e8), load: sure(0.1) };
    let known = LearnedCost { observed_s: 3600.0, cpus: 4, ..LearnedCost::default() };
    LearnedCost { running: cost, starting: cost, ..known }
}

#[test]
fn what_a_node_costs_is_learned_and_then_gone_by() {
    let both = |rule: &Rule| matches!(rule, Rule::Settle | Rule::Cost | Rule::Grow);
    let mut learning = quiet(1);
    learning.memory.last_growth = Some(at(600));
    insta::assert_snapshot!(said(&explained(&learning, &policy(&draft())), both), @"
    settled | rests | last change 600 s ago, must be older than 300 s (settle_time): met
    what a node costs | waits | what a node costs is not known yet, for 0 s of 900 s (learn_time): 300 s more until it is known what a node costs
    one more node | waits | for 1 condition above
    ");
    let mut roomy = quiet(2);
    roomy.memory.last_growth = Some(at(60));
    roomy.memory.cost = learned(1.0);
    insta::assert_snapshot!(said(&explained(&roomy, &policy(&draft())), both), @"
    settled | rests | must be older than 300 s (settle_time): met
    what a node costs | rests | a node costs 1.0 % CPU, 200.0 MB; starting 1.0 % CPU in its first 5 min, for 3600 s of 900 s (learn_time): met
    one more node | acts | 2 actions
      add antnode0003: room for more: 2 of 20 nodes
      add antnode0004: room for more: 3 of 20 nodes
    ");
    let mut heavy = quiet(2);
    heavy.memory.cost = learned(55.0);
    insta::assert_snapshot!(said(&explained(&heavy, &policy(&draft())), both), @"
    settled | rests | must be older than 300 s (settle_time): met
    what a node costs | waits | a node costs 55.0 % CPU, 200.0 MB; starting 55.0 % CPU in its first 5 min, for 3600 s of 900 s (learn_time): until one more node would not be shed again
    one more node | waits | for 1 condition above
    ");
}

#[test]
fn a_disk_may_not_hold_another_node() {
    let mut snapshot = quiet(3);
    let system = FileSystemView::new(1, gb(1000), gb(320));
    snapshot.machine.file_systems.insert(STORAGE.into(), system);
    let outlook = |rule: &Rule| matches!(rule, Rule::DiskOutlook { .. } | Rule::Grow);
    insta::assert_snapshot!(said(&explained(&snapshot, &policy(&draft())), outlook), @"
    disk:/srv/nodes in the long run | waits | its nodes and one more may need 80.0 GB, must be below 70.0 GB (hd_less_than), reckoned for 14.0 days (disk_horizon): until it has more room or its nodes are known to need less
    one more node | waits | for 1 condition above
    ");
    snapshot.storage.insert(STORAGE.into(), Err(unread("not mounted")));
    insta::assert_snapshot!(said(&explained(&snapshot, &policy(&draft())), outlook), @"
    disk:/srv/nodes in the long run | unjudged | not mounted
    one more node | waits | no storage can be used: not mounted
    ");
}

#[test]
fn of_two_disks_one_with_room_is_enough() {
    let mut snapshot = quiet(2);
    let (full, empty) = ("/srv/full", "/srv/empty");
    let systems = [(full, 2, 200), (empty, 3, 900)];
    for (root, device, free) in systems {
        let system = FileSystemView::new(device, gb(1000), gb(free));
        snapshot.machine.file_systems.insert(root.into(), system);
        snapshot.storage.insert(root.into(), Ok(()));
    }
    let policy = with(&[(Setting::NodeStorage, "/srv/full /srv/empty")]);
    let disks = |rule: &Rule| match rule {
        Rule::Room { resource } | Rule::DiskOutlook { resource } => resource.is_disk(),
        rule => *rule == Rule::Grow,
    };
    insta::assert_snapshot!(said(&explained(&snapshot, &policy), disks), @"
    disk:/srv/empty | rests | used 10.0 %, grows below 75.0 % (hd_less_than): met
    disk:/srv/full | rests | used 80.0 %, grows below 75.0 % (hd_less_than): another storage directory has room
    disk:/srv/nodes | rests | used 20.0 %, grows below 75.0 % (hd_less_than): met
    disk:/srv/full in the long run | rests | its nodes and one more may need 20.0 GB, must be below 0 B (hd_less_than), reckoned for 14.0 days (disk_horizon): another storage directory has room
    disk:/srv/empty in the long run | rests | its nodes and one more may need 20.0 GB, must be below 650.0 GB (hd_less_than), reckoned for 14.0 days (disk_horizon): met
    one more node | acts | 1 action
      add antnode0003: room for more: 2 of 20 nodes
    ");
}

#[test]
fn a_node_that_pressure_stopped_is_started_before_another_is_created() {
    let mut snapshot = quiet(2);
    snapshot.nodes[1].record.want = Want::StoppedByPressure;
    set(&mut snapshot, 2, stopped());
    let both = |rule: &Rule| matches!(rule, Rule::BelowCap | Rule::Grow);
    insta::assert_snapshot!(said(&explained(&snapshot, &full(2)), both), @"
    fewer than node_cap | rests | 2 counting, 1 of them stopped by pressure, at most 2 (node_cap): met
    one more node | acts | 1 action
      start antnode0002: there is room again
    ");
}

#[test]
fn what_growing_needs_may_be_missing() {
    let grow = |snapshot: &Snapshot| rule(snapshot, &policy(&draft()), &Rule::Grow);
    let mut snapshot = quiet(1);
    snapshot.release = Err(unread("there is no program"));
    insta::assert_snapshot!(grow(&snapshot), @"one more node | waits | no node program: there is no program");
    let mut snapshot = quiet(1);
    snapshot.occupied = Err(unread("the manager does not answer"));
    insta::assert_snapshot!(grow(&snapshot), @"one more node | unjudged | free ids and ports are not known: the manager does not answer");
    let mut snapshot = quiet(2);
    set(&mut snapshot, 1, stopped());
    insta::assert_snapshot!(grow(&snapshot), @"one more node | waits | for 1 condition above");
    let mut snapshot = quiet(1);
    snapshot.occupied.as_mut().unwrap().insert(id(2));
    insta::assert_snapshot!(grow(&snapshot), @"
    one more node | acts | 1 action
      add antnode0003: room for more: 1 of 20 nodes
      skipped because their name or ports are taken: antnode0002
    ");
}
