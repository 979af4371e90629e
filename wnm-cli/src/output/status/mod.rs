//! `wnm status` for people.

mod details;
mod table;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use wnm_core::host::LastSeen;
use wnm_core::model::{NodeRecord, Version, counted};
use wnm_core::observe::{LearnedCost, Ledger, MachineView};
use wnm_core::plan::Capacity;

use super::human;
use super::terminal::{Paint, Terminal};

/// What is shown of the nodes, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) sort: Sort,
    /// A block a node instead of a line.
    pub(crate) details: bool,
    /// Every node on its own line, however many.
    pub(crate) each: bool,
}

/// Everything that there is to show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// Its nodes are those to be shown.
    pub(crate) ledger: &'a Ledger,
    pub(crate) last: Option<&'a LastSeen>,
    /// How many nodes are in none of the states that were asked for.
    pub(crate) hidden: u32,
    /// How many nodes the machine holds, where that can be asked.
    pub(crate) capacity: Option<&'a Capacity>,
    /// How long ago the last cycle looked.
    pub(crate) age: Option<Duration>,
}

/// By what nodes are sorted; the largest first, names and states from their beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sort {
    /// By name
    #[default]
    Name,
    /// By state
    State,
    /// By connected peers
    Peers,
    /// By records held
    Records,
    /// By memory
    Memory,
    /// By disk used
    Disk,
    /// By age of the process
    Up,
    /// By version
    Version,
}

/// Above so many lines, a terminal is shown groups of nodes.
const FOLD_ABOVE: usize = 40;
/// A cycle a minute is usual; after so long none will come.
pub(crate) const OLD: Duration = Duration::from_secs(300);

/// The whole screen.
pub(crate) fn status(shown: &Shown<'_>, view: View, terminal: Terminal) -> String {
    let Shown { ledger, last, capacity, age, hidden } = *shown;
    let mut text = String::new();
    let nodes = sorted(ledger, last, view.sort);
    let folds = terminal.is_terminal && !view.each && view.sort == Sort::Name;
    match (nodes.len(), view.details) {
        (0, _) if hidden > 0 => {
            let _ = writeln!(text, "none in such a state, and {} besides", counted(hidden, "node"));
        }
        (0, _) => text += "no nodes\n",
        (_, true) => text += &details::blocks(&nodes, last, terminal),
        (count, false) if folds && count > FOLD_ABOVE => {
            text += &table::folded(&nodes, last, terminal);
        }
        _ => text += &table::each(&nodes, last, terminal),
    }
    if nodes.len() > 1 {
        let _ = writeln!(text, "{}", counts(&nodes, last));
    }
    text += &versions(&nodes, last);
    match last {
        Some(last) => {
            let _ = writeln!(text, "{}", machine(&last.snapshot.machine));
            if last.plan.memory.cost != LearnedCost::default() {
                let _ = writeln!(text, "{}", last.plan.memory.cost);
            }
            if let Some(capacity) = capacity {
                let _ = writeln!(text, "{capacity}");
            }
            let ago = age.map_or(String::new(), |age| format!(", {} ago", short(age.as_secs())));
            let _ = writeln!(text, "as of {} UTC{ago}", last.snapshot.now.wall);
            text += &human::waits(&last.plan.report);
        }
        None => text += "no cycle has run yet: `wnm run` runs one, `wnm survey` only looks\n",
    }
    text
}

/// Why nobody should rely on what is shown, if so.
pub(crate) fn warning(age: Option<Duration>) -> Option<String> {
    let age = age.filter(|age| *age > OLD)?;
    Some(format!(
        "warning: no cycle for {}: is `wnm run` scheduled, and does it succeed?",
        spelled(age.as_secs())
    ))
}

fn sorted<'a>(ledger: &'a Ledger, last: Option<&LastSeen>, sort: Sort) -> Vec<&'a NodeRecord> {
    let mut nodes: Vec<&NodeRecord> = ledger.nodes.iter().collect();
    let seen = |record: &NodeRecord| human::view(record, last);
    // The largest first, and what is not known last.
    let down = |value: Option<u64>| std::cmp::Reverse(value.map_or(0, |value| value + 1));
    match sort {
        Sort::Name => nodes.sort_by_key(|record| record.spec.id),
        Sort::State => nodes.sort_by_key(|record| human::state_word(record, last)),
        Sort::Peers => nodes.sort_by_key(|it| down(seen(it).and_then(|node| node.facts.peers))),
        Sort::Records => nodes.sort_by_key(|it| down(seen(it).and_then(|node| node.facts.records))),
        Sort::Memory => {
            nodes.sort_by_key(|it| {
                down(seen(it).and_then(|node| node.memory).map(|memory| memory.0))
            });
        }
        Sort::Disk => {
            nodes.sort_by_key(|it| down(seen(it).and_then(|node| node.disk).map(|disk| disk.0)));
        }
        Sort::Up => {
            let age = |it: &NodeRecord| seen(it).and_then(|node| node.process_age);
            nodes.sort_by_key(|it| down(age(it).map(|age| age.as_secs())));
        }
        Sort::Version => nodes.sort_by_key(|it| std::cmp::Reverse(table::version(it, seen(it)))),
    }
    nodes
}

/// How many nodes have which version, where they differ.
fn versions(nodes: &[&NodeRecord], last: Option<&LastSeen>) -> String {
    let mut counts: BTreeMap<Version, usize> = BTreeMap::new();
    for version in nodes.iter().filter_map(|it| table::version(it, human::view(it, last))) {
        *counts.entry(version).or_default() += 1;
    }
    if counts.len() < 2 {
        return String::new();
    }
    let parts = counts.iter().rev().map(|(version, count)| format!("{count} with {version}"));
    format!("versions: {}\n", parts.collect::<Vec<_>>().join(", "))
}

fn counts(nodes: &[&NodeRecord], last: Option<&LastSeen>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for record in nodes {
        *counts.entry(human::state_word(record, last)).or_default() += 1;
    }
    let mut parts: Vec<(usize, &str)> =
        counts.into_iter().map(|(word, count)| (count, word)).collect();
    parts.sort_by(|a, b| b.cmp(a));
    let parts: Vec<String> = parts.iter().map(|(count, word)| format!("{count} {word}")).collect();
    format!("{} nodes: {}", nodes.len(), parts.join(", "))
}

fn paint_of(word: &str) -> Paint {
    match word {
        "running" => Paint::Good,
        "starting" | "removing" | "mute" | "upgrading" | "not yet seen" => Paint::Moving,
        "dead" | "unknown" | "failing" => Paint::Bad,
        _ => Paint::Faint,
    }
}

/// `42s`, `17m`, `5h`, `3d`.
fn short(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn spelled(seconds: u64) -> String {
    match seconds {
        0..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn machine(machine: &MachineView) -> String {
    if let Some(unread) = &machine.unread {
        return format!("machine: could not be looked at: {unread}");
    }
    let mut parts = vec![format!("{} CPUs", machine.cpus)];
    parts.push(machine.cpu.map_or("cpu not yet known".to_owned(), |cpu| format!("cpu {cpu}")));
    if let Some(memory) = machine.memory {
        parts.push(format!("memory {} of {} available", memory.available, memory.total));
    }
    parts.extend(machine.load.map(|load| format!("load {load}")));
    for (root, system) in &machine.file_systems {
        parts.push(format!("{} {} used, {} free", root.display(), system.used, system.free));
    }
    format!("machine: {}", parts.join(", "))
}
