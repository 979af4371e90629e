//! What must hold whatever is read, for `tests/fuzz`: each takes one input, and panics otherwise.

pub use crate::commands::snapshot::fuzz::{snapshot, snapshots};
pub use crate::python::fuzz::{line as old_line, settings as old_settings};
pub use crate::settings::file::fuzz::config;
