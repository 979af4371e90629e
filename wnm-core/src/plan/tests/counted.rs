//! Containers that count their nodes by themselves: a node is a container and a number in it.

use std::collections::BTreeMap;

use super::*;
use crate::action::Action;
use crate::model::NodeSpec;
use crate::observe::{Ledger, Numbering, Readings, StorageReading, snapshot};

fn settings() -> Policy {
    let settings = [
        (Setting::Manager, "docker-antctl+user"),
        (Setting::Program, "antnode"),
        (Setting::MaxNodesPerContainer, "3"),
        (Setting::MinContainerCount, "2"),
        (Setting::NodeCap, "100"),
    ];
    with(draft(), &settings)
}

/// What each container says comes next; 0: it does not say.
fn counting(next: &[(u32, u32)], ports: &[u16]) -> Numbering {
    let said = |number: u32| match number {
        0 => Err(Unread { kind: FaultKind::Garbled, why: "its registry is half".into() }),
        number => Ok(id(number)),
    };
    let containers: BTreeMap<_, _> =
        next.iter().map(|(at, next)| (format!("wnm-nodes-{at}"), said(*next))).collect();
    let ports = ports.iter().copied().collect();
    Numbering { containers, ..Numbering::together(id(1), ports) }
}

fn added(snapshot: &mut Snapshot, count: u32) -> String {
    snapshot.requests = vec![request(1, Verb::Add { count })];
    let plan = plan(snapshot, &settings(), PlanScope::RequestsOnly);
    assert_eq!(check(&plan, snapshot, &settings()), vec![]);
    let specs = plan.actions.iter().filter_map(|it| match &it.action {
        Action::Add { spec, .. } => Some(place(spec)),
        _ => None,
    });
    let specs: Vec<String> = specs.collect();
    match specs.is_empty() {
        false => specs.join(", "),
        true => plan.report.requests.iter().flat_map(|it| it.why.clone()).collect(),
    }
}

fn place(spec: &NodeSpec) -> String {
    let root = format!("/srv/nodes/{}", spec.container.as_deref().unwrap());
    assert_eq!(spec.storage.display().to_string(), root);
    assert_eq!(spec.data, spec.storage.join(spec.service()));
    format!("{} {}/{}", spec.id.number(), spec.container.as_deref().unwrap(), spec.service())
}

fn quiet_with(numbering: Numbering) -> Snapshot {
    let mut snapshot = quiet(0);
    snapshot.numbering = Some(Ok(numbering));
    snapshot
}

fn kept(number: u32) -> NodeView {
    let nodes = settings().nodes;
    let mut node = running(number);
    let wallet = nodes.wallets.shares()[0].address;
    node.record.spec = nodes.spec(id(number), wallet, STORAGE.as_ref()).unwrap();
    node
}

#[test]
fn each_container_gives_its_own_next_number() {
    let mut said = Vec::new();
    let mut tell = |what: &str, mut snapshot: Snapshot, count: u32| {
        said.push(format!("{what}: {}", added(&mut snapshot, count)));
    };
    tell("the first ones", quiet_with(counting(&[], &[])), 5);
    tell("others were there", quiet_with(counting(&[(1, 7)], &[])), 3);
    tell("a port is kept", quiet_with(counting(&[(1, 2)], &[55_001])), 1);
    tell("one does not say", quiet_with(counting(&[(1, 0)], &[])), 2);
    let mut snapshot = quiet_with(counting(&[(1, 2), (2, 2)], &[]));
    snapshot.nodes = vec![kept(1), kept(4)];
    tell("both have one", snapshot.clone(), 2);
    snapshot.numbering = Some(Ok(counting(&[(1, 1), (2, 2)], &[])));
    tell("one is recorded and not made", snapshot.clone(), 1);
    snapshot.numbering = None;
    tell("nobody says", snapshot, 1);
    insta::assert_snapshot!(said.join("\n"), @"
    the first ones: 1 wnm-nodes-1/antnode1, 4 wnm-nodes-2/antnode1, 2 wnm-nodes-1/antnode2, 5 wnm-nodes-2/antnode2, 3 wnm-nodes-1/antnode3
    others were there: 1 wnm-nodes-1/antnode7, 4 wnm-nodes-2/antnode1, 2 wnm-nodes-1/antnode8
    a port is kept: 2 wnm-nodes-1/antnode2
    one does not say: 4 wnm-nodes-2/antnode1, 7 wnm-nodes-3/antnode1
    both have one: 2 wnm-nodes-1/antnode2, 5 wnm-nodes-2/antnode2
    one is recorded and not made: 5 wnm-nodes-2/antnode2
    nobody says: free ids and ports are not known: docker-antctl did not say which number comes next
    ");
}

#[test]
fn what_directories_in_containers_are_called_says_nothing_of_ids() {
    let record = kept(4).record;
    assert_eq!(record.spec.service(), "antnode1");
    let names = |names: &[&str]| StorageReading {
        entries: Ok(names.iter().map(|name| (*name).to_owned()).collect()),
    };
    let own = (record.spec.storage.clone(), names(&["antnode1", "antnode2"]));
    let unread = || Unread { kind: FaultKind::Timeout, why: "no answer".into() };
    let readings = Readings {
        machine: Err(unread()),
        ports: Ok(BTreeSet::new()),
        nodes: BTreeMap::new(),
        storage: [own, (STORAGE.into(), names(&["antnode9", "wnm-nodes-2"]))].into(),
        occupied: Ok([id(4)].into()),
        release: Err(unread()),
        program: None,
        numbering: None,
        around: Default::default(),
        releases: BTreeMap::new(),
    };
    let ledger = Ledger { nodes: vec![record], ..Ledger::default() };
    let seen = snapshot(&ledger, &readings, &settings().delays, &quiet(0).now);
    assert_eq!(seen.occupied, Ok([id(4), id(9)].into()));
}

/// What cannot be looked at now still needs its disk.
#[test]
fn nodes_in_a_container_that_was_not_measured_count_on_its_disk() {
    let mut snapshot = quiet_with(counting(&[(1, 3)], &[]));
    snapshot.nodes = vec![kept(1), kept(2)];
    snapshot.nodes.iter_mut().for_each(|node| node.record.created = snapshot.now.wall);
    let system = disk(20);
    let outlook = crate::plan::disk::Outlook::of(&snapshot, &settings(), STORAGE.as_ref(), &system);
    assert_eq!((outlook.nodes, outlook.existing), (2, gb(40)));
}
