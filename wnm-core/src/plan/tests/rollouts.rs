//! Whose turn it is when a release is rolled out, and who is passed over.

use super::*;
use crate::action::Action;
use crate::model::{Installed, Release};
use crate::observe::{FailedRelease, NodeMemory, RefusedUpgrade};

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// Four running nodes, and 0.24.0, which none of them has; two of them try it first.
fn made(settings: &[(Setting, &str)], change: &dyn Fn(&mut Snapshot)) -> Plan {
    let mut snapshot = quiet(4);
    snapshot.release = Ok(Release::new(version("0.24.0"), PathBuf::from("/opt/next")));
    change(&mut snapshot);
    let usual =
        [(Setting::UpgradeMode, "managed"), (Setting::NodeCap, "4"), (Setting::CanaryCount, "2")];
    sound(&snapshot, &with(draft(), &[&usual, settings].concat()))
}

/// What is done, and how the rollout stands.
fn told(settings: &[(Setting, &str)], change: &dyn Fn(&mut Snapshot)) -> String {
    let plan = made(settings, change);
    let acts = plan.actions.iter().map(|it| it.action.to_string());
    let stands = plan.report.rollout.iter().map(|it| {
        let versions: Vec<String> =
            it.versions.iter().map(|(version, nodes)| format!("{nodes} have {version}")).collect();
        let waits: Vec<String> = it.waits.iter().map(ToString::to_string).collect();
        let trusted = if it.trusted { "trusted" } else { "not trusted" };
        format!(
            "{trusted}, {}, {} to go, {} failed; {}",
            versions.join(" and "),
            it.outdated,
            it.failed,
            waits.join("; ")
        )
    });
    format!("{} [{}]", acts.collect::<Vec<_>>().join(", "), stands.collect::<String>())
}

fn of_node(snapshot: &mut Snapshot, number: u32) -> &mut NodeMemory {
    snapshot.memory.nodes.entry(key(number).record).or_default()
}

fn has(snapshot: &mut Snapshot, number: u32, text: &str) {
    snapshot.nodes[number as usize - 1].record.version = Some(version(text));
}

fn holds(snapshot: &mut Snapshot, number: u32) {
    has(snapshot, number, "0.24.0");
    of_node(snapshot, number).proven = Some(version("0.24.0"));
}

/// It was given the release so long ago, and runs since.
fn tries(snapshot: &mut Snapshot, number: u32, role: UpgradeRole, seconds: u64) {
    has(snapshot, number, "0.24.0");
    let given = Upgrade { to: version("0.24.0"), role, since: at(seconds), ..on_trial() };
    let node = &mut snapshot.nodes[number as usize - 1];
    node.record.upgrade = Some(given);
    node.process_age = Some(Duration::from_secs(seconds));
}

fn refuses(snapshot: &mut Snapshot, number: u32, text: &str, ago: u64) {
    of_node(snapshot, number).refused =
        Some(RefusedUpgrade { version: version(text), at: at(ago) });
}

fn failed(snapshot: &mut Snapshot, text: &str, numbers: &[u32]) {
    let nodes = numbers.iter().map(|number| key(*number).record).collect();
    snapshot.memory.failed = Some(FailedRelease { version: version(text), nodes, given_up: false });
}

