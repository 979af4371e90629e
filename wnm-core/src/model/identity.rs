//! A node's key on its way back.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Address, NodeId, Program};

/// A key that is to be a node's again. The key itself is in no record and no request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returning {
    /// Where it waits, for us alone.
    pub file: PathBuf,
    /// SHA-256 of that file, in hex.
    pub sha256: String,
    /// What runs with it.
    pub program: Program,
    /// Who earned with it, and does again.
    pub wallet: Address,
    /// The number it had, which it gets again if that is free.
    pub was: Option<NodeId>,
}
