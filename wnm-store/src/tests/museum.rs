//! One store of every schema that was ever released, as it was written then.

use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use wnm_core::host::{Intents, Store};
use wnm_core::model::{Timestamp, Want};

use super::cycles::Cycle;
use super::{Home, at};
use crate::migrate::MIGRATIONS;
use crate::store::execute;
use crate::{Backups, SqliteStore, inspect};

/// Each by the last migration that it has.
pub(super) const PIECES: [(&str, &str); 2] = [
    ("0001", include_str!("../../museum/0001.sql")),
    ("0002", include_str!("../../museum/0002.sql")),
];

fn exhibit(sql: &str) -> Home {
    exhibit_in(Home::empty(), sql)
}

/// The store that `sql` makes, in an empty home.
pub(super) fn exhibit_in(home: Home, sql: &str) -> Home {
    let mut connection = SqliteConnection::establish(home.file.to_str().unwrap()).unwrap();
    execute(&mut connection, sql).unwrap();
    home
}

#[test]
fn every_schema_has_its_piece() {
    let known = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).unwrap();
    let mut known: Vec<String> = known.iter().map(|it| it.name().version().to_string()).collect();
    known.sort();
    let shown: Vec<&str> = PIECES.iter().map(|(version, _)| *version).collect();
    assert_eq!(known, shown, "`cargo run -p wnm-store --example museum` makes the missing one");
}

#[test]
fn every_piece_opens_and_is_planned_from() {
    for (version, sql) in PIECES {
        let home = exhibit(sql);
        assert_eq!(inspect(&home.file).unwrap().version, version);
        let store =
            SqliteStore::open(&home.file).unwrap_or_else(|error| panic!("{version}: {error}"));
        assert_eq!(store.check().unwrap(), Vec::<String>::new(), "{version}");
        let ledger = store.load().unwrap();
        assert_eq!(ledger.nodes.len(), 3, "{version}");
        let wants: Vec<Want> = ledger.nodes.iter().map(|record| record.want).collect();
        assert_eq!(wants, [Want::Run, Want::StoppedByOperator, Want::Disabled], "{version}");
        assert_eq!((ledger.open.len(), ledger.requests.len()), (1, 1), "{version}");
        assert!(ledger.memory.boot.is_some() && !ledger.draft.values.is_empty(), "{version}");
        assert!(store.last_seen().unwrap().is_some(), "{version}: its last cycle is read");

        let cycle = Cycle::at(&store, &at(5000));
        assert_eq!(cycle.snapshot.nodes.len(), 3, "{version}");
        store.save_cycle(&cycle.recording()).unwrap();
        let made = Backups::of(&home.file).make(Timestamp(0)).unwrap();
        assert_eq!(inspect(&made.file).unwrap().ledger.nodes, ledger.nodes, "{version}");
    }
}
