#![doc = include_str!("../README.md")]

mod choose;
mod null;
mod ufw;

pub use choose::{IfThere, by_choice};
pub use null::NullFirewall;
pub use ufw::Ufw;
