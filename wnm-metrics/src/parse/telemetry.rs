//! The JSON log of `ant-node`: its replacement for metrics. Every five minutes it writes
//! cumulative counters, one object a line; every line carries the version.

use serde::Deserialize;
use wnm_core::observe::NodeFacts;

/// The parts of a line that we use. Others come and go with versions.
#[derive(Debug, Deserialize)]
struct Line {
    message: String,
    node_version: Option<String>,
    active_connections: Option<u64>,
}

/// What the last lines of a log tell: the latest of each number. The first line may be cut off, and
/// anything that is no line of telemetry is passed over.
pub(crate) fn telemetry_facts(tail: &str) -> NodeFacts {
    let mut facts = NodeFacts::default();
    // A log goes on over restarts; what was written before the last one is of another process.
    let since = tail.rfind("\"ant-node starting\"").unwrap_or(0);
    let tail = &tail[since..];
    let telling = |line: &&str| {
        // Most lines are chatter, and parsing all of them would be the dearest part of a cycle.
        line.contains("traffic summary (cumulative)") || line.contains("Prune pass complete")
    };
    for line in tail.lines().filter(telling) {
        let Ok(line) = serde_json::from_str::<Line>(line) else { continue };
        let version = line.node_version.and_then(|version| version.parse().ok());
        facts.version = version.or(facts.version);
        facts.peers = line.active_connections.or(facts.peers);
        facts.records = records(&line.message).or(facts.records);
    }
    facts
}

/// `Prune pass complete: records total=12 in_range=…`
fn records(message: &str) -> Option<u64> {
    let rest = message.strip_prefix("Prune pass complete: records total=")?;
    rest.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TELEMETRY: &str = include_str!("../../fixtures/ant-node-0.23.1/telemetry.jsonl");
    const LOG: &str = include_str!("../../fixtures/ant-node-0.23.1/log.jsonl");

    #[test]
    fn a_cycle_of_the_real_thing() {
        let facts = telemetry_facts(TELEMETRY);
        assert_eq!(facts.peers, Some(6));
        assert_eq!(facts.version, "0.23.1".parse().ok());
        assert_eq!(facts.records, None, "none of these lines counts records");
        assert_eq!(telemetry_facts(LOG).records, Some(0));
    }

    #[test]
    fn the_latest_counts_and_what_is_cut_off_does_not() {
        let lines = [
            r#"_connections":99,"message":"endpoint traffic summary (cumulative)"}"#,
            r#"{"message":"endpoint traffic summary (cumulative)","active_connections":3}"#,
            r#"{"message":"Prune pass complete: records total=12 in_range=9"}"#,
            r#"{"message":"endpoint traffic summary (cumulative)","active_connections":4}"#,
            r#"{"message":"Prune pass complete: records total=many"}"#,
            r#"{"message":"somebody said Prune pass complete: records total=77"}"#,
        ];
        let facts = telemetry_facts(&lines.join("\n"));
        assert_eq!((facts.peers, facts.records), (Some(4), Some(12)));
        let restarted = [lines[3], r#"{"message":"ant-node starting","version":"0.23.1"}"#];
        assert_eq!(telemetry_facts(&restarted.join("\n")).peers, None, "of another process");
        assert_eq!(telemetry_facts(""), NodeFacts::default());
        assert_eq!(telemetry_facts("Prune pass complete\n{}\n\u{0}"), NodeFacts::default());
    }
}
