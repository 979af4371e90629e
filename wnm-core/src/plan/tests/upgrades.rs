//! Other versions: who is given one, when, and what becomes of it.

use super::*;
use crate::action::Action;
use crate::model::{FileStamp, Installed, Quarantined, Release};

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn managed(pairs: &[(Setting, &str)]) -> Policy {
    with(draft().with(Setting::UpgradeMode, "managed").with(Setting::NodeCap, "4"), pairs)
}

/// Four running nodes, and a release that none of them has.
fn outdated() -> Snapshot {
    let mut snapshot = quiet(4);
    let path = PathBuf::from("/opt/next");
    snapshot.release = Ok(Release::new(version("0.24.0"), path));
    snapshot
}

/// The node was given 0.24.0 so long ago, and has run since.
fn given(snapshot: &mut Snapshot, number: u32, seconds: u64, role: UpgradeRole) {
    let node = &mut snapshot.nodes[number as usize - 1];
    node.record.version = Some(version("0.24.0"));
    node.record.upgrade = Some(Upgrade {
        from: release().version,
        to: version("0.24.0"),
        role,
        since: at(seconds),
        before: Shown { peers: Some(5), records: Some(10) },
    });
    node.process_age = Some(Duration::from_secs(seconds));
}

fn proven(snapshot: &mut Snapshot, number: u32) {
    let node = &mut snapshot.nodes[number as usize - 1];
    node.record.version = Some(version("0.24.0"));
    let memory = snapshot.memory.nodes.entry(node.record()).or_default();
    memory.proven = Some(version("0.24.0"));
}

fn died(snapshot: &mut Snapshot, number: u32, seconds: u64) {
    let record = key(number).record;
    snapshot.memory.nodes.entry(record).or_default().deaths.push(at(seconds));
}

