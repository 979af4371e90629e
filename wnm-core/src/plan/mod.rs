//! The decision engine. Equal inputs, equal plan; it does not log, and it reads nothing but its
//! arguments.

mod allocate;
mod around;
mod budget;
mod capacity;
mod check;
mod check_starts;
mod check_upgrades;
mod counts;
mod dead;
mod disk;
mod finish;
mod grow;
mod heal;
mod lower;
mod measure;
mod pace;
mod pressure;
mod price;
mod report;
mod requests;
mod shed;
mod spread;
#[cfg(test)]
mod tests;
mod upgrade;
mod work;

pub use around::to_look_around;
pub use budget::{RemovalsLeft, disk_removals_left, removals_left};
pub use capacity::{Bound, Capacity, Held, Unsure, capacity};
pub use check::{Violation, check};
pub use lower::lower;
pub use measure::to_measure;
pub use pressure::{Pressure, Verdict, VerdictKind};
pub use report::{Blocked, Missed, Note, Plan, PlanReport, Refused};
pub use upgrade::{Rollout, RolloutWait};

// What `explain` asks again: it must never come to another answer than the engine itself.
pub(crate) use around::to_mend;
pub(crate) use disk::Outlook;
pub(crate) use grow::{is_resting, seconds_left};
pub(crate) use heal::{heal_limit, is_down};
pub(crate) use pace::{Pace, growth_pace};
pub(crate) use shed::{crisis_bytes, grace, held, is_removable, is_stoppable};
pub(crate) use work::weighed;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::observe::{NodeView, Snapshot};
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
/// before wishes, wishes before relief, relief before healing, healing before upgrades, upgrades
/// before growth.
pub fn plan(snapshot: &Snapshot, policy: &Policy, scope: PlanScope) -> Plan {
    let ordered = by_id(snapshot);
    let snapshot = ordered.as_ref();
    let mut work = Work::new(snapshot, policy, scope);
    work.note_what_is_seen();
    upgrade::note(&mut work);
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
        upgrade::judge(&mut work);
        heal::start_again(&mut work);
        upgrade::roll_out(&mut work, shedding);
        grow::grow(&mut work, shedding);
        around::clear_left(&mut work);
        around::close_orphans(&mut work);
        upgrade::recognise(&mut work);
    }
    work.into_plan()
}

/// Where the first few of many are taken, they are those with the lowest ids, whoever made the
/// snapshot.
fn by_id(snapshot: &Snapshot) -> Cow<'_, Snapshot> {
    if snapshot.nodes.is_sorted_by_key(NodeView::id) {
        return Cow::Borrowed(snapshot);
    }
    let mut ordered = snapshot.clone();
    ordered.nodes.sort_by_key(NodeView::id);
    Cow::Owned(ordered)
}
