//! What came of a cycle.

use std::fmt;

use crate::action::{Done, PlannedAction};
use crate::host::HostError;
use crate::observe::Snapshot;
use crate::plan::{Plan, Violation};
use crate::policy::{Policy, PolicyError};

/// A cycle from beginning to end.
#[derive(Clone, Debug)]
pub struct CycleReport {
    /// What was seen.
    pub snapshot: Snapshot,
    /// What it was judged by.
    pub policy: Policy,
    /// What was decided.
    pub plan: Plan,
    /// What was done; empty after a dry run.
    pub done: Vec<Done>,
    /// Planned, and not begun because it was to end early.
    pub left: Vec<PlannedAction>,
    /// Faults of the store itself, after effects: messages.
    pub faults: Vec<String>,
}

impl CycleReport {
    /// Of a cycle that did nothing.
    pub(super) fn of_plan(snapshot: Snapshot, policy: Policy, plan: Plan) -> CycleReport {
        let (done, left, faults) = (Vec::new(), Vec::new(), Vec::new());
        CycleReport { snapshot, policy, plan, done, left, faults }
    }

    /// Actions that failed.
    pub fn failed(&self) -> usize {
        self.done.iter().filter(|done| !done.outcome.is_done()).count()
    }
}

/// Why there was no cycle. Nothing was done.
#[derive(Debug)]
pub enum CycleError {
    /// The store or the clock could not be read.
    Host(HostError),
    /// The settings do not fit together.
    Policy(Vec<PolicyError>),
    /// The plan failed its own check: a bug.
    Unsound {
        /// What is wrong with it.
        violations: Vec<Violation>,
        /// The plan.
        plan: Box<Plan>,
    },
}

impl fmt::Display for CycleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CycleError::Host(error) => write!(f, "{}", error.chain()),
            CycleError::Policy(errors) => {
                let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            CycleError::Unsound { violations, .. } => {
                let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
                write!(f, "the plan failed its own check: {}", lines.join("; "))
            }
        }
    }
}

impl std::error::Error for CycleError {}

impl From<HostError> for CycleError {
    fn from(error: HostError) -> CycleError {
        CycleError::Host(error)
    }
}
