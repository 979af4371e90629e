//! Failures inside of this crate, and their way out.

use std::path::Path;
use std::time::Duration;

use ::procfs::ProcError;
use wnm_core::host::HostError;
use wnm_core::observe::{EndpointReading, FaultKind};

use crate::parse::Garbage;

/// A file of `proc` that was read and makes no sense.
pub(crate) fn garbled(path: &Path, error: ProcError) -> HostError {
    HostError::with(format!("understand {}", path.display()), FaultKind::Garbled, error)
}

/// Why an endpoint is no sign of life.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Silence {
    /// Nobody listens.
    #[error("connection refused")]
    Refused,
    /// Nothing, or not all of it, came in time.
    #[error("no answer within {:.1} s", .0.as_secs_f64())]
    Late(Duration),
    /// There was no time left to ask.
    #[error("not asked: the time for all nodes was up")]
    Unasked,
    /// Redirects are among these.
    #[error("HTTP status {0}")]
    Status(u16),
    /// More than a node would ever say.
    #[error("an answer of more than {0} bytes")]
    TooLong(u64),
    /// Not UTF-8.
    #[error("garbage: the answer is not text")]
    NotText,
    /// Text, but not that of a node.
    #[error(transparent)]
    Garbage(#[from] Garbage),
    /// A process that is not this node listens there.
    #[error("port {0} is served by another process")]
    Foreign(u16),
    /// Any other failure to get an answer.
    #[error("{0}")]
    Transport(String),
}

impl From<Silence> for EndpointReading {
    fn from(silence: Silence) -> EndpointReading {
        EndpointReading::Silent { why: silence.to_string() }
    }
}
