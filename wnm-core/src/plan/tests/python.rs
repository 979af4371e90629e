//! What the Python tool of the same name decides in the same situation, and what this engine does:
//! the same where that is sensible, something else where it is not, and why.
//!
//! Its base: cap 10, 5 of 5 nodes running, CPU 20 %, memory 30 %, disk 40 %, load 1, eight CPUs.

use super::*;

/// A situation: settings beside the base, and what is different from it.
struct Row {
    situation: &'static str,
    python: &'static str,
    settings: &'static [(Setting, &'static str)],
    change: fn(&mut Snapshot),
    ours: &'static str,
    verdict: &'static str,
}

fn base() -> Snapshot {
    let mut snapshot = quiet(5);
    snapshot.machine.cpus = 8;
    snapshot.machine.memory = Some(MemorySample { total: gb(100), available: gb(70) });
    snapshot.machine.load = Some(LoadAverage { one: 1.0, five: 1.0, fifteen: 1.0 });
    snapshot.machine.file_systems.insert(STORAGE.into(), disk(40));
    snapshot
}

/// As long as any wait there is, so that what follows is not held back by it.
fn lasting(snapshot: &mut Snapshot, resource: Resource) {
    snapshot.memory.over.insert(resource, at(90_000));
}

fn cpu(snapshot: &mut Snapshot, percent: f64) {
    snapshot.machine.cpu = Some(Percent(percent));
    lasting(snapshot, Resource::Cpu);
}

fn filled(snapshot: &mut Snapshot, percent: u64) {
    snapshot.machine.file_systems.insert(STORAGE.into(), disk(percent));
    lasting(snapshot, Resource::Disk(STORAGE.into()));
    snapshot.nodes.iter_mut().for_each(|node| node.disk = Some(gb(30)));
}

fn resting(snapshot: &mut Snapshot, numbers: &[u32], want: Want) {
    for number in numbers {
        set(snapshot, *number, stopped(), Some(false));
        snapshot.nodes[*number as usize - 1].record.want = want;
    }
}

fn more(snapshot: &mut Snapshot, nodes: u32) {
    let from = snapshot.nodes.len() as u32 + 1;
    snapshot.nodes.extend((from..=nodes).map(running));
    snapshot.occupied = Ok((1..=nodes).map(id).collect());
}

const NONE: &[(Setting, &str)] = &[];
const FOURS: &[(Setting, &str)] = &[
    (Setting::MaxConcurrentStarts, "4"),
    (Setting::MaxConcurrentRemovals, "4"),
    (Setting::MaxConcurrentOperations, "8"),
];
const ONES: &[(Setting, &str)] =
    &[(Setting::MaxConcurrentStarts, "1"), (Setting::MaxConcurrentOperations, "1")];

