//! The modelled machine, minute by minute. Rules act on it as on a host: nodes are created, started,
//! stopped and deleted, and everything else happens by itself.

mod node;
mod weather;

pub(crate) use node::Node;
pub(crate) use weather::Use;

use std::path::Path;

use crate::chance::Chance;
use crate::machine::{Machine, root};
use weather::Weather;

pub(crate) const MINUTE_MS: u64 = 60_000;
/// A reboot takes so many minutes.
const REBOOT_MINUTES: u32 = 3;
const GB: f64 = 1e9;

/// The machine at one minute.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) minute: u32,
    pub(crate) boot: u32,
    pub(crate) uptime_ms: u64,
    /// By number.
    pub(crate) nodes: Vec<Node>,
    pub(crate) state: State,
    /// Rises whenever a process or a directory comes or goes.
    pub(crate) changes: u64,
    /// What happened of itself in this minute.
    pub(crate) events: Events,
    seed: u64,
    weather: Weather,
    events_chance: Chance,
    cycles_chance: Chance,
    next_reboot: Option<u32>,
    next_release: Option<u32>,
    /// No cycle runs before this minute.
    quiet_until: u32,
    serial: u32,
    last_pid: u32,
}

/// What can be measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// Of the last minute, percent.
    pub(crate) cpu: f64,
    /// What all wanted of the CPUs, in CPUs; more than there are when the machine is overloaded.
    pub(crate) demand: f64,
    pub(crate) foreign: Use,
    /// Clock ticks since boot, all CPUs.
    pub(crate) ticks: f64,
    pub(crate) idle_ticks: f64,
    pub(crate) memory_used: f64,
    pub(crate) load: [f64; 3],
    pub(crate) stall_cpu: f64,
    pub(crate) stall_memory: f64,
    /// Bytes used on each disk.
    pub(crate) disks: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Events {
    pub(crate) rebooted: bool,
    pub(crate) released: bool,
    pub(crate) deaths: u32,
}

