use std::collections::{BTreeMap, BTreeSet};

use wnm_core::action::{Action, PlannedAction, Reason};
use wnm_core::fakes::build::{draft, policy, release, seconds};
use wnm_core::host::{Intents, Recording, Store};
use wnm_core::model::{BootId, NodeKey, Now, Removal};
use wnm_core::observe::{FaultKind, Readings, Snapshot, Unread, snapshot};
use wnm_core::plan::{Plan, PlanScope, plan};
use wnm_core::policy::{Delays, Policy};

use super::{Home, add, at, count, done};
use crate::SqliteStore;

const DAY: u64 = 86_400;

pub(super) struct Cycle {
    snapshot: Snapshot,
    policy: Policy,
    plan: Plan,
}

impl Cycle {
    pub(super) fn idle(store: &SqliteStore, second: u64) -> Cycle {
        Cycle::at(store, &at(second))
    }

    fn busy(store: &SqliteStore, now: &Now) -> Cycle {
        let mut cycle = Cycle::at(store, now);
        cycle.plan.actions.push(add(9));
        cycle
    }

    fn at(store: &SqliteStore, now: &Now) -> Cycle {
        let unread = || Unread { kind: FaultKind::Timeout, why: "no answer".to_owned() };
        let readings = Readings {
            machine: Err(unread()),
            ports: Ok(BTreeSet::new()),
            nodes: BTreeMap::new(),
            storage: BTreeMap::new(),
            occupied: Err(unread()),
            release: Ok(release()),
        };
        let delays = Delays { start: seconds(300), remove: seconds(300) };
        let snapshot = snapshot(&store.load().unwrap(), &readings, &delays, now);
        let policy = policy(&draft());
        let mut plan = plan(&snapshot, &policy, PlanScope::Everything);
        plan.actions.clear();
        Cycle { snapshot, policy, plan }
    }

    pub(super) fn recording(&self) -> Recording<'_> {
        Recording {
            sample: None,
            snapshot: &self.snapshot,
            policy: &self.policy,
            plan: &self.plan,
            memory: &self.plan.memory,
        }
    }
}

#[test]
fn idle_cycles_are_kept_for_half_an_hour_and_others_longer() {
    let store = SqliteStore::in_memory().unwrap();
    store.save_cycle(&Cycle::busy(&store, &at(1)).recording()).unwrap();
    for minute in 1..=40 {
        store.save_cycle(&Cycle::idle(&store, minute * 60).recording()).unwrap();
    }
    assert_eq!(count(&store, "cycles WHERE idle"), 30);
    assert_eq!(count(&store, "cycles WHERE NOT idle"), 1);
    assert_eq!(store.last_seen().unwrap().unwrap().snapshot.now, at(40 * 60));

    store.save_cycle(&Cycle::busy(&store, &at(13 * DAY)).recording()).unwrap();
    assert_eq!(count(&store, "cycles WHERE NOT idle"), 2);
    store.save_cycle(&Cycle::busy(&store, &at(15 * DAY)).recording()).unwrap();
    assert_eq!(count(&store, "cycles WHERE NOT idle"), 2);
}

#[test]
fn a_clock_that_jumps_does_not_take_the_history_with_it() {
    let store = SqliteStore::in_memory().unwrap();
    store.save_cycle(&Cycle::busy(&store, &at(1)).recording()).unwrap();
    let mut jumped = at(60);
    jumped.wall.0 += 400 * 86_400_000;
    store.save_cycle(&Cycle::busy(&store, &jumped).recording()).unwrap();
    assert_eq!(count(&store, "cycles"), 2);

    // Across a reboot only the wall clock is left to ask.
    jumped.instant.boot = BootId("second".to_owned());
    store.save_cycle(&Cycle::busy(&store, &jumped).recording()).unwrap();
    assert_eq!(count(&store, "cycles"), 2);
}

#[test]
fn the_number_of_cycles_is_bounded() {
    let store = SqliteStore::in_memory().unwrap();
    let cycle = Cycle::busy(&store, &at(1));
    let sql = "INSERT INTO cycles (schema, at, boot, uptime_ms, idle, snapshot, policy, plan)
               SELECT 1, 1000, 'first', 1000, 0, x'00', x'00', x'00'
               FROM (WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n
                     WHERE v < 2010) SELECT v FROM n)";
    crate::store::execute(&mut store.lock(), sql).unwrap();
    store.save_cycle(&cycle.recording()).unwrap();
    assert_eq!(count(&store, "cycles"), 2000);
    assert!(store.last_seen().unwrap().is_some());
}

#[test]
fn the_bytes_of_cycles_are_bounded() {
    let store = SqliteStore::in_memory().unwrap();
    let sql = "INSERT INTO cycles (schema, at, boot, uptime_ms, idle, snapshot, policy, plan)
               SELECT 1, 1000, 'first', 1000, 0, zeroblob(9000000), x'00', x'00'
               FROM (WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n
                     WHERE v < 8) SELECT v FROM n)";
    crate::store::execute(&mut store.lock(), sql).unwrap();
    store.save_cycle(&Cycle::busy(&store, &at(1)).recording()).unwrap();
    assert_eq!(count(&store, "cycles"), 4, "three of nine megabytes, and the latest");
    assert!(store.last_seen().unwrap().is_some());
}

#[test]
fn a_cell_that_cannot_be_inflated_is_corrupt() {
    let store = SqliteStore::in_memory().unwrap();
    store.save_cycle(&Cycle::idle(&store, 1).recording()).unwrap();
    crate::store::execute(&mut store.lock(), "UPDATE cycles SET plan = x'ff00ff'").unwrap();
    assert_eq!(store.last_seen().unwrap_err().kind, FaultKind::Garbled);
}

#[test]
fn what_another_version_saw_is_nothing_seen() {
    let store = SqliteStore::in_memory().unwrap();
    store.save_cycle(&Cycle::idle(&store, 1).recording()).unwrap();
    let sql = "UPDATE cycles SET schema = 99, snapshot = x'00'";
    crate::store::execute(&mut store.lock(), sql).unwrap();
    assert_eq!(store.last_seen().unwrap(), None);
}

#[test]
fn a_reading_is_written_when_it_changed_and_goes_with_its_node() {
    let (_home, store) = Home::with_store();
    let begun = store.begin(&add(1), &at(10)).unwrap();
    store.finish(begun.op, &done(), at(11).wall).unwrap();
    for second in [20, 30] {
        store.save_cycle(&Cycle::idle(&store, second).recording()).unwrap();
        assert_eq!(count(&store, "readings WHERE at = 20000"), 1, "nothing has changed");
    }
    let mut changed = Cycle::idle(&store, 40);
    changed.snapshot.nodes[0].restarts = Some(1);
    store.save_cycle(&changed.recording()).unwrap();
    assert_eq!(count(&store, "readings WHERE at = 40000"), 1);

    let seen = Cycle::idle(&store, 1001);
    let node = NodeKey { id: wnm_core::fakes::build::id(1), record: begun.record };
    let action = Action::Remove { node, cause: Removal::Operator };
    let planned = PlannedAction { action, reason: Reason::RoomAgain };
    let begun = store.begin(&planned, &at(1002)).unwrap();
    store.finish(begun.op, &done(), at(1003).wall).unwrap();
    assert_eq!(count(&store, "readings"), 0);
    store.save_cycle(&seen.recording()).unwrap();
    assert_eq!(count(&store, "readings"), 0);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
}
