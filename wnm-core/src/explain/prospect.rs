//! What would happen to a node next, and what keeps it as it is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::judgement::Case;
use super::quantity::Quantity;
use super::turns::{Turn, Turns};
use crate::action::Resource;
use crate::model::{Phase, Removal, Want};
use crate::observe::{NodeMemory, NodeState, NodeView};
use crate::plan::{Missed, Note, is_down, seconds_left};

/// Something that may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Circumstance {
    /// Whatever happens.
    Anything,
    /// Its process ends.
    Stops,
    /// CPU, memory, load or a rate stays above its shed threshold.
    Pressure,
    /// The stored cap is lowered.
    CapLowered,
    /// The cap is raised.
    CapRaised,
    /// Its file system stays too full.
    DiskFull,
    /// Its file system is not there.
    DiskGone,
    /// There is room to grow.
    Room,
    /// It can be observed again.
    SeenAgain,
    /// Its removal delay is over.
    DelayOver,
    /// An operator starts it.
    Started,
    /// An operator enables it.
    Enabled,
}

impl fmt::Display for Circumstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Circumstance::Anything => "whatever happens",
            Circumstance::Stops => "if it stops",
            Circumstance::Pressure => "under pressure",
            Circumstance::CapLowered => "if node_cap is lowered",
            Circumstance::CapRaised => "if node_cap is raised",
            Circumstance::DiskFull => "if its disk stays too full",
            Circumstance::DiskGone => "if its disk is gone",
            Circumstance::Room => "when there is room",
            Circumstance::SeenAgain => "when it is seen again",
            Circumstance::DelayOver => "when its delay is over",
            Circumstance::Started => "on `wnm start`",
            Circumstance::Enabled => "on `wnm enable`",
        })
    }
}

/// What the engine would do then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "then")]
pub enum Consequence {
    /// It is started again.
    StartedAgain {
        /// Seconds later at the earliest; 0: by the next cycle.
        after_s: u64,
    },
    /// It is started again once a resource has fallen below its shed threshold.
    StartedAfterRelief {
        /// Which.
        resource: Resource,
    },
    /// It is stopped when it is its turn.
    Stopped {
        /// When.
        turn: Turn,
    },
    /// It is removed when it is its turn, its identity archived.
    Removed {
        /// When.
        turn: Turn,
    },
    /// It is started when it is its turn.
    Started {
        /// When.
        turn: Turn,
    },
    /// Its data is deleted, its identity archived.
    Deleted {
        /// Seconds to go at least.
        after_s: u64,
    },
    /// What was wanted of it is wanted again.
    TakenBack,
    /// It is cared for again.
    CaredFor,
    /// It is unknown: nothing is done with it, and nothing of it is deleted.
    Unknown,
    /// It is judged anew.
    JudgedAnew,
    /// Nothing is done with it.
    LeftAlone,
}

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Consequence::StartedAgain { after_s: 0 } => {
                f.write_str("the next cycle starts it again")
            }
            Consequence::StartedAgain { after_s } => {
                write!(f, "it is started again after {}", Quantity::Seconds(*after_s))
            }
            Consequence::StartedAfterRelief { resource } => {
                write!(f, "it is started again once {resource} has fallen")
            }
            Consequence::Stopped { turn } => write!(f, "it is stopped as {turn}"),
            Consequence::Removed { turn } => {
                write!(f, "it is removed as {turn}, its identity archived")
            }
            Consequence::Started { turn } => write!(f, "it is started as {turn}"),
            Consequence::Deleted { after_s: 0 } => {
                f.write_str("the next cycle that can deletes it, its identity archived")
            }
            Consequence::Deleted { after_s } => {
                let left = Quantity::Seconds(*after_s);
                write!(f, "it is deleted in {left}, its identity archived")
            }
            Consequence::TakenBack => f.write_str("its removal is taken back"),
            Consequence::CaredFor => f.write_str("it is cared for again, and wanted to run"),
            Consequence::Unknown => {
                f.write_str("it is unknown: nothing is done with it, and nothing is deleted")
            }
            Consequence::JudgedAnew => f.write_str("it is judged anew; until then left alone"),
            Consequence::LeftAlone => f.write_str("it is left alone"),
        }
    }
}

/// What would happen when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prospect {
    /// When.
    pub when: Circumstance,
    /// What.
    #[serde(flatten)]
    pub then: Consequence,
}

impl fmt::Display for Prospect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.when, self.then)
    }
}

