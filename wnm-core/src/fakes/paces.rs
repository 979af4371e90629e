//! How fast a simulated machine fills and recovers, once it is learned what a node costs on it.

use super::build::{draft, gb, id, seconds};
use super::{MemoryStore, SimHost, World};
use crate::host::Intents;
use crate::model::{Bytes, Timestamp, Verb};
use crate::plan::{Bound, Capacity, capacity};
use crate::policy::{PolicyDraft, Setting};
use crate::run::{CycleOptions, CycleReport, cycle};

struct Machine {
    host: SimHost,
    store: MemoryStore,
}

fn settings(cap: u32) -> PolicyDraft {
    draft().with(Setting::NodeCap, cap.to_string()).with(Setting::DiskPrior, "1GB")
}

/// Eight CPUs and 64 GB.
fn eight_cpus() -> World {
    let mut world = World::new();
    (world.cpus, world.memory, world.foreign_memory) = (8, gb(64), gb(4));
    (world.node_cpu, world.start_cpu, world.node_load) = (0.25, 2.0, 0.01);
    world
}

impl Machine {
    fn new(world: World, settings: &PolicyDraft) -> Machine {
        Machine { host: SimHost::new(world), store: MemoryStore::with_settings(settings) }
    }

    fn minute(&self) -> CycleReport {
        self.host.world().advance(seconds(60));
        cycle(&self.host.host(&self.store), &CycleOptions::new(), &mut |_| {}).unwrap()
    }

    fn running(&self) -> usize {
        self.host.world().running()
    }

    /// Minutes until `nodes` run; it fails when that takes more than `most`.
    #[track_caller]
    fn until(&self, nodes: usize, most: usize) -> usize {
        for minute in 0..most {
            if self.running() >= nodes {
                return minute;
            }
            self.minute();
        }
        panic!("{} of {nodes} nodes after {most} minutes", self.running());
    }

    fn capacity(&self) -> Capacity {
        let report = self.minute();
        capacity(&report.snapshot, &report.plan.memory.cost, &report.policy)
    }

    /// An operator adds twenty nodes again and again, and does not wait for limits.
    fn filled(world: World, nodes: usize, settings: &PolicyDraft) -> Machine {
        let machine = Machine::new(world, settings);
        for _ in 0..nodes.div_ceil(20) {
            let now = machine.minute().snapshot.now;
            let count = (nodes - machine.running()).min(20) as u32;
            machine.store.request(&Verb::Add { count }, &now).unwrap();
            for _ in 0..7 {
                machine.minute();
            }
        }
        machine
    }
}

#[test]
fn growth_doubles_once_the_first_node_has_shown_what_it_costs() {
    let machine = Machine::new(eight_cpus(), &settings(40));
    let first = machine.until(1, 15);
    assert!(first >= 10, "the window comes first");
    let second = machine.until(2, 20);
    assert!(second >= 15, "the first one is watched for learn_time: {second}");
    // 2, 4, then half the CPUs each time the former are up.
    let mut seen = vec![];
    while machine.running() < 40 {
        seen.push(machine.running());
        assert!(seen.len() < 90, "it stalls at {}", machine.running());
        machine.minute();
    }
    seen.dedup();
    assert_eq!(seen, [2, 4, 8, 12, 16, 20, 24, 28, 32, 36]);
    let report = machine.minute();
    let cost = report.plan.memory.cost.to_string();
    insta::assert_snapshot!(cost, @"a node costs 0.25 % CPU, 200.0 MB, 0 B disk a day; starting 2.0 % CPU in its first 5 min");
}

#[test]
fn what_is_learned_is_what_the_machine_was_made_of() {
    let mut world = eight_cpus();
    (world.node_cpu, world.start_cpu, world.kernel_cpu) = (1.0, 3.0, 0.4);
    let machine = Machine::new(world, &settings(12));
    machine.until(12, 120);
    for _ in 0..30 {
        machine.minute();
    }
    let cost = machine.minute().plan.memory.cost;
    let near = |seen: f64, true_value: f64| (seen - true_value).abs() < true_value * 0.1;
    assert!(near(cost.running.cpu.unwrap().mean, 1.0), "{cost:?}");
    assert!(near(cost.starting.cpu.unwrap().mean, 3.0), "{cost:?}");
    assert!(near(cost.running.memory.unwrap().mean, 2e8), "{cost:?}");
    assert!(near(cost.beyond.each.unwrap(), 0.4), "{cost:?}");
}

#[test]
fn a_machine_where_memory_binds_says_so_and_stops_there() {
    let mut world = eight_cpus();
    (world.memory, world.node_memory) = (gb(16), Bytes(500_000_000));
    let machine = Machine::new(world, &settings(60));
    machine.until(10, 120);
    // 4 GB and 500 MB a node of 60 % of 16 GB: 11 nodes, and the twelfth would be above.
    let Capacity::Known { nodes, first, .. } = machine.capacity() else { panic!("not known") };
    assert_eq!(first, Bound::Resource(crate::model::Resource::Memory));
    assert!((10..=12).contains(&nodes), "{nodes}");
    for _ in 0..120 {
        machine.minute();
        assert!(machine.running() <= 12, "never so many that they are shed again");
    }
    assert!((11..=12).contains(&machine.running()), "{}", machine.running());
}

#[test]
fn after_a_reboot_two_hundred_nodes_come_back_paced_by_what_they_cost() {
    let mut world = eight_cpus();
    world.node_cpu = 0.2;
    let machine = Machine::filled(world, 200, &settings(200));
    assert_eq!(machine.running(), 200);
    machine.host.world().reboot();
    let mut most_at_once = 0;
    let mut worst = 0.0_f64;
    let mut minutes = 0;
    while machine.running() < 200 {
        let before = machine.running();
        let report = machine.minute();
        most_at_once = most_at_once.max(machine.running() - before);
        worst = worst.max(report.snapshot.machine.cpu.map_or(0.0, |cpu| cpu.0));
        minutes += 1;
        assert!(minutes < 150, "it stalls at {}", machine.running());
    }
    assert!(most_at_once <= 4, "half the CPUs a cycle: {most_at_once}");
    assert!(worst <= 70.0, "never above the shed threshold: {worst}");
    assert!(minutes >= 50, "hundreds do not start at once: {minutes} min");
}

#[test]
fn what_was_learned_survives_a_reboot_and_a_node_that_dies() {
    let machine = Machine::new(eight_cpus(), &settings(4));
    machine.until(4, 120);
    let before = machine.minute().plan.memory.cost;
    machine.host.world().kill(id(2));
    machine.host.world().reboot();
    machine.until(4, 20);
    let after = machine.minute().plan.memory.cost;
    let mean = |cost: &crate::observe::LearnedCost| cost.running.cpu.unwrap().mean;
    assert!((mean(&before) - mean(&after)).abs() < 0.05, "{before:?} {after:?}");
    assert!(after.observed_s > before.observed_s);
}

#[test]
fn unreadable_counters_grow_one_at_a_time() {
    let mut world = eight_cpus();
    world.hides_cpu = true;
    let machine = Machine::new(world, &settings(40));
    for _ in 0..60 {
        machine.minute();
    }
    assert_eq!(machine.running(), 4, "after 10, 25, 40 and 55 minutes");
    assert!(matches!(machine.capacity(), Capacity::Unknown { .. }));
    machine.store.set_policy(&settings(4), Timestamp(0)).unwrap();
    machine.host.world().reboot();
    assert_eq!(machine.until(4, 10), 1, "recovery keeps to half the CPUs");
}
