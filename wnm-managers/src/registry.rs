//! The managers of one machine.

use std::path::PathBuf;
use std::sync::Arc;

use wnm_core::host::{CommandRunner, HostError, HostResult, Managers, NodeManager};
use wnm_core::model::{Manager, ManagerKind, Scope};
use wnm_core::observe::FaultKind;

use crate::{Setsid, Systemd};

/// Every manager of the user scope.
#[derive(Debug)]
pub struct Registry {
    systemd: Systemd,
    setsid: Setsid,
}

impl Registry {
    /// Managers that keep units in `units` and know processes by the storage `roots`. `owner` is
    /// written into units so that an operator sees whose they are.
    pub fn new(
        runner: Arc<dyn CommandRunner>,
        units: PathBuf,
        runtime_dir: String,
        roots: Vec<PathBuf>,
    ) -> Registry {
        Registry {
            systemd: Systemd::new(Arc::clone(&runner), units, runtime_dir, roots.clone()),
            setsid: Setsid::new(runner, roots),
        }
    }
}

impl Managers for Registry {
    fn get(&self, manager: Manager) -> HostResult<&dyn NodeManager> {
        match (manager.kind, manager.scope) {
            (ManagerKind::Systemd, Scope::User) => Ok(&self.systemd),
            (ManagerKind::Setsid, Scope::User) => Ok(&self.setsid),
            (ManagerKind::Systemd | ManagerKind::Setsid, Scope::System) => {
                let op = format!("{manager} is not part of this version");
                Err(HostError::new(op, FaultKind::Unavailable))
            }
        }
    }
}
