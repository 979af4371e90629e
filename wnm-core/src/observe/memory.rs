//! What single samples cannot know. Input to planning, updated by pure functions, saved with the
//! readings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LearnedCost, NodeMemory, NodeView, Snapshot};
use crate::action::{Action, Done, Outcome, PlannedAction, Reason, Resource, Step, UpgradeFailure};
use crate::model::{BootId, Instant, KnownProgram, NodeRecord, RecordId, Timestamp, Version};
use crate::policy::Stability;

/// The engine's memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineMemory {
    /// The boot of the last cycle; `None` before the first.
    pub boot: Option<BootId>,
    /// When the last cycle looked.
    pub last_look: Option<Instant>,
    /// Since when each resource is above its shed threshold in every sample.
    pub over: BTreeMap<Resource, Instant>,
    /// Since when CPU is above `urgent_cpu` in every sample.
    pub urgent: Option<Instant>,
    /// Rounds of stopping nodes for each resource that is still above its threshold.
    pub rounds: BTreeMap<Resource, Round>,
    /// Since when everything has been below its grow threshold in every sample.
    pub room: Option<Instant>,
    /// Last start for growth.
    pub last_growth: Option<Instant>,
    /// Last stop or removal.
    pub last_stop: Option<Instant>,
    /// Last shedding for a resource.
    pub last_shed: Option<Instant>,
    /// The engine's own removals of the last day.
    pub removals: Vec<PastRemoval>,
    /// What is remembered of each node.
    pub nodes: BTreeMap<RecordId, NodeMemory>,
    /// What a node costs on this machine.
    pub cost: LearnedCost,
    /// When openings and units were last looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub around: Option<Instant>,
    /// The release that some nodes do not have yet, and since when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<FirstSeen>,
    /// What the program for new nodes said it was, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<(KnownProgram, Instant)>,
    /// The release that failed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedRelease>,
}

/// Since when a release is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstSeen {
    /// Which.
    pub version: Version,
    /// When, for its age.
    pub at: Instant,
    /// When, for people and across a reboot.
    pub wall: Timestamp,
}

/// A release that failed, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRelease {
    /// Which.
    pub version: Version,
    /// The nodes on which it was taken back.
    pub nodes: BTreeSet<RecordId>,
    /// It was quarantined.
    #[serde(default)]
    pub given_up: bool,
}

/// How often a resource was shed for in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Rounds so far.
    pub count: u32,
    /// When the last was.
    pub at: Instant,
}

/// One removal by the engine's own decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRemoval {
    /// When.
    pub at: Instant,
    /// True when a disk demanded it.
    pub disk: bool,
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
impl EngineMemory {
    /// True when the machine was restarted since the last cycle. No earlier cycle is no reboot.
    pub fn rebooted(&self, boot: &BootId) -> bool {
        self.boot.as_ref().is_some_and(|last| last != boot)
    }

    /// With what this look shows: `over` are the resources above their shed thresholds, `room`
    /// says that every resource is known to be below its grow threshold.
    #[must_use]
    pub fn seen(
        &self,
        snapshot: &Snapshot,
        over: &BTreeSet<Resource>,
        urgent: bool,
        room: bool,
        grow_window: Duration,
    ) -> EngineMemory {
        let now = &snapshot.now.instant;
        let rebooted = self.rebooted(&now.boot);
        let gap = self.last_look.as_ref().map_or(Duration::ZERO, |last| last.age(now));
        let mut next = self.clone();
        if rebooted || gap > Stability::LONGEST_GAP {
            next.over.clear();
            next.rounds.clear();
            next.urgent = None;
        }
        if rebooted || gap > Stability::LONGEST_GAP.max(grow_window) {
            next.room = None;
        }
        next.over.retain(|resource, _| over.contains(resource));
        next.rounds.retain(|resource, _| over.contains(resource));
        for resource in over {
            next.over.entry(resource.clone()).or_insert_with(|| now.clone());
        }
        next.urgent = urgent.then(|| next.urgent.unwrap_or_else(|| now.clone()));
        next.room = room.then(|| next.room.unwrap_or_else(|| now.clone()));
        next.removals.retain(|past| past.at.age(now) < DAY);
        next.cost = self.cost.with(snapshot, &self.nodes);
        let recorded: BTreeSet<RecordId> = snapshot.nodes.iter().map(NodeView::record).collect();
        next.nodes.retain(|record, _| recorded.contains(record));
        for node in &snapshot.nodes {
            let not_of_itself = rebooted || self.ended_with_others(node, snapshot);
            next.nodes.entry(node.record()).or_default().see(node, not_of_itself, now);
        }
        if snapshot.around.looked {
            next.around = Some(now.clone());
        }
        next.program.clone_from(&snapshot.program);
        next.first_seen = next.first_seen_of(snapshot);
        next.failed = next.still_failed(snapshot);
        next.boot = Some(now.boot.clone());
        next.last_look = Some(now.clone());
        next
    }

