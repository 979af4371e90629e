//! What estimates may be, whatever is seen.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::estimate::Sample;
use super::*;
use crate::fakes::build::{record, release};
use crate::model::{BootId, LoadAverage, Now, Percent, Timestamp};
use crate::observe::{
    IoRate, MachineView, MemorySample, NodeFacts, NodeState, NodeView, SCHEMA, SeenNode,
};

const HABIT: Habit = Habit { fade_s: 3600.0, usual: 1.0 };

fn learn(values: &[f64]) -> Option<Estimate> {
    values
        .iter()
        .fold(None, |before, value| Estimate::with(before, Sample::over(vec![*value], 60.0), HABIT))
}

#[test]
fn a_steady_quantity_is_learned_and_one_strange_minute_moves_little() {
    let steady = learn(&[10.0; 60]).unwrap();
    assert_eq!(steady.mean, 10.0);
    let mut with_outlier = vec![10.0; 60];
    with_outlier.push(100_000.0);
    let outlier = learn(&with_outlier).unwrap();
    assert!(outlier.mean < 10.5, "{outlier:?}");
}

#[test]
fn what_lasts_is_believed_in_the_end() {
    let mut values = vec![0.0; 60];
    values.extend([50.0; 600]);
    let estimate = learn(&values).unwrap();
    assert!((45.0..=50.0).contains(&estimate.mean), "{estimate:?}");
}

#[test]
fn what_cannot_be_says_nothing() {
    for values in [vec![], vec![f64::NAN], vec![1.0, -1.0], vec![f64::INFINITY], vec![1e30]] {
        assert_eq!(Sample::over(values.clone(), 60.0), None, "{values:?}");
    }
    for span_s in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Sample::over(vec![1.0], span_s), None, "{span_s}");
    }
}

#[test]
fn a_damaged_estimate_begins_anew() {
    for (mean, spread, weight_s) in
        [(-1.0, 0.0, 60.0), (1.0, f64::NAN, 60.0), (1e300, 0.0, 60.0), (1.0, 1.0, -5.0)]
    {
        let before = Some(Estimate { mean, spread, weight_s });
        let next = Estimate::with(before, Sample::over(vec![7.0, 7.0], 60.0), HABIT);
        assert_eq!(next, Some(Estimate { mean: 7.0, spread: 0.0, weight_s: 60.0 }));
    }
}

/// A machine of `cpus` after a minute, with `nodes` as (age in seconds, CPU milliseconds).
fn look(cpus: u32, second: u64, nodes: &[(u64, u64)]) -> Snapshot {
    let instant = Instant { boot: BootId("b".into()), uptime_ms: second * 1000 };
    let view = |(number, (age, cpu_ms)): (usize, &(u64, u64))| NodeView {
        record: record(number as u32 + 1),
        seen: SeenNode { state: NodeState::Running, alive: Some(true) },
        process: Some(ProcessKey { pid: number as u32, start_ticks: second - age }),
        process_age: Some(Duration::from_secs(*age)),
        restarts: None,
        definition_lost: false,
        evicted: false,
        key_at_risk: false,
        memory: Some(Bytes(200_000_000)),
        cpu_ms: Some(*cpu_ms),
        facts: NodeFacts::default(),
        data_present: Some(true),
        disk: None,
        measured: None,
        growth: None,
        installed: None,
        examined: false,
        missing: None,
    };
    Snapshot {
        schema: SCHEMA,
        now: Now { wall: Timestamp(0), instant },
        machine: MachineView {
            cpus,
            cpu: Some(Percent(20.0)),
            memory: Some(MemorySample { total: Bytes(16_000_000_000), available: Bytes(1) }),
            load: Some(LoadAverage { one: 1.0, five: 0.8, fifteen: 0.5 }),
            file_systems: BTreeMap::new(),
            disk: None,
            network: Some(IoRate { read: 300.0, written: 600.0 }),
            stall: None,
            unread: None,
        },
        nodes: nodes.iter().enumerate().map(view).collect(),
        open: Vec::new(),
        requests: Vec::new(),
        begun: BTreeMap::new(),
        memory: crate::observe::EngineMemory::default(),
        release: Ok(release()),
        program: None,
        ports: Ok(BTreeSet::new()),
        occupied: Ok(BTreeSet::new()),
        numbering: None,
        storage: BTreeMap::new(),
        around: Default::default(),
        releases: BTreeMap::new(),
        holds: Default::default(),
    }
}

fn remembered(snapshot: &Snapshot) -> BTreeMap<RecordId, NodeMemory> {
    let now = &snapshot.now.instant;
    let memory = |node: &NodeView| NodeMemory {
        cpu: CpuMemory::next(None, node, now),
        ..NodeMemory::default()
    };
    snapshot.nodes.iter().map(|node| (node.record(), memory(node))).collect()
}

