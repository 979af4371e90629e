//! Databases of the Python wnm: real ones of every version, and what became of some.

mod museum;
mod opening;
mod random;
mod refusals;

use std::path::Path;

use super::Home;
use crate::{LegacyError, PythonDatabase, make_database, read_python};

const LAST: &str = include_str!("../../museum/python/0.6.3-user.sql");
const LAST_OF_SYSTEM: &str = include_str!("../../museum/python/0.6.3-system.sql");
const FIRST: &str = include_str!("../../museum/python/0.0.9-system.sql");

/// A database made of `sql`, as that program's own SQLite would.
fn made(sql: &str) -> Home {
    let home = Home::empty();
    make_database(sql, &home.file).unwrap();
    home
}

/// One with `changes` made to it.
fn changed(changes: &str) -> Home {
    let home = made(LAST);
    alter(&home, changes);
    home
}

/// As that program's SQLite, which looks after no references.
fn alter(home: &Home, sql: &str) {
    home.execute(&format!("PRAGMA foreign_keys = OFF; {sql}"));
}

/// Reads it; nothing in the directory changes by that, not even a date.
fn read(home: &Home) -> Result<PythonDatabase, LegacyError> {
    let state = || {
        let states = home.names().into_iter().map(|name| {
            let path = home.beside(&name);
            let meta = std::fs::metadata(&path).unwrap();
            (name, std::fs::read(&path).unwrap(), meta.modified().unwrap())
        });
        states.collect::<Vec<_>>()
    };
    let before = state();
    let read = read_python(&home.file);
    assert!(state() == before, "the directory of the database was changed");
    read
}

/// The refusal, without the directory of the test.
fn refusal(home: &Home) -> String {
    let error = read(home).unwrap_err();
    let source = std::error::Error::source(&error).map(|it| format!("\n  ({it})"));
    let directory = format!("{}/", home.file.parent().unwrap_or(Path::new("")).display());
    format!("{error}{}", source.unwrap_or_default()).replace(&directory, "")
}
