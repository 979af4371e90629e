//! What hermetic tests share.

mod begun;
mod env;
mod json;
mod node;
mod releases;
mod views;
mod wait;

pub(crate) use begun::begin;
pub(crate) use env::{Ran, TestEnv, is_there};
pub(crate) use node::{Running, StandIn, free_port, node_of};
pub(crate) use releases::{ARCHIVE, Manners, Publisher, SigningKey, archive, release};
pub(crate) use views::{as_a_user, not_tested, works};
pub(crate) use wait::wait_until;
