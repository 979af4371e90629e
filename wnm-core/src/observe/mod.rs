//! What is known and what was seen, joined into the one value that planning looks at.

mod around;
mod cost;
mod given;
mod ledger;
mod looks;
mod memory;
mod node_memory;
mod rates;
mod reading;
mod reported;
mod settle;
mod snapshot;

pub use around::{Openings, Surroundings};
pub use cost::{Beyond, CpuMemory, Estimate, KnownCost, LearnedCost, NodeCost, SURGE};
pub use ledger::{Ledger, OpRecord, OpenOperation};
pub use looks::{Looked, ReleaseLooks};
pub use memory::{EngineMemory, FailedRelease, FirstSeen, PastRemoval, Round};
pub use node_memory::{ChangedProgram, FreshIdentity, NodeMemory, RefusedUpgrade, SizeMemory};
pub use rates::{IoRate, cpu_used, disk_rate, is_worth_keeping, keep_sample, network_rate};
pub use reading::{
    CpuTimes, EndpointReading, Exhaustible, FaultKind, FileSystemSample, IoCounters, MachineSample,
    MemorySample, NodeFacts, NodeReading, Numbering, ProcessKey, ProcessReading, ProcessState,
    Readings, Stall, StorageReading, UnitReading, UnitState, Unread,
};
pub use reported::Reported;
pub use settle::{Going, NodeState, SeenNode, settle};
pub use snapshot::{FileSystemView, MachineView, NodeView, SCHEMA, Snapshot, snapshot};