pub(super) fn prospects(
    case: &Case<'_>,
    node: &NodeView,
    memory: &NodeMemory,
    turns: &Turns,
) -> Vec<Prospect> {
    let told: Vec<(Circumstance, Option<Consequence>)> =
        match (&node.record.phase, node.record.want) {
            (Phase::Removing { .. }, _) => leaving(case, node),
            (_, Want::Disabled) => vec![
                (Circumstance::Anything, Some(Consequence::LeftAlone)),
                (Circumstance::Enabled, Some(Consequence::CaredFor)),
            ],
            _ if matches!(node.seen.state, NodeState::Unknown { .. }) => {
                vec![(Circumstance::SeenAgain, Some(Consequence::JudgedAnew))]
            }
            _ if node.seen.state == NodeState::Dead => Vec::new(),
            (_, want) => present(case, node, memory, turns, want),
        };
    told.into_iter().filter_map(|(when, then)| Some(Prospect { when, then: then? })).collect()
}

fn leaving(case: &Case<'_>, node: &NodeView) -> Vec<(Circumstance, Option<Consequence>)> {
    let Phase::Removing { since, cause } = &node.record.phase else { return Vec::new() };
    let engines = matches!(cause, Removal::Cap | Removal::Disk);
    let left = seconds_left(Some(since), case.policy.delays.remove, case.now());
    let after_s = left.filter(|_| engines).unwrap_or(0);
    let back = || Some(Consequence::TakenBack);
    vec![
        (Circumstance::DelayOver, Some(Consequence::Deleted { after_s })),
        (Circumstance::CapRaised, back().filter(|_| *cause == Removal::Cap)),
        (Circumstance::Started, back().filter(|_| engines)),
    ]
}

fn present(
    case: &Case<'_>,
    node: &NodeView,
    memory: &NodeMemory,
    turns: &Turns,
    want: Want,
) -> Vec<(Circumstance, Option<Consequence>)> {
    let lives = node.seen.alive == Some(true);
    let stops = match want {
        Want::Run if lives => Some(after_a_death(case, node, memory)),
        Want::StoppedByOperator | Want::StoppedByPressure if lives => Some(Consequence::LeftAlone),
        _ => None,
    };
    let started = Consequence::StartedAgain { after_s: 0 };
    let by_word = (want == Want::StoppedByOperator && !lives).then_some(started);
    let pressure = turns.under_pressure.map(|turn| Consequence::Stopped { turn });
    let removed = |turn: Option<Turn>| turn.map(|turn| Consequence::Removed { turn });
    vec![
        (Circumstance::Stops, stops),
        (Circumstance::Started, by_word),
        (Circumstance::Room, turns.with_room.map(|turn| Consequence::Started { turn })),
        (Circumstance::Pressure, pressure),
        (Circumstance::CapLowered, removed(turns.for_the_cap)),
        (Circumstance::DiskFull, removed(turns.for_its_disk)),
        (Circumstance::DiskGone, Some(Consequence::Unknown)),
    ]
}

/// What healing would do after one more death: the engine's own reckoning, with that death in it.
fn after_a_death(case: &Case<'_>, node: &NodeView, memory: &NodeMemory) -> Consequence {
    if let Some(resource) = held_by(case, node) {
        return Consequence::StartedAfterRelief { resource };
    }
    let mut then = memory.clone();
    then.deaths.push(case.now().clone());
    let left = then.pause_left(case.policy.stability.restart_backoff, case.now());
    Consequence::StartedAgain { after_s: left.as_secs() }
}

/// An exceeded shed threshold that holds back healing of the node.
fn held_by(case: &Case<'_>, node: &NodeView) -> Option<Resource> {
    let mut over = case.plan.report.pressure.shedding().map(|verdict| &verdict.resource);
    let concerns = |resource: &&Resource| {
        resource.storage().is_none_or(|root| *root == node.record.spec.storage)
    };
    over.find(concerns).cloned()
}

