//! What is remembered of one node from look to look.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CpuMemory, NodeState, NodeView, ProcessKey};
use crate::action::Reason;
use crate::model::{Bytes, Installed, Instant, Version, Want};
use crate::policy::Stability;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// More deaths than this in one look say nothing more.
const MOST_DEATHS: usize = 10;

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
    /// What lay in its directory to be run when that was last looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<Installed>,
    /// Its process when that was last looked at. A look that failed is made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examined: Option<ProcessKey>,
    /// The identity it is known by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// When it was last seen with another program that wnm had not put there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<ChangedProgram>,
    /// When it was last seen to have lost its identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh: Option<FreshIdentity>,
    /// Since when its data directory is missed and no process of it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<Instant>,
    /// The version that held on this node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven: Option<Version>,
    /// The version that could not be installed, or was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedUpgrade>,
    /// It was seen to hold records.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub had_records: bool,
    /// It was seen to have peers.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub had_peers: bool,
}

/// A program that came to a node by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedProgram {
    /// What was there before, where that is known.
    pub from: Option<Version>,
    /// What came.
    pub to: Version,
    /// When that was seen.
    pub at: Instant,
}

/// A node that came back as another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshIdentity {
    /// Fingerprint of the key it had.
    pub was: String,
    /// Fingerprint of the key it has.
    pub is: String,
    /// When that was seen.
    pub at: Instant,
}

/// A version that a node did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedUpgrade {
    /// Which.
    pub version: Version,
    /// When.
    pub at: Instant,
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

impl NodeMemory {
    /// With `not_of_itself`, what ran before did not die of itself: the machine was restarted, or
    /// everything was ended together.
    pub(super) fn see(&mut self, node: &NodeView, not_of_itself: bool, now: &Instant) {
        self.deaths.retain(|death| death.age(now) < HOUR);
        if not_of_itself {
            (self.alive, self.process, self.restarts) = (false, None, None);
            self.examined = None;
        }
        if let Some(bytes) = node.measured {
            let first = || SizeMemory { at: now.clone(), bytes, base_at: now.clone(), base: bytes };
            self.size = Some(self.size.take().map_or_else(first, |size| size.then(bytes, now)));
        }
        self.cpu = CpuMemory::next(self.cpu.take(), node, now);
        let missed = self.missed.take().or_else(|| Some(now.clone()));
        let is_lost = node.seen.state == NodeState::Dead && node.seen.alive == Some(false);
        self.missed = missed.filter(|_| is_lost);
        self.had_records |= node.facts.records.is_some_and(|records| records > 0);
        self.had_peers |= node.facts.peers.is_some_and(|peers| peers > 0);
        let upgraded_itself = self.see_program(node, now);
        let Some(alive) = node.seen.alive else { return };
        if node.record.want == Want::Run {
            let died = self.deaths_since(node, alive);
            // A program that replaces itself ends to be started again: that is no death.
            let died = died.saturating_sub(usize::from(upgraded_itself));
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

    /// True when it has another program than at the last look, and wnm did not put it there.
    fn see_program(&mut self, node: &NodeView, now: &Instant) -> bool {
        let Some(installed) = &node.installed else { return false };
        if node.examined {
            self.examined = node.process;
        }
        let had = self.installed.replace(installed.clone()).map(|had| had.version);
        if self.identity.is_none() {
            self.identity.clone_from(&installed.identity);
        }
        let from = had.or_else(|| node.record.version.clone());
        let is = Some(&installed.version);
        let ours = node.record.upgrade.as_ref().map(|upgrade| &upgrade.to) == is
            || node.record.version.as_ref() == is;
        // Of a node that was taken over nothing was known before: that is no change.
        let is_first = from.is_none() && node.record.version.is_none();
        if from.as_ref() == is || ours || is_first {
            return false;
        }
        let to = installed.version.clone();
        self.changed = Some(ChangedProgram { from, to, at: now.clone() });
        true
    }

    /// True when it became another version by itself so short a time ago.
    pub fn is_upgrading_itself(&self, delay: Duration, now: &Instant) -> bool {
        self.changed
            .as_ref()
            .is_some_and(|changed| changed.at.boot == now.boot && changed.at.age(now) < delay)
    }

    /// True when it died after `then`.
    pub fn died_since(&self, then: &Instant, now: &Instant) -> bool {
        self.deaths.iter().any(|death| match death.boot == then.boot {
            true => death.uptime_ms >= then.uptime_ms,
            false => death.boot == now.boot,
        })
    }

    /// It did not take this version.
    pub(super) fn refuse(&mut self, version: &Version, now: &Instant) {
        self.refused = Some(RefusedUpgrade { version: version.clone(), at: now.clone() });
    }

    /// What happens to its process from now on is wnm's doing.
    pub(super) fn forget_process(&mut self) {
        (self.alive, self.process, self.restarts) = (false, None, None);
    }

    /// What was seen is written down in the journal.
    pub(super) fn recognise(&mut self, installed: &Installed, reason: &Reason, now: &Instant) {
        if let Reason::IdentityChanged { was, is } = reason {
            let (was, is) = (was.clone(), is.clone());
            self.fresh = Some(FreshIdentity { was, is, at: now.clone() });
            self.identity.clone_from(&installed.identity);
        }
    }

    /// True when what lived at the last look has ended since; nothing where that is not known.
    pub(super) fn ended(&self, node: &NodeView) -> Option<bool> {
        let alive = node.seen.alive.filter(|_| self.alive)?;
        Some(self.deaths_since(node, alive) > 0)
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

    pub(super) fn tried(&mut self, done: bool, now: &Instant) {
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
