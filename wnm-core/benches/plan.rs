//! How long it takes to decide, by the number of nodes: `cargo xtask bench plan`. Nothing is
//! asserted.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench measures time, prints it, and works on fakes"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use wnm_core::fakes::{MemoryStore, SimHost, World, build};
use wnm_core::host::Intents;
use wnm_core::model::{Bytes, Timestamp, Verb};
use wnm_core::observe::Snapshot;
use wnm_core::plan::{PlanScope, check, plan};
use wnm_core::policy::{Policy, Setting};
use wnm_core::run::{CycleOptions, cycle, preview};

const COUNTS: [u32; 6] = [10, 100, 300, 1000, 2000, 3000];
const ROUNDS: usize = 21;

fn main() {
    println!(
        "{:>6} {:>14} {:>14} {:>14} {:>14}",
        "nodes", "all well", "all stopped", "too many", "check"
    );
    for count in COUNTS {
        let sim = Sim::with(count);
        let (well, policy) = sim.look();
        let idle = time(|| plan(&well, &policy, PlanScope::Everything));
        let decided = plan(&well, &policy, PlanScope::Everything);
        let checking = time(|| check(&decided, &well, &policy));
        sim.set_cap(count / 2);
        let (crowded, fewer) = sim.look();
        let over_cap = time(|| plan(&crowded, &fewer, PlanScope::Everything));
        sim.host.world().reboot();
        sim.set_cap(count);
        let (stopped, policy) = sim.look();
        let heal = time(|| plan(&stopped, &policy, PlanScope::Everything));
        let shown = [idle, heal, over_cap, checking].map(|time| format!("{time:.1?}"));
        println!("{count:>6} {:>14} {:>14} {:>14} {:>14}", shown[0], shown[1], shown[2], shown[3]);
    }
}

/// The median.
fn time<T>(work: impl Fn() -> T) -> Duration {
    let one = |_| {
        let started = Instant::now();
        black_box(work());
        started.elapsed()
    };
    let mut times: Vec<Duration> = (0..ROUNDS).map(one).collect();
    times.sort();
    times[ROUNDS / 2]
}

struct Sim {
    host: SimHost,
    store: MemoryStore,
}

impl Sim {
    /// A machine on which so many nodes run.
    fn with(count: u32) -> Sim {
        let mut world = World::new();
        world.memory = Bytes(Bytes::GB * 16_000);
        world.node_cpu = 0.01;
        world.node_load = 0.0001;
        let sim = Sim { host: SimHost::new(world), store: MemoryStore::new() };
        sim.set_cap(count);
        let now = sim.look().0.now;
        sim.store.request(&Verb::Add { count }, &now).unwrap();
        cycle(&sim.host.host(&sim.store), &CycleOptions::new(), &mut |_| {}).unwrap();
        assert_eq!(sim.host.world().running(), count as usize, "the world is as it should be");
        sim
    }

    fn set_cap(&self, cap: u32) {
        let draft = build::draft()
            .with(Setting::NodeCap, cap.to_string())
            .with(Setting::PortStart, "40")
            .with(Setting::Program, "antnode");
        self.store.set_policy(&draft, Timestamp(0)).unwrap();
    }

    /// Ten minutes later.
    fn look(&self) -> (Snapshot, Policy) {
        self.host.world().advance(Duration::from_secs(600));
        let (snapshot, policy, _) =
            preview(&self.host.host(&self.store), &CycleOptions::new()).unwrap();
        (snapshot, policy)
    }
}
