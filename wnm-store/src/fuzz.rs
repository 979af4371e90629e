//! What must hold whatever bytes a file has, for `tests/fuzz`: each takes one input, and panics
//! otherwise. `home` is an empty directory for it.
#![expect(clippy::disallowed_methods, reason = "files are made to be read")]

use std::fs;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{Binary, Text};
use wnm_core::host::{CycleQuery, HistoryQuery, HostError, Intents, Store};
use wnm_core::model::{CycleId, RequestId};

use crate::place::Place;
use crate::store::execute;
use crate::{SqliteStore, StoreError, StoreErrorKind, convert, delta, legacy, salvage};

const OLD: &str = include_str!("../museum/0001.sql");
const NEW: &str = include_str!("../museum/0002.sql");

/// A store: for a reader, for a check, for a cycle, and once more after that.
pub fn store(data: &[u8], home: &Path) {
    let file = home.join("colony.db");
    fs::write(&file, data).expect("there is room");
    let read = SqliteStore::open_read_only(&file).map_err(|error| error.kind);
    let read = read.and_then(|store| store.load().map_err(|error| kind(&error)));
    let _ = crate::inspect(&file);
    salvage(&file);
    assert_eq!(fs::read(&file).expect("it is there"), data, "looking changes nothing");
    match SqliteStore::open(&file) {
        Err(StoreError { kind: StoreErrorKind::Foreign, .. }) => {
            assert_eq!(fs::read(&file).expect("it is there"), data, "it is somebody else's");
        }
        Err(_) => {}
        Ok(store) => {
            let loaded = store.load().map_err(|error| kind(&error));
            if let (Ok(read), Ok(loaded)) = (&read, &loaded) {
                assert_eq!(read, loaded, "a reader and a cycle are told the same");
            }
            everything(&store);
            let _ = store.check();
            drop(store);
            let again = SqliteStore::open(&file).and_then(|it| it.load().map_err(refusal));
            if let (Ok(loaded), Ok(again)) = (loaded, again) {
                assert_eq!(again, loaded, "what was opened is what it was");
            }
        }
    }
}

/// Stores of this and of an earlier version.
pub fn stores(home: &Path) -> Vec<Vec<u8>> {
    made(&[OLD, NEW], home)
}

/// The database of another program.
pub fn python(data: &[u8], home: &Path) {
    let file = home.join("colony.db");
    fs::write(&file, data).expect("there is room");
    let found = legacy::read_python(&file);
    assert_eq!(fs::read(&file).expect("it is there"), data, "looking changes nothing");
    assert_eq!(fs::read_dir(home).expect("it is there").count(), 1, "nor is anything beside it");
    for node in found.map(|it| it.nodes).unwrap_or_default() {
        assert!(node.data.as_deref().is_none_or(plain), "{node:?}");
    }
}

fn plain(path: &Path) -> bool {
    path.is_absolute() && !path.components().any(|it| it.as_os_str() == "..")
}

/// Databases of three of its versions.
pub fn pythons(home: &Path) -> Vec<Vec<u8>> {
    let texts = [
        include_str!("../museum/python/0.0.9-system.sql"),
        include_str!("../museum/python/0.3.10-user.sql"),
        include_str!("../museum/python/0.6.3-user.sql"),
    ];
    made(&texts, home)
}

fn made(texts: &[&str], home: &Path) -> Vec<Vec<u8>> {
    let one = |(number, sql): (usize, &&str)| {
        let file = home.join(format!("made-{number}.db"));
        legacy::make_database(sql, &file).expect("the museum is sound");
        fs::read(&file).expect("it was made")
    };
    texts.iter().enumerate().map(one).collect()
}

