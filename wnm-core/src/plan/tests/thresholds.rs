//! Every resource against its thresholds: below, exactly at, above, and not measured.

use super::*;
use crate::observe::Stall;

/// Puts a value, or nothing, in the place where a resource is measured.
type Measure = fn(&mut Snapshot, Option<f64>);

/// A resource with its settings, its grow and its shed threshold, and the step beside them.
struct Row {
    resource: Resource,
    settings: &'static [(Setting, &'static str)],
    grow: f64,
    shed: f64,
    step: f64,
    measure: Measure,
}

fn net(snapshot: &mut Snapshot) -> &mut IoRate {
    snapshot.machine.network.get_or_insert(IoRate { read: 0.0, written: 0.0 })
}

fn io(snapshot: &mut Snapshot) -> &mut IoRate {
    snapshot.machine.disk.get_or_insert(IoRate { read: 0.0, written: 0.0 })
}

fn stall(snapshot: &mut Snapshot) -> &mut Stall {
    snapshot.machine.stall.get_or_insert(Stall { cpu: None, memory: None, io: None })
}

fn rows() -> Vec<Row> {
    let row = |resource, settings, grow, shed, step, measure| Row {
        resource,
        settings,
        grow,
        shed,
        step,
        measure,
    };
    use Setting as S;
    vec![
        row(Resource::Cpu, &[], 50.0, 70.0, 1.0, |it, value| {
            it.machine.cpu = value.map(Percent);
        }),
        row(Resource::Memory, &[], 60.0, 75.0, 1.0, |it, value| {
            let total = Bytes(10_000_000_000);
            let left = |used: f64| Bytes((10_000_000_000.0 - used * 100_000_000.0) as u64);
            it.machine.memory = value.map(|used| MemorySample { total, available: left(used) });
        }),
        row(Resource::Load, &[], 2.4, 4.0, 0.01, |it, value| {
            it.machine.load =
                value.map(|load| LoadAverage { one: load, five: load, fifteen: load });
        }),
        row(
            Resource::DiskRead,
            &[(S::HdioReadLessThan, "50MB"), (S::HdioReadRemove, "80MB")],
            50e6,
            80e6,
            1.0,
            |it, value| match value {
                Some(value) => io(it).read = value,
                None => it.machine.disk = None,
            },
        ),
        row(
            Resource::DiskWrite,
            &[(S::HdioWriteLessThan, "50MB"), (S::HdioWriteRemove, "80MB")],
            50e6,
            80e6,
            1.0,
            |it, value| match value {
                Some(value) => io(it).written = value,
                None => it.machine.disk = None,
            },
        ),
        row(
            Resource::NetRead,
            &[(S::NetioReadLessThan, "50MB"), (S::NetioReadRemove, "80MB")],
            50e6,
            80e6,
            1.0,
            |it, value| match value {
                Some(value) => net(it).read = value,
                None => it.machine.network = None,
            },
        ),
        row(
            Resource::NetWrite,
            &[(S::NetioWriteLessThan, "50MB"), (S::NetioWriteRemove, "80MB")],
            50e6,
            80e6,
            1.0,
            |it, value| match value {
                Some(value) => net(it).written = value,
                None => it.machine.network = None,
            },
        ),
        row(
            Resource::StallCpu,
            &[(S::PsiCpuLessThan, "10"), (S::PsiCpuRemove, "20")],
            10.0,
            20.0,
            1.0,
            |it, value| stall(it).cpu = value,
        ),
        row(
            Resource::StallMemory,
            &[(S::PsiMemoryLessThan, "10"), (S::PsiMemoryRemove, "20")],
            10.0,
            20.0,
            1.0,
            |it, value| stall(it).memory = value,
        ),
        row(
            Resource::StallIo,
            &[(S::PsiIoLessThan, "10"), (S::PsiIoRemove, "20")],
            10.0,
            20.0,
            1.0,
            |it, value| stall(it).io = value,
        ),
    ]
}

fn measured(row: &Row, nodes: u32, value: Option<f64>) -> Snapshot {
    let mut snapshot = quiet(nodes);
    snapshot.memory.over.insert(row.resource.clone(), at(700));
    (row.measure)(&mut snapshot, value);
    snapshot
}

