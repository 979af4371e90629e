//! A container for one node, named after it.

use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::NodeSpec;
use wnm_core::observe::{FaultKind, UnitReading, UnitState};

use super::found::{Found, Status};
use super::{Docker, STOP_PATIENCE, argv, belongs, conflict, engine, reading, strangers_conflict};
use crate::process::end;

impl Docker {
    /// The node's container, when it was made for it; somebody else's is as good as none.
    fn own(&self, spec: &NodeSpec) -> HostResult<Option<Found>> {
        Ok(self.engine.look(&spec.service())?.filter(|found| is_for(found, spec)))
    }

    pub(super) fn create_own(&self, spec: &NodeSpec) -> HostResult<Change> {
        let name = spec.service();
        let found = self.engine.look(&name)?;
        if found.as_ref().is_some_and(|found| !is_for(found, spec)) {
            return Err(conflict(&name));
        }
        let args = argv::create_own(spec, self.ground()?);
        self.ensure(&name, found.as_ref(), args)
    }

    pub(super) fn start_own(&self, spec: &NodeSpec) -> HostResult<Change> {
        let name = spec.service();
        let Some(found) = self.own(spec)? else {
            let op = format!("start {}: it has no container", spec.id);
            return Err(HostError::new(op, FaultKind::NotFound));
        };
        let strangers = self.strangers(spec, Some(&found))?;
        if !strangers.is_empty() {
            return Err(strangers_conflict(spec, &strangers));
        }
        match found.status {
            Status::Running => return Ok(Change::AlreadySo),
            Status::Paused => drop(self.engine.must(argv::unpause(&name), engine::PATIENCE)?),
            Status::Restarting | Status::Resting | Status::Dead => {
                self.engine.must(argv::start(&name), engine::PATIENCE)?;
            }
        }
        self.wait_until_up(spec, &name)?;
        // Docker knows no umask; the directory is private, and now the key is by itself.
        self.hands.make_private(&spec.data.join(spec.program.identity_file()))?;
        Ok(Change::Made)
    }

    pub(super) fn stop_own(&self, spec: &NodeSpec) -> HostResult<Change> {
        let name = spec.service();
        let found = self.own(spec)?.filter(Found::is_live);
        if let Some(found) = &found {
            if found.status == Status::Paused {
                // What is frozen hears no signal but the last one.
                self.engine.must(argv::unpause(&name), engine::PATIENCE)?;
            }
            self.engine.must(argv::stop(&name, argv::STOP_SECONDS), STOP_PATIENCE)?;
        }
        // What is still there was started by somebody else, with this node's data.
        let strangers = self.strangers(spec, None)?;
        end(self.hands.as_ref(), &strangers, Duration::from_secs(argv::STOP_SECONDS))?;
        let is_resting = found.is_none() && strangers.is_empty();
        Ok(if is_resting { Change::AlreadySo } else { Change::Made })
    }

    pub(super) fn remove_own(&self, spec: &NodeSpec) -> HostResult<Change> {
        let Some(found) = self.own(spec)? else { return Ok(Change::AlreadySo) };
        if found.is_live() {
            let op = format!("container {} still runs: stop it first", found.name);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        self.engine.must(argv::remove(&found.name), engine::PATIENCE)?;
        Ok(Change::Made)
    }

    /// Its labels cannot change, and say whose it was; its name is not free while it is there.
    pub(super) fn hand_over_own(&self, spec: &NodeSpec) -> HostResult<Change> {
        let Some(found) = self.own(spec)? else {
            let op = format!("hand over {}: it has no container", spec.id);
            return Err(HostError::new(op, FaultKind::NotFound));
        };
        self.engine.must(argv::keep(&found.name), engine::PATIENCE)?;
        Ok(Change::Made)
    }

    pub(super) fn read_own(
        &self,
        spec: &NodeSpec,
        container: Option<&Found>,
        pids: &[u32],
    ) -> HostResult<UnitReading> {
        let container = container.filter(|found| is_for(found, spec));
        let Some(found) = container else { return Ok(reading(UnitState::Missing, None, None)) };
        let pid = pids.iter().copied().find(|pid| belongs(*pid, found));
        let state = match found.status {
            Status::Running | Status::Paused if pid.is_some() => UnitState::Running,
            // The init stands, and the node behind it comes or goes at this moment.
            Status::Running | Status::Paused | Status::Restarting => UnitState::Activating,
            Status::Resting => UnitState::Stopped,
            Status::Dead => UnitState::Failed,
        };
        Ok(reading(state, pid, container))
    }
}

fn is_for(found: &Found, spec: &NodeSpec) -> bool {
    spec.data.to_str().is_some_and(|data| found.has_label(argv::DATA, data))
}