fn rows() -> Vec<Row> {
    let row = |situation, python, settings, change, ours, verdict| Row {
        situation,
        python,
        settings,
        change,
        ours,
        verdict,
    };
    const SAME: &str = "same";
    vec![
        row("base", "adds one", NONE, |_| {}, "add antnode0006", SAME),
        row(
            "limits of four",
            "adds four",
            FOURS,
            |_| {},
            "add antnode0006",
            "one at a time until it is known what a node costs here",
        ),
        row(
            "eight of ten, limits of four",
            "adds two",
            FOURS,
            |it| more(it, 8),
            "add antnode0009",
            "one at a time, for the same reason",
        ),
        row(
            "two stopped, limits of four",
            "starts two and adds two",
            FOURS,
            |it| resting(it, &[1, 2], Want::StoppedByPressure),
            "start antnode0001",
            "one at a time, for the same reason; the stopped ones first as well",
        ),
        row("CPU at its grow threshold", "looks", NONE, |it| cpu(it, 50.0), "", SAME),
        row("CPU between the thresholds", "looks", NONE, |it| cpu(it, 60.0), "", SAME),
        row("CPU at its shed threshold", "looks", NONE, |it| cpu(it, 70.0), "", SAME),
        row("CPU above it", "stops one", NONE, |it| cpu(it, 70.1), "stop antnode0005", SAME),
        row(
            "memory above its shed threshold",
            "stops one",
            NONE,
            |it| {
                it.machine.memory =
                    Some(MemorySample { total: gb(100), available: Bytes(24_900_000_000) });
                lasting(it, Resource::Memory);
            },
            "stop antnode0005",
            SAME,
        ),
        row(
            "all loads above their threshold",
            "stops one",
            NONE,
            |it| {
                it.machine.load = Some(LoadAverage { one: 8.1, five: 8.1, fifteen: 8.1 });
                lasting(it, Resource::Load);
            },
            "stop antnode0005",
            SAME,
        ),
        row(
            "only the load of 15 minutes above",
            "stops one",
            NONE,
            |it| {
                it.machine.load = Some(LoadAverage { one: 1.0, five: 1.0, fifteen: 8.1 });
                lasting(it, Resource::Load);
            },
            "",
            "it tells of a past that stopping cannot change",
        ),
        row(
            "disk above 90 %",
            "removes a running one",
            NONE,
            |it| filled(it, 91),
            "retire antnode0005",
            "the same, but it can be taken back for five minutes",
        ),
        row(
            "disk full, one stopped",
            "removes the stopped one",
            NONE,
            |it| {
                filled(it, 95);
                resting(it, &[2], Want::StoppedByPressure);
            },
            "retire antnode0002",
            "the same, but it can be taken back for five minutes",
        ),
        row(
            "eleven, ten allowed",
            "removes one",
            NONE,
            |it| more(it, 11),
            "retire antnode0011",
            SAME,
        ),
        row(
            "eleven, ten allowed, limits of four",
            "removes four",
            FOURS,
            |it| more(it, 11),
            "retire antnode0011",
            "one too many is one",
        ),
        row(
            "CPU at 99 % while versions are outdated",
            "removes one and its data",
            NONE,
            |it| cpu(it, 99.0),
            "stop antnode0005",
            "data is never deleted for CPU",
        ),
        row(
            "CPU at 99 %, only stopped nodes",
            "looks",
            NONE,
            |it| {
                cpu(it, 99.0);
                resting(it, &[1, 2, 3, 4, 5], Want::StoppedByPressure);
            },
            "",
            SAME,
        ),
        row(
            "CPU at 99 % while one is starting, one operation at once",
            "looks",
            ONES,
            |it| {
                cpu(it, 99.0);
                set(it, 1, NodeState::Starting, Some(true));
            },
            "stop antnode0005",
            "shedding is not held back by what is in motion",
        ),
        row(
            "hardly a byte left while one is starting, one operation at once",
            "looks",
            ONES,
            |it| {
                filled(it, 99);
                let system = FileSystemView { free: Bytes(1_000_000_000), ..disk(99) };
                it.machine.file_systems.insert(STORAGE.into(), system);
                set(it, 1, NodeState::Starting, Some(true));
            },
            "remove antnode0005",
            "an emergency waits for nothing",
        ),
        row(
            "one is starting, limits of four",
            "looks",
            FOURS,
            |it| set(it, 1, NodeState::Starting, Some(true)),
            "",
            SAME,
        ),
        row(
            "nine run and one was stopped by pressure, ten allowed",
            "looks, for ever",
            NONE,
            |it| {
                more(it, 10);
                resting(it, &[4], Want::StoppedByPressure);
            },
            "start antnode0004",
            "a stopped node counts, and comes back",
        ),
        row(
            "nine run and one died, ten allowed",
            "looks, for ever",
            NONE,
            |it| {
                more(it, 10);
                resting(it, &[4], Want::Run);
            },
            "start antnode0004",
            "what should run is started again",
        ),
        row(
            "nine run and one is disabled, ten allowed",
            "looks",
            NONE,
            |it| {
                more(it, 10);
                set(it, 10, NodeState::Disabled, Some(false));
                it.nodes[9].record.want = Want::Disabled;
            },
            "add antnode0011",
            "what is left alone does not count",
        ),
        row(
            "only a shed threshold for the network is set",
            "stops one, as if the others were 0",
            &[(Setting::NetioReadRemove, "80MB")],
            |it| it.machine.network = Some(IoRate { read: 5.0, written: 9e9 }),
            "add antnode0006",
            "each threshold stands by itself, and 0 is off",
        ),
        row(
            "three of nine dead, ten allowed, one at once",
            "removes all three",
            NONE,
            |it| {
                more(it, 9);
                for number in 1..=3 {
                    set(it, number, NodeState::Dead, Some(false));
                    it.nodes[number as usize - 1].data_present = Some(false);
                }
            },
            "remove antnode0001",
            "one a cycle: the limit holds here as well",
        ),
        row(
            "rebooted, one dead",
            "looks again at all",
            NONE,
            |it| {
                it.memory.boot = Some(BootId("earlier".into()));
                set(it, 1, NodeState::Dead, Some(false));
                it.nodes[0].data_present = Some(false);
            },
            "remove antnode0001",
            "every cycle looks at all anew, so that nothing waits for another one",
        ),
        row(
            "nothing allowed",
            "removes one a cycle",
            &[(Setting::NodeCap, "0")],
            |_| {},
            "retire antnode0005",
            SAME,
        ),
        row(
            "no program to give to nodes",
            "falls over",
            NONE,
            |it| it.release = Err(Unread { kind: FaultKind::NotFound, why: "none".into() }),
            "",
            "it is said, and nothing falls over",
        ),
    ]
}

