//! Databases of the Python wnm, of every version: read, judged, never written to.
//!
//! Its tables changed with nearly every version, and migrations did not reach all of them. So no
//! version is believed: columns are looked for by name, those that are not there are told, and what
//! stands in those that are must make sense, or all of it is refused.

mod cells;
mod columns;
mod error;
mod node;
mod open;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::Text;

pub use error::{LegacyError, Problem};
pub use node::{PythonNode, PythonStatus};

use crate::error::{Cause, StoreErrorKind};
use cells::Table;

/// What was found in a database of the Python wnm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonDatabase {
    /// Of about which version it is.
    pub schema: PythonSchema,
    /// Its settings by the names of that program's options, delays in seconds. What is not there,
    /// empty, or `None` in Python's words is left out.
    pub settings: BTreeMap<&'static str, String>,
    /// Its nodes by number.
    pub nodes: Vec<PythonNode>,
    /// Columns that settings or nodes of the last version had, and these have not.
    pub missing: Vec<String>,
    /// Columns that no version had.
    pub unknown: Vec<String>,
}

/// Which generation of tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PythonSchema {
    /// Up to 0.0.9: `NodeCap`, delays in minutes.
    First,
    /// From 0.0.10 on, or brought there from the first by its script, and never stamped.
    Unstamped,
    /// With a revision of its migrations.
    Revision(String),
}

impl fmt::Display for PythonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PythonSchema::First => f.write_str("0.0.9 or older"),
            PythonSchema::Unstamped => f.write_str("0.0.10 or later, without a revision"),
            PythonSchema::Revision(revision) => write!(f, "revision {revision}"),
        }
    }
}

/// Reads the database of the Python wnm at `file`. Nothing is written, there or beside it; a database
/// that its owner left in the middle of a change is read in a private copy.
///
/// # Errors
/// The file, when it is not there, locked for too long, damaged or no such database; or everything
/// that makes no sense in it, with table, row and column.
pub fn read_python(file: &Path) -> Result<PythonDatabase, LegacyError> {
    const OP: &str = "read the database of the Python wnm";
    let found = open::with(file, |connection| {
        Ok((
            cells::read(connection, "machine", columns::MACHINE)?,
            cells::read(connection, "node", columns::NODE)?,
            revision(connection)?,
        ))
    });
    let (machine, nodes, revision) = found.map_err(|cause| cause.at(OP, file))?;
    let (Some(machine), Some(nodes)) = (machine, nodes) else {
        return Err(Cause::from(StoreErrorKind::Foreign).at(OP, file).into());
    };
    judge(machine, nodes, revision)
        .map_err(|problems| LegacyError::Content { file: file.into(), problems })
}

fn judge(
    machine: Table,
    nodes: Table,
    revision: Option<String>,
) -> Result<PythonDatabase, Vec<Problem>> {
    let schema = match revision {
        Some(revision) => PythonSchema::Revision(revision),
        None if machine.unknown.is_empty() && machine.is_first => PythonSchema::First,
        None => PythonSchema::Unstamped,
    };
    let missing = of_both(&machine, &nodes, |table| {
        table.missing.iter().map(|name| (*name).to_owned()).collect()
    });
    let unknown = of_both(&machine, &nodes, |table| table.unknown.clone());
    match (settings(machine), node::nodes(&nodes)) {
        (Ok(settings), Ok(nodes)) => {
            Ok(PythonDatabase { schema, settings, nodes, missing, unknown })
        }
        (settings, nodes) => {
            Err([settings.err(), nodes.err()].into_iter().flatten().flatten().collect())
        }
    }
}

fn of_both(machine: &Table, nodes: &Table, of: impl Fn(&Table) -> Vec<String>) -> Vec<String> {
    let named = |name: &str, table| {
        of(table).into_iter().map(|column| format!("{name}.{column}")).collect::<Vec<_>>()
    };
    [named("machine", machine), named("node", nodes)].concat()
}

/// The one row of settings.
fn settings(machine: Table) -> Result<BTreeMap<&'static str, String>, Vec<Problem>> {
    let mut problems = machine.problems;
    if machine.rows.len() != 1 {
        let why = match machine.rows.len() {
            0 => "it is empty: that wnm was never initialised".to_owned(),
            several => format!("it has {several} rows, and must have one"),
        };
        problems.push(Problem { table: "machine", row: None, column: None, why });
    }
    let row = machine.rows.first_key_value();
    let storage = row.and_then(|(number, row)| Some((*number, row.get("node_storage")?)));
    if let Some((number, why)) = storage.and_then(|(row, it)| Some((row, node::refuse_path(it)?))) {
        let (row, column) = (Some(number), Some("node_storage"));
        problems.push(Problem { table: "machine", row, column, why });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let row = machine.rows.into_values().next().unwrap_or_default();
    // Its own listing, read back in, left this word as a text.
    Ok(row.into_iter().filter(|(_, text)| !text.is_empty() && text != "None").collect())
}

/// The revision that a migration or a stamp left; unreadable ones say nothing.
fn revision(connection: &mut SqliteConnection) -> Result<Option<String>, Cause> {
    let is_there = diesel::sql_query(
        "SELECT name AS text FROM sqlite_schema \
         WHERE type = 'table' AND rootpage > 0 AND name = 'alembic_version'",
    );
    if is_there.load::<Word>(connection)?.is_empty() {
        return Ok(None);
    }
    let query =
        "SELECT substr(CAST(version_num AS TEXT), 1, 40) AS text FROM alembic_version LIMIT 1";
    let words = diesel::sql_query(query).load::<Word>(connection)?;
    let plain = |text: &String| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    Ok(words.into_iter().next().map(|it| it.text).filter(plain))
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Makes the database of another program at `file` from the text of its tables, for tests.
///
/// # Errors
/// What SQLite refuses.
#[cfg(any(test, feature = "fakes"))]
pub fn make_database(sql: &str, file: &Path) -> Result<(), crate::StoreError> {
    let uri = crate::place::uri(file, "rwc");
    let made = SqliteConnection::establish(&uri)
        .map_err(Cause::from)
        .and_then(|mut connection| crate::store::execute(&mut connection, sql));
    made.map_err(|cause| cause.at("make a database", file))
}

/// The names of all columns that are read, of `machine` and of `node`.
#[cfg(test)]
pub(crate) fn columns_for_tests() -> (Vec<&'static str>, Vec<&'static str>) {
    let names = |columns: &[columns::Column]| columns.iter().map(|it| it.name).collect();
    (names(columns::MACHINE), names(columns::NODE))
}
