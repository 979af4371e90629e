#![doc = include_str!("../README.md")]

#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod diag;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod error;
#[cfg(target_os = "linux")]
mod files;
#[cfg(all(feature = "fuzz", target_os = "linux"))]
pub mod fuzz;
#[cfg(target_os = "linux")]
mod io;
#[cfg(target_os = "linux")]
mod nodes;
#[cfg(target_os = "linux")]
mod parse;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod procfs;
#[cfg(target_os = "linux")]
mod scrape;
#[cfg(target_os = "linux")]
mod sockets;

#[cfg(all(test, target_os = "linux"))]
mod tests;

#[cfg(target_os = "linux")]
pub use self::{clock::SystemClock, nodes::ScrapeProbe, procfs::ProcProbe};
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{ProcProbe, ScrapeProbe, SystemClock};
