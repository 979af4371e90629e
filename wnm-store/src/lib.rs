#![doc = include_str!("../README.md")]

mod adopt;
mod begin;
mod convert;
mod cycle;
mod delta;
mod discard;
mod error;
mod intents;
mod legacy;
mod load;
mod migrate;
mod open;
mod place;
mod recorded;
mod reserve;
mod rows;
mod schema;
mod status;
mod store;

#[cfg(test)]
mod tests;

pub use error::{StoreError, StoreErrorKind};
#[cfg(any(test, feature = "fakes"))]
pub use legacy::make_database;
pub use legacy::{
    LegacyError, Problem, PythonDatabase, PythonNode, PythonSchema, PythonStatus, read_python,
};
pub use status::StoreStatus;
pub use store::SqliteStore;
