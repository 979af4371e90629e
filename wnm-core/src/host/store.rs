use super::HostResult;
use crate::action::{Outcome, PlannedAction};
use crate::model::{
    Answer, CycleId, NodeId, Now, OpId, Program, RecordId, RequestId, Timestamp, Verb, Version,
};
use crate::observe::{EngineMemory, Ledger, MachineSample, NodeView, OpRecord, Snapshot};
use crate::plan::{Plan, PlanScope};
use crate::policy::{Drafts, Policy, PolicyDraft};

/// A begun operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Its number in the journal.
    pub op: OpId,
    /// The record it works on; new when the action creates a node.
    pub record: RecordId,
}

/// What is kept of a cycle.
#[derive(Clone, Copy, Debug)]
pub struct Recording<'a> {
    /// The machine sample, for the rates of later cycles.
    pub sample: Option<&'a MachineSample>,
    /// What planning looked at.
    pub snapshot: &'a Snapshot,
    /// What it was told, as typed.
    pub drafts: &'a Drafts,
    /// What it was told.
    pub policy: &'a Policy,
    /// How much of the order of decisions it went through.
    pub scope: PlanScope,
    /// What it decided.
    pub plan: &'a Plan,
    /// What the engine remembers now.
    pub memory: &'a EngineMemory,
}

/// The cycle's side of the ledger. Every method is one transaction.
pub trait Store: Send + Sync {
    /// Reads everything planning needs.
    fn load(&self) -> HostResult<Ledger>;

    /// Writes the intention before anything happens: the operation, and with it the node's record
    /// (for an addition), want and phase. Earlier open operations on the same record are closed as
    /// superseded. A revert that says so quarantines its version with it. An error means that nothing
    /// may be done.
    fn begin(&self, planned: &PlannedAction, now: &Now) -> HostResult<Beginning>;

    /// Writes what became of it; forgets the node when a removal or a release is done.
    fn finish(&self, op: OpId, outcome: &Outcome, at: Timestamp) -> HostResult<()>;

    /// Keeps the cycle: sample, readings, memory, snapshot, policy and plan. Older cycles are
    /// forgotten as the policy says: by age when both clocks say so, and by bytes; never this one.
    fn save_cycle(&self, recording: &Recording<'_>) -> HostResult<()>;

    /// Closes a request.
    fn answer(&self, request: RequestId, answer: &Answer, at: Timestamp) -> HostResult<()>;
}

/// Which part of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only these nodes; all when empty.
    pub nodes: Vec<NodeId>,
    /// Only what was begun at or after this.
    pub since: Option<Timestamp>,
    /// At most this many, the latest.
    pub limit: Option<u32>,
}

/// The frontend's side: all that a frontend may change, and what it may ask.
pub trait Intents: Send + Sync {
    /// Stores a request.
    fn request(&self, verb: &Verb, now: &Now) -> HostResult<RequestId>;

    /// The answer to a request, once there is one.
    fn answer_to(&self, request: RequestId) -> HostResult<Option<Answer>>;

    /// Replaces the stored settings; answers their new generation.
    fn set_policy(&self, draft: &PolicyDraft, at: Timestamp) -> HostResult<u64>;

    /// Pauses upgrades, since then, or lets them go on. True when that was not so before.
    fn pause_upgrades(&self, paused: Option<Timestamp>) -> HostResult<bool>;

    /// Trusts a version again that failed. False when it was not quarantined.
    fn unquarantine(&self, program: Program, version: &Version) -> HostResult<bool>;

    /// The journal, oldest first.
    fn history(&self, query: &HistoryQuery) -> HostResult<Vec<OpRecord>>;

    /// The nodes as the last cycle saw them, with the time it looked; nothing before the first, and
    /// nothing when what was kept of it cannot be read.
    fn last_seen(&self) -> HostResult<Option<LastSeen>>;

    /// The cycles that are kept, oldest first. Whether one can be read is not known before it is.
    fn cycles(&self, query: &CycleQuery) -> HostResult<Vec<CycleSummary>>;

    /// A cycle as it was recorded; nothing when it is not kept any more, was damaged, or was written
    /// by a version with another shape of snapshots.
    fn recorded(&self, cycle: CycleId) -> HostResult<Option<LastSeen>>;
}

/// Which of the cycles that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CycleQuery {
    /// Only those that looked at or after this.
    pub since: Option<Timestamp>,
    /// Only those that looked at or before this.
    pub until: Option<Timestamp>,
    /// At most this many, the latest.
    pub limit: Option<u32>,
}

impl CycleQuery {
    /// True for a cycle that looked at `at`.
    pub fn wants(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at <= until)
    }
}

/// A cycle that is kept, in a few words.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CycleSummary {
    /// Its number.
    pub cycle: CycleId,
    /// When it looked.
    pub at: Timestamp,
    /// Nodes that it saw.
    pub nodes: u32,
    /// Actions that it decided.
    pub actions: u32,
}

/// A recorded cycle: the last one for `status`, any one for questions and replay.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LastSeen {
    /// What it saw.
    pub snapshot: Snapshot,
    /// What it was judged by. Planning from these two, in its scope, gives the plan again.
    pub policy: Policy,
    /// What it decided and why not more.
    pub plan: Plan,
    /// How much of the order of decisions it went through.
    #[serde(default)]
    pub scope: PlanScope,
    /// The settings that its policy was read from.
    #[serde(default)]
    pub drafts: Drafts,
}

impl LastSeen {
    /// The node called `id`, as it was seen.
    pub fn node(&self, id: NodeId) -> Option<&NodeView> {
        self.snapshot.node(id)
    }
}
