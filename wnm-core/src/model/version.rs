//! Versions of node programs.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A semantic version, compared as such: 1.0.0 is above 0.4.17, and a pre-release below its
/// release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub semver::Version);

impl Version {
    /// A release without suffixes.
    pub fn new(major: u64, minor: u64, patch: u64) -> Version {
        Version(semver::Version::new(major, minor, patch))
    }
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version such as 0.23.1")]
pub struct BadVersion(pub String);

impl FromStr for Version {
    type Err = BadVersion;

    fn from_str(text: &str) -> Result<Version, BadVersion> {
        semver::Version::parse(text.strip_prefix('v').unwrap_or(text))
            .map(Version)
            .map_err(|_| BadVersion(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A node binary that new nodes can be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// What the binary says it is.
    pub version: Version,
    /// Where it lies; only its name, where the manager itself is to download it.
    pub path: PathBuf,
    /// The SHA-256 that its file had when it was verified, in hex: what a node gets must have it too.
    /// `None` for files that nobody wrote that down of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Release {
    /// A file of which nothing more is known.
    pub fn new(version: Version, path: impl Into<PathBuf>) -> Release {
        Release { version, path: path.into(), sha256: None }
    }

    /// True when its file is on this machine, so that nodes that are there can be given it.
    pub fn is_here(&self) -> bool {
        self.path.is_absolute()
    }
}
