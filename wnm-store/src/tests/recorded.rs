//! What is kept of cycles, how small, and what damage costs.

use diesel::prelude::*;
use proptest::prelude::*;
use wnm_core::fakes::build::{id, spec};
use wnm_core::host::{CycleQuery, Intents, Store};
use wnm_core::model::{BootId, Bytes, Now};
use wnm_core::policy::Keep;

use super::cycles::Cycle;
use super::{add, at, count, done};
use crate::SqliteStore;
use crate::recorded::{LastGroup, find};
use crate::schema::{cycle_groups, cycles};

/// A store whose `nodes` nodes were seen in `cycles` cycles, one a minute.
fn minutes(nodes: u32, cycles: u64) -> SqliteStore {
    let store = SqliteStore::in_memory().unwrap();
    for number in 1..=nodes {
        let begun = store.begin(&add(number), &at(1)).unwrap();
        store.finish(begun.op, &done(), at(2).wall).unwrap();
    }
    for minute in 1..=cycles {
        store.save_cycle(&Cycle::idle(&store, minute * 60).recording()).unwrap();
    }
    store
}

fn spoil(store: &SqliteStore, sql: &str) {
    crate::store::execute(&mut store.lock(), sql).unwrap();
}

fn readable(store: &SqliteStore) -> usize {
    let cycles = store.cycles(&CycleQuery::default()).unwrap();
    // Another look, for which nothing is remembered.
    cycles.iter().filter(|cycle| store.recorded(cycle.cycle).unwrap().is_some()).count()
}

#[test]
fn where_cycles_cannot_be_kept_the_engine_still_remembers() {
    let store = minutes(1, 1);
    spoil(&store, "DROP TABLE cycle_groups");
    let earlier = r#"'{"last_look":{"boot":"b","uptime_ms":1}}'"#;
    spoil(&store, &format!("UPDATE machine SET memory = {earlier}"));
    let cycle = Cycle::idle(&store, 600);
    let expected = cycle.recording().memory.clone();
    assert_ne!(store.load().unwrap().memory, expected, "or this shows nothing");
    assert!(store.save_cycle(&cycle.recording()).is_err(), "it is told");
    assert_eq!(store.load().unwrap().memory, expected);
}

#[test]
fn a_cycle_costs_what_has_changed() {
    let store = minutes(20, 30);
    assert_eq!(count(&store, "cycle_groups"), 1);
    assert_eq!(count(&store, "cycles"), 30);
    // In full it would be more than the specs of all nodes.
    let full = serde_json::to_string(&spec(1)).unwrap().len() * 20;
    assert!(full > 5_000, "{full}");
    assert_eq!(count(&store, "cycles WHERE length(delta) > 300"), 0);
}

#[test]
fn a_group_ends_when_it_is_full_or_long_or_the_machine_was_restarted() {
    let store = minutes(1, 1);
    let save = |now: &Now| {
        store.save_cycle(&Cycle::at(&store, now).recording()).unwrap();
        count(&store, "cycle_groups")
    };
    assert_eq!(save(&at(120)), 1);
    assert_eq!(save(&at(7 * 3600)), 2, "six hours");
    let mut now = at(7 * 3600 + 60);
    now.wall.0 -= 86_400_000;
    assert_eq!(save(&now), 3, "the wall clock went backwards");
    now.instant.boot = BootId("second".to_owned());
    assert_eq!(save(&now), 4);
    for cycle in 2..=360 {
        assert_eq!(save(&now), 4, "{cycle}");
    }
    assert_eq!(save(&now), 5);
    assert_eq!(readable(&store), 365);
}

#[test]
fn what_is_damaged_is_not_kept_and_in_nobodys_way() {
    for (sql, left) in [
        ("UPDATE cycles SET delta = x'ff00ff' WHERE id = 3", 9),
        ("UPDATE cycles SET delta = x'' WHERE id IN (3, 10)", 8),
        ("UPDATE cycles SET nodes = -1 WHERE id = 3", 9),
        ("UPDATE cycle_groups SET text = substr(text, 1, length(text) / 2)", 0),
        ("UPDATE cycle_groups SET text = x'789c030000000001'", 0),
        ("PRAGMA foreign_keys = OFF; DELETE FROM cycle_groups; PRAGMA foreign_keys = ON", 0),
    ] {
        let store = minutes(2, 10);
        spoil(&store, &format!("PRAGMA ignore_check_constraints = ON; {sql}"));
        assert_eq!(readable(&store), left, "{sql}");
        store.last_seen().unwrap();
        store.load().unwrap();
        store.status().unwrap();
        store.save_cycle(&Cycle::idle(&store, 3600).recording()).unwrap();
        assert_eq!(readable(&store), left + 1, "{sql}");
        assert!(store.last_seen().unwrap().is_some(), "{sql}");
    }
}

