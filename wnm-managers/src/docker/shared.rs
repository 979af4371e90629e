//! Many nodes in one container: a file for each says what the container's first process does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::NodeSpec;
use wnm_core::observe::{FaultKind, UnitReading, UnitState};

use super::found::{Found, Status};
use super::orders::{self, Order};
use super::{
    Docker, INIT, STOP_PATIENCE, argv, belongs, engine, orders_of, reading, shared_conflict,
    strangers_conflict,
};
use crate::process::{self, end, pids_below, processes_of};

impl Docker {
    /// The container, when it takes our orders; somebody else's is as good as none.
    fn shared(&self, name: &str) -> HostResult<Option<Found>> {
        Ok(self.engine.look(name)?.filter(|found| self.is_ours(found, name)))
    }

    fn is_ours(&self, found: &Found, name: &str) -> bool {
        let orders = orders_of(&self.settings, name);
        orders.to_str().is_some_and(|orders| found.has_label(argv::ORDERS, orders))
    }

    fn write(&self, directory: &Path, spec: &NodeSpec, order: &Order) -> HostResult<()> {
        self.hands.write(&orders::file(directory, spec.id), &order.text()?, 0o644)
    }

    pub(super) fn create_shared(&self, spec: &NodeSpec, name: &str) -> HostResult<Change> {
        let found = self.engine.look(name)?;
        if found.as_ref().is_some_and(|found| !self.is_ours(found, name)) {
            return Err(shared_conflict(name));
        }
        let directory = orders_of(&self.settings, name);
        let args = argv::create_shared(name, spec, &directory, self.ground()?);
        if !self.hands.is_there(&directory)? {
            self.hands.make_root(&self.settings.orders)?;
            self.hands.make_root(&directory)?;
        }
        if found.as_ref().is_none_or(|found| !found.is_live()) {
            self.supply(&directory, found.is_none())?;
        }
        let made = self.ensure(name, found.as_ref(), args)?;
        let told = orders::read(&directory, spec.id)?;
        let lives = || -> HostResult<bool> {
            let ours = |pid| found.as_ref().is_some_and(|found| belongs(pid, found));
            Ok(processes_of(spec)?.iter().any(|key| ours(key.pid)))
        };
        let wanted = Order {
            // An order that got lost while its node runs is no word to stop it.
            run: told.as_ref().map_or_else(lives, |told| Ok(told.run))?,
            turn: told.as_ref().map_or(0, |told| told.turn),
            ..Order::of(spec)
        };
        if told.as_ref() == Some(&wanted) {
            return Ok(made);
        }
        self.write(&directory, spec, &wanted)?;
        Ok(Change::Made)
    }

    /// Puts the first process's program among the orders: that of this very wnm for a new container.
    fn supply(&self, directory: &Path, is_new: bool) -> HostResult<()> {
        let init = directory.join(INIT);
        if !is_new && self.hands.is_there(&init)? {
            return Ok(());
        }
        self.hands.write(&init, &orders::program(&self.settings.init)?, 0o755)
    }

    pub(super) fn start_shared(&self, spec: &NodeSpec, name: &str) -> HostResult<Change> {
        let directory = orders_of(&self.settings, name);
        let (told, found) = (orders::read(&directory, spec.id)?, self.shared(name)?);
        let (Some(told), Some(found)) = (told, found) else {
            let op = format!("start {}: container {name} does not know it", spec.id);
            return Err(HostError::new(op, FaultKind::NotFound));
        };
        let strangers = self.strangers(spec, Some(&found))?;
        if !strangers.is_empty() {
            return Err(strangers_conflict(spec, &strangers));
        }
        let is_up = processes_of(spec)?.iter().any(|key| belongs(key.pid, &found));
        if is_up && told.run && found.status == Status::Running {
            return Ok(Change::AlreadySo);
        }
        match found.status {
            Status::Running => {}
            Status::Paused => drop(self.engine.must(argv::unpause(name), engine::PATIENCE)?),
            Status::Resting | Status::Restarting | Status::Dead => {
                self.let_rest(&directory)?;
                self.engine.must(argv::start(name), engine::PATIENCE)?;
            }
        }
        let turn = told.turn.wrapping_add(1);
        self.write(&directory, spec, &Order { run: true, turn, ..told })?;
        self.wait_until_up(spec, name)?;
        Ok(Change::Made)
    }

