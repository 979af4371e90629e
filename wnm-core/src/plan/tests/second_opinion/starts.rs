//! How many are started at once.

use super::*;

/// So many nodes of which the last is being started, and this many are added and brought back.
fn starting(
    settings: &[(Setting, &str)],
    change: Change<'_>,
    (growth, recovery): (u32, u32),
) -> String {
    let policy = with(draft().with(Setting::NodeCap, "1000"), settings);
    let mut snapshot = quiet(40);
    for number in 21..=40 {
        set(&mut snapshot, number, stopped(), Some(false));
    }
    change(&mut snapshot);
    let mut made = plan(&snapshot, &policy, PlanScope::Nothing);
    made.memory.cost = snapshot.memory.cost.clone();
    let added = (41..41 + growth).map(|number| (add(number), room()));
    let back = (21..21 + recovery).map(|number| (start(number), Reason::Down { deaths: 1 }));
    made.actions =
        added.chain(back).map(|(action, reason)| PlannedAction { action, reason }).collect();
    said(&made, &snapshot, &policy)
}

fn learned(snapshot: &mut Snapshot) {
    snapshot.memory.cost = super::super::capacity::learned();
}

#[test]
fn no_more_are_started_at_once_than_may() {
    let two = |it: &mut Snapshot| {
        learned(it);
        it.nodes.truncate(2);
    };
    let in_motion = |it: &mut Snapshot| {
        learned(it);
        set(it, 20, NodeState::Starting, Some(true));
    };
    let cpus = |cpus: u32| {
        move |it: &mut Snapshot| {
            learned(it);
            it.machine.cpus = cpus;
        }
    };
    let three = [(Setting::MaxConcurrentStarts, "3")];
    let one = [(Setting::MaxConcurrentStarts, "1")];
    let busy = |it: &mut Snapshot| {
        learned(it);
        it.machine.cpu = Some(Percent(99.0));
        it.memory.over.insert(Resource::Cpu, at(9000));
    };
    let full = |it: &mut Snapshot| {
        learned(it);
        let system = FileSystemView { device: 2, ..super::super::disk(99) };
        it.machine.file_systems.insert("/mnt/b".into(), system);
        it.storage.insert("/mnt/b".into(), Ok(()));
    };
    let text = rows([
        ("half the CPUs", starting(&[], &learned, (2, 0))),
        ("more", starting(&[], &learned, (3, 0))),
        ("one is starting", starting(&[], &in_motion, (1, 0))),
        ("one is starting, two more", starting(&[], &in_motion, (2, 0))),
        ("a single CPU", starting(&[], &cpus(1), (1, 0))),
        ("a single CPU, two", starting(&[], &cpus(1), (2, 0))),
        ("hundred CPUs, 16", starting(&[], &cpus(100), (16, 0))),
        ("hundred CPUs, 17", starting(&[], &cpus(100), (17, 0))),
        (
            "as many as run",
            starting(
                &[],
                &|it| {
                    two(it);
                    it.machine.cpus = 100;
                },
                (2, 0),
            ),
        ),
        (
            "more than run",
            starting(
                &[],
                &|it| {
                    two(it);
                    it.machine.cpus = 100;
                },
                (3, 0),
            ),
        ),
        ("recovery, twenty", starting(&[], &learned, (0, 20))),
        ("recovery, three of three", starting(&three, &learned, (0, 3))),
        ("recovery, four of three", starting(&three, &learned, (0, 4))),
        ("both, three of three", starting(&three, &learned, (1, 2))),
        ("both, four of three", starting(&three, &learned, (2, 2))),
        ("recovery, and one is starting", starting(&three, &in_motion, (0, 3))),
        (
            "none, two are starting",
            starting(
                &one,
                &|it| {
                    in_motion(it);
                    set(it, 19, NodeState::Starting, Some(true));
                },
                (0, 0),
            ),
        ),
        ("recovery while nodes are shed", starting(&[], &busy, (0, 1))),
        ("growth while nodes are shed", starting(&[], &busy, (1, 0))),
        ("nothing while nodes are shed", starting(&[], &busy, (0, 0))),
        ("recovery while a disk is full", starting(&[], &full, (0, 1))),
        (
            "growth of one, one may",
            starting(&[(Setting::MaxConcurrentStarts, "1")], &learned, (1, 0)),
        ),
        (
            "growth of two, one may",
            starting(&[(Setting::MaxConcurrentStarts, "1")], &learned, (2, 0)),
        ),
    ]);
    insta::assert_snapshot!(text, @"
    half the CPUs:
    more: 3 nodes starting at once, 2 allowed
    one is starting:
    one is starting, two more: 3 nodes starting at once, 2 allowed
    a single CPU:
    a single CPU, two: 2 nodes starting at once, 1 allowed
    hundred CPUs, 16:
    hundred CPUs, 17: 17 nodes starting at once, 16 allowed
    as many as run:
    more than run: 3 nodes starting at once, 2 allowed
    recovery, twenty: 20 nodes starting at once, 2 allowed
    recovery, three of three:
    recovery, four of three: 4 nodes starting at once, 3 allowed
    both, three of three:
    both, four of three: 4 nodes starting at once, 3 allowed
    recovery, and one is starting: 4 nodes starting at once, 3 allowed
    none, two are starting:
    recovery while nodes are shed: 1 nodes started, and there is no room for so many: cpu is 99.0 %, a node takes 0.0 %, 70.0 % may be used
    growth while nodes are shed: antnode0041 would be added under pressure; 1 nodes started, and there is no room for so many: cpu is 99.0 %, a node takes 0.0 %, 70.0 % may be used
    nothing while nodes are shed:
    recovery while a disk is full:
    growth of one, one may:
    growth of two, one may: 2 nodes starting at once, 1 allowed
    ");
}

#[test]
fn growth_waits_for_what_is_not_known_yet() {
    let latest = |boot: &str| {
        let tried = Instant { boot: BootId(boot.into()), ..at(60) };
        move |it: &mut Snapshot| {
            learned(it);
            it.memory.nodes.entry(key(40).record).or_default().last_try = Some(tried.clone());
        }
    };
    let grew = |ago: u64| move |it: &mut Snapshot| it.memory.last_growth = Some(at(ago));
    let early = |change: fn(&mut crate::observe::LearnedCost)| {
        move |it: &mut Snapshot| {
            learned(it);
            change(&mut it.memory.cost);
        }
    };
    let learn_time = policy(&draft()).stability.learn_time.as_secs();
    let text = rows([
        ("the latest is down, one more", starting(&[], &latest("b"), (1, 0))),
        ("the latest is down, two more", starting(&[], &latest("b"), (2, 0))),
        ("the latest is down, tried before the boot", starting(&[], &latest("a"), (2, 0))),
        (
            "the latest is down and not wanted",
            starting(
                &[],
                &|it| {
                    latest("b")(it);
                    it.nodes[39].record.want = Want::StoppedByOperator;
                },
                (2, 0),
            ),
        ),
        ("nothing learned, one", starting(&[], &all_is_well, (1, 0))),
        ("nothing learned, two", starting(&[], &all_is_well, (2, 0))),
        ("nothing learned, none but recovery", starting(&[], &grew(9), (0, 2))),
        ("nothing learned, one lately", starting(&[], &grew(learn_time - 1), (1, 0))),
        ("nothing learned, one some time ago", starting(&[], &grew(learn_time), (1, 0))),
        ("not looked at for long enough", starting(&[], &early(|it| it.observed_s -= 1.0), (2, 0))),
        ("CPU not learned", starting(&[], &early(|it| it.running.cpu = None), (2, 0))),
        ("memory not learned", starting(&[], &early(|it| it.running.memory = None), (2, 0))),
        ("load not learned", starting(&[], &early(|it| it.running.load = None), (2, 0))),
        ("start not learned", starting(&[], &early(|it| it.starting.cpu = None), (2, 0))),
        (
            "memory at start not learned",
            starting(&[], &early(|it| it.starting.memory = None), (2, 0)),
        ),
    ]);
    insta::assert_snapshot!(text, @"
    the latest is down, one more:
    the latest is down, two more: 2 nodes starting at once, 1 allowed
    the latest is down, tried before the boot:
    the latest is down and not wanted:
    nothing learned, one:
    nothing learned, two: 2 nodes starting at once, 1 allowed
    nothing learned, none but recovery:
    nothing learned, one lately: 1 nodes starting at once, 0 allowed
    nothing learned, one some time ago:
    not looked at for long enough: 2 nodes starting at once, 1 allowed
    CPU not learned: 2 nodes starting at once, 1 allowed
    memory not learned: 2 nodes starting at once, 1 allowed
    load not learned: 2 nodes starting at once, 1 allowed
    start not learned: 2 nodes starting at once, 1 allowed
    memory at start not learned: 2 nodes starting at once, 1 allowed
    ");
}

#[test]
fn as_many_are_started_as_fit() {
    let with_cpu = |used: f64, each: f64| {
        move |it: &mut Snapshot| {
            learned(it);
            it.machine.cpus = 100;
            it.machine.cpu = Some(Percent(used));
            if let Some(cpu) = &mut it.memory.cost.running.cpu {
                cpu.mean = each;
            }
        }
    };
    let with_memory = |available: u64, each: f64| {
        move |it: &mut Snapshot| {
            with_cpu(20.0, 0.0)(it);
            it.machine.memory = Some(MemorySample { total: gb(100), available: gb(available) });
            if let Some(memory) = &mut it.memory.cost.running.memory {
                memory.mean = each;
            }
        }
    };
    let with_load = |one: f64, five: f64, each: f64| {
        move |it: &mut Snapshot| {
            with_cpu(20.0, 0.0)(it);
            it.machine.load = Some(LoadAverage { one, five, fifteen: 0.0 });
            if let Some(load) = &mut it.memory.cost.running.load {
                load.mean = each;
            }
        }
    };
    let gigabyte = 1_000_000_000.0;
    let text = rows([
        ("two of 10 % at 20 %", starting(&[], &with_cpu(20.0, 10.0), (2, 0))),
        ("four of 10 % at 20 %", starting(&[], &with_cpu(20.0, 10.0), (4, 0))),
        ("one of 90 % at 20 %", starting(&[], &with_cpu(20.0, 90.0), (1, 0))),
        ("recovery, four of 10 % at 20 %", starting(&[], &with_cpu(20.0, 10.0), (0, 4))),
        ("recovery, seven of 10 % at 20 %", starting(&[], &with_cpu(20.0, 10.0), (0, 7))),
        ("two of 5 GB at 70 GB free", starting(&[], &with_memory(70, 5.0 * gigabyte), (2, 0))),
        ("two of 5 GB at 45 GB free", starting(&[], &with_memory(45, 5.0 * gigabyte), (2, 0))),
        ("two of load 0.5 at 0.5", starting(&[], &with_load(0.5, 0.5, 0.5), (2, 0))),
        ("two of load 50 at 0.5", starting(&[], &with_load(0.5, 0.5, 50.0), (2, 0))),
        ("the lower load of two counts", starting(&[], &with_load(90.0, 0.5, 0.5), (2, 0))),
    ]);
    insta::assert_snapshot!(text, @"
    two of 10 % at 20 %:
    four of 10 % at 20 %: 4 nodes started, and there is no room for so many: cpu is 20.0 %, a node takes 10.0 %, 40.0 % may be used
    one of 90 % at 20 %:
    recovery, four of 10 % at 20 %:
    recovery, seven of 10 % at 20 %: 7 nodes started, and there is no room for so many: cpu is 20.0 %, a node takes 10.0 %, 70.0 % may be used
    two of 5 GB at 70 GB free:
    two of 5 GB at 45 GB free: 2 nodes started, and there is no room for so many: memory is 55.0 %, a node takes 5.0 %, 48.0 % may be used
    two of load 0.5 at 0.5:
    two of load 50 at 0.5: 2 nodes started, and there is no room for so many: load is 0.50, a node takes 50.00, 1.92 may be used
    the lower load of two counts:
    ");
}
