//! The managers of one machine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use wnm_core::host::{CommandRunner, HostError, HostResult, Managers, NodeManager};
use wnm_core::model::{Manager, ManagerKind};
use wnm_core::observe::FaultKind;
use wnm_core::policy::Together;

use crate::process::pids_below;
use crate::{Antctl, Docker, RootHands, Setsid, Systemd};

/// Every manager of one scope.
#[derive(Debug)]
pub struct Registry {
    systemd: Systemd,
    /// Processes of our own; the machine has none.
    setsid: Option<Setsid>,
    /// Those that call antctl.
    antctl: Vec<Antctl>,
    docker: Option<Docker>,
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
            docker: None,
        }
    }

    /// Managers of the machine.
    pub fn of_system(
        runner: Arc<dyn CommandRunner>,
        units: PathBuf,
        roots: Vec<PathBuf>,
        hands: RootHands,
    ) -> Registry {
        let systemd = Systemd::of_system(runner, units, roots, hands);
        Registry { systemd, setsid: None, antctl: Vec::new(), docker: None }
    }

    /// The same with managers that call antctl.
    #[must_use]
    pub fn with_antctl(self, antctl: Vec<Antctl>) -> Registry {
        Registry { antctl, ..self }
    }

    /// The same with containers.
    #[must_use]
    pub fn with_docker(self, docker: Docker) -> Registry {
        Registry { docker: Some(docker), ..self }
    }

    /// The same, with bounds for all nodes of systemd together.
    #[must_use]
    pub fn within(mut self, together: Together) -> Registry {
        self.systemd = self.systemd.within(together);
        self
    }
}

impl Managers for Registry {
    fn get(&self, manager: Manager) -> HostResult<&dyn NodeManager> {
        let own = self.systemd.manager().scope;
        if let Some(antctl) = self.antctl.iter().find(|antctl| antctl.manager() == manager) {
            return Ok(antctl);
        }
        let found: Option<&dyn NodeManager> = match manager.kind {
            ManagerKind::Systemd => Some(&self.systemd),
            ManagerKind::Setsid => self.setsid.as_ref().map(|it| it as &dyn NodeManager),
            ManagerKind::Docker => self.docker.as_ref().map(|it| it as &dyn NodeManager),
            ManagerKind::Antctl | ManagerKind::AntctlZen => None,
        };
        match found.filter(|_| manager.scope == own) {
            Some(found) => Ok(found),
            None => {
                let op = format!("{manager} is no manager of the {own} scope");
                Err(HostError::new(op, FaultKind::Unavailable))
            }
        }
    }

    /// systemd alone: it looks for the processes below the storage roots as well.
    fn at_hand(&self) -> Vec<&dyn NodeManager> {
        vec![&self.systemd]
    }

    fn processes(&self, roots: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, Vec<u32>>> {
        pids_below(roots)
    }
}
