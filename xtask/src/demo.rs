//! The main job of wnm, shown in a private directory.

use crate::Done;

/// Runs the demonstration.
pub(crate) fn run() -> Done {
    Err("demo: not built yet".to_owned())
}
