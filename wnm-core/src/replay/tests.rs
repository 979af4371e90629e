#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;

use proptest::prelude::*;

use super::{Replay, ReplayReport};
use crate::fakes::build::{draft, eager_draft, id, seconds};
use crate::fakes::{MemoryStore, SimHost, World};
use crate::host::{CycleQuery, Intents};
use crate::model::{NodeKey, Timestamp, Verb};
use crate::policy::{PolicyDraft, Setting};
use crate::run::{CycleOptions, cycle};

struct Machine {
    host: SimHost,
    store: MemoryStore,
}

impl Machine {
    fn new(draft: &PolicyDraft) -> Machine {
        Machine { host: SimHost::new(World::new()), store: MemoryStore::with_settings(draft) }
    }

    fn minutes(&self, count: u64) {
        for _ in 0..count {
            self.host.world().advance(seconds(60));
            self.cycle(&CycleOptions::new());
        }
    }

    fn cycle(&self, options: &CycleOptions) {
        cycle(&self.host.host(&self.store), options, &mut |_| {}).unwrap();
    }

    fn replay(&self, changes: &[(Setting, &str)]) -> ReplayReport {
        self.replay_but(changes, |_| false)
    }

    /// Without the cycles of these places.
    fn replay_but(
        &self,
        changes: &[(Setting, &str)],
        missing: impl Fn(usize) -> bool,
    ) -> ReplayReport {
        let changes = changes
            .iter()
            .fold(PolicyDraft::default(), |draft, (setting, text)| draft.with(*setting, *text));
        let mut replay = Replay::new(changes);
        for (place, summary) in
            self.store.cycles(&CycleQuery::default()).unwrap().iter().enumerate()
        {
            if !missing(place) {
                replay.judge(summary.cycle, &self.store.recorded(summary.cycle).unwrap().unwrap());
            }
        }
        replay.finish()
    }
}

fn told(report: &ReplayReport) -> String {
    let mut text = String::new();
    for it in &report.differences {
        let then = it.then.iter().map(|it| format!("then {}: {}", it.action, it.reason));
        let now = it.now.iter().map(|it| format!("now {}: {}", it.action, it.reason));
        let why_not = it.why_not.iter().map(|it| format!("because {it}"));
        let parts: Vec<String> = then.chain(now).chain(why_not).collect();
        writeln!(text, "{}: {}", it.cycle, parts.join("; ")).unwrap();
    }
    for (kind, total) in &report.totals {
        writeln!(text, "{kind}: {} then, {} now", total.then, total.now).unwrap();
    }
    writeln!(text, "{} of {} the same", report.same, report.cycles).unwrap();
    text
}

fn capped(cap: u32) -> PolicyDraft {
    eager_draft().with(Setting::NodeCap, cap.to_string()).with(Setting::MaxConcurrentStarts, "1")
}

/// Growth, a death, pressure, a reboot, a request and a lower cap.
fn a_rich_life() -> Machine {
    let machine = Machine::new(&capped(4).with(Setting::QuietTime, "10min"));
    machine.minutes(8);
    machine.host.world().kill(id(2));
    machine.minutes(3);
    machine.host.world().foreign_cpu = 95.0;
    machine.minutes(20);
    machine.host.world().foreign_cpu = 5.0;
    machine.minutes(30);
    machine.host.world().reboot();
    machine.minutes(6);
    let first = machine.store.cycles(&CycleQuery::default()).unwrap()[20].cycle;
    let snapshot = machine.store.recorded(first).unwrap().unwrap().snapshot;
    let node: NodeKey = snapshot.nodes[0].record.key();
    machine.store.request(&Verb::Stop { nodes: vec![node] }, &snapshot.now).unwrap();
    machine.store.request(&Verb::Add { count: 1 }, &snapshot.now).unwrap();
    machine.minutes(3);
    machine.store.set_policy(&capped(2), Timestamp(1)).unwrap();
    machine.minutes(20);
    machine
}

