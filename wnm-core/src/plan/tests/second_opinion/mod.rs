//! What the second opinion says of plans that no planner should make. A plan that it objects to is not
//! carried out, so it has to object to each of them, and to no other.

mod starts;
mod upgrades;

use super::*;
use crate::action::Stopped;
use crate::action::{Action, PlannedAction, Reason, UpgradeFailure};
use crate::model::{FileStamp, Installed, OpId, PortRule, Protocol, Quarantined};
use crate::observe::PastRemoval;

type Change<'a> = &'a dyn Fn(&mut Snapshot);

/// What is said of this plan for two nodes, both running, of two at most.
fn opinion(change: Change<'_>, actions: &[(Action, Reason)]) -> String {
    opinion_with(&[], change, actions)
}

fn opinion_with(
    settings: &[(Setting, &str)],
    change: Change<'_>,
    actions: &[(Action, Reason)],
) -> String {
    let policy = with(draft().with(Setting::NodeCap, "2"), settings);
    let mut snapshot = quiet(2);
    change(&mut snapshot);
    let mut made = plan(&snapshot, &policy, PlanScope::Nothing);
    let planned = |(action, reason): &(Action, Reason)| PlannedAction {
        action: action.clone(),
        reason: reason.clone(),
    };
    made.actions = actions.iter().map(planned).collect();
    said(&made, &snapshot, &policy)
}

