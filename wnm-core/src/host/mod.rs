//! What core asks of the world: object-safe, blocking traits, documented as specifications.
//!
//! Every verb is an *ensure*: afterwards the world is as the verb says, and repeating it answers
//! [`Change::AlreadySo`](crate::action::Change::AlreadySo).

mod clock;
mod command;
mod error;
mod files;
mod firewall;
mod machine;
mod manager;
mod node;
mod store;

pub use clock::Clock;
pub use command::{CommandRunner, Completed, Invocation, Output, Privilege};
pub use error::{HostError, HostResult};
pub use files::{Binaries, NodeFiles};
pub use firewall::Firewall;
pub use machine::MachineProbe;
pub use manager::{Managers, NodeManager};
pub use node::{NodeProbe, NodeSigns, NodeTarget};
pub use store::{
    Beginning, CycleQuery, CycleSummary, HistoryQuery, Intents, LastSeen, Recording, Store,
};

/// The bundle of everything effectful that a cycle may use.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "trait objects have nothing to show")]
pub struct Host<'a> {
    /// Both clocks, and waiting.
    pub clock: &'a dyn Clock,
    /// The machine.
    pub machine: &'a dyn MachineProbe,
    /// The nodes' processes and endpoints.
    pub nodes: &'a dyn NodeProbe,
    /// What keeps the processes.
    pub managers: &'a dyn Managers,
    /// Data, logs, identities.
    pub files: &'a dyn NodeFiles,
    /// Node programs.
    pub binaries: &'a dyn Binaries,
    /// Openings for ports.
    pub firewall: &'a dyn Firewall,
    /// The ledger.
    pub store: &'a dyn Store,
}
