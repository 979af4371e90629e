//! That a container is there and its systemd answers.

use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, HostError, HostResult, Invocation};
use wnm_core::model::NodeSpec;
use wnm_core::observe::FaultKind;

use super::super::engine;
use super::super::found::{Found, Status};
use super::super::{argv as calls, ground, shared_conflict, with_image};
use super::inside::Inside;
use super::{DockerAntctl, argv};
use crate::files::{MARKER, claim_root};
use crate::process::{self, pids_below};

/// Its systemd answers within a second.
const PATIENCE: Duration = Duration::from_secs(30);

impl DockerAntctl {
    /// Afterwards the container runs and its systemd answers. No node in it is started by that.
    pub(super) fn stand(&self, name: &str, spec: &NodeSpec) -> HostResult<(Found, Change)> {
        let found = self.engine.look(name)?;
        if found.as_ref().is_some_and(|found| !self.is_ours(found, name)) {
            return Err(shared_conflict(name));
        }
        let made = self.make(name, spec, found.as_ref())?;
        let begun = match found.map(|found| found.status) {
            Some(Status::Running) => Change::AlreadySo,
            Some(Status::Paused) => {
                self.engine.must(calls::unpause(name), engine::PATIENCE)?;
                Change::Made
            }
            Some(Status::Resting | Status::Restarting | Status::Dead) | None => {
                self.engine.must(calls::start(name), engine::PATIENCE)?;
                Change::Made
            }
        };
        let found = self.wait_until_it_stands(name)?;
        let is_new = made == Change::Made || begun == Change::Made;
        Ok((found, if is_new { Change::Made } else { Change::AlreadySo }))
    }

    /// Makes the container anew unless it is as it should be, or runs.
    fn make(&self, name: &str, spec: &NodeSpec, found: Option<&Found>) -> HostResult<Change> {
        if found.is_some_and(Found::is_live) {
            return Ok(Change::AlreadySo);
        }
        let place = self.place(name);
        let ground = ground(&self.engine, &self.settings.image, self.user.as_deref())?;
        if ground.keeps_ids {
            let op = "podman without root cannot keep a systemd that gives files to others: use \
                      Docker, or podman as root";
            return Err(HostError::new(op, FaultKind::Refused));
        }
        let args = argv::create(name, spec, &place, ground);
        if let Some(found) = found {
            let definition = calls::definition(&args);
            let is_same = found.has_label(calls::DEFINITION, definition);
            if is_same && found.status != Status::Dead {
                return Ok(Change::AlreadySo);
            }
            self.engine.must(calls::remove(name), engine::PATIENCE)?;
        }
        self.refuse_used(name, spec)?;
        self.make_places(spec)?;
        place.make(self.hands.as_ref(), &argv::users(ground), &argv::groups(ground))?;
        self.engine
            .must(args, engine::PATIENCE)
            .map_err(|error| with_image(error, &self.settings.image, self.engine.command()))?;
        Ok(Change::Made)
    }

    /// A container that somebody has renamed goes on with its nodes: a second one in its place would
    /// count with the same registry.
    fn refuse_used(&self, name: &str, spec: &NodeSpec) -> HostResult<()> {
        let running = pids_below(std::slice::from_ref(&spec.storage))?;
        let Some(pid) = running.values().flatten().next() else { return Ok(()) };
        let op = format!(
            "container {name} is not there, and process {pid} uses {}: no other one is made beside it",
            spec.storage.display()
        );
        Err(HostError::new(op, FaultKind::Conflict))
    }

    /// The storage root of a container, and where its logs lie. Nothing is made where a disk is missing.
    fn make_places(&self, spec: &NodeSpec) -> HostResult<()> {
        if let Some(above) = spec.storage.parent()
            && !self.hands.is_there(&spec.storage.join(MARKER))?
        {
            if !self.hands.is_there(&above.join(MARKER))? {
                let op = format!(
                    "{} has no {MARKER} in it: its disk is not mounted, or it is not a storage of \
                     ours",
                    above.display()
                );
                return Err(HostError::new(op, FaultKind::NotFound));
            }
            claim_root(self.hands.as_ref(), &spec.storage)?;
        }
        spec.logs.parent().map_or(Ok(()), |logs| self.hands.make_root(logs))
    }

    pub(super) fn wait_until_it_stands(&self, name: &str) -> HostResult<Found> {
        let answers = |found: &Found| {
            let inside = Inside {
                engine: self.engine.clone(),
                name: name.to_owned(),
                id: Some(found.id.clone()),
            };
            let args = ["show", "--property=Version", "--value"];
            let call = Invocation::new("/usr/bin/systemctl", args, engine::PATIENCE);
            inside.run(&call).is_ok_and(|answer| answer.ok() && !answer.stdout.trim().is_empty())
        };
        let is_up = || match self.look(name) {
            Ok(Some(found)) if found.status == Status::Running => answers(&found),
            Ok(Some(found)) => !found.is_live(),
            Ok(None) | Err(_) => false,
        };
        process::wait_until(PATIENCE, is_up);
        let found = self.look(name)?.filter(|found| found.status == Status::Running);
        if let Some(found) = found.filter(answers) {
            self.engine.refuse_unseen(&found)?;
            return Ok(found);
        }
        let printed = self.engine.call(calls::logs(name), engine::PATIENCE);
        let printed = printed.map(|answer| format!("{}{}", answer.stdout, answer.stderr));
        let printed = printed.unwrap_or_default().trim().replace('\n', "; ");
        let op = format!(
            "the systemd of container {name} does not answer; the image {} must have been made by \
             `wnm docker image --antctl --build`. It says `{printed}`",
            self.settings.image
        );
        Err(HostError::new(op, FaultKind::Unavailable))
    }
}
