#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![expect(clippy::disallowed_methods, reason = "tests look at the files of a store")]

mod backups;
mod corrupt;
mod counts;
mod crash;
mod cuts;
mod cycles;
mod foreign;
mod full;
mod legacy;
mod museum;
mod opening;
mod recorded;
mod restoring;

use std::path::PathBuf;

use diesel::prelude::*;
use tempfile::TempDir;
use wnm_core::action::{Action, Change, Outcome, PlannedAction, Reason};
use wnm_core::fakes::build::{release, spec};
use wnm_core::fakes::{StoreAndIntents, store_contract};
use wnm_core::model::{BootId, Instant, Now, Timestamp};

use crate::place::uri;
use crate::store::execute;
use crate::{SqliteStore, StoreError};

#[test]
fn it_keeps_the_contract_in_memory() {
    store_contract(&mut || -> Box<dyn StoreAndIntents> {
        Box::new(SqliteStore::in_memory().unwrap())
    });
}

#[test]
fn it_keeps_the_contract_in_a_file() {
    let home = TempDir::new().unwrap();
    let mut count = 0;
    store_contract(&mut || -> Box<dyn StoreAndIntents> {
        count += 1;
        Box::new(SqliteStore::create(&home.path().join(format!("colony-{count}.db"))).unwrap())
    });
}

/// A directory with room for a store.
struct Home {
    directory: TempDir,
    file: PathBuf,
}

impl Home {
    fn empty() -> Home {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("colony.db");
        Home { directory, file }
    }

    fn with_store() -> (Home, SqliteStore) {
        let home = Home::empty();
        let store = SqliteStore::create(&home.file).unwrap();
        (home, store)
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Another connection, with none of the store's own care.
    fn connect(&self) -> SqliteConnection {
        SqliteConnection::establish(&uri(&self.file, "rw")).unwrap()
    }

    fn execute(&self, sql: &str) {
        execute(&mut self.connect(), sql).unwrap();
    }
}

fn count(store: &SqliteStore, table: &str) -> i64 {
    let sql = format!("(SELECT count(*) FROM {table})");
    let query = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(&sql));
    query.get_result(&mut *store.lock()).unwrap()
}

fn at(second: u64) -> Now {
    Now {
        wall: Timestamp(second as i64 * 1000),
        instant: Instant { boot: BootId("first".to_owned()), uptime_ms: second * 1000 },
    }
}

fn add(number: u32) -> PlannedAction {
    PlannedAction {
        action: Action::Add { spec: Box::new(spec(number)), release: release(), key: None },
        reason: Reason::RoomAgain,
    }
}

fn done() -> Outcome {
    Outcome::Done { changes: vec![Change::Made] }
}

/// The message with that of its source.
fn told(error: &StoreError) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}
