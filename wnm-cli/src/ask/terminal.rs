//! The terminal that wnm was called at.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

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

impl StandardTerminal {
    /// Asks for a line that is not shown while it is typed.
    pub(crate) fn ask_secret(mut self, prompt: &str) -> Option<String> {
        let shown = tcgetattr(stdin()).ok()?;
        let mut hidden = shown.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(stdin(), SetArg::TCSAFLUSH, &hidden).ok()?;
        let answer = self.ask(prompt);
        // As it was, whatever the answer.
        let restored = tcsetattr(stdin(), SetArg::TCSAFLUSH, &shown);
        self.tell("");
        restored.ok()?;
        answer
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
