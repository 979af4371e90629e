//! Taking nodes over from others: reading what they keep, and the effects of a takeover. What is
//! taken and what is left is decided in `wnm_core::import`.

mod journal;
mod look;
mod moving;

pub use look::look;
pub use moving::{Mover, Moving};