impl<'a> World<'a> {
    pub(crate) fn new(machine: &'a Machine, seed: u64) -> World<'a> {
        let mut world = World {
            machine,
            minute: 0,
            boot: 1,
            // It has been up for an hour when the simulation begins.
            uptime_ms: 60 * MINUTE_MS,
            nodes: Vec::new(),
            state: State::default(),
            changes: 1,
            events: Events::default(),
            seed,
            weather: Weather::new(seed),
            events_chance: Chance::new(seed, 2),
            cycles_chance: Chance::new(seed, 3),
            next_reboot: None,
            next_release: None,
            quiet_until: 0,
            serial: 0,
            last_pid: 1000,
        };
        world.next_reboot = world.within(0, machine.trouble.reboot_days);
        world.next_release = world.within(0, machine.trouble.release_days);
        world.use_resources();
        world
    }

    /// One minute later.
    pub(crate) fn pass(&mut self) {
        self.minute += 1;
        self.uptime_ms += MINUTE_MS;
        self.events = Events::default();
        if self.next_reboot.is_some_and(|at| at <= self.minute) {
            self.reboot();
        }
        if self.next_release.is_some_and(|at| at <= self.minute) {
            self.release();
        }
        self.end_processes();
        self.use_resources();
    }

    /// Whether a cycle runs in this minute.
    pub(crate) fn runs_cycle(&mut self) -> bool {
        if self.cycles_chance.happens(self.machine.trouble.missed_a_day / 1440.0) {
            let minutes = self.cycles_chance.between(1.0, 11.0) as u32;
            self.quiet_until = self.quiet_until.max(self.minute + minutes);
        }
        self.minute >= self.quiet_until
    }

    /// Some minute of the period of so many days that begins at `from`.
    fn within(&mut self, from: u32, days: f64) -> Option<u32> {
        let share = self.events_chance.between(0.1, 0.9);
        (days > 0.0).then(|| from + (days * 1440.0 * share) as u32)
    }

    fn reboot(&mut self) {
        self.events.rebooted = true;
        self.boot += 1;
        // Everything but this much of the break is over when the clock runs again.
        self.uptime_ms = MINUTE_MS / 2;
        self.quiet_until = self.minute + REBOOT_MINUTES;
        for node in &mut self.nodes {
            (node.process, node.restarts) = (None, 0);
        }
        let enabled = self.nodes.iter().filter(|node| node.is_enabled);
        let enabled: Vec<u32> = enabled.map(|node| node.number).collect();
        for number in enabled {
            self.start(number);
        }
        self.state = State { disks: std::mem::take(&mut self.state.disks), ..State::default() };
        self.changes += 1;
        let days = self.machine.trouble.reboot_days;
        let period = (days * 1440.0) as u32;
        let next_period = (self.minute / period.max(1) + 1) * period;
        self.next_reboot = self.within(next_period, days);
    }

    fn release(&mut self) {
        self.events.released = true;
        let minutes = self.machine.trouble.release_hours * 60.0;
        for node in &mut self.nodes {
            node.upgrade_within(self.minute, minutes);
        }
        let days = self.machine.trouble.release_days;
        let period = (days * 1440.0) as u32;
        let next_period = (self.minute / period.max(1) + 1) * period;
        self.next_release = self.within(next_period, days);
    }

    /// What ends by itself: processes die, and upgrade themselves for a release.
    fn end_processes(&mut self) {
        let trouble = &self.machine.trouble;
        let mut ended = Vec::new();
        for node in &mut self.nodes {
            let upgrades = node.upgrades_at.is_some_and(|at| at <= self.minute);
            if upgrades {
                node.upgrades_at = None;
            }
            if node.dies(trouble, self.uptime_ms) {
                self.events.deaths += 1;
                ended.push((node.number, node.stays_down(trouble)));
            } else if upgrades && node.process.is_some() {
                ended.push((node.number, false));
            }
        }
        for (number, stays_down) in ended {
            match stays_down {
                true => drop(self.stop(number)),
                false => self.restart_by_manager(number),
            }
        }
    }

    fn restart_by_manager(&mut self, number: u32) {
        let restarts = self.node(number).map_or(0, |node| node.restarts);
        self.stop(number);
        self.start(number);
        if let Some(node) = self.node_mut(number) {
            node.restarts = restarts + 1;
        }
    }

    fn use_resources(&mut self) {
        let of = &self.machine.node;
        let foreign = self.weather.at(self.minute, self.machine);
        let (mut demand, mut waiting, mut memory_mb) = (foreign.cpu, 0.0, 0.0);
        let mut needs = Vec::with_capacity(self.nodes.len());
        for node in &mut self.nodes {
            let need = node.need(of, self.uptime_ms);
            demand += need.cpu;
            waiting += need.load;
            memory_mb += need.memory_mb;
            needs.push(need.cpu);
        }
        let cpus = f64::from(self.machine.cpus);
        let given = if demand > cpus { cpus / demand } else { 1.0 };
        let room: Vec<bool> =
            (0..self.state.disks.len()).map(|disk| self.free_bytes(disk) > 0.0).collect();
        for (node, need) in self.nodes.iter_mut().zip(needs) {
            node.live(need * given, of, room.get(node.disk) != Some(&false));
        }
        self.fill_disks(foreign.disk_gb);
        self.state.foreign = foreign;
        self.count_cpu(demand, waiting, cpus);
        self.fill_memory(foreign.memory_gb, memory_mb);
    }

    fn count_cpu(&mut self, demand: f64, waiting: f64, cpus: f64) {
        const TICKS_A_MINUTE: f64 = 6000.0;
        let used = demand.min(cpus);
        let state = &mut self.state;
        state.demand = demand;
        state.cpu = used / cpus * 100.0;
        state.ticks += cpus * TICKS_A_MINUTE;
        state.idle_ticks += (cpus - used) * TICKS_A_MINUTE;
        // What cannot be served queues up behind what can.
        let queue = demand + (demand - cpus).max(0.0) + waiting;
        // exp(-60 s / 1, 5, 15 min), as the kernel has it.
        const KEEP: [f64; 3] = [0.367_879_441, 0.818_730_753, 0.935_506_985];
        for (load, keep) in state.load.iter_mut().zip(KEEP) {
            *load = *load * keep + queue * (1.0 - keep);
        }
        // Some task waits more and more often from half use on, and nearly always when overloaded.
        let share = demand / cpus;
        let stall = if share < 0.5 { 0.0 } else { ((share - 0.5) / 0.7).min(1.0) };
        state.stall_cpu = state.stall_cpu * KEEP[0] + stall * stall * 95.0 * (1.0 - KEEP[0]);
    }

    fn fill_memory(&mut self, foreign_gb: f64, nodes_mb: f64) {
        let total = self.machine.memory_gb * GB;
        let cache = self.machine.noise.memory_gb * GB;
        let mut used = foreign_gb * GB + nodes_mb * 1e6 + cache * self.events_noise();
        // The kernel kills the largest when nothing is left.
        while used > total * 0.99 {
            let largest = self
                .nodes
                .iter()
                .filter_map(|node| Some((node.process.as_ref()?.memory_mb, node.number)))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let Some((memory_mb, number)) = largest else { break };
            used -= memory_mb * 1e6;
            self.events.deaths += 1;
            self.stop(number);
        }
        let state = &mut self.state;
        state.memory_used = used.clamp(0.0, total);
        let share = state.memory_used / total;
        let stall = ((share - 0.9) / 0.1).max(0.0) * 60.0;
        state.stall_memory = state.stall_memory * 0.37 + stall * 0.63;
    }

    fn events_noise(&mut self) -> f64 {
        self.cycles_chance.normal()
    }

    fn fill_disks(&mut self, step_gb: f64) {
        let days = f64::from(self.minute) / 1440.0;
        let mut used: Vec<f64> = self
            .machine
            .disk
            .iter()
            .map(|disk| (disk.foreign_gb + disk.foreign_gb_a_day * days).max(0.0) * GB)
            .collect();
        if let Some(first) = used.first_mut() {
            *first += step_gb * GB;
        }
        for node in &self.nodes {
            used[node.disk] += node.data_gb * GB;
        }
        for (used, disk) in used.iter_mut().zip(&self.machine.disk) {
            *used = used.min(disk.size_gb * GB);
        }
        self.state.disks = used;
    }

    /// The disk with this storage root.
    pub(crate) fn disk_at(&self, storage: &Path) -> Option<usize> {
        (0..self.machine.disk.len()).find(|disk| Path::new(&root(*disk)) == storage)
    }

    pub(crate) fn free_bytes(&self, disk: usize) -> f64 {
        self.machine.disk[disk].size_gb * GB - self.state.disks[disk]
    }

    /// Percent used of the fullest disk.
    pub(crate) fn fullest_disk(&self) -> f64 {
        let shares = self.state.disks.iter().zip(&self.machine.disk);
        shares.map(|(used, disk)| used / (disk.size_gb * GB) * 100.0).fold(0.0, f64::max)
    }

    pub(crate) fn memory_percent(&self) -> f64 {
        self.state.memory_used / (self.machine.memory_gb * GB) * 100.0
    }

    pub(crate) fn running(&self) -> u32 {
        self.nodes.iter().filter(|node| node.process.is_some()).count() as u32
    }

    /// The node with this number.
    pub(crate) fn node(&self, number: u32) -> Option<&Node> {
        self.place(number).ok().map(|place| &self.nodes[place])
    }

    fn node_mut(&mut self, number: u32) -> Option<&mut Node> {
        self.place(number).ok().map(|place| &mut self.nodes[place])
    }

    /// Where it is, or would be.
    fn place(&self, number: u32) -> Result<usize, usize> {
        self.nodes.binary_search_by_key(&number, |node| node.number)
    }

    /// Makes a node's data. False when the number is taken.
    pub(crate) fn create(&mut self, number: u32, disk: usize) -> bool {
        let Err(place) = self.place(number) else { return false };
        self.serial += 1;
        let mut node = Node::new(number, disk, self.serial, self.seed, &self.machine.node);
        if self.serial <= self.machine.trouble.dying_nodes {
            node.sicken();
        }
        self.nodes.insert(place, node);
        self.changes += 1;
        true
    }

    /// Starts its process. False when it runs already, or is not there.
    pub(crate) fn start(&mut self, number: u32) -> bool {
        let (pid, uptime_ms) = (self.last_pid + 1, self.uptime_ms);
        let Some(node) = self.node_mut(number) else { return false };
        if node.process.is_some() {
            return false;
        }
        node.start(pid, uptime_ms);
        node.restarts = 0;
        self.last_pid = pid;
        self.changes += 1;
        true
    }

    /// Ends its process. False when it does not run.
    pub(crate) fn stop(&mut self, number: u32) -> bool {
        let node = self.node_mut(number);
        let stopped = node.is_some_and(|node| node.process.take().is_some());
        self.changes += u64::from(stopped);
        stopped
    }

    /// Whether its manager starts it when the machine comes up.
    pub(crate) fn enable(&mut self, number: u32, is_enabled: bool) {
        if let Some(node) = self.node_mut(number) {
            node.is_enabled = is_enabled;
        }
    }

    /// Deletes its data: the identity is lost to the network.
    pub(crate) fn delete(&mut self, number: u32) -> bool {
        let Ok(place) = self.place(number) else { return false };
        self.changes += 1;
        self.nodes.remove(place);
        true
    }
}
