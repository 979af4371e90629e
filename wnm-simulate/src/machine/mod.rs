//! What a modelled machine is like: the types of a machine file.

mod presets;
mod sound;

pub use presets::{PRESETS, Preset, preset};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wnm_core::policy::{PolicyDraft, Setting};

/// A machine, everything that runs on it, and what goes wrong there. `README.md` lists every key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// One line about it.
    #[serde(default)]
    pub about: String,
    /// Logical CPUs.
    pub cpus: u32,
    /// Installed memory.
    pub memory_gb: f64,
    /// Disks; each is one storage root.
    pub disk: Vec<Disk>,
    /// What a node needs.
    #[serde(default)]
    pub node: NodeModel,
    /// What else runs there.
    #[serde(default)]
    pub foreign: Foreign,
    /// What goes wrong.
    #[serde(default)]
    pub trouble: Trouble,
    /// How exactly is measured.
    #[serde(default)]
    pub noise: Noise,
    /// Load that comes at a certain time.
    #[serde(default)]
    pub step: Vec<Step>,
    /// Settings that the operator changes at a certain time.
    #[serde(default)]
    pub change: Vec<Change>,
    /// The operator's stored settings, where they differ from the defaults.
    #[serde(default)]
    pub settings: BTreeMap<String, toml::Value>,
}

/// A disk with one file system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// Usable size.
    pub size_gb: f64,
    /// Taken by others at the beginning.
    #[serde(default)]
    pub foreign_gb: f64,
    /// What others add each day; may be negative.
    #[serde(default)]
    pub foreign_gb_a_day: f64,
}

/// What a node needs. Spreads and noise are shares: 0.2 is a standard deviation of a fifth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeModel {
    /// CPUs, once it has settled; 0.1 is a tenth of one logical CPU.
    pub cpu: f64,
    /// How much nodes differ from each other in CPU.
    pub cpu_spread: f64,
    /// How much each node's CPU varies from minute to minute.
    pub cpu_noise: f64,
    /// CPUs more just after its start, sinking to nothing within `surge_minutes`.
    pub surge_cpu: f64,
    /// How long the surge lasts.
    pub surge_minutes: f64,
    /// Waiting tasks that a node adds to the load average beyond its CPU: its disk and locks.
    pub load: f64,
    /// Memory just after its start.
    pub memory_start_mb: f64,
    /// Memory once it has grown.
    pub memory_mb: f64,
    /// How long that takes.
    pub memory_hours: f64,
    /// How much nodes differ from each other in memory.
    pub memory_spread: f64,
    /// Data that a new node gathers each day; slows down towards the ceiling.
    pub disk_gb_a_day: f64,
    /// Data that a node comes to in the end.
    pub disk_gb: f64,
    /// How much nodes differ from each other in data.
    pub disk_spread: f64,
}

impl Default for NodeModel {
    fn default() -> NodeModel {
        NodeModel {
            cpu: 0.1,
            cpu_spread: 0.3,
            cpu_noise: 0.3,
            surge_cpu: 0.4,
            surge_minutes: 8.0,
            load: 0.02,
            memory_start_mb: 120.0,
            memory_mb: 300.0,
            memory_hours: 6.0,
            memory_spread: 0.2,
            disk_gb_a_day: 0.3,
            disk_gb: 8.0,
            disk_spread: 0.4,
        }
    }
}

/// Everything that runs there and is no node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Foreign {
    /// CPUs at all times.
    pub cpu: f64,
    /// CPUs more at the busiest hour of the day.
    pub daily_cpu: f64,
    /// The busiest hour, 0 to 24.
    pub busiest_hour: f64,
    /// Memory at all times.
    pub memory_gb: f64,
    /// Memory more at the busiest hour.
    pub daily_memory_gb: f64,
    /// Bursts of work a day, on average.
    pub bursts_a_day: f64,
    /// CPUs that a burst takes, on average.
    pub burst_cpu: f64,
    /// Memory that a burst takes, on average.
    pub burst_memory_gb: f64,
    /// How long a burst lasts, on average.
    pub burst_minutes: f64,
    /// How much all of it varies from minute to minute.
    pub noise: f64,
}

