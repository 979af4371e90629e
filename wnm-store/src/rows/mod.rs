//! Rows, which never leave the crate, and how they become core's own types.

mod cycle;
mod machine;
mod node;
mod operation;
mod request;

pub(crate) use cycle::{LastCycleRow, NewCycleRow, NewReadingRow, NewSampleRow, SampleRow};
pub(crate) use machine::{MachineRow, SettingRow};
pub(crate) use node::{NewNodeRow, NodeRow};
pub(crate) use operation::{NewOperationRow, OperationRow};
pub(crate) use request::{NewRequestRow, RequestRow};
