use std::cell::Cell;

use wnm_core::host::{HostError, Intents, Store};
use wnm_core::model::Verb;
use wnm_core::observe::FaultKind;

use super::{Home, add, at, cycles::Cycle};
use crate::SqliteStore;
use crate::error::{Cause, StoreErrorKind};
use crate::place::Place;
use crate::store::execute;

/// From now on the file cannot grow: SQLite then says what it says on a full disk.
fn fill_disk(store: &SqliteStore) {
    execute(&mut store.lock(), "PRAGMA max_page_count = 1").unwrap();
}

fn free_disk(store: &SqliteStore) {
    execute(&mut store.lock(), "PRAGMA max_page_count = 1000000").unwrap();
}

/// Begins until there is no room; the number it failed at.
fn begin_until_full(store: &SqliteStore) -> (u32, HostError) {
    for number in 1..1000 {
        if let Err(error) = store.begin(&add(number), &at(10)) {
            return (number, error);
        }
    }
    panic!("the disk never was full");
}

#[test]
fn on_a_full_disk_nothing_is_begun_and_the_store_stays_whole() {
    let (home, store) = Home::with_store();
    fill_disk(&store);
    let (number, error) = begin_until_full(&store);
    assert_eq!(error.kind, FaultKind::Full, "{}", error.chain());
    assert!(error.chain().contains("there is no space left on its disk"), "{}", error.chain());
    assert!(!home.names().contains(&"colony.db.reserve".to_owned()), "it was not given up");

    let ledger = store.load().unwrap();
    assert_eq!(ledger.nodes.len(), number as usize - 1);
    assert_eq!(ledger.open.len(), number as usize - 1);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());

    // The connection is as good as before once there is room.
    free_disk(&store);
    store.begin(&add(number), &at(20)).unwrap();
    assert_eq!(store.load().unwrap().nodes.len(), number as usize);
}

#[test]
fn the_reserve_comes_back_with_the_next_cycle_that_is_kept() {
    let (home, store) = Home::with_store();
    let reserve = home.beside("colony.db.reserve");
    assert_eq!(std::fs::metadata(&reserve).unwrap().len(), 1 << 20);
    fill_disk(&store);
    begin_until_full(&store);
    assert!(!reserve.try_exists().unwrap());

    let cycle = Cycle::idle(&store, 60);
    while let Ok(()) = store.save_cycle(&cycle.recording()) {}
    std::fs::remove_file(&reserve).unwrap_or_default();
    store.save_cycle(&cycle.recording()).unwrap_err();
    assert!(!reserve.try_exists().unwrap(), "a cycle that was not kept brings nothing back");

    free_disk(&store);
    store.save_cycle(&cycle.recording()).unwrap();
    assert_eq!(std::fs::metadata(&reserve).unwrap().len(), 1 << 20);
}

#[test]
fn what_an_operator_asks_on_a_full_disk_takes_from_the_reserve_too() {
    let (home, store) = Home::with_store();
    fill_disk(&store);
    let verb = Verb::Add { count: 1 };
    while let Ok(_id) = store.request(&verb, &at(1)) {}
    assert!(!home.beside("colony.db.reserve").try_exists().unwrap());
}

#[test]
fn with_the_reserve_given_up_it_is_tried_once_more() {
    let home = Home::empty();
    let place = Place::for_writing(&home.file);
    let tries = Cell::new(0);
    let full_until = |fits: u32| {
        tries.set(tries.get() + 1);
        let full = || Cause::from(StoreErrorKind::Full);
        (tries.get() >= fits).then_some(tries.get()).ok_or_else(full)
    };
    let tried = |fits| {
        tries.set(0);
        place.relieved(|| full_until(fits)).map_err(|cause| cause.kind)
    };

    place.renew_reserve();
    assert_eq!(tried(1), Ok(1));
    assert!(home.beside("colony.db.reserve").try_exists().unwrap());
    assert_eq!(tried(2), Ok(2));
    assert!(!home.beside("colony.db.reserve").try_exists().unwrap());
    assert_eq!(tried(2), Err(StoreErrorKind::Full));
    assert_eq!(tries.get(), 1, "without a reserve there is nothing to try again for");
    place.renew_reserve();
    assert_eq!(tried(3), Err(StoreErrorKind::Full));
    assert_eq!(tries.get(), 2);
}

#[test]
fn other_failures_leave_the_reserve_alone() {
    let (home, store) = Home::with_store();
    let wrong = wnm_core::model::OpId(4);
    store.finish(wrong, &super::done(), at(1).wall).unwrap_err();
    assert!(home.beside("colony.db.reserve").try_exists().unwrap());
}
