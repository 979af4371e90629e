//! One node: why it is as it is, and what would happen to it next.

use serde::{Deserialize, Serialize};

use super::judgement::{Case, Planned};
use super::prospect::{HeldBack, Prospect, held_back, prospects};
use super::signs::{Sign, signs};
use super::turns::{Queues, Turns};
use crate::model::{Bytes, NodeId, Phase, RecordId, Timestamp, Want};
use crate::observe::{NodeState, NodeView};

/// One node, explained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStory {
    /// Its number and name.
    pub id: NodeId,
    /// Its record.
    pub record: RecordId,
    /// What it is.
    pub state: NodeState,
    /// What is wanted of it.
    pub want: Want,
    /// What was last set in motion with it.
    pub phase: Phase,
    /// When it was created.
    pub created: Timestamp,
    /// What was seen of it, layer by layer.
    pub signs: Vec<Sign>,
    /// How often it died in the last hour, as far as it has not proven itself since.
    pub deaths_last_hour: u32,
    /// True when it is tried once an hour only.
    pub failing: bool,
    /// Seconds since it was last started by wnm, where that is remembered.
    pub last_start_s: Option<u64>,
    /// Resident memory.
    pub memory: Option<Bytes>,
    /// What its data takes on disk, when that was measured.
    pub disk: Option<Bytes>,
    /// What its data grows in a day, once that is known.
    pub growth_a_day: Option<Bytes>,
    /// Its places in the queues of the engine.
    pub turns: Turns,
    /// What this plan does with it.
    pub planned: Option<Planned>,
    /// What would happen to it next.
    pub prospects: Vec<Prospect>,
    /// What keeps it as it is.
    pub held_back: Vec<HeldBack>,
}

pub(super) fn stories(case: &Case<'_>) -> Vec<NodeStory> {
    let queues = Queues::of(case);
    case.snapshot.nodes.iter().map(|node| story(case, &queues, node)).collect()
}

fn story(case: &Case<'_>, queues: &Queues, node: &NodeView) -> NodeStory {
    let memory = case.memory().nodes.get(&node.record()).cloned().unwrap_or_default();
    let turns = queues.turns(case, node);
    let planned = case.plan.actions.iter().find(|it| it.action.node() == node.id());
    let last_start = memory.last_try.as_ref().map(|at| at.age(case.now()).as_secs());
    NodeStory {
        id: node.id(),
        record: node.record(),
        state: node.seen.state.clone(),
        want: node.record.want,
        phase: node.record.phase.clone(),
        created: node.record.created,
        signs: signs(node, case.policy.delays.start),
        deaths_last_hour: memory.deaths.len() as u32,
        failing: memory.is_failing(),
        last_start_s: last_start,
        memory: node.memory,
        disk: node.disk,
        growth_a_day: node.growth,
        turns,
        planned: planned.map(Planned::from),
        prospects: prospects(case, node, &memory, &turns),
        held_back: held_back(case, node, &memory),
    }
}
