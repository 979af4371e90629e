//! One rule in one cycle: what it looked at, and what it came to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::quantity::{Held, Input, Quantity, Threshold};
use super::rule::Rule;
use super::ruling::{Rest, Ruling};
use crate::action::{PlannedAction, Reason};
use crate::model::{Instant, NodeId, counted};
use crate::observe::{EngineMemory, Snapshot};
use crate::plan::{Blocked, Note, Plan, removals_left};
use crate::policy::Policy;

/// A planned action in short; the plan has the whole of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// One word, as in the journal.
    pub action: String,
    /// The node.
    pub node: NodeId,
    /// Why.
    pub reason: Reason,
}

impl From<&PlannedAction> for Planned {
    fn from(planned: &PlannedAction) -> Planned {
        Planned {
            action: planned.action.name().to_owned(),
            node: planned.action.node(),
            reason: planned.reason.clone(),
        }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.action, self.node, self.reason)
    }
}

/// One rule in one cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Which.
    pub rule: Rule,
    /// What it looked at.
    pub inputs: Vec<Input>,
    /// What that was compared with.
    pub thresholds: Vec<Threshold>,
    /// How long it has lasted and has to, where time matters.
    pub held: Option<Held>,
    /// What follows.
    pub ruling: Ruling,
    /// What it decided in this plan.
    pub actions: Vec<Planned>,
    /// What it holds back growth with.
    pub blocked: Vec<Blocked>,
    /// What it had to say.
    pub notes: Vec<Note>,
    /// Parts of requests that were refused.
    pub refused: Vec<String>,
}

impl Judgement {
    pub(super) fn input(mut self, input: Input) -> Judgement {
        self.inputs.push(input);
        self
    }

    pub(super) fn threshold(mut self, threshold: Threshold) -> Judgement {
        self.thresholds.push(threshold);
        self
    }

    pub(super) fn held(mut self, held: Held) -> Judgement {
        self.held = Some(held);
        self
    }

    /// What the rule comes to, unless it acted, or was not asked at all.
    pub(super) fn ruled(mut self, case: &Case<'_>, ruling: impl Into<Ruling>) -> Judgement {
        let scope = case.plan.scope;
        self.ruling = match (self.actions.is_empty(), self.rule.is_asked(scope)) {
            (false, _) => Ruling::Acts,
            (true, false) => Rest::NotAsked { scope }.into(),
            (true, true) => ruling.into(),
        };
        self
    }

    /// Inputs, thresholds and times in one line.
    pub fn facts(&self) -> String {
        // That there are none of something is no news where nothing follows from it.
        let rests = matches!(self.ruling, Ruling::Rests { .. });
        let is_news = |it: &&Input| !rests || it.value != Some(Quantity::Count(0));
        let inputs = self.inputs.iter().filter(is_news).map(ToString::to_string);
        let thresholds = self.thresholds.iter().map(ToString::to_string);
        let held = self.held.iter().map(ToString::to_string);
        inputs.chain(thresholds).chain(held).collect::<Vec<_>>().join(", ")
    }

    /// What it decided, refused and noted, a line each; without what [`Judgement::ruling`] and
    /// [`Judgement::facts`] say already.
    pub fn remarks(&self) -> Vec<String> {
        let actions = self.actions.iter().map(ToString::to_string);
        let refused = self.refused.iter().map(|why| format!("refused: {why}"));
        let notes = self.notes.iter().filter(|note| is_news(note)).map(ToString::to_string);
        actions.chain(refused).chain(notes).collect()
    }
}

impl fmt::Display for Judgement {
    /// The facts and what follows from them, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.facts();
        let ruling = match (&self.rule, &self.ruling) {
            (Rule::Reboot, Ruling::Acts) => "everything is looked at anew".to_owned(),
            (Rule::Gap, Ruling::Acts) => "every grace begins anew".to_owned(),
            (_, Ruling::Acts) => counted(self.actions.len() as u32, "action"),
            (_, ruling) => ruling.to_string(),
        };
        match facts.is_empty() {
            true => f.write_str(&ruling),
            false => write!(f, "{facts}: {ruling}"),
        }
    }
}

/// Notes that say more than the ruling of their rule.
fn is_news(note: &Note) -> bool {
    match note {
        Note::Unknown { .. }
        | Note::Evicted { .. }
        | Note::Mute { .. }
        | Note::RunsUnwanted { .. }
        | Note::Strangers { .. }
        | Note::FirewallUnread { .. }
        | Note::OrphanOpenings { .. }
        | Note::BackingOff { .. }
        | Note::Failing { .. }
        | Note::HealHeld { .. }
        | Note::HealInFlight { .. }
        | Note::FreshIdentity { .. }
        | Note::CameBackBare { .. }
        | Note::SkippedRelease { .. }
        | Note::UpgradeHidden { .. }
        | Note::SkippedIds { .. } => true,
        Note::Rebooted
        | Note::TooManyDead { .. }
        | Note::DataMissed { .. }
        | Note::RemovalBudgetSpent { .. }
        | Note::DiskNotOurs { .. }
        | Note::Grace { .. } => false,
    }
}

/// What is explained.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) policy: &'a Policy,
    pub(super) plan: &'a Plan,
}

impl<'a> Case<'a> {
    pub(super) fn now(&self) -> &'a Instant {
        &self.snapshot.now.instant
    }

    /// The memory that decided: with this look, without what was done after it.
    pub(super) fn memory(&self) -> &'a EngineMemory {
        &self.plan.memory
    }

    /// The rule with everything in the plan that is its own, not yet judged.
    pub(super) fn rule(&self, rule: Rule) -> Judgement {
        let report = &self.plan.report;
        let decided = |it: &&PlannedAction| Rule::that_decided(it) == rule;
        let noted = |it: &&Note| Rule::that_noted(it, &report.pressure) == rule;
        let blocks = |it: &&Blocked| Rule::that_blocks(it) == rule;
        let refused = match rule {
            Rule::Requests => report.requests.iter().flat_map(|it| it.why.clone()).collect(),
            _ => Vec::new(),
        };
        Judgement {
            inputs: Vec::new(),
            thresholds: Vec::new(),
            held: None,
            ruling: Ruling::Acts,
            actions: self.plan.actions.iter().filter(decided).map(Planned::from).collect(),
            blocked: report.blocked.iter().filter(blocks).cloned().collect(),
            notes: report.notes.iter().filter(noted).cloned().collect(),
            refused,
            rule,
        }
    }

    /// True when the engine noted that a budget held back a removal.
    pub(super) fn is_budget_spent(&self) -> bool {
        let spent = |note: &Note| matches!(note, Note::RemovalBudgetSpent { .. });
        self.plan.report.notes.iter().any(spent)
    }

    /// True when no removal is left this hour, with those of this plan.
    pub(super) fn is_hour_spent(&self) -> bool {
        let (policy, nodes) = (self.policy, self.snapshot.nodes.len());
        removals_left(self.memory(), policy, nodes, self.now(), &self.plan.actions).left == 0
    }

    /// True when an earlier rule than `rule` takes the node out of the count.
    pub(super) fn leaves_before(&self, node: NodeId, rule: &Rule) -> bool {
        self.plan.actions.iter().any(|planned| {
            let leaves = planned.action.takes_out_of_count();
            leaves && planned.action.node() == node && Rule::that_decided(planned) < *rule
        })
    }
}
