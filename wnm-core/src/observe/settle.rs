//! The status table: what was set in motion × what is seen × how long ago → what planning sees.
//! Intention and observation are joined nowhere else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{EndpointReading, NodeReading, ProcessState, UnitState, Unread};
use crate::model::{Instant, NodeRecord, Now, Phase, Want};
use crate::policy::Delays;

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum NodeState {
    /// Its manager and its process say so, and it shows the signs of life of its program.
    Running,
    /// Its process lives, but a sign of life is missing for longer than `delay_start`.
    Mute {
        /// Which sign.
        missing: String,
    },
    /// It does not run, and its data is there.
    Stopped {
        /// How that is known.
        why: String,
    },
    /// wnm started it less than `delay_start` ago.
    Starting,
    /// It was given another program, or gave itself one, less than `delay_upgrade` ago.
    Upgrading,
    /// wnm stopped it for good, and its removal is not complete.
    Removing,
    /// Its data directory is gone while its storage root is there.
    Dead,
    /// It could not be observed. Nothing is done on the strength of silence.
    Unknown {
        /// Why not.
        why: String,
    },
    /// An operator wants it left alone.
    Disabled,
}

impl NodeState {
    /// One word.
    pub fn name(&self) -> &'static str {
        match self {
            NodeState::Running => "running",
            NodeState::Mute { .. } => "mute",
            NodeState::Stopped { .. } => "stopped",
            NodeState::Starting => "starting",
            NodeState::Upgrading => "upgrading",
            NodeState::Removing => "removing",
            NodeState::Dead => "dead",
            NodeState::Unknown { .. } => "unknown",
            NodeState::Disabled => "disabled",
        }
    }
}

/// A settled node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenNode {
    /// What it is.
    pub state: NodeState,
    /// Whether a process of it lives; `None` when that is not known.
    pub alive: Option<bool>,
}

/// What is known of a node besides its record and its reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Going {
    /// An operation that creates it was begun and not finished: its data may not be there yet.
    pub creating: bool,
    /// It became another version by itself a short time ago.
    pub upgrading_itself: bool,
}

/// Joins record and reading.
pub fn settle(
    record: &NodeRecord,
    reading: Option<&NodeReading>,
    going: Going,
    delays: &Delays,
    now: &Now,
) -> SeenNode {
    let alive = reading.and_then(alive);
    let state = match (record.want, &record.phase) {
        // A teardown takes disabled nodes as well; what it began is finished.
        (_, Phase::Removing { .. }) => NodeState::Removing,
        (Want::Disabled, _) => NodeState::Disabled,
        (_, phase) => match observed(reading, going.creating) {
            Some(state) => state,
            None if is_upgrading(record, reading, alive, going, delays, now) => {
                NodeState::Upgrading
            }
            None if going.creating || is_starting(phase, delays.start, now) => NodeState::Starting,
            None => seen(reading, alive, delays.start),
        },
    };
    SeenNode { state, alive }
}

/// A node whose process is gone is not upgrading, it is stopped; unless it is its manager who is
/// about to start the program that it gave itself.
fn is_upgrading(
    record: &NodeRecord,
    reading: Option<&NodeReading>,
    alive: Option<bool>,
    going: Going,
    delays: &Delays,
    now: &Now,
) -> bool {
    let is_young =
        |since: &Instant| since.boot == now.instant.boot && now.age(since) < delays.upgrade;
    let replaced = record.upgrade.as_ref().is_some_and(|upgrade| is_young(&upgrade.since));
    let unit = reading.and_then(|reading| reading.unit.as_ref().ok()).map(|unit| unit.state);
    match alive {
        Some(true) => replaced || going.upgrading_itself,
        Some(false) => going.upgrading_itself && unit == Some(UnitState::Activating),
        None => false,
    }
}

/// A start of an earlier boot is over: what it started ended with that boot.
fn is_starting(phase: &Phase, delay_start: Duration, now: &Now) -> bool {
    match phase {
        Phase::Starting { since } => since.boot == now.instant.boot && now.age(since) < delay_start,
        Phase::Steady | Phase::Creating { .. } | Phase::Removing { .. } => false,
    }
}

/// What overrides every phase but removal: silence, and data that is gone.
fn observed(reading: Option<&NodeReading>, creating: bool) -> Option<NodeState> {
    let Some(reading) = reading else {
        return Some(NodeState::Unknown { why: "it was not looked at".to_owned() });
    };
    match (&reading.data, &reading.unit) {
        (Err(unread), _) | (_, Err(unread)) => Some(NodeState::Unknown { why: unread.why.clone() }),
        (Ok(false), Ok(_)) if !creating => Some(NodeState::Dead),
        (Ok(_), Ok(_)) => None,
    }
}

fn seen(reading: Option<&NodeReading>, alive: Option<bool>, delay_start: Duration) -> NodeState {
    let Some(reading) = reading else {
        return NodeState::Unknown { why: "it was not looked at".to_owned() };
    };
    match (alive, missing_sign(reading, delay_start)) {
        (Some(true), None) => NodeState::Running,
        (Some(true), Some(missing)) => NodeState::Mute { missing },
        (Some(false), _) => NodeState::Stopped { why: why_stopped(reading) },
        (None, _) => NodeState::Unknown { why: "its process could not be observed".to_owned() },
    }
}

/// Whether a process lives: the manager's word, unless the process itself can be looked at.
fn alive(reading: &NodeReading) -> Option<bool> {
    let unit = reading.unit.as_ref().ok()?;
    match unit.state {
        UnitState::Stopped | UnitState::Failed | UnitState::Evicted | UnitState::Missing => {
            Some(false)
        }
        UnitState::Activating if unit.pid.is_none() => Some(false),
        UnitState::Running | UnitState::Activating | UnitState::Stopping => {
            match &reading.process {
                Some(Ok(process)) => Some(process.state == ProcessState::Alive),
                // A layer that cannot be read is skipped; the manager's word stands.
                Some(Err(_)) | None => Some(true),
            }
        }
    }
}

fn why_stopped(reading: &NodeReading) -> String {
    let Ok(unit) = &reading.unit else {
        return "it does not run".to_owned();
    };
    match unit.state {
        UnitState::Missing => "its manager knows nothing of it",
        UnitState::Failed => "its manager has given up on it",
        UnitState::Evicted => "its manager deleted its data to save a disk",
        UnitState::Activating => "its manager waits to start it again",
        UnitState::Running | UnitState::Stopping => "its process is gone",
        UnitState::Stopped => "it does not run",
    }
    .to_owned()
}

/// The first sign of life that is missing although the process is old enough to show it.
fn missing_sign(reading: &NodeReading, delay_start: Duration) -> Option<String> {
    let process = reading.process.as_ref()?.as_ref().ok()?;
    let age = Duration::from_millis(process.age_ms?);
    if age < delay_start { None } else { absent_sign(reading) }
}

/// The first sign of life that is missing, however young the process is.
pub(super) fn absent_sign(reading: &NodeReading) -> Option<String> {
    let process = reading.process.as_ref()?.as_ref().ok()?;
    if process.port_bound == Some(false) {
        return Some("its UDP port is not bound".to_owned());
    }
    match &reading.endpoint {
        Some(EndpointReading::Silent { why }) => Some(format!("its metrics endpoint: {why}")),
        Some(EndpointReading::Alive) | None => None,
    }
}

/// Shown where a fault is rendered as a state.
impl From<&Unread> for NodeState {
    fn from(unread: &Unread) -> NodeState {
        NodeState::Unknown { why: unread.why.clone() }
    }
}
