//! `wnm`, for tests, on a machine that is always calm.
//!
//! What a story about nodes decides must not depend on which other tests run beside it. Stories about
//! load belong to the engine, which is given its machines, and to the system tier, which runs `wnm`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use wnm_core::host::{HostResult, MachineProbe};
use wnm_core::model::{LoadAverage, Now};
use wnm_core::observe::{CpuTimes, MachineSample};
use wnm_metrics::ProcProbe;

fn main() -> ExitCode {
    wnm_cli::main_on(CalmProbe(ProcProbe::default()))
}

/// The real machine with idle CPUs and nothing in its run queue.
struct CalmProbe(ProcProbe);

impl MachineProbe for CalmProbe {
    fn sample(&self, storage: &[PathBuf], now: &Now) -> HostResult<MachineSample> {
        let sample = self.0.sample(storage, now)?;
        let ticks = now.instant.uptime_ms / 10 * u64::from(sample.cpus);
        Ok(MachineSample {
            cpu: sample.cpu.map(|_| CpuTimes { total: ticks, idle: ticks / 100 * 99, iowait: 0 }),
            load: sample.load.map(|_| LoadAverage { one: 0.1, five: 0.1, fifteen: 0.1 }),
            ..sample
        })
    }

    fn bound_ports(&self) -> HostResult<BTreeSet<u16>> {
        self.0.bound_ports()
    }
}
