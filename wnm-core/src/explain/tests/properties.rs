//! Whatever the machine is like: nothing that was decided, noted or held back goes untold, and no
//! rule says that it acts without having acted.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::explain::{Planned, Ruling};

#[derive(Clone, Debug)]
struct Seen {
    state: u8,
    want: u8,
    phase: u8,
    since: u64,
    deaths: u8,
    size: u8,
}

fn seen() -> impl Strategy<Value = Seen> {
    (0_u8..8, 0_u8..6, 0_u8..8, 0_u64..700, 0_u8..6, 0_u8..3).prop_map(
        |(state, want, phase, since, deaths, size)| Seen {
            state,
            want,
            phase,
            since,
            deaths,
            size,
        },
    )
}

fn node(number: u32, seen: &Seen) -> NodeView {
    let mut record = record(number);
    record.want = match seen.want {
        0 => Want::StoppedByOperator,
        1 => Want::StoppedByPressure,
        2 => Want::Disabled,
        _ => Want::Run,
    };
    let since = at(seen.since);
    record.phase = match seen.phase {
        0 => Phase::Removing { since, cause: Removal::Cap },
        1 => Phase::Removing { since, cause: Removal::Disk },
        2 => Phase::Starting { since },
        3 => Phase::Creating { since },
        _ => Phase::Steady,
    };
    let state = match (&record.phase, record.want, seen.state) {
        (Phase::Removing { .. }, _, _) => NodeState::Removing,
        (_, Want::Disabled, _) => NodeState::Disabled,
        (_, _, 0) => NodeState::Dead,
        (_, _, 1) => NodeState::Unknown { why: "silent".into() },
        (_, _, 2) => NodeState::Mute { missing: "its port".into() },
        (_, _, 3) => stopped(),
        (_, _, 4) => NodeState::Starting,
        _ => NodeState::Running,
    };
    let mut view = NodeView::new(record, state);
    view.disk = (seen.size > 0).then_some(gb(20 * u64::from(seen.size)));
    view.definition_lost = seen.state == 7;
    view
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let machine = (
        prop::option::of(0.0..100.0_f64),
        prop::option::of(0_u64..16),
        prop::option::of(0.0..8.0_f64),
        prop::option::of(0_u64..1000),
    );
    let memory = (
        prop::collection::vec(0_u64..30_000, 4),
        prop::collection::vec((0_u64..90_000, any::<bool>()), 0..6),
        any::<bool>(),
    );
    let asked = prop::option::of(0_u8..5);
    (machine, prop::collection::vec(seen(), 0..9), memory, asked).prop_map(
        |((cpu, available, load, free), nodes, (ages, removals, rebooted), asked)| {
            let mut snapshot = quiet(0);
            snapshot.machine.cpu = cpu.map(Percent);
            snapshot.machine.memory =
                available.map(|available| MemorySample { total: gb(16), available: gb(available) });
            snapshot.machine.load = load.map(|it| LoadAverage { one: it, five: it, fifteen: it });
            match free {
                Some(free) => {
                    let system = FileSystemView::new(1, gb(1000), gb(free));
                    snapshot.machine.file_systems.insert(STORAGE.into(), system);
                }
                None => snapshot.machine.file_systems.clear(),
            }
            for (number, seen) in (1..).zip(&nodes) {
                snapshot.nodes.push(node(number, seen));
                let deaths = (0..seen.deaths).map(|death| at(100 * u64::from(death))).collect();
                let memory = NodeMemory { deaths, ..NodeMemory::default() };
                snapshot.memory.nodes.insert(record(number).record, memory);
            }
            for (resource, age) in [Resource::Cpu, Resource::Memory, disk()].into_iter().zip(&ages)
            {
                snapshot.memory.over.insert(resource, at(*age));
            }
            snapshot.memory.last_stop = Some(at(ages[3]));
            snapshot.memory.removals = removals
                .iter()
                .map(|(ago, disk)| PastRemoval { at: at(*ago), disk: *disk })
                .collect();
            if rebooted {
                snapshot.memory.boot = Some(BootId("a".into()));
            }
            snapshot.requests = asked.map(|verb| request(verb, nodes.len())).into_iter().collect();
            snapshot
        },
    )
}

fn request(verb: u8, count: usize) -> Request {
    let nodes = (1..=count as u32).map(|number| record(number).key()).take(2).collect();
    let verb = match verb {
        0 => Verb::Add { count: 1 },
        1 => Verb::Start { nodes },
        2 => Verb::Stop { nodes },
        3 => Verb::Remove { nodes },
        _ => Verb::Restart { nodes },
    };
    Request { id: RequestId(1), verb, made: Timestamp(0), made_at: at(1) }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        rng_seed: RngSeed::Fixed(20_261_121),
        ..ProptestConfig::default()
    })]

    #[test]
    fn everything_in_a_plan_is_told_once(
        snapshot in snapshot(),
        cap in 0_u32..12,
        mute in any::<bool>(),
        scope in 0_u8..6,
    ) {
        let mute = if mute { "on" } else { "off" };
        let policy = with(&[(Setting::NodeCap, &cap.to_string()), (Setting::RestartMute, mute)]);
        let scope = match scope {
            0 => PlanScope::Nothing,
            1 => PlanScope::RequestsOnly,
            _ => PlanScope::Everything,
        };
        let plan = plan(&snapshot, &policy, scope);
        let explanation = explain(&snapshot, &policy, &plan);
        let rules = &explanation.rules;
        for planned in &plan.actions {
            let planned = Planned::from(planned);
            let told = rules.iter().flat_map(|rule| &rule.actions).filter(|it| **it == planned);
            prop_assert_eq!(told.count(), 1, "{}", planned);
        }
        let count = |of: fn(&crate::explain::Judgement) -> usize| rules.iter().map(of).sum::<usize>();
        prop_assert_eq!(count(|rule| rule.actions.len()), plan.actions.len());
        prop_assert_eq!(count(|rule| rule.blocked.len()), plan.report.blocked.len());
        prop_assert_eq!(count(|rule| rule.notes.len()), plan.report.notes.len());
        for rule in rules {
            let has_acted = !rule.actions.is_empty();
            let may = matches!(rule.rule, Rule::Reboot | Rule::Gap);
            prop_assert!(may || has_acted == (rule.ruling == Ruling::Acts), "{:?}", rule);
            // What holds back growth must not look as if it did not.
            if !rule.blocked.is_empty() {
                let rests = matches!(rule.ruling, Ruling::Rests { .. });
                prop_assert!(!rests, "{:?}", rule);
            }
        }
        let names: Vec<_> = rules.iter().map(|rule| &rule.rule).collect();
        for (at, name) in names.iter().enumerate() {
            prop_assert!(!names[..at].contains(name), "{:?} twice", name);
        }
    }
}
