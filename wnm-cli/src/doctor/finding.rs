//! One thing that was found, as data.

use std::path::PathBuf;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    /// Nodes do not run, or could be lost.
    Error,
    /// It works, but not as it should.
    Warning,
    /// Good to know; nothing has to be done.
    Note,
}

impl Severity {
    /// One word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// A fix that `doctor --fix` may do by itself, because it cannot destroy anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Take a file or directory of ours from everybody else.
    MakePrivate(PathBuf),
    /// Let a user's systemd outlive the last session.
    EnableLinger(String),
}

/// What was found, what it means, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// A name for scripts: never changes its meaning.
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    /// Which node, path, port or program.
    pub(crate) subject: String,
    /// What it means for the nodes.
    pub(crate) means: String,
    /// What to type.
    pub(crate) fix: Option<String>,
    /// Whether `doctor --fix` does it.
    pub(crate) fixable: bool,
    #[serde(skip)]
    pub(crate) remedy: Option<Remedy>,
}

impl Finding {
    pub(crate) fn new(
        severity: Severity,
        id: &'static str,
        subject: impl Into<String>,
        means: impl Into<String>,
    ) -> Finding {
        let (subject, means) = (subject.into(), means.into());
        Finding { id, severity, subject, means, fix: None, fixable: false, remedy: None }
    }

    /// What to type.
    #[must_use]
    pub(crate) fn fix(mut self, command: impl Into<String>) -> Finding {
        self.fix = Some(command.into());
        self
    }

    /// What `--fix` does; `self.fix` says the same in a shell's words.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: Remedy) -> Finding {
        self.fixable = true;
        self.remedy = Some(remedy);
        self
    }
}
