//! What a rule says, and its reasons: closed sets, so that a frontend can translate every one.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::quantity::Quantity;
use crate::action::Resource;
use crate::model::counted;
use crate::plan::PlanScope;

/// What a rule comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Ruling {
    /// It does nothing. A condition of growth that rests holds nothing back.
    Rests {
        /// Why.
        #[serde(flatten)]
        because: Rest,
    },
    /// It does nothing yet. A condition of growth that waits holds back growth.
    Waits {
        /// For what.
        #[serde(flatten)]
        until: Wait,
        /// Seconds to go, where that can be told.
        left_s: Option<u64>,
    },
    /// It acts in this plan.
    Acts,
    /// It cannot be judged: neither growth nor shedding follows.
    Unjudged {
        /// What is missing.
        why: String,
    },
}

impl Ruling {
    pub(super) fn waits(until: Wait) -> Ruling {
        Ruling::Waits { until, left_s: None }
    }

    pub(super) fn unjudged(why: impl Into<String>) -> Ruling {
        Ruling::Unjudged { why: why.into() }
    }

    /// One word.
    pub fn name(&self) -> &'static str {
        match self {
            Ruling::Rests { .. } => "rests",
            Ruling::Waits { .. } => "waits",
            Ruling::Acts => "acts",
            Ruling::Unjudged { .. } => "unjudged",
        }
    }
}

impl From<Rest> for Ruling {
    fn from(because: Rest) -> Ruling {
        Ruling::Rests { because }
    }
}

/// Why a rule does nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "because")]
pub enum Rest {
    /// This cycle did not go through the whole order of decisions.
    NotAsked {
        /// How far it went.
        scope: PlanScope,
    },
    /// Every node could be observed.
    AllSeen,
    /// There is no earlier cycle to compare with.
    FirstCycle,
    /// The last cycle was in the same boot.
    SameBoot,
    /// The last cycle was a short time ago.
    Recent,
    /// No operation was left open.
    NothingOpen,
    /// No node is on its way out.
    NoneLeaving,
    /// No node is dead.
    NoneDead,
    /// So many look dead at once that something else must be wrong.
    TooManyDead,
    /// None is missed for long enough, or its process lives.
    Missed,
    /// Nobody asked for anything.
    NoRequests,
    /// All that was asked for was refused.
    AllRefused,
    /// All that was asked for is so already.
    AlreadySo,
    /// An earlier rule decides about these nodes in this plan.
    InOtherHands,
    /// Enough is left.
    EnoughLeft,
    /// No more nodes than may be.
    WithinCap,
    /// The threshold is not exceeded.
    NotAbove,
    /// There is no such threshold.
    Off,
    /// A node goes already, and everything is measured again before the next.
    BeingRelieved,
    /// An emergency is relieved first.
    EmergencyFirst,
    /// Removing nodes would not bring the disk below its threshold.
    NotOurs,
    /// No node is left that could be taken.
    NobodyLeft,
    /// Removals are left.
    BudgetLeft,
    /// A budget of 0 forbids removals.
    Forbidden,
    /// Every node that should run does.
    AllUp,
    /// No manager has lost anything.
    NothingLost,
    /// No node is mute.
    NoneMute,
    /// Every node has the release, or it is not wnm that replaces programs.
    UpToDate,
    /// It is not asked for by its setting.
    SwitchedOff,
    /// The condition is met.
    Met,
    /// Another storage root has room.
    OtherRoot,
    /// As many nodes as may be.
    AtCap,
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rest::NotAsked { scope: PlanScope::Nothing } => "not asked: this cycle only looked",
            Rest::NotAsked { .. } => "not asked: this cycle only answered requests",
            Rest::AllSeen => "all could be observed",
            Rest::FirstCycle => "this is the first cycle",
            Rest::SameBoot => "not since the last cycle",
            Rest::Recent => "the last cycle was a short time ago",
            Rest::NothingOpen => "none was left open",
            Rest::NoneLeaving => "there are none",
            Rest::NoneDead => "there are none",
            Rest::TooManyDead => {
                "so many at once that none is touched: is a disk missing? Remove by hand what is \
                 really gone"
            }
            Rest::Missed => {
                "none is given up before it was missed for an hour, nor while its process lives"
            }
            Rest::NoRequests => "nobody asked for anything",
            Rest::AllRefused => "all that was asked for was refused",
            Rest::AlreadySo => "all that was asked for is so already",
            Rest::InOtherHands => "an earlier rule decides about them in this cycle",
            Rest::EnoughLeft => "enough is left",
            Rest::WithinCap => "not more than may be",
            Rest::NotAbove => "not above",
            Rest::Off => "no threshold is set",
            Rest::BeingRelieved => "a node goes already; it is measured again before the next",
            Rest::EmergencyFirst => "an emergency is relieved first",
            Rest::NotOurs => {
                "removing nodes would not bring it below its threshold; free space by hand"
            }
            Rest::NobodyLeft => "no node is left that could be taken",
            Rest::BudgetLeft => "some are left",
            Rest::Forbidden => "a budget of 0 forbids them",
            Rest::AllUp => "every node that should run does",
            Rest::NothingLost => "no manager has lost one",
            Rest::NoneMute => "there are none",
            Rest::UpToDate => "no node is to be given another version",
            Rest::SwitchedOff => "not asked for",
            Rest::Met => "met",
            Rest::OtherRoot => "another storage directory has room",
            Rest::AtCap => "as many nodes as may be",
        })
    }
}

