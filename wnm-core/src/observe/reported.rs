//! Numbers that no rule reads: they are kept for reports only.

use serde::{Deserialize, Serialize};

/// What the first generation tells of itself beyond [`NodeFacts`](super::NodeFacts). What a node did
/// not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reported {
    /// Records it was given and kept.
    pub puts: Option<u64>,
    /// Balance of its wallet as it tells it, all digits.
    pub rewards: Option<String>,
    /// Its guess of the size of the network.
    pub network_size: Option<u64>,
    /// Connections it holds.
    pub open_connections: Option<u64>,
    /// Peers in its routing table.
    pub total_peers: Option<u64>,
    /// Peers that it found bad.
    pub bad_peers: Option<u64>,
    /// Records it is responsible for.
    pub relevant_records: Option<u64>,
    /// Records it may hold.
    pub max_records: Option<u64>,
    /// Payments it received.
    pub payments: Option<u64>,
    /// Seconds it has lived, over all of its starts.
    pub live_time_s: Option<u64>,
    /// Hundredths of a megabyte of memory, by its own account.
    pub memory_mb_100: Option<u64>,
    /// Hundredths of a percent of CPU, by its own account.
    pub cpu_100: Option<u64>,
}

impl Reported {
    /// True when nothing was told.
    pub fn is_empty(&self) -> bool {
        *self == Reported::default()
    }
}
