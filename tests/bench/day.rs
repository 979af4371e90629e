//! What a day costs: some cycles one after the other, reckoned up to the 1440 of a day.

use std::fs;

use crate::Done;
use crate::args::Args;
use crate::node::Manner;
use crate::report::{Report, size};
use crate::world::{Nodes, World};

const A_DAY: u64 = 1440;

/// The store keeps a fixed number of cycles: its growth is told from the second half of them.
pub(crate) fn run(args: &Args, count: u32, cycles: u32, report: &mut Report) -> Done {
    let world = World::new(args, count)?;
    let _nodes = Nodes::start(&world, |_| Manner::Well)?;
    world.expect_idle()?;
    let (mut cpu_us, mut written) = (0, 0);
    let mut half = 0;
    for cycle in 0..cycles {
        let (_, measured) = world.run(&["run"])?;
        cpu_us += measured.cpu_us;
        written += measured.written;
        if cycle == cycles / 2 {
            half = bytes(&world);
        }
    }
    let many = u64::from(cycles.max(1));
    let name = |what: &str| format!("a day with {count} nodes, from {cycles} cycles: {what}");
    let seconds = (cpu_us * A_DAY) as f64 / many as f64 / 1e6;
    report.fact(&name("CPU"), &format!("{seconds:.1} s"));
    report.fact(&name("written"), &size(written * A_DAY / many));
    report.fact(
        &name("store"),
        &format!("{} after half of the cycles, {} after all", size(half), size(bytes(&world))),
    );
    Ok(())
}

fn bytes(world: &World) -> u64 {
    let store = world.store();
    let log = format!("{}-wal", store.display());
    let size = |found: std::io::Result<fs::Metadata>| found.map_or(0, |found| found.len());
    size(fs::metadata(&store)) + size(fs::metadata(log))
}
