//! Nodes as processes of their own sessions, kept by nobody. They are found again by their
//! `--root-dir`, so nothing is stored that could go stale.

mod cgroup;
mod spawn;
mod through_root;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wnm_core::action::Change;
use wnm_core::host::{CommandRunner, HostError, HostResult, NodeManager};
use wnm_core::model::{Manager, ManagerKind, NodeId, NodeSpec, Scope, node_of_data};
use wnm_core::observe::{FaultKind, UnitReading, UnitState};

pub use cgroup::service_of_process;
pub(crate) use cgroup::{container_of_process, keeper as keeper_of};

use crate::hands::{Hands, OwnHands, RootHands};
use crate::process::{end, pids_below, processes_of};
use through_root::ThroughRoot;

/// See the unit's TimeoutStopSec: killing loses what a node was writing.
const STOP_PATIENCE: Duration = Duration::from_secs(90);

/// `setsid+user` and `setsid+sudo`.
pub struct Setsid {
    runner: Arc<dyn CommandRunner>,
    roots: Vec<PathBuf>,
    /// How nodes of another user are started; our own are our children.
    through_root: Option<ThroughRoot>,
    hands: Arc<dyn Hands>,
}

impl std::fmt::Debug for Setsid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setsid").field("roots", &self.roots).finish_non_exhaustive()
    }
}

impl Setsid {
    /// Our own processes. Knows those below `roots`.
    pub fn new(runner: Arc<dyn CommandRunner>, roots: Vec<PathBuf>) -> Setsid {
        Setsid { runner, roots, through_root: None, hands: Arc::new(OwnHands) }
    }

    /// Processes of the user whom nodes belong to, started and stopped with root's rights. What they
    /// print goes to files in `output`, a directory of ours: theirs is closed to us.
    pub fn of_system(
        runner: Arc<dyn CommandRunner>,
        roots: Vec<PathBuf>,
        hands: RootHands,
        output: PathBuf,
    ) -> Setsid {
        let user = hands.user().to_owned();
        let through_root = Some(ThroughRoot { runner: Arc::clone(&runner), user, output });
        Setsid { runner, roots, through_root, hands: Arc::new(hands) }
    }
}

impl NodeManager for Setsid {
    fn manager(&self) -> Manager {
        let scope = if self.through_root.is_some() { Scope::System } else { Scope::User };
        Manager { kind: ManagerKind::Setsid, scope }
    }

    fn create(&self, _spec: &NodeSpec) -> HostResult<Change> {
        Ok(Change::AlreadySo)
    }

    fn start(&self, spec: &NodeSpec) -> HostResult<Change> {
        match processes_of(spec)?[..] {
            [] => {}
            [only] => {
                // It would come back from every stop, as a second one beside ours.
                let Some(keeper) = cgroup::keeper(self.runner.as_ref(), only.pid) else {
                    return Ok(Change::AlreadySo);
                };
                let op = format!("start {}: {keeper} keeps a process with its data", spec.id);
                return Err(HostError::new(op, FaultKind::Conflict));
            }
            ref several => {
                let op = format!("{} runs {} times: stop it first", spec.id, several.len());
                return Err(HostError::new(op, FaultKind::Conflict));
            }
        }
        cgroup::refuse_mortal_service(self.runner.as_ref())?;
        match &self.through_root {
            Some(root) => root.start(spec)?,
            None => spawn::spawn(spec)?,
        }
        Ok(Change::Made)
    }

    fn stop(&self, spec: &NodeSpec) -> HostResult<Change> {
        let running = processes_of(spec)?;
        end(self.hands.as_ref(), &running, STOP_PATIENCE)?;
        Ok(if running.is_empty() { Change::AlreadySo } else { Change::Made })
    }

    fn remove(&self, spec: &NodeSpec) -> HostResult<Change> {
        if processes_of(spec)?.is_empty() {
            if let Some(root) = &self.through_root {
                root.forget(spec)?;
            }
            return Ok(Change::AlreadySo);
        }
        let op = format!("{} still runs: stop it first", spec.id);
        Err(HostError::new(op, FaultKind::Refused))
    }

    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        let roots: BTreeSet<PathBuf> = specs.iter().map(|spec| spec.storage.clone()).collect();
        let found = pids_below(&roots.into_iter().collect::<Vec<_>>())?;
        let reading = |spec: &&NodeSpec| {
            let pid = found.get(&spec.data).and_then(|pids| pids.first()).copied();
            UnitReading {
                state: if pid.is_some() { UnitState::Running } else { UnitState::Missing },
                pid,
                restarts: None,
                invocation: None,
                definition_lost: false,
            }
        };
        Ok(specs.iter().map(reading).collect())
    }

    fn discover(&self) -> HostResult<BTreeSet<NodeId>> {
        Ok(ids_of(&self.roots, pids_below(&self.roots)?.keys()).collect())
    }

    fn keeps(&self) -> HostResult<BTreeSet<NodeId>> {
        Ok(BTreeSet::new())
    }
}

/// The nodes whose data directories these are.
pub(crate) fn ids_of<'a>(
    roots: &[PathBuf],
    directories: impl Iterator<Item = &'a PathBuf>,
) -> impl Iterator<Item = NodeId> {
    directories.filter_map(|data| node_of_data(data, roots))
}
