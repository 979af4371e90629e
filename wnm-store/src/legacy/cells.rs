//! Tables of whatever shape, cell by cell: only columns that are known, only texts that are short,
//! and numbers as the texts that SQLite makes of them.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::columns::{Column, Holds, UNUSED};
use super::error::Problem;
use crate::error::Cause;

/// More nodes than any machine has.
const MOST_ROWS: usize = 10_000;

/// The longest text that means something: a path.
const MOST_BYTES: usize = 4096;

/// So much of a bad cell is shown.
const SHOWN: usize = 60;

/// A table as it was found.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// By row number.
    pub(super) rows: BTreeMap<i64, Row>,
    /// Columns by name of which nothing is known here.
    pub(super) unknown: Vec<String>,
    /// Columns that it does not have.
    pub(super) missing: Vec<&'static str>,
    /// True when a column has the name that only the first generation gave it.
    pub(super) is_first: bool,
    /// Cells that hold what they must not.
    pub(super) problems: Vec<Problem>,
}

/// What stands in a row, by the later name of its column; NULL is left out.
pub(super) type Row = BTreeMap<&'static str, String>;

/// Reads table `name`; `None` when there is no such table.
pub(super) fn read(
    connection: &mut SqliteConnection,
    name: &'static str,
    columns: &[Column],
) -> Result<Option<Table>, Cause> {
    // A view may take for ever, and a virtual table anything.
    let is_table = "SELECT count(*) AS number FROM sqlite_schema \
         WHERE type = 'table' AND rootpage > 0 AND name = ";
    let found: Number = diesel::sql_query(format!("{is_table}'{name}'")).get_result(connection)?;
    if found.number == 0 {
        return Ok(None);
    }
    let names = names(connection, name)?;
    let mut table = Table::default();
    for number in rows(connection, name)? {
        table.rows.insert(number, Row::new());
    }
    if table.rows.len() > MOST_ROWS {
        let why = format!("it has more than {MOST_ROWS} rows, which no machine has nodes");
        table.problems.push(Problem { table: name, row: None, column: None, why });
        return Ok(Some(table));
    }
    for column in columns {
        let has = |name: &str| names.iter().any(|found| found == name);
        match (has(column.name), column.first.filter(|first| has(first))) {
            (true, _) => fill(connection, &mut table, name, column, column.name)?,
            (false, Some(first)) => {
                table.is_first = true;
                fill(connection, &mut table, name, column, first)?;
            }
            (false, None) => table.miss(name, column),
        }
    }
    let known = |found: &String| {
        UNUSED.contains(&found.as_str())
            || columns.iter().any(|it| it.name == found || it.first == Some(found))
    };
    table.unknown = names.into_iter().filter(|found| !known(found)).collect();
    Ok(Some(table))
}

impl Table {
    fn miss(&mut self, table: &'static str, column: &Column) {
        self.missing.push(column.name);
        if column.is_needed {
            let why = "it has no such column".to_owned();
            self.problems.push(Problem { table, row: None, column: Some(column.name), why });
        }
    }
}

fn names(connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>, Cause> {
    let sql = format!("SELECT CAST(name AS BLOB) AS bytes FROM pragma_table_info('{table}')");
    let names: Vec<Name> = diesel::sql_query(sql).load(connection)?;
    Ok(names.into_iter().map(|it| String::from_utf8_lossy(&it.bytes).into_owned()).collect())
}

fn rows(connection: &mut SqliteConnection, table: &str) -> Result<Vec<i64>, Cause> {
    let most = MOST_ROWS + 1;
    let sql = format!("SELECT rowid AS number FROM {table} LIMIT {most}");
    let rows: Vec<Number> = diesel::sql_query(sql).load(connection)?;
    Ok(rows.into_iter().map(|row| row.number).collect())
}

/// `called`, one of our own words, is how the column is named in this file.
fn fill(
    connection: &mut SqliteConnection,
    table: &mut Table,
    name: &'static str,
    column: &Column,
    called: &'static str,
) -> Result<(), Cause> {
    let sql = format!(
        "SELECT rowid AS number, typeof(\"{called}\") AS kind, \
         substr(CAST(\"{called}\" AS BLOB), 1, {}) AS bytes FROM {name}",
        MOST_BYTES + 1
    );
    let cells: Vec<Cell> = diesel::sql_query(sql).load(connection)?;
    for cell in cells {
        let number = cell.number;
        match text(column, called, cell) {
            Ok(Some(text)) => {
                table.rows.entry(number).or_default().insert(column.name, text);
            }
            Ok(None) => {}
            Err(why) => {
                let column = Some(called);
                table.problems.push(Problem { table: name, row: Some(number), column, why });
            }
        }
    }
    Ok(())
}

/// The text of a cell, or what is wrong with it.
fn text(column: &Column, called: &str, cell: Cell) -> Result<Option<String>, String> {
    let is_first = column.first == Some(called);
    let Cell { kind, bytes, .. } = cell;
    let Some(bytes) = bytes.filter(|_| kind != "null") else {
        return match column.is_needed {
            true => Err("it is empty".to_owned()),
            false => Ok(None),
        };
    };
    if bytes.len() > MOST_BYTES {
        return Err(format!("its text is longer than {MOST_BYTES} bytes"));
    }
    if kind == "blob" {
        return Err("it holds bytes, and must hold a text or a number".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let found = shown(&text);
    match (column.holds, kind.as_str()) {
        (Holds::Text, "text") if text.chars().any(char::is_control) => {
            Err(format!("{found} has a control character in it"))
        }
        (Holds::Text, "text") => Ok(Some(text).filter(|text| !text.is_empty() || column.is_needed)),
        (Holds::Text, _) => Err(format!("{found} is a number, and must be a text")),
        (_, "text") => Err(format!("{found} is a text, and must be a number")),
        (Holds::Switch, _) => match text.as_str() {
            "0" | "1" => Ok(Some(text)),
            _ => Err(format!("{found} is neither 0 nor 1")),
        },
        (Holds::Count, _) => count(&text).map(|it| Some(it.to_string())),
        (Holds::Seconds, _) => {
            let seconds = count(&text)?.checked_mul(if is_first { 60 } else { 1 });
            let seconds = seconds.ok_or_else(|| format!("{found} is too large"))?;
            Ok(Some(seconds.to_string()))
        }
        (Holds::Number, _) => quantity(&text).map(Some),
    }
}

/// A whole number. Real ones without a fraction are whole: SQLite keeps them so in other columns.
fn count(text: &str) -> Result<u64, String> {
    let whole = quantity(text)?;
    whole.parse().map_err(|_| format!("{} is not a whole number", shown(text)))
}

fn quantity(text: &str) -> Result<String, String> {
    let found = shown(text);
    if let Ok(whole) = text.parse::<i64>() {
        return match whole {
            ..0 => Err(format!("{found} is negative")),
            _ => Ok(whole.to_string()),
        };
    }
    match text.parse::<f64>() {
        Ok(number) if number < 0.0 => Err(format!("{found} is negative")),
        // Beyond this neighbours are more than one apart.
        Ok(number) if number.is_finite() && number < 9e15 => Ok(number.to_string()),
        _ => Err(format!("{found} is no number that can be used")),
    }
}

pub(super) fn shown(text: &str) -> String {
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let cut: String = text.chars().take(SHOWN).map(printable).collect();
    let more = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("`{cut}{more}`")
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Binary)]
    bytes: Vec<u8>,
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Binary>)]
    bytes: Option<Vec<u8>>,
}
