#![doc = include_str!("../README.md")]

mod choose;
mod firewalld;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod nftables;
mod null;
mod owner;
mod routes;
mod tool;
mod ufw;

pub use choose::{by_choice, problem};
pub use firewalld::Firewalld;
pub use nftables::Nftables;
pub use null::NullFirewall;
pub use owner::Owner;
pub use routes::outer_interfaces;
pub use ufw::Ufw;
