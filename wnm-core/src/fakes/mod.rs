//! A simulated host, an in-memory store, builders, and the contract suites that keep fakes honest.
//! The only code that may `unwrap`.
#![expect(clippy::unwrap_used, reason = "fakes are for tests: a panic is their way to complain")]

pub mod build;
mod command;
mod contract_firewall;
mod contract_manager;
mod contract_release;
mod contract_store;
mod contract_upgrades;
mod firewall;
#[cfg(test)]
mod paces;
mod probe;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rollouts;
mod sim_manager;
mod store;
#[cfg(test)]
mod tests;
mod upgrades;
mod world;

pub use command::ScriptedRunner;
pub use contract_firewall::firewall as firewall_contract;
pub use contract_manager::{
    handed_over as hand_over_contract, manager as manager_contract,
    one_process as one_process_contract,
};
pub use contract_store::{StoreAndIntents, store as store_contract};
pub use store::MemoryStore;
pub use upgrades::{Ail, SimProgram};
pub use world::{Disk, Op, SimHost, SimNode, SimProcess, World};