#[test]
fn who_refused_of_late_or_failed_with_it_is_passed_over() {
    let one = [(Setting::CanaryCount, "1")];
    let rows = [
        ("nobody has it", told(&[], &|_| {})),
        ("nobody has it, one first", told(&one, &|_| {})),
        (
            "two hold",
            told(&[], &|it| {
                holds(it, 1);
                holds(it, 2);
            }),
        ),
        ("one holds of two", told(&[], &|it| holds(it, 4))),
        ("one refused it", told(&one, &|it| refuses(it, 1, "0.24.0", 3599))),
        ("one refused it an hour ago", told(&one, &|it| refuses(it, 1, "0.24.0", 3600))),
        ("one refused another one", told(&one, &|it| refuses(it, 1, "0.23.9", 10))),
        (
            "one refused it long ago, and failed with it",
            told(&one, &|it| {
                refuses(it, 1, "0.24.0", 9000);
                failed(it, "0.24.0", &[1]);
            }),
        ),
        (
            "one refused it long ago, and another failed",
            told(&one, &|it| {
                refuses(it, 1, "0.24.0", 9000);
                failed(it, "0.24.0", &[2]);
            }),
        ),
        (
            "one refused it long ago, and failed with another one",
            told(&one, &|it| {
                refuses(it, 1, "0.24.0", 9000);
                failed(it, "0.23.9", &[1]);
            }),
        ),
        (
            "two refused it",
            told(&one, &|it| {
                refuses(it, 1, "0.24.0", 600);
                refuses(it, 2, "0.24.0", 300);
            }),
        ),
        (
            "two refused it, one of them long ago",
            told(&one, &|it| {
                refuses(it, 1, "0.24.0", 3600);
                refuses(it, 2, "0.24.0", 300);
            }),
        ),
        (
            "one of them runs a copy of others",
            told(&one, &|it| {
                it.nodes[0].record.spec.binary = "/usr/bin/ant-node".into();
            }),
        ),
        (
            "one of them does not run",
            told(&one, &|it| {
                set(
                    it,
                    1,
                    NodeState::Mute { missing: "its UDP port is not bound".into() },
                    Some(true),
                )
            }),
        ),
        ("one of them rests", told(&one, &|it| it.nodes[0].record.want = Want::StoppedByOperator)),
        (
            "a stranger uses its data",
            told(&one, &|it| it.around.strangers = [(id(1), vec![77])].into()),
        ),
        (
            "one of them is of an unknown version",
            told(&one, &|it| it.nodes[0].record.version = None),
        ),
        ("one of them is newer", told(&one, &|it| has(it, 1, "0.25.0"))),
        ("all but one have it", told(&[], &|it| (1..=3).for_each(|number| holds(it, number)))),
        ("all have it", told(&[], &|it| (1..=4).for_each(|number| has(it, number, "0.24.0")))),
        ("nobody tries it first", told(&[(Setting::CanaryCount, "0")], &|_| {})),
        ("more are to try it than there are", told(&[(Setting::CanaryCount, "9")], &|_| {})),
    ];
    let rows = rows.map(|(what, told)| format!("{what}: {told}").trim_end().to_owned());
    insta::assert_snapshot!(rows.join("\n"), @"
    nobody has it: upgrade antnode0001, upgrade antnode0002 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; ]
    nobody has it, one first: upgrade antnode0001 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; ]
    two hold: upgrade antnode0003 [trusted, 2 have 0.23.1 and 2 have 0.24.0, 2 to go, 0 failed; ]
    one holds of two: upgrade antnode0001 [not trusted, 3 have 0.23.1 and 1 have 0.24.0, 3 to go, 0 failed; ]
    one refused it: upgrade antnode0002 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; 1 node did not take it; see `wnm history`]
    one refused it an hour ago: upgrade antnode0001 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; ]
    one refused another one: upgrade antnode0001 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; ]
    one refused it long ago, and failed with it: upgrade antnode0002 [not trusted, 4 have 0.23.1, 4 to go, 1 failed; 1 node did not take it; see `wnm history`]
    one refused it long ago, and another failed: upgrade antnode0001 [not trusted, 4 have 0.23.1, 4 to go, 1 failed; ]
    one refused it long ago, and failed with another one: upgrade antnode0001 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; ]
    two refused it:  [not trusted, 4 have 0.23.1, 4 to go, 0 failed; 2 nodes did not take it within an hour: 3000 s until the next one; see `wnm history`; 2 nodes did not take it; see `wnm history`]
    two refused it, one of them long ago: upgrade antnode0001 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; 1 node did not take it; see `wnm history`]
    one of them runs a copy of others: upgrade antnode0002 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; 1 node with a program that their manager keeps]
    one of them does not run: upgrade antnode0002 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; 1 node not running: upgraded when they run again]
    one of them rests: upgrade antnode0002 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; 1 node not running: upgraded when they run again]
    a stranger uses its data: upgrade antnode0002 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; 1 node with another process at their data; see `wnm status`]
    one of them is of an unknown version: upgrade antnode0002 [not trusted, 3 have 0.23.1, 3 to go, 0 failed; ]
    one of them is newer: upgrade antnode0002 [not trusted, 3 have 0.23.1 and 1 have 0.25.0, 3 to go, 0 failed; ]
    all but one have it: upgrade antnode0004 [trusted, 1 have 0.23.1 and 3 have 0.24.0, 1 to go, 0 failed; ]
    all have it:  []
    nobody tries it first: upgrade antnode0001 [trusted, 4 have 0.23.1, 4 to go, 0 failed; ]
    more are to try it than there are: upgrade antnode0001, upgrade antnode0002, upgrade antnode0003, upgrade antnode0004 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; ]
    ");
}