    /// True when a node whose program is on trial ended together with all that ran beside it, in its
    /// container or on the machine, and some of those are not on trial. What ended them all (the
    /// container, its daemon, somebody's hand) says nothing of that program.
    fn ended_with_others(&self, node: &NodeView, snapshot: &Snapshot) -> bool {
        let ended = |node: &NodeView| self.nodes.get(&node.record()).and_then(|it| it.ended(node));
        if node.record.upgrade.is_none() || ended(node) != Some(true) {
            return false;
        }
        let others = || snapshot.nodes.iter().filter(|other| other.record() != node.record());
        let is_beside =
            |other: &&NodeView| other.record.spec.container == node.record.spec.container;
        let all_ended = |beside: Vec<&NodeView>| {
            let seen = || beside.iter().filter_map(|other| Some((other, ended(other)?)));
            seen().all(|(_, has)| has) && seen().any(|(other, _)| other.record.upgrade.is_none())
        };
        all_ended(others().filter(is_beside).collect()) || all_ended(others().collect())
    }

    /// Age is kept for a release that matters only: one that some node does not have yet.
    fn first_seen_of(&self, snapshot: &Snapshot) -> Option<FirstSeen> {
        // What cannot be read now is no younger when it can be read again.
        let Ok(release) = &snapshot.release else { return self.first_seen.clone() };
        let version = &release.version;
        let older = |node: &NodeView| node.version().is_some_and(|has| has < version);
        if let Some(known) = self.first_seen.as_ref().filter(|known| known.version == *version) {
            return Some(known.clone());
        }
        let (at, wall) = (snapshot.now.instant.clone(), snapshot.now.wall);
        let version = version.clone();
        snapshot.nodes.iter().any(older).then_some(FirstSeen { version, at, wall })
    }

    /// With what was done.
    #[must_use]
    pub fn after(&self, done: &[Done], snapshot: &Snapshot) -> EngineMemory {
        let now = &snapshot.now.instant;
        let mut next = self.clone();
        let mut shed_for = BTreeSet::new();
        for done in done {
            next.remember(done, now);
            if let Reason::Pressure { resource, .. } | Reason::Emergency { resource, .. } =
                &done.planned.reason
            {
                next.last_shed = Some(now.clone());
                shed_for.insert(resource.clone());
            }
        }
        for resource in shed_for {
            let count = next.rounds.get(&resource).map_or(0, |round| round.count) + 1;
            next.rounds.insert(resource, Round { count, at: now.clone() });
        }
        next
    }

    fn remember(&mut self, done: &Done, now: &Instant) {
        let Done { node, planned, outcome } = done;
        let grows = matches!(planned.reason, Reason::Room { .. } | Reason::RoomAgain);
        if grows && planned.action.starts() {
            self.last_growth = Some(now.clone());
        }
        let is_quiet = matches!(
            planned.action,
            Action::Mend { .. }
                | Action::Reprieve { .. }
                | Action::Release { .. }
                | Action::Clear { .. }
        );
        if self.remember_upgrade(done, now) || is_quiet || planned.action.is_word_only() {
            return;
        }
        let memory = self.nodes.entry(node.record).or_default();
        if planned.action.starts() {
            memory.tried(outcome.is_done(), now);
            return;
        }
        (memory.alive, memory.process, memory.restarts) = (false, None, None);
        // Deleting what was stopped long ago, or failing to, unsettles nothing.
        if !matches!(planned.reason, Reason::DelayOver { .. }) {
            self.last_stop = Some(now.clone());
        }
        self.note_removal(planned, now);
    }

    /// True when `planned` changes what is remembered at the moment it begins on the node `record`.
    pub fn is_changed_by(planned: &PlannedAction, record: &NodeRecord) -> bool {
        // Should wnm be killed meanwhile, a process that it ended itself would count against what is
        // not proven yet.
        let is_judged = record.upgrade.is_some() && planned.action.ends_or_begins_process();
        planned.removes_by_engine().is_some() || planned.action.is_of_upgrades() || is_judged
    }

