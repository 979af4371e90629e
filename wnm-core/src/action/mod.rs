//! The action model: decisions as data. An action names its node, ports, program and wallet
//! before anything runs; carrying it out makes no choice.

mod kind;
mod reason;
mod step;

pub use crate::model::Resource;
pub use kind::{Action, Mark, PlannedAction, Stopped};
pub use reason::Reason;
pub use step::{Change, Done, Fault, Outcome, Step};
