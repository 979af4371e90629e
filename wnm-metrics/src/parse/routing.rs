//! `routing_snapshot.json`, which `ant-node` writes into its data directory about every ten
//! minutes and when it stops. It is all that program shows without a log.

use serde::Deserialize;
use serde::de::IgnoredAny;
use wnm_core::observe::NodeFacts;

/// The part of it that we use. A newer schema may add to it.
#[derive(Debug, Deserialize)]
struct Snapshot {
    /// The node's own id.
    owner: Option<String>,
    /// Its routing table.
    peers: Option<Vec<IgnoredAny>>,
}

/// The node's id and how many peers it knew when it wrote the file.
pub(crate) fn routing_facts(text: &str) -> Result<NodeFacts, serde_json::Error> {
    let snapshot: Snapshot = serde_json::from_str(text)?;
    Ok(NodeFacts {
        peer_id: snapshot.owner.filter(|id| !id.is_empty()),
        peers: snapshot.peers.map(|peers| peers.len() as u64),
        ..NodeFacts::default()
    })
}
