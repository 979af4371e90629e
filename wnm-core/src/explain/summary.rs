//! Two lines that say it all.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::judgement::{Case, Judgement, Planned};
use super::rule::Rule;
use super::ruling::Ruling;
use crate::model::counted;
use crate::plan::{Blocked, PlanScope};
use crate::policy::Setting;

/// What a plan does, and why not more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What it does, in this order.
    pub does: Vec<Planned>,
    /// What rules other than those of growth wait for, or cannot judge.
    pub pending: Vec<Pending>,
    /// Why it does not start or create one node more.
    pub why_not_more: WhyNot,
}

/// A rule that would act, but not yet, or not on what could be seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// Which.
    pub rule: Rule,
    /// What it says.
    pub ruling: Ruling,
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.ruling)
    }
}

/// Why a plan does not start or create one node more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "because")]
pub enum WhyNot {
    /// It was not asked.
    NotAsked {
        /// How far the plan went.
        scope: PlanScope,
    },
    /// There are as many as may be.
    AtCap {
        /// Nodes that count.
        nodes: u32,
        /// The cap in force.
        cap: u32,
    },
    /// Something holds it back.
    Blocked {
        /// All of it.
        by: Vec<Blocked>,
    },
    /// It does start or create one; the next has to wait for it.
    Grows {
        /// Seconds between two.
        settle_s: u64,
    },
}

/// More than this many things are only counted in a line.
const MOST: usize = 3;

impl Summary {
    pub(super) fn of(case: &Case<'_>, rules: &[Judgement]) -> Summary {
        let is_pending = |it: &&Judgement| {
            let waits = matches!(it.ruling, Ruling::Waits { .. } | Ruling::Unjudged { .. });
            // A budget that is spent matters only to a rule that wants to remove.
            waits && it.rule < Rule::BelowCap && it.rule != Rule::Removals
        };
        let pending = rules
            .iter()
            .filter(is_pending)
            .map(|it| Pending { rule: it.rule.clone(), ruling: it.ruling.clone() });
        Summary {
            does: case.plan.actions.iter().map(Planned::from).collect(),
            pending: pending.collect(),
            why_not_more: why_not_more(case),
        }
    }
}

fn why_not_more(case: &Case<'_>) -> WhyNot {
    let plan = case.plan;
    let grows = plan.actions.iter().any(|it| Rule::that_decided(it) == Rule::Grow);
    match (plan.scope, grows) {
        (PlanScope::RequestsOnly | PlanScope::Nothing, _) => WhyNot::NotAsked { scope: plan.scope },
        (PlanScope::Everything, true) => {
            WhyNot::Grows { settle_s: case.policy.stability.settle_time.as_secs() }
        }
        (PlanScope::Everything, false) if plan.report.blocked.is_empty() => WhyNot::AtCap {
            nodes: case.snapshot.counting().count() as u32,
            cap: case.policy.cap.limit,
        },
        (PlanScope::Everything, false) => WhyNot::Blocked { by: plan.report.blocked.clone() },
    }
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WhyNot::NotAsked { scope: PlanScope::Nothing } => f.write_str("this cycle only looked"),
            WhyNot::NotAsked { .. } => f.write_str("this cycle only answered requests"),
            WhyNot::AtCap { nodes, cap } => {
                let nodes = counted(*nodes, "node");
                write!(f, "{nodes} of {cap} that may be ({})", Setting::NodeCap)
            }
            WhyNot::Blocked { by } => f.write_str(&in_a_line(by)),
            WhyNot::Grows { settle_s: 0 } => f.write_str("the next cycle may start the next"),
            WhyNot::Grows { settle_s } => {
                let setting = Setting::SettleTime;
                write!(f, "the machine settles for {settle_s} s after each start ({setting})")
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.does.as_slice() {
            [] if self.pending.is_empty() => {
                f.write_str("does nothing: no node needs anything")?;
            }
            [] => write!(f, "does nothing yet: {}", in_a_line(&self.pending))?,
            [Planned { action, node, reason }] => {
                write!(f, "would {action} {node}, because: {reason}")?;
            }
            several => {
                let count = counted(several.len() as u32, "thing");
                write!(f, "would do {count}: {}", in_a_line(several))?;
            }
        }
        write!(f, "\nnot more, because: {}", self.why_not_more)
    }
}

fn in_a_line(things: &[impl fmt::Display]) -> String {
    let mut shown: Vec<String> = things.iter().take(MOST).map(ToString::to_string).collect();
    if things.len() > MOST {
        shown.push(format!("and {} more", things.len() - MOST));
    }
    shown.join("; ")
}
