//! What single samples cannot know. Input to planning, updated by pure functions, saved with the
//! readings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CpuMemory, LearnedCost, NodeView, ProcessKey, Snapshot};
use crate::action::{Action, Done, PlannedAction, Reason, Resource};
use crate::model::{BootId, Bytes, Instant, RecordId, Want};
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

/// What is remembered of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeMemory {
    /// Its manager's restart counter when last seen.
    pub restarts: Option<u32>,
    /// Its process when last seen.
    pub process: Option<ProcessKey>,
    /// It lived when last seen.
    pub alive: bool,
    /// Its deaths within the last hour.
    pub deaths: Vec<Instant>,
    /// When it was last started.
    pub last_try: Option<Instant>,
    /// What its data took on disk when that was measured.
    pub size: Option<SizeMemory>,
    /// Its CPU counter, to compare the next look with.
    pub cpu: Option<CpuMemory>,
}

/// Two measurements of a node's data: the latest, and one to compare it with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeMemory {
    /// When it was last measured.
    pub at: Instant,
    /// What it was then.
    pub bytes: Bytes,
    /// When it was measured before: about a day ago, less for young nodes.
    pub base_at: Instant,
    /// What it was then.
    pub base: Bytes,
}

impl SizeMemory {
    /// With a new measurement. The base moves on once it is more than a day old.
    fn then(self, bytes: Bytes, now: &Instant) -> SizeMemory {
        let (base_at, base) = match self.base_at.age(now) >= DAY {
            true => (self.at, self.bytes),
            false => (self.base_at, self.base),
        };
        SizeMemory { at: now.clone(), bytes, base_at, base }
    }

    /// Growth in a day, from what was measured over at least an hour. Across a reboot the time is a
    /// lower bound and the growth an upper one, which errs to the safe side.
    pub fn growth_a_day(&self, now: &Instant) -> Option<Bytes> {
        let span = self.base_at.age(now).saturating_sub(self.at.age(now));
        if span < HOUR {
            return None;
        }
        let grown = self.bytes.0.saturating_sub(self.base.0) as f64;
        Some(Bytes((grown * DAY.as_secs_f64() / span.as_secs_f64()) as u64))
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// More deaths than this in one look say nothing more.
const MOST_DEATHS: usize = 10;

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
            next.nodes.entry(node.record()).or_default().see(node, rebooted, now);
        }
        if snapshot.around.looked {
            next.around = Some(now.clone());
        }
        next.boot = Some(now.boot.clone());
        next.last_look = Some(now.clone());
        next
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
        let is_quiet = matches!(planned.action, Action::Mend { .. } | Action::Reprieve { .. });
        if is_quiet || planned.action.is_word_only() {
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

    /// With a removal that begins. It is stored before anything is removed, so that no crash and no
    /// failing store can make the engine forget how much it has removed.
    #[must_use]
    pub fn begun(&self, planned: &PlannedAction, now: &Instant) -> EngineMemory {
        let mut next = self.clone();
        next.note_removal(planned, now);
        next
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

impl NodeMemory {
    fn see(&mut self, node: &NodeView, rebooted: bool, now: &Instant) {
        self.deaths.retain(|death| death.age(now) < HOUR);
        if rebooted {
            // What ran before the reboot did not die of itself.
            (self.alive, self.process, self.restarts) = (false, None, None);
        }
        if let Some(bytes) = node.measured {
            let first = || SizeMemory { at: now.clone(), bytes, base_at: now.clone(), base: bytes };
            self.size = Some(self.size.take().map_or_else(first, |size| size.then(bytes, now)));
        }
        self.cpu = CpuMemory::next(self.cpu.take(), node, now);
        let Some(alive) = node.seen.alive else { return };
        if node.record.want == Want::Run {
            let died = self.deaths_since(node, alive);
            self.deaths.extend(std::iter::repeat_n(now.clone(), died));
            self.deaths.truncate(MOST_DEATHS);
        }
        let age = node.process_age.unwrap_or(Duration::ZERO);
        if alive && age >= Stability::PROVEN {
            self.deaths.clear();
        }
        self.alive = alive;
        self.process = node.process;
        self.restarts = node.restarts;
    }

    /// Deaths between the last look and this one, from the restart counter where there is one, else
    /// from the process.
    fn deaths_since(&self, node: &NodeView, alive: bool) -> usize {
        let counted = match (self.restarts, node.restarts) {
            (Some(before), Some(after)) => after.saturating_sub(before) as usize,
            _ => 0,
        };
        let replaced = match (self.process, node.process) {
            (Some(before), Some(after)) => usize::from(before != after),
            _ => 0,
        };
        let vanished = usize::from(self.alive && !alive);
        counted.max(replaced).max(vanished).min(MOST_DEATHS)
    }

    fn tried(&mut self, done: bool, now: &Instant) {
        (self.alive, self.process, self.restarts) = (done, None, None);
        self.last_try = Some(now.clone());
        if !done {
            self.deaths.push(now.clone());
        }
    }

    /// True when it died so often within the last hour that only one try an hour is left to it.
    pub fn is_failing(&self) -> bool {
        self.deaths.len() >= Stability::FAILING_DEATHS
    }

    /// How long from its last start or death until it may be started again. The first death is
    /// healed at once.
    pub fn pause(&self, backoff: Duration) -> Duration {
        match self.deaths.len() {
            0 | 1 => Duration::ZERO,
            _ if self.is_failing() && !backoff.is_zero() => Stability::LONGEST_BACKOFF,
            deaths => (backoff * (1 << (deaths - 2).min(10))).min(Stability::LONGEST_BACKOFF),
        }
    }

    /// How much of that pause is left.
    pub fn pause_left(&self, backoff: Duration, now: &Instant) -> Duration {
        let last = [self.last_try.as_ref(), self.deaths.last()].into_iter().flatten();
        match last.map(|instant| instant.age(now)).min() {
            Some(age) => self.pause(backoff).saturating_sub(age),
            None => Duration::ZERO,
        }
    }
}