/// Columns that hold more than a number.
const CELLS: [(&str, &str); 24] = [
    ("machine", "memory"),
    ("settings", "key"),
    ("settings", "value"),
    ("nodes", "name"),
    ("nodes", "program"),
    ("nodes", "manager"),
    ("nodes", "wallet"),
    ("nodes", "data_dir"),
    ("nodes", "spec"),
    ("nodes", "want"),
    ("nodes", "phase"),
    ("nodes", "version"),
    ("operations", "action"),
    ("operations", "planned"),
    ("operations", "outcome"),
    ("requests", "verb"),
    ("requests", "made_at"),
    ("requests", "answer"),
    ("samples", "boot"),
    ("samples", "sample"),
    ("readings", "essence"),
    ("readings", "view"),
    ("cycle_groups", "text"),
    ("cycles", "delta"),
];

/// One text in the place of all cells of one column: its number, then the text.
pub fn cell(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let (table, column) = CELLS[usize::from(*first) % CELLS.len()];
    let mut connection = SqliteConnection::establish(":memory:").expect("there is memory");
    execute(&mut connection, NEW).expect("the museum is sound");
    execute(&mut connection, "PRAGMA ignore_check_constraints = ON;").expect("it is known");
    let update = diesel::sql_query(format!("UPDATE OR IGNORE {table} SET {column} = ?"));
    let text = String::from_utf8_lossy(rest);
    let updated = match column {
        "text" => {
            let packed = convert::deflated("text", rest).expect("it can be packed");
            update.bind::<Binary, _>(packed).execute(&mut connection)
        }
        "delta" => update.bind::<Binary, _>(rest).execute(&mut connection),
        _ => update.bind::<Text, _>(text.as_ref()).execute(&mut connection),
    };
    updated.expect("it is of the right kind");
    everything(&SqliteStore::over(connection, Place::in_memory()));
}

/// The cells of a store with one of everything.
pub fn cells() -> Vec<Vec<u8>> {
    let mut connection = SqliteConnection::establish(":memory:").expect("there is memory");
    execute(&mut connection, NEW).expect("the museum is sound");
    let mut made = Vec::new();
    for (number, (table, column)) in (0..).zip(CELLS) {
        let query = format!(
            "SELECT CAST({column} AS BLOB) AS bytes FROM {table} WHERE {column} IS NOT NULL LIMIT 2"
        );
        let found = diesel::sql_query(query).load::<Cell>(&mut connection);
        for Cell { bytes } in found.expect("it is in the museum") {
            let bytes = match column {
                "text" => convert::inflated(&bytes).expect("the museum is sound"),
                _ => bytes,
            };
            made.push([&[number][..], &bytes].concat());
        }
    }
    made
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = Binary)]
    bytes: Vec<u8>,
}

/// Everything that is ever read.
fn everything(store: &SqliteStore) {
    let _ = store.load();
    let _ = store.history(&HistoryQuery::default());
    let _ = store.last_seen();
    for number in 0..4 {
        let _ = store.answer_to(RequestId(number));
        let _ = store.recorded(CycleId(number));
    }
    for cycle in store.cycles(&CycleQuery::default()).unwrap_or_default() {
        let _ = store.recorded(cycle.cycle);
    }
}

/// A difference that was not made by us, for a text that may be any.
pub fn difference(data: &[u8]) {
    const MOST: usize = 64 << 10;
    let half = data.len() / 2;
    let (base, other) = data.split_at(half);
    if let Some(text) = delta::decode(base, other, MOST) {
        assert!(text.len() <= MOST);
    }
    let made = delta::encode(base, other);
    assert_eq!(delta::decode(base, &made, MOST).as_deref(), Some(other));
    if let Some(text) = convert::inflated(data) {
        assert!(text.len() <= convert::MOST_INFLATED);
    }
}

fn refusal(error: HostError) -> StoreError {
    let source = error.source.and_then(|it| it.downcast::<StoreError>().ok());
    *source.expect("a store fails as one")
}

fn kind(error: &HostError) -> StoreErrorKind {
    let source = error.source.as_ref().and_then(|it| it.downcast_ref::<StoreError>());
    source.expect("a store fails as one").kind.clone()
}