#[test]
fn damage_never_makes_another_cycle_of_it() {
    let store = minutes(1, 3);
    let cycle = store.cycles(&CycleQuery::default()).unwrap()[1].cycle;
    let saved = store.recorded(cycle).unwrap();
    let mut connection = store.lock();
    let of_cycle = cycles::table.find(cycle.0);
    let delta: Vec<u8> = of_cycle.select(cycles::delta).first(&mut *connection).unwrap();
    for place in 0..delta.len() {
        let mut damaged = delta.clone();
        damaged[place] ^= 0x55;
        diesel::update(of_cycle).set(cycles::delta.eq(&damaged)).execute(&mut *connection).unwrap();
        let found = find(&mut connection, cycle, &LastGroup::default()).unwrap();
        assert!(found.is_none() || found == saved, "byte {place}");
    }
    diesel::update(of_cycle).set(cycles::delta.eq(&delta)).execute(&mut *connection).unwrap();
    let text: Vec<u8> =
        cycle_groups::table.select(cycle_groups::text).first(&mut *connection).unwrap();
    for place in 0..text.len() {
        let mut damaged = text.clone();
        damaged[place] ^= 0x55;
        let spoiled = diesel::update(cycle_groups::table).set(cycle_groups::text.eq(&damaged));
        spoiled.execute(&mut *connection).unwrap();
        let found = find(&mut connection, cycle, &LastGroup::default()).unwrap();
        assert!(found.is_none() || found == saved, "byte {place}");
    }
}

#[test]
fn bytes_are_counted_and_bounded() {
    let store = minutes(50, 1);
    let keep = Keep { bytes: Bytes(40_000), ..Keep::default() };
    for minute in 2..400 {
        let mut cycle = Cycle::idle(&store, minute * 60);
        cycle.policy.keep = keep;
        store.save_cycle(&cycle.recording()).unwrap();
        let counted = store.status().unwrap().cycles_bytes;
        assert!(counted <= 40_000, "{counted}");
    }
    let status = store.status().unwrap();
    let real = count(&store, "(SELECT 1 FROM cycle_groups)");
    assert!(real > 1 && status.cycles > 10, "{status:?}");
    assert!(status.cycles_since.is_some_and(|since| since > at(60).wall), "{status:?}");
    let mut cycle = Cycle::idle(&store, 400 * 60);
    cycle.policy.keep = Keep { bytes: Bytes(0), ..keep };
    store.save_cycle(&cycle.recording()).unwrap();
    assert_eq!(count(&store, "cycles"), 1, "the latest is kept whatever its size");
    assert!(store.last_seen().unwrap().unwrap().node(id(50)).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever the clocks do, what is kept is bounded, whole, and has the latest.
    #[test]
    fn the_clocks_may_do_what_they_like(
        steps in prop::collection::vec((-40_000_000i64..80_000_000, 0u64..50_000_000, 0..10), 1..60),
        hours in 0u64..48,
    ) {
        const BYTES: u64 = 20_000;
        let store = minutes(3, 0);
        let mut now = at(86_400 * 400);
        let mut boot = 0;
        for (wall, uptime, restarts) in steps {
            now.wall.0 += wall;
            now.instant.uptime_ms += uptime;
            if restarts == 0 {
                boot += 1;
                now.instant.boot = BootId(format!("boot {boot}"));
                now.instant.uptime_ms = 1000;
            }
            let mut cycle = Cycle::at(&store, &now);
            let age = std::time::Duration::from_secs(hours * 3600);
            cycle.policy.keep = Keep { age, bytes: Bytes(BYTES) };
            store.save_cycle(&cycle.recording()).unwrap();
            prop_assert!(store.status().unwrap().cycles_bytes <= BYTES);
            prop_assert_eq!(store.last_seen().unwrap().unwrap().snapshot, cycle.snapshot);
        }
        let orphans = count(&store, "cycles WHERE of_group NOT IN (SELECT id FROM cycle_groups)");
        prop_assert_eq!(orphans, 0);
        let empty = count(&store, "cycle_groups WHERE id NOT IN (SELECT of_group FROM cycles)");
        prop_assert_eq!(empty, 0);
        prop_assert_eq!(readable(&store) as i64, count(&store, "cycles"));
    }
}
