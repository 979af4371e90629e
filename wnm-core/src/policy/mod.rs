//! Wanted limits: as typed ([`PolicyDraft`]) and valid by construction ([`Policy`]).

mod antctl;
mod band;
mod containers;
mod draft;
mod kind;
mod limits;
mod read;
mod recipients;
mod releases;
mod setting;
#[cfg(test)]
mod tests;
mod upgrades;

pub use band::{Band, DiskBand, Thresholds};
pub use containers::Containers;
pub use draft::{Drafts, PolicyDraft, PolicyError};
pub use kind::{Kind, Number};
pub use limits::{AutoLimit, Delays, Keep, Limits, Stability, Together};
pub use read::parse_duration;
pub use releases::Releases;
pub use setting::{Setting, UnknownSetting};
pub use upgrades::Upgrades;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    Address, Bytes, Launch, Manager, ManagerKind, NodeId, NodePorts, NodeSpec, PortError, PortPlan,
    Program, Resource, WalletShares,
};
use crate::select::Order;

/// Everything the engine was told, checked as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// How many nodes at most.
    pub cap: Cap,
    /// CPU used, percent of the machine.
    pub cpu: Band,
    /// Memory used, percent of the machine.
    pub memory: Band,
    /// Space or inodes used, percent of a storage file system.
    pub disk: DiskBand,
    /// Load average; `remove_above` must be exceeded by the 1 and the 5 minute value.
    pub load: Band,
    /// Disk and network rates and pressure stall, as far as they are judged at all.
    #[serde(default)]
    pub optional: BTreeMap<Resource, Thresholds>,
    /// Free bytes on a storage file system below which one node is removed without grace.
    pub crisis_bytes: Bytes,
    /// As stored: removal needs less than this as well.
    pub stored_crisis_bytes: Bytes,
    /// How many things at once.
    pub limits: Limits,
    /// How long what wnm did counts as going on.
    pub delays: Delays,
    /// How long, how often.
    pub stability: Stability,
    /// Which node goes first.
    pub removal_order: Order,
    /// Restart nodes that live but show no sign of it.
    pub restart_mute: bool,
    /// What a new node is like.
    pub nodes: NodeDefaults,
    /// How much is kept of past cycles.
    #[serde(default)]
    pub keep: Keep,
    /// What all nodes get together.
    #[serde(default, skip_serializing_if = "Together::is_free")]
    pub together: Together,
    /// How nodes come to another version of their program.
    #[serde(default, skip_serializing_if = "Upgrades::is_shipped")]
    pub upgrades: Upgrades,
    /// How often openings and units are looked at.
    #[serde(default = "usual_upkeep")]
    pub upkeep_every: Duration,
}

/// For policies that were written down before there was a choice.
fn usual_upkeep() -> Duration {
    Duration::from_secs(600)
}

/// The cap in force and the cap in the store. Only the stored one removes nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// In force for this run, never more than stored: bounds growth, and stops nodes above it.
    pub limit: u32,
    /// As stored: removes nodes above it.
    pub stored: u32,
}

/// What a new node is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDefaults {
    /// What it runs.
    pub program: Program,
    /// What keeps it.
    pub manager: Manager,
    /// Who earns.
    pub wallets: WalletShares,
    /// Its ports.
    pub ports: PortPlan,
    /// Storage roots; a new node goes to the one with most room.
    pub storage: Vec<PathBuf>,
    /// Where log directories lie.
    pub logs: PathBuf,
    /// True when the manager itself brings nodes back after a reboot.
    pub autostart: bool,
    /// How it is started.
    pub launch: Launch,
    /// Which containers it may share, where nodes are kept in containers.
    #[serde(default, skip_serializing_if = "Containers::are_usual")]
    pub containers: Containers,
}

impl NodeDefaults {
    /// Node `id` as it would be made in `storage`, earning for `wallet`. An error when its ports
    /// would lie beyond the last one.
    pub fn spec(&self, id: NodeId, wallet: Address, storage: &Path) -> Result<NodeSpec, PortError> {
        Ok(self.spec_with(id, self.ports_of(id)?, wallet, storage))
    }

    /// The ports of node `id`. An error when they would lie beyond the last one.
    pub fn ports_of(&self, id: NodeId) -> Result<NodePorts, PortError> {
        match self.manager.kind {
            ManagerKind::Antctl | ManagerKind::AntctlZen | ManagerKind::DockerAntctl => {
                self.ports.ports_with_rpc(id, self.program)
            }
            _ => self.ports.ports(id, self.program),
        }
    }

    pub(crate) fn spec_with(
        &self,
        id: NodeId,
        ports: NodePorts,
        wallet: Address,
        storage: &Path,
    ) -> NodeSpec {
        let kind = self.manager.kind;
        if kind.counts_in_containers() {
            let (container, number) = self.containers.place_of(id);
            let number = NodeId::new(number).unwrap_or(NodeId::FIRST);
            let place = InContainer { name: self.containers.name(container), number };
            return self.spec_in(id, ports, wallet, storage, &place);
        }
        let name = kind.service_name(id);
        let data = storage.join(&name);
        let logs = match kind {
            ManagerKind::AntctlZen => data.join("logs"),
            // The daemon puts them one level deeper, in a directory of the node's name.
            ManagerKind::Antd => self.logs.join(&name).join("logs"),
            _ => self.logs.join(&name),
        };
        let service = (name != id.to_string()).then_some(name);
        let lies = Lies { storage: storage.to_path_buf(), data, logs };
        NodeSpec { service, ..self.spec_lying(id, ports, wallet, lies) }
    }

    /// The same in a container that counts its nodes by itself. Its nodes lie in a storage root of its
    /// own, below `storage`, where they have the names that they have in it.
    pub(crate) fn spec_in(
        &self,
        id: NodeId,
        ports: NodePorts,
        wallet: Address,
        storage: &Path,
        place: &InContainer,
    ) -> NodeSpec {
        let service = self.manager.kind.service_name(place.number);
        let storage = storage.join(&place.name);
        let data = storage.join(&service);
        let logs = self.logs.join(&place.name).join(&service);
        NodeSpec {
            service: Some(service),
            container: Some(place.name.clone()),
            ..self.spec_lying(id, ports, wallet, Lies { storage, data, logs })
        }
    }

    fn spec_lying(&self, id: NodeId, ports: NodePorts, wallet: Address, lies: Lies) -> NodeSpec {
        NodeSpec {
            id,
            program: self.program,
            manager: self.manager,
            wallet,
            ports,
            binary: lies.data.join(self.program.binary_name()),
            logs: lies.logs,
            data: lies.data,
            storage: lies.storage,
            autostart: self.autostart,
            service: None,
            container: None,
            adopted: None,
            left: None,
            launch: self.launch.clone(),
        }
    }
}

/// Where what belongs to a node lies.
struct Lies {
    storage: PathBuf,
    data: PathBuf,
    logs: PathBuf,
}

/// A node's place in a container that counts by itself.
#[derive(Clone, Debug)]
pub(crate) struct InContainer {
    /// The container.
    pub(crate) name: String,
    /// The node's number in it.
    pub(crate) number: NodeId,
}
