#![doc = include_str!("../README.md")]

mod adopt;
mod begin;
mod convert;
mod cycle;
mod delta;
mod discard;
mod error;
mod intents;
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
pub use status::StoreStatus;
pub use store::SqliteStore;
