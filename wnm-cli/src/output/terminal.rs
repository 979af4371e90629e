//! Who reads: a terminal with its width and colours, or a program.

use std::io::IsTerminal;

use crate::settings::Environment;

/// How text is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terminal {
    pub(crate) is_terminal: bool,
    pub(crate) colour: bool,
    /// Columns; nothing where there is no limit.
    pub(crate) width: Option<usize>,
}

impl Terminal {
    /// Standard output.
    pub(crate) fn of(environment: &Environment) -> Terminal {
        let is_terminal = std::io::stdout().is_terminal();
        let dumb = environment.get("TERM").is_none_or(|term| term == "dumb");
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Terminal {
            is_terminal,
            // https://no-color.org: any value that is not empty.
            colour: is_terminal && !dumb && environment.get("NO_COLOR").is_none(),
            width: width.filter(|_| is_terminal),
        }
    }

    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        match self.colour && paint != Paint::Plain {
            true => format!("\x1b[{}m{text}\x1b[0m", paint.code()),
            false => text.to_owned(),
        }
    }
}

/// Colours by what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Head,
    Good,
    Moving,
    Bad,
    Faint,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Paint::Plain => "0",
            Paint::Head => "1",
            Paint::Good => "32",
            Paint::Moving => "33",
            Paint::Bad => "31",
            Paint::Faint => "2",
        }
    }
}
