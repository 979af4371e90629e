//! Several disks: whose nodes go when one of them is full, how much must come of it, and who may go at all.

use super::*;

const OTHER: &str = "/mnt/other";

/// Four nodes of 10 GB, the first two on a disk with room, the others on another one, which is so.
fn two_disks(other: FileSystemView) -> Snapshot {
    let mut snapshot = quiet(4);
    snapshot.machine.file_systems.insert(OTHER.into(), FileSystemView { device: 2, ..other });
    snapshot.storage.insert(OTHER.into(), Ok(()));
    for node in &mut snapshot.nodes {
        node.disk = Some(gb(10));
    }
    for node in &mut snapshot.nodes[2..] {
        node.record.spec.storage = OTHER.into();
    }
    snapshot
}

/// With so many bytes left.
fn left(free: u64) -> FileSystemView {
    FileSystemView { free: Bytes(free), ..disk(99) }
}

fn settings(more: &[(Setting, &str)]) -> Policy {
    let roots = format!("{STORAGE} {OTHER}");
    let usual = [
        (Setting::NodeStorage, roots.as_str()),
        (Setting::NodeCap, "9"),
        (Setting::DiskPrior, "1GB"),
    ];
    with(draft(), &[&usual, more].concat())
}

fn over(snapshot: &mut Snapshot, ago: u64) {
    snapshot.memory.over.insert(Resource::Disk(OTHER.into()), at(ago));
}

#[test]
fn only_nodes_of_a_full_disk_go_for_it() {
    // The youngest is elsewhere.
    let order = [(Setting::NodeRemovalStrategy, "youngest")];
    let mut snapshot = two_disks(left(1_500_000_000));
    snapshot.nodes[1].record.created = Timestamp(9_000_000_000_000);
    assert_eq!(acts(&snapshot, &settings(&order)), "remove antnode0004", "at once");
    let mut snapshot = two_disks(disk(91));
    snapshot.nodes[1].record.created = Timestamp(9_000_000_000_000);
    over(&mut snapshot, 6 * 3600);
    assert_eq!(acts(&snapshot, &settings(&order)), "retire antnode0004", "after its grace");
}

#[test]
fn nodes_that_leave_another_disk_relieve_this_one_not() {
    let leaving = |number: u32, other: FileSystemView| {
        let mut snapshot = two_disks(other);
        set(&mut snapshot, number, NodeState::Removing, Some(false));
        let node = &mut snapshot.nodes[number as usize - 1];
        node.record.phase = Phase::Removing { since: at(10), cause: Removal::Disk };
        over(&mut snapshot, 6 * 3600);
        acts(&snapshot, &settings(&[]))
    };
    assert_eq!(leaving(1, left(1_500_000_000)), "remove antnode0004");
    assert_eq!(leaving(3, left(1_500_000_000)), "remove antnode0003", "it leaves anyway");
    assert_eq!(leaving(1, disk(91)), "retire antnode0004");
    assert_eq!(leaving(3, disk(91)), "", "it leaves already");
}

/// What is retired for the stored cap is taken back when that is raised, and so is no relief then.
#[test]
fn what_is_to_be_taken_back_is_not_cut_short() {
    let first = |cap: &str| {
        let mut snapshot = two_disks(left(1_500_000_000));
        set(&mut snapshot, 3, NodeState::Removing, Some(false));
        let node = &mut snapshot.nodes[2];
        node.record.phase = Phase::Removing { since: at(10), cause: Removal::Cap };
        let stored = draft()
            .with(Setting::NodeStorage, format!("{STORAGE} {OTHER}"))
            .with(Setting::NodeCap, cap);
        let this_run = PolicyDraft::default().with(Setting::NodeCap, "1");
        let all = acts(&snapshot, &Policy::parse(&stored, &this_run, CPUS).unwrap());
        all.split(", ").find(|act| !act.starts_with("stop")).map(str::to_owned)
    };
    assert_eq!(first("3").as_deref(), Some("remove antnode0003"), "three count and three may");
    assert_eq!(first("4").as_deref(), Some("remove antnode0004"), "it is to come back");
}

/// Growth and a crisis do not go together, not even on different disks.
#[test]
fn nothing_is_added_elsewhere_while_a_disk_loses_a_node() {
    assert_eq!(acts(&two_disks(disk(20)), &settings(&[])), "add antnode0005");
    assert_eq!(acts(&two_disks(left(1_500_000_000)), &settings(&[])), "remove antnode0004");
    let mut slowly = two_disks(disk(91));
    over(&mut slowly, 6 * 3600);
    assert_eq!(acts(&slowly, &settings(&[])), "retire antnode0004");
    over(&mut slowly, 60);
    assert_eq!(acts(&slowly, &settings(&[])), "add antnode0005", "in its grace nothing goes");
}

