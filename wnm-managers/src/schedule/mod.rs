//! What runs a cycle again and again: a timer of systemd, or a line in a crontab.
//!
//! Texts are pure functions of the [`Job`]; effects are behind the trait. Exactly what we wrote is
//! ours, and is marked: everything else in the same place stays as it is, byte for byte.

mod cron;
mod every;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod job;
#[cfg(test)]
mod tests;
mod timer;

pub use cron::Cron;
pub use every::Every;
pub use job::{Drift, Job, Piece, drift, program_of};
pub use timer::Timer;

use serde::Serialize;
use wnm_core::action::Change;
use wnm_core::host::HostResult;
use wnm_core::model::Timestamp;

/// Which kind of schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// A timer unit with its service.
    Systemd,
    /// A block in a crontab.
    Cron,
}

impl std::fmt::Display for ScheduleKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ScheduleKind::Systemd => "systemd timer",
            ScheduleKind::Cron => "crontab line",
        })
    }
}

/// What is in the place of a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// What is ours; nothing when there is no schedule.
    pub pieces: Vec<Piece>,
    /// Whether it fires: the timer is on and stays on after a reboot; a cron daemon is there.
    pub fires: bool,
    /// Why it does not, in words.
    pub why_not: Option<String>,
    /// When it fired last, where somebody keeps that.
    pub last: Option<Timestamp>,
    /// When it fires next.
    pub next: Option<Timestamp>,
    /// Lines of somebody else that run wnm as well.
    pub others: Vec<String>,
}

impl Found {
    /// Whether there is anything of ours.
    pub fn is_there(&self) -> bool {
        !self.pieces.is_empty()
    }
}

/// Why a kind of schedule cannot be used here, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What is in the way.
    pub problem: String,
    /// The way out.
    pub hint: String,
}

/// One kind of schedule on this machine.
pub trait Schedule: Send + Sync {
    /// Which.
    fn kind(&self) -> ScheduleKind;

    /// Why it cannot be used here, if so.
    fn obstacle(&self) -> Option<Obstacle>;

    /// What [`install`](Schedule::install) would put in place. Pure; an error where this kind
    /// cannot express the job.
    fn pieces(&self, job: &Job) -> HostResult<Vec<Piece>>;

    /// What is there. A machine without this kind has nothing of it; any error means that it is
    /// not known.
    fn found(&self, now: Timestamp) -> HostResult<Found>;

    /// Ensures that the job is scheduled, and nothing else of ours.
    fn install(&self, job: &Job) -> HostResult<Change>;

    /// Ensures that nothing of ours is left, which is so where this kind is absent. A cycle that runs meanwhile runs to its end.
    fn remove(&self) -> HostResult<Change>;
}
