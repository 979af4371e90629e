#![doc = include_str!("../README.md")]

mod clock;
mod disk;
mod error;
mod files;
mod io;
mod nodes;
mod parse;
mod process;
mod procfs;
mod scrape;
mod sockets;

#[cfg(test)]
mod tests;

pub use clock::SystemClock;
pub use nodes::ScrapeProbe;
pub use procfs::ProcProbe;
