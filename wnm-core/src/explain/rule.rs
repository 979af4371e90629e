//! The rules by name, in the order of decisions, and which of them decided, noted or held back what.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::action::{Action, PlannedAction, Reason, Resource};
use crate::plan::{Blocked, Note, PlanScope, Pressure};

/// One rule. Their order is the order of decisions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "name")]
pub enum Rule {
    /// What cannot be observed is left alone.
    Look,
    /// After a reboot everything is looked at anew.
    Reboot,
    /// After a gap between cycles every grace begins anew.
    Gap,
    /// What a cycle that died had begun is finished.
    Unfinished,
    /// Nodes on their way out go when their delay is over.
    Leaving,
    /// What is left of dead nodes is cleaned up.
    Dead,
    /// Operators are answered.
    Requests,
    /// A storage file system with hardly anything left loses a node at once.
    DiskEmergency {
        /// Which.
        resource: Resource,
    },
    /// Memory that is nearly gone stops a node at once.
    MemoryEmergency,
    /// More nodes than the cap are removed or stopped.
    OverCap,
    /// A resource above its shed threshold stops or removes nodes.
    Shed {
        /// Which.
        resource: Resource,
    },
    /// Removals by the engine's own decision have budgets.
    Removals,
    /// Nodes that should run and do not are started again.
    Heal,
    /// What a manager has lost of a running node is written again.
    Mend,
    /// Nodes that live without a sign of it are restarted, if that is asked for.
    Mute,
    /// Nodes are given another version of their program, and what failed is taken back.
    Upgrade,
    /// Growth needs fewer nodes than the cap.
    BelowCap,
    /// Growth needs a resource below its grow threshold.
    Room {
        /// Which.
        resource: Resource,
    },
    /// Growth needs room for a while.
    Window,
    /// Growth waits until the machine has settled after the last change.
    Settle,
    /// Growth waits for a while after shedding.
    Quiet,
    /// Growth goes by what a node has been learned to cost.
    Cost,
    /// Growth keeps to the number of nodes that may be in motion.
    InMotion,
    /// Growth needs a disk that will hold what its nodes are expected to need.
    DiskOutlook {
        /// Which.
        resource: Resource,
    },
    /// When nothing holds it back, a node is started or created.
    Grow,
}

impl Rule {
    /// The rule that decided `planned`.
    pub fn that_decided(planned: &PlannedAction) -> Rule {
        match &planned.reason {
            Reason::Unfinished { .. } => Rule::Unfinished,
            Reason::DelayOver { .. } => Rule::Leaving,
            Reason::NeverMade | Reason::DataGone => Rule::Dead,
            Reason::Request { .. } => Rule::Requests,
            Reason::Emergency { resource: Resource::Memory, .. } => Rule::MemoryEmergency,
            Reason::Emergency { resource, .. } | Reason::DelayCut { resource, .. } => {
                Rule::DiskEmergency { resource: resource.clone() }
            }
            Reason::OverCap { .. } => Rule::OverCap,
            Reason::Pressure { resource, .. } => Rule::Shed { resource: resource.clone() },
            Reason::Down { .. } => Rule::Heal,
            Reason::DefinitionLost
            | Reason::PortsShut { .. }
            | Reason::Drifted { .. }
            | Reason::KeyAtRisk
            | Reason::RunsElsewhere => Rule::Mend,
            Reason::Mute => Rule::Mute,
            Reason::Outdated { .. }
            | Reason::UpgradeFailed { .. }
            | Reason::UpgradeHeld { .. }
            | Reason::ProgramChanged { .. }
            | Reason::IdentityChanged { .. } => Rule::Upgrade,
            Reason::RoomAgain if matches!(planned.action, Action::Reprieve { .. }) => Rule::Leaving,
            Reason::Room { .. } | Reason::RoomAgain => Rule::Grow,
        }
    }

