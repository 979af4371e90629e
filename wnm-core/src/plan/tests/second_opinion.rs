//! What the second opinion says of plans that no planner should make. A plan that it objects to is not
//! carried out, so it has to object to each of them, and to no other.

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
    table.map(|(what, said)| format!("{what}: {said}")).join("\n")
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

/// So many nodes of which the last is being started, and this many are added and brought back.
fn starting(
    settings: &[(Setting, &str)],
    change: Change<'_>,
    (growth, recovery): (u32, u32),
) -> String {
    let policy = with(draft().with(Setting::NodeCap, "1000"), settings);
    let mut snapshot = quiet(40);
    for number in 21..=40 {
        set(&mut snapshot, number, stopped(), Some(false));
    }
    change(&mut snapshot);
    let mut made = plan(&snapshot, &policy, PlanScope::Nothing);
    made.memory.cost = snapshot.memory.cost.clone();
    let added = (41..41 + growth).map(|number| (add(number), room()));
    let back = (21..21 + recovery).map(|number| (start(number), Reason::Down { deaths: 1 }));
    made.actions =
        added.chain(back).map(|(action, reason)| PlannedAction { action, reason }).collect();
    said(&made, &snapshot, &policy)
}

fn learned(snapshot: &mut Snapshot) {
    snapshot.memory.cost = super::capacity::learned();
}

