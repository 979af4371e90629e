use std::collections::BTreeSet;
use std::path::PathBuf;

use super::HostResult;
use crate::model::Now;
use crate::observe::MachineSample;

/// Looks at the machine. Never waits: rates come from two samples of different cycles.
pub trait MachineProbe: Send + Sync {
    /// Raw counters and gauges, with the file systems below `storage`. A single value that cannot
    /// be had is absent from the sample; an error means that nothing could be had.
    fn sample(&self, storage: &[PathBuf], now: &Now) -> HostResult<MachineSample>;

    /// Port numbers that some process of this network namespace has bound, UDP or TCP.
    fn bound_ports(&self) -> HostResult<BTreeSet<u16>>;
}
