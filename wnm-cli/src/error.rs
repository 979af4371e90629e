//! The one place where failures become words, hints and exit codes.

use std::fmt;

use wnm_core::host::HostError;
use wnm_core::policy::{PolicyError, Setting};
use wnm_core::run::CycleError;
use wnm_store::{StoreError, StoreErrorKind};

use crate::exit::Exit;

/// Whether a store is damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Damage {
    #[default]
    No,
    /// It may as well be somebody else's file.
    Perhaps,
    Yes,
}

impl Damage {
    fn of(kind: &StoreErrorKind) -> Damage {
        match kind {
            StoreErrorKind::Foreign => Damage::Perhaps,
            kind if kind.is_damage() => Damage::Yes,
            _ => Damage::No,
        }
    }
}

/// What went wrong, what it means for scripts, and what to do about it.
#[derive(Debug, Default)]
pub(crate) struct CliError {
    pub(crate) exit: Exit,
    /// One line per problem.
    pub(crate) problems: Vec<String>,
    pub(crate) hints: Vec<String>,
    /// Whether the store is damaged: a backup is the way on.
    pub(crate) damage: Damage,
    /// Settings that it is about; where their values come from is worth a hint.
    pub(crate) about: Vec<Setting>,
}

impl CliError {
    pub(crate) fn new(exit: Exit, problem: impl Into<String>) -> CliError {
        CliError { exit, problems: vec![problem.into()], ..CliError::default() }
    }

    pub(crate) fn usage(problem: impl Into<String>) -> CliError {
        CliError::new(Exit::Usage, problem)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> CliError {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "error: {problem}")?;
        }
        for hint in &self.hints {
            writeln!(f, "hint: {hint}")?;
        }
        Ok(())
    }
}

impl From<HostError> for CliError {
    fn from(error: HostError) -> CliError {
        let kind = error.source.as_ref().and_then(|source| source.downcast_ref::<StoreError>());
        let exit = kind.map_or(Exit::Failed, |error| exit_of(&error.kind));
        let damage = kind.map_or(Damage::No, |error| Damage::of(&error.kind));
        CliError { damage, ..CliError::new(exit, error.chain()) }
    }
}

/// What a failing store means for scripts: unusable, or only this time.
fn exit_of(kind: &StoreErrorKind) -> Exit {
    match kind {
        StoreErrorKind::Foreign
        | StoreErrorKind::Newer { .. }
        | StoreErrorKind::Older
        | StoreErrorKind::Damaged
        | StoreErrorKind::Permission
        | StoreErrorKind::Corrupt { .. } => Exit::Store,
        _ => Exit::Failed,
    }
}

impl From<Vec<PolicyError>> for CliError {
    fn from(errors: Vec<PolicyError>) -> CliError {
        CliError {
            exit: Exit::Usage,
            problems: errors.iter().map(ToString::to_string).collect(),
            about: errors.iter().flat_map(PolicyError::settings).collect(),
            ..CliError::default()
        }
    }
}

impl From<CycleError> for CliError {
    fn from(error: CycleError) -> CliError {
        match error {
            CycleError::Host(error) => error.into(),
            CycleError::Policy(errors) => errors.into(),
            CycleError::Unsound { .. } => CliError::new(Exit::Unsound, error.to_string())
                .hint("nothing was done; please report this with the output of `wnm plan --json`"),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> CliError {
        HostError::from(error).into()
    }
}
