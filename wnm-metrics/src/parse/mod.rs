//! Text made into values. Nothing here has an effect, and nothing here trusts its input. Most of
//! the kernel's text is left to the `procfs` crate.

mod antnode;
mod exposition;
mod http;
mod meminfo;
mod routing;
mod telemetry;

pub(crate) use antnode::{Garbage, metrics_facts, with_metadata};
pub(crate) use http::{Answer, http_answer};
pub(crate) use meminfo::memory;
pub(crate) use routing::routing_facts;
pub(crate) use telemetry::telemetry_facts;

#[cfg(test)]
pub(crate) use antnode::node_facts;
#[cfg(test)]
pub(crate) use exposition::{Sample, parse, starting_with};
