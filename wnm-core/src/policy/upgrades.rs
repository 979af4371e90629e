//! How nodes come to another version of their program.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{DayWindow, UpgradeMode};

/// How nodes come to another version of their program. How long one may take to come back is among
/// the [`Delays`](super::Delays).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrades {
    /// Who replaces programs.
    pub mode: UpgradeMode,
    /// So many nodes at once, beyond the canaries.
    pub at_once: u32,
    /// So many nodes go first, and the others wait for them; with none, nobody waits.
    pub canaries: u32,
    /// So long a node must hold to be proven.
    pub canary_time: Duration,
    /// So many nodes beyond the canaries may fail before the version is given up.
    pub failure_limit: u32,
    /// So long a release must have been known.
    pub soak: Duration,
    /// The hours in which nodes are upgraded; `None`: always.
    pub window: Option<DayWindow>,
}

impl Upgrades {
    /// True when nothing was changed.
    pub(super) fn is_shipped(&self) -> bool {
        *self == Upgrades::default()
    }
}

impl Default for Upgrades {
    /// What is shipped; also for policies that were written down before there was a choice.
    fn default() -> Upgrades {
        Upgrades {
            mode: UpgradeMode::Auto,
            at_once: 1,
            canaries: 1,
            canary_time: Duration::from_secs(600),
            failure_limit: 1,
            soak: Duration::ZERO,
            window: None,
        }
    }
}
