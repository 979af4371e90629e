//! The nouns. Every field is public unless it has an invariant.

mod drift;
mod firewall;
mod id;
mod identity;
mod manager;
mod net;
mod node;
mod program;
mod release;
mod request;
mod resource;
mod time;
mod units;
mod upgrade;
mod version;
mod wallet;

pub use drift::UnitDrift;
pub use firewall::{BadFirewall, FirewallChoice};
pub use id::{BadNodeId, CycleId, NodeId, NodeKey, OpId, RecordId, RequestId, parse_node_list};
pub use identity::Returning;
pub use manager::{
    BadManager, MANAGERS, Manager, ManagerKind, Scope, node_of_data, node_of_directory,
};
pub use net::{NodePorts, PortError, PortPlan, PortRule, Protocol};
pub use node::{Launch, Left, NodeRecord, NodeSpec, Phase, Removal, Want};
pub use program::{BadNetwork, EvmNetwork, Program, UnknownProgram};
pub use release::{BadChannel, BadReleaseSource, Channel, ReleaseSource};
pub use request::{Answer, Request, Verb};
pub use resource::Resource;
pub use time::{BadTimestamp, BootId, Instant, Now, Timestamp};
pub use units::{Bytes, LoadAverage, Percent, counted};
pub use upgrade::{
    BadDayWindow, BadUpgradeMode, DayWindow, FileStamp, Installed, KnownProgram, Quarantined,
    Shown, Upgrade, UpgradeHolds, UpgradeMode, UpgradeRole,
};
pub use version::{BadVersion, Release, Version};
pub use wallet::{Address, BadWallet, FAUCET, WalletShare, WalletShares};
