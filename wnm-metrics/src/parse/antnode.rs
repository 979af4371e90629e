//! What `antnode` tells at `/metrics` and `/metadata`. Names are those of 0.4.17; they change
//! between versions, so what is missing is unknown and never 0.

use wnm_core::observe::{NodeFacts, Reported};

use super::exposition::{self, Exposition};

const PEERS: &str = "ant_networking_connected_peers";
const RECORDS: &str = "ant_networking_records_stored";
const UPTIME: &str = "ant_node_uptime";
const PUTS: &str = "ant_node_put_record_ok_total";
const REWARDS: &str = "ant_node_current_reward_wallet_balance";
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

/// Reads both bodies; `metadata` may have failed to come, which costs the version and the peer id
/// only.
pub(crate) fn node_facts(metrics: &str, metadata: Option<&str>) -> Result<NodeFacts, Garbage> {
    let metrics = exposition::parse(metrics);
    if !from_a_node(&metrics) {
        return Err(Garbage { samples: metrics.samples.len(), skipped: metrics.skipped });
    }
    let metadata = exposition::parse(metadata.unwrap_or_default());
    Ok(NodeFacts {
        version: label(&metadata, VERSION).and_then(|text| text.parse().ok()),
        peer_id: label(&metadata, PEER_ID).filter(|id| !id.is_empty()).map(str::to_owned),
        peers: count(&metrics, PEERS),
        records: count(&metrics, RECORDS),
        shunned: SHUNNED.iter().find_map(|name| count(&metrics, name)),
        uptime_s: count(&metrics, UPTIME),
        reported: reported(&metrics),
    })
}

fn reported(metrics: &Exposition<'_>) -> Reported {
    let number = |name: &str| count(metrics, &format!("ant_networking_{name}"));
    let hundredths = |name: &str| {
        let value = metrics.get(&format!("ant_networking_{name}"))?.value * 100.0;
        (0.0..1e15).contains(&value).then_some(value.round() as u64)
    };
    Reported {
        puts: sum(metrics, PUTS),
        // Without exponent: scripts add these texts up.
        rewards: metrics
            .get(REWARDS)
            .filter(|sample| sample.value.is_finite() && sample.value >= 0.0)
            .map(|sample| sample.value.to_string()),
        network_size: number("estimated_network_size"),
        open_connections: number("open_connections"),
        total_peers: number("peers_in_routing_table"),
        bad_peers: number("bad_peers_count_total"),
        relevant_records: number("relevant_records"),
        max_records: number("max_records"),
        payments: number("received_payment_count"),
        live_time_s: number("live_time"),
        memory_mb_100: hundredths("process_memory_used_mb"),
        cpu_100: hundredths("process_cpu_usage_percentage"),
    }
}

/// A counter over all of its labels; none while there is no sample of it.
fn sum(metrics: &Exposition<'_>, name: &str) -> Option<u64> {
    let samples = metrics.samples.iter().filter(|sample| sample.name == name);
    samples
        .map(|sample| (0.0..1e15).contains(&sample.value).then_some(sample.value as u64))
        .reduce(|sum, value| Some(sum? + value?))
        .flatten()
}

fn from_a_node(metrics: &Exposition<'_>) -> bool {
    let ours = |name: &str| name.starts_with("ant_") || name.starts_with("libp2p_");
    metrics.samples.iter().any(|sample| ours(sample.name))
}

fn label<'a>(exposition: &'a Exposition<'_>, (name, label): (&str, &str)) -> Option<&'a str> {
    exposition.get(name)?.label(label)
}

/// A whole number; none if it is negative, not finite, or beyond what a double counts exactly.
fn count(exposition: &Exposition<'_>, name: &str) -> Option<u64> {
    const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    let value = exposition.get(name)?.value;
    (0.0..=EXACT).contains(&value).then_some(value as u64)
}