#[test]
fn no_more_are_started_at_once_than_may() {
    let two = |it: &mut Snapshot| {
        learned(it);
        it.nodes.truncate(2);
    };
    let in_motion = |it: &mut Snapshot| {
        learned(it);
        set(it, 20, NodeState::Starting, Some(true));
    };
    let cpus = |cpus: u32| {
        move |it: &mut Snapshot| {
            learned(it);
            it.machine.cpus = cpus;
        }
    };
    let three = [(Setting::MaxConcurrentStarts, "3")];
    let one = [(Setting::MaxConcurrentStarts, "1")];
    let busy = |it: &mut Snapshot| {
        learned(it);
        it.machine.cpu = Some(Percent(99.0));
        it.memory.over.insert(Resource::Cpu, at(9000));
    };
    let full = |it: &mut Snapshot| {
        learned(it);
        let system = FileSystemView { device: 2, ..super::disk(99) };
        it.machine.file_systems.insert("/mnt/b".into(), system);
        it.storage.insert("/mnt/b".into(), Ok(()));
    };
    let text = rows([
        ("half the CPUs", starting(&[], &learned, (2, 0))),
        ("more", starting(&[], &learned, (3, 0))),
        ("one is starting", starting(&[], &in_motion, (1, 0))),
        ("one is starting, two more", starting(&[], &in_motion, (2, 0))),
        ("a single CPU", starting(&[], &cpus(1), (1, 0))),
        ("a single CPU, two", starting(&[], &cpus(1), (2, 0))),
        ("hundred CPUs, 16", starting(&[], &cpus(100), (16, 0))),
        ("hundred CPUs, 17", starting(&[], &cpus(100), (17, 0))),
        (
            "as many as run",
            starting(
                &[],
                &|it| {
                    two(it);
                    it.machine.cpus = 100;
                },
                (2, 0),
            ),
        ),
        (
            "more than run",
            starting(
                &[],
                &|it| {
                    two(it);
                    it.machine.cpus = 100;
                },
                (3, 0),
            ),
        ),
        ("recovery, twenty", starting(&[], &learned, (0, 20))),
        ("recovery, three of three", starting(&three, &learned, (0, 3))),
        ("recovery, four of three", starting(&three, &learned, (0, 4))),
        ("both, three of three", starting(&three, &learned, (1, 2))),
        ("both, four of three", starting(&three, &learned, (2, 2))),
        ("recovery, and one is starting", starting(&three, &in_motion, (0, 3))),
        (
            "none, two are starting",
            starting(
                &one,
                &|it| {
                    in_motion(it);
                    set(it, 19, NodeState::Starting, Some(true));
                },
                (0, 0),
            ),
        ),
        ("recovery while nodes are shed", starting(&[], &busy, (0, 1))),
        ("growth while nodes are shed", starting(&[], &busy, (1, 0))),
        ("nothing while nodes are shed", starting(&[], &busy, (0, 0))),
        ("recovery while a disk is full", starting(&[], &full, (0, 1))),
        (
            "growth of one, one may",
            starting(&[(Setting::MaxConcurrentStarts, "1")], &learned, (1, 0)),
        ),
        (
            "growth of two, one may",
            starting(&[(Setting::MaxConcurrentStarts, "1")], &learned, (2, 0)),
        ),
    ]);
    insta::assert_snapshot!(text, @"
    half the CPUs: 
    more: 3 nodes starting at once, 2 allowed
    one is starting: 
    one is starting, two more: 3 nodes starting at once, 2 allowed
    a single CPU: 
    a single CPU, two: 2 nodes starting at once, 1 allowed
    hundred CPUs, 16: 
    hundred CPUs, 17: 17 nodes starting at once, 16 allowed
    as many as run: 
    more than run: 3 nodes starting at once, 2 allowed
    recovery, twenty: 20 nodes starting at once, 2 allowed
    recovery, three of three: 
    recovery, four of three: 4 nodes starting at once, 3 allowed
    both, three of three: 
    both, four of three: 4 nodes starting at once, 3 allowed
    recovery, and one is starting: 4 nodes starting at once, 3 allowed
    none, two are starting: 
    recovery while nodes are shed: 1 nodes started, and there is no room for so many: cpu is 99.0 %, a node takes 0.0 %, 70.0 % may be used
    growth while nodes are shed: antnode0041 would be added under pressure; 1 nodes started, and there is no room for so many: cpu is 99.0 %, a node takes 0.0 %, 70.0 % may be used
    nothing while nodes are shed: 
    recovery while a disk is full: 
    growth of one, one may: 
    growth of two, one may: 2 nodes starting at once, 1 allowed
    ");
}

#[test]
fn growth_waits_for_what_is_not_known_yet() {
    let latest = |boot: &str| {
        let tried = Instant { boot: BootId(boot.into()), ..at(60) };
        move |it: &mut Snapshot| {
            learned(it);
            it.memory.nodes.entry(key(40).record).or_default().last_try = Some(tried.clone());
        }
    };
    let grew = |ago: u64| move |it: &mut Snapshot| it.memory.last_growth = Some(at(ago));
    let early = |change: fn(&mut crate::observe::LearnedCost)| {
        move |it: &mut Snapshot| {
            learned(it);
            change(&mut it.memory.cost);
        }
    };
    let learn_time = policy(&draft()).stability.learn_time.as_secs();
    let text = rows([
        ("the latest is down, one more", starting(&[], &latest("b"), (1, 0))),
        ("the latest is down, two more", starting(&[], &latest("b"), (2, 0))),
        ("the latest is down, tried before the boot", starting(&[], &latest("a"), (2, 0))),
        (
            "the latest is down and not wanted",
            starting(
                &[],
                &|it| {
                    latest("b")(it);
                    it.nodes[39].record.want = Want::StoppedByOperator;
                },
                (2, 0),
            ),
        ),
        ("nothing learned, one", starting(&[], &all_is_well, (1, 0))),
        ("nothing learned, two", starting(&[], &all_is_well, (2, 0))),
        ("nothing learned, none but recovery", starting(&[], &grew(9), (0, 2))),
        ("nothing learned, one lately", starting(&[], &grew(learn_time - 1), (1, 0))),
        ("nothing learned, one some time ago", starting(&[], &grew(learn_time), (1, 0))),
        ("not looked at for long enough", starting(&[], &early(|it| it.observed_s -= 1.0), (2, 0))),
        ("CPU not learned", starting(&[], &early(|it| it.running.cpu = None), (2, 0))),
        ("memory not learned", starting(&[], &early(|it| it.running.memory = None), (2, 0))),
        ("load not learned", starting(&[], &early(|it| it.running.load = None), (2, 0))),
        ("start not learned", starting(&[], &early(|it| it.starting.cpu = None), (2, 0))),
        (
            "memory at start not learned",
            starting(&[], &early(|it| it.starting.memory = None), (2, 0)),
        ),
    ]);
    insta::assert_snapshot!(text, @"
    the latest is down, one more: 
    the latest is down, two more: 2 nodes starting at once, 1 allowed
    the latest is down, tried before the boot: 
    the latest is down and not wanted: 
    nothing learned, one: 
    nothing learned, two: 2 nodes starting at once, 1 allowed
    nothing learned, none but recovery: 
    nothing learned, one lately: 1 nodes starting at once, 0 allowed
    nothing learned, one some time ago: 
    not looked at for long enough: 2 nodes starting at once, 1 allowed
    CPU not learned: 2 nodes starting at once, 1 allowed
    memory not learned: 2 nodes starting at once, 1 allowed
    load not learned: 2 nodes starting at once, 1 allowed
    start not learned: 2 nodes starting at once, 1 allowed
    memory at start not learned: 2 nodes starting at once, 1 allowed
    ");
}

#[test]
fn as_many_are_started_as_fit() {
    let with_cpu = |used: f64, each: f64| {
        move |it: &mut Snapshot| {
            learned(it);
            it.machine.cpus = 100;
            it.machine.cpu = Some(Percent(used));
            if let Some(cpu) = &mut it.memory.cost.running.cpu {
                cpu.mean = each;
            }
        }
    };
    let with_memory = |available: u64, each: f64| {
        move |it: &mut Snapshot| {
            with_cpu(20.0, 0.0)(it);
            it.machine.memory = Some(MemorySample { total: gb(100), available: gb(available) });
            if let Some(memory) = &mut it.memory.cost.running.memory {
                memory.mean = each;
            }
        }
    };
    let with_load = |one: f64, five: f64, each: f64| {
        move |it: &mut Snapshot| {
            with_cpu(20.0, 0.0)(it);
            it.machine.load = Some(LoadAverage { one, five, fifteen: 0.0 });
            if let Some(load) = &mut it.memory.cost.running.load {
                load.mean = each;
            }
        }
    };
    let gigabyte = 1_000_000_000.0;
    let text = rows([
        ("two of 10 % at 20 %", starting(&[], &with_cpu(20.0, 10.0), (2, 0))),
        ("four of 10 % at 20 %", starting(&[], &with_cpu(20.0, 10.0), (4, 0))),
        ("one of 90 % at 20 %", starting(&[], &with_cpu(20.0, 90.0), (1, 0))),
        ("recovery, four of 10 % at 20 %", starting(&[], &with_cpu(20.0, 10.0), (0, 4))),
        ("recovery, seven of 10 % at 20 %", starting(&[], &with_cpu(20.0, 10.0), (0, 7))),
        ("two of 5 GB at 70 GB free", starting(&[], &with_memory(70, 5.0 * gigabyte), (2, 0))),
        ("two of 5 GB at 45 GB free", starting(&[], &with_memory(45, 5.0 * gigabyte), (2, 0))),
        ("two of load 0.5 at 0.5", starting(&[], &with_load(0.5, 0.5, 0.5), (2, 0))),
        ("two of load 50 at 0.5", starting(&[], &with_load(0.5, 0.5, 50.0), (2, 0))),
        ("the lower load of two counts", starting(&[], &with_load(90.0, 0.5, 0.5), (2, 0))),
    ]);
    insta::assert_snapshot!(text, @"
    two of 10 % at 20 %: 
    four of 10 % at 20 %: 4 nodes started, and there is no room for so many: cpu is 20.0 %, a node takes 10.0 %, 40.0 % may be used
    one of 90 % at 20 %: 
    recovery, four of 10 % at 20 %: 
    recovery, seven of 10 % at 20 %: 7 nodes started, and there is no room for so many: cpu is 20.0 %, a node takes 10.0 %, 70.0 % may be used
    two of 5 GB at 70 GB free: 
    two of 5 GB at 45 GB free: 2 nodes started, and there is no room for so many: memory is 55.0 %, a node takes 5.0 %, 48.0 % may be used
    two of load 0.5 at 0.5: 
    two of load 50 at 0.5: 2 nodes started, and there is no room for so many: load is 0.50, a node takes 50.00, 1.92 may be used
    the lower load of two counts:
    ");
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// From what the built nodes have.
fn given(to: &str, role: UpgradeRole) -> Action {
    let to = version(to);
    let release = crate::model::Release::new(to.clone(), PathBuf::from("/opt/next"));
    let from = self::release().version;
    let upgrade = Upgrade {
        from,
        to,
        role,
        since: at(0),
        before: Shown { peers: Some(5), records: Some(10) },
    };
    Action::Upgrade { node: key(2), release, upgrade: Box::new(upgrade), start: true }
}

fn outdated() -> Reason {
    let role = UpgradeRole::Canary;
    Reason::Outdated { from: release().version, to: version("0.24.0"), role }
}

#[test]
fn no_program_is_replaced_without_a_reason() {
    let managed = [(Setting::UpgradeMode, "managed")];
    let of = |change: Change<'_>, reason: Reason| {
        opinion_with(&managed, change, &[(given("0.24.0", UpgradeRole::Canary), reason)])
    };
    let to = |version: &str, reason: Reason| {
        opinion_with(&managed, &all_is_well, &[(given(version, UpgradeRole::Canary), reason)])
    };
    let wanted = |nodes: Vec<NodeKey>, allow_downgrade: bool, to: &str| {
        let verb = Verb::Upgrade { nodes, to: None, allow_downgrade };
        let change = move |it: &mut Snapshot| it.requests = vec![request(1, verb.clone())];
        opinion_with(&managed, &change, &[(given(to, UpgradeRole::Asked), asked())])
    };
    let program = record(2).spec.program;
    let held = |version_of: &str| {
        let quarantined = Quarantined {
            program,
            version: version(version_of),
            since: Timestamp(0),
            why: "it died".into(),
        };
        move |it: &mut Snapshot| it.holds.quarantined = vec![quarantined.clone()]
    };
    let canary = || [(given("0.24.0", UpgradeRole::Canary), outdated())];
    let one = [
        (Setting::UpgradeMode, "managed"),
        (Setting::MaxConcurrentUpgrades, "1"),
        (Setting::CanaryCount, "1"),
    ];
    let mut first = given("0.24.0", UpgradeRole::Canary);
    if let Action::Upgrade { node, .. } = &mut first {
        *node = key(1);
    }
    let both = [(first, outdated()), (given("0.24.0", UpgradeRole::Canary), outdated())];
    let mut mixed = given("0.24.0", UpgradeRole::Canary);
    if let Action::Upgrade { upgrade, .. } = &mut mixed {
        upgrade.to = version("0.25.0");
    }
    let text = rows([
        ("outdated", of(&all_is_well, outdated())),
        ("no reason", of(&all_is_well, Reason::Mute)),
        ("begun before", of(&|it| it.nodes[1].record.upgrade = Some(on_trial()), unfinished())),
        ("not proven", of(&|it| it.nodes[1].record.upgrade = Some(on_trial()), outdated())),
        (
            "it has another one",
            of(&|it| it.nodes[1].record.version = Some(version("0.22.0")), outdated()),
        ),
        ("not what it is given", opinion_with(&managed, &all_is_well, &[(mixed, outdated())])),
        ("the same again", to("0.23.1", outdated())),
        ("an older one", to("0.22.0", outdated())),
        ("quarantined", of(&held("0.24.0"), outdated())),
        ("another is quarantined", of(&held("0.25.0"), outdated())),
        (
            "not managed",
            opinion_with(
                &[(Setting::UpgradeMode, "off")],
                &all_is_well,
                &[(given("0.24.0", UpgradeRole::Canary), outdated())],
            ),
        ),
        (
            "not the time of the day",
            opinion_with(&[managed[0], (Setting::UpgradeWindow, "2-5")], &all_is_well, &canary()),
        ),
        (
            "the time of the day",
            opinion_with(&[managed[0], (Setting::UpgradeWindow, "7-9")], &all_is_well, &canary()),
        ),
        ("paused", of(&|it| it.holds.paused = Some(Timestamp(0)), outdated())),
        (
            "busy",
            of(
                &|it| {
                    it.machine.cpu = Some(Percent(99.0));
                    it.memory.over.insert(Resource::Cpu, at(9000));
                },
                outdated(),
            ),
        ),
        ("it does not run", of(&|it| set(it, 2, stopped(), Some(false)), outdated())),
        (
            "it is not to run",
            of(&|it| it.nodes[1].record.want = Want::StoppedByOperator, outdated()),
        ),
        (
            "a stranger uses its data",
            of(&|it| it.around.strangers = [(id(2), vec![77])].into(), outdated()),
        ),
        ("nobody asked", of(&all_is_well, asked())),
        ("asked", wanted(vec![key(2)], false, "0.24.0")),
        ("asked for another node", wanted(vec![key(1)], false, "0.24.0")),
        ("asked, an older one", wanted(vec![key(2)], false, "0.22.0")),
        ("asked, an older one may be", wanted(vec![key(2)], true, "0.22.0")),
        ("two at once, one may", opinion_with(&one, &all_is_well, &both)),
        (
            "two at once, two may",
            opinion_with(
                &[(Setting::UpgradeMode, "managed"), (Setting::MaxConcurrentUpgrades, "2")],
                &all_is_well,
                &both,
            ),
        ),
    ]);
    insta::assert_snapshot!(text, @"
    outdated: 
    no reason: antnode0002: no reason to upgrade it
    begun before: 
    not proven: antnode0002: its last upgrade is not proven
    it has another one: antnode0002: the upgrade is not from what it has to what it is given
    not what it is given: antnode0002: the upgrade is not from what it has to what it is given
    the same again: antnode0002: an older version in the place of a newer one
    an older one: antnode0002: an older version in the place of a newer one
    quarantined: antnode0002: 0.24.0 is quarantined
    another is quarantined: 
    not managed: antnode0002: wnm does not replace programs here
    not the time of the day: antnode0002: it is not the time of the day
    the time of the day: 
    paused: antnode0002: upgrades are paused
    busy: antnode0002: nodes are being shed
    it does not run: antnode0002: it does not run
    it is not to run: antnode0002: it does not run
    a stranger uses its data: antnode0002: another process uses its data
    nobody asked: antnode0002: nobody asked for it
    asked: 
    asked for another node: antnode0002: nobody asked for it
    asked, an older one: antnode0002: nobody asked for an older version
    asked, an older one may be: 
    two at once, one may: antnode0001: 2 nodes upgraded at once, 1 allowed
    two at once, two may:
    ");
}

#[test]
fn what_is_put_back_is_what_was_there_and_what_is_proven_runs() {
    let trial = |it: &mut Snapshot| it.nodes[1].record.upgrade = Some(on_trial());
    let revert = |from: &str, to: &str| Action::Revert {
        node: key(2),
        from: version(from),
        to: version(to),
        quarantine: None,
        start: true,
    };
    let failed = |text: &str| Reason::UpgradeFailed {
        version: version(text),
        failure: UpgradeFailure::Died,
    };
    let prove = || Action::Prove { node: key(2), version: version("0.23.1") };
    let held = || Reason::UpgradeHeld { version: version("0.23.1"), for_s: 900 };
    let installed = |size: u64| Installed {
        stamp: FileStamp { inode: 1, size, changed_ms: 2 },
        version: version("0.24.0"),
        sha256: "5eed".to_owned(),
        identity: None,
    };
    let recognise = || Action::Recognise { node: key(2), installed: installed(5) };
    let changed = || Reason::ProgramChanged { from: None, to: version("0.24.0") };
    let text = rows([
        ("put back", opinion(&trial, &[(revert("0.23.1", "0.22.1"), failed("0.23.1"))])),
        (
            "put back, nothing was tried",
            opinion(&all_is_well, &[(revert("0.23.1", "0.22.1"), failed("0.23.1"))]),
        ),
        (
            "put back, something else",
            opinion(&trial, &[(revert("0.23.1", "0.21.0"), failed("0.23.1"))]),
        ),
        (
            "put back, from something else",
            opinion(&trial, &[(revert("0.24.0", "0.22.1"), failed("0.24.0"))]),
        ),
        (
            "put back, another one failed",
            opinion(&trial, &[(revert("0.23.1", "0.22.1"), failed("0.24.0"))]),
        ),
        (
            "put back, nothing failed",
            opinion(&trial, &[(revert("0.23.1", "0.22.1"), Reason::Mute)]),
        ),
        ("proven", opinion(&trial, &[(prove(), held())])),
        ("proven, nothing was tried", opinion(&all_is_well, &[(prove(), held())])),
        (
            "proven, it does not run",
            opinion(
                &|it| {
                    trial(it);
                    set(it, 2, stopped(), Some(false));
                },
                &[(prove(), held())],
            ),
        ),
        (
            "written down",
            opinion(&|it| it.nodes[1].installed = Some(installed(5)), &[(recognise(), changed())]),
        ),
        (
            "written down, not as seen",
            opinion(&|it| it.nodes[1].installed = Some(installed(6)), &[(recognise(), changed())]),
        ),
        ("written down, nothing seen", opinion(&all_is_well, &[(recognise(), changed())])),
    ]);
    insta::assert_snapshot!(text, @"
    put back: 
    put back, nothing was tried: antnode0002: 0.22.1 is not what it had before 0.23.1
    put back, something else: antnode0002: 0.21.0 is not what it had before 0.23.1
    put back, from something else: antnode0002: 0.22.1 is not what it had before 0.24.0
    put back, another one failed: antnode0002: an upgrade is taken back that did not fail
    put back, nothing failed: antnode0002: an upgrade is taken back that did not fail
    proven: 
    proven, nothing was tried: antnode0002: what does not run proves nothing
    proven, it does not run: antnode0002: what does not run proves nothing
    written down: 
    written down, not as seen: antnode0002: what is written down is not what was seen
    written down, nothing seen: antnode0002: what is written down is not what was seen
    ");
}
