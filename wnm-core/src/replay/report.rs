//! What came of a replay: data.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::action::PlannedAction;
use crate::model::{CycleId, Timestamp};
use crate::policy::PolicyError;

/// A replay from beginning to end.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReplayReport {
    /// When the first cycle looked.
    pub since: Option<Timestamp>,
    /// When the last one did.
    pub until: Option<Timestamp>,
    /// Cycles that were read.
    pub cycles: u32,
    /// Cycles that are kept and could not be read.
    pub unread: u32,
    /// Times without a cycle that are so long that nothing is known of them.
    pub gaps: Vec<Gap>,
    /// Cycles that decide nothing new and leave nothing out.
    pub same: u32,
    /// Of these, cycles that explain it otherwise; only without changed settings.
    pub retold: u32,
    /// Cycles in whose settings the changed ones do not fit. They were not judged.
    pub unfit: u32,
    /// Why not, once each.
    pub misfits: Vec<String>,
    /// Plans that fail their own check: bugs.
    pub unsound: u32,
    /// What would have been decided otherwise, in order.
    pub differences: Vec<Difference>,
    /// Actions by kind.
    pub totals: BTreeMap<&'static str, Total>,
}

/// A time without a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The last cycle before it.
    pub from: Timestamp,
    /// The first one after it.
    pub to: Timestamp,
    /// How long, by the clock that does not jump where there is one.
    pub seconds: u64,
}

/// A cycle that would have decided otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Its number.
    pub cycle: CycleId,
    /// When it looked.
    pub at: Timestamp,
    /// What was decided and would not have been, neither then nor before.
    pub then: Vec<PlannedAction>,
    /// What would have been decided, for the first time.
    pub now: Vec<PlannedAction>,
    /// What it would wait for, where something would not have been decided.
    pub why_not: Vec<String>,
}

/// How often one kind of action was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// As recorded.
    pub then: u32,
    /// As it would have been; with changed settings a lower bound.
    pub now: u32,
}

/// Every cycle of a history may say the same.
const MOST_MISFITS: usize = 20;

impl ReplayReport {
    pub(super) fn total(&mut self, planned: &PlannedAction) -> &mut Total {
        self.totals.entry(planned.action.name()).or_default()
    }

    pub(super) fn misfits(&mut self, errors: &[PolicyError]) {
        self.unfit += 1;
        for error in errors.iter().map(ToString::to_string) {
            if self.misfits.len() < MOST_MISFITS && !self.misfits.contains(&error) {
                self.misfits.push(error);
            }
        }
    }

    /// True when everything that was judged came out as it was, and nothing was left out.
    pub fn is_the_same(&self) -> bool {
        self.same == self.cycles && self.unsound == 0
    }
}
