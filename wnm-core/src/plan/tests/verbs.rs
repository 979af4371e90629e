//! Every verb on a node in every state, and what makes a request void.

use super::*;
use crate::model::RecordId;

fn verbs(nodes: Vec<NodeKey>) -> [Verb; 9] {
    let nodes = || nodes.clone();
    [
        Verb::Start { nodes: nodes() },
        Verb::Stop { nodes: nodes() },
        Verb::Restart { nodes: nodes() },
        Verb::Remove { nodes: nodes() },
        Verb::Disable { nodes: nodes() },
        Verb::Enable { nodes: nodes() },
        Verb::Release { nodes: nodes() },
        Verb::Move { nodes: nodes(), storage: STORAGE.into() },
        Verb::Teardown { nodes: nodes() },
    ]
}

/// One node of each kind that a request can meet.
fn kinds() -> Vec<(&'static str, Snapshot)> {
    let kind = |name, state: NodeState, alive, want| {
        let mut snapshot = quiet(1);
        set(&mut snapshot, 1, state, alive);
        snapshot.nodes[0].record.want = want;
        (name, snapshot)
    };
    let mute = NodeState::Mute { missing: "its port".into() };
    let unknown = NodeState::Unknown { why: "no answer".into() };
    let mut kinds = vec![
        kind("running", NodeState::Running, Some(true), Want::Run),
        kind("mute", mute, Some(true), Want::Run),
        kind("starting", NodeState::Starting, Some(true), Want::Run),
        kind("stopped, wanted", stopped(), Some(false), Want::Run),
        kind("stopped by operator", stopped(), Some(false), Want::StoppedByOperator),
        kind("stopped by pressure", stopped(), Some(false), Want::StoppedByPressure),
        kind("runs unwanted", NodeState::Running, Some(true), Want::StoppedByOperator),
        kind("removing", NodeState::Removing, Some(false), Want::Run),
        kind("dead", NodeState::Dead, Some(false), Want::Run),
        kind("unknown", unknown, None, Want::Run),
        kind("disabled", NodeState::Disabled, Some(true), Want::Disabled),
    ];
    for (name, snapshot) in &mut kinds {
        let node = &mut snapshot.nodes[0];
        match *name {
            "removing" => {
                node.record.phase = Phase::Removing { since: at(9), cause: Removal::Disk };
            }
            "dead" => node.data_present = Some(false),
            "unknown" => node.data_present = None,
            _ => {}
        }
    }
    kinds
}

