//! Emergencies, the cap, resources, budgets.

use super::*;

fn cpu(percent: f64, held: u64) -> Snapshot {
    let mut snapshot = quiet(3);
    snapshot.machine.cpu = Some(Percent(percent));
    snapshot.memory.over.insert(Resource::Cpu, at(held));
    snapshot
}

#[test]
fn a_quiet_machine_sheds_nothing() {
    insta::assert_snapshot!(group(&quiet(2), &full(2), "shed"), @"
    disk:/srv/nodes nearly full | rests | free 800.0 GB, acts below 2.0 GB (crisis_bytes): enough is left
    memory nearly gone | rests | available 75.0 %, acts below 2.0 %: enough is left
    more than node_cap | rests | 2 counting, removes above 2 (node_cap): not more than may be
    disk:/srv/nodes | rests | used 20.0 %, removes above 90.0 % (hd_remove), for at least 6.0 h (hd_grace): not above
    cpu | rests | used 20.0 %, stops above 70.0 % (cpu_remove), for at least 600 s (pressure_grace): not above
    memory | rests | used 25.0 %, stops above 75.0 % (mem_remove), for at least 180 s (memory_grace): not above
    load | rests | used 0.50, stops above 4.00 (max_load_average_allowed), for at least 600 s (pressure_grace): not above
    budget of removals | rests | 4 left this hour, 2 left today for disk, at most an hour 4 (max_destructive_per_hour), a day for disk 2 (max_disk_removals_per_day): some are left
    ");
}

#[test]
fn cpu_waits_out_its_grace_then_acts_and_waits_for_the_next_round() {
    let rule = |snapshot: &Snapshot| rule(snapshot, &full(3), &shed(Resource::Cpu));
    insta::assert_snapshot!(rule(&cpu(80.0, 300)), @"cpu | waits | used 80.0 %, stops above 70.0 % (cpu_remove), for 300 s of 600 s (pressure_grace): 300 s more until nodes are shed, if it stays above");
    insta::assert_snapshot!(rule(&cpu(80.0, 600)), @"
    cpu | acts | used 80.0 %, stops above 70.0 % (cpu_remove), for 600 s of 600 s (pressure_grace): 1 action
      stop antnode0003: cpu 80.0 % is above 70.0 % for 600 s
    ");
    let mut round = cpu(80.0, 900);
    round.memory.rounds.insert(Resource::Cpu, Round { count: 2, at: at(60) });
    insta::assert_snapshot!(rule(&round), @"cpu | waits | used 80.0 %, 2 rounds so far, stops above 70.0 % (cpu_remove), for 60 s of 600 s (pressure_grace): 540 s more until nodes are shed, if it stays above");
    let mut urgent = cpu(95.0, 200);
    urgent.memory.urgent = Some(at(200));
    insta::assert_snapshot!(rule(&urgent), @"
    cpu | acts | used 95.0 %, stops above 70.0 % (cpu_remove), for 200 s of 180 s (urgent_cpu): 1 action
      stop antnode0003: cpu 95.0 % is above 70.0 % for 200 s
    ");
    let mut unmeasured = quiet(3);
    unmeasured.machine.cpu = None;
    insta::assert_snapshot!(rule(&unmeasured), @"cpu | unjudged | used not measured, stops above 70.0 % (cpu_remove), for at least 600 s (pressure_grace): cpu was not measured, so nothing is shed for it");
}

#[test]
fn memory_has_a_grace_of_its_own_and_an_emergency() {
    let mut snapshot = quiet(3);
    snapshot.machine.memory = Some(MemorySample { total: gb(16), available: gb(3) });
    snapshot.memory.over.insert(Resource::Memory, at(100));
    insta::assert_snapshot!(rule(&snapshot, &full(3), &shed(Resource::Memory)), @"memory | waits | used 81.2 %, stops above 75.0 % (mem_remove), for 100 s of 180 s (memory_grace): 80 s more until nodes are shed, if it stays above");
    snapshot.machine.memory = Some(MemorySample { total: gb(16), available: Bytes(300_000_000) });
    snapshot.memory.over.insert(Resource::Memory, at(300));
    let memory = |rule: &Rule| *rule == Rule::MemoryEmergency || *rule == shed(Resource::Memory);
    insta::assert_snapshot!(said(&explained(&snapshot, &full(3)), memory), @"
    memory nearly gone | acts | available 1.9 %, acts below 2.0 %: 1 action
      stop antnode0003: emergency: memory has 1.9 % left, 2.0 % is the least
    memory | rests | used 98.1 %, stops above 75.0 % (mem_remove), for 300 s of 180 s (memory_grace): an emergency is relieved first
    ");
    snapshot.nodes.clear();
    insta::assert_snapshot!(said(&explained(&snapshot, &full(0)), memory), @"
    memory nearly gone | rests | available 1.9 %, acts below 2.0 %: no node is left that could be taken
    memory | rests | used 98.1 %, stops above 75.0 % (mem_remove), for 300 s of 180 s (memory_grace): no node is left that could be taken
    ");
    snapshot.machine.memory = None;
    insta::assert_snapshot!(said(&explained(&snapshot, &full(0)), memory), @"
    memory nearly gone | unjudged | available not measured, acts below 2.0 %: memory was not measured, so nothing is stopped for it
    memory | unjudged | used not measured, stops above 75.0 % (mem_remove), for at least 180 s (memory_grace): memory was not measured, so nothing is shed for it
    ");
}

#[test]
fn a_rate_without_a_threshold_is_not_judged_by() {
    let mut snapshot = quiet(1);
    snapshot.machine.network = Some(IoRate { read: 0.0, written: 30_000_000.0 });
    snapshot.memory.over.insert(Resource::NetWrite, at(30));
    let asked = with(&[(Setting::NetioWriteRemove, "20MB"), (Setting::NodeCap, "1")]);
    insta::assert_snapshot!(rule(&snapshot, &asked, &shed(Resource::NetWrite)), @"network-write | waits | used 30.0 MB/s, stops above 20.0 MB/s (netio_write_remove), for 30 s of 600 s (pressure_grace): 570 s more until nodes are shed, if it stays above");
    let grow = with(&[(Setting::NetioWriteLessThan, "50MB"), (Setting::NodeCap, "1")]);
    insta::assert_snapshot!(rule(&snapshot, &grow, &shed(Resource::NetWrite)), @"network-write | rests | used 30.0 MB/s, sheds never (netio_write_remove): no threshold is set");
    insta::assert_snapshot!(rule(&snapshot, &asked, &room(Resource::NetWrite)), @"network-write | waits | used 30.0 MB/s, holds growth back only while nodes are shed for it (netio_write_less_than): until it has fallen");
}

#[test]
fn the_cap_removes_stops_or_waits_for_its_budget() {
    let snapshot = quiet(4);
    insta::assert_snapshot!(rule(&snapshot, &full(2), &Rule::OverCap), @"
    more than node_cap | acts | 4 counting, removes above 2 (node_cap): 1 action
      retire antnode0004: 4 nodes, 2 allowed
    ");
    let overrides = PolicyDraft::default().with(Setting::NodeCap, "3");
    let now_only = Policy::parse(&draft(), &overrides, CPUS).unwrap();
    insta::assert_snapshot!(rule(&snapshot, &now_only, &Rule::OverCap), @"
    more than node_cap | acts | 4 counting, removes above 20 (node_cap), stops in this run above 3 (node_cap): 1 action
      stop antnode0004: 4 nodes, 3 allowed
    ");
    let mut spent = quiet(4);
    let past = |ago| PastRemoval { at: at(ago), disk: false };
    spent.memory.removals = [3000, 2000, 1000, 100].map(past).to_vec();
    let both = |rule: &Rule| matches!(rule, Rule::OverCap | Rule::Removals);
    insta::assert_snapshot!(said(&explained(&spent, &full(2)), both), @"
    more than node_cap | waits | 4 counting, removes above 2 (node_cap): 600 s more until the next removal
    budget of removals | waits | 0 left this hour, 2 left today for disk, at most an hour 4 (max_destructive_per_hour), a day for disk 2 (max_disk_removals_per_day): 600 s more until the next removal
    ");
    let mut unseen = quiet(2);
    for number in [1, 2] {
        set(&mut unseen, number, NodeState::Unknown { why: "silent".into() });
    }
    insta::assert_snapshot!(rule(&unseen, &full(1), &Rule::OverCap), @"more than node_cap | rests | 2 counting, removes above 1 (node_cap): no node is left that could be taken");
}

/// A disk that is used this much, whose nodes have this size each.
fn filled(used: u64, each: Bytes, held: u64) -> Snapshot {
    let mut snapshot = quiet(3);
    let system = FileSystemView::new(1, gb(1000), gb(1000 - 10 * used));
    snapshot.machine.file_systems.insert(STORAGE.into(), system);
    snapshot.memory.over.insert(disk(), at(held));
    for node in &mut snapshot.nodes {
        node.disk = Some(each);
    }
    snapshot
}

#[test]
fn a_disk_waits_removes_or_is_full_of_foreign_data() {
    let rule = |snapshot: &Snapshot| rule(snapshot, &full(3), &shed(disk()));
    insta::assert_snapshot!(rule(&filled(92, gb(20), 100)), @"disk:/srv/nodes | waits | used 92.0 %, removes above 90.0 % (hd_remove), for 100 s of 6.0 h (hd_grace): 6.0 h more until nodes are shed, if it stays above");
    insta::assert_snapshot!(rule(&filled(92, gb(20), 30_000)), @"
    disk:/srv/nodes | acts | used 92.0 %, removes above 90.0 % (hd_remove), for 8.3 h of 6.0 h (hd_grace): 1 action
      retire antnode0003: disk:/srv/nodes 92.0 % is above 90.0 % for 30000 s
    ");
    insta::assert_snapshot!(rule(&filled(92, gb(1), 30_000)), @"disk:/srv/nodes | rests | used 92.0 %, removes above 90.0 % (hd_remove), for 8.3 h of 6.0 h (hd_grace): removing nodes would not bring it below its threshold; free space by hand");
    let mut going = filled(92, gb(20), 30_000);
    going.nodes[0].record.phase = Phase::Removing { since: at(10), cause: Removal::Disk };
    set(&mut going, 1, NodeState::Removing);
    insta::assert_snapshot!(rule(&going), @"disk:/srv/nodes | rests | used 92.0 %, removes above 90.0 % (hd_remove), for 8.3 h of 6.0 h (hd_grace): a node goes already; it is measured again before the next");
    let mut spent = filled(92, gb(20), 30_000);
    spent.memory.removals =
        [40_000, 20_000].map(|ago| PastRemoval { at: at(ago), disk: true }).into();
    insta::assert_snapshot!(rule(&spent), @"disk:/srv/nodes | waits | used 92.0 %, removes above 90.0 % (hd_remove), for 8.3 h of 6.0 h (hd_grace): 12.9 h more until the next removal");
}

#[test]
fn a_disk_with_hardly_anything_left_is_an_emergency() {
    let emergency = Rule::DiskEmergency { resource: disk() };
    let mut snapshot = filled(92, gb(20), 10);
    let system = FileSystemView::new(1, gb(1000), gb(1));
    snapshot.machine.file_systems.insert(STORAGE.into(), system);
    insta::assert_snapshot!(rule(&snapshot, &full(3), &emergency), @"
    disk:/srv/nodes nearly full | acts | free 1.0 GB, acts below 2.0 GB (crisis_bytes): 1 action
      remove antnode0003: emergency: disk:/srv/nodes has 1.0 GB left, 2.0 GB is the least
    ");
    for node in &mut snapshot.nodes {
        node.disk = None;
    }
    insta::assert_snapshot!(rule(&snapshot, &full(3), &emergency), @"disk:/srv/nodes nearly full | rests | free 1.0 GB, acts below 2.0 GB (crisis_bytes): removing nodes would not bring it below its threshold; free space by hand");
}