    /// Before a container starts: its other nodes wait for their own turn, for nobody has looked
    /// whether their data is in use.
    fn let_rest(&self, directory: &Path) -> HostResult<()> {
        for id in orders::ids(directory)? {
            match orders::read(directory, id) {
                Ok(Some(told)) if told.run => {
                    let order = Order { run: false, ..told };
                    self.hands.write(&orders::file(directory, id), &order.text()?, 0o644)?;
                }
                // What makes no sense starts nothing.
                Err(error) if error.kind != FaultKind::Garbled => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    pub(super) fn stop_shared(&self, spec: &NodeSpec, name: &str) -> HostResult<Change> {
        let directory = orders_of(&self.settings, name);
        let found = self.shared(name)?.filter(Found::is_live);
        let told = orders::read(&directory, spec.id)?;
        let was_told = told.as_ref().is_some_and(|told| told.run);
        let ours = |found: &Found| -> HostResult<bool> {
            Ok(processes_of(spec)?.iter().any(|key| belongs(key.pid, found)))
        };
        // Before the order, which may be obeyed before the next look.
        let lived = found.as_ref().map_or(Ok(false), ours)?;
        if let Some(told) = told {
            self.write(&directory, spec, &Order { run: false, ..told })?;
        }
        if let Some(found) = &found {
            if found.status == Status::Paused && lived {
                self.engine.must(argv::unpause(name), engine::PATIENCE)?;
            }
            // One whose order is lost is not stopped by its container, but below.
            if was_told {
                process::wait_until(STOP_PATIENCE, || ours(found).is_ok_and(|lives| !lives));
            }
        }
        let left = processes_of(spec)?;
        end(self.hands.as_ref(), &left, Duration::from_secs(argv::STOP_SECONDS))?;
        let is_resting = !lived && left.is_empty();
        Ok(if is_resting { Change::AlreadySo } else { Change::Made })
    }

    /// The last node takes its container along.
    pub(super) fn remove_shared(&self, spec: &NodeSpec, name: &str) -> HostResult<Change> {
        let found = self.shared(name)?;
        if !processes_of(spec)?.is_empty() {
            let op = format!("{} still runs in container {name}: stop it first", spec.id);
            return Err(HostError::new(op, FaultKind::Refused));
        }
        let directory = orders_of(&self.settings, name);
        let mut change = Change::AlreadySo;
        let order = orders::file(&directory, spec.id);
        if self.hands.is_there(&order)? {
            self.hands.remove_file(&order)?;
            change = Change::Made;
        }
        if !orders::ids(&directory)?.is_empty() {
            return Ok(change);
        }
        if let Some(found) = found {
            if found.is_live() {
                self.engine.refuse_unseen(&found)?;
                if let Some(data) = self.lives_without_order(spec, &found)? {
                    let data = data.display();
                    tracing::warn!(
                        "container {name} stays: a node without an order runs in it, {data}"
                    );
                    return Ok(change);
                }
                self.engine.must(argv::stop(name, argv::SHARED_STOP_SECONDS), STOP_PATIENCE)?;
            }
            self.engine.remove(name)?;
            change = Change::Made;
        }
        if self.hands.is_there(&directory)? {
            self.hands.remove_file(&directory.join(INIT))?;
            self.hands.remove_if_empty(&directory);
            self.hands.remove_if_empty(&self.settings.orders);
            change = Change::Made;
        }
        Ok(change)
    }

    /// The data of a node that runs in the container although its order is lost: the next look writes
    /// it again, and nobody has said that the node shall stop.
    fn lives_without_order(&self, spec: &NodeSpec, found: &Found) -> HostResult<Option<PathBuf>> {
        let mut roots = self.settings.roots.clone();
        roots.push(spec.storage.clone());
        roots.sort();
        roots.dedup();
        let running = pids_below(&roots)?;
        let ours =
            running.into_iter().find(|(_, pids)| pids.iter().any(|pid| belongs(*pid, found)));
        Ok(ours.map(|(data, _)| data))
    }

    pub(super) fn read_shared(
        &self,
        spec: &NodeSpec,
        name: &str,
        container: Option<&Found>,
        pids: &[u32],
    ) -> HostResult<UnitReading> {
        let container = container.filter(|found| self.is_ours(found, name));
        let told = orders::read(&orders_of(&self.settings, name), spec.id);
        // One order that makes no sense says nothing of its own node, and takes nothing from others.
        let is_garbled = told.as_ref().is_err_and(|error| error.kind == FaultKind::Garbled);
        let told = if is_garbled { None } else { told? };
        let Some(found) = container else { return Ok(reading(UnitState::Missing, None, None)) };
        let pid = pids.iter().copied().find(|pid| belongs(*pid, found));
        let state = match (found.is_live(), pid, &told) {
            (true, Some(_), _) => UnitState::Running,
            _ if is_garbled => UnitState::Activating,
            // Its container waits to start it again.
            (true, None, Some(told)) if told.run => UnitState::Activating,
            (_, _, Some(_)) => UnitState::Stopped,
            (_, _, None) => UnitState::Missing,
        };
        // Restarts are counted of the container, not of the node.
        let definition_lost = pid.is_some() && told.is_none();
        Ok(UnitReading { restarts: None, definition_lost, ..reading(state, pid, container) })
    }
}
