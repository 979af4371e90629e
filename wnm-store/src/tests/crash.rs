use wnm_core::host::{HistoryQuery, Intents, Store};
use wnm_core::observe::Ledger;

use super::{Home, add, at, done};
use crate::SqliteStore;
use crate::store::execute;

#[test]
fn a_transaction_that_died_has_never_been() {
    let (home, store) = Home::with_store();
    let mut dying = home.connect();
    execute(&mut dying, "BEGIN IMMEDIATE; UPDATE machine SET generation = 5;").unwrap();
    execute(&mut dying, "INSERT INTO settings VALUES ('node_cap', '1');").unwrap();
    drop(dying);

    assert_eq!(store.load().unwrap(), Ledger::default());
    drop(store);
    assert_eq!(SqliteStore::open(&home.file).unwrap().load().unwrap(), Ledger::default());
}

/// A process that is killed closes nothing: what is on disk at that instant is all there is.
#[test]
fn what_was_begun_outlives_its_process() {
    let (home, store) = Home::with_store();
    let begun = store.begin(&add(1), &at(10)).unwrap();
    let killed = copy_as_it_lies(&home);

    let found = SqliteStore::open(&killed.file).unwrap();
    let ledger = found.load().unwrap();
    assert_eq!(ledger.nodes.len(), 1);
    assert_eq!(ledger.open.iter().map(|open| open.id).collect::<Vec<_>>(), [begun.op]);

    found.finish(begun.op, &done(), at(20).wall).unwrap();
    let killed = copy_as_it_lies(&killed);
    let found = SqliteStore::open(&killed.file).unwrap();
    assert_eq!(found.load().unwrap().open, []);
    assert_eq!(found.history(&HistoryQuery::default()).unwrap()[0].outcome, Some(done()));
}

#[test]
fn what_was_not_committed_does_not_outlive_its_process() {
    let (home, store) = Home::with_store();
    store.begin(&add(1), &at(10)).unwrap();
    let mut dying = home.connect();
    // A cache too small for the transaction, so that parts of it reach the disk.
    execute(&mut dying, "PRAGMA cache_size = 1; BEGIN IMMEDIATE; DELETE FROM nodes;").unwrap();
    let many = "INSERT INTO settings SELECT 'k' || value, printf('%.500c', 'x')
                FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n
                      WHERE value < 500) SELECT value FROM n)";
    execute(&mut dying, many).unwrap();
    let killed = copy_as_it_lies(&home);

    let found = SqliteStore::open(&killed.file).unwrap();
    assert_eq!(found.load().unwrap().nodes.len(), 1);
    assert_eq!(found.load().unwrap().draft.values.len(), 0);
    assert_eq!(found.check().unwrap(), Vec::<String>::new());
}

/// What a growing file looks like when a killed process had copied only the first pages from its log:
/// the first page already tells of pages that are not there. The log still has all of them.
#[test]
fn a_copy_from_the_log_that_died_at_any_page_is_made_again() {
    let (home, store) = Home::with_store();
    for number in 1..=40 {
        let begun = store.begin(&add(number), &at(10)).unwrap();
        store.finish(begun.op, &done(), at(10).wall).unwrap();
    }
    let killed = copy_as_it_lies(&home);
    let before = std::fs::read(&killed.file).unwrap();
    let ledger = store.load().unwrap();
    drop(store);
    let copied = std::fs::read(&home.file).unwrap();
    let pages = copied.len() / PAGE;
    assert!(pages > before.len() / PAGE, "the file grows, or this shows nothing");

    for done in 0..=pages {
        let there = copied[..done * PAGE].iter().chain(before.iter().skip(done * PAGE));
        std::fs::write(&killed.file, there.copied().collect::<Vec<u8>>()).unwrap();
        let died = copy_as_it_lies(&killed);
        let reader = SqliteStore::open_read_only(&died.file);
        assert_eq!(reader.unwrap().load().unwrap(), ledger, "read after {done} of {pages} pages");
        let found = SqliteStore::open(&died.file).unwrap();
        assert_eq!(found.load().unwrap(), ledger, "after {done} of {pages} pages");
        assert_eq!(found.check().unwrap(), Vec::<String>::new());
    }
}

const PAGE: usize = 4096;

fn copy_as_it_lies(home: &Home) -> Home {
    let copy = Home::empty();
    for name in home.names() {
        std::fs::copy(home.beside(&name), copy.beside(&name)).unwrap();
    }
    copy
}
