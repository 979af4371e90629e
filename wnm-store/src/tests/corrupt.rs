use wnm_core::host::{HistoryQuery, HostError, Intents, Store};
use wnm_core::model::{RequestId, Verb};
use wnm_core::observe::FaultKind;

use super::{Home, add, at};
use crate::{SqliteStore, StoreError, StoreErrorKind};

/// What `ask` answers once `sql` has been at the rows of a store with one of everything.
fn spoiled(sql: &str, ask: impl Fn(&SqliteStore) -> Result<(), HostError>) -> HostError {
    let (home, store) = Home::with_store();
    store.begin(&add(1), &at(10)).unwrap();
    store.request(&Verb::Add { count: 1 }, &at(10)).unwrap();
    ask(&store).unwrap();
    home.execute(&format!("PRAGMA ignore_check_constraints = ON; {sql}"));
    ask(&store).unwrap_err()
}

fn load(store: &SqliteStore) -> Result<(), HostError> {
    store.load().map(|_| ())
}

#[test]
fn a_bad_cell_is_named() {
    let cases = [
        ("UPDATE nodes SET spec = '{\"id\":'", "table nodes, row 1, column spec: `{\"id\":`"),
        ("UPDATE nodes SET spec = '[]'", "table nodes, row 1, column spec: `[]`"),
        ("UPDATE nodes SET want = 'maybe'", "table nodes, row 1, column want: `maybe`"),
        ("UPDATE nodes SET phase = '{}'", "table nodes, row 1, column phase: `{}`"),
        ("UPDATE nodes SET version = 'new'", "table nodes, row 1, column version: `new`"),
        ("UPDATE nodes SET id = 2", "table nodes, row 1, column id: `2`"),
        ("UPDATE nodes SET node_port = 1", "table nodes, row 1, column node_port: `1`"),
        ("UPDATE nodes SET data_dir = '/'", "table nodes, row 1, column data_dir: `/`"),
        ("UPDATE operations SET planned = '7'", "table operations, row 1, column planned: `7`"),
        ("UPDATE requests SET verb = '7'", "table requests, row 1, column verb: `7`"),
        ("UPDATE requests SET made_at = '7'", "table requests, row 1, column made_at: `7`"),
        ("UPDATE machine SET memory = '7'", "table machine, row 1, column memory: `7`"),
        ("UPDATE machine SET generation = -1", "table machine, row 1, column generation: `-1`"),
        ("INSERT INTO settings VALUES ('no', '1')", "table settings, row no, column key: `no`"),
        (
            "INSERT INTO samples (boot, uptime_ms, sample) VALUES ('b', 1, '{}')",
            "table samples, row 1, column sample: `{}`",
        ),
    ];
    for (sql, expected) in cases {
        let error = spoiled(sql, load);
        assert_eq!(error.kind, FaultKind::Garbled);
        let text = error.chain();
        assert!(text.contains(&format!("{expected} makes no sense")), "{sql}: {text}");
    }
}

#[test]
fn what_does_not_read_the_cell_goes_on() {
    let ask = |store: &SqliteStore| store.answer_to(RequestId(1)).map(|_| ());
    let error = spoiled("UPDATE requests SET answer = '7', answered = 1", ask);
    assert!(error.chain().contains("column answer: `7`"), "{}", error.chain());
    let ask = |store: &SqliteStore| store.history(&HistoryQuery::default()).map(|_| ());
    let error = spoiled("UPDATE operations SET node_id = 0", ask);
    assert!(error.chain().contains("column node_id: `0`"), "{}", error.chain());
}

#[test]
fn a_long_cell_is_cut_short() {
    let error = spoiled("UPDATE nodes SET phase = '\"' || printf('%.9000c', 'ä') || '\"'", load);
    assert!(error.chain().chars().count() < 400, "{}", error.chain());
    let store_error = error.source.as_ref().unwrap().downcast_ref::<StoreError>().unwrap();
    assert!(matches!(store_error.kind, StoreErrorKind::Corrupt { column: "phase", .. }));
}

#[test]
fn a_store_without_its_machine_is_corrupt() {
    let error = spoiled("DELETE FROM machine", load);
    assert_eq!(error.kind, FaultKind::Garbled, "{}", error.chain());
}

#[test]
fn damage_below_the_rows_is_found() {
    let (home, store) = Home::with_store();
    for number in 1..40 {
        store.begin(&add(number), &at(10)).unwrap();
    }
    drop(store);
    let mut bytes = std::fs::read(&home.file).unwrap();
    // All but the first page, which says whose file it is.
    bytes[4096..].fill(0xa5);
    std::fs::write(&home.file, &bytes).unwrap();

    match SqliteStore::open(&home.file) {
        Err(refused) => assert_eq!(refused.kind, StoreErrorKind::Damaged, "{refused}"),
        Ok(store) => {
            assert_ne!(store.check().unwrap(), Vec::<String>::new());
            assert_eq!(store.load().unwrap_err().kind, FaultKind::Garbled);
        }
    }
}

#[test]
fn a_file_cut_short_is_damaged() {
    let (home, store) = Home::with_store();
    drop(store);
    let bytes = std::fs::read(&home.file).unwrap();
    std::fs::write(&home.file, &bytes[..5000]).unwrap();
    let refused = SqliteStore::open(&home.file).and_then(|store| store.check().map(|_| ()));
    assert_eq!(refused.unwrap_err().kind, StoreErrorKind::Damaged);
}

#[test]
fn a_check_finds_what_refers_to_nothing() {
    let (home, store) = Home::with_store();
    home.execute("PRAGMA foreign_keys = OFF; INSERT INTO readings VALUES (77, 1, '{}', '{}')");
    let found = store.check().unwrap();
    assert_eq!(found, ["row 77 of readings refers to nothing in nodes"]);
}