#[test]
fn the_same_settings_decide_the_same() {
    let report = a_rich_life().replay(&[]);
    assert!(report.is_the_same(), "{}", told(&report));
    assert_eq!((report.retold, report.unread, report.unfit), (0, 0, 0));
    let kinds: Vec<&str> = report.totals.keys().copied().collect();
    assert!(
        ["add", "retire", "start", "stop"].iter().all(|kind| kinds.contains(kind)),
        "{kinds:?}"
    );
}

#[test]
fn a_plan_that_another_version_made_is_a_difference() {
    let machine = Machine::new(&capped(1));
    machine.minutes(3);
    let cycles = machine.store.cycles(&CycleQuery::default()).unwrap();
    let mut replay = Replay::new(PolicyDraft::default());
    for summary in &cycles {
        let mut recorded = machine.store.recorded(summary.cycle).unwrap().unwrap();
        recorded.plan.actions.clear();
        recorded.plan.report.blocked.clear();
        replay.judge(summary.cycle, &recorded);
    }
    let report = replay.finish();
    assert!(!report.is_the_same());
    insta::assert_snapshot!(told(&report), @"
    2: now add antnode0001: room for more: 0 of 1 nodes
    add: 0 then, 1 now
    2 of 3 the same
    ");
}

#[test]
fn a_value_that_was_set_anyway_changes_nothing() {
    let report = a_rich_life().replay(&[(Setting::MemRemove, "75"), (Setting::SettleTime, "0s")]);
    assert!(report.is_the_same(), "{}", told(&report));
    for (kind, total) in &report.totals {
        assert_eq!(total.then, total.now, "{kind}");
    }
}

#[test]
fn a_lower_cap_would_have_kept_fewer() {
    let machine = Machine::new(&capped(4));
    machine.minutes(12);
    insta::assert_snapshot!(told(&machine.replay(&[(Setting::NodeCap, "2")])), @"
    4: then add antnode0003: room for more: 2 of 4 nodes; because there may be 2 nodes
    5: then add antnode0004: room for more: 3 of 4 nodes; because there may be 2 nodes
    add: 4 then, 2 now
    10 of 12 the same
    ");
}

#[test]
fn a_higher_cap_would_have_made_at_least_one_more() {
    let machine = Machine::new(&capped(2));
    machine.minutes(12);
    insta::assert_snapshot!(told(&machine.replay(&[(Setting::NodeCap, "9")])), @"
    4: now add antnode0003: room for more: 2 of 9 nodes
    add: 2 then, 3 now
    11 of 12 the same
    ");
}

#[test]
fn windows_run_under_the_changed_settings() {
    let machine = Machine::new(&draft().with(Setting::NodeCap, "2"));
    machine.minutes(40);
    let sooner = [(Setting::GrowWindow, "3min")];
    insta::assert_snapshot!(told(&machine.replay(&sooner)), @"
    5: now add antnode0001: room for more: 0 of 2 nodes
    20: now add antnode0002: room for more: 1 of 2 nodes
    add: 2 then, 2 now
    38 of 40 the same
    ");
    let later = [(Setting::GrowWindow, "20min"), (Setting::SettleTime, "30min")];
    insta::assert_snapshot!(told(&machine.replay(&later)), @"
    12: then add antnode0001: room for more: 0 of 2 nodes; because there must be room for 600 s more
    22: now add antnode0002: room for more: 1 of 2 nodes
    add: 2 then, 1 now
    38 of 40 the same
    ");
}

#[test]
fn graces_and_rounds_run_under_the_changed_settings() {
    let machine = Machine::new(&capped(4).with(Setting::UrgentCpu, "100"));
    machine.minutes(8);
    machine.host.world().foreign_cpu = 60.0;
    machine.minutes(30);
    let changes = [(Setting::CpuRemove, "55"), (Setting::PressureGrace, "5min")];
    insta::assert_snapshot!(told(&machine.replay(&changes)), @"
    14: now stop antnode0004: cpu 68.0 % is above 55.0 % for 300 s
    19: now stop antnode0003: cpu 68.0 % is above 55.0 % for 600 s
    24: now stop antnode0002: cpu 68.0 % is above 55.0 % for 900 s; now stop antnode0001: cpu 68.0 % is above 55.0 % for 900 s
    add: 4 then, 4 now
    stop: 0 then, 4 now
    35 of 38 the same
    ");
    let patient = [(Setting::CpuRemove, "55"), (Setting::PressureGrace, "1h")];
    insta::assert_snapshot!(told(&machine.replay(&patient)), @"
    add: 4 then, 4 now
    38 of 38 the same
    ");
}

#[test]
fn where_cycles_are_missing_the_memory_begins_again() {
    let machine = Machine::new(&capped(4).with(Setting::UrgentCpu, "100"));
    machine.minutes(8);
    machine.host.world().foreign_cpu = 60.0;
    machine.minutes(30);
    let changes = [(Setting::CpuRemove, "55"), (Setting::PressureGrace, "5min")];
    // Every fourth cycle is lost, so that five minutes are never seen in a row.
    let report = machine.replay_but(&changes, |place| place % 4 == 0);
    assert_eq!(report.differences, []);
    assert_eq!(report.gaps, [], "two minutes are no gap");
    let report = machine.replay_but(&changes, |place| (10..20).contains(&place));
    let gaps: Vec<u64> = report.gaps.iter().map(|gap| gap.seconds).collect();
    assert_eq!(gaps, [660]);
    assert_eq!(report.cycles, 28);
}

#[test]
fn changes_that_do_not_fit_are_told_once() {
    let machine = Machine::new(&capped(1));
    machine.minutes(5);
    let report = machine.replay(&[(Setting::CpuRemove, "10")]);
    assert_eq!((report.unfit, report.same, report.cycles), (5, 0, 5));
    insta::assert_snapshot!(report.misfits.join("\n"), @"cpu_less_than 50 is not below cpu_remove 10: lower cpu_less_than or raise cpu_remove, so that growing and shedding do not undo each other");
}

#[test]
fn an_override_of_that_run_gives_way_to_the_change() {
    let machine = Machine::new(&capped(3));
    let overrides = PolicyDraft::default().with(Setting::NodeCap, "1");
    let options = CycleOptions { overrides, ..CycleOptions::new() };
    for _ in 0..6 {
        machine.host.world().advance(seconds(60));
        machine.cycle(&options);
    }
    assert!(machine.replay(&[]).is_the_same());
    insta::assert_snapshot!(told(&machine.replay(&[(Setting::NodeCap, "3")])), @"
    3: now add antnode0002: room for more: 1 of 3 nodes
    add: 1 then, 2 now
    5 of 6 the same
    ");
}

#[derive(Clone, Debug)]
enum Event {
    Minutes(u64),
    Kill(u32),
    Cpu(u8),
    Cap(u32),
    Reboot,
    Wall(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1u64..12).prop_map(Event::Minutes),
        1 => (1u32..5).prop_map(Event::Kill),
        2 => (0u8..100).prop_map(Event::Cpu),
        1 => (0u32..5).prop_map(Event::Cap),
        1 => Just(Event::Reboot),
        1 => (-200_000_000i64..200_000_000).prop_map(Event::Wall),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever happened: the same settings decide the same, by the memory that was recorded and by
    /// the one that is carried.
    #[test]
    fn every_history_replays(events in prop::collection::vec(event(), 1..14)) {
        let settings = |cap: u32| {
            let waits = [Setting::GrowWindow, Setting::PressureGrace, Setting::QuietTime];
            waits.into_iter().fold(capped(cap), |draft, setting| draft.with(setting, "3min"))
        };
        let machine = Machine::new(&settings(4));
        for event in &events {
            match event {
                Event::Minutes(count) => machine.minutes(*count),
                Event::Kill(node) => machine.host.world().kill(id(*node)),
                Event::Cpu(percent) => machine.host.world().foreign_cpu = f64::from(*percent),
                Event::Cap(cap) => drop(machine.store.set_policy(&settings(*cap), Timestamp(1))),
                Event::Reboot => machine.host.world().reboot(),
                Event::Wall(jump) => machine.host.world().wall_ms += jump,
            }
        }
        let report = machine.replay(&[]);
        prop_assert!(report.is_the_same() && report.retold == 0, "{}", told(&report));
        let report = machine.replay(&[(Setting::PressureGrace, "3min")]);
        prop_assert!(report.is_the_same(), "{}", told(&report));
    }
}
