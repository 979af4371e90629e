#![doc = include_str!("../README.md")]

mod archive;
mod choice;
mod digest;
mod error;
mod find;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod manifest;
mod page;
mod platform;
mod signature;
mod store;
mod take;
#[cfg(test)]
mod testing;
mod web;

pub use choice::Chosen;
pub use digest::{BadDigest, Digest};
pub use error::{ReleaseError, ReleaseFault, ReleaseResult};
pub use find::Wanted;
pub use manifest::{KeptFile, Manifest, Part, Verified};
pub use page::Offer;
pub use platform::Platform;
pub use signature::{BadKey, ReleaseKey};
pub use store::{BinaryStore, Broken, Guard, Kept, Shelf, Swept};
pub use take::{Taken, Terms, Told};
pub use web::Progress;
