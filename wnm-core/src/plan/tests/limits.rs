//! How many at once, an hour, a day; the stored cap and the cap of one run.

use super::*;
use crate::action::{Action, PlannedAction, Reason};
use crate::observe::PastRemoval;
use crate::plan::{disk_removals_left, removals_left};

fn count(snapshot: &Snapshot, policy: &Policy, name: &str) -> usize {
    let plan = sound(snapshot, policy);
    plan.actions.iter().filter(|it| it.action.name() == name).count()
}

fn past(count: usize, ago: u64, disk: bool) -> Vec<PastRemoval> {
    vec![PastRemoval { at: at(ago), disk }; count]
}

#[test]
fn the_hourly_budget_is_a_number_or_five_percent() {
    // Nodes, setting, removed of late and how long ago, how many more go.
    let table = [
        (9, "4", 0, 0, 4),
        (9, "4", 3, 3599, 1),
        (9, "4", 4, 3599, 0),
        (9, "4", 4, 3600, 4),
        (9, "4", 9, 10, 0),
        (9, "0", 0, 0, 0),
        (9, "1", 0, 0, 1),
        (79, "4", 0, 0, 4),
        (80, "4", 0, 0, 4),
        (99, "4", 0, 0, 4),
        (100, "4", 0, 0, 5),
        (1000, "4", 0, 0, 50),
        (1000, "4", 49, 10, 1),
        (1000, "60", 0, 0, 60),
        (1000, "0", 0, 0, 0),
    ];
    for (nodes, budget, done, ago, expected) in table {
        let settings = [
            (Setting::NodeCap, "0"),
            (Setting::MaxConcurrentRemovals, "1000"),
            (Setting::MaxDestructivePerHour, budget),
        ];
        let mut snapshot = quiet(nodes);
        snapshot.memory.removals = past(done, ago, false);
        let retired = count(&snapshot, &with(draft(), &settings), "retire");
        assert_eq!(retired, expected, "{nodes} nodes, {budget} an hour, {done} {ago} s ago");
    }
}

#[test]
fn the_daily_budget_of_disks_is_a_number_or_ten_percent() {
    let table = [
        (9, "2", 1, 86_399, 1),
        (9, "2", 2, 86_399, 0),
        (9, "2", 2, 86_400, 1),
        (9, "0", 0, 0, 0),
        (20, "2", 2, 3_700, 0),
        (29, "2", 2, 3_700, 0),
        (30, "2", 2, 3_700, 1),
        (30, "2", 3, 3_700, 0),
        (1000, "2", 99, 3_700, 1),
        (1000, "2", 100, 3_700, 0),
    ];
    for (nodes, budget, done, ago, expected) in table {
        let settings = [(Setting::NodeCap, "1000"), (Setting::MaxDiskRemovalsPerDay, budget)];
        let mut snapshot = super::shedding::full_disk(nodes, gb(30));
        snapshot.memory.removals = past(done, ago, true);
        let retired = count(&snapshot, &with(draft(), &settings), "retire");
        assert_eq!(retired, expected, "{nodes} nodes, {budget} a day, {done} {ago} s ago");
    }
}

#[test]
fn removals_for_the_cap_do_not_count_for_the_day_of_disks() {
    let mut snapshot = super::shedding::full_disk(9, gb(30));
    snapshot.memory.removals = past(3, 10, false);
    assert_eq!(count(&snapshot, &policy(&draft()), "retire"), 1);
    snapshot.memory.removals = past(4, 10, false);
    assert_eq!(count(&snapshot, &policy(&draft()), "retire"), 0, "but for the hour they do");
}

#[test]
fn the_stored_cap_retires_and_the_cap_of_one_run_stops() {
    // Nodes, stored, for this run: what is retired and stopped.
    let table = [
        (0, "0", None, 0, 0),
        (1, "0", None, 1, 0),
        (3, "3", None, 0, 0),
        (3, "4", None, 0, 0),
        (4, "3", None, 1, 0),
        (9, "3", None, 3, 0),
        (4, "4", Some("3"), 0, 1),
        (4, "4", Some("0"), 0, 4),
        (4, "4", Some("9"), 0, 0),
        (4, "3", Some("2"), 1, 0),
        (1000, "999", None, 1, 0),
        (1000, "1000", Some("990"), 0, 10),
    ];
    for (nodes, stored, run, retired, stopped) in table {
        let settings = [(Setting::MaxConcurrentRemovals, "3"), (Setting::NodeCap, stored)];
        let stored_draft = settings.iter().fold(draft(), |it, (key, text)| it.with(*key, *text));
        let overrides = PolicyDraft::default();
        let overrides = run.iter().fold(overrides, |it, cap| it.with(Setting::NodeCap, *cap));
        let policy = Policy::parse(&stored_draft, &overrides, CPUS).unwrap();
        let snapshot = quiet(nodes);
        let found = (count(&snapshot, &policy, "retire"), count(&snapshot, &policy, "stop"));
        assert_eq!(found, (retired, stopped), "{nodes} nodes, {stored} stored, {run:?}");
    }
}

