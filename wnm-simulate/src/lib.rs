//! The real engine of wnm against modelled machines, with a virtual clock. A pure library: nothing is
//! read or written, and chance comes from the seed only.

mod baseline;
mod breach;
mod chance;
mod engine;
mod machine;
mod tally;
mod world;

pub use breach::{Breach, Found};
pub use machine::{
    Change, Disk, Foreign, Machine, NodeModel, Noise, PRESETS, Preset, Step, Trouble, preset,
};
pub use tally::{Outcome, Point, Summary};

use wnm_core::policy::{Policy, PolicyDraft, PolicyError};

use baseline::Baseline;
use engine::Engine;
use tally::Tally;
use world::World;

/// By whose rules the nodes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// The engine of this program.
    Engine,
    /// Those of the Python tool: single samples against the same thresholds.
    Baseline,
}

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// Settings laid over those of the machine.
    pub settings: &'a PolicyDraft,
    /// How long.
    pub days: u32,
    /// Where chance begins.
    pub seed: u64,
}

/// Runs it: one cycle a minute.
pub fn simulate(scenario: &Scenario<'_>, rules: Rules) -> Result<Outcome, Vec<PolicyError>> {
    let Scenario { machine, settings, days, seed } = *scenario;
    let draft = machine.draft().under(settings);
    let mut world = World::new(machine, seed);
    let mut kept = match rules {
        Rules::Engine => Kept::ByEngine(Box::new(Engine::new(&world, &draft, seed)?)),
        Rules::Baseline => {
            let policy = Policy::parse(&draft, &PolicyDraft::default(), machine.cpus)?;
            Kept::ByBaseline(Box::new(Baseline::new(policy, seed)))
        }
    };
    let minutes = days.saturating_mul(1440);
    let mut tally = Tally::new(minutes);
    for _ in 0..minutes {
        if world.runs_cycle() {
            match &mut kept {
                Kept::ByEngine(engine) => engine.cycle(&mut world, &mut tally),
                Kept::ByBaseline(baseline) => baseline.cycle(&mut world, &mut tally),
            }
        }
        tally.see(&world);
        world.pass();
    }
    Ok(tally.end())
}

enum Kept<'a> {
    ByEngine(Box<Engine<'a>>),
    ByBaseline(Box<Baseline>),
}