/// What the second of two looks teaches.
fn learned(first: &Snapshot, second: &Snapshot) -> LearnedCost {
    LearnedCost::default().with(second, &remembered(first))
}

#[test]
fn differences_of_the_counters_are_what_a_node_costs() {
    // 2400 and 4800 ms of 60 s on 4 CPUs: 1 % and 2 %; the young one began 59 s ago.
    let first = look(4, 10_000, &[(5000, 1000), (5000, 1000)]);
    let second = look(4, 10_060, &[(5060, 3400), (5060, 5800), (59, 11_800)]);
    let cost = learned(&first, &second);
    insta::assert_snapshot!(cost, @"a node costs 1.5 % CPU, 200.0 MB, 100 B/s received, 200 B/s sent; starting 5.0 % CPU in its first 5 min");
    assert_eq!(cost.observed_s, 60.0);
    let load = cost.running.load.unwrap().mean;
    assert!((load - 0.8 * 1.5 / 20.0).abs() < 1e-9, "its share of the CPU in use: {load}");
}

#[test]
fn what_is_not_comparable_teaches_nothing() {
    let first = look(4, 10_000, &[(5000, 1000)]);
    let mut replaced = look(4, 10_060, &[(5060, 2000)]);
    replaced.nodes[0].process = Some(ProcessKey { pid: 9, start_ticks: 9 });
    let mut rebooted = look(4, 10_060, &[(5060, 2000)]);
    rebooted.now.instant.boot = BootId("other".into());
    let mut dead = look(4, 10_060, &[(5060, 2000)]);
    dead.nodes[0].seen.alive = Some(false);
    let mut disabled = look(4, 10_060, &[(5060, 2000)]);
    disabled.nodes[0].record.want = crate::model::Want::Disabled;
    let cases = [
        ("another process", replaced),
        ("another boot", rebooted),
        ("not alive", dead),
        ("left alone", disabled),
        ("a counter that went back", look(4, 10_060, &[(5060, 999)])),
        ("more than there is", look(4, 10_060, &[(5060, 1_000_000)])),
        ("too close", look(4, 10_009, &[(5009, 2000)])),
        ("a gap", look(4, 10_601, &[(5601, 2000)])),
        ("a clock that went back", look(4, 9_000, &[(4000, 2000)])),
        ("no CPUs", look(0, 10_060, &[(5060, 2000)])),
        ("no nodes", look(4, 10_060, &[])),
    ];
    for (case, second) in cases {
        assert_eq!(learned(&first, &second), LearnedCost::default(), "{case}");
    }
}

#[test]
fn looks_close_together_do_not_lose_the_time_between() {
    let mut memory = remembered(&look(4, 10_000, &[(5000, 1000)]));
    let mut cost = LearnedCost::default();
    for second in [10_004, 10_008, 10_012] {
        let snapshot = look(4, second, &[(second - 5000, second / 10)]);
        cost = cost.with(&snapshot, &memory);
        let node = &snapshot.nodes[0];
        let before = memory.get_mut(&node.record()).unwrap();
        before.cpu = CpuMemory::next(before.cpu.take(), node, &snapshot.now.instant);
    }
    assert_eq!(cost.observed_s, 12.0);
}

#[test]
fn it_is_known_after_the_learning_time_and_not_a_second_before() {
    let first = look(4, 10_000, &[(5000, 1000)]);
    let second = look(4, 10_060, &[(5060, 3400), (59, 11_800)]);
    let mut cost = learned(&first, &second);
    let learn_time = Duration::from_secs(900);
    for (observed_s, is_known) in [(899.0, false), (900.0, true), (901.0, true)] {
        cost.observed_s = observed_s;
        assert_eq!(cost.known(learn_time).is_some(), is_known, "{observed_s} s");
    }
    assert_eq!(cost.left(Duration::from_secs(902)), Duration::from_secs(1));
    cost.starting = NodeCost::default();
    assert_eq!(cost.known(learn_time), None, "nobody was seen starting");
}

#[test]
fn a_machine_with_twice_the_cpus_halves_the_share() {
    let first = look(4, 10_000, &[(5000, 1000)]);
    let mut cost = learned(&first, &look(4, 10_060, &[(5060, 3400)]));
    cost.measure_by(8);
    assert_eq!(cost.running.cpu.unwrap().mean, 0.5);
}

