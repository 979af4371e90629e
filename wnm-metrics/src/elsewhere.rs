//! Systems without `/proc`: nothing is measured there yet. Every question is answered with that, so
//! that nothing is decided: what could not be seen is unknown.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use wnm_core::host::{
    Clock, HostError, HostResult, MachineProbe, NodeProbe, NodeSigns, NodeTarget,
};
use wnm_core::model::Now;
use wnm_core::observe::{FaultKind, MachineSample, NodeFacts};

fn not_here<T>(what: &str) -> HostResult<T> {
    let op =
        format!("{what} is not read on this system yet: wnm measures machines with Linux only");
    Err(HostError::new(op, FaultKind::Unavailable))
}

/// No clock by which a boot could be told from another.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> HostResult<Now> {
        not_here("the time since boot")
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// No look at the machine.
#[derive(Clone, Debug, Default)]
pub struct ProcProbe {
    /// Nothing.
    pub root: PathBuf,
    /// Nothing.
    pub sys: PathBuf,
}

impl MachineProbe for ProcProbe {
    fn sample(&self, _storage: &[PathBuf], _now: &Now) -> HostResult<MachineSample> {
        not_here("the machine")
    }

    fn bound_ports(&self) -> HostResult<BTreeSet<u16>> {
        not_here("the table of sockets")
    }
}

/// No look at nodes.
#[derive(Clone, Debug, Default)]
pub struct ScrapeProbe;

impl NodeProbe for ScrapeProbe {
    fn read(&self, targets: &[NodeTarget<'_>], _deadline: Duration) -> Vec<NodeSigns> {
        let nothing = |_| NodeSigns { process: None, endpoint: None, facts: NodeFacts::default() };
        targets.iter().map(nothing).collect()
    }
}
