//! Nodes with everything that is known of them, a block each.

use std::fmt::Write;

use wnm_core::host::LastSeen;
use wnm_core::model::NodeRecord;
use wnm_core::observe::{NodeState, NodeView};

use super::super::human;
use super::super::terminal::{Paint, Terminal};
use super::{paint_of, short, table};

pub(super) fn blocks(nodes: &[&NodeRecord], last: Option<&LastSeen>, terminal: Terminal) -> String {
    let blocks = nodes.iter().map(|record| block(record, human::view(record, last), terminal));
    blocks.collect::<Vec<_>>().join("\n") + "\n"
}

fn block(record: &NodeRecord, seen: Option<&NodeView>, terminal: Terminal) -> String {
    let spec = &record.spec;
    let state = table::state(record, seen);
    let word = state.split(" (").next().unwrap_or_default();
    let mut text = terminal.paint(Paint::Head, &spec.id.to_string());
    let _ = writeln!(text, "  {}", terminal.paint(paint_of(word), &state));
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name:<10} {value}");
        }
    };
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    line("because", seen.and_then(|node| why(&node.seen.state)));
    let version = table::version(record, seen).map(|version| version.to_string());
    line("program", Some(format!("{} {}", spec.program, version.unwrap_or_default())));
    line(
        "kept",
        record.upgrade.as_ref().map(|it| format!("{} until {} is proven", it.from, it.to)),
    );
    line("manager", Some(spec.manager.to_string()));
    line(
        "process",
        seen.and_then(|node| {
            let age = node.process_age.map(|age| format!(", up {}", short(age.as_secs())));
            Some(format!("{}{}", node.process?.pid, age.unwrap_or_default()))
        }),
    );
    line("peer id", seen.and_then(|node| node.facts.peer_id.clone()));
    line("peers", number(seen.and_then(|node| node.facts.peers)));
    line("records", number(seen.and_then(|node| node.facts.records)));
    line("shunned", number(seen.and_then(|node| node.facts.shunned)));
    line("memory", seen.and_then(|node| node.memory).map(|bytes| bytes.to_string()));
    line("disk", seen.and_then(|node| node.disk).map(|bytes| bytes.to_string()));
    let ports: Vec<String> = spec.ports.all().map(|port| port.to_string()).collect();
    line("ports", Some(ports.join(", ")));
    line("wallet", Some(spec.wallet.to_string()));
    line("data", Some(spec.data.display().to_string()));
    line("logs", Some(spec.logs.display().to_string()));
    line("binary", Some(spec.binary.display().to_string()));
    line("created", Some(format!("{} UTC", record.created)));
    text
}

fn why(state: &NodeState) -> Option<String> {
    match state {
        NodeState::Mute { missing } => Some(format!("{missing} is missing")),
        NodeState::Stopped { why } | NodeState::Unknown { why } => Some(why.clone()),
        _ => None,
    }
}
