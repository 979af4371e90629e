//! How many nodes are started and stopped at once, once it is known what a node costs.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::observe::{Estimate, LearnedCost, NodeCost};
use crate::plan::price::fitting;

/// What a node of the tests costs. 160 MB are 1 % of the memory.
#[derive(Clone, Copy)]
struct Cost {
    cpu: f64,
    start_cpu: f64,
    memory: f64,
    load: f64,
}

const LITTLE: Cost = Cost { cpu: 0.01, start_cpu: 0.01, memory: 1e6, load: 0.001 };

fn sure(mean: f64) -> Option<Estimate> {
    Some(Estimate { mean, spread: 0.0, weight_s: 3600.0 })
}

fn learned(cost: Cost) -> LearnedCost {
    let Cost { cpu, start_cpu, memory, load } = cost;
    LearnedCost {
        observed_s: 3600.0,
        cpus: CPUS,
        running: NodeCost { cpu: sure(cpu), memory: sure(memory), load: sure(load) },
        starting: NodeCost { cpu: sure(start_cpu), memory: sure(memory), load: sure(load) },
        ..LearnedCost::default()
    }
}

/// A machine with many CPUs and a known cost; the thresholds of load are those of a small one.
fn large(nodes: u32, cost: Cost) -> Snapshot {
    let mut snapshot = quiet(nodes);
    snapshot.machine.cpus = 32;
    snapshot.memory.cost = learned(cost);
    snapshot.memory.cost.cpus = 32;
    snapshot
}

fn many() -> Policy {
    with(draft(), &[(Setting::NodeCap, "900"), (Setting::DiskPrior, "1MB")])
}

fn starts(snapshot: &Snapshot, policy: &Policy) -> usize {
    sound(snapshot, policy).actions.iter().filter(|planned| planned.action.starts()).count()
}

#[test]
fn what_fits_stays_below_the_limit_strictly() {
    let table = [
        (30.0, 4.9, 40.0, 2),
        (30.0, 5.0, 40.0, 1),
        (30.0, 5.1, 40.0, 1),
        (39.9, 1.0, 40.0, 0),
        (40.0, 1.0, 40.0, 0),
        (41.0, 1.0, 40.0, 0),
        (39.0, 0.0, 40.0, u32::MAX),
        (39.0, -1.0, 40.0, u32::MAX),
        (0.0, 1e-300, 40.0, u32::MAX),
        (f64::NAN, 1.0, 40.0, 0),
        (30.0, f64::NAN, 40.0, 0),
        (30.0, f64::INFINITY, 40.0, 0),
        (30.0, 1.0, f64::NAN, 0),
    ];
    for (used, each, limit, fits) in table {
        assert_eq!(fitting(used, each, limit), fits, "{used} + n x {each} < {limit}");
    }
}

#[test]
fn as_many_start_as_stay_below_four_fifths_of_every_grow_threshold() {
    // Limits: CPU 40 %, memory 48 %, load 1.92.
    let cpu = Cost { start_cpu: 5.0, ..LITTLE };
    for (used, count) in [(19.9, 4), (20.0, 3), (20.1, 3), (34.9, 1)] {
        let mut snapshot = large(10, cpu);
        snapshot.machine.cpu = Some(Percent(used));
        assert_eq!(starts(&snapshot, &many()), count, "cpu {used}");
    }
    let memory = Cost { memory: 800_000_000.0, ..LITTLE };
    for (available, count) in [(12.01, 4), (12.0, 4), (11.92, 4), (11.0, 3), (9.2, 1)] {
        let mut snapshot = large(10, memory);
        let available = Bytes((available * 1e9) as u64);
        snapshot.machine.memory = Some(MemorySample { total: gb(16), available });
        assert_eq!(starts(&snapshot, &many()), count, "{available} left");
    }
    let load = Cost { load: 0.5, ..LITTLE };
    for (used, count) in [(0.41, 3), (0.42, 2), (0.43, 2), (1.41, 1)] {
        let mut snapshot = large(10, load);
        snapshot.machine.load = Some(LoadAverage { one: used, five: used, fifteen: used });
        assert_eq!(starts(&snapshot, &many()), count, "load {used}");
    }
}

