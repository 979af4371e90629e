//! What is known and what was seen, joined into the one value that planning looks at.

mod ledger;
mod memory;
mod rates;
mod reading;
mod settle;
mod snapshot;

pub use ledger::{Ledger, OpRecord, OpenOperation};
pub use memory::{EngineMemory, NodeMemory, PastRemoval, Round};
pub use rates::{cpu_used, is_worth_keeping};
pub use reading::{
    CpuTimes, EndpointReading, Exhaustible, FaultKind, FileSystemSample, MachineSample,
    MemorySample, NodeFacts, NodeReading, ProcessKey, ProcessReading, ProcessState, Readings,
    StorageReading, UnitReading, UnitState, Unread,
};
pub use settle::{NodeState, SeenNode, settle};
pub use snapshot::{FileSystemView, MachineView, NodeView, SCHEMA, Snapshot, snapshot};
