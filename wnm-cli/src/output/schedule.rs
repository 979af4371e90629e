//! What runs cycles by itself.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Result, to_string_pretty};
use wnm_core::model::Timestamp;
use wnm_managers::{Drift, Found, Piece, ScheduleKind};

use super::json::SCHEMA;

/// One schedule that is there.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Scheduled {
    pub(crate) kind: ScheduleKind,
    #[serde(flatten)]
    pub(crate) found: Found,
    /// Compared with what `wnm schedule install` would write now for the same program.
    pub(crate) drift: Drift,
}

/// All that is there.
#[derive(Clone, Debug)]
pub(crate) struct ScheduleReport {
    pub(crate) now: Timestamp,
    pub(crate) scheduled: Vec<Scheduled>,
    /// Lines of somebody else that run wnm.
    pub(crate) others: Vec<String>,
    /// What could not be looked at, and why: there may be a schedule.
    pub(crate) unread: Vec<String>,
    /// When a cycle looked at the nodes last, whoever ran it.
    pub(crate) last_cycle: Option<Timestamp>,
}

impl Default for ScheduleReport {
    fn default() -> ScheduleReport {
        ScheduleReport {
            now: Timestamp(0),
            scheduled: Vec::new(),
            others: Vec::new(),
            unread: Vec::new(),
            last_cycle: None,
        }
    }
}

pub(super) fn text(report: &ScheduleReport) -> String {
    let mut text = String::new();
    for scheduled in &report.scheduled {
        text += &one(scheduled);
    }
    if report.scheduled.is_empty() && report.unread.is_empty() {
        text += "nothing runs cycles by itself: `wnm schedule install` changes that\n";
    }
    for line in &report.others {
        let _ = writeln!(text, "somebody's own crontab line runs wnm: {line}");
    }
    for why in &report.unread {
        let _ = writeln!(text, "FAILED: {why}");
    }
    let _ = match report.last_cycle {
        Some(at) => {
            let ago = report.now.since(at).as_secs();
            writeln!(text, "last cycle: {at} UTC, {ago} s ago")
        }
        None => writeln!(text, "no cycle has run yet"),
    };
    text
}

fn one(scheduled: &Scheduled) -> String {
    let Scheduled { kind, found, drift } = scheduled;
    let mut text = match drift.every {
        Some(seconds) => format!("{kind}, every {seconds} s\n"),
        None => format!("{kind}\n"),
    };
    for piece in &found.pieces {
        let _ = writeln!(text, "  {}", piece.place);
    }
    if let Some(why) = &found.why_not {
        let _ = writeln!(text, "  DOES NOT FIRE: {why}");
    }
    if let Some(last) = found.last {
        let _ = writeln!(text, "  fired last {last} UTC");
    }
    if let Some(next) = found.next.filter(|_| found.fires) {
        let _ = writeln!(text, "  fires next {next} UTC");
    }
    if !drift.lines.is_empty() {
        text += "  differs from what `wnm schedule install` would write now:\n";
        for line in &drift.lines {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

#[derive(Serialize)]
struct Shape<'a> {
    schema: u32,
    scheduled: &'a [Scheduled],
    others: &'a [String],
    unread: &'a [String],
    last_cycle: Option<Timestamp>,
}

pub(super) fn json(report: &ScheduleReport) -> Result<String> {
    to_string_pretty(&Shape {
        schema: SCHEMA,
        scheduled: &report.scheduled,
        others: &report.others,
        unread: &report.unread,
        last_cycle: report.last_cycle,
    })
}

/// As `systemctl cat` shows files: each under a comment with its place.
pub(super) fn pieces_text(pieces: &[Piece]) -> String {
    let of = |piece: &Piece| format!("# {}\n{}", piece.place, piece.text);
    pieces.iter().map(of).collect::<Vec<_>>().join("\n")
}

#[derive(Serialize)]
struct PiecesShape<'a> {
    schema: u32,
    pieces: &'a [Piece],
}

pub(super) fn pieces_json(pieces: &[Piece]) -> Result<String> {
    to_string_pretty(&PiecesShape { schema: SCHEMA, pieces })
}
