//! The managers of one machine.

use std::path::PathBuf;
use std::sync::Arc;

use wnm_core::host::{CommandRunner, HostError, HostResult, Managers, NodeManager};
use wnm_core::model::{Manager, ManagerKind};
use wnm_core::observe::FaultKind;

use crate::{Antctl, RootHands, Setsid, Systemd};

/// Every manager of one scope.
#[derive(Debug)]
pub struct Registry {
    systemd: Systemd,
    /// Processes of our own; the machine has none.
    setsid: Option<Setsid>,
    /// Those that call antctl.
    antctl: Vec<Antctl>,
}

impl Registry {
    /// Managers of a user, that keep units in `units` and know processes by the storage `roots`.
    pub fn new(
        runner: Arc<dyn CommandRunner>,
        units: PathBuf,
        runtime_dir: String,
        roots: Vec<PathBuf>,
    ) -> Registry {
        Registry {
            systemd: Systemd::new(Arc::clone(&runner), units, runtime_dir, roots.clone()),
            setsid: Some(Setsid::new(runner, roots)),
            antctl: Vec::new(),
        }
    }

    /// Managers of the machine.
    pub fn of_system(
        runner: Arc<dyn CommandRunner>,
        units: PathBuf,
        roots: Vec<PathBuf>,
        hands: RootHands,
    ) -> Registry {
        Registry {
            systemd: Systemd::of_system(runner, units, roots, hands),
            setsid: None,
            antctl: Vec::new(),
        }
    }

    /// The same with managers that call antctl.
    #[must_use]
    pub fn with_antctl(self, antctl: Vec<Antctl>) -> Registry {
        Registry { antctl, ..self }
    }
}

impl Managers for Registry {
    fn get(&self, manager: Manager) -> HostResult<&dyn NodeManager> {
        let own = self.systemd.manager().scope;
        if let Some(antctl) = self.antctl.iter().find(|antctl| antctl.manager() == manager) {
            return Ok(antctl);
        }
        match (manager.kind, &self.setsid) {
            (ManagerKind::Systemd, _) if manager.scope == own => Ok(&self.systemd),
            (ManagerKind::Setsid, Some(setsid)) if manager.scope == own => Ok(setsid),
            _ => {
                let op = format!("{manager} is no manager of the {own} scope");
                Err(HostError::new(op, FaultKind::Unavailable))
            }
        }
    }
}
