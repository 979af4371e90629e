//! Keys that come back, and nodes that go elsewhere: where to, and what keeps them from it.

use std::path::Path;

use super::*;
use crate::action::{Action, Reason};
use crate::model::{Address, OpId, Program, RecordId, Returning};

const OTHER: &str = "/mnt/other";

/// Two storage roots, the second on a disk with more room.
fn settings(more: &[(Setting, &str)]) -> Policy {
    let roots = format!("{STORAGE} {OTHER}");
    let usual = [(Setting::NodeStorage, roots.as_str()), (Setting::NodeCap, "9")];
    with(draft(), &[&usual, more].concat())
}

fn two_disks(nodes: u32) -> Snapshot {
    let mut snapshot = quiet(nodes);
    let other = FileSystemView { device: 2, ..disk(10) };
    snapshot.machine.file_systems.insert(OTHER.into(), other);
    snapshot.storage.insert(OTHER.into(), Ok(()));
    snapshot
}

fn returning(was: Option<u32>) -> Returning {
    Returning {
        file: "/srv/identities/.returning-1".into(),
        sha256: "1".repeat(64),
        program: Program::AntNode,
        wallet: wallet(),
        was: was.map(id),
    }
}

fn wallet() -> Address {
    record(1).spec.wallet
}

/// What a request for that comes to, in one line.
fn asked(snapshot: &Snapshot, policy: &Policy, verb: Verb) -> String {
    let snapshot = Snapshot { requests: vec![request(1, verb)], ..snapshot.clone() };
    let plan = plan(&snapshot, policy, PlanScope::RequestsOnly);
    assert_eq!(check(&plan, &snapshot, policy), vec![]);
    let action = plan.actions.first().map(|it| match &it.action {
        Action::Add { spec, key: Some(_), .. } => {
            format!("{} in {}", spec.id, spec.storage.display())
        }
        Action::Move { to, .. } => format!("{} to {}", to.id, to.data.display()),
        other => other.to_string(),
    });
    let refused = plan.report.requests.iter().flat_map(|it| it.why.clone()).collect::<Vec<_>>();
    let nothing = || match refused.is_empty() {
        true => "nothing to do".to_owned(),
        false => format!("no: {}", refused.join("; ")),
    };
    action.unwrap_or_else(nothing)
}

