//! What is going on, for whoever watches: lines, or at a terminal one line that is written over.

use std::io::{IsTerminal, Write};

use wnm_core::action::PlannedAction;
use wnm_core::run::{Event, Stop};

use super::say;

/// Follows one cycle.
#[derive(Debug)]
pub(crate) struct Progress {
    is_quiet: bool,
    is_terminal: bool,
    stop: Stop,
    is_stop_told: bool,
    planned: usize,
    begun: usize,
}

impl Progress {
    pub(crate) fn new(is_quiet: bool, stop: &Stop) -> Progress {
        Progress {
            is_quiet,
            is_terminal: std::io::stderr().is_terminal(),
            stop: stop.clone(),
            is_stop_told: false,
            planned: 0,
            begun: 0,
        }
    }

    pub(crate) fn tell(&mut self, event: Event<'_>) {
        match event {
            Event::Planned(plan) => self.planned = plan.actions.len(),
            Event::Begun(planned) => {
                self.begun += 1;
                match self.is_terminal {
                    true => self.draw(&planned.action.to_string()),
                    false if self.is_quiet => {}
                    false => say(&format!("{}: {}", planned.action, planned.reason)),
                }
            }
            Event::Stepping(planned, step) => {
                tracing::info!("{}: {step}", planned.action);
                self.draw(&format!("{}: {step}", planned.action));
            }
            Event::Ended(..) if self.is_terminal && !self.is_quiet => write("\r\x1b[K"),
            Event::Observed(_) | Event::Ended(..) => {}
        }
        self.hear();
    }

    /// Over the line that was there. What is too long would not be written over.
    fn draw(&self, text: &str) {
        if self.is_terminal && !self.is_quiet {
            let line = format!("[{}/{}] {text}", self.begun, self.planned);
            write(&format!("\r\x1b[K{}", fitting(&line)));
        }
    }

    /// Says once that a wish to stop was heard.
    fn hear(&mut self) {
        if self.stop.is_asked() && !self.is_stop_told {
            self.is_stop_told = true;
            let clear = if self.is_terminal { "\r\x1b[K" } else { "" };
            write(&format!("{clear}stopping as soon as the node at hand is done\n"));
        }
    }
}

/// Follows work on many nodes, one after the other: a line each, or at a terminal one that is written
/// over.
#[derive(Debug)]
pub(crate) struct Counting {
    is_quiet: bool,
    is_terminal: bool,
    of: usize,
    begun: usize,
}

impl Counting {
    pub(crate) fn new(is_quiet: bool, of: usize) -> Counting {
        let is_terminal = std::io::stderr().is_terminal();
        Counting { is_quiet, is_terminal, of, begun: 0 }
    }

    /// The next node is at hand.
    pub(crate) fn tell(&mut self, text: &str) {
        self.begun += 1;
        let line = format!("[{}/{}] {text}", self.begun, self.of);
        match (self.is_quiet, self.is_terminal) {
            (true, _) => {}
            (false, true) => write(&format!("\r\x1b[K{}", fitting(&line))),
            (false, false) => say(&line),
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        if self.is_terminal && !self.is_quiet && self.begun > 0 {
            write("\r\x1b[K");
        }
    }
}

/// As much of a line as the terminal shows in one.
pub(super) fn fitting(line: &str) -> String {
    let width = terminal_size::terminal_size_of(std::io::stderr());
    let width = width.map_or(80, |(width, _)| usize::from(width.0));
    line.chars().take(width.saturating_sub(1)).collect()
}

pub(super) fn write(text: &str) {
    let mut err = std::io::stderr();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// What was planned and not begun, if anything, and what becomes of it.
pub(crate) fn left(left: &[PlannedAction], then: &str) {
    if left.is_empty() {
        return;
    }
    let names: Vec<String> = left.iter().map(|planned| planned.action.to_string()).collect();
    let shown = match names.len() {
        0..=8 => names.join(", "),
        many => format!("{}, and {} more", names[..8].join(", "), many - 8),
    };
    say(&format!("interrupted; not begun: {shown}; {then}"));
}
