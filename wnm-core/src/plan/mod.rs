//! The decision engine. Equal inputs, equal plan; it does not log, and it reads nothing but its
//! arguments.

mod allocate;
mod budget;
mod check;
mod dead;
mod finish;
mod grow;
mod heal;
mod lower;
mod pressure;
mod report;
mod requests;
mod shed;
#[cfg(test)]
mod tests;
mod work;

pub use budget::{RemovalsLeft, disk_removals_left, removals_left};
pub use check::{Violation, check};
pub use lower::lower;
pub use pressure::{Pressure, Verdict, VerdictKind};
pub use report::{Blocked, Note, Plan, PlanReport, Refused};
pub use shed::needs_sizes;

use serde::{Deserialize, Serialize};

use crate::observe::Snapshot;
use crate::policy::Policy;
use work::Work;

/// How much of the order of decisions is gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanScope {
    /// All of it.
    #[default]
    Everything,
    /// Only what was begun before, and the requests of operators.
    RequestsOnly,
    /// None of it: what is seen is noted, and requests stay as they are.
    Nothing,
}

/// Decides what to do. The order is the policy: what was begun is finished first, safety comes
/// before wishes, wishes before relief, relief before healing, healing before growth.
pub fn plan(snapshot: &Snapshot, policy: &Policy, scope: PlanScope) -> Plan {
    let mut work = Work::new(snapshot, policy);
    work.note_what_is_seen();
    if scope == PlanScope::Nothing {
        return work.into_plan();
    }
    finish::unfinished(&mut work);
    if scope == PlanScope::Everything {
        finish::delays(&mut work);
        dead::remove(&mut work);
    }
    requests::answer(&mut work);
    if scope == PlanScope::Everything {
        let shedding = shed::relieve(&mut work);
        heal::start_again(&mut work, shedding);
        grow::grow(&mut work, shedding);
    }
    work.into_plan()
}
