//! What is written down beside each kept version.

use std::fmt;

use serde::{Deserialize, Serialize};
use wnm_core::model::{Bytes, Program, Timestamp, Version};

use crate::digest::Digest;

/// The shape below; a newer one is not read.
pub(crate) const SCHEMA: u32 = 1;

/// One kept version: what it is, where it came from and why it was trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The shape of this file.
    pub schema: u32,
    /// What it is a version of.
    pub program: Program,
    /// Which.
    pub version: Version,
    /// The URL or the file that it came from.
    pub source: String,
    /// When it was taken in.
    pub taken: Timestamp,
    /// Why it was trusted.
    pub verified: Verified,
    /// SHA-256 of the archive, if it came in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Digest>,
    /// Its files.
    pub files: Vec<KeptFile>,
}

/// A file of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Its name, without directories.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Digest,
    /// Its permissions.
    pub mode: u32,
}

/// Why a release was trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Verified {
    /// A signature over the archive.
    Signature {
        /// The beginning of the key's SHA-256.
        key: String,
    },
    /// The SHA-256 that was published.
    Published {
        /// Of what.
        of: Part,
    },
    /// The SHA-256 that the operator gave.
    Given {
        /// Of what.
        of: Part,
    },
    /// The operator pointed at a file of this machine, and nothing else.
    Operator,
}

/// What a digest is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The archive.
    Archive,
    /// The program in it.
    Program,
}

impl Manifest {
    /// How much room it takes.
    pub fn bytes(&self) -> Bytes {
        // Of a file that somebody bent as well.
        Bytes(self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes)))
    }

    /// Companions that a release of this program has and this one lacks.
    pub fn missing_companions(&self) -> Vec<&'static str> {
        let is_there = |name: &str| self.files.iter().any(|file| file.name == name);
        self.program.companions().iter().copied().filter(|name| !is_there(name)).collect()
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verified::Signature { key } => write!(f, "signature by the key {key}"),
            Verified::Published { of } => write!(f, "published SHA-256 of the {of}"),
            Verified::Given { of } => write!(f, "given SHA-256 of the {of}"),
            Verified::Operator => f.write_str("nothing but the operator's word"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Archive => "archive",
            Part::Program => "program",
        })
    }
}

#[cfg(test)]
mod tests {
    use wnm_core::model::Bytes;

    use super::Manifest;

    #[test]
    fn a_bent_manifest_has_a_size_all_the_same() {
        let file = |name: &str| {
            let digest = "0".repeat(64);
            format!(
                r#"{{"name":"{name}","bytes":18446744073709551615,"sha256":"{digest}","mode":292}}"#
            )
        };
        let text = format!(
            r#"{{"schema":1,"program":"ant-node","version":"0.23.1","source":"x","taken":1,
                "verified":{{"by":"operator"}},"files":[{},{}]}}"#,
            file("a"),
            file("b")
        );
        let manifest: Manifest = serde_json::from_str(&text).expect("it is one");
        assert_eq!(manifest.bytes(), Bytes(u64::MAX));
    }
}