#[test]
fn never_more_than_run_already_than_half_the_cpus_than_sixteen_than_asked_for() {
    for (running, cpus, asked, count) in [
        (0, 64, "auto", 1),
        (1, 64, "auto", 1),
        (3, 64, "auto", 3),
        (16, 64, "auto", 16),
        (17, 64, "auto", 16),
        (10, 8, "auto", 4),
        (10, 1, "auto", 1),
        (10, 0, "auto", 1),
        (10, 64, "2", 2),
        (10, 64, "500", 10),
    ] {
        let mut snapshot = large(running, LITTLE);
        snapshot.machine.cpus = cpus;
        let limits = [(Setting::NodeCap, "900"), (Setting::MaxConcurrentStarts, asked)];
        let policy = with(draft().with(Setting::DiskPrior, "1MB"), &limits);
        assert_eq!(starts(&snapshot, &policy), count, "{running} run, {cpus} CPUs, {asked}");
    }
    let operations = [(Setting::NodeCap, "900"), (Setting::MaxConcurrentOperations, "3")];
    let policy = with(draft().with(Setting::DiskPrior, "1MB"), &operations);
    assert_eq!(starts(&large(10, LITTLE), &policy), 3);
}

#[test]
fn those_on_their_way_count_with_their_whole_surge() {
    // 20 % used, 40 % are the limit, 5 % each.
    let cost = Cost { start_cpu: 5.0, ..LITTLE };
    for (young, count) in [(0, 3), (1, 2), (2, 1)] {
        let mut snapshot = large(10, cost);
        for node in &mut snapshot.nodes[..young] {
            node.process_age = Some(Duration::from_secs(299));
        }
        assert_eq!(starts(&snapshot, &many()), count, "{young} younger than five minutes");
    }
    let mut old_enough = large(10, cost);
    old_enough.nodes[0].process_age = Some(Duration::from_secs(300));
    assert_eq!(starts(&old_enough, &many()), 3);
    // As many as may be at once are starting.
    let mut in_motion = large(10, LITTLE);
    in_motion.machine.cpus = 4;
    for node in &mut in_motion.nodes[..2] {
        node.seen.state = NodeState::Starting;
    }
    insta::assert_snapshot!(planned(&in_motion, &many()), @"blocked: 2 nodes in motion, at most 2 at once");
}

#[test]
fn before_the_cost_is_known_one_is_started_and_watched() {
    let policy = many();
    for (ago, grows) in [(899, false), (900, true), (901, true)] {
        let mut snapshot = quiet(10);
        snapshot.memory.last_growth = Some(at(ago));
        assert_eq!(starts(&snapshot, &policy), usize::from(grows), "{ago} s");
    }
    for (observed_s, count) in [(899.0, 1), (900.0, 2)] {
        let mut snapshot = large(2, LITTLE);
        snapshot.memory.cost.observed_s = observed_s;
        assert_eq!(starts(&snapshot, &policy), count, "{observed_s} s of observation");
    }
    let mut waiting = quiet(10);
    waiting.memory.last_growth = Some(at(400));
    insta::assert_snapshot!(planned(&waiting, &policy), @"blocked: what a node costs is being learned: 500 s more");
}

#[test]
fn with_much_room_the_last_start_is_not_waited_for_and_everything_else_is() {
    let policy = many();
    let mut snapshot = large(10, LITTLE);
    snapshot.memory.last_growth = Some(at(1));
    assert_eq!(starts(&snapshot, &policy), 10);
    let waits: [fn(&mut EngineMemory); 3] = [
        |memory| memory.last_stop = Some(at(299)),
        |memory| memory.last_shed = Some(at(1799)),
        |memory| memory.room = Some(at(599)),
    ];
    for (case, wait) in waits.iter().enumerate() {
        let mut waiting = snapshot.clone();
        wait(&mut waiting.memory);
        assert_eq!(starts(&waiting, &policy), 0, "case {case}");
    }
}