#[test]
fn every_verb_on_a_node_in_every_state() {
    let policy = with(draft(), &[(Setting::NodeCap, "1")]);
    let mut lines = Vec::new();
    for (name, snapshot) in kinds() {
        for verb in verbs(vec![key(1)]) {
            let mut snapshot = snapshot.clone();
            let word = verb.name();
            snapshot.requests = vec![request(1, verb)];
            let plan = plan(&snapshot, &policy, PlanScope::RequestsOnly);
            assert_eq!(check(&plan, &snapshot, &policy), vec![], "{name}, {word}");
            let acts = plan.actions.iter().map(|it| it.action.name().to_owned());
            let refused = plan.report.requests[0].why.iter();
            let refused = refused.map(|why| why.replace("antnode0001: ", "refused: "));
            let found: Vec<String> = acts.chain(refused).collect();
            let found = if found.is_empty() { "so already".into() } else { found.join(" ") };
            lines.push(format!("{name}, {word}: {found}"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    running, start: so already
    running, stop: stop
    running, restart: restart
    running, remove: remove
    running, disable: disable
    running, enable: so already
    running, release: release
    running, move: so already
    running, tear down: remove
    mute, start: so already
    mute, stop: stop
    mute, restart: restart
    mute, remove: remove
    mute, disable: disable
    mute, enable: so already
    mute, release: release
    mute, move: so already
    mute, tear down: remove
    starting, start: so already
    starting, stop: stop
    starting, restart: restart
    starting, remove: remove
    starting, disable: disable
    starting, enable: so already
    starting, release: release
    starting, move: so already
    starting, tear down: remove
    stopped, wanted, start: start
    stopped, wanted, stop: stop
    stopped, wanted, restart: restart
    stopped, wanted, remove: remove
    stopped, wanted, disable: disable
    stopped, wanted, enable: so already
    stopped, wanted, release: refused: it does not run, and what is released goes on as it runs: start it first, or remove it
    stopped, wanted, move: so already
    stopped, wanted, tear down: remove
    stopped by operator, start: start
    stopped by operator, stop: so already
    stopped by operator, restart: restart
    stopped by operator, remove: remove
    stopped by operator, disable: disable
    stopped by operator, enable: so already
    stopped by operator, release: refused: it does not run, and what is released goes on as it runs: start it first, or remove it
    stopped by operator, move: so already
    stopped by operator, tear down: remove
    stopped by pressure, start: start
    stopped by pressure, stop: stop
    stopped by pressure, restart: restart
    stopped by pressure, remove: remove
    stopped by pressure, disable: disable
    stopped by pressure, enable: so already
    stopped by pressure, release: refused: it does not run, and what is released goes on as it runs: start it first, or remove it
    stopped by pressure, move: so already
    stopped by pressure, tear down: remove
    runs unwanted, start: start
    runs unwanted, stop: stop
    runs unwanted, restart: restart
    runs unwanted, remove: remove
    runs unwanted, disable: disable
    runs unwanted, enable: so already
    runs unwanted, release: release
    runs unwanted, move: so already
    runs unwanted, tear down: remove
    removing, start: start
    removing, stop: refused: it is being removed; `start` would take it back
    removing, restart: refused: it is being removed; `start` would take it back
    removing, remove: remove
    removing, disable: refused: it is being removed; `start` would take it back
    removing, enable: so already
    removing, release: refused: it is being removed; `start` would take it back
    removing, move: refused: it is being removed
    removing, tear down: remove
    dead, start: refused: its data is gone; it can only be removed
    dead, stop: refused: its data is gone; it can only be removed
    dead, restart: refused: its data is gone; it can only be removed
    dead, remove: remove
    dead, disable: disable
    dead, enable: so already
    dead, release: refused: its data is gone; it can only be removed
    dead, move: refused: its data is gone; it can only be removed
    dead, tear down: remove
    unknown, start: refused: it could not be observed: no answer
    unknown, stop: refused: it could not be observed: no answer
    unknown, restart: refused: it could not be observed: no answer
    unknown, remove: refused: it could not be observed: no answer
    unknown, disable: disable
    unknown, enable: so already
    unknown, release: refused: it could not be observed: no answer
    unknown, move: refused: it could not be observed: no answer
    unknown, tear down: refused: it could not be observed: no answer
    disabled, start: refused: it is disabled; enable it first
    disabled, stop: refused: it is disabled; enable it first
    disabled, restart: refused: it is disabled; enable it first
    disabled, remove: refused: it is disabled; enable it first
    disabled, disable: so already
    disabled, enable: enable
    disabled, release: refused: it is disabled; enable it first
    disabled, move: refused: it is disabled; enable it first
    disabled, tear down: remove
    ");
}

#[test]
fn a_request_binds_to_the_record_and_not_to_the_number() {
    let policy = with(draft(), &[(Setting::NodeCap, "1")]);
    for verb in verbs(vec![NodeKey { record: RecordId(99), ..key(1) }]) {
        let mut snapshot = quiet(1);
        let word = verb.name();
        snapshot.requests = vec![request(1, verb)];
        let text = planned(&snapshot, &policy);
        assert_eq!(text, "refused: antnode0001: it is gone since it was asked for", "{word}");
    }
}

#[test]
fn additions_keep_to_the_cap_and_to_nothing_else() {
    // Nodes, cap, how many are asked for, how many come.
    let table = [
        (0, "0", 1, 0),
        (0, "1", 1, 1),
        (3, "5", 2, 2),
        (3, "5", 3, 0),
        (3, "5", 0, 0),
        (1000, "1003", 3, 3),
    ];
    for (nodes, cap, count, expected) in table {
        let mut snapshot = quiet(nodes);
        snapshot.machine.cpu = Some(Percent(69.0));
        snapshot.memory.room = None;
        snapshot.memory.last_shed = Some(at(0));
        snapshot.requests = vec![request(1, Verb::Add { count })];
        let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, cap)]));
        let added = plan.actions.iter().filter(|it| it.action.name() == "add").count();
        let refused = !plan.report.requests[0].why.is_empty();
        assert_eq!((added, refused), (expected, count > 0 && expected == 0), "{nodes}, {count}");
    }
}

/// Makes something unreadable.
type Hide = fn(&mut Snapshot, Unread);

#[test]
fn additions_need_a_program_a_survey_and_a_disk() {
    let unread = || Unread { kind: FaultKind::Timeout, why: "no answer".into() };
    let cases: [(&str, Hide); 5] = [
        ("no node program: no answer", |it, unread| it.release = Err(unread)),
        ("free ids and ports are not known: no answer", |it, unread| it.ports = Err(unread)),
        ("free ids and ports are not known: no answer", |it, unread| it.occupied = Err(unread)),
        ("no storage can be used: no answer", |it, unread| {
            it.storage.insert(STORAGE.into(), Err(unread));
        }),
        ("every disk has less than crisis_bytes (2.0 GB) left", |it, _| {
            let nothing = FileSystemView { free: Bytes(2_000_000_000), ..disk(99) };
            it.machine.file_systems.insert(STORAGE.into(), nothing);
        }),
    ];
    for (why, change) in cases {
        let mut snapshot = quiet(0);
        change(&mut snapshot, unread());
        snapshot.requests = vec![request(1, Verb::Add { count: 1 })];
        let text = planned(&snapshot, &policy(&draft()));
        assert!(text.contains(&format!("refused: {why}")) || text.contains(why), "{why}: {text}");
        assert!(!text.starts_with("add"), "{text}");
    }
}

#[test]
fn requests_ignore_thresholds_limits_and_waits() {
    let mut snapshot = quiet(9);
    snapshot.machine.cpu = Some(Percent(99.0));
    for number in 1..=9 {
        set(&mut snapshot, number, stopped(), Some(false));
        snapshot.nodes[number as usize - 1].record.want = Want::StoppedByOperator;
    }
    let ones = [(Setting::MaxConcurrentStarts, "1"), (Setting::MaxConcurrentOperations, "1")];
    snapshot.requests = vec![request(1, Verb::Start { nodes: (1..=9).map(key).collect() })];
    let plan = sound(&snapshot, &with(draft(), &ones));
    assert_eq!(plan.actions.len(), 9);
    snapshot.memory.removals = vec![crate::observe::PastRemoval { at: at(1), disk: false }; 9];
    snapshot.requests = vec![request(1, Verb::Remove { nodes: (1..=9).map(key).collect() })];
    assert_eq!(sound(&snapshot, &with(draft(), &ones)).actions.len(), 9);
}
