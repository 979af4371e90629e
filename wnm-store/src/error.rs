//! What a store can answer instead: a kind to branch on, the file, and what SQLite said.

use std::error::Error;
use std::fmt;
use std::path::Path;

use diesel::result::DatabaseErrorKind;
use wnm_core::host::HostError;
use wnm_core::observe::FaultKind;

type Source = Box<dyn Error + Send + Sync>;

/// What kind of failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreErrorKind {
    /// There is no such file, or no such directory.
    #[error("it is not there")]
    Missing,
    /// A file is there already.
    #[error("it is there already, and was left untouched")]
    Exists,
    /// The file was made by another program.
    #[error("it is not a store of this program, and was left untouched")]
    Foreign,
    /// The file was made by a later version of this program.
    #[error(
        "it was made by a newer version of this program (schema {version}), and was left untouched"
    )]
    Newer {
        /// Its first schema version that is not known here.
        version: String,
    },
    /// The file was made by an earlier version, and must not be changed by who only reads it.
    #[error("it was made by an older version of this program; the next cycle converts it")]
    Older,
    /// SQLite cannot make sense of the file.
    #[error("it is damaged")]
    Damaged,
    /// No space left.
    #[error("there is no space left on its disk")]
    Full,
    /// The file system is mounted read-only, or the store was opened for reading.
    #[error("it cannot be written to")]
    ReadOnly,
    /// Somebody else has been writing for too long.
    #[error("another process keeps it locked")]
    Busy,
    /// The file or its directory may not be used.
    #[error("it, or its directory, may not be used")]
    Permission,
    /// The disk failed.
    #[error("its disk failed")]
    Io,
    /// A row that SQLite is content with makes no sense.
    #[error("table {table}, row {id}, column {column}: `{found}` makes no sense")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// The row's key.
        id: Box<str>,
        /// Which column.
        column: &'static str,
        /// The beginning of what stands there.
        found: Box<str>,
    },
    /// A value that cannot be stored, such as a path that is not UTF-8.
    #[error("a value for column {column} cannot be written down")]
    Unwritable {
        /// Which column it was for.
        column: &'static str,
    },
    /// What is asked for contradicts what is stored.
    #[error("{why}")]
    Conflict {
        /// How.
        why: String,
    },
    /// No row of this number.
    #[error("there is no {what}")]
    NoRow {
        /// What was looked for.
        what: String,
    },
    /// Anything else that SQLite objects to.
    #[error("SQLite refused")]
    Sql,
}

impl StoreErrorKind {
    /// True where a backup is the way on: what is there cannot be read as a store of ours any more.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            StoreErrorKind::Damaged | StoreErrorKind::Corrupt { .. } | StoreErrorKind::Foreign
        )
    }

    /// The kind that core branches on.
    pub fn fault(&self) -> FaultKind {
        match self {
            StoreErrorKind::Missing | StoreErrorKind::NoRow { .. } => FaultKind::NotFound,
            StoreErrorKind::Exists | StoreErrorKind::Conflict { .. } => FaultKind::Conflict,
            StoreErrorKind::Foreign | StoreErrorKind::Newer { .. } | StoreErrorKind::Older => {
                FaultKind::Refused
            }
            StoreErrorKind::Damaged | StoreErrorKind::Corrupt { .. } => FaultKind::Garbled,
            StoreErrorKind::Full => FaultKind::Full,
            StoreErrorKind::ReadOnly => FaultKind::ReadOnly,
            StoreErrorKind::Busy => FaultKind::Timeout,
            StoreErrorKind::Permission => FaultKind::Permission,
            StoreErrorKind::Io | StoreErrorKind::Unwritable { .. } | StoreErrorKind::Sql => {
                FaultKind::Failed
            }
        }
    }
}

/// A failure of the store. Display names the file and leaves out the source.
///
/// As the source of a [`HostError`] it can be had back with `downcast_ref`.
#[derive(Debug)]
pub struct StoreError {
    /// What was tried: "begin add antnode0003".
    pub op: Box<str>,
    /// The file.
    pub file: Box<Path>,
    /// What kind of failure.
    pub kind: StoreErrorKind,
    source: Option<Source>,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.kind)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| {
            let source: &(dyn Error + 'static) = source.as_ref();
            source
        })
    }
}

