//! Ids, ports, roots and wallets of new nodes.

use super::*;
use crate::action::{Action, PlannedAction, Reason};
use crate::model::{NodeSpec, OpId};

fn spec(snapshot: &Snapshot, policy: &Policy) -> Result<NodeSpec, String> {
    let plan = sound(snapshot, policy);
    match plan.actions.first().map(|it| &it.action) {
        Some(Action::Add { spec, .. }) => Ok((**spec).clone()),
        _ => Err(plan.report.blocked.iter().map(ToString::to_string).collect()),
    }
}

fn without(numbers: &[u32], nodes: u32) -> Snapshot {
    let mut snapshot = quiet(nodes);
    snapshot.nodes.retain(|node| !numbers.contains(&node.id().number()));
    snapshot.occupied = Ok(snapshot.nodes.iter().map(NodeView::id).collect());
    snapshot
}

#[test]
fn the_smallest_free_id_is_taken() {
    let policy = with(draft(), &[(Setting::NodeCap, "2000"), (Setting::DiskPrior, "0")]);
    let table: [(Snapshot, u32); 6] = [
        (quiet(0), 1),
        (quiet(1), 2),
        (without(&[1], 3), 1),
        (without(&[2], 3), 2),
        (without(&[2, 3], 5), 2),
        (quiet(1000), 1001),
    ];
    for (snapshot, expected) in table {
        let number = spec(&snapshot, &policy).map(|spec| spec.id.number());
        assert_eq!(number, Ok(expected));
    }
}

#[test]
fn whatever_carries_an_id_or_a_port_takes_it() {
    let policy = with(draft(), &[(Setting::WebrtcPortStart, "40"), (Setting::NodeCap, "9")]);
    // Ids that something carries, ports that are bound, the id that is given.
    let table: [(&[u32], &[u16], u32); 6] = [
        (&[], &[], 1),
        (&[1], &[], 2),
        (&[], &[55_001], 2),
        (&[], &[40_001], 2),
        (&[2], &[55_001, 40_003], 4),
        (&[], &[13_001, 30_001], 1),
    ];
    for (occupied, bound, expected) in table {
        let mut snapshot = quiet(0);
        snapshot.occupied = Ok(occupied.iter().map(|number| id(*number)).collect());
        snapshot.ports = Ok(bound.iter().copied().collect());
        let found = spec(&snapshot, &policy).unwrap();
        assert_eq!(found.id, id(expected), "{occupied:?} {bound:?}");
    }
}

#[test]
fn the_metrics_port_counts_for_programs_that_have_one() {
    let settings = [(Setting::Program, "antnode"), (Setting::NodeCap, "9")];
    let mut snapshot = quiet(0);
    snapshot.ports = Ok([13_001].into());
    let found = spec(&snapshot, &with(draft(), &settings)).unwrap();
    assert_eq!((found.id, found.ports.node, found.ports.metrics), (id(2), 55_002, Some(13_002)));
}

#[test]
fn a_port_of_a_record_is_taken_whether_it_is_bound_or_not() {
    let mut snapshot = quiet(1);
    snapshot.nodes[0].record.spec.ports.node = 55_002;
    snapshot.ports = Ok(BTreeSet::new());
    assert_eq!(spec(&snapshot, &policy(&draft())).unwrap().id, id(3));
}

#[test]
fn ports_end_at_65535() {
    let policy = with(draft(), &[(Setting::PortStart, "65"), (Setting::NodeCap, "535")]);
    let mut snapshot = quiet(0);
    let up_to = |last: u32| Ok((1..=last).map(id).collect());
    snapshot.occupied = up_to(534);
    let last = spec(&snapshot, &policy).unwrap();
    assert_eq!((last.id.number(), last.ports.node), (535, 65_535));
    snapshot.occupied = up_to(535);
    let why = spec(&snapshot, &policy).unwrap_err();
    let expected =
        "no free ports: port_start 65 gives antnode0536 port 65536, but ports end at 65535";
    assert_eq!(why, expected);
}

#[test]
fn the_root_with_most_room_gets_the_node() {
    let stored = draft().with(Setting::NodeStorage, format!("{STORAGE} /mnt/b"));
    let policy = policy(&stored.with(Setting::DiskPrior, "1GB"));
    // Used percent of each, and who gets it.
    let table = [
        (20, Some(30), Some(STORAGE)),
        (30, Some(20), Some("/mnt/b")),
        (20, Some(20), Some(STORAGE)),
        (80, Some(74), Some("/mnt/b")),
        (80, Some(75), None),
        (80, None, None),
        (20, None, Some(STORAGE)),
    ];
    for (one, other, expected) in table {
        let mut snapshot = quiet(0);
        snapshot.machine.file_systems.insert(STORAGE.into(), disk(one));
        let unread = Unread { kind: FaultKind::NotFound, why: "not mounted".into() };
        let there = other.map(|_| ()).ok_or(unread);
        snapshot.storage.insert("/mnt/b".into(), there);
        if let Some(used) = other {
            let system = FileSystemView { device: 2, ..disk(used) };
            snapshot.machine.file_systems.insert("/mnt/b".into(), system);
        }
        let found = spec(&snapshot, &policy).ok().map(|spec| spec.storage);
        assert_eq!(found, expected.map(PathBuf::from), "{one} % and {other:?} %");
    }
}

const A: &str = "0x1111111111111111111111111111111111111111";
const B: &str = "0x2222222222222222222222222222222222222222";

