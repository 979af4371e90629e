//! What `antnode` tells at `/metrics` and `/metadata`. Names are those of 0.4.17; they change
//! between versions, so what is missing is unknown and never 0.

use wnm_core::observe::NodeFacts;

use super::exposition::{self, Exposition, Sample};

const PEERS: &str = "ant_networking_connected_peers";
const RECORDS: &str = "ant_networking_records_stored";
const UPTIME: &str = "ant_node_uptime";
// A counter: named without its suffix in its TYPE line, and by lax writers in its sample too.
const SHUNNED: [&str; 2] = ["ant_networking_shunned_count_total", "ant_networking_shunned_count"];
const VERSION: (&str, &str) = ("ant_node_antnode_version_info", "antnode_version");
const PEER_ID: (&str, &str) = ("ant_networking_peer_id_info", "peer_id");

/// A body that no node would send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("garbage: {samples} samples and {skipped} other lines, none of them from a node")]
pub(crate) struct Garbage {
    samples: usize,
    skipped: usize,
}

/// Reads `/metrics`. Of some five hundred lines five tell something, so only those are understood.
pub(crate) fn metrics_facts(body: &str) -> Result<NodeFacts, Garbage> {
    if exposition::starting_with(body, &["ant_", "libp2p_"]).next().is_none() {
        let Exposition { samples, skipped } = exposition::parse(body);
        return Err(Garbage { samples: samples.len(), skipped });
    }
    let wanted = [PEERS, RECORDS, UPTIME, SHUNNED[0], SHUNNED[1]];
    let samples: Vec<Sample<'_>> = exposition::starting_with(body, &wanted).collect();
    Ok(NodeFacts {
        version: None,
        peer_id: None,
        peers: count(&samples, PEERS),
        records: count(&samples, RECORDS),
        shunned: SHUNNED.iter().find_map(|name| count(&samples, name)),
        uptime_s: count(&samples, UPTIME),
    })
}

/// Adds what `/metadata` tells: the version and the peer id.
pub(crate) fn with_metadata(facts: NodeFacts, body: &str) -> NodeFacts {
    let samples: Vec<Sample<'_>> =
        exposition::starting_with(body, &[VERSION.0, PEER_ID.0]).collect();
    NodeFacts {
        version: label(&samples, VERSION).and_then(|text| text.parse().ok()),
        peer_id: label(&samples, PEER_ID).filter(|id| !id.is_empty()).map(str::to_owned),
        ..facts
    }
}

/// Both bodies; `metadata` may have failed to come, which costs the version and the peer id only.
#[cfg(test)]
pub(crate) fn node_facts(metrics: &str, metadata: Option<&str>) -> Result<NodeFacts, Garbage> {
    let facts = metrics_facts(metrics)?;
    Ok(with_metadata(facts, metadata.unwrap_or_default()))
}

/// The first sample of this name.
fn sample<'a, 's>(samples: &'s [Sample<'a>], name: &str) -> Option<&'s Sample<'a>> {
    samples.iter().find(|sample| sample.name == name)
}

fn label<'s>(samples: &'s [Sample<'_>], (name, label): (&str, &str)) -> Option<&'s str> {
    sample(samples, name)?.label(label)
}

/// A whole number; none if it is negative, not finite, or beyond what a double counts exactly.
fn count(samples: &[Sample<'_>], name: &str) -> Option<u64> {
    const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    let value = sample(samples, name)?.value;
    (0.0..=EXACT).contains(&value).then_some(value as u64)
}