#[test]
fn a_key_comes_back_under_its_number_where_there_is_most_room() {
    let mut said = Vec::new();
    let usual = settings(&[]);
    let restore = |was, number: Option<u32>, storage: Option<&str>| Verb::Restore {
        key: Box::new(returning(was)),
        number: number.map(id),
        storage: storage.map(PathBuf::from),
    };
    let mut tell = |what: &str, snapshot: &Snapshot, policy: &Policy, verb: Verb| {
        said.push(format!("{what}: {}", asked(snapshot, policy, verb)));
    };
    let world = two_disks(2);
    tell("as it was", &world, &usual, restore(Some(5), None, None));
    tell("its number is taken", &world, &usual, restore(Some(1), None, None));
    tell("nobody knows its number", &world, &usual, restore(None, None, None));
    tell("under another", &world, &usual, restore(Some(5), Some(7), None));
    tell("under a taken one", &world, &usual, restore(Some(5), Some(2), None));
    tell("in a named root", &world, &usual, restore(Some(5), None, Some(STORAGE)));
    tell("in no root", &world, &usual, restore(Some(5), None, Some("/mnt/none")));
    let full = settings(&[(Setting::NodeCap, "2")]);
    tell("over the cap", &world, &full, restore(Some(5), None, None));
    let just = settings(&[(Setting::NodeCap, "3")]);
    tell("up to the cap", &world, &just, restore(Some(5), None, None));
    let antctl = settings(&[(Setting::Manager, "antctl+user"), (Setting::Program, "antnode")]);
    let of_antnode = Returning { program: Program::Antnode, ..returning(Some(5)) };
    let of_antnode = Verb::Restore { key: Box::new(of_antnode), number: None, storage: None };
    tell("of another program", &world, &usual, of_antnode.clone());
    tell("antctl makes its own", &world, &antctl, of_antnode);
    let shared =
        settings(&[(Setting::Manager, "docker+user"), (Setting::MaxNodesPerContainer, "3")]);
    tell("in shared containers", &world, &shared, restore(Some(5), None, None));
    let mut bound = world.clone();
    bound.ports = Ok([usual.nodes.ports_of(id(5)).unwrap().node].into());
    tell("its port is bound", &bound, &usual, restore(Some(5), None, None));
    let mut tight = world.clone();
    for system in tight.machine.file_systems.values_mut() {
        system.free = Bytes(2_000_000_000);
    }
    tell("the disks are full", &tight, &usual, restore(Some(5), None, None));
    for system in tight.machine.file_systems.values_mut() {
        system.free = Bytes(2_000_000_001);
    }
    tell("the disks are nearly full", &tight, &usual, restore(Some(5), None, None));
    let mut gone = world.clone();
    for seen in gone.storage.values_mut() {
        *seen = Err(Unread { kind: FaultKind::NotFound, why: "not mounted".into() });
    }
    tell("no disk is there", &gone, &usual, restore(Some(5), None, None));
    insta::assert_snapshot!(said.join("\n"), @"
    as it was: antnode0005 in /mnt/other
    its number is taken: antnode0003 in /mnt/other
    nobody knows its number: antnode0003 in /mnt/other
    under another: antnode0007 in /mnt/other
    under a taken one: no: no free ports: antnode0002 is not free: something has its name or one of its ports
    in a named root: antnode0005 in /srv/nodes
    in no root: no: no storage can be used: /mnt/none is no storage root that can be used now
    over the cap: no: it would make 3 nodes and node_cap is 2: raise it with `wnm config set node_cap 3`
    up to the cap: antnode0005 in /mnt/other
    of another program: no: it is a key of antnode, and nodes run ant-node here
    antctl makes its own: no: antctl makes nodes itself, with keys of their own
    in shared containers: no: no storage can be used: nodes in shared containers are not brought back
    its port is bound: antnode0003 in /mnt/other
    the disks are full: no: no storage can be used: every disk has less than crisis_bytes (2.0 GB) left
    the disks are nearly full: antnode0005 in /srv/nodes
    no disk is there: no: no storage can be used: not mounted; not mounted
    ");
}

#[test]
fn one_key_comes_back_once() {
    let restore =
        || Verb::Restore { key: Box::new(returning(Some(5))), number: None, storage: None };
    let mut snapshot = two_disks(0);
    snapshot.requests = vec![request(1, restore()), request(2, restore())];
    let policy = settings(&[]);
    let plan = plan(&snapshot, &policy, PlanScope::RequestsOnly);
    assert_eq!(check(&plan, &snapshot, &policy), vec![]);
    assert_eq!(plan.actions.len(), 1, "{}", render(&plan));
    // Nor beside one that a dead cycle had begun.
    let begun = OpenOperation {
        id: OpId(1),
        planned: plan.actions[0].clone(),
        begun: snapshot.now.wall,
        record: RecordId(77),
    };
    snapshot.open = vec![begun];
    snapshot.requests.truncate(1);
    let again = super::plan(&snapshot, &policy, PlanScope::RequestsOnly);
    assert!(!again.actions.iter().any(|it| matches!(it.reason, Reason::Request { .. })));
}

#[test]
fn a_node_moves_to_a_root_that_will_hold_it() {
    let mut said = Vec::new();
    let usual = settings(&[]);
    let to = |root: &str| Verb::Move { nodes: vec![key(1)], storage: root.into() };
    let mut tell = |what: &str, root: &str, change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = two_disks(1);
        change(&mut snapshot);
        said.push(format!("{what}: {}", asked(&snapshot, &usual, to(root))));
    };
    tell("there is room", OTHER, &|_| {});
    tell("it lies there", STORAGE, &|_| {});
    tell("no root of the settings", "/mnt/none", &|_| {});
    tell("not mounted", OTHER, &|it| {
        let why = Unread { kind: FaultKind::NotFound, why: "not mounted".into() };
        it.storage.insert(OTHER.into(), Err(why));
    });
    tell("not looked at", OTHER, &|it| drop(it.storage.remove(Path::new(OTHER))));
    tell("too large", OTHER, &|it| it.nodes[0].disk = Some(gb(950)));
    tell("just fits", OTHER, &|it| it.nodes[0].disk = Some(gb(898)));
    tell("just too large", OTHER, &|it| it.nodes[0].disk = Some(Bytes(gb(898).0 + 1)));
    tell("in a container", OTHER, &|it| it.nodes[0].record.spec.container = Some("c".into()));
    tell("moved just now", OTHER, &|it| {
        let spec = &mut it.nodes[0].record.spec;
        *spec = spec.moved_to(OTHER.as_ref()).moved_to(STORAGE.as_ref());
    });
    tell("on trial", OTHER, &|it| it.nodes[0].record.upgrade = Some(on_trial()));
    tell("dead", OTHER, &|it| set(it, 1, NodeState::Dead, Some(false)));
    tell("removing", OTHER, &|it| set(it, 1, NodeState::Removing, Some(false)));
    tell("without data", OTHER, &|it| it.nodes[0].data_present = Some(false));
    insta::assert_snapshot!(said.join("\n"), @"
    there is room: antnode0001 to /mnt/other/antnode0001
    it lies there: nothing to do
    no root of the settings: no: antnode0001: /mnt/none is no storage root: name it in node_storage first
    not mounted: no: antnode0001: not mounted
    not looked at: no: antnode0001: /mnt/other was not looked at
    too large: no: antnode0001: it takes 950.0 GB, and /mnt/other has 900.0 GB free, of which crisis_bytes (2.0 GB) stay so
    just fits: antnode0001 to /mnt/other/antnode0001
    just too large: no: antnode0001: it takes 898.0 GB, and /mnt/other has 900.0 GB free, of which crisis_bytes (2.0 GB) stay so
    in a container: no: antnode0001: systemd keeps it where it is
    moved just now: no: antnode0001: it was moved to /srv/nodes just now: wait until it runs there
    on trial: no: antnode0001: 0.23.1 was put in place of 0.22.1 and is not proven yet: wait for it
    dead: no: antnode0001: its data is gone; it can only be removed
    removing: no: antnode0001: it is being removed
    without data: no: antnode0001: its data is not there yet
    ");
}

#[test]
fn what_is_released_runs_and_waits_for_nothing() {
    let mut said = Vec::new();
    let mut tell = |what: &str, change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = two_disks(1);
        change(&mut snapshot);
        let verb = Verb::Release { nodes: vec![key(1)] };
        said.push(format!("{what}: {}", asked(&snapshot, &settings(&[]), verb)));
    };
    tell("it runs", &|_| {});
    tell("in a container", &|it| it.nodes[0].record.spec.container = Some("c".into()));
    tell("moved just now", &|it| {
        let spec = &mut it.nodes[0].record.spec;
        *spec = spec.moved_to(OTHER.as_ref());
    });
    tell("on trial", &|it| it.nodes[0].record.upgrade = Some(on_trial()));
    tell("without data", &|it| it.nodes[0].data_present = Some(false));
    insta::assert_snapshot!(said.join("\n"), @"
    it runs: release antnode0001
    in a container: no: antnode0001: it shares the container c, which wnm goes on to keep for its other nodes
    moved just now: no: antnode0001: it was moved to another disk just now: wait until it runs there
    on trial: no: antnode0001: 0.23.1 was put in place of 0.22.1 and is not proven yet: wait for it
    without data: no: antnode0001: its data is not there yet
    ");
}

/// What a cycle that died had begun for a request is finished from the journal, not begun again.
#[test]
fn a_key_that_is_on_its_way_back_is_not_brought_twice() {
    let verb = Verb::Restore { key: Box::new(returning(Some(5))), number: None, storage: None };
    let mut snapshot = two_disks(2);
    snapshot.begun = BTreeMap::from([(RequestId(1), BTreeSet::from([RecordId(5)]))]);
    assert_eq!(asked(&snapshot, &settings(&[]), verb.clone()), "nothing to do");
    snapshot.begun.clear();
    assert_eq!(asked(&snapshot, &settings(&[]), verb), "antnode0005 in /mnt/other");
}

/// What a container mounts is fixed, so one that moves is made anew; a unit is only written again.
#[test]
fn a_container_that_moves_is_taken_down_and_a_unit_is_not() {
    let steps = |manager: &str| {
        let nodes = with(draft(), &[(Setting::Manager, manager)]).nodes;
        let spec = nodes.spec(id(1), wallet(), Path::new(STORAGE)).unwrap();
        let to = Box::new(spec.moved_to(Path::new(OTHER)));
        let steps = crate::plan::lower(&Action::Move { node: key(1), to }, &spec);
        steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    insta::assert_snapshot!(steps("systemd+user"), @"stop it, archive its identity, copy its data to /mnt/other/antnode0001, set its data aside");
    insta::assert_snapshot!(steps("docker+user"), @"stop it, archive its identity, copy its data to /mnt/other/antnode0001, take it from its manager, set its data aside");
}

/// Starts that this plan has decided for others take their room from healing.
#[test]
fn healing_reckons_with_what_was_asked_for() {
    let started = |requests: Vec<Request>| {
        let mut snapshot = quiet(20);
        snapshot.machine.cpus = 32;
        snapshot.memory.cost = super::capacity::learned();
        snapshot.memory.cost.cpus = 32;
        snapshot.machine.cpu = Some(Percent(50.0));
        for number in 3..=20 {
            set(&mut snapshot, number, stopped(), Some(false));
        }
        snapshot.requests = requests;
        let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, "20")]));
        plan.actions.iter().filter(|it| it.action.starts()).count()
    };
    let asked = request(1, Verb::Start { nodes: vec![key(20), key(19)] });
    assert_eq!((started(vec![]), started(vec![asked])), (3, 3), "two of them were asked for");
}
