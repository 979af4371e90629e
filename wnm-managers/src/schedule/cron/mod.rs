//! A block in the crontab of whoever runs wnm.
#![expect(clippy::disallowed_methods, reason = "the shell module that looks for a cron daemon")]

#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod text;
mod text_file;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, Completed, HostError, HostResult, Invocation};
use wnm_core::model::{Scope, Timestamp};
use wnm_core::observe::FaultKind;

use super::{Found, Job, Obstacle, Piece, Schedule, ScheduleKind};
use text_file::TextFile;

const PATIENCE: Duration = Duration::from_secs(10);
/// What cron daemons call themselves.
const DAEMONS: [&str; 3] = ["cron", "crond", "fcron"];
/// Where a new text lies until `crontab` has read it: the one place that is there for everybody.
const SCRATCH: &str = "/tmp";

/// The crontab of one user.
pub struct Cron {
    runner: Arc<dyn CommandRunner>,
    scope: Scope,
    /// For people.
    user: String,
    scratch: PathBuf,
}

impl std::fmt::Debug for Cron {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cron").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Cron {
    /// The crontab of whoever runs wnm, called `user`; for the nodes of `scope`.
    pub fn new(runner: Arc<dyn CommandRunner>, scope: Scope, user: String) -> Cron {
        Cron { runner, scope, user, scratch: SCRATCH.into() }
    }

    /// The same with another directory for texts on their way.
    #[cfg(test)]
    pub(super) fn through(self, scratch: PathBuf) -> Cron {
        Cron { scratch, ..self }
    }

    fn crontab(&self, argument: &str) -> HostResult<Completed> {
        self.runner.run(&Invocation::new("crontab", [argument], PATIENCE))
    }

    fn must(&self, argument: &str) -> HostResult<()> {
        let answer = self.crontab(argument)?;
        if answer.ok() {
            return Ok(());
        }
        let why = answer.stderr.trim().to_owned();
        Err(HostError::with(format!("crontab {argument}"), FaultKind::Failed, why))
    }

    /// The whole crontab. None at all is an empty one; anything that went wrong is not.
    fn read(&self) -> HostResult<String> {
        let answer = self.crontab("-l")?;
        match answer.ok() {
            true => Ok(answer.stdout),
            false if answer.stderr.contains("no crontab for") => Ok(String::new()),
            false => {
                let why = answer.stderr.trim().to_owned();
                Err(HostError::with("read the crontab", FaultKind::Failed, why))
            }
        }
    }

    /// The same; where there is no `crontab` at all there is nothing of ours in one.
    fn read_if_any(&self) -> HostResult<String> {
        match self.read() {
            Err(error) if error.kind == FaultKind::NotFound => Ok(String::new()),
            read => read,
        }
    }

    /// Puts `wanted` in the place of `old`, and looks whether that is what is there now.
    fn replace(&self, old: &str, wanted: &str) -> HostResult<()> {
        if self.read()? != old {
            let op = "somebody else changes the crontab at this moment: try again";
            return Err(HostError::new(op, FaultKind::Conflict));
        }
        match wanted {
            "" => self.must("-r")?,
            _ => self.must(&TextFile::write(&self.scratch, wanted)?.path())?,
        }
        if self.read()? == wanted {
            return Ok(());
        }
        let op = "the crontab is not what was written to it: look at it with `crontab -l`";
        Err(HostError::new(op, FaultKind::Conflict))
    }

    fn place(&self) -> String {
        format!("crontab of {}", self.user)
    }
}

impl Schedule for Cron {
    fn kind(&self) -> ScheduleKind {
        ScheduleKind::Cron
    }

    fn obstacle(&self) -> Option<Obstacle> {
        let error = self.read().err()?;
        let problem = format!("the crontab cannot be used: {}", error.chain());
        Some(Obstacle { problem, hint: "install cron, or choose --systemd".to_owned() })
    }

    fn pieces(&self, job: &Job) -> HostResult<Vec<Piece>> {
        Ok(vec![Piece { place: self.place(), text: text::block(job, self.scope)? }])
    }

    fn found(&self, now: Timestamp) -> HostResult<Found> {
        let parts = text::split(&self.read_if_any()?, self.scope)?;
        let others = text::runs_wnm(&parts.others);
        let piece = |text: &String| Piece { place: self.place(), text: text.clone() };
        let pieces: Vec<Piece> = parts.blocks.iter().map(piece).collect();
        if pieces.is_empty() {
            return Ok(Found { others, ..Found::default() });
        }
        let why_not = (!has_daemon()).then(|| "no cron daemon is seen to run".to_owned());
        let next = parts.blocks.first().and_then(|block| text::next(block, now));
        Ok(Found { pieces, fires: why_not.is_none(), why_not, last: None, next, others })
    }

    fn install(&self, job: &Job) -> HostResult<Change> {
        let old = self.read()?;
        let wanted = text::split(&old, self.scope)?.with(&text::block(job, self.scope)?);
        if wanted == old {
            return Ok(Change::AlreadySo);
        }
        self.replace(&old, &wanted)?;
        Ok(Change::Made)
    }

    fn remove(&self) -> HostResult<Change> {
        let old = self.read_if_any()?;
        let parts = text::split(&old, self.scope)?;
        if parts.blocks.is_empty() {
            return Ok(Change::AlreadySo);
        }
        self.replace(&old, &parts.others)?;
        Ok(Change::Made)
    }
}

/// A daemon in another container or behind a hidden /proc is not seen.
fn has_daemon() -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    entries.flatten().any(|entry| {
        let name = fs::read_to_string(entry.path().join("comm"));
        name.is_ok_and(|name| DAEMONS.contains(&name.trim()))
    })
}
