//! What is wrong with a machine and its nodes: facts are collected once, judged by a pure function,
//! and shown. A fix never does more than take rights away or keep a user's systemd alive.

mod collect;
mod diagnose;
mod facts;
mod finding;
mod fix;

pub(crate) use collect::collect;
pub(crate) use diagnose::diagnose;
pub(crate) use finding::{Finding, Severity};
pub(crate) use fix::apply;
