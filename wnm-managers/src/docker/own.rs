//! A container for one node, named after it; or the one that it was taken over in, which is somebody
//! else's work and is made anew as ours the next time its node rests.

use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::NodeSpec;
use wnm_core::observe::{FaultKind, UnitReading, UnitState};

use super::found::{Found, Status};
use super::{Docker, STOP_PATIENCE, argv, belongs, conflict, engine, reading, strangers_conflict};
use crate::process::end;

impl Docker {
    /// Everything of the node's name, whoever made it, and the container that it was taken over in.
    fn all_of(&self, spec: &NodeSpec) -> HostResult<Vec<Found>> {
        let name = spec.service();
        let names = std::iter::once(name.as_str()).chain(spec.adopted.as_deref());
        let mut found = self.engine.inspect(names)?;
        found.dedup_by(|a, b| a.id == b.id);
        Ok(found)
    }

    /// The node's containers; somebody else's are as good as none.
    fn own(&self, spec: &NodeSpec) -> HostResult<Vec<Found>> {
        let mut found = self.all_of(spec)?;
        found.retain(|found| is_for(found, spec));
        Ok(found)
    }

    pub(super) fn create_own(&self, spec: &NodeSpec) -> HostResult<Change> {
        let name = spec.service();
        let all = self.all_of(spec)?;
        if all.iter().any(|found| found.name == name && !is_for(found, spec)) {
            return Err(conflict(&name));
        }
        let args = argv::create_own(spec, self.ground()?);
        let (ours, theirs): (Vec<Found>, Vec<Found>) =
            all.into_iter().partition(|found| is_labelled(found, spec));
        match (ours.first(), theirs.first()) {
            (_, Some(theirs)) if theirs.is_live() => Ok(Change::AlreadySo),
            (None, Some(theirs)) => self.make_anew(&name, theirs, args),
            (Some(ours), Some(theirs)) => {
                // Left behind by a run that was killed in the middle of this.
                self.engine.must(argv::remove(&theirs.id), engine::PATIENCE)?;
                self.ensure(&name, Some(ours), args)
            }
            (ours, None) => self.ensure(&name, ours, args),
        }
    }

    /// One of ours in the place of one that somebody else made, which goes only when ours is there.
    fn make_anew(&self, name: &str, theirs: &Found, args: Vec<String>) -> HostResult<Change> {
        let aside = format!("{name}.before-wnm");
        let is_in_the_way = theirs.name == name;
        if is_in_the_way {
            self.engine.must(argv::rename(&theirs.id, &aside), engine::PATIENCE)?;
        }
        let made = self.ensure(name, None, args);
        if made.is_err() && is_in_the_way {
            self.engine.must(argv::rename(&theirs.id, name), engine::PATIENCE)?;
        }
        let made = made?;
        self.engine.must(argv::remove(&theirs.id), engine::PATIENCE)?;
        Ok(made)
    }

    pub(super) fn start_own(&self, spec: &NodeSpec) -> HostResult<Change> {
        let Some(found) = choose(self.own(spec)?) else {
            let op = format!("start {}: it has no container", spec.id);
            return Err(HostError::new(op, FaultKind::NotFound));
        };
        let name = found.name.as_str();
        let strangers = self.strangers(spec, Some(&found))?;
        if !strangers.is_empty() {
            return Err(strangers_conflict(spec, &strangers));
        }
        match found.status {
            Status::Running => return Ok(Change::AlreadySo),
            Status::Paused => drop(self.engine.must(argv::unpause(name), engine::PATIENCE)?),
            Status::Restarting | Status::Resting | Status::Dead => {
                self.engine.must(argv::start(name), engine::PATIENCE)?;
            }
        }
        self.wait_until_up(spec, name)?;
        // Docker knows no umask; the directory is private, and now the key is by itself.
        self.hands.make_private(&spec.data.join(spec.program.identity_file()))?;
        Ok(Change::Made)
    }

    pub(super) fn stop_own(&self, spec: &NodeSpec) -> HostResult<Change> {
        let mut found = self.own(spec)?;
        found.retain(Found::is_live);
        for found in &found {
            if !is_labelled(found, spec) {
                self.let_rest_for_good(found);
            }
            if found.status == Status::Paused {
                // What is frozen hears no signal but the last one.
                self.engine.must(argv::unpause(&found.name), engine::PATIENCE)?;
            }
            self.engine.must(argv::stop(&found.name, argv::STOP_SECONDS), STOP_PATIENCE)?;
        }
        // What is still there was started by somebody else, with this node's data.
        let strangers = self.strangers(spec, None)?;
        end(self.hands.as_ref(), &strangers, Duration::from_secs(argv::STOP_SECONDS))?;
        let is_resting = found.is_empty() && strangers.is_empty();
        Ok(if is_resting { Change::AlreadySo } else { Change::Made })
    }

    /// Whoever made it may have told the engine to start it again, come what may. An old podman
    /// cannot be told otherwise, and does not do so by itself.
    fn let_rest_for_good(&self, found: &Found) {
        if let Err(error) = self.engine.must(argv::forsake(&found.name), engine::PATIENCE) {
            tracing::warn!(error = error.chain(), container = found.name, "it keeps its policy");
        }
    }

    pub(super) fn remove_own(&self, spec: &NodeSpec) -> HostResult<Change> {
        let found = self.own(spec)?;
        if let Some(live) = found.iter().find(|found| found.is_live()) {
            let op = format!("container {} still runs: stop it first", live.name);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        for found in &found {
            self.engine.remove(&found.name)?;
        }
        Ok(if found.is_empty() { Change::AlreadySo } else { Change::Made })
    }

    /// Its labels cannot change, and say whose it was; its name is not free while it is there.
    pub(super) fn hand_over_own(&self, spec: &NodeSpec) -> HostResult<Change> {
        let Some(found) = choose(self.own(spec)?) else {
            let op = format!("hand over {}: it has no container", spec.id);
            return Err(HostError::new(op, FaultKind::NotFound));
        };
        self.engine.must(argv::keep(&found.name), engine::PATIENCE)?;
        Ok(Change::Made)
    }

    /// By the container of its name and the one that it was taken over in.
    pub(super) fn read_own(
        &self,
        spec: &NodeSpec,
        containers: [Option<&Found>; 2],
        pids: &[u32],
    ) -> HostResult<UnitReading> {
        let own = containers.into_iter().flatten().filter(|found| is_for(found, spec));
        let own = own.cloned().collect();
        let Some(found) = choose(own) else { return Ok(reading(UnitState::Missing, None, None)) };
        let pid = pids.iter().copied().find(|pid| belongs(*pid, &found));
        let state = match found.status {
            Status::Running | Status::Paused if pid.is_some() => UnitState::Running,
            // The init stands, and the node behind it comes or goes at this moment.
            Status::Running | Status::Paused | Status::Restarting => UnitState::Activating,
            Status::Resting => UnitState::Stopped,
            Status::Dead => UnitState::Failed,
        };
        Ok(reading(state, pid, Some(&found)))
    }
}

/// The one that runs, of several.
fn choose(own: Vec<Found>) -> Option<Found> {
    let live = own.iter().position(Found::is_live).unwrap_or_default();
    own.into_iter().nth(live)
}

fn is_for(found: &Found, spec: &NodeSpec) -> bool {
    is_labelled(found, spec) || spec.adopted.as_ref() == Some(&found.id)
}

/// True for those that wnm makes.
fn is_labelled(found: &Found, spec: &NodeSpec) -> bool {
    spec.data.to_str().is_some_and(|data| found.has_label(argv::DATA, data))
}
