//! Nodes that keep dying.

use super::*;

fn down(deaths: usize, last_death: u64, last_try: Option<u64>) -> Snapshot {
    let mut snapshot = quiet(1);
    set(&mut snapshot, 1, stopped(), Some(false));
    let memory = NodeMemory {
        deaths: vec![at(last_death); deaths],
        last_try: last_try.map(at),
        ..NodeMemory::default()
    };
    snapshot.memory.nodes.insert(record(1).record, memory);
    snapshot
}

type Change = fn(&mut Snapshot);

fn cap_of_one() -> PolicyDraft {
    draft().with(Setting::NodeCap, "1")
}

#[test]
fn the_pause_doubles_and_then_is_an_hour() {
    let table = [(0, 0), (1, 0), (2, 60), (3, 120), (4, 240), (5, 3600), (6, 3600), (10, 3600)];
    for (deaths, pause) in table {
        for last in [u64::saturating_sub(pause, 1), pause, pause + 1] {
            let snapshot = down(deaths, last, Some(last));
            let heals = !acts(&snapshot, &policy(&cap_of_one())).is_empty();
            let expected = last >= pause;
            assert_eq!(heals, expected, "{deaths} deaths, {last} s ago");
        }
    }
}

#[test]
fn the_first_pause_can_be_set_and_none_ends_it() {
    for (backoff, deaths, pause) in
        [("10s", 2, 10), ("10s", 4, 40), ("30min", 3, 3600), ("2h", 2, 3600), ("10s", 5, 3600)]
    {
        let policy = with(cap_of_one(), &[(Setting::RestartBackoff, backoff)]);
        for (last, heals) in [(pause - 1, false), (pause, true)] {
            let snapshot = down(deaths, last, Some(last));
            assert_eq!(!acts(&snapshot, &policy).is_empty(), heals, "{backoff}, {last} s");
        }
    }
    let policy = with(cap_of_one(), &[(Setting::RestartBackoff, "0s")]);
    assert_eq!(acts(&down(9, 0, Some(0)), &policy), "start antnode0001");
}

#[test]
fn five_deaths_in_an_hour_are_failing() {
    for (deaths, ago, failing) in [(4, 10, false), (5, 10, true), (5, 3599, true), (5, 3600, false)]
    {
        let text = planned(&down(deaths, ago, Some(5)), &policy(&cap_of_one()));
        assert_eq!(text.contains("is failing"), failing, "{deaths} deaths {ago} s ago: {text}");
    }
}

#[test]
fn ten_minutes_of_running_are_a_new_beginning() {
    for (age, deaths) in [(599, 3), (600, 0), (601, 0)] {
        let mut snapshot = down(3, 10, None);
        set(&mut snapshot, 1, NodeState::Running, Some(true));
        snapshot.nodes[0].process_age = Some(Duration::from_secs(age));
        let plan = sound(&snapshot, &policy(&cap_of_one()));
        assert_eq!(plan.memory.nodes[&record(1).record].deaths.len(), deaths, "{age} s");
    }
}

#[test]
fn deaths_are_counted_from_counter_and_process() {
    let process = |pid| Some(ProcessKey { pid, start_ticks: 7 });
    let table = [
        // What was remembered, what is seen, deaths.
        (Some(0), process(1), Some(0), process(1), 0),
        (Some(0), process(1), Some(3), process(2), 3),
        (Some(5), process(1), Some(0), process(2), 1),
        (None, process(1), None, process(2), 1),
        (None, None, None, process(2), 0),
        (Some(1), process(1), None, process(1), 0),
        (Some(0), process(1), Some(400), process(2), 10),
    ];
    for (restarts, before, restarts_now, now, deaths) in table {
        let mut snapshot = quiet(1);
        let memory = NodeMemory { restarts, process: before, alive: true, ..Default::default() };
        snapshot.memory.nodes.insert(record(1).record, memory);
        let node = &mut snapshot.nodes[0];
        (node.restarts, node.process) = (restarts_now, now);
        node.process_age = Some(Duration::from_secs(5));
        let plan = sound(&snapshot, &policy(&cap_of_one()));
        let found = plan.memory.nodes[&record(1).record].deaths.len();
        assert_eq!(found, deaths, "{restarts:?} {before:?} to {restarts_now:?} {now:?}");
    }
}

#[test]
fn what_an_operator_stopped_and_what_a_reboot_ended_did_not_die() {
    let cases: [(&str, Change); 3] = [
        ("wanted", |_| {}),
        ("stopped", |it| it.nodes[0].record.want = Want::StoppedByOperator),
        ("rebooted", |it| it.memory.boot = Some(BootId("earlier".into()))),
    ];
    for ((what, change), deaths) in cases.into_iter().zip([1, 0, 0]) {
        let mut snapshot = quiet(1);
        let memory = NodeMemory { alive: true, ..NodeMemory::default() };
        snapshot.memory.nodes.insert(record(1).record, memory);
        set(&mut snapshot, 1, stopped(), Some(false));
        change(&mut snapshot);
        let plan = sound(&snapshot, &policy(&cap_of_one()));
        assert_eq!(plan.memory.nodes[&record(1).record].deaths.len(), deaths, "{what}");
    }
}