/// Who earns, node after node, from an empty machine on.
fn earners(wallets: &str, nodes: u32) -> String {
    let settings = [(Setting::RewardsAddress, wallets), (Setting::NodeCap, "100")];
    let policy = with(eager_draft(), &settings);
    let mut snapshot = quiet(0);
    let mut earners = String::new();
    for number in 1..=nodes {
        let spec = spec(&snapshot, &policy).unwrap();
        earners.push(match spec.wallet.to_string().as_str() {
            A => 'a',
            B => 'b',
            _ => 'f',
        });
        let mut node = running(number);
        node.record.spec = spec;
        snapshot.nodes.push(node);
    }
    earners
}

#[test]
fn wallets_share_by_weight_and_ties_go_in_list_order() {
    let table = [
        (A.to_owned(), "aaaa"),
        ("faucet".to_owned(), "ffff"),
        (format!("{A},{B}"), "abab"),
        (format!("{B},{A}"), "baba"),
        (format!("{A}:1,{B}:1,faucet:1"), "abfabf"),
        (format!("{A}:3,{B}:1"), "aabaaaba"),
        (format!("{A}:1,{B}:9"), "bbbbabbbbb"),
        (format!("{A}:4294967295,{B}:1"), "aaaaaa"),
    ];
    for (wallets, expected) in table {
        assert_eq!(earners(&wallets, expected.len() as u32), expected, "{wallets}");
    }
}

#[test]
fn what_is_being_removed_earns_no_more() {
    let policy = with(draft(), &[(Setting::RewardsAddress, &format!("{A},{B}"))]);
    let mut snapshot = quiet(1);
    snapshot.nodes[0].record.spec.wallet = A.parse().unwrap();
    assert_eq!(spec(&snapshot, &policy).unwrap().wallet.to_string(), B);
    snapshot.nodes[0].record.phase = Phase::Removing { since: at(9), cause: Removal::Disk };
    set(&mut snapshot, 1, NodeState::Removing, Some(false));
    assert_eq!(spec(&snapshot, &policy).unwrap().wallet.to_string(), A);
}

/// Who earns from what one plan adds.
fn earners_at_once(snapshot: &Snapshot, wallets: &str) -> String {
    let settings = [(Setting::RewardsAddress, wallets), (Setting::NodeCap, "100")];
    let added = sound(snapshot, &with(draft(), &settings)).actions;
    let wallets = added.iter().filter_map(|it| match &it.action {
        Action::Add { spec, .. } => Some(spec.wallet.to_string()),
        _ => None,
    });
    wallets.map(|wallet| if wallet == A { 'a' } else { 'b' }).collect()
}

#[test]
fn what_one_plan_adds_is_shared_as_well() {
    let mut snapshot = quiet(0);
    snapshot.requests = vec![request(1, Verb::Add { count: 4 })];
    assert_eq!(earners_at_once(&snapshot, &format!("{A},{B}")), "abab");
    assert_eq!(earners_at_once(&snapshot, &format!("{A}:1,{B}:3")), "babb");
}

/// The first node earns for A, and its creation, which was cut short, is taken up again.
#[test]
fn a_node_that_is_made_again_earns_once() {
    let mut snapshot = quiet(2);
    snapshot.nodes[0].record.spec.wallet = A.parse().unwrap();
    snapshot.nodes[1].record.spec.wallet = B.parse().unwrap();
    set(&mut snapshot, 1, NodeState::Starting, Some(false));
    snapshot.nodes[0].record.phase = Phase::Creating { since: at(9) };
    let spec = Box::new(snapshot.nodes[0].record.spec.clone());
    let action = Action::Add { spec, release: release(), key: None };
    let planned = PlannedAction { action, reason: Reason::RoomAgain };
    let record = record(1).record;
    snapshot.open = vec![OpenOperation { id: OpId(1), record, planned, begun: Timestamp(0) }];
    snapshot.requests = vec![request(1, Verb::Add { count: 2 })];
    assert_eq!(earners_at_once(&snapshot, &format!("{A},{B}")), "aab", "the first of them is it");
}

/// A larger disk may have more bytes left and be too full all the same.
#[test]
fn most_room_counts_only_where_there_is_room() {
    let policy = policy(&draft().with(Setting::NodeStorage, format!("{STORAGE} /mnt/b")));
    let mut snapshot = quiet(0);
    let large = FileSystemView { device: 2, total: gb(10_000), free: gb(2_000), ..disk(80) };
    snapshot.machine.file_systems.insert("/mnt/b".into(), large);
    snapshot.storage.insert("/mnt/b".into(), Ok(()));
    assert_eq!(spec(&snapshot, &policy).unwrap().storage, PathBuf::from(STORAGE));
}

/// Inodes end as well, however many bytes are left.
#[test]
fn a_disk_without_inodes_has_no_room() {
    let policy = policy(&draft().with(Setting::NodeStorage, format!("{STORAGE} /mnt/b")));
    let mut snapshot = quiet(0);
    let large = FileSystemView {
        device: 2,
        total: gb(10_000),
        free: gb(9_000),
        inodes_used: Some(Percent(80.0)),
        ..disk(10)
    };
    snapshot.machine.file_systems.insert("/mnt/b".into(), large.clone());
    snapshot.storage.insert("/mnt/b".into(), Ok(()));
    assert_eq!(spec(&snapshot, &policy).unwrap().storage, PathBuf::from(STORAGE));
    snapshot.machine.file_systems.get_mut(&PathBuf::from("/mnt/b")).unwrap().inodes_used =
        Some(Percent(10.0));
    assert_eq!(spec(&snapshot, &policy).unwrap().storage, PathBuf::from("/mnt/b"));
}
