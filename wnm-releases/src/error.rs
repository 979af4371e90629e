//! What can go wrong on the way of a release, and what to do about it.

use std::fmt;
use std::io;
use std::path::Path;

use wnm_core::host::HostError;

/// What kind of failure; callers branch on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseFault {
    /// Nobody answers, or not in time: a normal state.
    Unreachable,
    /// Part of it is here and kept; the rest can be fetched.
    Unfinished,
    /// There is no such release.
    NotThere,
    /// It is not what was published, or nothing says what was.
    Untrusted,
    /// It is not of the shape that a release has.
    Misshapen,
    /// Somebody else is at it.
    Busy,
    /// What was asked for makes no sense.
    Wrong,
    /// This machine would not: a full disk, missing rights.
    Machine,
}

/// A failure, with the value and the rule in `what`, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseError {
    /// What kind.
    pub kind: ReleaseFault,
    /// What was tried, and what was wrong.
    pub what: String,
    /// What to do about it, where there is something.
    pub way_out: Option<String>,
}

/// What everything here answers.
pub type ReleaseResult<T> = Result<T, ReleaseError>;

impl ReleaseError {
    /// A failure without a way out.
    pub fn new(kind: ReleaseFault, what: impl Into<String>) -> ReleaseError {
        ReleaseError { kind, what: what.into(), way_out: None }
    }

    /// What to do about it.
    #[must_use]
    pub fn way_out(mut self, way: impl Into<String>) -> ReleaseError {
        self.way_out = Some(way.into());
        self
    }

    /// A file that this machine would not read or write.
    pub(crate) fn io(what: &str, path: &Path, error: &io::Error) -> ReleaseError {
        let found = ReleaseError::new(
            ReleaseFault::Machine,
            format!("failed to {what} {}: {error}", path.display()),
        );
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                found.way_out("make room there, and run it again: nothing was changed")
            }
            _ => found,
        }
    }
}

impl From<HostError> for ReleaseError {
    fn from(error: HostError) -> ReleaseError {
        ReleaseError::new(ReleaseFault::Machine, error.chain())
    }
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for ReleaseError {}