/// What keeps a node as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "held-back-by")]
pub enum HeldBack {
    /// It is disabled.
    Disabled,
    /// An operator stopped it.
    Operator,
    /// It was stopped by pressure, and growth has its conditions.
    Room,
    /// It died, and rests before its next start.
    BackOff {
        /// Seconds to go.
        left_s: u64,
    },
    /// A shed threshold is exceeded.
    Relief {
        /// Of what.
        resource: Resource,
    },
    /// As many nodes are starting as may be.
    Motion,
    /// It could not be observed.
    Unseen {
        /// Why not.
        why: String,
    },
    /// It counts as starting.
    Starting {
        /// Seconds to go.
        left_s: u64,
    },
    /// Its creation has not succeeded yet.
    Creating,
    /// So many look dead at once that none is touched.
    TooManyDead,
    /// Its data directory is missed, and it is not taken for lost yet.
    DataMissed {
        /// Why not.
        #[serde(flatten)]
        wait: Missed,
    },
    /// It should be stopped, but somebody started it: nobody's work is undone.
    RunsUnwanted,
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeldBack::Disabled => f.write_str("it is disabled until `wnm enable`"),
            HeldBack::Operator => f.write_str("an operator stopped it; only `wnm start` starts it"),
            HeldBack::Room => f.write_str("it was stopped by pressure, and waits for room to grow"),
            HeldBack::BackOff { left_s } => {
                write!(f, "it died of late: not started for {} more", Quantity::Seconds(*left_s))
            }
            HeldBack::Relief { resource } => write!(f, "{resource} is above its shed threshold"),
            HeldBack::Motion => f.write_str("as many nodes are starting as may be at once"),
            HeldBack::Unseen { why } => write!(f, "it could not be observed: {why}"),
            HeldBack::Starting { left_s } => {
                write!(f, "it counts as starting for {} more", Quantity::Seconds(*left_s))
            }
            HeldBack::Creating => f.write_str("its creation has not succeeded yet"),
            HeldBack::TooManyDead => f.write_str("too many nodes look dead at once"),
            HeldBack::DataMissed { wait } => write!(f, "its data directory is gone, and {wait}"),
            HeldBack::RunsUnwanted => {
                f.write_str("it should be stopped, but somebody started it; it is left alone")
            }
        }
    }
}

pub(super) fn held_back(case: &Case<'_>, node: &NodeView, memory: &NodeMemory) -> Vec<HeldBack> {
    let mut held = Vec::new();
    match &node.seen.state {
        NodeState::Unknown { why } => held.push(HeldBack::Unseen { why: why.clone() }),
        NodeState::Dead if has_note(case, |it| matches!(it, Note::TooManyDead { .. })) => {
            held.push(HeldBack::TooManyDead);
        }
        NodeState::Dead => held.extend(missed(case, node)),
        NodeState::Disabled => held.push(HeldBack::Disabled),
        _ => {}
    }
    match &node.record.phase {
        Phase::Creating { .. } => held.push(HeldBack::Creating),
        Phase::Starting { since } if node.seen.state == NodeState::Starting => {
            let left = seconds_left(Some(since), case.policy.delays.start, case.now());
            held.extend(left.map(|left_s| HeldBack::Starting { left_s }));
        }
        Phase::Steady | Phase::Starting { .. } | Phase::Removing { .. } => {}
    }
    held.extend(of_its_want(case, node, memory));
    held
}

fn missed(case: &Case<'_>, node: &NodeView) -> Option<HeldBack> {
    case.plan.report.notes.iter().find_map(|note| match note {
        Note::DataMissed { node: which, wait } if *which == node.id() => {
            Some(HeldBack::DataMissed { wait: *wait })
        }
        _ => None,
    })
}

fn of_its_want(case: &Case<'_>, node: &NodeView, memory: &NodeMemory) -> Option<HeldBack> {
    let planned = case.plan.actions.iter().any(|it| it.action.node() == node.id());
    let unwanted =
        |it: &Note| matches!(it, Note::RunsUnwanted { node: which } if *which == node.id());
    match node.record.want {
        _ if planned => None,
        _ if has_note(case, unwanted) => Some(HeldBack::RunsUnwanted),
        Want::StoppedByOperator => Some(HeldBack::Operator),
        Want::StoppedByPressure => Some(HeldBack::Room),
        Want::Run if is_down(node) => Some(held_by(case, node).map_or_else(
            || {
                let pause = case.policy.stability.restart_backoff;
                match memory.pause_left(pause, case.now()).as_millis().div_ceil(1000) {
                    0 => HeldBack::Motion,
                    left => HeldBack::BackOff { left_s: left as u64 },
                }
            },
            |resource| HeldBack::Relief { resource },
        )),
        Want::Run | Want::Disabled => None,
    }
}

fn has_note(case: &Case<'_>, wanted: impl Fn(&Note) -> bool) -> bool {
    case.plan.report.notes.iter().any(wanted)
}