#[test]
fn near_a_threshold_few_are_started_and_the_machine_settles() {
    let policy = many();
    let near = |nodes, ago| {
        let mut snapshot = large(nodes, LITTLE);
        snapshot.machine.cpu = Some(Percent(45.0));
        snapshot.memory.last_growth = Some(at(ago));
        snapshot
    };
    for (nodes, ago, count) in
        [(10, 299, 0), (10, 300, 1), (99, 300, 1), (100, 300, 2), (149, 300, 2), (150, 300, 3)]
    {
        assert_eq!(starts(&near(nodes, ago), &policy), count, "{nodes} nodes, {ago} s");
    }
    insta::assert_snapshot!(planned(&near(10, 100), &policy), @"blocked: the machine settles for 200 s more");
}

#[test]
fn where_the_latest_nodes_do_not_run_growth_goes_slowly_and_then_not_at_all() {
    for (down, count) in [(0, 10), (1, 1), (2, 1), (3, 0), (9, 0)] {
        let mut snapshot = large(10, LITTLE);
        for number in 11 - down..=10 {
            set(&mut snapshot, number, stopped(), Some(false));
            let memory = snapshot.memory.nodes.entry(snapshot.nodes[number as usize - 1].record());
            let memory = memory.or_default();
            (memory.deaths, memory.last_try) = (vec![at(1); 6], Some(at(400)));
        }
        assert_eq!(starts(&snapshot, &many()), count, "the latest {down} are down");
        snapshot.memory.last_growth = Some(at(299));
        let count = if down == 0 { count } else { 0 };
        assert_eq!(
            starts(&snapshot, &many()),
            count,
            "{down} are down, and one was added just now"
        );
    }
    let mut early = large(10, LITTLE);
    for number in 1..=3 {
        set(&mut early, number, stopped(), Some(false));
        let memory = early.memory.nodes.entry(early.nodes[number as usize - 1].record());
        let memory = memory.or_default();
        (memory.deaths, memory.last_try) = (vec![at(1); 6], Some(at(400)));
    }
    assert!(starts(&early, &many()) > 1, "old nodes that fail tell nothing of new ones");
}

#[test]
fn with_nobody_left_to_learn_from_one_is_tried() {
    let cost = Cost { cpu: 60.0, start_cpu: 60.0, ..LITTLE };
    let mut snapshot = large(2, cost);
    for number in 1..=2 {
        set(&mut snapshot, number, stopped(), Some(false));
        snapshot.nodes[number as usize - 1].record.want = Want::StoppedByPressure;
    }
    assert_eq!(starts(&snapshot, &many()), 1);
    snapshot.memory.last_growth = Some(at(899));
    assert_eq!(starts(&snapshot, &many()), 0, "once in learn_time");
}

#[test]
fn what_would_be_shed_again_is_not_started() {
    // 56.25 % of 16 GB used, 75 % are where nodes are stopped: 18.75 % or 3 GB of room.
    for (memory, grows) in [(2.99e9, true), (3e9, false), (3.01e9, false)] {
        let mut snapshot = large(10, Cost { memory, ..LITTLE });
        snapshot.machine.memory = Some(MemorySample { total: gb(16), available: gb(7) });
        assert_eq!(starts(&snapshot, &many()), usize::from(grows), "{memory} bytes");
    }
    let mut snapshot = large(10, Cost { memory: 4e9, ..LITTLE });
    snapshot.machine.memory = Some(MemorySample { total: gb(16), available: gb(7) });
    insta::assert_snapshot!(planned(&snapshot, &many()), @"blocked: memory is 56.2 % and a node costs 25.0 %: with one more it would be shed at 75.0 %");
}