impl Default for Foreign {
    fn default() -> Foreign {
        Foreign {
            cpu: 0.2,
            daily_cpu: 0.0,
            busiest_hour: 20.0,
            memory_gb: 1.0,
            daily_memory_gb: 0.0,
            bursts_a_day: 0.0,
            burst_cpu: 0.0,
            burst_memory_gb: 0.0,
            burst_minutes: 20.0,
            noise: 0.2,
        }
    }
}

/// What goes wrong. Zero is never.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trouble {
    /// One reboot within each so many days, at a time of chance.
    pub reboot_days: f64,
    /// One release within each so many days: every node restarts itself once.
    pub release_days: f64,
    /// Within this time all nodes have restarted for a release.
    pub release_hours: f64,
    /// Days that a node runs on average until its process dies.
    pub death_days: f64,
    /// Share of deaths after which the manager does not start the node again.
    pub stays_down: f64,
    /// So many of the first nodes die again and again.
    pub dying_nodes: u32,
    /// How long those live each time.
    pub dying_minutes: f64,
    /// Cycles a day in which something cannot be read.
    pub unreadable_a_day: f64,
    /// Times a day that cycles are missed, for one to ten minutes.
    pub missed_a_day: f64,
    /// Share of actions that fail at some step.
    pub failing_actions: f64,
    /// So many of the first nodes are disabled by the operator after a day.
    pub disabled_nodes: u32,
}

/// How exactly is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Noise {
    /// By how much one second of CPU differs from its minute: standard deviation in percent of the
    /// machine. Only the baseline decides by single seconds.
    pub second_cpu: f64,
    /// Memory that comes and goes with the page cache.
    pub memory_gb: f64,
    /// Seconds by which cycles are late.
    pub cycle_s: f64,
}

impl Default for Noise {
    fn default() -> Noise {
        Noise { second_cpu: 6.0, memory_gb: 0.05, cycle_s: 1.5 }
    }
}

/// Foreign load from one time on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When it comes, in days from the beginning.
    pub day: f64,
    /// How long it stays; 0 for good.
    #[serde(default)]
    pub hours: f64,
    /// CPUs.
    #[serde(default)]
    pub cpu: f64,
    /// Memory.
    #[serde(default)]
    pub memory_gb: f64,
    /// Data on the first disk.
    #[serde(default)]
    pub disk_gb: f64,
}

/// A stored setting that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// When, in days from the beginning.
    pub day: f64,
    /// Which setting.
    pub setting: String,
    /// Its new value.
    pub value: toml::Value,
}

impl Machine {
    /// Reads a machine file. Every problem of a file that can be read at all is reported at once.
    pub fn parse(text: &str) -> Result<Machine, Vec<String>> {
        let machine: Machine = toml::from_str(text)
            .map_err(|error| vec![error.to_string().trim_end().replace('\n', "\n  ")])?;
        let problems = sound::problems(&machine);
        if problems.is_empty() { Ok(machine) } else { Err(problems) }
    }

    /// The settings that its operator has stored.
    pub fn draft(&self) -> PolicyDraft {
        let roots: Vec<String> = (0..self.disk.len()).map(root).collect();
        let draft = PolicyDraft::default()
            .with(Setting::RewardsAddress, "faucet")
            .with(Setting::NodeStorage, Setting::NodeStorage.join(&roots))
            .with(Setting::LogStorage, "/srv/logs");
        let named = self.settings.iter();
        let named = named.filter_map(|(key, value)| Some((key.parse().ok()?, text(value))));
        named.fold(draft, |draft, (setting, value)| draft.with(setting, value))
    }
}

/// The storage root on the disk with this number.
pub(crate) fn root(disk: usize) -> String {
    format!("/srv/disk{}", disk + 1)
}

/// A setting's value as it would be typed.
pub(crate) fn text(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