/// What came in the place of what was given: an older one was never it, the same or a newer one was.
#[test]
fn what_lies_there_instead_says_what_became_of_it() {
    let of = |there: &str, from: &str| {
        told(&[], &|it| {
            has(it, 1, "0.24.0");
            let given = Upgrade {
                from: version(from),
                to: version("0.24.0"),
                since: at(700),
                ..on_trial()
            };
            it.nodes[0].record.upgrade = Some(given);
            it.nodes[0].process_age = Some(Duration::from_secs(700));
            it.nodes[0].examined = true;
            it.nodes[0].installed = Some(Installed {
                stamp: crate::model::FileStamp { inode: 9, size: 1, changed_ms: 0 },
                version: version(there),
                sha256: "0".repeat(64),
                identity: None,
            });
        })
    };
    let rows = [
        ("it", of("0.24.0", "0.23.1")),
        ("the one before", of("0.23.1", "0.23.1")),
        ("an older one", of("0.22.0", "0.23.1")),
        ("one in between", of("0.23.5", "0.23.1")),
        ("a newer one", of("0.25.0", "0.23.1")),
        ("it, which was there before", of("0.24.0", "0.24.0")),
        ("the newer one that was there before", of("0.25.0", "0.25.0")),
    ];
    let rows = rows.map(|(what, told)| format!("{what}: {told}").trim_end().to_owned());
    insta::assert_snapshot!(rows.join("\n"), @"
    it: prove antnode0001, upgrade antnode0002 [not trusted, 3 have 0.23.1 and 1 have 0.24.0, 3 to go, 0 failed; 1 node of 2 at it as the first: 0 s more to hold (canary_time)]
    the one before: revert antnode0001 [not trusted, 4 have 0.23.1, 3 to go, 0 failed; 1 node of 2 at it as the first: 600 s more to hold (canary_time)]
    an older one: revert antnode0001 [not trusted, 1 have 0.22.0 and 3 have 0.23.1, 3 to go, 0 failed; 1 node of 2 at it as the first: 600 s more to hold (canary_time)]
    one in between: revert antnode0001 [not trusted, 3 have 0.23.1 and 1 have 0.23.5, 3 to go, 0 failed; 1 node of 2 at it as the first: 600 s more to hold (canary_time)]
    a newer one: prove antnode0001, upgrade antnode0002, upgrade antnode0003 [not trusted, 3 have 0.23.1 and 1 have 0.25.0, 3 to go, 0 failed; ]
    it, which was there before: prove antnode0001, upgrade antnode0002 [not trusted, 3 have 0.23.1 and 1 have 0.24.0, 3 to go, 0 failed; 1 node of 2 at it as the first: 0 s more to hold (canary_time)]
    the newer one that was there before: revert antnode0001 [not trusted, 3 have 0.23.1 and 1 have 0.25.0, 3 to go, 0 failed; 1 node of 2 at it as the first: 600 s more to hold (canary_time)]
    ");
}

/// Nodes are not upgraded in a cycle in which others go.
#[test]
fn nothing_is_replaced_while_something_is_relieved() {
    let of = |settings: &[(Setting, &str)], change: &dyn Fn(&mut Snapshot)| told(settings, change);
    let full = |it: &mut Snapshot| {
        let system = FileSystemView { device: 2, free: Bytes(1_500_000_000), ..disk(99) };
        it.machine.file_systems.insert("/mnt/b".into(), system);
        it.storage.insert("/mnt/b".into(), Ok(()));
        it.nodes[3].record.spec.storage = "/mnt/b".into();
        it.nodes[3].disk = Some(gb(10));
    };
    let short = |it: &mut Snapshot| {
        it.machine.memory = Some(MemorySample { total: gb(100), available: gb(1) });
    };
    let rows = [
        ("a full disk", of(&[], &full)),
        ("no memory", of(&[], &short)),
        ("beyond the cap", of(&[(Setting::NodeCap, "3")], &|_| {})),
    ];
    let rows = rows.map(|(what, told)| format!("{what}: {told}").trim_end().to_owned());
    insta::assert_snapshot!(rows.join("\n"), @"
    a full disk: remove antnode0004 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; the machine is too busy: nodes are being shed]
    no memory: stop antnode0004 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; the machine is too busy: nodes are being shed]
    beyond the cap: retire antnode0004 [not trusted, 4 have 0.23.1, 4 to go, 0 failed; the machine is too busy: nodes are being shed]
    ");
}

