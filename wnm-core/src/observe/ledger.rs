//! What the store knows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{EngineMemory, MachineSample};
use crate::action::{Outcome, PlannedAction};
use crate::model::{
    NodeId, NodeKey, NodeRecord, OpId, RecordId, Request, RequestId, Timestamp, UpgradeHolds,
};
use crate::policy::PolicyDraft;

/// An operation that was begun and not finished: the cycle that began it died.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenOperation {
    /// Its number.
    pub id: OpId,
    /// The record it works on.
    pub record: RecordId,
    /// What it was to do.
    pub planned: PlannedAction,
    /// When it was begun.
    pub begun: Timestamp,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpRecord {
    /// Its number.
    pub id: OpId,
    /// The node, by name and record.
    pub node: NodeKey,
    /// What was done and why.
    pub planned: PlannedAction,
    /// When it was begun.
    pub begun: Timestamp,
    /// When it ended; `None` while it goes on.
    pub ended: Option<Timestamp>,
    /// What became of it; `None` while it goes on.
    pub outcome: Option<Outcome>,
}

/// Everything planning needs from the store, read in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// The settings as stored.
    pub draft: PolicyDraft,
    /// Rises with every change of the settings.
    pub generation: u64,
    /// Every node, by id.
    pub nodes: Vec<NodeRecord>,
    /// Operations that a dead cycle left open.
    pub open: Vec<OpenOperation>,
    /// Requests not yet answered, oldest first.
    pub requests: Vec<Request>,
    /// For each of these, the records that operations were begun on before: its cycle died.
    #[serde(default)]
    pub begun: BTreeMap<RequestId, BTreeSet<RecordId>>,
    /// Machine samples of the last ten minutes, oldest first.
    pub samples: Vec<MachineSample>,
    /// What the engine remembers.
    pub memory: EngineMemory,
    /// What keeps upgrades from going on.
    #[serde(default, skip_serializing_if = "UpgradeHolds::is_empty")]
    pub holds: UpgradeHolds,
}

impl Ledger {
    /// The record of `id`.
    pub fn node(&self, id: NodeId) -> Option<&NodeRecord> {
        self.nodes.iter().find(|record| record.spec.id == id)
    }
}
