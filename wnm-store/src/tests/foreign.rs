use std::path::Path;

use diesel::prelude::*;
use wnm_core::host::Store;

use super::{Home, add, at, told};
use crate::migrate::MIGRATIONS;
use crate::open::APPLICATION;
use crate::store::execute;
use crate::{SqliteStore, StoreErrorKind};

/// Refused by every way of opening, and nothing in the directory changes, not even a date.
fn is_left_untouched(home: &Home, kind: &StoreErrorKind) {
    let names = home.names();
    is_refused(home, kind);
    assert_eq!(home.names(), names);
}

fn is_refused(home: &Home, kind: &StoreErrorKind) {
    let state = |file: &Path| {
        let meta = std::fs::metadata(file).unwrap();
        (std::fs::read(file).unwrap(), meta.modified().unwrap(), meta.len())
    };
    let before = state(&home.file);
    for opened in [SqliteStore::open(&home.file), SqliteStore::open_read_only(&home.file)] {
        let refused = opened.unwrap_err();
        assert_eq!(&refused.kind, kind, "{}", told(&refused));
        assert!(refused.to_string().contains("colony.db: it "), "{refused}");
        assert!(refused.to_string().contains("left untouched"), "{refused}");
    }
    assert_eq!(SqliteStore::create(&home.file).unwrap_err().kind, StoreErrorKind::Exists);
    assert_eq!(state(&home.file), before);
}

#[test]
fn a_text_is_no_store() {
    let home = Home::empty();
    std::fs::write(&home.file, "node_cap = 20\n".repeat(100)).unwrap();
    is_left_untouched(&home, &StoreErrorKind::Foreign);
}

#[test]
fn an_empty_file_is_no_store() {
    let home = Home::empty();
    std::fs::write(&home.file, "").unwrap();
    is_left_untouched(&home, &StoreErrorKind::Foreign);
}

#[test]
fn a_directory_is_no_store() {
    let home = Home::empty();
    std::fs::create_dir(&home.file).unwrap();
    assert_eq!(SqliteStore::open(&home.file).unwrap_err().kind, StoreErrorKind::Foreign);
    assert_eq!(home.names(), ["colony.db"]);
}

#[test]
fn another_programs_database_is_no_store() {
    for mark in ["", "PRAGMA application_id = 252006674;"] {
        for mode in ["delete", "wal"] {
            let home = Home::empty();
            let mut theirs = SqliteConnection::establish(home.file.to_str().unwrap()).unwrap();
            let sql = format!(
                "PRAGMA journal_mode = {mode}; {mark} CREATE TABLE node (id INTEGER, status TEXT);
                 INSERT INTO node VALUES (1, 'RUNNING');"
            );
            execute(&mut theirs, &sql).unwrap();
            // Theirs to write to at the same time, or closed.
            is_left_untouched(&home, &StoreErrorKind::Foreign);
            drop(theirs);
            is_left_untouched(&home, &StoreErrorKind::Foreign);
        }
    }
}

#[test]
fn a_newer_programs_store_is_left_alone() {
    let (home, store) = Home::with_store();
    drop(store);
    home.execute(
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('0999');
         CREATE TABLE later (x INTEGER);",
    );
    // It is ours, so it is looked into with locks, which may leave files beside it.
    is_refused(&home, &StoreErrorKind::Newer { version: "0999".to_owned() });
}

#[test]
fn an_older_programs_store_is_copied_then_converted() {
    let home = Home::empty();
    // Nothing is older than the first schema, so an empty store of ours stands for one.
    let mut older = SqliteConnection::establish(home.file.to_str().unwrap()).unwrap();
    let sql = format!(
        "PRAGMA application_id = {APPLICATION}; CREATE TABLE keepsake (x INTEGER);
         CREATE TABLE __diesel_schema_migrations (
            version VARCHAR(50) PRIMARY KEY NOT NULL,
            run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);"
    );
    execute(&mut older, &sql).unwrap();
    drop(older);
    let before = std::fs::read(&home.file).unwrap();

    let refused = SqliteStore::open_read_only(&home.file).unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::Older);
    assert_eq!(std::fs::read(&home.file).unwrap(), before);

    // Half a copy of an attempt that died.
    std::fs::write(home.beside("colony.db.part"), "half").unwrap();
    let store = SqliteStore::open(&home.file).unwrap();
    store.begin(&add(1), &at(1)).unwrap();
    assert_eq!(super::count(&store, "keepsake"), 0);
    drop(store);
    assert_eq!(home.names(), ["colony.db", "colony.db.before-0002"]);

    // The copy is an older store itself.
    std::fs::rename(home.beside("colony.db.before-0002"), &home.file).unwrap();
    let store = SqliteStore::open(&home.file).unwrap();
    assert_eq!(super::count(&store, "keepsake"), 0);
    assert_eq!(store.load().unwrap().nodes, []);
}

#[test]
fn every_migration_can_be_taken_back() {
    use diesel_migrations::MigrationHarness;
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    connection.revert_all_migrations(MIGRATIONS).unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
}