/// What is done, and what the rollout waits for.
#[track_caller]
fn told(snapshot: &Snapshot, policy: &Policy) -> String {
    let plan = sound(snapshot, policy);
    let actions = plan.actions.iter().map(|it| format!("{}: {}", it.action, it.reason));
    let waits = plan.report.rollout.iter().flat_map(|it| it.waits.clone());
    let waits = waits.map(|wait| format!("waits: {wait}"));
    let notes = plan.report.notes.iter().map(|it| format!("note: {it}"));
    actions.chain(waits).chain(notes).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_oldest_node_goes_first_and_the_others_wait_for_it() {
    let mut snapshot = outdated();
    let policy = managed(&[]);
    insta::assert_snapshot!(told(&snapshot, &policy), @"upgrade antnode0001: it has 0.23.1, and 0.24.0 is there, as one of the first");
    given(&mut snapshot, 1, 200, UpgradeRole::Canary);
    insta::assert_snapshot!(told(&snapshot, &policy), @"waits: 1 node of 1 at it as the first: 400 s more to hold (canary_time)");
    given(&mut snapshot, 1, 600, UpgradeRole::Canary);
    insta::assert_snapshot!(told(&snapshot, &policy), @"
    prove antnode0001: 0.24.0 held for 600 s
    waits: 1 node of 1 at it as the first: 0 s more to hold (canary_time)
    ");
    snapshot.nodes[0].record.upgrade = None;
    proven(&mut snapshot, 1);
    insta::assert_snapshot!(told(&snapshot, &policy), @"upgrade antnode0002: it has 0.23.1, and 0.24.0 is there");
    given(&mut snapshot, 2, 30, UpgradeRole::Wave);
    insta::assert_snapshot!(told(&snapshot, &policy), @"waits: 1 node not back yet, at most 1 at once");
    given(&mut snapshot, 2, 70, UpgradeRole::Wave);
    insta::assert_snapshot!(told(&snapshot, &policy), @"upgrade antnode0003: it has 0.23.1, and 0.24.0 is there");
    let wider = managed(&[(Setting::MaxConcurrentUpgrades, "2")]);
    assert_eq!(acts(&snapshot, &wider), "upgrade antnode0003, upgrade antnode0004");
}

#[test]
fn only_managed_programs_are_replaced() {
    for mode in ["auto", "self", "off"] {
        let policy = managed(&[(Setting::UpgradeMode, mode)]);
        assert_eq!(told(&outdated(), &policy), "", "{mode}");
    }
}

#[test]
fn what_holds_back_all_nodes_is_said() {
    let policy = managed(&[(Setting::UpgradeSoak, "1h"), (Setting::UpgradeWindow, "2-5")]);
    let mut snapshot = outdated();
    snapshot.holds.paused = Some(Timestamp(1_799_000_000_000));
    snapshot.holds.quarantined.push(Quarantined {
        program: policy.nodes.program,
        version: version("0.24.0"),
        since: Timestamp(0),
        why: "antnode0001: its process ended".into(),
    });
    snapshot.machine.cpu = Some(Percent(99.0));
    snapshot.memory.over.insert(Resource::Cpu, at(300));
    insta::assert_snapshot!(told(&snapshot, &policy), @"
    waits: upgrades are paused since 2027-01-03 18:13:20: `wnm upgrade --resume`
    waits: it is quarantined: antnode0001: its process ended; `wnm upgrade --unquarantine VERSION`
    waits: it is known for too short a time: 3600 s more (upgrade_soak)
    waits: it is not the time of the day: 64800 s more (upgrade_window)
    waits: the machine is too busy: nodes are being shed
    note: cpu is above its threshold; nodes are shed in 300 s
    ");
}

#[test]
fn a_release_soaks_since_it_was_first_seen_and_a_new_one_soaks_anew() {
    let policy = managed(&[(Setting::UpgradeSoak, "1h")]);
    let mut snapshot = outdated();
    assert_eq!(acts(&snapshot, &policy), "");
    let seen = |version: &str, seconds| crate::observe::FirstSeen {
        version: version.parse().unwrap(),
        at: at(seconds),
        wall: Timestamp(1_800_000_000_000 - seconds as i64 * 1000),
    };
    snapshot.memory.first_seen = Some(seen("0.24.0", 3599));
    assert_eq!(acts(&snapshot, &policy), "");
    snapshot.memory.first_seen = Some(seen("0.24.0", 3600));
    assert_eq!(acts(&snapshot, &policy), "upgrade antnode0001");
    snapshot.memory.first_seen = Some(seen("0.23.9", 9000));
    assert_eq!(acts(&snapshot, &policy), "");
    // A clock that was set forth makes no release older.
    let jumped = crate::observe::FirstSeen { wall: Timestamp(0), ..seen("0.24.0", 60) };
    snapshot.memory.first_seen = Some(jumped);
    assert_eq!(acts(&snapshot, &policy), "");
}

/// One row of the next table: what is done to node 1, given 0.24.0 as a canary 100 s ago.
type Spoiled = (&'static str, fn(&mut Snapshot));

const FAILURES: &[Spoiled] = &[
    ("nothing", |_| {}),
    ("died", |it| died(it, 1, 30)),
    ("died before", |it| died(it, 1, 101)),
    ("down, and nobody saw it die", |it| set(it, 1, stopped(), Some(false))),
    ("mute, and young", |it| it.nodes[0].missing = Some("its UDP port is not bound".into())),
    ("mute for long", |it| {
        given(it, 1, 300, UpgradeRole::Canary);
        it.nodes[0].missing = Some("its UDP port is not bound".into());
    }),
    ("alone, and young", |it| it.nodes[0].facts.peers = Some(0)),
    ("alone for long", |it| {
        given(it, 1, 600, UpgradeRole::Canary);
        it.nodes[0].facts.peers = Some(0);
    }),
    ("alone, but its records grow", |it| {
        given(it, 1, 600, UpgradeRole::Canary);
        it.nodes[0].facts.peers = Some(0);
        it.nodes[0].facts.records = Some(11);
    }),
    ("alone as before", |it| {
        given(it, 1, 600, UpgradeRole::Canary);
        it.nodes[0].facts.peers = Some(0);
        it.nodes[0].record.upgrade.as_mut().unwrap().before.peers = Some(0);
    }),
    ("another identity", |it| {
        it.nodes[0].installed = Some(installed("0.24.0", "other"));
        let record = key(1).record;
        it.memory.nodes.entry(record).or_default().identity = Some("one".into());
    }),
    ("hidden", |it| set(it, 1, NodeState::Unknown { why: "silence".into() }, None)),
    ("stopped by an operator", |it| {
        set(it, 1, stopped(), Some(false));
        it.nodes[0].record.want = Want::StoppedByOperator;
    }),
    ("the old one is in its place", |it| old_one_there(it, true)),
    ("the old one was in its place when last seen", |it| old_one_there(it, false)),
    ("the old one is in its place, and died", |it| {
        old_one_there(it, true);
        died(it, 1, 30);
    }),
    ("went on by itself", |it| it.nodes[0].installed = Some(installed("0.25.0", "one"))),
    ("went on by itself and died", |it| {
        it.nodes[0].installed = Some(installed("0.25.0", "one"));
        died(it, 1, 30);
    }),
    ("went on by itself long ago", |it| {
        given(it, 1, 600, UpgradeRole::Canary);
        it.nodes[0].installed = Some(installed("0.25.0", "one"));
    }),
    ("went on by itself long ago, alone", |it| {
        given(it, 1, 600, UpgradeRole::Canary);
        it.nodes[0].installed = Some(installed("0.25.0", "one"));
        it.nodes[0].facts.peers = Some(0);
    }),
];

fn old_one_there(snapshot: &mut Snapshot, examined: bool) {
    snapshot.nodes[0].installed = Some(installed("0.23.1", "one"));
    snapshot.nodes[0].examined = examined;
}

fn installed(text: &str, identity: &str) -> Installed {
    Installed {
        stamp: FileStamp { inode: 9, size: 1, changed_ms: 0 },
        version: version(text),
        sha256: "0".repeat(64),
        identity: Some(identity.into()),
    }
}

#[test]
fn a_failing_canary_is_taken_back_and_nothing_else_is_a_failure() {
    let policy = managed(&[]);
    let rows = FAILURES.iter().map(|(name, spoil)| {
        let mut snapshot = outdated();
        given(&mut snapshot, 1, 100, UpgradeRole::Canary);
        spoil(&mut snapshot);
        let plan = sound(&snapshot, &policy);
        let told = plan.actions.iter().map(|it| format!("{}: {}", it.action, it.reason));
        match told.collect::<Vec<_>>() {
            none if none.is_empty() => format!("{name}: -"),
            told => format!("{name}: {}", told.join(", ")),
        }
    });
    insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"), @"
    nothing: -
    died: revert antnode0001: 0.24.0 failed: its process ended
    died before: -
    down, and nobody saw it die: start antnode0001: it should run and does not
    mute, and young: -
    mute for long: revert antnode0001: 0.24.0 failed: its UDP port is not bound after 300 s
    alone, and young: -
    alone for long: revert antnode0001: 0.24.0 failed: it has no peers after 600 s
    alone, but its records grow: prove antnode0001: 0.24.0 held for 600 s
    alone as before: prove antnode0001: 0.24.0 held for 600 s
    another identity: revert antnode0001: 0.24.0 failed: it lost its identity
    hidden: -
    stopped by an operator: upgrade antnode0002: it has 0.23.1, and 0.24.0 is there, as one of the first
    the old one is in its place: revert antnode0001: 0.24.0 failed: the program before it is in its place
    the old one was in its place when last seen: -
    the old one is in its place, and died: revert antnode0001: 0.24.0 failed: the program before it is in its place
    went on by itself: upgrade antnode0002: it has 0.23.1, and 0.24.0 is there, as one of the first
    went on by itself and died: upgrade antnode0002: it has 0.23.1, and 0.24.0 is there, as one of the first
    went on by itself long ago: prove antnode0001: 0.25.0 held for 600 s, upgrade antnode0002: it has 0.23.1, and 0.24.0 is there, as one of the first
    went on by itself long ago, alone: upgrade antnode0002: it has 0.23.1, and 0.24.0 is there, as one of the first
    ");
}

#[test]
fn one_node_of_a_wave_may_fail_and_the_second_takes_all_back() {
    let policy = managed(&[(Setting::MaxConcurrentUpgrades, "3")]);
    let mut snapshot = outdated();
    proven(&mut snapshot, 1);
    for number in 2..=4 {
        given(&mut snapshot, number, 100, UpgradeRole::Wave);
    }
    died(&mut snapshot, 2, 30);
    let quarantines = |snapshot: &Snapshot| -> Vec<bool> {
        let plan = sound(snapshot, &policy);
        let reverts = plan.actions.iter().filter_map(|it| match &it.action {
            crate::action::Action::Revert { quarantine, .. } => Some(quarantine.is_some()),
            _ => None,
        });
        reverts.collect()
    };
    assert_eq!(quarantines(&snapshot), [false], "one may fail");
    died(&mut snapshot, 3, 30);
    assert_eq!(quarantines(&snapshot), [true, true, true], "with the one that did not fail");
    snapshot.nodes[2].record.want = Want::Disabled;
    assert_eq!(quarantines(&snapshot), [false], "what is left alone neither counts nor goes back");
}

#[test]
fn what_became_another_version_by_itself_is_written_down_and_takes_no_slot() {
    let policy = with(draft(), &[(Setting::NodeCap, "4")]);
    let mut snapshot = quiet(4);
    snapshot.nodes[1].installed = Some(installed("0.24.0", "one"));
    let memory = snapshot.memory.nodes.entry(key(2).record).or_default();
    memory.installed = Some(installed("0.23.1", "one"));
    memory.identity = Some("one".into());
    memory.alive = true;
    memory.process = Some(ProcessKey { pid: 7, start_ticks: 1 });
    assert_eq!(
        told(&snapshot, &policy),
        "recognise antnode0002: it upgraded itself from 0.23.1 to 0.24.0"
    );
    let plan = sound(&snapshot, &policy);
    let memory = &plan.memory.nodes[&key(2).record];
    assert_eq!(memory.deaths, [], "that was no death");
    assert_eq!(memory.changed.as_ref().map(|it| it.to.to_string()).as_deref(), Some("0.24.0"));

    snapshot.nodes[1].installed = Some(installed("0.24.0", "other"));
    insta::assert_snapshot!(told(&snapshot, &policy), @"
    recognise antnode0002: IT HAS ANOTHER IDENTITY: its key is not the one it had before
    note: antnode0002 LOST ITS IDENTITY: its key is not the one it had before; look for the old one with `wnm identity list`
    ");
}

#[test]
fn by_name_never_to_an_older_version_by_accident() {
    let policy = with(draft(), &[(Setting::NodeCap, "4")]);
    let ask = |to: Option<&str>, allow_downgrade, node: u32| Verb::Upgrade {
        nodes: vec![key(node)],
        to: to.map(version),
        allow_downgrade,
    };
    let rows: Vec<(&str, Verb)> = vec![
        ("newer", ask(None, false, 1)),
        ("older", ask(Some("0.22.0"), false, 1)),
        ("older, and meant", ask(Some("0.22.0"), true, 1)),
        ("the same", ask(Some("0.23.1"), false, 1)),
        ("not there", ask(Some("0.99.0"), false, 1)),
        ("failed", ask(Some("0.23.5"), false, 1)),
        ("not proven", ask(None, false, 2)),
        ("left alone", ask(None, false, 3)),
        ("a stopped one", ask(None, false, 4)),
        ("one that is leaving", ask(None, false, 5)),
        ("one that is gone", ask(None, false, 6)),
    ];
    let told = rows.into_iter().map(|(name, verb)| {
        let mut snapshot = outdated();
        for text in ["0.22.0", "0.23.1", "0.23.5"] {
            let release = Release::new(version(text), format!("/opt/{text}"));
            snapshot.releases.insert(version(text), Ok(release));
        }
        let why = "ant-node 0.99.0 is not on this machine".into();
        let missing = Unread { kind: FaultKind::NotFound, why };
        snapshot.releases.insert(version("0.99.0"), Err(missing));
        snapshot.holds.quarantined.push(Quarantined {
            program: policy.nodes.program,
            version: version("0.23.5"),
            since: Timestamp(0),
            why: "antnode0009: its process ended".into(),
        });
        given(&mut snapshot, 2, 100, UpgradeRole::Asked);
        snapshot.nodes[1].record.upgrade.as_mut().unwrap().to = version("0.23.9");
        snapshot.nodes[2].record.want = Want::Disabled;
        set(&mut snapshot, 3, NodeState::Disabled, Some(true));
        set(&mut snapshot, 4, stopped(), Some(false));
        snapshot.nodes[3].record.want = Want::StoppedByOperator;
        snapshot.nodes.extend([running(5), running(6)]);
        snapshot.occupied = Ok((1..=6).map(id).collect());
        snapshot.nodes[4].record.phase = Phase::Removing { since: at(9), cause: Removal::Disk };
        set(&mut snapshot, 5, NodeState::Removing, Some(false));
        set(&mut snapshot, 6, NodeState::Dead, Some(true));
        snapshot.requests.push(request(1, verb));
        let plan = sound(&snapshot, &policy);
        let acts = plan.actions.iter().map(|it| it.action.to_string());
        let refused = plan.report.requests[0].why.iter().map(|why| format!("refused {why}"));
        let told = acts.chain(refused).collect::<Vec<_>>().join(", ");
        format!("{name}: {told}").trim_end().to_owned()
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @"
    newer: upgrade antnode0001
    older: refused antnode0001: it has 0.23.1, and 0.22.0 is older: what a newer version made of its data an older one may not understand; say --to 0.22.0 --allow-downgrade if you mean it
    older, and meant: upgrade antnode0001
    the same:
    not there: refused antnode0001: ant-node 0.99.0 is not on this machine
    failed: refused antnode0001: 0.23.5 is quarantined since 1970-01-01 00:00:00: antnode0009: its process ended; trust it again with `wnm upgrade --unquarantine 0.23.5`
    not proven: refused antnode0002: 0.23.9 was put in place of 0.23.1 and is not proven yet: wait for it
    left alone: refused antnode0003: it is disabled; enable it first
    a stopped one: upgrade antnode0004
    one that is leaving: refused antnode0005: it is being removed
    one that is gone: refused antnode0006: its data is gone; it can only be removed
    ");
}

#[test]
fn what_failed_is_not_given_to_new_nodes_either() {
    let mut snapshot = outdated();
    let policy = with(draft(), &[(Setting::NodeCap, "5")]);
    assert_eq!(acts(&snapshot, &policy), "add antnode0005");
    snapshot.holds.quarantined.push(Quarantined {
        program: policy.nodes.program,
        version: version("0.24.0"),
        since: Timestamp(0),
        why: "antnode0001: its process ended".into(),
    });
    insta::assert_snapshot!(planned(&snapshot, &policy), @"blocked: no node program: 0.24.0 is quarantined (antnode0001: its process ended): give another one, or trust it again with `wnm upgrade --unquarantine 0.24.0`");
}

#[test]
fn a_missing_program_is_never_replaced_by_an_older_one() {
    let mut snapshot = quiet(1);
    snapshot.nodes[0].record.version = Some(version("0.25.0"));
    set(&mut snapshot, 1, stopped(), Some(false));
    let plan = sound(&snapshot, &policy(&draft()));
    let release = plan.actions.iter().find_map(|it| match &it.action {
        crate::action::Action::Start { release, .. } => Some(release.clone()),
        _ => None,
    });
    assert_eq!(release, Some(None));
}

#[test]
fn what_was_never_installed_is_no_failure() {
    let policy = managed(&[]);
    let mut snapshot = outdated();
    given(&mut snapshot, 1, 600, UpgradeRole::Canary);
    old_one_there(&mut snapshot, true);
    let plan = sound(&snapshot, &policy);
    let memory = plan.memory.begun(&plan.actions[0], &at(0));
    assert_eq!(memory.failed, None);
    let outcome = crate::action::Outcome::Done { changes: vec![] };
    let done = crate::action::Done { node: key(1), planned: plan.actions[0].clone(), outcome };
    assert_eq!(plan.memory.after(&[done], &snapshot).failed, None);
}

#[test]
fn a_canary_that_rests_makes_room_for_another() {
    let policy = managed(&[]);
    let mut snapshot = outdated();
    given(&mut snapshot, 1, 100, UpgradeRole::Canary);
    set(&mut snapshot, 1, stopped(), Some(false));
    snapshot.nodes[0].record.want = Want::StoppedByOperator;
    insta::assert_snapshot!(told(&snapshot, &policy), @"
    upgrade antnode0002: it has 0.23.1, and 0.24.0 is there, as one of the first
    waits: 1 node with it not running: nothing is learned from them
    ");
    given(&mut snapshot, 2, 100, UpgradeRole::Canary);
    insta::assert_snapshot!(told(&snapshot, &policy), @"
    waits: 1 node of 1 at it as the first: 500 s more to hold (canary_time)
    waits: 1 node with it not running: nothing is learned from them
    ");
}

#[test]
fn what_many_nodes_refuse_is_not_tried_on_all_of_them() {
    let policy = managed(&[]);
    let mut snapshot = outdated();
    proven(&mut snapshot, 4);
    let refuses = |snapshot: &mut Snapshot, number: u32, seconds: u64| {
        let memory = snapshot.memory.nodes.entry(key(number).record).or_default();
        let version = version("0.24.0");
        memory.refused = Some(crate::observe::RefusedUpgrade { version, at: at(seconds) });
    };
    refuses(&mut snapshot, 1, 600);
    insta::assert_snapshot!(told(&snapshot, &policy), @"
    upgrade antnode0002: it has 0.23.1, and 0.24.0 is there
    waits: 1 node did not take it; see `wnm history`
    ");
    refuses(&mut snapshot, 2, 300);
    insta::assert_snapshot!(told(&snapshot, &policy), @"
    waits: 2 nodes did not take it within an hour: 3000 s until the next one; see `wnm history`
    waits: 2 nodes did not take it; see `wnm history`
    ");
    refuses(&mut snapshot, 1, 3600);
    insta::assert_snapshot!(told(&snapshot, &policy), @"
    upgrade antnode0001: it has 0.23.1, and 0.24.0 is there
    waits: 1 node did not take it; see `wnm history`
    ");
}

#[test]
fn a_release_that_cannot_be_read_for_a_while_does_not_soak_anew() {
    let mut snapshot = outdated();
    let seen = crate::observe::FirstSeen {
        version: version("0.24.0"),
        at: at(3000),
        wall: Timestamp(1_799_997_000_000),
    };
    snapshot.memory.first_seen = Some(seen.clone());
    snapshot.release = Err(Unread { kind: FaultKind::Timeout, why: "no answer".into() });
    let plan = sound(&snapshot, &managed(&[]));
    assert_eq!(plan.memory.first_seen, Some(seen));
}

#[test]
fn one_that_was_asked_for_counts_as_one_of_many_once_the_version_is_trusted() {
    let mut snapshot = outdated();
    proven(&mut snapshot, 1);
    given(&mut snapshot, 2, 100, UpgradeRole::Asked);
    died(&mut snapshot, 2, 30);
    let quarantines = |snapshot: &Snapshot| {
        let plan = sound(snapshot, &managed(&[]));
        plan.actions.iter().any(|it| {
            matches!(&it.action, crate::action::Action::Revert { quarantine: Some(_), .. })
        })
    };
    assert!(!quarantines(&snapshot));
    snapshot.memory.nodes.get_mut(&key(1).record).unwrap().proven = None;
    assert!(quarantines(&snapshot), "and as one of the first before");
}

#[test]
fn what_another_process_works_with_is_not_replaced() {
    let mut snapshot = outdated();
    snapshot.around.strangers = [(id(1), vec![77, 78])].into();
    insta::assert_snapshot!(told(&snapshot, &managed(&[])), @"
    upgrade antnode0002: it has 0.23.1, and 0.24.0 is there, as one of the first
    waits: 1 node with another process at their data; see `wnm status`
    note: antnode0001: process 77, 78 uses its data and is not its manager's: one identity must not run twice; `wnm stop antnode0001` ends all of them
    ");
    let verb = Verb::Upgrade { nodes: vec![key(1)], to: None, allow_downgrade: false };
    snapshot.requests.push(request(1, verb));
    let plan = sound(&snapshot, &managed(&[(Setting::UpgradeMode, "off")]));
    insta::assert_snapshot!(plan.report.requests[0].why.join("\n"), @"antnode0001: its data is used by process 77, 78 beside the one that its manager keeps: its program is not replaced until that has ended; `wnm stop antnode0001` ends all of them");
}

#[test]
fn what_a_manager_would_download_is_not_given_to_nodes_that_are_there() {
    let mut snapshot = outdated();
    snapshot.release = Ok(Release::new(version("0.24.0"), "ant-node"));
    insta::assert_snapshot!(told(&snapshot, &managed(&[])), @"waits: no file of it is on this machine: antctl downloads it for new nodes only (node_binary)");
    let verb = Verb::Upgrade { nodes: vec![key(1)], to: None, allow_downgrade: false };
    snapshot.requests.push(request(1, verb));
    let plan = sound(&snapshot, &managed(&[]));
    assert!(plan.actions.is_empty(), "{:?}", plan.actions);
    insta::assert_snapshot!(plan.report.requests[0].why.join("\n"), @"antnode0001: no file of ant-node 0.24.0 is on this machine: antctl downloads it for new nodes only; name one with `wnm config set node_binary PATH`");
}

/// What cannot be seen well enough is neither a failure nor a proof.
#[test]
fn nobody_judges_what_is_not_seen() {
    let of = |change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = outdated();
        given(&mut snapshot, 1, 700, UpgradeRole::Canary);
        change(&mut snapshot);
        let plan = sound(&snapshot, &managed(&[(Setting::CanaryCount, "2")]));
        let first =
            |number: u32| move |text: &String| text.contains(&format!("antnode000{number}"));
        let acts = plan.actions.iter().map(|it| it.action.to_string()).filter(first(1));
        let notes = plan.report.notes.iter().map(ToString::to_string).filter(first(1));
        acts.chain(notes).collect::<Vec<_>>().join("; ")
    };
    let removing = |it: &mut Snapshot| {
        set(it, 1, NodeState::Removing, Some(false));
        it.nodes[0].record.phase = Phase::Removing { since: at(9), cause: Removal::Cap };
    };
    let rows = [
        ("it held", of(&|_| {})),
        ("its data cannot be seen", of(&|it| it.nodes[0].data_present = None)),
        ("its data is gone", of(&|it| it.nodes[0].data_present = Some(false))),
        ("its process cannot be seen", of(&|it| it.nodes[0].seen.alive = None)),
        ("unknown", of(&|it| set(it, 1, NodeState::Unknown { why: "silence".into() }, None))),
        ("dead", of(&|it| set(it, 1, NodeState::Dead, Some(false)))),
        ("it is being removed", of(&removing)),
        ("it is to rest", of(&|it| it.nodes[0].record.want = Want::StoppedByOperator)),
        (
            "it is left alone",
            of(&|it| {
                it.nodes[0].record.want = Want::Disabled;
                set(it, 1, NodeState::Disabled, Some(true));
            }),
        ),
    ];
    let rows = rows.map(|(what, told)| format!("{what}: {told}").trim_end().to_owned());
    insta::assert_snapshot!(rows.join("\n"), @"
    it held: prove antnode0001
    its data cannot be seen: antnode0001 was given another program and cannot be observed now
    its data is gone: antnode0001 was given another program and cannot be observed now
    its process cannot be seen: antnode0001 was given another program and cannot be observed now
    unknown: antnode0001 could not be observed: silence; antnode0001 was given another program and cannot be observed now
    dead: remove antnode0001
    it is being removed: reprieve antnode0001
    it is to rest: antnode0001 should be stopped, but somebody started it; it is left alone
    it is left alone:
    ");
}

/// A version that was given up goes back wherever it is not proven, whatever its node looks like.
#[test]
fn what_is_quarantined_goes_back_everywhere() {
    let acts_of = |seconds: u64, quarantined: bool, want: Want| {
        let mut snapshot = outdated();
        given(&mut snapshot, 1, seconds, UpgradeRole::Wave);
        snapshot.nodes[0].record.want = want;
        if quarantined {
            let program = snapshot.nodes[0].record.spec.program;
            let (since, why) = (Timestamp(0), "it died".to_owned());
            let version = version("0.24.0");
            snapshot.holds.quarantined = vec![Quarantined { program, version, since, why }];
        }
        let plan = sound(&snapshot, &managed(&[]));
        let told = plan.actions.iter().filter(|it| it.action.node() == id(1)).map(|it| {
            let starts = match &it.action {
                Action::Revert { start, quarantine, .. } => {
                    format!(" start {start}, quarantine {}", quarantine.is_some())
                }
                _ => String::new(),
            };
            format!("{}: {}{starts}", it.action, it.reason)
        });
        told.collect::<Vec<_>>().join(", ")
    };
    let rows = [
        ("young", acts_of(30, true, Want::Run)),
        ("back", acts_of(100, true, Want::Run)),
        ("held for long enough", acts_of(700, true, Want::Run)),
        ("held for long enough, and trusted", acts_of(700, false, Want::Run)),
        ("it is to rest", acts_of(700, true, Want::StoppedByOperator)),
    ];
    let rows = rows.map(|(what, told)| format!("{what}: {told}").trim_end().to_owned());
    insta::assert_snapshot!(rows.join("\n"), @"
    young: revert antnode0001: 0.24.0 failed: it failed on others start true, quarantine true
    back: revert antnode0001: 0.24.0 failed: it failed on others start true, quarantine true
    held for long enough: revert antnode0001: 0.24.0 failed: it failed on others start true, quarantine true
    held for long enough, and trusted: prove antnode0001: 0.24.0 held for 700 s
    it is to rest: revert antnode0001: 0.24.0 failed: it failed on others start false, quarantine true
    ");
}

/// What nodes did to themselves is told: for a day, or as long as it lasts.
#[test]
fn news_of_nodes_are_told_while_they_are_news() {
    let told = |change: &dyn Fn(&mut NodeView, &mut NodeMemory)| {
        let mut snapshot = quiet(1);
        let mut memory = NodeMemory::default();
        change(&mut snapshot.nodes[0], &mut memory);
        snapshot.memory.nodes.insert(record(1).record, memory);
        let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, "1")]));
        let notes = plan.report.notes.iter().map(ToString::to_string);
        notes.collect::<Vec<_>>().join("; ")
    };
    let became = |from: Option<&str>, to: &str, ago: u64| crate::observe::ChangedProgram {
        from: from.map(version),
        to: version(to),
        at: at(ago),
    };
    let fresh = |was: &str| crate::observe::FreshIdentity {
        was: was.to_owned(),
        is: "two".to_owned(),
        at: at(10),
    };
    let skipped =
        |ago: u64| told(&|_, memory| memory.changed = Some(became(Some("0.9.0"), "0.23.0", ago)));
    let bare = |age: u64, had: (bool, bool), has: (u64, u64)| {
        told(&|node, memory| {
            memory.changed = Some(became(Some("0.22.0"), "0.23.0", 900));
            (memory.had_records, memory.had_peers) = had;
            (node.facts.records, node.facts.peers) = (Some(has.0), Some(has.1));
            node.process_age = Some(Duration::from_secs(age));
        })
    };
    let rows = [
        ("nothing", told(&|_, _| {})),
        (
            "another key",
            told(&|node, memory| {
                memory.fresh = Some(fresh("one"));
                node.installed = Some(installed("0.23.1", "two"));
            }),
        ),
        (
            "its key again",
            told(&|node, memory| {
                memory.fresh = Some(fresh("one"));
                node.installed = Some(installed("0.23.1", "one"));
            }),
        ),
        ("a release skipped", skipped(86_399)),
        ("a release skipped a day ago", skipped(86_400)),
        (
            "a small step",
            told(&|_, memory| memory.changed = Some(became(Some("0.22.0"), "0.23.0", 9))),
        ),
        ("no records, young", bare(599, (true, true), (0, 5))),
        ("no records", bare(600, (true, true), (0, 5))),
        ("no peers", bare(600, (true, true), (5, 0))),
        ("neither", bare(600, (true, true), (0, 0))),
        ("never had any", bare(600, (false, false), (0, 0))),
        ("has both", bare(600, (true, true), (5, 5))),
    ];
    let rows = rows.map(|(what, told)| format!("{what}: {told}").trim_end().to_owned());
    insta::assert_snapshot!(rows.join("\n"), @"
    nothing:
    another key: antnode0001 LOST ITS IDENTITY: its key is not the one it had before; look for the old one with `wnm identity list`
    its key again:
    a release skipped: antnode0001 went from 0.9.0 to 0.23.0: the releases between moved records from LMDB to files; its old records stay in chunks.mdb and are not served
    a release skipped a day ago:
    a small step:
    no records, young:
    no records: antnode0001 came back with 0.23.0 and without its records
    no peers: antnode0001 came back with 0.23.0 and without its peers
    neither: antnode0001 came back with 0.23.0 and without its records and without its peers
    never had any:
    has both:
    ");
}
