//! What lies around the nodes: definitions, openings, what a move left behind.

use super::*;
use crate::action::{Action, PlannedAction, Reason};
use crate::model::{Left, OpId, PortRule, UnitDrift};
use crate::observe::Openings;
use crate::plan::to_look_around;

/// What is changed, by its name.
type Row<'a> = (&'a str, &'a dyn Fn(&mut Snapshot));

#[test]
fn the_surroundings_are_looked_at_first_after_a_boot_and_every_so_often() {
    let every = Duration::from_secs(600);
    let other_boot = Instant { boot: BootId("a".into()), ..at(10) };
    let table = [
        (None, true),
        (Some(at(0)), false),
        (Some(at(599)), false),
        (Some(at(600)), true),
        (Some(at(601)), true),
        (Some(other_boot), true),
    ];
    for (around, expected) in table {
        let memory = EngineMemory { around: around.clone(), ..EngineMemory::default() };
        assert_eq!(to_look_around(&memory, every, &at(0)), expected, "{around:?}");
    }
}

/// Three nodes, each as the setting says, and what is done with the second.
fn told(change: &dyn Fn(&mut Snapshot)) -> String {
    let mut snapshot = quiet(3);
    open_for(&mut snapshot, &[1, 2, 3]);
    change(&mut snapshot);
    planned(&snapshot, &with(draft(), &[(Setting::NodeCap, "3")]))
}

fn open_for(snapshot: &mut Snapshot, numbers: &[u32]) {
    let ports = numbers.iter().map(|number| record(*number).spec.ports);
    let ours = ports.flat_map(|ports| ports.public().collect::<Vec<_>>()).collect();
    snapshot.around.looked = true;
    snapshot.around.firewall = Some(Ok(Openings { ours, settled: BTreeSet::new() }));
}

fn drifted(snapshot: &mut Snapshot, drift: UnitDrift) {
    snapshot.around.drift.insert(id(2), drift);
}

