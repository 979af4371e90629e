//! A manager that numbers nodes by itself, and deletes their data by its own decision.

use super::*;
use crate::action::{Action, Step};
use crate::model::NodeSpec;
use crate::observe::Numbering;
use crate::plan::lower;

fn daemon(cap: &str) -> Policy {
    with(draft(), &[(Setting::Manager, "antd+user"), (Setting::NodeCap, cap)])
}

fn next(number: u32) -> Numbering {
    Numbering::together(id(number), BTreeSet::new())
}

fn added(plan: &Plan) -> Vec<&NodeSpec> {
    let specs = plan.actions.iter().filter_map(|it| match &it.action {
        Action::Add { spec, .. } => Some(spec.as_ref()),
        _ => None,
    });
    specs.collect()
}

#[test]
fn a_new_node_gets_the_number_that_the_daemon_gives() {
    let mut snapshot = quiet(1);
    snapshot.numbering = Some(Ok(next(5)));
    snapshot.requests.push(request(1, Verb::Add { count: 2 }));
    let plan = sound(&snapshot, &daemon("3"));
    let place = |it: &&NodeSpec| format!("{} {} {}", it.id, it.data.display(), it.logs.display());
    let made: Vec<String> = added(&plan).iter().map(place).collect();
    let expected = [
        "antnode0005 /srv/nodes/node-5 /srv/logs/node-5/logs",
        "antnode0006 /srv/nodes/node-6 /srv/logs/node-6/logs",
    ];
    assert_eq!(made, expected);
}

#[test]
fn a_key_that_may_be_deleted_is_kept_while_its_node_runs() {
    let mut snapshot = quiet(2);
    snapshot.nodes[1].key_at_risk = true;
    let text = planned(&snapshot, &daemon("2"));
    assert_eq!(text, "mend antnode0002: its key is not in the archive yet");
    set(&mut snapshot, 2, NodeState::Unknown { why: "silence".into() }, None);
    assert!(!planned(&snapshot, &daemon("2")).contains("mend"), "what is not seen is left alone");
}

/// A program or a log directory that is gone would otherwise keep the key from the archive, each cycle.
#[test]
fn nothing_stands_between_a_key_at_risk_and_the_archive() {
    let mut snapshot = quiet(2);
    snapshot.nodes[1].key_at_risk = true;
    let plan = sound(&snapshot, &daemon("2"));
    let mut spec = snapshot.nodes[1].record.spec.clone();
    spec.manager = "antd+user".parse().unwrap();
    let steps = lower(&plan.actions[0].action, &spec);
    assert_eq!(steps.first(), Some(&Step::Archive), "{steps:?}");
    let systemds = lower(&plan.actions[0].action, &snapshot.nodes[1].record.spec);
    assert!(!systemds.contains(&Step::Archive), "{systemds:?}");
}

#[test]
fn an_evicted_node_is_told_of_and_keeps_its_place() {
    for state in [NodeState::Dead, stopped()] {
        let mut snapshot = quiet(2);
        snapshot.numbering = Some(Ok(next(3)));
        snapshot.nodes[1].data_present = Some(state != NodeState::Dead);
        set(&mut snapshot, 2, state, Some(false));
        snapshot.nodes[1].evicted = true;
        let text = planned(&snapshot, &daemon("2"));
        assert!(text.starts_with("note: antnode0002 was EVICTED: "), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        let held = planned(&snapshot, &daemon("3"));
        assert!(held.contains("antnode0002 was evicted from /srv/nodes: make room"), "{held}");
        // An operator has the last word.
        snapshot.requests.push(request(1, Verb::Remove { nodes: vec![key(2)] }));
        assert_eq!(acts(&snapshot, &daemon("2")), "remove antnode0002");
    }
}