/// Where all nodes of a disk together would not free what is short, none goes.
#[test]
fn none_goes_in_vain() {
    let of = |size: u64, free: u64, settings: &Policy| {
        let mut snapshot = two_disks(left(free));
        for node in &mut snapshot.nodes {
            node.disk = Some(Bytes(size));
        }
        acts(&snapshot, settings)
    };
    let one = settings(&[(Setting::NodeCap, "4")]);
    // 500 MB are short, and there are two.
    assert_eq!(of(249_999_999, 1_500_000_000, &one), "");
    assert_eq!(of(250_000_000, 1_500_000_000, &one), "remove antnode0004");
    assert_eq!(of(250_000_001, 1_500_000_000, &one), "remove antnode0004");
    assert_eq!(of(gb(10).0, 2_000_000_000, &one), "", "that much may be left");
    let slowly = |size: u64| {
        let mut snapshot = two_disks(disk(92));
        over(&mut snapshot, 6 * 3600);
        for node in &mut snapshot.nodes {
            node.disk = Some(Bytes(size));
        }
        acts(&snapshot, &one)
    };
    // 2 % of 1 TB are too much.
    assert_eq!(slowly(gb(10).0 - 1), "");
    assert_eq!(slowly(gb(10).0), "retire antnode0004");
}

/// Nobody goes who could not be seen well enough, whatever for.
#[test]
fn who_is_not_seen_is_not_removed() {
    let states: [(&str, NodeState); 9] = [
        ("running", NodeState::Running),
        ("mute", NodeState::Mute { missing: "its UDP port is not bound".into() }),
        ("stopped", stopped()),
        ("starting", NodeState::Starting),
        ("upgrading", NodeState::Upgrading),
        ("removing", NodeState::Removing),
        ("dead", NodeState::Dead),
        ("unknown", NodeState::Unknown { why: "silence".into() }),
        ("disabled", NodeState::Disabled),
    ];
    let mut rows = Vec::new();
    for (name, state) in states {
        for (seen, present, alive) in [
            ("seen", Some(true), Some(true)),
            ("data not seen", None, Some(true)),
            ("data gone", Some(false), Some(true)),
            ("process not seen", Some(true), None),
        ] {
            let with_one = |mut snapshot: Snapshot| {
                snapshot.nodes.retain(|node| node.id() == id(4));
                let node = &mut snapshot.nodes[0];
                node.record.phase = match state {
                    NodeState::Removing => {
                        Phase::Removing { since: at(9), cause: Removal::Operator }
                    }
                    _ => Phase::Steady,
                };
                if state == NodeState::Disabled {
                    node.record.want = Want::Disabled;
                }
                (node.data_present, node.seen) =
                    (present, SeenNode { state: state.clone(), alive });
                snapshot
            };
            let cap = settings(&[(Setting::NodeCap, "0")]);
            let of_cap = acts(&with_one(quiet(4)), &cap);
            let of_disk = acts(&with_one(two_disks(left(1_500_000_000))), &settings(&[]));
            rows.push(format!("{name}, {seen}: {of_cap} / {of_disk}").trim_end().to_owned());
        }
    }
    insta::assert_snapshot!(rows.join("\n"), @"
    running, seen: retire antnode0004 / remove antnode0004
    running, data not seen:  / add antnode0005
    running, data gone:  / add antnode0005
    running, process not seen:  / add antnode0005
    mute, seen: retire antnode0004 / remove antnode0004
    mute, data not seen:  / add antnode0005
    mute, data gone:  / add antnode0005
    mute, process not seen:  / add antnode0005
    stopped, seen: retire antnode0004 / remove antnode0004
    stopped, data not seen: start antnode0004 / add antnode0005
    stopped, data gone: start antnode0004 / add antnode0005
    stopped, process not seen: start antnode0004 / add antnode0005
    starting, seen: retire antnode0004 / remove antnode0004
    starting, data not seen:  /
    starting, data gone:  /
    starting, process not seen:  /
    upgrading, seen: retire antnode0004 / remove antnode0004
    upgrading, data not seen:  / add antnode0005
    upgrading, data gone:  / add antnode0005
    upgrading, process not seen:  / add antnode0005
    removing, seen: remove antnode0004 / remove antnode0004
    removing, data not seen:  / add antnode0005
    removing, data gone: remove antnode0004 / remove antnode0004
    removing, process not seen:  / add antnode0005
    dead, seen:  / add antnode0005
    dead, data not seen:  / add antnode0005
    dead, data gone:  / add antnode0005
    dead, process not seen:  / add antnode0005
    unknown, seen:  / add antnode0005
    unknown, data not seen:  / add antnode0005
    unknown, data gone:  / add antnode0005
    unknown, process not seen:  / add antnode0005
    disabled, seen:  / add antnode0005
    disabled, data not seen:  / add antnode0005
    disabled, data gone:  / add antnode0005
    disabled, process not seen:  / add antnode0005
    ");
}

/// What an operator removes from a full disk relieves it; one more would go for nothing.
#[test]
fn one_that_is_removed_by_hand_is_relief_enough() {
    let removed = |number: u32| {
        let mut snapshot = two_disks(left(1_500_000_000));
        snapshot.requests = vec![request(1, Verb::Remove { nodes: vec![key(number)] })];
        acts(&snapshot, &settings(&[]))
    };
    assert_eq!(removed(3), "remove antnode0003");
    assert_eq!(removed(1), "remove antnode0001, remove antnode0004", "it lies elsewhere");
}
