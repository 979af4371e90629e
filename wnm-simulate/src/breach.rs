//! What must never happen.

use std::fmt;

use serde::Serialize;

/// A promise that a simulated machine saw broken.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "breach")]
pub enum Breach {
    /// The plan failed its own check.
    Unsound {
        /// The violation.
        why: String,
    },
    /// An identity was deleted although neither a disk nor the cap demanded it.
    LostForNothing {
        /// Which node.
        node: String,
        /// What was said to demand it.
        because: String,
    },
    /// More removals than the budget of an hour.
    TooManyInAnHour {
        /// How many.
        removals: u32,
        /// How many may be.
        limit: u32,
    },
    /// More removals for disks than the budget of a day.
    TooManyInADay {
        /// How many.
        removals: u32,
        /// How many may be.
        limit: u32,
    },
    /// The engine created a node beyond the stored cap.
    OverCap {
        /// How many there are now.
        nodes: u32,
        /// How many may be.
        cap: u32,
    },
    /// Two nodes with one port or directory.
    Twice {
        /// What.
        what: String,
    },
    /// A node was touched that is disabled.
    Disabled {
        /// Which.
        node: String,
    },
    /// A node was touched that could not be observed.
    Unobserved {
        /// Which.
        node: String,
    },
    /// A node that runs was created or started again.
    StartedTwice {
        /// Which.
        node: String,
    },
    /// More stops for pressure on a day of steady load than may be.
    Flaps {
        /// The day, from 1.
        day: u32,
        /// How many stops.
        stops: u32,
        /// How many may be.
        limit: u32,
    },
    /// A resource stayed above its shed threshold although nodes could have been stopped.
    NotRelieved {
        /// Which.
        resource: String,
        /// For how long.
        minutes: u32,
    },
    /// Everything had room, nothing was waited for but time, and no node was started.
    NotUsed {
        /// For how long.
        minutes: u32,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Breach::Unsound { why } => write!(f, "the plan failed its own check: {why}"),
            Breach::LostForNothing { node, because } => {
                write!(f, "{node} was deleted, and neither disk nor cap demanded it: {because}")
            }
            Breach::TooManyInAnHour { removals, limit } => {
                write!(f, "{removals} removals within an hour, {limit} allowed")
            }
            Breach::TooManyInADay { removals, limit } => {
                write!(f, "{removals} removals for disks within a day, {limit} allowed")
            }
            Breach::OverCap { nodes, cap } => {
                write!(f, "{nodes} nodes after a creation, {cap} allowed")
            }
            Breach::Twice { what } => write!(f, "two nodes have {what}"),
            Breach::Disabled { node } => write!(f, "{node} is disabled and was touched"),
            Breach::Unobserved { node } => {
                write!(f, "{node} could not be observed and was touched")
            }
            Breach::StartedTwice { node } => write!(f, "{node} ran and was started again"),
            Breach::Flaps { day, stops, limit } => write!(
                f,
                "{stops} stops for pressure on day {day}, on which the load was steady; {limit} allowed"
            ),
            Breach::NotRelieved { resource, minutes } => write!(
                f,
                "{resource} was above its shed threshold for {minutes} minutes in a row while nodes \
                 could have been stopped"
            ),
            Breach::NotUsed { minutes } => {
                write!(f, "there was room for {minutes} minutes in a row, and no node was started")
            }
        }
    }
}

/// A breach and when it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Minutes from the beginning.
    pub minute: u32,
    /// What.
    #[serde(flatten)]
    pub breach: Breach,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, rest) = (self.minute / 1440 + 1, self.minute % 1440);
        write!(f, "day {day}, {:02}:{:02}: {}", rest / 60, rest % 60, self.breach)
    }
}