/// A canary that fails takes with it what another one had just proven.
#[test]
fn what_was_just_proven_is_taken_back_with_the_others() {
    let text = told(&[], &|it| {
        tries(it, 1, UpgradeRole::Canary, 700);
        tries(it, 2, UpgradeRole::Canary, 100);
        of_node(it, 2).deaths.push(at(50));
    });
    insta::assert_snapshot!(text, @"revert antnode0002, revert antnode0001 [not trusted, 2 have 0.23.1 and 2 have 0.24.0, 2 to go, 0 failed; 2 nodes of 2 at it as the first: 600 s more to hold (canary_time)]");
}

/// Nodes that are upgraded are in motion as well.
#[test]
fn upgrades_keep_to_what_may_be_in_motion() {
    let settings = [
        (Setting::CanaryCount, "0"),
        (Setting::MaxConcurrentUpgrades, "4"),
        (Setting::MaxConcurrentOperations, "2"),
    ];
    insta::assert_snapshot!(told(&settings, &|_| {}), @"upgrade antnode0001, upgrade antnode0002 [trusted, 4 have 0.23.1, 4 to go, 0 failed; ]");
}

/// Where there are fewer nodes than were to try it first, those are enough.
#[test]
fn trust_needs_as_many_as_can_still_prove_it() {
    let given = |it: &mut Snapshot, number: u32| tries(it, number, UpgradeRole::Canary, 100);
    let went_on = |it: &mut Snapshot, number: u32| {
        given(it, number);
        it.nodes[number as usize - 1].examined = true;
        it.nodes[number as usize - 1].installed = Some(Installed {
            stamp: crate::model::FileStamp { inode: 9, size: 1, changed_ms: 0 },
            version: version("0.25.0"),
            sha256: "0".repeat(64),
            identity: None,
        });
    };
    let of_two = |second: &dyn Fn(&mut Snapshot)| {
        told(&[], &|it: &mut Snapshot| {
            it.nodes.truncate(2);
            it.occupied = Ok((1..=4).map(id).collect());
            holds(it, 1);
            second(it);
        })
    };
    let rows = [
        ("the other one is at it", of_two(&|it| given(it, 2))),
        ("the other one went on by itself", of_two(&|it| went_on(it, 2))),
        (
            "all run what others keep",
            told(&[], &|it| {
                for node in &mut it.nodes {
                    node.record.spec.binary = "/usr/bin/ant-node".into();
                }
            }),
        ),
        (
            "no file of it is here",
            told(&[], &|it| {
                it.release = Ok(Release::new(version("0.24.0"), "ant-node"));
            }),
        ),
    ];
    let rows = rows.map(|(what, told)| format!("{what}: {told}").trim_end().to_owned());
    insta::assert_snapshot!(rows.join("\n"), @"
    the other one is at it: add antnode0005 [not trusted, 2 have 0.24.0, 0 to go, 0 failed; 1 node of 2 at it as the first: 500 s more to hold (canary_time)]
    the other one went on by itself: add antnode0005 [trusted, 1 have 0.24.0 and 1 have 0.25.0, 0 to go, 0 failed; ]
    all run what others keep:  [not trusted, 4 have 0.23.1, 4 to go, 0 failed; 4 nodes with a program that their manager keeps]
    no file of it is here:  [not trusted, 4 have 0.23.1, 4 to go, 0 failed; no file of it is on this machine: antctl downloads it for new nodes only (node_binary)]
    ");
}

/// Failures add up over cycles, those of the same version.
#[test]
fn what_failed_before_counts() {
    let quarantined = |before: &str| {
        let plan = made(&[], &|it| {
            holds(it, 1);
            holds(it, 2);
            tries(it, 3, UpgradeRole::Wave, 100);
            of_node(it, 3).deaths.push(at(60));
            failed(it, before, &[4]);
        });
        plan.actions.iter().find_map(|it| match &it.action {
            Action::Revert { node, quarantine, .. } => Some((node.id, quarantine.is_some())),
            _ => None,
        })
    };
    assert_eq!(quarantined("0.24.0"), Some((id(3), true)));
    assert_eq!(quarantined("0.23.9"), Some((id(3), false)));
}

/// A node that is put back is in motion, and others that are down wait for it.
#[test]
fn healing_waits_for_what_is_put_back() {
    let of = |most: &str| {
        told(&[(Setting::MaxConcurrentOperations, most)], &|it| {
            tries(it, 1, UpgradeRole::Canary, 100);
            of_node(it, 1).deaths.push(at(60));
            set(it, 4, stopped(), Some(false));
        })
    };
    let acts = |text: String| text.split(" [").next().unwrap_or_default().to_owned();
    assert_eq!(acts(of("1")), "revert antnode0001");
    assert_eq!(acts(of("2")), "revert antnode0001, start antnode0004");
}
