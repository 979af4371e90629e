//! Golden numbers from small `proc` trees, real answers of real programs, a loopback server that
//! misbehaves, and this very process as a specimen.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests make files, processes and deadlines")]

mod clock;
mod machine;
mod nodes;
mod parse;
mod process;
mod scrape;
mod support;
