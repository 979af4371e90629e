//! The status table: every row of what was set in motion × what is seen × how long ago.

use super::*;
use crate::observe::{
    EndpointReading, NodeReading, ProcessReading, ProcessState, UnitReading, UnitState, settle,
};

fn unit(state: UnitState, pid: Option<u32>) -> UnitReading {
    UnitReading { state, pid, restarts: None, invocation: None, definition_lost: false }
}

fn process(age_s: u64) -> ProcessReading {
    ProcessReading {
        state: ProcessState::Alive,
        key: Some(ProcessKey { pid: 7, start_ticks: 1 }),
        age_ms: Some(age_s * 1000),
        memory: None,
        cpu_ms: None,
        port_bound: Some(true),
    }
}

/// A node that runs and shows every sign of life.
fn healthy() -> NodeReading {
    NodeReading {
        unit: Ok(unit(UnitState::Running, Some(7))),
        process: Some(Ok(process(5_000))),
        endpoint: Some(EndpointReading::Alive),
        facts: NodeFacts::default(),
        data: Ok(true),
        disk: None,
        installed: None,
        key_at_risk: false,
    }
}

fn silent() -> Unread {
    Unread { kind: FaultKind::Timeout, why: "silence".into() }
}

fn seen(want: Want, phase: Phase, reading: Option<&NodeReading>, creating: bool) -> String {
    let mut record = record(1);
    (record.want, record.phase) = (want, phase);
    let seen = settle(
        &record,
        reading,
        Going { creating, ..Going::default() },
        &policy(&draft()).delays,
        &quiet(0).now,
    );
    format!("{} {:?}", seen.state.name(), seen.alive)
}

#[test]
fn what_is_seen_of_a_steady_node() {
    use UnitState::{Activating, Failed, Missing, Running, Stopped, Stopping};
    let with_unit = |state, pid: Option<u32>| {
        let process = pid.map(|_| Ok(process(5_000)));
        NodeReading { unit: Ok(unit(state, pid)), process, ..healthy() }
    };
    let with_process =
        |process: ProcessReading| NodeReading { process: Some(Ok(process)), ..healthy() };
    let gone = ProcessReading { state: ProcessState::Gone, ..process(0) };
    let unbound = |age| ProcessReading { port_bound: Some(false), ..process(age) };
    let ageless = ProcessReading { age_ms: None, port_bound: Some(false), ..process(0) };
    let refused = || Some(EndpointReading::Silent { why: "refused".into() });
    let late = |age| NodeReading { endpoint: refused(), ..with_process(process(age)) };
    let table = [
        ("healthy", healthy(), "running Some(true)"),
        ("no endpoint", NodeReading { endpoint: None, ..healthy() }, "running Some(true)"),
        ("port not bound, 299 s", with_process(unbound(299)), "running Some(true)"),
        ("port not bound, 300 s", with_process(unbound(300)), "mute Some(true)"),
        ("port not bound, 301 s", with_process(unbound(301)), "mute Some(true)"),
        ("port not bound, age unknown", with_process(ageless), "running Some(true)"),
        (
            "port cannot be seen",
            with_process(ProcessReading { port_bound: None, ..process(900) }),
            "running Some(true)",
        ),
        ("endpoint refuses, 299 s", late(299), "running Some(true)"),
        ("endpoint refuses, 300 s", late(300), "mute Some(true)"),
        ("process gone", with_process(gone), "stopped Some(false)"),
        (
            "process cannot be read",
            NodeReading { process: Some(Err(silent())), ..healthy() },
            "running Some(true)",
        ),
        ("unit stopped", with_unit(Stopped, None), "stopped Some(false)"),
        ("unit failed", with_unit(Failed, None), "stopped Some(false)"),
        ("unit missing", with_unit(Missing, None), "stopped Some(false)"),
        ("unit waits to restart", with_unit(Activating, None), "stopped Some(false)"),
        ("unit starts", with_unit(Activating, Some(7)), "running Some(true)"),
        ("unit stops", with_unit(Stopping, Some(7)), "running Some(true)"),
        ("unit runs, no process", with_unit(Running, None), "running Some(true)"),
        ("manager silent", NodeReading { unit: Err(silent()), ..healthy() }, "unknown None"),
        (
            "storage not there",
            NodeReading { data: Err(silent()), ..healthy() },
            "unknown Some(true)",
        ),
        ("data gone", NodeReading { data: Ok(false), ..healthy() }, "dead Some(true)"),
        (
            "data gone, unit missing",
            NodeReading { data: Ok(false), ..with_unit(Missing, None) },
            "dead Some(false)",
        ),
        (
            "data gone, manager silent",
            NodeReading { data: Ok(false), unit: Err(silent()), ..healthy() },
            "unknown None",
        ),
    ];
    for (what, reading, expected) in table {
        let found = seen(Want::Run, Phase::Steady, Some(&reading), false);
        assert_eq!(found, expected, "{what}");
    }
    assert_eq!(seen(Want::Run, Phase::Steady, None, false), "unknown None", "not looked at");
}

