//! What `antnode` tells at `/metrics` and `/metadata`. Names are those of 0.4.17; they change
//! between versions, so what is missing is unknown and never 0.

use wnm_core::observe::{NodeFacts, Reported};

use super::exposition::{self, Exposition, Sample};

const PEERS: &str = "ant_networking_connected_peers";
const RECORDS: &str = "ant_networking_records_stored";
const UPTIME: &str = "ant_node_uptime";
const PUTS: &str = "ant_node_put_record_ok_total";
const REWARDS: &str = "ant_node_current_reward_wallet_balance";
// A counter: named without its suffix in its TYPE line, and by lax writers in its sample too.
const SHUNNED: [&str; 2] = ["ant_networking_shunned_count_total", "ant_networking_shunned_count"];
const NETWORK_SIZE: &str = "ant_networking_estimated_network_size";
const OPEN_CONNECTIONS: &str = "ant_networking_open_connections";
const TOTAL_PEERS: &str = "ant_networking_peers_in_routing_table";
const BAD_PEERS: &str = "ant_networking_bad_peers_count_total";
const RELEVANT_RECORDS: &str = "ant_networking_relevant_records";
const MAX_RECORDS: &str = "ant_networking_max_records";
const PAYMENTS: &str = "ant_networking_received_payment_count";
const LIVE_TIME: &str = "ant_networking_live_time";
const MEMORY_MB: &str = "ant_networking_process_memory_used_mb";
const CPU: &str = "ant_networking_process_cpu_usage_percentage";
/// The beginnings of the lines that are understood.
const WANTED: [&str; 16] = [
    PEERS,
    RECORDS,
    UPTIME,
    PUTS,
    REWARDS,
    SHUNNED[1],
    NETWORK_SIZE,
    OPEN_CONNECTIONS,
    TOTAL_PEERS,
    BAD_PEERS,
    RELEVANT_RECORDS,
    MAX_RECORDS,
    PAYMENTS,
    LIVE_TIME,
    MEMORY_MB,
    CPU,
];
const VERSION: (&str, &str) = ("ant_node_antnode_version_info", "antnode_version");
const PEER_ID: (&str, &str) = ("ant_networking_peer_id_info", "peer_id");

/// A body that no node would send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("garbage: {samples} samples and {skipped} other lines, none of them from a node")]
pub(crate) struct Garbage {
    samples: usize,
    skipped: usize,
}

/// Reads `/metrics`. Of some five hundred lines some twenty tell something, so only those are understood.
pub(crate) fn metrics_facts(body: &str) -> Result<NodeFacts, Garbage> {
    if exposition::starting_with(body, &["ant_", "libp2p_"]).next().is_none() {
        let Exposition { samples, skipped } = exposition::parse(body);
        return Err(Garbage { samples: samples.len(), skipped });
    }
    let samples: Vec<Sample<'_>> = exposition::starting_with(body, &WANTED).collect();
    Ok(NodeFacts {
        version: None,
        peer_id: None,
        peers: count(&samples, PEERS),
        records: count(&samples, RECORDS),
        shunned: SHUNNED.iter().find_map(|name| count(&samples, name)),
        uptime_s: count(&samples, UPTIME),
        reported: reported(&samples),
    })
}

/// What only reports show.
fn reported(samples: &[Sample<'_>]) -> Reported {
    let hundredths = |name: &str| {
        let value = sample(samples, name)?.value * 100.0;
        (0.0..1e15).contains(&value).then_some(value.round() as u64)
    };
    Reported {
        puts: sum(samples, PUTS),
        // Without exponent: scripts add these texts up.
        rewards: sample(samples, REWARDS)
            .filter(|sample| sample.value.is_finite() && sample.value >= 0.0)
            .map(|sample| sample.value.to_string()),
        network_size: count(samples, NETWORK_SIZE),
        open_connections: count(samples, OPEN_CONNECTIONS),
        total_peers: count(samples, TOTAL_PEERS),
        bad_peers: count(samples, BAD_PEERS),
        relevant_records: count(samples, RELEVANT_RECORDS),
        max_records: count(samples, MAX_RECORDS),
        payments: count(samples, PAYMENTS),
        live_time_s: count(samples, LIVE_TIME),
        memory_mb_100: hundredths(MEMORY_MB),
        cpu_100: hundredths(CPU),
    }
}

/// A counter over all of its labels; none while there is no sample of it.
fn sum(samples: &[Sample<'_>], name: &str) -> Option<u64> {
    let samples = samples.iter().filter(|sample| sample.name == name);
    samples
        .map(|sample| (0.0..1e15).contains(&sample.value).then_some(sample.value as u64))
        .reduce(|sum, value| Some(sum? + value?))
        .flatten()
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
