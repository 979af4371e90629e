//! Managers that number nodes themselves: their next number is taken, or none.

use super::*;
use crate::action::Action;
use crate::model::{NodeSpec, Release};
use crate::observe::Numbering;
use crate::plan::lower;

fn antctl() -> Policy {
    let settings = [(Setting::Manager, "antctl+user"), (Setting::Program, "antnode")];
    with(draft(), &settings)
}

fn counting_to(next: u32, ports: &[u16], nodes: u32) -> Snapshot {
    let mut snapshot = quiet(nodes);
    let ports = ports.iter().copied().collect();
    snapshot.numbering = Some(Ok(Numbering::together(id(next), ports)));
    snapshot
}

/// The ids that are given, or why none is.
fn given(snapshot: &Snapshot, policy: &Policy) -> String {
    let plan = sound(snapshot, policy);
    let ids: Vec<String> = plan.actions.iter().map(|it| it.action.node().to_string()).collect();
    match ids.is_empty() {
        false => ids.join(" "),
        true => plan.report.blocked.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_managers_next_number_is_taken_or_none() {
    let mut said = Vec::new();
    let mut tell = |what: &str, snapshot: &Snapshot| {
        said.push(format!("{what}: {}", given(snapshot, &antctl())));
    };
    tell("the first", &counting_to(1, &[], 0));
    tell("gaps are not filled", &counting_to(5, &[55_002, 13_002], 1));
    let mut snapshot = counting_to(5, &[], 1);
    snapshot.ports = Ok([13_005].into());
    tell("its port is bound", &snapshot);
    tell("its port is kept by a node that is gone", &counting_to(5, &[30_005], 1));
    let mut snapshot = counting_to(5, &[], 1);
    snapshot.occupied = Ok([id(1), id(5)].into());
    tell("a directory is in the way", &snapshot);
    tell("a node is recorded that it has not made", &counting_to(1, &[], 1));
    let mut snapshot = counting_to(5, &[], 1);
    snapshot.numbering = None;
    tell("it says nothing", &snapshot);
    snapshot.numbering = Some(Err(Unread { kind: FaultKind::Garbled, why: "it is half".into() }));
    tell("its word makes no sense", &snapshot);
    insta::assert_snapshot!(said.join("\n"), @"
    the first: antnode0001
    gaps are not filled: antnode0005
    its port is bound: no free ports: the next node of antctl is antnode0005, and port 13005 is in use: free it, or give other ports with port_start, metrics_port_start or rpc_port_start
    its port is kept by a node that is gone: no free ports: the next node of antctl is antnode0005, and port 30005 is in use: free it, or give other ports with port_start, metrics_port_start or rpc_port_start
    a directory is in the way: no free ports: the next node of antctl is antnode0005, and something is called antnode5 already: move away what has this name in /srv/nodes, and in the places of units and containers
    a node is recorded that it has not made: free ids and ports are not known: antnode0001 is recorded, and antctl has not made it yet
    it says nothing: free ids and ports are not known: antctl did not say which number comes next
    its word makes no sense: free ids and ports are not known: it is half
    ");
}

#[test]
fn several_at_once_follow_each_other() {
    let mut snapshot = counting_to(3, &[], 0);
    let verb = Verb::Add { count: 3 };
    let now = snapshot.now.clone();
    snapshot.requests.push(Request {
        id: RequestId(1),
        verb,
        made: now.wall,
        made_at: now.instant.clone(),
    });
    assert_eq!(given(&snapshot, &antctl()), "antnode0003 antnode0004 antnode0005");
}

#[test]
fn such_a_manager_makes_the_node_itself_and_counts_anew_after_a_teardown() {
    let nodes = antctl().nodes;
    let spec = nodes.spec(id(3), nodes.wallets.shares()[0].address, STORAGE.as_ref()).unwrap();
    let node = NodeKey { id: id(3), record: crate::model::RecordId(3) };
    let release: Release = release();
    let steps = |action: &Action, spec: &NodeSpec| {
        let steps: Vec<String> = lower(action, spec).iter().map(ToString::to_string).collect();
        format!("{action}: {}", steps.join(", "))
    };
    let add = Action::Add { spec: Box::new(spec.clone()), release: release.clone(), key: None };
    let start = Action::Start { node, release: Some(release) };
    let blind = Action::Start { node, release: None };
    let remove = Action::Remove { node, cause: Removal::Operator };
    let teardown = Action::Remove { node, cause: Removal::Teardown };
    let systemd = record(3).spec;
    let lines = [
        steps(&add, &spec),
        steps(&start, &spec),
        steps(&blind, &spec),
        steps(&remove, &spec),
        steps(&teardown, &spec),
        steps(&teardown, &systemd),
    ];
    insta::assert_snapshot!(lines.join("\n"), @"
    add antnode0003: have its manager make it, with /opt/ant-node 0.23.1, open 55003/udp, start it
    start antnode0003: check its directory, have its manager make it, with /opt/ant-node 0.23.1, open 55003/udp, start it
    start antnode0003: check its directory, tell its manager, open 55003/udp, start it
    remove antnode0003: stop it, archive its identity, take it from its manager, set its data aside, close 55003/udp, delete its data and logs
    remove antnode0003: stop it, archive its identity, take it from its manager, set its data aside, close 55003/udp, delete its data and logs, let its manager count anew, if no node is left
    remove antnode0003: stop it, archive its identity, take it from its manager, set its data aside, close 55003/udp, delete its data and logs
    ");
}

fn refused(with: &[(Setting, &str)]) -> String {
    let draft = draft().with(Setting::Manager, "antctl+user");
    let draft = draft.with(Setting::Program, "antnode");
    let draft = with.iter().fold(draft, |draft, (setting, text)| draft.with(*setting, *text));
    match Policy::parse(&draft, &PolicyDraft::default(), 4) {
        Ok(_) => "fine".to_owned(),
        Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
    }
}

#[test]
fn what_antctl_would_mangle_is_refused() {
    assert_eq!(refused(&[]), "fine");
    assert_eq!(refused(&[(Setting::StartArgs, "--local --ip 127.0.0.1")]), "fine");
    assert_eq!(refused(&[(Setting::Environment, "'A=b c' B=d")]), "fine");
    assert_eq!(refused(&[(Setting::AntctlVersion, "0.4.17")]), "fine");
    let table = [
        (Setting::Program, "ant-node", "keeps antnode only"),
        (Setting::StartArgs, "--path /x", "`--path` follows from other settings"),
        (Setting::StartArgs, "--port=5", "`--port` follows from other settings"),
        (Setting::NodeStorage, "'/srv/my nodes'", "without quoting"),
        (Setting::LogStorage, "/srv/50%", "without quoting"),
        (Setting::Environment, "A=$HOME", "without quoting"),
        (Setting::AntctlVersion, "newest", "antctl_version"),
    ];
    for (setting, text, rule) in table {
        let said = refused(&[(setting, text)]);
        assert!(said.contains(rule), "{setting} {text}: {said}");
    }
}

#[test]
fn nodes_lie_where_antctl_puts_them() {
    let of = |manager: &str| {
        let draft = draft().with(Setting::Manager, manager);
        let nodes = policy(&draft.with(Setting::Program, "antnode")).nodes;
        let wallet = nodes.wallets.shares()[0].address;
        let spec = nodes.spec(id(7), wallet, STORAGE.as_ref()).unwrap();
        assert!(spec.owns_program(), "{manager}");
        let [data, logs, binary] = [&spec.data, &spec.logs, &spec.binary];
        format!(
            "{} {} {} {} {:?}",
            spec.service(),
            data.display(),
            logs.display(),
            binary.display(),
            spec.ports.rpc
        )
    };
    let placed = "antnode7 /srv/nodes/antnode7 /srv/logs/antnode7 /srv/nodes/antnode7/antnode";
    assert_eq!(of("antctl+user"), format!("{placed} Some(30007)"));
    assert_eq!(of("antctl+sudo"), format!("{placed} Some(30007)"));
    let zen = placed.replace("/srv/logs/antnode7", "/srv/nodes/antnode7/logs");
    assert_eq!(of("antctl+zen"), format!("{zen} Some(30007)"));
}
