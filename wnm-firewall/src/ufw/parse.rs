//! What ufw answers: pure.

use std::collections::BTreeSet;

use wnm_core::action::Change;
use wnm_core::model::{PortRule, Protocol};
use wnm_core::observe::FaultKind;

/// First line of `ufw show added`.
const ADDED: &str = "Added user rules";

/// What there is for one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Our rule.
    pub(super) ours: bool,
    /// A rule that is not ours and that ours would take the place of.
    pub(super) others: Option<Others>,
}

/// What somebody else's rule does with the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// `allow` or `limit`.
    Opens,
    /// `deny` or `reject`.
    Shuts,
}

/// Whether `ufw status` says active; `None` when it says neither.
pub(super) fn is_active(status: &str) -> Option<bool> {
    match status.lines().next()?.trim_end() {
        "Status: active" => Some(true),
        "Status: inactive" => Some(false),
        _ => None,
    }
}

/// What `ufw show added` has for the port, when ours carry `comment`; `None` when that is no such
/// list.
///
/// ufw takes two rules for one when all but action, logging and comment are equal, and prints those
/// that could be ours in its short form: `ufw ACTION [log] PORT/PROTOCOL [comment 'TEXT']`. Rules for
/// some addresses, an interface, a range or the other direction are different ones and no concern of
/// ours. IPv4 and IPv6 are not told apart: a line may stand for one of them or for both.
pub(super) fn find(added: &str, rule: PortRule, comment: &str) -> Option<Found> {
    let port = rule.to_string();
    let mut found = Found::default();
    for line in rules(added)? {
        let (command, said) = split(line?);
        match command.split(' ').collect::<Vec<_>>()[..] {
            ["allow", to] if to == port && said == Some(comment) => found.ours = true,
            [action, to] | [action, "log" | "log-all", to] if to == port => {
                found.others = Some(with(found.others, action));
            }
            _ => {}
        }
    }
    Some(found)
}

/// The ports of all rules that carry `comment`; `None` when that is no such list.
pub(super) fn ours(added: &str, comment: &str) -> Option<BTreeSet<PortRule>> {
    let mut ours = BTreeSet::new();
    for line in rules(added)? {
        let (command, said) = split(line?);
        let port = command.strip_prefix("allow ").filter(|_| said == Some(comment));
        ours.extend(port.and_then(port_of));
    }
    Some(ours)
}

fn port_of(text: &str) -> Option<PortRule> {
    let (port, protocol) = match text.split_once('/')? {
        (port, "udp") => (port, Protocol::Udp),
        (port, "tcp") => (port, Protocol::Tcp),
        _ => return None,
    };
    Some(PortRule { port: port.parse().ok()?, protocol })
}

/// The rules without `ufw` in front; `None` for a line that is none.
fn rules(added: &str) -> Option<impl Iterator<Item = Option<&str>>> {
    let mut lines = added.lines();
    lines.next().filter(|line| line.starts_with(ADDED))?;
    let lines = lines.filter(|line| !line.is_empty() && *line != "(None)");
    Some(lines.map(|line| line.strip_prefix("ufw ")))
}

fn split(line: &str) -> (&str, Option<&str>) {
    match line.split_once(" comment '") {
        Some((command, comment)) => (command, comment.strip_suffix('\'')),
        None => (line, None),
    }
}

/// A port that is open for IPv4 only counts as shut: nothing is promised that may not hold.
fn with(before: Option<Others>, action: &str) -> Others {
    match action {
        "allow" | "limit" if before != Some(Others::Shuts) => Others::Opens,
        _ => Others::Shuts,
    }
}

/// What adding or deleting changed, from one line each for IPv4 and IPv6; `None` when no line makes
/// sense. `Rules updated` is what an inactive ufw says of both.
pub(super) fn change(answer: &str) -> Option<Change> {
    let mut change = None;
    for line in answer.lines() {
        match line.trim_end().trim_end_matches(" (v6)") {
            "Rule added" | "Rule updated" | "Rule deleted" | "Rules updated" => {
                change = Some(Change::Made);
            }
            "Skipping adding existing rule" | "Could not delete non-existent rule" => {
                change = change.or(Some(Change::AlreadySo));
            }
            _ => {}
        }
    }
    change
}

/// True when adding replaced a rule: there was none a moment ago, so somebody was faster.
pub(super) fn replaced(answer: &str) -> bool {
    answer.lines().any(|line| line.starts_with("Rule updated"))
}

/// What kind of failure a complaint is.
pub(super) fn fault(complaint: &str) -> FaultKind {
    if complaint.contains("You need to be root") {
        FaultKind::Permission
    } else if complaint.contains("xtables lock") {
        FaultKind::Conflict
    } else {
        FaultKind::Failed
    }
}
