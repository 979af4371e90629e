#![doc = include_str!("../README.md")]

pub mod model;
pub mod select;
pub mod policy;
pub mod action;
pub mod observe;
pub mod plan;
pub mod host;
pub mod run;

#[cfg(feature = "fakes")]
pub mod fakes;
