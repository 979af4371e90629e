use std::path::PathBuf;
use std::time::Duration;

use super::HostResult;

/// A program to run, as data. The locale is C, and there is nothing to read from standard input.
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
    /// With whose rights.
    pub privilege: Privilege,
    /// Where what it prints goes.
    pub output: Output,
}

/// Where what a program prints goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To us.
    Answer,
    /// To the end of this file, which is made for us alone: for programs that leave something behind
    /// that goes on printing, privately as well. When such a call fails, what it printed is the answer.
    Appended(PathBuf),
}

/// With whose rights a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Our own.
    Own,
    /// Root's: through `sudo -n` unless we are root. A sudo that would ask for a password is an
    /// error of kind [`Permission`](crate::observe::FaultKind::Permission).
    Root,
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
            privilege: Privilege::Own,
            output: Output::Answer,
        }
    }

    /// The same call, printing to the end of a file.
    #[must_use]
    pub fn printing_to(mut self, path: PathBuf) -> Invocation {
        self.output = Output::Appended(path);
        self
    }

    /// The same call with root's rights.
    #[must_use]
    pub fn as_root(mut self) -> Invocation {
        self.privilege = Privilege::Root;
        self
    }

    /// The call as one would type it.
    pub fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        let mut line = shell_words::join(words);
        if let Output::Appended(path) = &self.output {
            line = format!("{line} >>{}", shell_words::quote(&path.to_string_lossy()));
        }
        match self.privilege {
            Privilege::Own => line,
            Privilege::Root => format!("(root) {line}"),
        }
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
