//! The terminal that wnm was called at.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use super::Terminal;
use crate::output;

/// Reads from standard input and shows on standard error, where data does not go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StandardTerminal {
    _private: (),
}

impl StandardTerminal {
    /// When there is somebody to answer.
    pub(crate) fn find() -> Option<StandardTerminal> {
        (stdin().is_terminal() && stderr().is_terminal())
            .then_some(StandardTerminal { _private: () })
    }
}

impl Terminal for StandardTerminal {
    fn tell(&mut self, text: &str) {
        output::say(text);
    }

    fn ask(&mut self, prompt: &str) -> Option<String> {
        // A terminal that cannot be written to will not be read from either.
        let _ = write!(stderr(), "{prompt}").and_then(|()| stderr().flush());
        let mut line = String::new();
        match stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }
}