#[test]
fn phases_end_by_themselves_and_silence_overrides_them() {
    let starting = |ago| Phase::Starting { since: at(ago) };
    let removing = Phase::Removing { since: at(90_000), cause: Removal::Cap };
    let creating = Phase::Creating { since: at(9) };
    let mut down = healthy();
    (down.unit, down.process) = (Ok(unit(UnitState::Stopped, None)), None);
    let quiet = NodeReading { unit: Err(silent()), ..healthy() };
    let gone = NodeReading { data: Ok(false), ..down.clone() };
    let table = [
        (Want::Run, starting(0), &down, false, "starting Some(false)"),
        (Want::Run, starting(299), &down, false, "starting Some(false)"),
        (Want::Run, starting(300), &down, false, "stopped Some(false)"),
        (Want::Run, starting(301), &healthy(), false, "running Some(true)"),
        (Want::Run, starting(10), &quiet, false, "unknown None"),
        (Want::Run, starting(10), &gone, false, "dead Some(false)"),
        (Want::Run, removing.clone(), &healthy(), false, "removing Some(true)"),
        (Want::Run, removing.clone(), &quiet, false, "removing None"),
        (Want::Run, removing.clone(), &gone, false, "removing Some(false)"),
        (Want::Run, creating.clone(), &gone, true, "starting Some(false)"),
        (Want::Run, creating.clone(), &gone, false, "dead Some(false)"),
        (Want::Run, creating.clone(), &down, false, "stopped Some(false)"),
        (Want::Run, creating, &quiet, true, "unknown None"),
        (Want::Disabled, Phase::Steady, &healthy(), false, "disabled Some(true)"),
        (Want::Disabled, Phase::Steady, &quiet, false, "disabled None"),
        (Want::Disabled, Phase::Steady, &gone, false, "disabled Some(false)"),
        (Want::Disabled, removing, &down, false, "removing Some(false)"),
        (Want::StoppedByOperator, Phase::Steady, &healthy(), false, "running Some(true)"),
        (Want::StoppedByPressure, Phase::Steady, &down, false, "stopped Some(false)"),
    ];
    for (row, (want, phase, reading, creating, expected)) in table.into_iter().enumerate() {
        assert_eq!(seen(want, phase, Some(reading), creating), expected, "row {row}");
    }
}

