//! The action model: decisions as data. An action names its node, ports, program and wallet
//! before anything runs; carrying it out makes no choice.

mod kind;
mod mark;
mod reason;
mod step;

pub use crate::model::Resource;
pub use kind::{Action, PlannedAction, Stopped};
pub use mark::Mark;
pub use reason::{Reason, UpgradeFailure};
pub use step::{Change, Done, Fault, Outcome, Step};
