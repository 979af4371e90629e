//! Everything worth telling while a cycle runs.

use crate::action::{Outcome, PlannedAction, Step};
use crate::observe::Snapshot;
use crate::plan::Plan;

/// One closed list, for progress on a terminal and for logs.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Everything was looked at.
    Observed(&'a Snapshot),
    /// It was decided.
    Planned(&'a Plan),
    /// An action was written down and begins.
    Begun(&'a PlannedAction),
    /// A step is about to run.
    Stepping(&'a PlannedAction, &'a Step),
    /// An action ended.
    Ended(&'a PlannedAction, &'a Outcome),
}
