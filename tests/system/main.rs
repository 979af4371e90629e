//! The system tier: real hosts with a real systemd, thrown away afterwards.
//!
//! Runs only with `WNM_SYSTEM_TESTS=1` (`cargo xtask test system` sets it): see `tests/README.md`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests drive real hosts and say when they did not"
)]

#[path = "../it/harness/begun.rs"]
mod begun;
mod host;
mod on_real_hosts;
