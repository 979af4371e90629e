//! Which releases are looked for, where and how often.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::{Channel, ReleaseSource};

/// The settings about releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Releases {
    /// Where they are looked for.
    pub source: ReleaseSource,
    /// Which are wanted.
    pub channel: Channel,
    /// A key to trust instead of the project's.
    pub key: Option<PathBuf>,
    /// How long to wait between two looks for a newer one.
    pub interval: Duration,
    /// How many of a program's versions stay, beside those in use and pinned ones.
    pub keep: u32,
}
