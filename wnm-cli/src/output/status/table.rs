//! Nodes as a table: a line each, or a line for every run of equal neighbours.

use wnm_core::host::LastSeen;
use wnm_core::model::{Bytes, NodeRecord, Phase, Version, Want};
use wnm_core::observe::{NodeState, NodeView};

use super::super::columns::{Cell, Column, lines};
use super::super::human;
use super::super::terminal::{Paint, Terminal};
use super::{paint_of, short};

const fn column(name: &'static str, right: bool, weight: u8) -> Column {
    Column { name, right, weight }
}

const EACH: [Column; 9] = [
    column("NODE", false, 0),
    column("STATE", false, 0),
    column("PID", true, 7),
    column("PORT", true, 5),
    column("PEERS", true, 2),
    column("RECORDS", true, 4),
    column("MEMORY", true, 3),
    column("UP", true, 1),
    column("VERSION", false, 6),
];

/// A line a node.
pub(super) fn each(nodes: &[&NodeRecord], last: Option<&LastSeen>, terminal: Terminal) -> String {
    let rows: Vec<Vec<Cell>> = nodes.iter().map(|it| row(it, human::view(it, last))).collect();
    joined(lines(&EACH, &rows, terminal))
}

const FOLDED: [Column; 7] = [
    column("NODES", false, 0),
    column("COUNT", true, 0),
    column("STATE", false, 0),
    column("PEERS", true, 2),
    column("MEMORY", true, 3),
    column("UP", true, 1),
    column("VERSION", false, 4),
];

/// Neighbours in the same state, of the same version, on one line. Who needs attention is never in
/// a crowd.
pub(super) fn folded(nodes: &[&NodeRecord], last: Option<&LastSeen>, terminal: Terminal) -> String {
    let alike = |record: &NodeRecord| {
        let seen = human::view(record, last);
        (state(record, seen), version(record, seen))
    };
    let groups = nodes.chunk_by(|one, next| alike(one) == alike(next));
    let rows: Vec<Vec<Cell>> = groups.map(|group| group_row(group, last)).collect();
    joined(lines(&FOLDED, &rows, terminal)) + "every node on its own line: `wnm status --each`\n"
}

/// Of a group: its range, and the least and the most of what differs.
fn group_row(group: &[&NodeRecord], last: Option<&LastSeen>) -> Vec<Cell> {
    let (first, end) = (group[0], group[group.len() - 1]);
    let seen: Vec<&NodeView> = group.iter().filter_map(|it| human::view(it, last)).collect();
    let name = match group.len() {
        1 => first.spec.id.to_string(),
        _ => format!("{}\u{2013}{:04}", first.spec.id, end.spec.id.number()),
    };
    let peers = seen.iter().filter_map(|node| node.facts.peers);
    let memory: Option<u64> =
        seen.iter().filter_map(|node| node.memory.map(|bytes| bytes.0)).reduce(|sum, it| sum + it);
    let ages = seen.iter().filter_map(|node| node.process_age).map(|age| age.as_secs());
    let version = version(first, human::view(first, last));
    vec![
        name.into(),
        group.len().to_string().into(),
        state_cell(first, human::view(first, last)),
        range(peers, |peers| peers.to_string()).into(),
        memory.map_or("-".to_owned(), |sum| Bytes(sum).to_string()).into(),
        range(ages, short).into(),
        version.map_or("-".to_owned(), |version| version.to_string()).into(),
    ]
}

fn range(values: impl Iterator<Item = u64> + Clone, show: impl Fn(u64) -> String) -> String {
    match (values.clone().min().map(&show), values.max().map(&show)) {
        (Some(least), Some(most)) if least == most => least,
        (Some(least), Some(most)) => format!("{least}\u{2013}{most}"),
        _ => "-".to_owned(),
    }
}

fn joined(lines: Vec<String>) -> String {
    let trimmed = lines.iter().map(|line| format!("{}\n", line.trim_end()));
    trimmed.collect()
}

fn row(record: &NodeRecord, seen: Option<&NodeView>) -> Vec<Cell> {
    let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let texts = [
        number(seen.and_then(|node| node.process).map(|key| u64::from(key.pid))),
        record.spec.ports.node.to_string(),
        number(seen.and_then(|node| node.facts.peers)),
        number(seen.and_then(|node| node.facts.records)),
        seen.and_then(|node| node.memory).map_or("-".to_owned(), |bytes| bytes.to_string()),
        seen.and_then(|node| node.process_age).map_or("-".to_owned(), |age| short(age.as_secs())),
        version(record, seen).map_or("-".to_owned(), |version| version.to_string()),
    ];
    let head = [Cell::from(record.spec.id.to_string()), state_cell(record, seen)];
    head.into_iter().chain(texts.map(Cell::from)).collect()
}

fn state_cell(record: &NodeRecord, seen: Option<&NodeView>) -> Cell {
    let text = state(record, seen);
    let paint: Paint = paint_of(text.split(" (").next().unwrap_or_default());
    Cell { text, paint }
}

pub(super) fn version(record: &NodeRecord, seen: Option<&NodeView>) -> Option<Version> {
    seen.and_then(|node| node.facts.version.clone()).or(record.version.clone())
}

/// The state in words, with who wanted it.
pub(super) fn state(record: &NodeRecord, seen: Option<&NodeView>) -> String {
    match seen {
        Some(node) if record.upgrade.is_some() && node.record.upgrade != record.upgrade => {
            "upgrading".to_owned()
        }
        Some(node) if node.record.phase == record.phase && node.record.want == record.want => {
            described(record, node)
        }
        _ => moving(record).to_owned(),
    }
}

fn described(record: &NodeRecord, node: &NodeView) -> String {
    let word = node.seen.state.name();
    match (record.want, &node.seen.state) {
        (Want::StoppedByOperator, NodeState::Stopped { .. }) => "stopped (operator)".to_owned(),
        (Want::StoppedByPressure, NodeState::Stopped { .. }) => "stopped (pressure)".to_owned(),
        _ => word.to_owned(),
    }
}

fn moving(record: &NodeRecord) -> &'static str {
    match (&record.phase, record.want) {
        (Phase::Removing { .. }, _) => "removing",
        (_, Want::Disabled) => "disabled",
        (_, Want::StoppedByOperator) => "stopped (operator)",
        (_, Want::StoppedByPressure) => "stopped (pressure)",
        (Phase::Starting { .. } | Phase::Creating { .. }, Want::Run) => "starting",
        (Phase::Steady, Want::Run) => "not yet seen",
    }
}