#[test]
fn the_cap_and_the_disk_bound_what_is_created_at_once() {
    let text = |settings: &[(Setting, &str)]| planned(&large(10, LITTLE), &with(draft(), settings));
    insta::assert_snapshot!(text(&[(Setting::NodeCap, "12")]), @"
    add antnode0011: room for more: 10 of 12 nodes
    add antnode0012: room for more: 11 of 12 nodes
    ");
    // 20 % of 1 TB used, 75 % may be: 550 GB for 11 or 12 nodes, not for 13.
    insta::assert_snapshot!(text(&[(Setting::NodeCap, "90"), (Setting::DiskPrior, "45GB")]), @"
    add antnode0011: room for more: 10 of 90 nodes
    add antnode0012: room for more: 11 of 90 nodes
    blocked: disk:/srv/nodes would not hold another node: 585.0 GB expected to be needed, 550.0 GB left below hd_less_than and above crisis_bytes
    ");
}

#[test]
fn created_at_once_they_share_nothing() {
    let mut snapshot = large(10, LITTLE);
    snapshot.ports.as_mut().unwrap().extend([55_012, 55_014]);
    let text = planned(&snapshot, &with(draft(), &[(Setting::NodeCap, "14")]));
    insta::assert_snapshot!(text, @"
    add antnode0011: room for more: 10 of 14 nodes
    add antnode0013: room for more: 11 of 14 nodes
    add antnode0015: room for more: 12 of 14 nodes
    add antnode0016: room for more: 13 of 14 nodes
    note: skipped because their name or ports are taken: antnode0012, antnode0014
    ");
}

#[test]
fn what_pressure_stopped_comes_back_at_the_same_pace_oldest_first() {
    let mut snapshot = large(9, LITTLE);
    for number in 3..=9 {
        set(&mut snapshot, number, stopped(), Some(false));
        snapshot.nodes[number as usize - 1].record.want = Want::StoppedByPressure;
    }
    insta::assert_snapshot!(planned(&snapshot, &many()), @"
    start antnode0003: there is room again
    start antnode0004: there is room again
    ");
    let capped = with(draft(), &[(Setting::NodeCap, "3")]);
    snapshot.nodes.truncate(3);
    snapshot.occupied = Ok((1..=3).map(id).collect());
    assert_eq!(starts(&snapshot, &capped), 1, "no more than the cap");
}

fn rebooted(nodes: u32, cost: Cost, cpu: f64) -> Snapshot {
    let mut snapshot = large(nodes, cost);
    for number in 1..=nodes {
        set(&mut snapshot, number, stopped(), Some(false));
    }
    snapshot.machine.cpu = Some(Percent(cpu));
    snapshot
}

#[test]
fn recovery_starts_as_many_a_cycle_as_fit_below_the_shed_thresholds() {
    let cost = Cost { start_cpu: 10.0, ..LITTLE };
    // 70 % are the limit; at least one, for nothing is starting.
    for (cpu, count) in
        [(19.9, 5), (20.0, 4), (20.1, 4), (59.9, 1), (65.0, 1), (70.0, 1), (70.1, 0)]
    {
        assert_eq!(starts(&rebooted(200, cost, cpu), &many()), count, "cpu {cpu}");
    }
    let mut under_way = rebooted(200, cost, 65.0);
    set(&mut under_way, 1, NodeState::Starting, Some(true));
    assert_eq!(starts(&under_way, &many()), 0, "one is starting");
}

#[test]
fn hundreds_do_not_start_at_once_however_little_they_cost() {
    for (cpus, asked, count) in
        [(64, "auto", 16), (8, "auto", 4), (1, "auto", 1), (64, "3", 3), (8, "30", 30)]
    {
        let mut snapshot = rebooted(200, LITTLE, 5.0);
        snapshot.machine.cpus = cpus;
        let limits = [(Setting::NodeCap, "900"), (Setting::MaxConcurrentStarts, asked)];
        assert_eq!(starts(&snapshot, &with(draft(), &limits)), count, "{cpus} CPUs, {asked}");
    }
}

#[test]
fn recovery_without_a_reading_keeps_to_half_the_cpus() {
    let mut snapshot = rebooted(200, LITTLE, 5.0);
    snapshot.machine.cpu = None;
    set(&mut snapshot, 1, NodeState::Starting, Some(true));
    assert_eq!(starts(&snapshot, &many()), 15, "16 with the one that is starting");
}

#[test]
fn recovery_without_one_reading_goes_by_the_others() {
    let cost = Cost { cpu: 2.5, start_cpu: 2.5, ..LITTLE };
    for (cpu, count) in [(67.8, 1), (65.0, 1), (64.9, 2), (5.0, 16)] {
        let mut snapshot = rebooted(200, cost, cpu);
        snapshot.machine.memory = None;
        assert_eq!(starts(&snapshot, &many()), count, "cpu {cpu}, memory unknown");
    }
}

#[test]
fn a_round_of_stops_is_never_more_than_the_excess_is_worth() {
    // Rounds of 1, 2, 4; the excess is 10 %.
    for (cpu, round, count) in
        [(10.1, 2, 1), (10.0, 2, 1), (9.9, 2, 2), (3.4, 2, 3), (3.4, 1, 2), (0.0, 2, 4)]
    {
        let mut snapshot = large(10, Cost { cpu, ..LITTLE });
        snapshot.machine.cpu = Some(Percent(80.0));
        snapshot.memory.over.insert(Resource::Cpu, at(3000));
        snapshot.memory.rounds.insert(Resource::Cpu, Round { count: round, at: at(600) });
        let plan = sound(&snapshot, &many());
        assert_eq!(plan.actions.len(), count, "{cpu} % each, round {round}");
    }
}

#[test]
fn the_second_opinion_finds_too_many_starts() {
    let found = |good: &Snapshot, other: &Snapshot, policy: &Policy| {
        let plan = plan(good, policy, PlanScope::Everything);
        let found: Vec<String> =
            check(&plan, other, policy).iter().map(ToString::to_string).collect();
        found.join("\n")
    };
    let cost = Cost { cpu: 1.0, start_cpu: 1.0, ..LITTLE };
    let (good, policy) = (large(10, cost), many());
    assert_eq!(found(&good, &good, &policy), "");
    let mut few_cpus = good.clone();
    few_cpus.machine.cpus = 8;
    assert_eq!(found(&good, &few_cpus, &policy), "10 nodes starting at once, 4 allowed");
    let mut busy = good.clone();
    busy.machine.cpu = Some(Percent(31.0));
    assert_eq!(
        found(&good, &busy, &policy),
        "10 nodes started, and there is no room for so many: cpu is 31.0 %, a node takes 1.0 %, 40.0 % may be used"
    );
    let mut one_starting = good.clone();
    one_starting.nodes[0].seen.state = NodeState::Starting;
    assert_eq!(found(&good, &one_starting, &policy), "11 nodes starting at once, 9 allowed");
    let mut learning = plan(&good, &policy, PlanScope::Everything);
    learning.memory.cost.observed_s = 100.0;
    let violations = check(&learning, &good, &policy);
    insta::assert_snapshot!(violations[0], @"10 nodes starting at once, 1 allowed");
}

#[test]
fn the_second_opinion_finds_too_fast_a_recovery() {
    let cost = Cost { cpu: 5.0, start_cpu: 5.0, ..LITTLE };
    let good = rebooted(200, cost, 5.0);
    let plan = plan(&good, &many(), PlanScope::Everything);
    assert_eq!(check(&plan, &good, &many()), vec![]);
    let mut busy = good.clone();
    busy.machine.cpu = Some(Percent(20.0));
    assert_ne!(check(&plan, &busy, &many()), vec![]);
    let mut few_cpus = good.clone();
    few_cpus.machine.cpus = 8;
    assert_ne!(check(&plan, &few_cpus, &many()), vec![]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        rng_seed: RngSeed::Fixed(20_261_121),
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_a_node_costs_the_second_opinion_agrees(
        nodes in 0_u32..200,
        down in 0_u32..200,
        young in 0_u32..20,
        cpus in 0_u32..100,
        used in (0.0..100.0_f64, 0_u64..16_000_000_000, 0.0..5.0_f64),
        each in (0.0..20.0_f64, 0.0..20.0_f64, 0.0..4e9_f64, 0.0..3.0_f64),
        observed_s in prop_oneof![Just(0.0), Just(900.0), Just(9000.0)],
        asked in prop_oneof![Just("auto"), Just("1"), Just("7"), Just("300")],
        unread in prop::sample::subsequence(vec!["cpu", "memory", "load", "learned"], 0..3),
    ) {
        let (cpu, start_cpu, memory, load) = each;
        let mut snapshot = large(nodes, Cost { cpu, start_cpu, memory, load });
        snapshot.machine.cpus = cpus;
        snapshot.memory.cost.observed_s = observed_s;
        snapshot.machine.cpu = Some(Percent(used.0));
        snapshot.machine.memory =
            Some(MemorySample { total: gb(16), available: Bytes(used.1) });
        snapshot.machine.load = Some(LoadAverage { one: used.2, five: used.2, fifteen: used.2 });
        for what in unread {
            match what {
                "cpu" => snapshot.machine.cpu = None,
                "memory" => snapshot.machine.memory = None,
                "load" => snapshot.machine.load = None,
                _ => snapshot.memory.cost.starting.memory = None,
            }
        }
        for number in 1..=down.min(nodes) {
            set(&mut snapshot, number, stopped(), Some(false));
            if number % 2 == 0 {
                snapshot.nodes[number as usize - 1].record.want = Want::StoppedByPressure;
            }
        }
        for node in snapshot.nodes.iter_mut().rev().take(young as usize) {
            node.process_age = node.process_age.map(|_| Duration::from_secs(60));
        }
        let limits = [(Setting::NodeCap, "900"), (Setting::MaxConcurrentStarts, asked)];
        let policy = with(draft().with(Setting::DiskPrior, "1MB"), &limits);
        let plan = sound(&snapshot, &policy);
        let starts = plan.actions.iter().filter(|planned| planned.action.starts()).count();
        let most = if asked == "300" { 300 } else { 16 };
        prop_assert!(starts <= most, "{}", starts);
        let holds = crate::plan::capacity(&snapshot, &snapshot.memory.cost, &policy);
        let crate::plan::Capacity::Known { nodes, .. } = holds else { return Ok(()) };
        prop_assert!(nodes <= 900);
    }
}

/// What a node on its way up holds of the memory already is not reckoned twice.
#[test]
fn memory_that_a_starting_node_holds_is_in_the_measurement() {
    // 25 % of 16 GB are used, 48 % are the limit of growth, 5 % each.
    let cost = Cost { memory: 8e8, ..LITTLE };
    let count = |held: &[Option<u64>]| {
        let mut snapshot = large(10, cost);
        for (node, held) in snapshot.nodes.iter_mut().zip(held) {
            node.process_age = Some(Duration::from_secs(10));
            node.memory = held.map(Bytes);
        }
        starts(&snapshot, &many())
    };
    let (none, half, all) = (Some(0), Some(400_000_000), Some(800_000_000));
    let counts = [
        count(&[]),
        count(&[None, None]),
        count(&[none, none]),
        count(&[half, half]),
        count(&[all, all]),
        count(&[Some(1_600_000_000), none]),
    ];
    assert_eq!(counts, [4, 2, 2, 3, 4, 3], "of nothing, nothing known, none, half, all, more");
}

#[test]
fn nothing_fits_where_there_is_no_room_whatever_it_costs() {
    assert_eq!(fitting(20.0, 0.0, 10.0), 0);
    assert_eq!(fitting(10.0, -1.0, 10.0), 0);
    assert_eq!(fitting(5.0, 0.0, 10.0), u32::MAX);
    assert_eq!(fitting(5.0, f64::INFINITY, 10.0), 0);
    assert_eq!(fitting(f64::NAN, 1.0, 10.0), 0);
}