/// `+` grows, `-` stops, `.` neither.
fn verdict(snapshot: &Snapshot, policy: &Policy) -> char {
    let plan = sound(snapshot, policy);
    let names: BTreeSet<&str> = plan.actions.iter().map(|it| it.action.name()).collect();
    match names.into_iter().collect::<Vec<_>>().as_slice() {
        [] => '.',
        ["add"] => '+',
        ["stop"] => '-',
        other => panic!("{other:?}"),
    }
}

#[test]
fn growing_and_shedding_are_strict_for_every_resource() {
    for row in rows() {
        let policy = with(draft(), row.settings);
        let values = [
            row.grow - row.step,
            row.grow,
            row.grow + row.step,
            row.shed - row.step,
            row.shed,
            row.shed + row.step,
        ];
        let seen: String =
            values.map(|value| verdict(&measured(&row, 3, Some(value)), &policy)).iter().collect();
        assert_eq!(seen, "+....-", "{}", row.resource);
    }
}

#[test]
fn what_is_not_measured_neither_grows_nor_sheds_and_is_said() {
    for row in rows() {
        let policy = with(draft(), row.settings);
        let text = planned(&measured(&row, 3, None), &policy);
        let expected = format!("blocked: {} could not be measured yet", row.resource);
        assert_eq!(text, expected);
    }
}

#[test]
fn a_threshold_of_zero_is_off() {
    for row in rows().into_iter().filter(|row| !row.settings.is_empty()) {
        let off = policy(&draft());
        assert_eq!(verdict(&measured(&row, 3, Some(1e12)), &off), '+', "{} off", row.resource);
        let only = |at: usize| with(draft(), &row.settings[at..=at]);
        let seen = |policy: &Policy, value| verdict(&measured(&row, 3, value), policy);
        let (grow, shed) = (only(0), only(1));
        let above = Some(row.shed + row.step);
        assert_eq!((seen(&grow, above), seen(&shed, above)), ('.', '-'), "{}", row.resource);
        let between = Some(row.grow + row.step);
        assert_eq!((seen(&grow, between), seen(&shed, between)), ('.', '+'), "{}", row.resource);
        assert_eq!((seen(&grow, None), seen(&shed, None)), ('.', '+'), "{}", row.resource);
    }
}

#[test]
fn with_none_one_and_a_thousand_nodes() {
    for row in rows() {
        let cap = [(Setting::NodeCap, "1001"), (Setting::DiskPrior, "0")];
        let policy = with(draft(), &[row.settings, &cap].concat());
        for (nodes, stops) in [(0, 0), (1, 1), (49, 1), (100, 2), (1000, 20)] {
            let mut snapshot = measured(&row, nodes, Some(row.shed + row.step));
            for node in &mut snapshot.nodes {
                // So that memory needs as many as everything else.
                node.memory = Some(Bytes(100_000_000 / stops.max(1) as u64));
            }
            let plan = sound(&snapshot, &policy);
            let all_stop = plan.actions.iter().all(|it| it.action.name() == "stop");
            let count = plan.actions.len();
            assert!(all_stop && count == stops, "{}: {count} of {nodes}", row.resource);
            let calm = measured(&row, nodes, Some(row.grow - row.step));
            assert_eq!(verdict(&calm, &policy), '+', "{}: {nodes}", row.resource);
        }
    }
}

#[test]
fn load_grows_below_by_all_and_sheds_above_by_the_short_two() {
    let policy = policy(&draft());
    let (low, high) = (2.39, 4.01);
    let table = [
        (low, low, low, '+'),
        (2.4, low, low, '.'),
        (low, 2.4, low, '.'),
        (low, low, 2.4, '.'),
        (high, low, low, '.'),
        (low, high, low, '.'),
        (low, low, high, '.'),
        (high, low, high, '.'),
        (low, high, high, '.'),
        (high, high, low, '-'),
        (high, 4.0, high, '.'),
        (high, high, high, '-'),
    ];
    for (one, five, fifteen, expected) in table {
        let mut snapshot = quiet(3);
        snapshot.machine.load = Some(LoadAverage { one, five, fifteen });
        snapshot.memory.over.insert(Resource::Load, at(700));
        assert_eq!(verdict(&snapshot, &policy), expected, "{one} {five} {fifteen}");
    }
}

