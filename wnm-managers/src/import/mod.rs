//! Taking nodes over from others: reading what they keep, and the effects of a takeover. What is
//! taken and what is left is decided in `wnm_core::import`.

mod anm;
mod antctl;
mod aside;
mod crontab;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod journal;
mod look;
mod moving;
mod processes;
mod unit_file;
mod units;

pub use anm::AnmPlaces;
pub use look::look;
pub use moving::{Mover, Moving, Places};
pub use processes::plain_processes;
pub use units::Units;
