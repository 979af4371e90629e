#![doc = include_str!("../README.md")]

mod adopt;
mod backup;
mod begin;
mod convert;
mod cycle;
mod delta;
mod discard;
mod error;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod image;
mod intents;
mod legacy;
mod load;
mod migrate;
mod open;
mod place;
mod recorded;
mod reserve;
mod restore;
mod rows;
mod salvage;
mod schema;
mod shelf;
mod status;
mod store;

#[cfg(test)]
mod tests;

pub use backup::{Backup, Backups, Sound, inspect, pending};
pub use error::{StoreError, StoreErrorKind};
#[cfg(any(test, feature = "fakes"))]
pub use legacy::make_database;
pub use legacy::{
    LegacyError, Problem, PythonDatabase, PythonNode, PythonSchema, PythonStatus, read_python,
};
pub use restore::{Changed, Restored, Restoring, restorable};
pub use salvage::{Salvage, salvage};
pub use status::StoreStatus;
pub use store::SqliteStore;