    /// The rule that `note` belongs to.
    pub fn that_noted(note: &Note, pressure: &Pressure) -> Rule {
        match note {
            Note::Rebooted => Rule::Reboot,
            Note::Unknown { .. }
            | Note::Evicted { .. }
            | Note::Mute { .. }
            | Note::RunsUnwanted { .. }
            | Note::Strangers { .. } => Rule::Look,
            Note::FirewallUnread { .. } | Note::OrphanOpenings { .. } => Rule::Mend,
            Note::BackingOff { .. }
            | Note::Failing { .. }
            | Note::HealHeld { .. }
            | Note::HealInFlight { .. } => Rule::Heal,
            Note::TooManyDead { .. } | Note::DataMissed { .. } => Rule::Dead,
            Note::RemovalBudgetSpent { .. } => Rule::Removals,
            // A disk without thresholds can still have an emergency.
            Note::DiskNotOurs { resource } if pressure.get(resource).is_none() => {
                Rule::DiskEmergency { resource: resource.clone() }
            }
            Note::DiskNotOurs { resource } | Note::Grace { resource, .. } => {
                Rule::Shed { resource: resource.clone() }
            }
            Note::FreshIdentity { .. }
            | Note::CameBackBare { .. }
            | Note::SkippedRelease { .. }
            | Note::UpgradeHidden { .. } => Rule::Upgrade,
            Note::SkippedIds { .. } => Rule::Grow,
        }
    }

    /// The rule that holds back growth with `blocked`.
    pub fn that_blocks(blocked: &Blocked) -> Rule {
        match blocked {
            Blocked::NoReading { resource } | Blocked::Busy { resource, .. } => {
                Rule::Room { resource: resource.clone() }
            }
            Blocked::Window { .. } => Rule::Window,
            Blocked::Settling { .. } => Rule::Settle,
            Blocked::Quiet { .. } => Rule::Quiet,
            Blocked::Learning { .. } | Blocked::WouldBeShed { .. } => Rule::Cost,
            Blocked::InFlight { .. } => Rule::InMotion,
            Blocked::DiskWouldFill { resource, .. } => {
                Rule::DiskOutlook { resource: resource.clone() }
            }
            Blocked::Busied
            | Blocked::LatestDown { .. }
            | Blocked::NoProgram { .. }
            | Blocked::NoSurvey { .. }
            | Blocked::NoStorage { .. }
            | Blocked::NoPorts { .. } => Rule::Grow,
        }
    }

    /// True when a plan of this scope asks the rule.
    pub fn is_asked(&self, scope: PlanScope) -> bool {
        match (self, scope) {
            (_, PlanScope::Everything) | (Rule::Look | Rule::Reboot | Rule::Gap, _) => true,
            (Rule::Unfinished | Rule::Requests, PlanScope::RequestsOnly) => true,
            (_, PlanScope::RequestsOnly | PlanScope::Nothing) => false,
        }
    }

    /// The group it is shown in.
    pub fn group(&self) -> &'static str {
        match self {
            Rule::Look | Rule::Reboot | Rule::Gap => "look",
            Rule::Unfinished | Rule::Leaving | Rule::Dead | Rule::Requests => "finish and answer",
            Rule::DiskEmergency { .. }
            | Rule::MemoryEmergency
            | Rule::OverCap
            | Rule::Shed { .. }
            | Rule::Removals => "shed",
            Rule::Heal | Rule::Mend | Rule::Mute => "heal",
            Rule::Upgrade => "upgrade",
            Rule::BelowCap
            | Rule::Room { .. }
            | Rule::Window
            | Rule::Settle
            | Rule::Quiet
            | Rule::Cost
            | Rule::InMotion
            | Rule::DiskOutlook { .. }
            | Rule::Grow => "grow",
        }
    }
}

impl fmt::Display for Rule {
    /// What a person calls it within its group.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Rule::Look => "nodes",
            Rule::Reboot => "reboot",
            Rule::Gap => "gap between cycles",
            Rule::Unfinished => "open operations",
            Rule::Leaving => "nodes on their way out",
            Rule::Dead => "dead nodes",
            Rule::Requests => "requests",
            Rule::MemoryEmergency => "memory nearly gone",
            Rule::OverCap => "more than node_cap",
            Rule::Removals => "budget of removals",
            Rule::Heal => "nodes that are down",
            Rule::Mend => "lost units",
            Rule::Mute => "mute nodes",
            Rule::Upgrade => "other versions",
            Rule::BelowCap => "fewer than node_cap",
            Rule::Window => "room for long enough",
            Rule::Settle => "settled",
            Rule::Quiet => "quiet after shedding",
            Rule::Cost => "what a node costs",
            Rule::InMotion => "nodes in motion",
            Rule::Grow => "one more node",
            Rule::Shed { resource } | Rule::Room { resource } => return write!(f, "{resource}"),
            Rule::DiskEmergency { resource } => return write!(f, "{resource} nearly full"),
            Rule::DiskOutlook { resource } => return write!(f, "{resource} in the long run"),
        };
        f.write_str(name)
    }
}
