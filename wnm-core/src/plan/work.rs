//! What the steps of planning share: the inputs, and what has been decided so far.

use std::collections::BTreeSet;
use std::time::Duration;

use super::budget::Budget;
use super::{Blocked, Note, Plan, PlanReport, PlanScope, Pressure, Refused, Rollout};
use crate::action::{Action, PlannedAction, Reason};
use crate::model::{Instant, NodeId, PortRule, Release, Want};
use crate::observe::{EngineMemory, NodeState, NodeView, Snapshot};
use crate::policy::Policy;
use crate::select::Weighed;

pub(super) struct Work<'a> {
    scope: PlanScope,
    pub(super) snapshot: &'a Snapshot,
    pub(super) policy: &'a Policy,
    pub(super) memory: EngineMemory,
    pub(super) pressure: Pressure,
    pub(super) budget: Budget,
    actions: Vec<PlannedAction>,
    touched: BTreeSet<NodeId>,
    pub(super) notes: Vec<Note>,
    pub(super) blocked: Vec<Blocked>,
    pub(super) requests: Vec<Refused>,
    /// Openings of ours that no node has.
    pub(super) close: Vec<PortRule>,
    pub(super) rollout: Option<Rollout>,
}

impl<'a> Work<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, policy: &'a Policy, scope: PlanScope) -> Work<'a> {
        let pressure = Pressure::judge(snapshot, policy);
        let cpu = snapshot.machine.cpu.map_or(0.0, |cpu| cpu.0);
        let memory = snapshot.memory.seen(
            snapshot,
            &pressure.over(),
            cpu > policy.stability.urgent_cpu,
            pressure.has_room(),
            policy.stability.grow_window,
        );
        Work {
            scope,
            snapshot,
            policy,
            memory,
            pressure,
            budget: Budget::new(snapshot, policy),
            actions: Vec::new(),
            touched: BTreeSet::new(),
            notes: Vec::new(),
            blocked: Vec::new(),
            requests: Vec::new(),
            close: Vec::new(),
            rollout: None,
        }
    }

    pub(super) fn now(&self) -> &'a Instant {
        &self.snapshot.now.instant
    }

    /// Decides an action. A node has at most one a cycle: callers ask [`Work::is_touched`] first,
    /// and a second one is dropped rather than run blindly after the first.
    pub(super) fn decide(&mut self, action: Action, reason: Reason) {
        if !self.touched.insert(action.node()) {
            return;
        }
        if matches!(action, Action::Upgrade { .. } | Action::Revert { .. }) {
            self.budget.upgrading += 1;
        } else if action.starts() {
            self.budget.starting += 1;
        }
        let was_going = self
            .snapshot
            .node(action.node())
            .is_some_and(|node| matches!(node.seen.state, NodeState::Removing));
        let goes = matches!(action, Action::Retire { .. } | Action::Remove { .. });
        if goes && !was_going {
            self.budget.removing += 1;
        }
        self.actions.push(PlannedAction { action, reason });
    }

    /// Takes back what was decided for a node, if it is of that kind.
    pub(super) fn withdraw(&mut self, id: NodeId, is_meant: fn(&Action) -> bool) {
        let mine =
            |planned: &PlannedAction| planned.action.node() == id && is_meant(&planned.action);
        if self.actions.iter().any(mine) {
            self.actions.retain(|planned| !mine(planned));
            self.touched.remove(&id);
        }
    }

    pub(super) fn is_touched(&self, id: NodeId) -> bool {
        self.touched.contains(&id)
    }

    pub(super) fn decided(&self) -> &[PlannedAction] {
        &self.actions
    }

    /// True when this plan does something that growth has to wait for. A removal that is overdue
    /// may be failing again and again, and would hold back growth for ever; so may a mend.
    pub(super) fn is_busy(&self) -> bool {
        let overdue = (self.policy.delays.remove + Duration::from_secs(600)).as_secs();
        self.actions.iter().any(|planned| match planned.reason {
            Reason::DelayOver { waited_s } => waited_s <= overdue,
            Reason::DefinitionLost
            | Reason::KeyAtRisk
            | Reason::RunsElsewhere
            | Reason::PortsShut { .. }
            | Reason::Drifted { .. }
            | Reason::UpgradeHeld { .. } => false,
            _ => true,
        })
    }

    /// The release to put back where the program of `node` is missing: never an older one than its
    /// data has seen, and none that failed.
    pub(super) fn release_for(&self, node: &NodeView) -> Option<Release> {
        let release = self.snapshot.release.as_ref().ok()?;
        let is_older = node.version().is_some_and(|has| release.version < *has);
        let failed = self.snapshot.holds.quarantine(node.record.spec.program, &release.version);
        (!is_older && failed.is_none()).then(|| release.clone())
    }

    /// What an operator should know before anything is decided.
    pub(super) fn note_what_is_seen(&mut self) {
        if self.snapshot.memory.rebooted(&self.now().boot) {
            self.notes.push(Note::Rebooted);
        }
        for node in &self.snapshot.nodes {
            self.notes.extend(note_of(node));
            self.notes.extend(node.evicted.then(|| Note::Evicted { node: node.id() }));
        }
        super::around::note_what_is_seen(self);
    }

    pub(super) fn into_plan(self) -> Plan {
        Plan {
            scope: self.scope,
            actions: self.actions,
            close: self.close,
            report: PlanReport {
                pressure: self.pressure,
                blocked: self.blocked,
                requests: self.requests,
                notes: self.notes,
                rollout: self.rollout,
            },
            memory: self.memory,
        }
    }
}

fn note_of(node: &NodeView) -> Option<Note> {
    match &node.seen.state {
        NodeState::Unknown { why } => Some(Note::Unknown { node: node.id(), why: why.clone() }),
        NodeState::Mute { missing } => {
            Some(Note::Mute { node: node.id(), missing: missing.clone() })
        }
        NodeState::Running | NodeState::Starting | NodeState::Upgrading => match node.record.want {
            Want::StoppedByOperator | Want::StoppedByPressure => {
                Some(Note::RunsUnwanted { node: node.id() })
            }
            Want::Run | Want::Disabled => None,
        },
        NodeState::Stopped { .. } | NodeState::Removing | NodeState::Dead | NodeState::Disabled => {
            None
        }
    }
}

/// The node as the selectors see it.
pub(crate) fn weighed(node: &NodeView) -> Weighed {
    Weighed {
        id: node.id(),
        stopped: node.seen.alive == Some(false),
        created: node.record.created,
        records: node.facts.records,
        shunned: node.facts.shunned,
        memory: node.memory.map(|bytes| bytes.0),
        cpu_ms: node.cpu_ms,
        disk: node.disk.map(|bytes| bytes.0),
    }
}
