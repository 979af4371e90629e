//! How many at once, how long, how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Bytes;

/// A number, or the engine's own judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutoLimit {
    /// As many as the engine finds safe.
    Auto,
    /// At most this many.
    AtMost(u32),
}

impl AutoLimit {
    /// The bound, with `auto` standing for `otherwise`.
    pub fn or(self, otherwise: u32) -> u32 {
        match self {
            AutoLimit::Auto => otherwise,
            AutoLimit::AtMost(count) => count,
        }
    }
}

/// How many nodes may be in motion at once, by wnm's own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Starting.
    pub starts: AutoLimit,
    /// Removing.
    pub removals: u32,
    /// All together.
    pub operations: AutoLimit,
}

impl Limits {
    /// For one run, against what is stored: a value for one run never removes.
    pub(super) fn removing_no_more_than(self, stored: &Limits) -> Limits {
        Limits { removals: self.removals.min(stored.removals), ..self }
    }
}

/// How long a node counts as starting or removing after wnm did that to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delays {
    /// `delay_start`.
    pub start: Duration,
    /// `delay_remove`: until then a removal can be taken back.
    pub remove: Duration,
    /// `delay_upgrade`: until then a node that was given another program must have come back.
    #[serde(default = "delay_upgrade", skip_serializing_if = "is_shipped")]
    pub upgrade: Duration,
}

/// For policies that were recorded before there was such a setting.
fn delay_upgrade() -> Duration {
    Duration::from_secs(300)
}

fn is_shipped(delay: &Duration) -> bool {
    *delay == delay_upgrade()
}

impl Delays {
    /// For one run, against what is stored: a value for one run never removes.
    pub(super) fn removing_no_sooner_than(self, stored: &Delays) -> Delays {
        Delays { remove: self.remove.max(stored.remove), ..self }
    }
}

/// What single samples cannot decide.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// A shed threshold must be exceeded in every sample for this long.
    pub pressure_grace: Duration,
    /// The same for memory.
    pub memory_grace: Duration,
    /// The same for disk.
    pub disk_grace: Duration,
    /// CPU percent above which [`Stability::URGENT_GRACE`] applies.
    pub urgent_cpu: f64,
    /// Every sample for this long must be below all grow thresholds.
    pub grow_window: Duration,
    /// Between two starts for growth near a grow threshold, and between any stop or removal and the
    /// next start for growth.
    pub settle_time: Duration,
    /// No growing for this long after shedding for a resource.
    pub quiet_time: Duration,
    /// What a node costs is known only after watching for this long; until then one node is started
    /// in this time.
    #[serde(default = "learn_time")]
    pub learn_time: Duration,
    /// What a node is expected to need on disk, until it is known.
    pub disk_prior: Bytes,
    /// How far ahead the growth of nodes on a disk is reckoned.
    pub disk_horizon: Duration,
    /// The engine's own removals in an hour, if 5 % of the nodes are not more.
    pub destructive_per_hour: u32,
    /// Removals for disk in a day, if 10 % of the nodes are not more.
    pub disk_removals_per_day: u32,
    /// First pause before a node that died again is started again; doubles up to an hour.
    pub restart_backoff: Duration,
}

/// For policies that were recorded before there was such a setting.
fn learn_time() -> Duration {
    Duration::from_secs(900)
}

/// What all nodes get together, from managers that can bound a group of processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    /// Memory at most; a node is ended when all of them take more.
    pub memory: Option<Bytes>,
    /// CPU at most, in percent of one CPU.
    pub cpu: Option<u32>,
}

impl Together {
    /// True when nothing is limited.
    pub fn is_free(&self) -> bool {
        *self == Together::default()
    }
}

/// How much is kept of past cycles. The latest is kept whatever this says: `status` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// How long.
    pub age: Duration,
    /// How much, as it lies in the store.
    pub bytes: Bytes,
}

impl Keep {
    /// A value of one run never destroys, history neither.
    pub(super) fn no_less_than(self, stored: &Keep) -> Keep {
        Keep { age: self.age.max(stored.age), bytes: self.bytes.max(stored.bytes) }
    }
}

impl Default for Keep {
    /// What is shipped; also for policies that were written down before there was a choice.
    fn default() -> Keep {
        Keep { age: Duration::from_secs(14 * 86_400), bytes: Bytes(64_000_000) }
    }
}

impl Stability {
    /// For one run, against what is stored: a value for one run never removes.
    pub(super) fn removing_no_more_than(self, stored: &Stability) -> Stability {
        Stability {
            disk_grace: self.disk_grace.max(stored.disk_grace),
            destructive_per_hour: self.destructive_per_hour.min(stored.destructive_per_hour),
            disk_removals_per_day: self.disk_removals_per_day.min(stored.disk_removals_per_day),
            ..self
        }
    }

    /// Grace and round of CPU above `urgent_cpu`.
    pub const URGENT_GRACE: Duration = Duration::from_secs(180);
    /// Longest pause before a node is tried again.
    pub const LONGEST_BACKOFF: Duration = Duration::from_secs(3600);
    /// A gap between cycles longer than this resets grace and rounds: nothing is known about the
    /// time between.
    pub const LONGEST_GAP: Duration = Duration::from_secs(150);
    /// This long running clears a node's deaths.
    pub const PROVEN: Duration = Duration::from_secs(600);
    /// So many deaths in an hour make a node *failing*.
    pub const FAILING_DEATHS: usize = 5;
    /// Unused memory in percent below which a node is stopped without grace.
    pub const CRISIS_MEMORY: f64 = 2.0;
}
