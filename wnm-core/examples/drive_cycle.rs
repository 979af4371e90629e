//! Drives the whole cycle (observe, plan, apply, record) against the simulated host: the machine and
//! its nodes answer as real ones would, and what the cycle does is seen by the next one.
//!
//! `cargo run -p wnm-core --example drive_cycle --features fakes`

use std::fmt::Write;
use std::time::Duration;

use wnm_core::fakes::{MemoryStore, SimHost, World, build};
use wnm_core::host::Intents;
use wnm_core::model::{Timestamp, Verb};
use wnm_core::policy::Setting;
use wnm_core::run::{CycleOptions, Event, cycle};

/// What was done, a line each.
pub(crate) fn story() -> String {
    // A quiet machine, and a store with settings that wait for nothing, for at most two nodes.
    let sim = SimHost::new(World::new());
    let store = MemoryStore::with_settings(&build::eager_draft().with(Setting::NodeCap, "2"));

    let mut told = String::new();
    for minute in 1..=7 {
        sim.world().advance(Duration::from_secs(60));
        match minute {
            // Somebody kills a process; an operator wants a restart; the cap is lowered.
            3 => sim.world().kill(build::id(1)),
            5 => {
                let now = wnm_core::host::Clock::now(&sim).expect("it has a clock");
                let nodes = vec![build::record(2).key()];
                store.request(&Verb::Restart { nodes }, &now).expect("it is stored");
            }
            6 => {
                let fewer = build::eager_draft().with(Setting::NodeCap, "1");
                store.set_policy(&fewer, Timestamp(0)).expect("it is stored");
            }
            _ => {}
        }
        // One cycle. Events are for whoever watches; the report has all of it.
        let report = cycle(&sim.host(&store), &CycleOptions::new(), &mut |event| {
            if let Event::Begun(planned) = event {
                let _ = writeln!(
                    told,
                    "minute {minute}: {}, because: {}",
                    planned.action, planned.reason
                );
            }
        });
        let report = report.expect("the store and the clock answer");
        let running = sim.world().running();
        let _ = writeln!(told, "minute {minute}: {} done, {running} running", report.done.len());
    }
    told
}

#[expect(clippy::print_stdout, reason = "an example shows what it did")]
fn main() {
    print!("{}", story());
}
