use std::os::unix::fs::PermissionsExt;

use wnm_core::host::{Intents, Store};
use wnm_core::observe::FaultKind;
use wnm_core::policy::{PolicyDraft, Setting};

use super::{Home, add, at, count, done, told};
use crate::{SqliteStore, StoreErrorKind};

#[test]
fn a_store_is_made_once_and_leaves_nothing_half_made() {
    let (home, store) = Home::with_store();
    assert_eq!(store.path(), home.file);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    drop(store);
    assert_eq!(home.names(), ["colony.db", "colony.db.reserve"]);

    let before = std::fs::read(&home.file).unwrap();
    let again = SqliteStore::create(&home.file).unwrap_err();
    assert_eq!(again.kind, StoreErrorKind::Exists);
    assert_eq!(std::fs::read(&home.file).unwrap(), before);
}

#[test]
fn what_a_dead_init_left_behind_is_not_in_the_way() {
    let home = Home::empty();
    for name in ["colony.db.part", "colony.db.part-journal", "colony.db.new"] {
        std::fs::write(home.beside(name), "half a store").unwrap();
    }
    SqliteStore::create(&home.file).unwrap();
    assert_eq!(home.names(), ["colony.db", "colony.db.reserve"]);
}

#[test]
fn nothing_is_made_through_a_link_that_leads_nowhere() {
    let home = Home::empty();
    std::os::unix::fs::symlink("nowhere", &home.file).unwrap();
    let refused = SqliteStore::create(&home.file).unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::Exists);
    assert_eq!(home.names(), ["colony.db"]);
}

#[test]
fn a_store_keeps_its_settings_and_its_safety() {
    let (home, store) = Home::with_store();
    let draft = PolicyDraft::default().with(Setting::NodeCap, "7");
    store.set_policy(&draft, at(1).wall).unwrap();
    drop(store);

    let store = SqliteStore::open(&home.file).unwrap();
    assert_eq!(store.load().unwrap().draft, draft);
    for (pragma, value) in [("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)] {
        let column = if pragma == "busy_timeout" { "timeout" } else { pragma };
        let sql = format!("(SELECT \"{column}\" FROM pragma_{pragma})");
        assert_eq!(number(&store, &sql), value, "{pragma}");
    }
    assert_eq!(number(&store, "(SELECT journal_mode = 'wal' FROM pragma_journal_mode)"), 1);
}

fn number(store: &SqliteStore, sql: &str) -> i64 {
    use diesel::prelude::*;
    let query = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(sql));
    query.get_result(&mut *store.lock()).unwrap()
}

#[test]
fn a_missing_store_is_not_made_by_opening_it() {
    let home = Home::empty();
    for opened in [SqliteStore::open(&home.file), SqliteStore::open_read_only(&home.file)] {
        let missing = opened.unwrap_err();
        assert_eq!(missing.kind, StoreErrorKind::Missing);
        assert!(missing.to_string().contains("colony.db: it is not there"), "{missing}");
    }
    let no_directory = SqliteStore::create(&home.beside("no/such/colony.db")).unwrap_err();
    assert_eq!(no_directory.kind, StoreErrorKind::Missing);
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn a_path_may_hold_any_character() {
    let home = Home::empty();
    let file = home.beside("odd 'quoted' ?mode=memory&x #50% – ä.db");
    drop(SqliteStore::create(&file).unwrap());
    SqliteStore::open(&file).unwrap();
    assert!(home.names().iter().any(|name| name.ends_with("ä.db")));
}

#[test]
fn a_reader_reads_while_a_writer_holds_a_transaction() {
    let (home, writer) = Home::with_store();
    let reader = SqliteStore::open_read_only(&home.file).unwrap();
    writer.begin(&add(1), &at(10)).unwrap();
    assert_eq!(reader.load().unwrap().nodes.len(), 1);

    let mut busy = home.connect();
    crate::store::execute(
        &mut busy,
        "BEGIN IMMEDIATE; DELETE FROM nodes; UPDATE machine SET generation = 9;",
    )
    .unwrap();
    let during = reader.load().unwrap();
    assert_eq!((during.nodes.len(), during.generation), (1, 0));
    let another = SqliteStore::open_read_only(&home.file).unwrap();
    assert_eq!(another.load().unwrap().nodes.len(), 1);

    crate::store::execute(&mut writer.lock(), "PRAGMA busy_timeout = 20").unwrap();
    let locked = writer.finish(wnm_core::model::OpId(1), &done(), at(11).wall).unwrap_err();
    assert_eq!(locked.kind, FaultKind::Timeout, "{}", locked.chain());

    crate::store::execute(&mut busy, "COMMIT").unwrap();
    let after = reader.load().unwrap();
    assert_eq!((after.nodes.len(), after.generation), (0, 9));
}

#[test]
fn a_reader_changes_nothing() {
    let (home, writer) = Home::with_store();
    drop(writer);
    let before = std::fs::read(&home.file).unwrap();
    let reader = SqliteStore::open_read_only(&home.file).unwrap();
    let refused = reader.begin(&add(1), &at(10)).unwrap_err();
    assert_eq!(refused.kind, FaultKind::ReadOnly, "{}", refused.chain());
    let refused = reader.set_policy(&PolicyDraft::default(), at(1).wall).unwrap_err();
    assert_eq!(refused.kind, FaultKind::ReadOnly, "{}", refused.chain());
    assert_eq!(count(&reader, "operations"), 0);
    drop(reader);
    assert_eq!(std::fs::read(&home.file).unwrap(), before);
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that was not made must not look like one that was")]
fn a_directory_that_may_not_be_written_to_says_so() {
    let (home, store) = Home::with_store();
    drop(store);
    std::fs::remove_file(home.beside("colony.db.reserve")).unwrap();
    let directory = home.directory.path();
    let set_mode = |mode| {
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(0o555);
    if std::fs::write(home.beside("probe"), "").is_ok() {
        set_mode(0o755);
        eprintln!("SKIPPED: this user may write to a directory of mode 555");
        return;
    }
    let opened = SqliteStore::open(&home.file).map(|_| ());
    let created = SqliteStore::create(&home.beside("other.db")).map(|_| ());
    set_mode(0o755);
    for refused in [opened.unwrap_err(), created.unwrap_err()] {
        assert_eq!(refused.kind, StoreErrorKind::Permission, "{}", told(&refused));
    }
    assert_eq!(home.names(), ["colony.db"]);
}

#[test]
fn an_error_keeps_its_kind_on_the_way_through_core() {
    let home = Home::empty();
    let missing = SqliteStore::open(&home.file).unwrap_err();
    let error = wnm_core::host::HostError::from(missing);
    assert_eq!(error.kind, FaultKind::NotFound);
    let source = error.source.as_ref().unwrap().downcast_ref::<crate::StoreError>().unwrap();
    assert_eq!(source.kind, StoreErrorKind::Missing);
    let file = home.file.display();
    assert!(
        error.chain().starts_with(&format!("failed to open the store: {file}: it is not there: ")),
        "{}",
        error.chain()
    );
}