#[test]
fn disks_and_inodes_grow_below_and_remove_above() {
    let policy = with(draft(), &[(Setting::DiskPrior, "1GB")]);
    let table = [(74, "add"), (75, ""), (76, ""), (89, ""), (90, ""), (91, "retire")];
    for (used, expected) in table {
        let mut snapshot = quiet(3);
        snapshot.machine.file_systems.insert(STORAGE.into(), disk(used));
        snapshot.memory.over.insert(Resource::Disk(STORAGE.into()), at(90_000));
        snapshot.nodes.iter_mut().for_each(|node| node.disk = Some(gb(60)));
        let text = acts(&snapshot, &policy);
        assert_eq!(text.split(' ').next(), Some(expected), "{used} %: {text}");
        let mut snapshot = quiet(3);
        let system = FileSystemView { inodes_used: Some(Percent(used as f64)), ..disk(20) };
        snapshot.machine.file_systems.insert(STORAGE.into(), system);
        snapshot.memory.over.insert(Resource::Inodes(STORAGE.into()), at(90_000));
        let text = acts(&snapshot, &policy);
        // Nothing shows which nodes hold the inodes, so none is removed for them.
        let expected = if expected == "retire" { "" } else { expected };
        assert_eq!(text.split(' ').next(), Some(expected), "{used} % of inodes: {text}");
    }
}

#[test]
fn a_file_system_that_counts_no_inodes_is_judged_by_its_space() {
    let mut snapshot = quiet(1);
    let system = FileSystemView { inodes_used: None, ..disk(20) };
    snapshot.machine.file_systems.insert(STORAGE.into(), system);
    assert_eq!(acts(&snapshot, &policy(&draft())), "add antnode0002");
}

#[test]
fn crisis_bytes_and_crisis_memory_are_strict() {
    let policy = policy(&draft());
    for (free, expected) in [
        (1_999_999_999, "remove antnode0003"),
        (2_000_000_000, ""),
        (2_000_000_001, ""),
        (0, "remove antnode0003"),
    ] {
        let mut snapshot = quiet(3);
        let system = FileSystemView { free: Bytes(free), ..disk(99) };
        snapshot.machine.file_systems.insert(STORAGE.into(), system);
        snapshot.nodes.iter_mut().for_each(|node| node.disk = Some(gb(60)));
        assert_eq!(acts(&snapshot, &policy), expected, "{free} B left");
    }
    let (total, two) = (gb(16), 320_000_000);
    for (left, expected) in [(two - 1, "stop antnode0003"), (two, ""), (two + 1, "")] {
        let mut snapshot = quiet(3);
        snapshot.machine.memory = Some(MemorySample { total, available: Bytes(left) });
        assert_eq!(acts(&snapshot, &policy), expected, "{left} B of memory left");
    }
}

/// Shed by what lasts, grow by the highest; the one that decided is shown.
#[test]
fn of_three_averages_the_one_that_decides_is_shown() {
    let band = [(Setting::DesiredLoadAverage, "2"), (Setting::MaxLoadAverageAllowed, "4")];
    let policy = with(draft(), &band);
    let shown = |one: f64, five: f64, fifteen: f64| {
        let mut snapshot = quiet(1);
        snapshot.machine.load = Some(LoadAverage { one, five, fifteen });
        let pressure = crate::plan::Pressure::judge(&snapshot, &policy);
        let load = pressure.get(&Resource::Load).expect("it is judged").clone();
        format!("{:?} {:?}", load.verdict, load.used.expect("it was measured"))
    };
    assert_eq!(shown(1.0, 1.5, 1.2), "Room 1.5");
    assert_eq!(shown(1.0, 1.0, 3.0), "Hold 3.0");
    assert_eq!(shown(9.0, 3.0, 1.0), "Hold 9.0", "it does not last yet");
    assert_eq!(shown(5.0, 9.0, 1.0), "Shed 5.0", "what lasts");
    let nothing = crate::plan::Pressure::judge(&quiet(1), &policy);
    assert!(nothing.get(&Resource::DiskRead).is_none(), "nobody asked for it");
}
