#![doc = include_str!("../README.md")]
//! ## Where to begin reading
//!
//! - Planning alone needs three things: a [`Policy`](policy::Policy), read from a
//!   [`PolicyDraft`](policy::PolicyDraft); a [`Snapshot`](observe::Snapshot), made by hand with
//!   [`Snapshot::new`](observe::Snapshot::new) or joined from a ledger and readings by
//!   [`observe::snapshot()`]; and the function [`plan::plan()`]. [`plan::check()`] is its second opinion,
//!   [`explain::explain()`] says why, and [`plan::lower()`] turns an action into steps.
//! - The whole cycle is [`run::cycle()`]. It needs a [`Host`](host::Host): one implementation of each
//!   trait in [`host`], whose documentation is their specification.
//! - The feature `fakes` has all of them over one simulated machine, and the contract suites that an
//!   implementation of its own should pass.
//!
//! The examples `plan_fleet` and `drive_cycle` do the first and the second of these.
#![deny(missing_docs)]
#![deny(rustdoc::broken_intra_doc_links)]

pub mod action;
pub mod explain;
pub mod host;
pub mod import;
pub mod model;
pub mod observe;
pub mod plan;
pub mod policy;
pub mod replay;
pub mod run;
pub mod select;

#[cfg(feature = "fakes")]
pub mod fakes;
