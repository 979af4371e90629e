//! What goes wrong in a world, from a seed: nodes die, hang and misbehave, operators want things, releases come,
//! the machine has no room, and wnm is killed in the middle of it.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Wanted;
use super::tally::Tally;
use super::world::World;

/// What may happen before a cycle, and how often for each time of the others.
type Blow = (usize, fn(&mut Chaos, &mut World, &mut Tally));

const BLOWS: &[Blow] = &[
    (30, |it, world, tally| it.kill_some(world, tally, Signal::SIGKILL)),
    (15, |it, world, tally| it.kill_some(world, tally, Signal::SIGTERM)),
    (10, Chaos::hang_some),
    (2, Chaos::massacre),
    (25, Chaos::kill_wnm),
    (8, Chaos::crowd),
    (15, Chaos::misbehave),
    (6, Chaos::lose_a_file),
    (25, Chaos::request),
    (8, Chaos::cap),
    (3, Chaos::release),
    (3, Chaos::pressure),
    (2, Chaos::fill_disk),
];

/// Misbehaviour of a node from its next start on.
const MANNERS: &[&str] = &[
    "hang-metrics",
    "garbage-metrics",
    "refuse=3",
    "die-after=2:1",
    "no-udp",
    "no-peers",
    "slow-stop=2",
    "bind-late=3",
];

/// What a bad release does. One that throws keys away loses those that it made, which is not for wnm to answer.
const FAILINGS: &[&str] = &["refuse=3", "die-after=1:1", "no-udp", "no-peers", "hang-metrics"];

/// What is taken back, some cycles later.
pub(super) enum Later {
    Wnm(Vec<String>),
    Delete(PathBuf),
    Room(PathBuf),
}

pub(super) struct Chaos {
    pub(super) rng: Rng,
    /// When it is due, by the number of the cycle.
    later: Vec<(usize, Later)>,
    releases: u32,
}

impl Chaos {
    pub(super) fn new(wanted: &Wanted) -> Chaos {
        Chaos { rng: Rng::with_seed(wanted.seed), later: Vec::new(), releases: 0 }
    }

    /// None to three of them, after what is over is taken back.
    pub(super) fn blow(&mut self, world: &mut World, tally: &mut Tally) {
        self.take_back(world, tally, tally.cycles);
        let all: usize = BLOWS.iter().map(|(weight, _)| weight).sum();
        for _ in 0..self.rng.usize(0..=3) {
            let mut at = self.rng.usize(0..all);
            let chosen = BLOWS.iter().find(|(weight, _)| {
                let is_it = at < *weight;
                at = at.saturating_sub(*weight);
                is_it
            });
            if let Some((_, blow)) = chosen {
                blow(self, world, tally);
            }
        }
    }

    /// No more of it: all is as it should be, or at least wanted.
    pub(super) fn end(&mut self, world: &mut World, tally: &mut Tally) {
        self.take_back(world, tally, usize::MAX);
        world.publish(&format!("0.5.{}", self.releases + 1), None);
        let cap = world.nodes.to_string();
        self.wnm(world, tally, &["config", "set", "node_cap", &cap]);
        self.wnm(world, tally, &["enable", "--all"]);
        self.wnm(world, tally, &["start", "--all"]);
    }

    fn take_back(&mut self, world: &mut World, tally: &mut Tally, cycle: usize) {
        let (due, later) =
            std::mem::take(&mut self.later).into_iter().partition(|it| it.0 <= cycle);
        self.later = later;
        let due: Vec<(usize, Later)> = due;
        for (_, what) in due {
            match what {
                Later::Wnm(args) => {
                    let args: Vec<&str> = args.iter().map(String::as_str).collect();
                    self.wnm(world, tally, &args);
                }
                // It may be gone with its node.
                Later::Delete(file) => drop(fs::remove_file(file)),
                Later::Room(file) => {
                    fs::remove_file(file).expect("our own");
                    world.is_full = false;
                    tally.remember("the disk has room again".to_owned());
                }
            }
        }
    }

    pub(super) fn later(&mut self, tally: &Tally, what: Later) {
        let cycles = self.rng.usize(2..8);
        self.later.push((tally.cycles + cycles, what));
    }

    pub(super) fn wnm(&mut self, world: &World, tally: &mut Tally, args: &[&str]) {
        let ran = world.wnm(args);
        tally.ended(world, &args.join(" "), &ran);
    }

    /// A few that run.
    fn some(&mut self, world: &World) -> Vec<Pid> {
        let mut pids: Vec<u32> = world.processes().into_values().flatten().collect();
        self.rng.shuffle(&mut pids);
        pids.truncate(self.rng.usize(1..=3));
        pids.into_iter().map(pid_of).collect()
    }

    pub(super) fn any(&mut self, world: &World) -> u32 {
        self.rng.u32(1..=world.nodes)
    }

