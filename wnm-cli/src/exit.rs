//! The exit codes, which scripts rely on.

use std::process::ExitCode;

/// How a run of `wnm` ended. `wnm help exit-codes` prints this list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    #[default]
    Failed = 1,
    Usage = 2,
    Busy = 3,
    NotInitialised = 4,
    Refused = 5,
    Partly = 6,
    Unsound = 7,
    Store = 8,
    SomethingToDo = 10,
}

/// Shown below every help text.
pub(crate) const LEGEND: &str = "\
Exit codes:
  0   done, or nothing to do (for `plan`: nothing to do)
  1   something failed; `doctor`: something is wrong
  2   usage, an invalid setting, or already initialised
  3   another cycle is running; a request is stored and carried out by the next cycle
  4   not initialised
  5   refused for safety
  6   partly done
  7   the plan failed its own check; nothing was done
  8   the store cannot be used
  10  `plan`: there is something to do";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Exit {
    /// The code of work of which `done` parts succeeded and `failed` parts did not.
    pub(crate) fn of_counts(done: usize, failed: usize) -> Exit {
        match (done, failed) {
            (_, 0) => Exit::Done,
            (0, _) => Exit::Failed,
            _ => Exit::Partly,
        }
    }
}