#[test]
fn what_the_kernel_does_for_nodes_is_found_by_their_number() {
    let mut beyond = Beyond::default();
    for minute in 0..120 {
        let nodes = f64::from(minute / 10);
        beyond = beyond.with(Some((nodes, 5.0 + 0.5 * nodes)), 60.0, 2.0);
    }
    assert!((beyond.each.unwrap() - 0.5).abs() < 1e-6, "{beyond:?}");
    // Others that work more at the same time are not blamed on nodes beyond half of their own.
    for minute in 0..120 {
        beyond = beyond.with(Some((f64::from(minute), 9.0 * f64::from(minute))), 60.0, 2.0);
    }
    assert_eq!(beyond.each, Some(1.0));
    let mut steady = Beyond::default();
    for _ in 0..120 {
        steady = steady.with(Some((7.0, 30.0)), 60.0, 2.0);
    }
    assert_eq!(steady.each, None, "the number of nodes never changed");
}

fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1_u64..100_000, Just(u64::MAX), any::<u64>()]
}

fn numbers(cost: &LearnedCost) -> Vec<f64> {
    let estimates = [
        cost.running.cpu,
        cost.running.memory,
        cost.running.load,
        cost.starting.cpu,
        cost.starting.memory,
        cost.starting.load,
        cost.disk_growth,
        cost.received,
        cost.sent,
    ];
    let numbers = estimates.into_iter().flatten();
    let numbers = numbers.flat_map(|it| [it.mean, it.spread, it.weight_s]);
    numbers.chain([cost.observed_s, cost.beyond.each.unwrap_or(0.0)]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        rng_seed: RngSeed::Fixed(20_261_121),
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_estimate_lies_within_what_was_seen(
        values in prop::collection::vec(0.0..1e17_f64, 1..50),
        spans in prop::collection::vec(1.0..600.0_f64, 50),
    ) {
        let mut estimate = None;
        for (value, span) in values.iter().zip(spans) {
            estimate = Estimate::with(estimate, Sample::over(vec![*value], span), HABIT);
        }
        let Estimate { mean, spread, weight_s } = estimate.unwrap();
        let (low, high) =
            values.iter().fold((f64::MAX, 0.0_f64), |(low, high), it| (low.min(*it), high.max(*it)));
        prop_assert!((low..=high).contains(&mean), "{} of {:?}", mean, values);
        prop_assert!(spread.is_finite() && (0.0..=high).contains(&spread));
        prop_assert!((0.0..=HABIT.fade_s).contains(&weight_s));
    }

    #[test]
    fn whatever_is_read_the_numbers_stay_numbers(
        looks in prop::collection::vec(
            (any_number(), 0_u32..100, prop::collection::vec((any_number(), any_number()), 0..5)),
            1..12,
        ),
        cpu in prop_oneof![Just(f64::NAN), Just(-1.0), Just(0.0), 0.0..200.0_f64],
        load in prop_oneof![Just(f64::NAN), Just(-1.0), Just(f64::INFINITY), 0.0..1e4_f64],
        rate in prop_oneof![Just(f64::NAN), Just(-1.0), 0.0..1e18_f64],
        bytes in any_number(),
    ) {
        let mut cost = LearnedCost::default();
        let mut memory = BTreeMap::new();
        for (second, cpus, nodes) in looks {
            let nodes: Vec<(u64, u64)> =
                nodes.into_iter().map(|(age, ms)| (age % (second / 1000).max(1), ms)).collect();
            let mut snapshot = look(cpus, second / 1000, &nodes);
            snapshot.machine.cpu = Some(Percent(cpu));
            snapshot.machine.load = Some(LoadAverage { one: load, five: load, fifteen: load });
            snapshot.machine.network = Some(IoRate { read: rate, written: rate });
            for node in &mut snapshot.nodes {
                node.growth = Some(Bytes(bytes));
                node.memory = Some(Bytes(bytes));
            }
            cost = cost.with(&snapshot, &memory);
            memory = remembered(&snapshot);
        }
        for number in numbers(&cost) {
            prop_assert!(number.is_finite() && number >= 0.0, "{:?}", cost);
        }
    }

    #[test]
    fn the_order_of_nodes_is_irrelevant(
        nodes in prop::collection::vec((0_u64..5000, 0_u64..200_000), 1..20),
    ) {
        let first: Vec<(u64, u64)> = nodes.iter().map(|_| (9000, 0)).collect();
        let first = look(4, 10_000, &first);
        let aged: Vec<(u64, u64)> = nodes.iter().map(|(_, ms)| (9060, *ms)).collect();
        let mut second = look(4, 10_060, &aged);
        let straight = learned(&first, &second);
        second.nodes.reverse();
        prop_assert_eq!(straight, learned(&first, &second));
    }
}
