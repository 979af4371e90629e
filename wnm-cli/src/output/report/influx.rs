//! `influx-resources`: line protocol for Telegraf, with the measurements and fields of NTracking.

use wnm_core::model::NodeRecord;
use wnm_core::observe::NodeView;

use super::Seen;

/// One line a node, then the totals. The time is that of the look, so that a graph of nodes nobody
/// looks at stops instead of going on.
pub(crate) fn influx(seen: &Seen<'_>) -> String {
    let nodes = &seen.ledger.nodes;
    if nodes.is_empty() {
        return "# No nodes found".to_owned();
    }
    let looked = seen.last.map_or(seen.now, |last| last.snapshot.now.wall);
    let at = i128::from(looked.0) * 1_000_000;
    let mut lines: Vec<String> = nodes.iter().map(|record| node(seen, record, at)).collect();
    lines.push(totals(seen, at));
    lines.extend(network(seen, at));
    lines.join("\n")
}

/// The fields in their old order; what is not known is left out, since it is not 0.
fn node(seen: &Seen<'_>, record: &NodeRecord, at: i128) -> String {
    let view = seen.view(record);
    let facts = view.map(|node| &node.facts);
    let told = facts.map(|facts| &facts.reported);
    let up_time = facts.and_then(|facts| facts.uptime_s);
    let up_time = up_time.or(view.and_then(|node| node.process_age).map(|age| age.as_secs()));
    let fields = [
        text("PeerId", seen.peer_id(record)),
        text("status", Some(seen.word(record))),
        text("version", seen.version(record).as_deref()),
        // No program ever told it; the Python tool wrote 0.
        whole("gets", told.filter(|told| !told.is_empty()).map(|_| 0)),
        whole("puts", told.and_then(|told| told.puts)),
        whole("up_time", up_time),
        text("rewards", told.and_then(|told| told.rewards.as_deref())),
        whole("records", facts.and_then(|facts| facts.records)),
        whole("connected_peers", seen.peers(record)),
        whole("network_size", told.and_then(|told| told.network_size)),
        whole("open_connections", told.and_then(|told| told.open_connections)),
        whole("total_peers", told.and_then(|told| told.total_peers)),
        whole("shunned_count", facts.and_then(|facts| facts.shunned)),
        whole("bad_peers", told.and_then(|told| told.bad_peers)),
        float("mem", memory_mb(view)),
        float("cpu", cpu(view)),
        whole("rel_records", told.and_then(|told| told.relevant_records)),
        whole("max_records", told.and_then(|told| told.max_records)),
        whole("payment_count", told.and_then(|told| told.payments)),
        whole("live_time", told.and_then(|told| told.live_time_s)),
    ];
    let fields: Vec<String> = fields.into_iter().flatten().collect();
    format!("nodes,id={} {} {at}", record.spec.id.number(), fields.join(","))
}

fn totals(seen: &Seen<'_>, at: i128) -> String {
    let count = |words: &[&str]| {
        seen.ledger.nodes.iter().filter(|record| words.contains(&seen.word(record))).count()
    };
    let told = seen.ledger.nodes.iter().filter_map(|record| {
        seen.view(record)?.facts.reported.rewards.as_ref()?.parse::<f64>().ok()
    });
    format!(
        "nodes_totals rewards=\"{:?}\",nodes_running={}i,nodes_killed={}i {at}",
        told.fold(0.0, |sum, rewards| sum + rewards),
        count(&["RUNNING"]),
        count(&["STOPPED", "DEAD"]),
    )
}

/// The mean of the guesses of running nodes that have one.
fn network(seen: &Seen<'_>, at: i128) -> Option<String> {
    let running = seen.ledger.nodes.iter().filter(|record| seen.word(record) == "RUNNING");
    let sizes: Vec<u64> = running
        .filter_map(|record| seen.view(record)?.facts.reported.network_size)
        .filter(|size| *size > 0)
        .collect();
    let mean = sizes.iter().sum::<u64>().checked_div(sizes.len() as u64)?;
    Some(format!("nodes_network size={mean}i {at}"))
}

/// Megabytes, as the node tells, else as the kernel does.
pub(super) fn memory_mb(view: Option<&NodeView>) -> Option<f64> {
    let view = view?;
    let told = view.facts.reported.memory_mb_100.map(|hundredths| hundredths as f64 / 100.0);
    told.or_else(|| view.memory.map(|bytes| (bytes.0 as f64 / 10_000.0).round() / 100.0))
}

/// Percent of a CPU, as the node tells, else its mean over the life of its process.
pub(super) fn cpu(view: Option<&NodeView>) -> Option<f64> {
    let view = view?;
    let told = view.facts.reported.cpu_100.map(|hundredths| hundredths as f64 / 100.0);
    told.or_else(|| {
        let lived = view.process_age?.as_millis();
        let share = view.cpu_ms? as f64 * 10_000.0 / lived.max(1) as f64;
        Some(share.round() / 100.0)
    })
}

fn text(name: &str, value: Option<&str>) -> Option<String> {
    value.map(|value| format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
}

fn whole(name: &str, value: Option<u64>) -> Option<String> {
    value.map(|value| format!("{name}={value}i"))
}

fn float(name: &str, value: Option<f64>) -> Option<String> {
    value.map(|value| format!("{name}={value:?}"))
}