/// A node that was given another program is upgrading while that is young and its process lives; one
/// that gives itself another program also between its old process and its new one.
#[test]
fn an_upgrade_is_young_and_alive_or_it_is_something_else() {
    let with_unit = |state, pid: Option<u32>| {
        let process = pid.map(|_| Ok(process(5_000)));
        NodeReading { unit: Ok(unit(state, pid)), process, ..healthy() }
    };
    let other_boot = Instant { boot: BootId("a".into()), ..at(10) };
    let (alive, waits) = (healthy(), with_unit(UnitState::Activating, None));
    let down = with_unit(UnitState::Stopped, None);
    let silent = NodeReading { unit: Err(silent()), ..healthy() };
    let table = [
        ("given 299 s ago", Some(at(299)), false, &alive, "upgrading Some(true)"),
        ("given 300 s ago", Some(at(300)), false, &alive, "running Some(true)"),
        ("given 301 s ago", Some(at(301)), false, &alive, "running Some(true)"),
        ("given before the boot", Some(other_boot), false, &alive, "running Some(true)"),
        ("given, and stopped", Some(at(10)), false, &down, "stopped Some(false)"),
        ("given, and its manager waits", Some(at(10)), false, &waits, "stopped Some(false)"),
        ("given, and silence", Some(at(10)), false, &silent, "unknown None"),
        ("by itself", None, true, &alive, "upgrading Some(true)"),
        ("by itself, its manager waits", None, true, &waits, "upgrading Some(false)"),
        ("by itself, and stopped", None, true, &down, "stopped Some(false)"),
        ("neither", None, false, &waits, "stopped Some(false)"),
    ];
    for (what, given, upgrading_itself, reading, expected) in table {
        let mut record = record(1);
        record.upgrade = given.map(|since| Upgrade { since, ..on_trial() });
        let going = Going { creating: false, upgrading_itself };
        let delays = &policy(&draft()).delays;
        let seen = settle(&record, Some(reading), going, delays, &quiet(0).now);
        assert_eq!(format!("{} {:?}", seen.state.name(), seen.alive), expected, "{what}");
    }
}

#[test]
fn why_a_node_does_not_run_is_said() {
    let why = |state, pid: Option<u32>| {
        let gone = ProcessReading { state: ProcessState::Gone, ..process(0) };
        let process = pid.map(|_| Ok(gone));
        let reading = NodeReading { unit: Ok(unit(state, pid)), process, ..healthy() };
        let delays = &policy(&draft()).delays;
        match settle(&record(1), Some(&reading), Going::default(), delays, &quiet(0).now).state {
            NodeState::Stopped { why } => why,
            other => other.name().to_owned(),
        }
    };
    assert_eq!(why(UnitState::Missing, None), "its manager knows nothing of it");
    assert_eq!(why(UnitState::Failed, None), "its manager has given up on it");
    assert_eq!(why(UnitState::Evicted, None), "its manager deleted its data to save a disk");
    assert_eq!(why(UnitState::Activating, None), "its manager waits to start it again");
    assert_eq!(why(UnitState::Running, Some(7)), "its process is gone");
    assert_eq!(why(UnitState::Stopped, None), "it does not run");
}

#[test]
fn mute_nodes_count_as_running_and_are_restarted_only_on_demand() {
    let mute = || NodeState::Mute { missing: "its UDP port is not bound".into() };
    let mut snapshot = quiet(3);
    set(&mut snapshot, 2, mute(), Some(true));
    let settings = |text| [(Setting::NodeCap, "3"), (Setting::RestartMute, text)];
    assert_eq!(acts(&snapshot, &with(draft(), &settings("off"))), "");
    assert_eq!(acts(&snapshot, &with(draft(), &settings("on"))), "restart antnode0002");
    snapshot.nodes[1].record.want = Want::StoppedByOperator;
    assert_eq!(acts(&snapshot, &with(draft(), &settings("on"))), "", "nobody wants it to run");
    snapshot.nodes[1].record.want = Want::Run;
    snapshot.machine.cpu = Some(Percent(80.0));
    snapshot.memory.over.insert(Resource::Cpu, at(700));
    snapshot.nodes[1].record.created = Timestamp(9_000_000_000_000);
    let policy = with(draft(), &settings("off"));
    assert_eq!(acts(&snapshot, &policy), "stop antnode0002", "it counts as running");
}

#[test]
fn a_thousand_unknown_nodes_are_left_alone_and_each_is_said() {
    let mut snapshot = quiet(1000);
    for number in 1..=1000 {
        let unknown = NodeState::Unknown { why: "no answer".into() };
        set(&mut snapshot, number, unknown, None);
    }
    let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, "0")]));
    assert_eq!((plan.actions.len(), plan.report.notes.len()), (0, 1000));
}