/// What a rule waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "until")]
pub enum Wait {
    /// A node can be observed again.
    Observed,
    /// The removal delay is over.
    Delay,
    /// The grace is over, and it is still above.
    Grace,
    /// Removals fall out of the hour or the day.
    Budget,
    /// The next cycle.
    NextCycle,
    /// A node's back-off is over.
    BackOff,
    /// A resource falls below its shed threshold.
    Relief {
        /// Which.
        resource: Resource,
    },
    /// Fewer nodes are in motion.
    Motion,
    /// A resource falls below its grow threshold.
    Room,
    /// Everything has had room for long enough.
    Window,
    /// The machine has settled.
    Settled,
    /// The quiet time is over.
    Quiet,
    /// It is known what a node costs.
    Learned,
    /// One more node would not be shed again.
    Lasting,
    /// The disk has more room, or its nodes need less.
    DiskRoom,
    /// Something that growing needs is there.
    Need {
        /// What is wrong with it.
        why: String,
    },
    /// The conditions of growth are met.
    Conditions {
        /// How many are not.
        unmet: u32,
    },
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wait::Observed => "until it can be observed",
            Wait::Delay => "until the first may be deleted; until then it can be taken back",
            Wait::Grace => "until nodes are shed, if it stays above",
            Wait::Budget => "until the next removal",
            Wait::NextCycle => "until the next cycle",
            Wait::BackOff => "until the next start of a node that died",
            Wait::Relief { resource } => return write!(f, "until {resource} has fallen"),
            Wait::Motion => "until fewer are in motion",
            Wait::Room => "until it has fallen",
            Wait::Window => "until there was room for long enough",
            Wait::Settled => "until the machine has settled",
            Wait::Quiet => "until it was quiet for long enough",
            Wait::Learned => "until it is known what a node costs",
            Wait::Lasting => "until one more node would not be shed again",
            Wait::DiskRoom => "until it has more room or its nodes are known to need less",
            Wait::Need { why } => return f.write_str(why),
            Wait::Conditions { unmet } => {
                return write!(f, "for {} above", counted(*unmet, "condition"));
            }
        })
    }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ruling::Rests { because } => write!(f, "{because}"),
            Ruling::Waits { until, left_s: Some(left) } => {
                write!(f, "{} more {until}", Quantity::Seconds(*left))
            }
            Ruling::Waits { until, left_s: None } => write!(f, "{until}"),
            Ruling::Acts => f.write_str("acts"),
            Ruling::Unjudged { why } => f.write_str(why),
        }
    }
}