    fn kill_some(&mut self, world: &World, tally: &mut Tally, signal: Signal) {
        let pids = self.some(world);
        tally.note(&format!("node: {signal}"), pids.len());
        tally.remember(format!("{signal} for {pids:?}"));
        pids.into_iter().for_each(|pid| send(pid, signal));
    }

    /// They hear nothing for some seconds, and go on, as on a machine that swaps.
    fn hang_some(&mut self, world: &mut World, tally: &mut Tally) {
        let (pids, seconds) = (self.some(world), self.rng.u64(1..=5));
        tally.note("node: SIGSTOP, and SIGCONT later", pids.len());
        tally.remember(format!("{pids:?} hang for {seconds} s"));
        for pid in pids {
            send(pid, Signal::SIGSTOP);
            thread::spawn(move || {
                thread::sleep(Duration::from_secs(seconds));
                send(pid, Signal::SIGCONT);
            });
        }
    }

    /// A third of them or all die at once.
    fn massacre(&mut self, world: &mut World, tally: &mut Tally) {
        let of = if self.rng.bool() { 1 } else { 3 };
        let pids: Vec<u32> = world.processes().into_values().flatten().step_by(of).collect();
        tally.note("node: dead with many others", pids.len());
        tally.remember(format!("{} die at once", pids.len()));
        for pid in pids {
            send(pid_of(pid), Signal::SIGKILL);
        }
    }

    fn misbehave(&mut self, world: &mut World, tally: &mut Tally) {
        let number = self.any(world);
        let how = MANNERS[self.rng.usize(0..MANNERS.len())];
        let file = world.node(number).join("stand-in.conf");
        // There may be no such node.
        if fs::write(&file, how).is_err() {
            return;
        }
        tally.note(&format!("node: {how}"), 1);
        tally.remember(format!("antnode{number:04} is told {how}"));
        for pid in world.processes().remove(&world.node(number)).into_iter().flatten() {
            send(pid_of(pid), Signal::SIGKILL);
        }
        self.later(tally, Later::Delete(file));
    }

    /// The program of a node that died, or the definition of one.
    fn lose_a_file(&mut self, world: &mut World, tally: &mut Tally) {
        let number = self.any(world);
        let data = world.node(number);
        let unit = PathBuf::from(format!("/etc/systemd/system/antnode{number:04}.service"));
        let file = if world.is_host && self.rng.bool() { unit } else { data.join("antnode") };
        if fs::remove_file(&file).is_err() {
            return;
        }
        tally.note("node: its program or unit file deleted", 1);
        tally.remember(format!("{} is deleted", file.display()));
        for pid in world.processes().remove(&data).into_iter().flatten() {
            send(pid_of(pid), Signal::SIGKILL);
        }
    }

    /// A new one, good or bad.
    fn release(&mut self, world: &mut World, tally: &mut Tally) {
        self.releases += 1;
        let does = self.rng.bool().then(|| FAILINGS[self.rng.usize(0..FAILINGS.len())]);
        world.publish(&format!("0.5.{}", self.releases), does);
        tally.note(if does.is_some() { "release: bad" } else { "release: good" }, 1);
        tally.remember(format!("release 0.5.{}: {does:?}", self.releases));
    }

    /// Less CPU than the calm machine of the tests is seen to use: nodes are stopped in rounds.
    fn pressure(&mut self, world: &mut World, tally: &mut Tally) {
        tally.note("machine: too little CPU", 1);
        self.wnm(world, tally, &["config", "set", "cpu_less_than", "0.1"]);
        self.wnm(world, tally, &["config", "set", "cpu_remove", "0.5"]);
        for (name, value) in [("cpu_remove", "99.9"), ("cpu_less_than", "99.8")] {
            let words = ["config", "set", name, value].map(str::to_owned).to_vec();
            self.later.push((tally.cycles + 4, Later::Wnm(words)));
        }
    }

    /// But for some kilobytes, where it is nobody's.
    fn fill_disk(&mut self, world: &mut World, tally: &mut Tally) {
        if !world.is_host || world.is_full {
            return;
        }
        let filling = world.base.with_file_name("filling");
        let free = nix::sys::statvfs::statvfs(&world.base).expect("it is there");
        let bytes = free.blocks_available() * free.fragment_size() - 64 * 1024;
        let file = fs::File::create(&filling).expect("a file can be made");
        let all = nix::fcntl::FallocateFlags::empty();
        let ran = nix::fcntl::fallocate(&file, all, 0, bytes as i64);
        tally.note("machine: disk full", 1);
        tally.remember(format!("the disk is full: {ran:?}"));
        world.is_full = true;
        self.later(tally, Later::Room(filling));
    }
}

fn pid_of(number: u32) -> Pid {
    Pid::from_raw(number as i32)
}

/// It may have ended meanwhile.
fn send(pid: Pid, signal: Signal) {
    kill(pid, signal).ok();
}
