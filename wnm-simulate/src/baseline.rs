//! The rules of the Python tool, for comparison: single samples, one thing a cycle, no memory. Its
//! faults in mechanics are mended: timers run out, the data of a removed node is deleted, and a node
//! that is gone is no longer counted.

use std::collections::{BTreeMap, BTreeSet};

use wnm_core::policy::Policy;

use crate::chance::Chance;
use crate::tally::{Act, Tally};
use crate::world::World;

/// The Python tool on the modelled machine.
#[derive(Debug)]
pub(crate) struct Baseline {
    policy: Policy,
    chance: Chance,
    /// What it has stored of each node.
    nodes: BTreeMap<u32, Stored>,
    /// Nodes that went down of themselves. Its rules make no difference; the numbers do.
    fell: BTreeSet<u32>,
    last_boot: u32,
}

/// Statuses, with the minute in which those with a timer began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Running,
    Stopped,
    Restarting(u32),
    Removing(u32),
}

/// What single samples say.
#[derive(Clone, Copy, Debug)]
struct Features {
    may_add: bool,
    must_remove_for_disk: bool,
    must_stop: bool,
}

impl Baseline {
    pub(crate) fn new(policy: Policy, seed: u64) -> Baseline {
        let chance = Chance::new(seed, 6);
        Baseline { policy, chance, nodes: BTreeMap::new(), fell: BTreeSet::new(), last_boot: 1 }
    }

    pub(crate) fn cycle(&mut self, world: &mut World<'_>, tally: &mut Tally) {
        self.expire(world, tally);
        let features = self.features(world);
        if world.boot != self.last_boot {
            // A reboot takes a whole cycle to look at everything anew.
            self.last_boot = world.boot;
            self.survey(world);
            return;
        }
        if self.in_flight() == 0 {
            self.decide(features, world, tally);
        }
        self.survey(world);
    }

    fn expire(&mut self, world: &mut World<'_>, tally: &mut Tally) {
        let minutes = |delay: std::time::Duration| (delay.as_secs() / 60) as u32;
        let (start, remove) =
            (minutes(self.policy.delays.start), minutes(self.policy.delays.remove));
        for (number, stored) in &mut self.nodes {
            match stored {
                Stored::Restarting(since) if *since + start < world.minute => {
                    *stored = seen(world, *number);
                }
                Stored::Removing(since) if *since + remove < world.minute => {
                    world.delete(*number);
                    tally.act(Act::RemoveForDisk);
                }
                _ => {}
            }
        }
        self.nodes.retain(|number, _| world.node(*number).is_some());
    }

    fn features(&mut self, world: &World<'_>) -> Features {
        let policy = &self.policy;
        // One second of CPU.
        let noise = world.machine.noise.second_cpu * self.chance.normal();
        let cpu = (world.state.cpu + noise).clamp(0.0, 100.0);
        let memory = world.memory_percent();
        // It knows one storage; the fullest disk stands for it.
        let disk = world.fullest_disk();
        let load = world.state.load;
        let all_below = load.iter().all(|load| policy.load.has_room(*load));
        let any_above = load.iter().any(|load| policy.load.is_over(*load));
        let total = self.nodes.len() as u32;
        Features {
            may_add: self.in_flight() == 0
                && policy.cpu.has_room(cpu)
                && policy.memory.has_room(memory)
                && policy.disk.band.has_room(disk)
                && all_below
                && total < policy.cap.limit,
            must_remove_for_disk: policy.disk.band.is_over(disk) || total > policy.cap.stored,
            must_stop: any_above || policy.cpu.is_over(cpu) || policy.memory.is_over(memory),
        }
    }

    fn in_flight(&self) -> usize {
        let moves =
            |stored: &&Stored| matches!(stored, Stored::Restarting(_) | Stored::Removing(_));
        self.nodes.values().filter(moves).count()
    }

    fn decide(&mut self, features: Features, world: &mut World<'_>, tally: &mut Tally) {
        // Ages follow numbers but where a number was given again: the youngest has the highest.
        let youngest = |nodes: &BTreeMap<u32, Stored>, wanted: Stored| {
            nodes.iter().rev().find(|(_, stored)| **stored == wanted).map(|(number, _)| *number)
        };
        if features.must_remove_for_disk {
            if let Some(number) = youngest(&self.nodes, Stored::Stopped) {
                world.delete(number);
                self.nodes.remove(&number);
                tally.act(Act::RemoveForDisk);
            } else if let Some(number) = youngest(&self.nodes, Stored::Running) {
                world.stop(number);
                self.nodes.insert(number, Stored::Removing(world.minute));
                tally.act(Act::Stop);
            }
        } else if features.must_stop {
            if let Some(number) = youngest(&self.nodes, Stored::Running) {
                world.stop(number);
                self.nodes.insert(number, Stored::Stopped);
                tally.act(Act::StopForPressure);
            }
        } else if features.may_add {
            self.add(world, tally);
        }
    }

    fn add(&mut self, world: &mut World<'_>, tally: &mut Tally) {
        let stopped = self.nodes.iter().find(|(_, stored)| **stored == Stored::Stopped);
        let number = match stopped {
            Some((number, _)) => *number,
            None => {
                let free = (1..).find(|number| !self.nodes.contains_key(number));
                let Some(number) = free else { return };
                world.create(number, emptiest(world));
                number
            }
        };
        world.start(number);
        self.nodes.insert(number, Stored::Restarting(world.minute));
        tally.act(if self.fell.remove(&number) { Act::Heal } else { Act::Start });
    }

    /// What it sees of each node, but for those whose timer runs.
    fn survey(&mut self, world: &World<'_>) {
        for (number, stored) in &mut self.nodes {
            if !matches!(stored, Stored::Running | Stored::Stopped) {
                continue;
            }
            let now = seen(world, *number);
            if (*stored, now) == (Stored::Running, Stored::Stopped) {
                self.fell.insert(*number);
            }
            *stored = now;
        }
    }
}

fn seen(world: &World<'_>, number: u32) -> Stored {
    let node = world.node(number);
    match node.is_some_and(|node| node.process.is_some()) {
        true => Stored::Running,
        false => Stored::Stopped,
    }
}

fn emptiest(world: &World<'_>) -> usize {
    let disks = 0..world.machine.disk.len();
    disks.max_by(|a, b| world.free_bytes(*a).total_cmp(&world.free_bytes(*b))).unwrap_or(0)
}