fn said(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> String {
    let said = check(plan, snapshot, policy);
    said.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn all_is_well(_: &mut Snapshot) {}

fn asked() -> Reason {
    Reason::Request { id: RequestId(1) }
}

fn unfinished() -> Reason {
    Reason::Unfinished { op: OpId(1) }
}

fn room() -> Reason {
    Reason::Room { nodes: 1, cap: 2 }
}

fn stop(number: u32) -> Action {
    Action::Stop { node: key(number), stopped: Stopped::ByOperator }
}

fn start(number: u32) -> Action {
    Action::Start { node: key(number), release: None }
}

fn add(number: u32) -> Action {
    Action::Add { spec: Box::new(record(number).spec), release: release(), key: None }
}

fn remove(number: u32, cause: Removal) -> Action {
    Action::Remove { node: key(number), cause }
}

fn retire(number: u32, cause: Removal) -> Action {
    Action::Retire { node: key(number), cause }
}

fn unseen(snapshot: &mut Snapshot) {
    set(snapshot, 2, NodeState::Unknown { why: "silence".into() }, None);
}

fn disabled(snapshot: &mut Snapshot) {
    snapshot.nodes[1].record.want = Want::Disabled;
    set(snapshot, 2, NodeState::Disabled, Some(true));
}

fn rows<const N: usize>(table: [(&str, String); N]) -> String {
    table.map(|(what, said)| format!("{what}: {said}").trim_end().to_owned()).join("\n")
}

#[test]
fn nobody_is_touched_who_is_not_meant_seen_or_cared_for() {
    let other_life = NodeKey { record: key(3).record, ..key(2) };
    let disable = Action::Disable { node: key(2) };
    let torn_down = |nodes: Vec<NodeKey>| {
        move |it: &mut Snapshot| {
            disabled(it);
            it.requests = vec![request(1, Verb::Teardown { nodes: nodes.clone() })];
        }
    };
    let teardown = || remove(2, Removal::Teardown);
    let text = rows([
        ("one action", opinion(&all_is_well, &[(stop(2), asked())])),
        ("one each", opinion(&all_is_well, &[(stop(1), asked()), (stop(2), asked())])),
        ("two on one", opinion(&all_is_well, &[(stop(2), asked()), (start(2), asked())])),
        (
            "another life of that number",
            opinion(&all_is_well, &[(Action::Mend { node: other_life }, asked())]),
        ),
        ("one that is not there", opinion(&all_is_well, &[(stop(3), asked())])),
        ("one that is added again", opinion(&all_is_well, &[(add(2), unfinished())])),
        ("unseen", opinion(&unseen, &[(stop(2), asked())])),
        ("unseen, a word", opinion(&unseen, &[(disable.clone(), asked())])),
        ("disabled", opinion(&disabled, &[(stop(2), asked())])),
        ("disabled, a word", opinion(&disabled, &[(Action::Enable { node: key(2) }, asked())])),
        ("disabled, torn down", opinion(&torn_down(vec![key(2)]), &[(teardown(), asked())])),
        ("disabled, others torn down", opinion(&torn_down(vec![key(1)]), &[(teardown(), asked())])),
        (
            "disabled, torn down by another request",
            opinion(
                &torn_down(vec![key(2)]),
                &[(teardown(), Reason::Request { id: RequestId(2) })],
            ),
        ),
        (
            "disabled, stopped by a teardown",
            opinion(&torn_down(vec![key(2)]), &[(stop(2), asked())]),
        ),
        (
            "disabled, and its teardown has begun",
            opinion(
                &|it| {
                    disabled(it);
                    it.nodes[1].record.phase =
                        Phase::Removing { since: at(9), cause: Removal::Teardown };
                    it.nodes[1].seen.state = NodeState::Removing;
                },
                &[(teardown(), unfinished())],
            ),
        ),
    ]);
    insta::assert_snapshot!(text, @"
    one action:
    one each:
    two on one: two actions on antnode0002
    another life of that number: antnode0002 is not the node that was meant
    one that is not there: antnode0003 is not the node that was meant
    one that is added again:
    unseen: antnode0002 could not be observed
    unseen, a word:
    disabled: antnode0002 is disabled
    disabled, a word:
    disabled, torn down:
    disabled, others torn down: antnode0002 is disabled
    disabled, torn down by another request: antnode0002 is disabled
    disabled, stopped by a teardown: antnode0002 is disabled
    disabled, and its teardown has begun:
    ");
}

#[test]
fn nobody_is_removed_without_a_reason_that_holds() {
    let dead = |alive: Option<bool>| move |it: &mut Snapshot| set(it, 2, NodeState::Dead, alive);
    let removing = |it: &mut Snapshot| {
        it.nodes[1].record.phase = Phase::Removing { since: at(999), cause: Removal::Cap };
        set(it, 2, NodeState::Removing, Some(false));
    };
    let pressure =
        |resource: Resource| Reason::Pressure { resource, used: 99.0, limit: 90.0, for_s: 600 };
    let emergency = |resource: Resource| Reason::Emergency { resource, left: 1.0, limit: 2.0 };
    let disk = || Resource::Disk(STORAGE.into());
    let cut = || Reason::DelayCut { resource: disk(), waited_s: 9 };
    let of =
        |change: Change<'_>, reason: Reason| opinion(change, &[(remove(2, Removal::Dead), reason)]);
    let down = || Reason::Down { deaths: 9 };
    let text = rows([
        ("asked for", of(&all_is_well, asked())),
        ("asked for, its data cannot be seen", of(&|it| it.nodes[1].data_present = None, asked())),
        ("asked for, its process cannot be seen", of(&|it| it.nodes[1].seen.alive = None, asked())),
        ("begun before", of(&removing, unfinished())),
        ("begun before, but it runs", of(&all_is_well, unfinished())),
        ("its delay is over", of(&removing, Reason::DelayOver { waited_s: 300 })),
        ("its delay is over, but it runs", of(&all_is_well, Reason::DelayOver { waited_s: 300 })),
        ("its delay is cut", of(&removing, cut())),
        ("its delay is cut, but it runs", of(&all_is_well, cut())),
        ("its data is gone", of(&dead(Some(false)), Reason::DataGone)),
        ("its data is gone, its process lives", of(&dead(Some(true)), Reason::DataGone)),
        ("its data is gone, but it is there", of(&all_is_well, Reason::DataGone)),
        ("never made", of(&dead(Some(false)), Reason::NeverMade)),
        ("never made, but it runs", of(&all_is_well, Reason::NeverMade)),
        ("beyond the cap", of(&all_is_well, Reason::OverCap { nodes: 3, cap: 2 })),
        ("within the cap", of(&all_is_well, Reason::OverCap { nodes: 2, cap: 2 })),
        ("for a disk", of(&all_is_well, pressure(disk()))),
        ("for memory", of(&all_is_well, pressure(Resource::Memory))),
        ("for a full disk", of(&all_is_well, emergency(disk()))),
        ("for memory that runs out", of(&all_is_well, emergency(Resource::Memory))),
        ("it is down", of(&all_is_well, down())),
        ("retired, it is down", opinion(&all_is_well, &[(retire(2, Removal::Dead), down())])),
        ("stopped, it is down", opinion(&all_is_well, &[(stop(2), down())])),
    ]);
    insta::assert_snapshot!(text, @"
    asked for:
    asked for, its data cannot be seen: no reason to let go of antnode0002
    asked for, its process cannot be seen: no reason to let go of antnode0002
    begun before:
    begun before, but it runs: no reason to let go of antnode0002
    its delay is over:
    its delay is over, but it runs: no reason to let go of antnode0002
    its delay is cut:
    its delay is cut, but it runs: no reason to let go of antnode0002
    its data is gone:
    its data is gone, its process lives: no reason to let go of antnode0002
    its data is gone, but it is there: no reason to let go of antnode0002
    never made:
    never made, but it runs: no reason to let go of antnode0002
    beyond the cap:
    within the cap: no reason to let go of antnode0002
    for a disk:
    for memory: no reason to let go of antnode0002
    for a full disk:
    for memory that runs out: no reason to let go of antnode0002
    it is down: no reason to let go of antnode0002
    retired, it is down: no reason to let go of antnode0002
    stopped, it is down:
    ");
}

#[test]
fn nobody_is_let_go_of_or_moved_unasked() {
    let let_go = || Action::Release { node: key(2) };
    let moved = || {
        let to = Box::new(record(2).spec.moved_to(std::path::Path::new("/mnt/other")));
        Action::Move { node: key(2), to }
    };
    let text = rows([
        ("let go, asked", opinion(&all_is_well, &[(let_go(), asked())])),
        ("let go, begun before", opinion(&all_is_well, &[(let_go(), unfinished())])),
        ("let go, room", opinion(&all_is_well, &[(let_go(), room())])),
        ("moved, asked", opinion(&all_is_well, &[(moved(), asked())])),
        ("moved, room", opinion(&all_is_well, &[(moved(), room())])),
    ]);
    insta::assert_snapshot!(text, @"
    let go, asked:
    let go, begun before:
    let go, room: no reason to let go of antnode0002
    moved, asked:
    moved, room: no reason to let go of antnode0002
    ");
}

#[test]
fn nothing_new_takes_what_somebody_has() {
    let silence = || Unread { kind: FaultKind::Timeout, why: "silence".into() };
    let of =
        |change: Change<'_>| opinion_with(&[(Setting::NodeCap, "9")], change, &[(add(3), asked())]);
    let elsewhere = || {
        let mut spec = record(3).spec;
        spec.data = "/elsewhere/antnode0003".into();
        Action::Add { spec: Box::new(spec), release: release(), key: None }
    };
    let like_the_second = || {
        let mut spec = record(3).spec;
        spec.data = record(2).spec.data;
        spec.ports = record(2).spec.ports;
        Action::Add { spec: Box::new(spec), release: release(), key: None }
    };
    let of_two = |action: Action| {
        opinion_with(&[(Setting::NodeCap, "9")], &all_is_well, &[(action, asked())])
    };
    let both = [(add(3), asked()), (like_the_second(), asked())];
    let text = rows([
        ("all is free", of(&all_is_well)),
        ("its name is taken", of(&|it| it.occupied = Ok([id(1), id(2), id(3)].into()))),
        ("names are not known", of(&|it| it.occupied = Err(silence()))),
        ("its port is taken", of(&|it| it.ports = Ok([record(3).spec.ports.node].into()))),
        ("ports are not known", of(&|it| it.ports = Err(silence()))),
        ("outside", of_two(elsewhere())),
        ("where another one lies", of_two(like_the_second())),
        ("added twice", opinion_with(&[(Setting::NodeCap, "9")], &all_is_well, &both)),
    ]);
    insta::assert_snapshot!(text, @"
    all is free:
    its name is taken: antnode0003: its name is taken
    names are not known: antnode0003: what is free is not known, so anything could be what is taken
    its port is taken: antnode0003: port 55003 is taken
    ports are not known: antnode0003: what is free is not known, so anything could be what is taken
    outside: antnode0003: a directory outside of its storage root is taken
    where another one lies: antnode0003: port 55002 is taken; antnode0003: /srv/nodes/antnode0002 is taken
    added twice: two actions on antnode0003; antnode0003: port 55002 is taken; antnode0003: /srv/nodes/antnode0002 is taken
    ");
}

#[test]
fn nothing_grows_while_something_has_to_go() {
    let busy = |it: &mut Snapshot| {
        it.machine.cpu = Some(Percent(99.0));
        it.memory.over.insert(Resource::Cpu, at(9000));
    };
    let full = |it: &mut Snapshot| {
        it.machine.file_systems.insert(STORAGE.into(), super::disk(99));
        it.memory.over.insert(Resource::Disk(STORAGE.into()), at(9000));
    };
    let down = |change: Change<'_>| {
        let change = move |it: &mut Snapshot| {
            change(it);
            set(it, 2, stopped(), Some(false));
        };
        opinion(&change, &[(start(2), Reason::RoomAgain)])
    };
    let added = |change: Change<'_>, reason: Reason| {
        let change = move |it: &mut Snapshot| {
            it.nodes.pop();
            it.occupied = Ok([id(1)].into());
            change(it);
        };
        opinion(&change, &[(add(2), reason)])
    };
    let text = rows([
        ("added, calm", added(&all_is_well, room())),
        ("added, busy", added(&busy, room())),
        ("added because it was asked for, busy", added(&busy, asked())),
        ("added, disk full", added(&full, room())),
        ("started, calm", down(&all_is_well)),
        ("started, busy", down(&busy)),
        ("started, disk full", down(&full)),
        (
            "started, another disk full",
            down(&|it| {
                full(it);
                it.nodes[1].record.spec.storage = "/mnt/other".into();
            }),
        ),
        ("stopped, busy", opinion(&busy, &[(stop(2), Reason::RoomAgain)])),
    ]);
    insta::assert_snapshot!(text, @"
    added, calm:
    added, busy: antnode0002 would be added under pressure
    added because it was asked for, busy:
    added, disk full: antnode0002 would be added under pressure
    started, calm:
    started, busy: antnode0002 would be added under pressure
    started, disk full: antnode0002 would be added under pressure
    started, another disk full:
    stopped, busy:
    ");
}

#[test]
fn the_cap_holds_for_what_the_engine_adds() {
    let retired = |it: &mut Snapshot| {
        it.nodes[1].record.phase = Phase::Removing { since: at(9), cause: Removal::Cap };
        set(it, 2, NodeState::Removing, Some(false));
    };
    let resting = |it: &mut Snapshot| {
        it.nodes[1].record.want = Want::StoppedByOperator;
        set(it, 2, stopped(), Some(false));
    };
    let capped = |cap: &str, change: Change<'_>, action: Action, reason: Reason| {
        opinion_with(&[(Setting::NodeCap, cap)], change, &[(action, reason)])
    };
    let reprieve = || Action::Reprieve { node: key(2) };
    let text = rows([
        ("a third of three", capped("3", &all_is_well, add(3), room())),
        ("a third of two", capped("2", &all_is_well, add(3), room())),
        ("a third of two, asked for", capped("2", &all_is_well, add(3), asked())),
        ("a third of two, begun before", capped("2", &all_is_well, add(3), unfinished())),
        ("taken back, of two", capped("2", &retired, reprieve(), Reason::RoomAgain)),
        ("taken back, of one", capped("1", &retired, reprieve(), Reason::RoomAgain)),
        (
            "taken back although it is not going, of one",
            capped("1", &all_is_well, reprieve(), Reason::RoomAgain),
        ),
        ("started, of two", capped("2", &resting, start(2), Reason::RoomAgain)),
        ("started, of one", capped("1", &resting, start(2), Reason::RoomAgain)),
        (
            "healed, of one",
            capped(
                "1",
                &|it| set(it, 2, stopped(), Some(false)),
                start(2),
                Reason::Down { deaths: 1 },
            ),
        ),
        ("stopped, of one", capped("1", &all_is_well, stop(2), Reason::RoomAgain)),
    ]);
    insta::assert_snapshot!(text, @"
    a third of three:
    a third of two: 3 nodes, 2 allowed
    a third of two, asked for:
    a third of two, begun before:
    taken back, of two:
    taken back, of one: 2 nodes, 1 allowed
    taken back although it is not going, of one:
    started, of two:
    started, of one:
    healed, of one:
    stopped, of one:
    ");
}

#[test]
fn no_more_go_in_an_hour_or_a_day_than_may() {
    let of = |past: Vec<PastRemoval>, causes: &[Removal], settings: &[(Setting, &str)]| {
        let retire = |(at, cause): (usize, &Removal)| {
            let reason = match cause {
                Removal::Disk => Reason::Emergency {
                    resource: Resource::Disk(STORAGE.into()),
                    left: 1.0,
                    limit: 2.0,
                },
                _ => Reason::OverCap { nodes: 3, cap: 1 },
            };
            (retire(at as u32 + 1, *cause), reason)
        };
        let actions: Vec<_> = causes.iter().enumerate().map(retire).collect();
        opinion_with(settings, &|it| it.memory.removals = past.clone(), &actions)
    };
    let past = |count: usize, ago: u64, disk: bool| vec![PastRemoval { at: at(ago), disk }; count];
    let (one, day) =
        ([(Setting::MaxDestructivePerHour, "2")], [(Setting::MaxDiskRemovalsPerDay, "2")]);
    let none = [(Setting::MaxDestructivePerHour, "0")];
    use Removal::{Cap, Disk, Operator};
    let text = rows([
        ("two of two an hour", of(vec![], &[Cap, Cap], &one)),
        ("one after one", of(past(1, 3599, false), &[Cap], &one)),
        ("two after one", of(past(1, 3599, false), &[Cap, Cap], &one)),
        ("two after one, long ago", of(past(1, 3600, false), &[Cap, Cap], &one)),
        ("one after three, asked for", of(past(3, 9, false), &[Operator], &one)),
        ("none may", of(vec![], &[Cap], &none)),
        ("two of two a day", of(vec![], &[Disk, Disk], &day)),
        ("one after two for the cap", of(past(2, 9000, false), &[Disk], &day)),
        ("one after two that day", of(past(2, 86_399, true), &[Disk], &day)),
        ("one for the cap after two that day", of(past(2, 86_399, true), &[Cap], &day)),
        ("one after two, a day ago", of(past(2, 86_400, true), &[Disk], &day)),
    ]);
    insta::assert_snapshot!(text, @"
    two of two an hour:
    one after one:
    two after one: 3 removals of late, 2 allowed
    two after one, long ago:
    one after three, asked for:
    none may: 1 removals of late, 0 allowed
    two of two a day:
    one after two for the cap:
    one after two that day: 3 removals of late, 2 allowed
    one for the cap after two that day:
    one after two, a day ago:
    ");
}

#[test]
fn nothing_is_closed_that_a_node_has() {
    let said_of = |port: u16| {
        let (snapshot, policy) = (quiet(2), with(draft(), &[(Setting::NodeCap, "2")]));
        let mut made = plan(&snapshot, &policy, PlanScope::Everything);
        made.close = vec![PortRule { port, protocol: Protocol::Udp }];
        said(&made, &snapshot, &policy)
    };
    assert_eq!(said_of(record(3).spec.ports.node), "");
    assert_eq!(said_of(record(2).spec.ports.node), "55002/udp belongs to a node");
}
