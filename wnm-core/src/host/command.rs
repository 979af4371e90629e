use std::time::Duration;

use super::HostResult;

/// A program to run, as data. Standard input is empty and the locale is C.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Name on PATH, or an absolute path.
    pub program: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Variables added to the environment.
    pub env: Vec<(String, String)>,
    /// After this long it is ended and the answer is a timeout.
    pub timeout: Duration,
}

impl Invocation {
    /// A call with nothing added to the environment.
    pub fn new<S: Into<String>>(
        program: impl Into<String>,
        args: impl IntoIterator<Item = S>,
        timeout: Duration,
    ) -> Invocation {
        Invocation {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            timeout,
        }
    }

    /// The call as one would type it.
    pub fn line(&self) -> String {
        shell_words::join(std::iter::once(&self.program).chain(&self.args))
    }
}

/// A program that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Completed {
    /// True for exit code 0.
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

/// Runs programs.
pub trait CommandRunner: Send + Sync {
    /// A non-zero exit is a value; failure to start, a timeout and bad UTF-8 are errors.
    fn run(&self, invocation: &Invocation) -> HostResult<Completed>;
}