impl From<StoreError> for HostError {
    fn from(error: StoreError) -> HostError {
        HostError::with(error.op.to_string(), error.kind.fault(), error)
    }
}

/// A failure before it is known of which file and in what attempt.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) kind: StoreErrorKind,
    source: Option<Source>,
}

impl Cause {
    pub(crate) fn with(kind: StoreErrorKind, source: impl Into<Source>) -> Cause {
        Cause { kind, source: Some(source.into()) }
    }

    pub(crate) fn conflict(why: impl Into<String>) -> Cause {
        StoreErrorKind::Conflict { why: why.into() }.into()
    }

    pub(crate) fn no_row(what: impl Into<String>) -> Cause {
        StoreErrorKind::NoRow { what: what.into() }.into()
    }

    /// For our own questions: when SQLite objects to one, it is the file that is not as it should be.
    pub(crate) fn of_reading(mut self) -> Cause {
        if self.kind == StoreErrorKind::Sql {
            self.kind = StoreErrorKind::Damaged;
        }
        self
    }

    pub(crate) fn at(self, op: impl Into<Box<str>>, file: &Path) -> StoreError {
        let Cause { kind, source } = self;
        StoreError { op: op.into(), file: file.into(), kind, source }
    }
}

impl From<StoreErrorKind> for Cause {
    fn from(kind: StoreErrorKind) -> Cause {
        Cause { kind, source: None }
    }
}

impl From<diesel::result::Error> for Cause {
    fn from(error: diesel::result::Error) -> Cause {
        use diesel::result::Error::DatabaseError;
        let kind = match &error {
            DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                StoreErrorKind::Conflict { why: "another node has it already".to_owned() }
            }
            DatabaseError(_, information) => of_message(information.message()),
            // A cell of another type than its table has: SQLite never lets one in.
            diesel::result::Error::DeserializationError(_) => StoreErrorKind::Damaged,
            _ => StoreErrorKind::Sql,
        };
        Cause::with(kind, error)
    }
}

impl From<diesel::ConnectionError> for Cause {
    fn from(error: diesel::ConnectionError) -> Cause {
        // Opening does not read the file yet, so that it fails for want of permission only.
        Cause::with(StoreErrorKind::Permission, error)
    }
}

impl From<std::io::Error> for Cause {
    fn from(error: std::io::Error) -> Cause {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                StoreErrorKind::Missing
            }
            std::io::ErrorKind::AlreadyExists => StoreErrorKind::Exists,
            std::io::ErrorKind::PermissionDenied => StoreErrorKind::Permission,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                StoreErrorKind::Full
            }
            std::io::ErrorKind::ReadOnlyFilesystem => StoreErrorKind::ReadOnly,
            _ => StoreErrorKind::Io,
        };
        Cause::with(kind, error)
    }
}

/// Diesel keeps SQLite's result codes to itself; their texts are all it hands on. They are fixed in
/// the SQLite that is built in, and the tests meet the ones that matter.
fn of_message(message: &str) -> StoreErrorKind {
    const TEXTS: &[(&str, StoreErrorKind)] = &[
        ("database or disk is full", StoreErrorKind::Full),
        ("attempt to write a readonly database", StoreErrorKind::ReadOnly),
        ("database is locked", StoreErrorKind::Busy),
        ("database table is locked", StoreErrorKind::Busy),
        ("database disk image is malformed", StoreErrorKind::Damaged),
        ("malformed database schema", StoreErrorKind::Damaged),
        // Opening knows which tables there must be.
        ("no such table", StoreErrorKind::Damaged),
        ("no such column", StoreErrorKind::Damaged),
        ("file is not a database", StoreErrorKind::Foreign),
        ("unable to open database file", StoreErrorKind::Permission),
        ("disk I/O error", StoreErrorKind::Io),
    ];
    TEXTS
        .iter()
        .find(|(text, _)| message.starts_with(text))
        .map_or(StoreErrorKind::Sql, |(_, kind)| kind.clone())
}
