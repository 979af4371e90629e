//! A modelled node: its data and, while it runs, its process.

use crate::chance::Chance;
use crate::machine::{NodeModel, Trouble};

/// One identity. Its character follows from the seed and from how many were created before it, so
/// that two rule sets meet the same nodes.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) number: u32,
    /// Its disk.
    pub(crate) disk: usize,
    pub(crate) data_gb: f64,
    pub(crate) process: Option<Process>,
    /// The manager's counter of its own restarts.
    pub(crate) restarts: u32,
    /// Its manager starts it when the machine comes up.
    pub(crate) is_enabled: bool,
    /// The minute in which a release makes it restart itself.
    pub(super) upgrades_at: Option<u32>,
    chance: Chance,
    cpu: f64,
    memory: f64,
    disk_rate: f64,
    is_dying: bool,
}

/// A running node's process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Uptime of the machine when it started.
    pub(crate) started_ms: u64,
    pub(crate) cpu_ms: f64,
    pub(crate) memory_mb: f64,
    /// What systemd calls its invocation.
    pub(crate) invocation: String,
    noise: f64,
}

/// What a node takes in one minute.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Need {
    pub(super) cpu: f64,
    pub(super) load: f64,
    pub(super) memory_mb: f64,
}

impl Node {
    pub(super) fn new(number: u32, disk: usize, serial: u32, seed: u64, of: &NodeModel) -> Node {
        let mut chance = Chance::new(seed, 1000 + u64::from(serial));
        Node {
            number,
            disk,
            data_gb: 0.02,
            process: None,
            restarts: 0,
            is_enabled: false,
            upgrades_at: None,
            cpu: chance.factor(of.cpu_spread),
            memory: chance.factor(of.memory_spread),
            disk_rate: chance.factor(of.disk_spread),
            is_dying: false,
            chance,
        }
    }

    /// From now on it dies again and again.
    pub(super) fn sicken(&mut self) {
        self.is_dying = true;
    }

    pub(super) fn start(&mut self, pid: u32, uptime_ms: u64) {
        let invocation = format!("{pid:08x}{uptime_ms:024x}");
        self.process = Some(Process {
            pid,
            started_ms: uptime_ms,
            cpu_ms: 0.0,
            memory_mb: 0.0,
            invocation,
            noise: 0.0,
        });
    }

    /// What it needs now; nothing while it does not run.
    pub(super) fn need(&mut self, of: &NodeModel, uptime_ms: u64) -> Need {
        let Some(process) = &mut self.process else { return Need::default() };
        let minutes = uptime_ms.saturating_sub(process.started_ms) as f64 / 60_000.0;
        // Busy minutes come in rows.
        process.noise = 0.8 * process.noise + 0.6 * self.chance.normal();
        let settled = of.cpu * self.cpu * (1.0 + of.cpu_noise * process.noise).max(0.0);
        let surge = of.surge_cpu * (1.0 - minutes / of.surge_minutes).max(0.0);
        let grown = (minutes / 60.0 / of.memory_hours).min(1.0);
        let memory = of.memory_start_mb + (of.memory_mb - of.memory_start_mb) * grown;
        process.memory_mb = memory * self.memory * (1.0 + 0.01 * process.noise);
        Need {
            cpu: settled + surge,
            load: of.load * (1.0 + of.cpu_noise * process.noise).max(0.0),
            memory_mb: process.memory_mb,
        }
    }

    /// Uses a minute of so many CPUs, and gathers data where there is room for it.
    pub(super) fn live(&mut self, cpus: f64, of: &NodeModel, has_room: bool) {
        let Some(process) = &mut self.process else { return };
        process.cpu_ms += cpus * 60_000.0;
        if has_room {
            let left = (1.0 - self.data_gb / (of.disk_gb * self.disk_rate)).max(0.0);
            self.data_gb += of.disk_gb_a_day * self.disk_rate / 1440.0 * left;
        }
    }

    /// It restarts itself for a release at some minute of the next so many.
    pub(super) fn upgrade_within(&mut self, now: u32, minutes: f64) {
        let wait = self.chance.between(1.0, minutes.max(2.0));
        self.upgrades_at = Some(now + wait as u32);
    }

    /// Whether its process dies now of itself.
    pub(super) fn dies(&mut self, trouble: &Trouble, uptime_ms: u64) -> bool {
        let Some(process) = &self.process else { return false };
        let minutes = uptime_ms.saturating_sub(process.started_ms) as f64 / 60_000.0;
        let of_itself = trouble.death_days > 0.0;
        let of_chance = of_itself && self.chance.happens(1.0 / (trouble.death_days * 1440.0));
        of_chance || (self.is_dying && minutes >= trouble.dying_minutes)
    }

    /// Whether the manager leaves it down after a death.
    pub(super) fn stays_down(&mut self, trouble: &Trouble) -> bool {
        self.chance.happens(trouble.stays_down)
    }

    /// Records, four megabytes each.
    pub(crate) fn records(&self) -> u64 {
        (self.data_gb * 250.0) as u64
    }
}
