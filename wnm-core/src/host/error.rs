//! One error type for all of the world: what was tried, what kind of failure, and the source.

use std::error::Error;
use std::fmt;

use crate::observe::{FaultKind, Unread};

/// Something the world would not do. Decisions branch on `kind` only; Display leaves out the
/// source, and [`HostError::chain`] prints all of it.
#[derive(Debug)]
pub struct HostError {
    /// What was tried, with its operand: "start antnode0003".
    pub op: String,
    /// What kind of failure.
    pub kind: FaultKind,
    /// What lies below.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// What every host trait answers.
pub type HostResult<T> = Result<T, HostError>;

impl HostError {
    /// A failure that is its own explanation.
    pub fn new(op: impl Into<String>, kind: FaultKind) -> HostError {
        HostError { op: op.into(), kind, source: None }
    }

    /// A failure with its cause.
    pub fn with(
        op: impl Into<String>,
        kind: FaultKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> HostError {
        HostError { op: op.into(), kind, source: Some(source.into()) }
    }

    /// A failed system call; its kind follows from the error.
    pub fn io(op: impl Into<String>, error: std::io::Error) -> HostError {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => FaultKind::NotFound,
            std::io::ErrorKind::PermissionDenied => FaultKind::Permission,
            std::io::ErrorKind::TimedOut => FaultKind::Timeout,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => FaultKind::Full,
            std::io::ErrorKind::ReadOnlyFilesystem => FaultKind::ReadOnly,
            _ => FaultKind::Failed,
        };
        HostError::with(op, kind, error)
    }

    /// The message with those of all its sources.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }

    /// The failure as a reading.
    pub fn unread(&self) -> Unread {
        Unread { kind: self.kind, why: self.chain() }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(_) => write!(f, "failed to {}", self.op),
            None => f.write_str(&self.op),
        }
    }
}

impl Error for HostError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| {
            let source: &(dyn Error + 'static) = source.as_ref();
            source
        })
    }
}
