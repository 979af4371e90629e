//! A timer of systemd, a user's own or the machine's.
#![expect(
    clippy::disallowed_methods,
    reason = "the shell module that reads our units and waits for a cycle to end"
)]

#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod text;

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, HostError, HostResult};
use wnm_core::model::Timestamp;
use wnm_core::observe::FaultKind;

use super::{Found, Job, Obstacle, Piece, Schedule, ScheduleKind};
use crate::detect::{UserManager, system_manager, user_manager};
use crate::hands::{Hands, OwnHands, RootHands};
use crate::systemd::{Systemctl, Whose};
use text::{SERVICE, TIMER};

const PATIENCE: Duration = Duration::from_secs(30);
/// A cycle that removes a large node may take this long.
const CYCLE_PATIENCE: Duration = Duration::from_secs(120);

/// `wnm.timer` and `wnm.service`.
pub struct Timer {
    runner: Arc<dyn CommandRunner>,
    ctl: Systemctl,
    units: PathBuf,
    /// Where the user's own manager listens, and the user's name; nothing for the machine's.
    user: Option<(String, String)>,
    hands: Arc<dyn Hands>,
}

impl std::fmt::Debug for Timer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timer").field("units", &self.units).finish_non_exhaustive()
    }
}

impl Timer {
    /// Of the user called `name`, whose manager listens in `runtime_dir`.
    pub fn new(
        runner: Arc<dyn CommandRunner>,
        units: PathBuf,
        runtime_dir: String,
        name: String,
    ) -> Timer {
        let ctl =
            Systemctl::new(Arc::clone(&runner), Whose::User { runtime_dir: runtime_dir.clone() });
        let hands = Arc::new(OwnHands);
        Timer { runner, ctl, units, user: Some((runtime_dir, name)), hands }
    }

    /// Of the machine, written with root's hands.
    pub fn of_system(runner: Arc<dyn CommandRunner>, units: PathBuf, hands: RootHands) -> Timer {
        let ctl = Systemctl::new(Arc::clone(&runner), Whose::System);
        Timer { runner, ctl, units, user: None, hands: Arc::new(hands) }
    }

    fn must(&self, args: &[&str]) -> HostResult<()> {
        self.ctl.must(words(args), PATIENCE)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.units.join(name)
    }

    /// A unit file of ours; one of somebody else is a conflict.
    fn text(&self, name: &str) -> HostResult<Option<String>> {
        let path = self.file(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(HostError::io(format!("read {}", path.display()), error)),
        };
        if text::is_ours(&text) {
            return Ok(Some(text));
        }
        let op = format!("{} was not made by wnm and is left alone", path.display());
        Err(HostError::new(op, FaultKind::Conflict))
    }

    fn ours(&self) -> HostResult<Vec<Piece>> {
        let mut pieces = Vec::new();
        for name in [SERVICE, TIMER] {
            let place = self.file(name).display().to_string();
            pieces.extend(self.text(name)?.map(|text| Piece { place, text }));
        }
        Ok(pieces)
    }

    fn shown(&self) -> HostResult<text::Shown> {
        let answer = self.ctl.ask(words(&["show", text::PROPERTIES, "--", TIMER]), PATIENCE)?;
        match answer.ok() {
            true => Ok(text::parse(&answer.stdout)),
            false => {
                let why = answer.stderr.trim().to_owned();
                Err(HostError::with("ask systemd for the timer", FaultKind::Unavailable, why))
            }
        }
    }

