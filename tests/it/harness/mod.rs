//! What hermetic tests share.

mod node;
mod wait;

pub(crate) use node::{Running, StandIn, free_port};
pub(crate) use wait::wait_until;
