//! Rows, which never leave the crate, and how they become core's own types.

mod cycle;
mod machine;
mod node;
mod operation;
mod quarantine;
mod request;

pub(crate) use cycle::{
    CycleRow, GroupRow, NewCycleRow, NewGroupRow, NewReadingRow, NewSampleRow, SampleRow,
    SummaryRow,
};
pub(crate) use machine::{MachineRow, SettingRow};
pub(crate) use node::{NewNodeRow, NodeRow};
pub(crate) use operation::{NewOperationRow, OperationRow};
pub(crate) use quarantine::QuarantineRow;
pub(crate) use request::{NewRequestRow, RequestRow};