#[test]
fn each_situation_of_the_python_tool() {
    let base_draft = draft().with(Setting::NodeCap, "10");
    let mut seen = Vec::new();
    for row in rows() {
        let draft =
            row.settings.iter().fold(base_draft.clone(), |it, (key, text)| it.with(*key, *text));
        let policy = Policy::parse(&draft, &PolicyDraft::default(), 8).unwrap();
        let mut snapshot = base();
        (row.change)(&mut snapshot);
        let Row { situation, python, ours, verdict, .. } = row;
        assert_eq!(acts(&snapshot, &policy), ours, "{situation} (it {python}; {verdict})");
        seen.push(verdict);
    }
    assert_eq!(seen.iter().filter(|verdict| **verdict == "same").count(), 11);
}

#[test]
fn nothing_is_decided_by_one_sample() {
    let policy = Policy::parse(&draft(), &PolicyDraft::default(), 8).unwrap();
    let mut snapshot = base();
    snapshot.machine.cpu = Some(Percent(99.0));
    assert_eq!(acts(&snapshot, &policy), "", "the Python tool stops a node for one second of CPU");
}

#[test]
fn looking_at_a_node_does_not_restart_its_timer() {
    // In the Python tool every look rewrote the time that the timers measure from.
    let mut snapshot = base();
    snapshot.nodes[4].record.phase = Phase::Starting { since: at(200) };
    set(&mut snapshot, 5, NodeState::Starting, Some(true));
    let policy = Policy::parse(&draft(), &PolicyDraft::default(), 8).unwrap();
    let plan = sound(&snapshot, &policy);
    let touched = plan.actions.iter().any(|it| it.action.node() == id(5));
    assert!(!touched && snapshot.nodes[4].record.phase == Phase::Starting { since: at(200) });
}

#[test]
fn a_removal_that_ends_takes_no_second_node_with_it() {
    // Two of one allowed there ended with none: a stale total was one too high.
    let policy = with(draft(), &[(Setting::NodeCap, "1")]);
    let mut snapshot = quiet(2);
    set(&mut snapshot, 2, NodeState::Removing, Some(false));
    let phase = Phase::Removing { since: at(300), cause: Removal::Cap };
    snapshot.nodes[1].record.phase = phase;
    assert_eq!(acts(&snapshot, &policy), "remove antnode0002");
}