    /// When the file of a running service is taken away, systemd forgets that its other processes
    /// are to be spared, and ends them with it: nodes that the cycle has started.
    fn wait_for_the_cycle(&self) -> HostResult<()> {
        let deadline = Instant::now() + CYCLE_PATIENCE;
        loop {
            let ask = words(&["show", "--property=ActiveState", "--value", "--", SERVICE]);
            let answer = self.ctl.ask(ask, PATIENCE)?;
            if matches!(answer.stdout.trim(), "inactive" | "failed") {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let op = "a cycle is still running; the timer is off, but its files stay until a \
                          second `wnm schedule remove`";
                return Err(HostError::new(op, FaultKind::Timeout));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Schedule for Timer {
    fn kind(&self) -> ScheduleKind {
        ScheduleKind::Systemd
    }

    fn obstacle(&self) -> Option<Obstacle> {
        let of = |problem: String, hint: String| Some(Obstacle { problem, hint });
        let Some((runtime_dir, name)) = &self.user else {
            let hint = "without systemd choose --cron".to_owned();
            let absent = !system_manager(self.runner.as_ref());
            let problem = "the systemd of this machine does not answer".to_owned();
            return absent.then_some(Obstacle { problem, hint });
        };
        match user_manager(self.runner.as_ref(), runtime_dir, name) {
            UserManager::Ready => None,
            UserManager::NotLingering => of(
                format!("lingering is off for {name}: the timer would stop with the last session"),
                format!("`loginctl enable-linger {name}` turns it on, `sudo` before it if refused"),
            ),
            UserManager::Absent => of(
                format!("the systemd of user {name} does not answer at {runtime_dir}"),
                format!("`loginctl enable-linger {name}` starts it; without systemd choose --cron"),
            ),
        }
    }

    fn pieces(&self, job: &Job) -> HostResult<Vec<Piece>> {
        let piece = |name, text| Piece { place: self.file(name).display().to_string(), text };
        Ok(vec![piece(SERVICE, text::service(job)), piece(TIMER, text::timer(job.every))])
    }

    fn found(&self, _now: Timestamp) -> HostResult<Found> {
        let pieces = self.ours()?;
        if pieces.is_empty() {
            return Ok(Found::default());
        }
        let shown = self.shown()?;
        let why_not = match (pieces.len(), shown.is_active, shown.is_enabled) {
            (2, true, true) => None,
            (2, false, _) => Some(format!("{TIMER} is not active")),
            (2, true, false) => Some(format!("{TIMER} is not enabled: a reboot would end it")),
            _ => Some("one of its two files is missing".to_owned()),
        };
        let (last, next) = (shown.last, shown.next);
        Ok(Found { pieces, fires: why_not.is_none(), why_not, last, next, others: Vec::new() })
    }

    fn install(&self, job: &Job) -> HostResult<Change> {
        let wanted = self.pieces(job)?;
        let is_written = self.ours()? == wanted;
        if is_written {
            let shown = self.shown()?;
            if shown.is_active && shown.is_enabled {
                return Ok(Change::AlreadySo);
            }
        } else {
            self.hands.make_root(&self.units)?;
            for (name, piece) in [SERVICE, TIMER].into_iter().zip(&wanted) {
                self.hands.write(&self.file(name), piece.text.as_bytes(), 0o644)?;
            }
            self.must(&["daemon-reload"])?;
        }
        self.must(&["enable", "--quiet", "--", TIMER])?;
        // A timer that runs already takes no notice of a new interval.
        self.must(&["restart", "--", TIMER])?;
        Ok(Change::Made)
    }

    fn remove(&self) -> HostResult<Change> {
        let ours = self.ours()?;
        if ours.is_empty() {
            return Ok(Change::AlreadySo);
        }
        let has_timer = self.text(TIMER)?.is_some();
        if has_timer {
            self.must(&["disable", "--quiet", "--now", "--", TIMER])?;
            self.wait_for_the_cycle()?;
            // When it fired last is kept in a file of systemd's; one that stays harms nobody.
            let _ = self.must(&["clean", "--what=state", "--", TIMER]);
        } else {
            self.wait_for_the_cycle()?;
        }
        for name in [TIMER, SERVICE] {
            self.hands.remove_file(&self.file(name))?;
        }
        self.hands.sync_directory(&self.units)?;
        self.must(&["daemon-reload"])?;
        // A last cycle that failed would be listed for ever; one that did not is no news.
        let _ = self.must(&["reset-failed", "--quiet", "--", SERVICE]);
        Ok(Change::Made)
    }
}

fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(|word| (*word).to_owned()).collect()
}
