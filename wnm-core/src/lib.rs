#![doc = include_str!("../README.md")]

pub mod action;
pub mod host;
pub mod model;
pub mod observe;
pub mod plan;
pub mod policy;
pub mod replay;
pub mod run;
pub mod select;

#[cfg(feature = "fakes")]
pub mod fakes;
