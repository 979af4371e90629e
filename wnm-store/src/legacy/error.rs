//! Why a database of the Python wnm was refused: all that is wrong with it, place by place.

use std::error::Error;
use std::fmt;
use std::path::Path;

use crate::error::StoreError;

/// More than these are counted, not shown.
const SHOWN: usize = 12;

/// Why nothing was read.
#[derive(Debug)]
pub enum LegacyError {
    /// The file itself: not there, locked, damaged, not SQLite.
    File(StoreError),
    /// What stands in it.
    Content {
        /// The file.
        file: Box<Path>,
        /// Everything that is wrong, in the order of the tables.
        problems: Vec<Problem>,
    },
}

impl fmt::Display for LegacyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LegacyError::File(error) => error.fmt(f),
            LegacyError::Content { file, problems } => {
                write!(f, "{} makes no sense", file.display())?;
                for problem in problems.iter().take(SHOWN) {
                    write!(f, "\n  {problem}")?;
                }
                match problems.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, "\n  and {more} more"),
                }
            }
        }
    }
}

impl Error for LegacyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LegacyError::File(error) => error.source(),
            LegacyError::Content { .. } => None,
        }
    }
}

impl From<StoreError> for LegacyError {
    fn from(error: StoreError) -> LegacyError {
        LegacyError::File(error)
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which table.
    pub table: &'static str,
    /// The row's number.
    pub row: Option<i64>,
    /// Which column.
    pub column: Option<&'static str>,
    /// What is there, and what must be.
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {}", self.table)?;
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.why)
    }
}