    /// With what begins. It is stored before anything happens, so that no crash and no failing store
    /// can make the engine forget how much it has removed, what failed, or that it was wnm itself
    /// that ended a process.
    #[must_use]
    pub fn begun(&self, planned: &PlannedAction, now: &Instant) -> EngineMemory {
        let mut next = self.clone();
        next.note_removal(planned, now);
        if planned.action.ends_or_begins_process() {
            let node = planned.action.key().map(|node| node.record);
            let memory = node.and_then(|record| next.nodes.get_mut(&record));
            memory.into_iter().for_each(NodeMemory::forget_process);
        }
        next.note_upgrade(planned);
        next
    }

    fn note_upgrade(&mut self, planned: &PlannedAction) {
        let Some(node) = planned.action.key() else { return };
        if !planned.action.is_of_upgrades() {
            return;
        }
        let memory = self.nodes.entry(node.record).or_default();
        match &planned.action {
            Action::Prove { version, .. } => memory.proven = Some(version.clone()),
            Action::Revert { from, quarantine, .. } => {
                memory.forget_process();
                if is_failure(&planned.reason) {
                    self.note_failed(from, node.record, quarantine.is_some());
                }
            }
            // What it died of before was another program.
            _ => {
                memory.forget_process();
                memory.deaths.clear();
            }
        }
    }

    fn note_failed(&mut self, version: &Version, node: RecordId, given_up: bool) {
        let before = self.failed.take().filter(|failed| failed.version == *version);
        let was_given_up = before.as_ref().is_some_and(|failed| failed.given_up);
        let mut nodes = before.map(|failed| failed.nodes).unwrap_or_default();
        nodes.insert(node);
        let given_up = given_up || was_given_up;
        self.failed = Some(FailedRelease { version: version.clone(), nodes, given_up });
    }

    /// What was given up and is not quarantined any more is trusted again: its failures are over.
    fn still_failed(&self, snapshot: &Snapshot) -> Option<FailedRelease> {
        let failed = self.failed.as_ref()?;
        let held = snapshot.holds.quarantined.iter().any(|it| it.version == failed.version);
        (held || !failed.given_up).then(|| failed.clone())
    }

    /// With what came of an upgrade, a revert, a proof or a recognition. True when that was all.
    fn remember_upgrade(&mut self, done: &Done, now: &Instant) -> bool {
        let Done { node, planned, outcome } = done;
        let memory = self.nodes.entry(node.record).or_default();
        let is_done = outcome.is_done();
        match (&planned.action, outcome) {
            (Action::Upgrade { release, .. }, Outcome::Failed { fault }) => {
                memory.refuse(&release.version, now);
                if fault.step.as_ref().is_none_or(Step::is_before_replacing) {
                    return true;
                }
                memory.deaths.clear();
                // Only a start that fails is the program's own failing.
                memory.tried(!matches!(fault.step, Some(Step::Start)), now);
            }
            (Action::Upgrade { start, .. }, Outcome::Done { .. }) => {
                memory.deaths.clear();
                if *start {
                    memory.tried(true, now);
                }
            }
            (Action::Revert { from, start, .. }, _) => {
                memory.refuse(from, now);
                if *start {
                    memory.tried(is_done, now);
                }
                if is_done {
                    // They were those of the version that is gone.
                    memory.deaths.clear();
                }
            }
            (Action::Prove { version, .. }, _) => {
                if is_done {
                    memory.proven = Some(version.clone());
                }
                return true;
            }
            (Action::Recognise { installed, .. }, _) => {
                if is_done {
                    memory.recognise(installed, &planned.reason, now);
                }
                return true;
            }
            _ => return false,
        }
        if let Action::Revert { from, quarantine, .. } = &planned.action
            && is_failure(&planned.reason)
        {
            self.note_failed(from, node.record, quarantine.is_some());
        }
        self.last_stop = Some(now.clone());
        true
    }

    /// A removal counts when it is decided; its second half, after the delay, is no other one, and
    /// neither is its repetition.
    fn note_removal(&mut self, planned: &PlannedAction, now: &Instant) {
        if let Some(disk) = planned.removes_by_engine() {
            self.removals.push(PastRemoval { at: now.clone(), disk });
        }
    }

    /// The engine's removals of the last hour.
    pub fn removals_last_hour(&self, now: &Instant) -> usize {
        self.removals.iter().filter(|past| past.at.age(now) < HOUR).count()
    }

    /// The removals for disk of the last day.
    pub fn disk_removals_last_day(&self, now: &Instant) -> usize {
        self.removals.iter().filter(|past| past.disk && past.at.age(now) < DAY).count()
    }
}

/// True when a revert for this reason is the version's failure. One that is repeated was counted when
/// it was begun.
fn is_failure(reason: &Reason) -> bool {
    match reason {
        Reason::UpgradeFailed { failure, .. } => *failure != UpgradeFailure::NotInstalled,
        _ => false,
    }
}
