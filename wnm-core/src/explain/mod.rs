//! Why a plan is as it is: every rule in the order of decisions with what it looked at, what that
//! was compared with, how long it has lasted, and what came of it; and every node with what would
//! happen to it next.
//!
//! All of it is data; texts are one rendering of it. Nothing is decided here, and nothing that the
//! engine decides by is reckoned a second time: graces, candidates, limits and outlooks are asked of
//! the functions in [`plan`](crate::plan) that decided. [`explain`] is the only entrance.

mod budgets;
mod early;
mod grow;
mod heal;
mod judgement;
mod node;
mod prospect;
mod quantity;
mod rule;
mod ruling;
mod shed;
mod signs;
mod summary;
#[cfg(test)]
mod tests;
mod turns;

pub use budgets::Budgets;
pub use judgement::{Judgement, Planned};
pub use node::NodeStory;
pub use prospect::{Circumstance, Consequence, HeldBack, Prospect};
pub use quantity::{Held, Input, Quantity, Threshold};
pub use rule::Rule;
pub use ruling::{Rest, Ruling, Wait};
pub use signs::{Layer, Shows, Sign};
pub use summary::{Pending, Summary, WhyNot};
pub use turns::{Turn, Turns};

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::observe::Snapshot;
use crate::plan::Plan;
use crate::policy::Policy;
use judgement::Case;

/// Why a plan is as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// When the cycle looked.
    pub looked: Timestamp,
    /// What it does, and why not more.
    pub summary: Summary,
    /// Every rule, in the order of decisions.
    pub rules: Vec<Judgement>,
    /// How much more may be in motion or removed.
    pub budgets: Budgets,
    /// Every node, by id.
    pub nodes: Vec<NodeStory>,
}

/// Explains `plan`, which was made of `snapshot` and `policy`.
pub fn explain(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> Explanation {
    let case = Case { snapshot, policy, plan };
    let steps = [early::rules, shed::rules, heal::rules, grow::rules];
    let rules: Vec<Judgement> = steps.iter().flat_map(|rules| rules(&case)).collect();
    Explanation {
        looked: snapshot.now.wall,
        summary: Summary::of(&case, &rules),
        rules,
        budgets: Budgets::of(&case),
        nodes: node::stories(&case),
    }
}
