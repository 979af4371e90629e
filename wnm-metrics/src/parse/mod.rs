//! Text made into values. Nothing here has an effect, and nothing here trusts its input. Most of
//! the kernel's text is left to the `procfs` crate.

mod antnode;
mod exposition;
mod meminfo;
mod routing;
mod telemetry;

pub(crate) use antnode::{Garbage, node_facts};
pub(crate) use meminfo::memory;
pub(crate) use routing::routing_facts;
pub(crate) use telemetry::telemetry_facts;

#[cfg(test)]
pub(crate) use exposition::parse;