#[test]
fn what_a_living_node_lacks_is_put_back_and_nothing_else() {
    let mute = || NodeState::Mute { missing: "its UDP port is not bound".into() };
    let unseen = || NodeState::Unknown { why: "silence".into() };
    let drift = |drift: UnitDrift| move |it: &mut Snapshot| drifted(it, drift.clone());
    let in_state = |state: NodeState, alive| {
        move |it: &mut Snapshot| {
            drifted(it, UnitDrift::Rewritten);
            set(it, 2, state.clone(), alive);
            it.nodes[1].record.want = Want::StoppedByOperator;
        }
    };
    let table: [Row<'_>; 20] = [
        ("all is well", &|_| {}),
        ("rewritten", &drift(UnitDrift::Rewritten)),
        ("not reloaded", &drift(UnitDrift::NotReloaded)),
        ("overridden", &drift(UnitDrift::Overridden { by: vec!["a.conf".into()] })),
        ("rewritten, mute", &in_state(mute(), Some(true))),
        ("rewritten, upgrading", &in_state(NodeState::Upgrading, Some(true))),
        ("rewritten, stopped", &in_state(stopped(), Some(false))),
        ("rewritten, starting", &in_state(NodeState::Starting, Some(true))),
        ("rewritten, unknown", &in_state(unseen(), None)),
        ("lost", &|it| it.nodes[1].definition_lost = true),
        ("lost and rewritten", &|it| {
            it.nodes[1].definition_lost = true;
            drifted(it, UnitDrift::Rewritten);
        }),
        ("shut", &|it| open_for(it, &[1, 3])),
        ("shut, and meant to be stopped", &|it| {
            open_for(it, &[1, 3]);
            it.nodes[1].record.want = Want::StoppedByPressure;
        }),
        ("shut, by somebody else's rule", &|it| {
            open_for(it, &[1, 3]);
            let settled = record(2).spec.ports.public().collect();
            if let Some(Ok(openings)) = &mut it.around.firewall {
                openings.settled = settled;
            }
        }),
        ("no firewall", &|it| it.around.firewall = None),
        ("key at risk", &|it| it.nodes[1].key_at_risk = true),
        ("key at risk, starting", &|it| {
            it.nodes[1].key_at_risk = true;
            set(it, 2, NodeState::Starting, Some(true));
        }),
        ("key at risk, starting, no process", &|it| {
            it.nodes[1].key_at_risk = true;
            set(it, 2, NodeState::Starting, Some(false));
        }),
        ("key at risk, unseen", &|it| {
            it.nodes[1].key_at_risk = true;
            set(it, 2, unseen(), None);
        }),
        ("disabled", &|it| {
            it.nodes[1].definition_lost = true;
            it.nodes[1].record.want = Want::Disabled;
            set(it, 2, NodeState::Disabled, Some(true));
        }),
    ];
    let rows = table.map(|(what, change)| {
        format!("{what}: {}", told(change).replace('\n', "; ")).trim_end().to_owned()
    });
    insta::assert_snapshot!(rows.join("\n"), @"
    all is well:
    rewritten: mend antnode0002: its unit is not as wnm writes it
    not reloaded: mend antnode0002: its unit was changed and not read again
    overridden:
    rewritten, mute: mend antnode0002: its unit is not as wnm writes it; note: antnode0002 lives, but its UDP port is not bound
    rewritten, upgrading: mend antnode0002: its unit is not as wnm writes it; note: antnode0002 should be stopped, but somebody started it; it is left alone
    rewritten, stopped: note: openings of wnm that no node needs are closed: 55002/udp
    rewritten, starting: note: antnode0002 should be stopped, but somebody started it; it is left alone
    rewritten, unknown: note: antnode0002 could not be observed: silence
    lost: mend antnode0002: its unit was deleted while it runs
    lost and rewritten: mend antnode0002: its unit was deleted while it runs
    shut: mend antnode0002: the firewall does not let in 55002/udp
    shut, and meant to be stopped: note: antnode0002 should be stopped, but somebody started it; it is left alone
    shut, by somebody else's rule:
    no firewall:
    key at risk: mend antnode0002: its key is not in the archive yet
    key at risk, starting: mend antnode0002: its key is not in the archive yet
    key at risk, starting, no process:
    key at risk, unseen: note: antnode0002 could not be observed: silence
    disabled: add antnode0004: room for more: 2 of 3 nodes
    ");
}

/// Each mended unit makes its manager read all units again.
#[test]
fn ten_units_are_mended_in_a_cycle_and_the_rest_in_the_next() {
    let planned_for = |count: u32| {
        let mut snapshot = quiet(count);
        snapshot.memory.around = Some(at(0));
        for number in 1..=count {
            snapshot.around.drift.insert(id(number), UnitDrift::Rewritten);
        }
        let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, "20")]));
        let mended = plan.actions.iter().filter(|it| it.action.name() == "mend").count();
        (mended, plan.memory.around)
    };
    assert_eq!(planned_for(9), (9, Some(at(0))));
    assert_eq!(planned_for(10), (10, Some(at(0))));
    assert_eq!(planned_for(11), (10, None), "the next cycle looks again");
    assert_eq!(planned_for(15), (10, None));
}

