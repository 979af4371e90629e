//! The managers of one machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use wnm_core::host::{HostError, HostResult, Managers, NodeManager};
use wnm_core::model::{Manager, ManagerKind, Scope};
use wnm_core::observe::FaultKind;

use crate::process::pids_below;

/// Every manager of one scope.
pub struct Registry {
    scope: Scope,
    managers: Vec<Box<dyn NodeManager>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let managers = self.managers.iter().map(|manager| manager.manager().to_string());
        f.debug_list().entries(managers).finish()
    }
}

impl Registry {
    /// None yet.
    pub fn new(scope: Scope) -> Registry {
        Registry { scope, managers: Vec::new() }
    }

    /// With this one.
    #[must_use]
    pub fn with(mut self, manager: impl NodeManager + 'static) -> Registry {
        self.managers.push(Box::new(manager));
        self
    }
}

impl Managers for Registry {
    fn get(&self, manager: Manager) -> HostResult<&dyn NodeManager> {
        let found = self.managers.iter().find(|known| known.manager() == manager);
        found.map(AsRef::as_ref).ok_or_else(|| {
            let op = format!("{manager} is no manager of the {} scope", self.scope);
            HostError::new(op, FaultKind::Unavailable)
        })
    }

    /// systemd alone: it looks for the processes below the storage roots as well.
    fn at_hand(&self) -> Vec<&dyn NodeManager> {
        let all = self.managers.iter().map(AsRef::as_ref);
        all.filter(|it: &&dyn NodeManager| it.manager().kind == ManagerKind::Systemd).collect()
    }

    fn processes(&self, roots: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, Vec<u32>>> {
        pids_below(roots)
    }
}
