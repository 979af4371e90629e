//! `node-status` and `node-status-details`.

use std::time::Duration;

use serde_json::{Value, json};
use wnm_core::model::NodeRecord;

use super::{Format, Seen, write};

/// One line a node, or an array of objects. One node is an array of one.
pub(crate) fn status(seen: &Seen<'_>, format: Format) -> String {
    let nodes = &seen.ledger.nodes;
    if format == Format::Json {
        let object = |record: &NodeRecord| {
            json!({
                "service_name": record.spec.id.to_string(),
                "peer_id": seen.peer_id(record),
                "status": seen.word(record),
                "connected_peers": seen.peers(record),
            })
        };
        return pretty(&nodes.iter().map(object).collect());
    }
    if nodes.is_empty() {
        return "No nodes found.".to_owned();
    }
    let head = row("Service Name", "Peer ID", "Status", "Connected Peers");
    let rows = nodes.iter().map(|record| {
        let peers = seen.peers(record).map_or("-".to_owned(), |peers| peers.to_string());
        row(
            &record.spec.id.to_string(),
            seen.peer_id(record).unwrap_or("-"),
            seen.word(record),
            &peers,
        )
    });
    [head].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

fn row(name: &str, peer: &str, status: &str, peers: &str) -> String {
    format!("{name:<20}{peer:<55}{status:<15}{peers:>15}")
}

/// A block a node, or an array of objects with the Python tool's columns.
pub(crate) fn details(seen: &Seen<'_>, format: Format) -> String {
    let nodes = &seen.ledger.nodes;
    if format == Format::Json {
        return pretty(&nodes.iter().map(|record| columns(seen, record)).collect());
    }
    if nodes.is_empty() {
        return "No nodes found.".to_owned();
    }
    let block = |record: &NodeRecord| write(&lines(seen, record), format);
    nodes.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

fn lines(seen: &Seen<'_>, record: &NodeRecord) -> Vec<(String, Value)> {
    let spec = &record.spec;
    let peers = seen.peers(record).map_or("-".to_owned(), |peers| peers.to_string());
    let metrics = spec.ports.metrics.map_or("-".to_owned(), |port| port.to_string());
    let fields = [
        ("Service Name", spec.id.to_string()),
        ("Version", seen.version(record).unwrap_or_else(|| "unknown".to_owned())),
        ("Port", spec.ports.node.to_string()),
        ("Metrics Port", metrics),
        ("Data path", spec.data.display().to_string()),
        ("Log path", spec.logs.display().to_string()),
        ("Bin Path", spec.binary.display().to_string()),
        ("Connected peers", peers),
        ("Rewards address", spec.wallet.to_string()),
        ("Age", age(seen.now.since(record.created))),
        ("Peer ID", seen.peer_id(record).unwrap_or("-").to_owned()),
        ("Status", seen.word(record).to_owned()),
    ];
    fields.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect()
}

/// `3 days, 4:05:06`, as Python prints a span of time.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        days => format!("{days} days, {clock}"),
    }
}

/// The columns of its table. `age` was the time of creation there; that is `created` here.
fn columns(seen: &Seen<'_>, record: &NodeRecord) -> Value {
    let spec = &record.spec;
    let view = seen.view(record);
    let facts = view.map(|node| &node.facts);
    let told = facts.map(|facts| &facts.reported);
    let environment = spec.launch.environment.iter().map(|(key, value)| format!("{key}={value}"));
    json!({
        "id": spec.id.number(),
        "manager_type": spec.manager.to_string(),
        "node_name": format!("{:04}", spec.id.number()),
        "service": spec.id.to_string(),
        "binary": spec.binary,
        "version": seen.version(record),
        "root_dir": spec.data,
        "log_dir": spec.logs,
        "port": spec.ports.node,
        "metrics_port": spec.ports.metrics,
        "network": spec.launch.network.to_string(),
        "wallet": spec.wallet.to_string(),
        "peer_id": seen.peer_id(record),
        "status": seen.word(record),
        "timestamp": seen.last.map(|last| last.snapshot.now.wall.0 / 1000),
        "records": facts.and_then(|facts| facts.records),
        "uptime": facts.and_then(|facts| facts.uptime_s)
            .or(view.and_then(|node| node.process_age).map(|age| age.as_secs())),
        "shunned": facts.and_then(|facts| facts.shunned),
        "connected_peers": seen.peers(record),
        "puts": told.and_then(|told| told.puts),
        "mem": super::influx::memory_mb(view),
        "cpu": super::influx::cpu(view),
        "open_connections": told.and_then(|told| told.open_connections),
        "total_peers": told.and_then(|told| told.total_peers),
        "bad_peers": told.and_then(|told| told.bad_peers),
        "rel_records": told.and_then(|told| told.relevant_records),
        "max_records": told.and_then(|told| told.max_records),
        "rewards": told.and_then(|told| told.rewards.clone()),
        "payment_count": told.and_then(|told| told.payments),
        "live_time": told.and_then(|told| told.live_time_s),
        "network_size": told.and_then(|told| told.network_size),
        "age": seen.now.since(record.created).as_secs(),
        "created": record.created.0 / 1000,
        "environment": shell_words::join(environment),
    })
}

fn pretty(objects: &Vec<Value>) -> String {
    serde_json::to_string_pretty(objects)
        .unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}