#[test]
fn what_does_not_count_is_not_one_too_many() {
    let policy = with(draft(), &[(Setting::NodeCap, "2")]);
    let mut snapshot = quiet(4);
    set(&mut snapshot, 3, NodeState::Disabled, Some(true));
    snapshot.nodes[2].record.want = Want::Disabled;
    set(&mut snapshot, 4, NodeState::Removing, Some(false));
    snapshot.nodes[3].record.phase = Phase::Removing { since: at(9), cause: Removal::Disk };
    assert_eq!(acts(&snapshot, &policy), "");
}

#[test]
fn starts_and_operations_are_bounded() {
    // Limit of starts, of operations, nodes starting and removing already, how many are healed.
    let table = [
        ("auto", "auto", 0, 0, 2),
        ("auto", "auto", 1, 0, 1),
        ("auto", "auto", 2, 0, 0),
        ("auto", "auto", 0, 3, 2),
        ("1", "auto", 0, 0, 1),
        ("5", "auto", 0, 0, 5),
        ("5", "auto", 2, 0, 3),
        ("5", "1", 0, 0, 1),
        ("5", "3", 1, 1, 1),
        ("5", "3", 1, 2, 0),
        ("1000", "auto", 0, 0, 6),
    ];
    for (starts, operations, starting, removing, expected) in table {
        let mut snapshot = quiet(12);
        for number in 1..=6 {
            set(&mut snapshot, number, stopped(), Some(false));
        }
        for number in 7..7 + starting {
            set(&mut snapshot, number, NodeState::Starting, Some(true));
        }
        for number in 10..10 + removing {
            set(&mut snapshot, number, NodeState::Removing, Some(false));
            let phase = Phase::Removing { since: at(9), cause: Removal::Disk };
            snapshot.nodes[number as usize - 1].record.phase = phase;
        }
        let settings = [
            (Setting::MaxConcurrentStarts, starts),
            (Setting::MaxConcurrentOperations, operations),
        ];
        let healed = count(&snapshot, &with(draft(), &settings), "start");
        assert_eq!(healed, expected, "{starts}/{operations}, {starting}+{removing} in motion");
    }
}

#[test]
fn shedding_is_not_held_back_by_what_is_in_motion() {
    let mut snapshot = quiet(4);
    snapshot.machine.cpu = Some(Percent(80.0));
    snapshot.memory.over.insert(Resource::Cpu, at(700));
    set(&mut snapshot, 1, NodeState::Starting, Some(true));
    let ones = [(Setting::MaxConcurrentStarts, "1"), (Setting::MaxConcurrentOperations, "1")];
    assert_eq!(acts(&snapshot, &with(draft(), &ones)), "stop antnode0004");
}

#[test]
fn the_dead_go_one_a_cycle_and_not_when_most_look_dead() {
    // Nodes, dead, limit: how many go.
    let table = [
        (1, 1, "1", 1),
        (2, 1, "1", 1),
        (2, 2, "1", 0),
        (3, 2, "1", 0),
        (4, 2, "1", 1),
        (4, 2, "9", 2),
        (5, 3, "9", 0),
        (1000, 500, "1000", 500),
        (1000, 501, "1000", 0),
    ];
    for (nodes, dead, limit, expected) in table {
        let mut snapshot = quiet(nodes);
        for number in 1..=dead {
            set(&mut snapshot, number, NodeState::Dead, Some(false));
            snapshot.nodes[number as usize - 1].data_present = Some(false);
        }
        let settings = [(Setting::NodeCap, "1000"), (Setting::MaxConcurrentRemovals, limit)];
        let gone = count(&snapshot, &with(draft(), &settings), "remove");
        assert_eq!(gone, expected, "{dead} of {nodes} dead, {limit} at once");
    }
}

/// What this very plan has decided before counts as well.
#[test]
fn budgets_count_what_is_decided_already() {
    let retire = |number: u32, cause: Removal| PlannedAction {
        action: Action::Retire { node: key(number), cause },
        reason: Reason::OverCap { nodes: 3, cap: 1 },
    };
    let decided = [
        retire(1, Removal::Disk),
        retire(2, Removal::Cap),
        retire(3, Removal::Operator),
        retire(4, Removal::Disk),
        retire(5, Removal::Cap),
    ];
    let settings = [(Setting::MaxDestructivePerHour, "9"), (Setting::MaxDiskRemovalsPerDay, "8")];
    let (policy, now) = (with(draft(), &settings), at(0));
    let mut memory = EngineMemory { removals: past(1, 10, true), ..EngineMemory::default() };
    memory.removals.extend(past(1, 10, false));
    let hour = removals_left(&memory, &policy, 5, &now, &decided);
    assert_eq!((hour.left, hour.limit), (3, 9), "four of this plan, two before");
    let day = disk_removals_left(&memory, &policy, 5, &now, &decided);
    assert_eq!((day.left, day.limit), (5, 8), "two of this plan, one before");
}