#[test]
fn what_a_move_left_behind_goes_when_the_node_has_run_for_a_minute() {
    let moved = |it: &mut Snapshot, age: u64| {
        let left = Left { storage: "/mnt/old".into(), data: "/mnt/old/antnode0002".into() };
        it.nodes[1].record.spec.left = Some(left);
        it.nodes[1].process_age = Some(Duration::from_secs(age));
    };
    let table: [Row<'_>; 7] = [
        ("not moved", &|_| {}),
        ("59 s", &|it| moved(it, 59)),
        ("60 s", &|it| moved(it, 60)),
        ("61 s", &|it| moved(it, 61)),
        ("age unknown", &|it| {
            moved(it, 61);
            it.nodes[1].process_age = None;
        }),
        ("mute", &|it| {
            moved(it, 61);
            set(it, 2, NodeState::Mute { missing: "its UDP port is not bound".into() }, Some(true));
        }),
        ("running by its manager's word, no process", &|it| {
            moved(it, 61);
            it.nodes[1].seen.alive = None;
        }),
    ];
    let rows = table.map(|(what, change)| {
        format!("{what}: {}", told(change).replace('\n', "; ")).trim_end().to_owned()
    });
    insta::assert_snapshot!(rows.join("\n"), @"
    not moved:
    59 s:
    60 s: clear antnode0002: it runs on the disk that it was moved to
    61 s: clear antnode0002: it runs on the disk that it was moved to
    age unknown:
    mute: note: antnode0002 lives, but its UDP port is not bound
    running by its manager's word, no process:
    ");
}

fn closed(change: &dyn Fn(&mut Snapshot)) -> String {
    let mut snapshot = quiet(2);
    open_for(&mut snapshot, &[1, 2, 3]);
    change(&mut snapshot);
    let plan = sound(&snapshot, &with(draft(), &[(Setting::NodeCap, "2")]));
    plan.close.iter().map(PortRule::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn openings_that_no_node_has_are_closed_unless_somebody_listens() {
    let rests = |want: Want, state: NodeState| {
        move |it: &mut Snapshot| {
            it.nodes[1].record.want = want;
            set(it, 2, state.clone(), Some(false));
        }
    };
    let begun = |it: &mut Snapshot, number: u32, action: Action| {
        let planned = PlannedAction { action, reason: Reason::RoomAgain };
        let (id, record) = (OpId(i64::from(number)), key(number).record);
        it.open.push(OpenOperation { id, record, planned, begun: Timestamp(0) });
    };
    let table: [Row<'_>; 12] = [
        ("nobody's", &|_| {}),
        ("somebody listens", &|it| {
            it.ports = Ok(record(3).spec.ports.public().map(|rule| rule.port).collect());
        }),
        ("nobody knows who listens", &|it| {
            it.ports = Err(Unread { kind: FaultKind::Timeout, why: "no answer".into() });
        }),
        ("a node that was let go of has the number", &|it| {
            it.occupied = Ok([id(1), id(2), id(3)].into());
        }),
        ("nobody knows which numbers are taken", &|it| {
            it.occupied = Err(Unread { kind: FaultKind::Timeout, why: "no answer".into() });
        }),
        ("the firewall was not asked", &|it| it.around.firewall = None),
        ("one of them was stopped by its operator", &rests(Want::StoppedByOperator, stopped())),
        ("one of them was stopped for relief", &rests(Want::StoppedByPressure, stopped())),
        ("one of them should run", &rests(Want::Run, stopped())),
        ("one of them is to stop", &rests(Want::StoppedByOperator, NodeState::Upgrading)),
        ("one of them stopped is being started", &|it| {
            rests(Want::StoppedByOperator, stopped())(it);
            begun(it, 2, Action::Start { node: key(2), release: None });
        }),
        ("the third is being added", &|it| {
            let spec = Box::new(record(3).spec);
            begun(it, 3, Action::Add { spec, release: release(), key: None });
        }),
    ];
    let rows =
        table.map(|(what, change)| format!("{what}: {}", closed(change)).trim_end().to_owned());
    insta::assert_snapshot!(rows.join("\n"), @"
    nobody's: 55003/udp
    somebody listens:
    nobody knows who listens:
    a node that was let go of has the number:
    nobody knows which numbers are taken:
    the firewall was not asked:
    one of them was stopped by its operator: 55002/udp 55003/udp
    one of them was stopped for relief: 55003/udp
    one of them should run: 55003/udp
    one of them is to stop: 55003/udp
    one of them stopped is being started: 55003/udp
    the third is being added:
    ");
}
