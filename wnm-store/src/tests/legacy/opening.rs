//! What lies around a database: its owner's locks, logs and accidents.

use super::{LAST, changed, made, read, refusal};
use crate::store::execute;
use crate::tests::Home;

#[test]
fn a_log_beside_it_belongs_to_it() {
    let home = made(LAST);
    let mut writer = home.connect();
    execute(&mut writer, "PRAGMA journal_mode = WAL").unwrap();
    execute(&mut writer, "UPDATE machine SET node_cap = 17").unwrap();
    assert_eq!(home.names(), ["colony.db", "colony.db-shm", "colony.db-wal"]);
    // Its owner lives on, with the change in the log only.
    assert_eq!(read(&home).unwrap().settings["node_cap"], "17");
    drop(writer);
}

/// The files as they lie when a writer dies in the middle of a change.
fn killed() -> Home {
    let home = made(LAST);
    let torn = Home::empty();
    let mut writer = home.connect();
    execute(&mut writer, "PRAGMA cache_spill = 1; PRAGMA cache_size = 1; BEGIN IMMEDIATE").unwrap();
    for round in 0..40 {
        let sql = format!(
            "UPDATE machine SET node_cap = 99; \
             UPDATE node SET rewards = printf('%.*c', 5000, 'x') || {round}"
        );
        execute(&mut writer, &sql).unwrap();
    }
    for name in home.names() {
        std::fs::copy(home.beside(&name), torn.beside(&name)).unwrap();
    }
    torn
}

#[test]
fn a_change_that_its_owner_did_not_end_is_undone() {
    let home = killed();
    assert_eq!(home.names(), ["colony.db", "colony.db-journal"]);
    // Without the journal it would be torn, or say what never became true.
    let bare = Home::empty();
    std::fs::copy(&home.file, &bare.file).unwrap();
    assert_ne!(std::fs::read(&bare.file).unwrap(), std::fs::read(&made(LAST).file).unwrap());
    assert_eq!(read(&home).unwrap().settings["node_cap"], "5");
}

#[test]
fn while_its_owner_writes_it_is_as_it_was_before() {
    let home = made(LAST);
    let mut writer = home.connect();
    execute(&mut writer, "BEGIN IMMEDIATE; UPDATE machine SET node_cap = 99").unwrap();
    assert_eq!(read(&home).unwrap().settings["node_cap"], "5");
    execute(&mut writer, "COMMIT").unwrap();
    assert_eq!(read(&home).unwrap().settings["node_cap"], "99");
}

#[test]
fn a_lock_that_does_not_go_away_is_told() {
    let home = made(LAST);
    let mut writer = home.connect();
    execute(&mut writer, "BEGIN EXCLUSIVE").unwrap();
    insta::assert_snapshot!(refusal(&home), @"
    colony.db: another process keeps it locked
      (database is locked)
    ");
}

#[test]
fn what_is_no_database_is_refused() {
    let home = Home::empty();
    assert!(refusal(&home).contains("it is not there"));
    std::fs::write(&home.file, "").unwrap();
    insta::assert_snapshot!(refusal(&home), @"colony.db: it is not a store of this program, and was left untouched");
    std::fs::write(&home.file, "node_cap=20\n".repeat(100)).unwrap();
    insta::assert_snapshot!(refusal(&home), @"colony.db: it is not a store of this program, and was left untouched");
    std::fs::remove_file(&home.file).unwrap();
    std::fs::create_dir(&home.file).unwrap();
    let error = crate::read_python(&home.file).unwrap_err().to_string();
    assert!(error.contains("not a store of this program"), "{error}");
}

#[test]
fn another_programs_database_is_refused() {
    insta::assert_snapshot!(refusal(&made("CREATE TABLE t (a)")), @"colony.db: it is not a store of this program, and was left untouched");
    insta::assert_snapshot!(refusal(&changed("DROP TABLE node")), @"colony.db: it is not a store of this program, and was left untouched");
    // A view or a virtual table is no table.
    let view = "ALTER TABLE node RENAME TO old; CREATE VIEW node AS SELECT * FROM old";
    insta::assert_snapshot!(refusal(&changed(view)), @"colony.db: it is not a store of this program, and was left untouched");
    let (own, _store) = Home::with_store();
    let error = crate::read_python(&own.file).unwrap_err().to_string();
    assert!(error.contains("colony.db: it "), "{error}");
}

#[test]
fn one_that_was_never_initialised_has_nothing_to_take() {
    // What 0.6.3 leaves behind when it does not find its own migrations.
    insta::assert_snapshot!(refusal(&changed("DELETE FROM machine; DELETE FROM node")), @"
    colony.db makes no sense
      table machine: it is empty: that wnm was never initialised
    ");
}

#[test]
fn a_large_file_is_not_read() {
    let home = made(LAST);
    let file = std::fs::OpenOptions::new().append(true).open(&home.file).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    insta::assert_snapshot!(refusal(&home), @"colony.db: it is larger than 64 MB, which no store of that program is");
}

#[test]
fn cut_anywhere_it_is_refused() {
    let whole = made(LAST);
    let bytes = std::fs::read(&whole.file).unwrap();
    let as_it_was = read(&whole).unwrap();
    let home = Home::empty();
    for length in (0..bytes.len()).step_by(512) {
        std::fs::write(&home.file, &bytes[..length]).unwrap();
        assert!(read(&home).is_err(), "cut to {length} bytes");
    }
    std::fs::write(&home.file, &bytes).unwrap();
    assert_eq!(read(&home).unwrap(), as_it_was);
}
