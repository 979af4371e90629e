//! What a run comes to: counts, series, breaches.

use serde::Serialize;

use crate::breach::{Breach, Found};
use crate::world::World;

/// Something that a rule set did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Start,
    /// A start of what had gone down of itself.
    Heal,
    Stop,
    StopForPressure,
    RemoveForDisk,
    RemoveForCap,
    RemoveOther,
    Word,
}

/// More breaches than this say nothing more.
const MOST_BREACHES: usize = 20;
/// Points of a series.
const POINTS: u32 = 720;
/// Above this a machine is no longer pleasant to use.
const BUSY: f64 = 85.0;
/// The count before a reboot is that of so many minutes before it.
const BEFORE: usize = 60;

#[derive(Debug)]
pub(crate) struct Tally {
    acts: [u32; 8],
    running: Vec<u16>,
    busy_minutes: u32,
    deaths: u32,
    reboots: Vec<usize>,
    breaches: Vec<Found>,
    more_breaches: u32,
    day: Day,
    points: Vec<Point>,
    point: Sum,
    point_minutes: u32,
}

/// What makes a day steady.
#[derive(Debug)]
struct Day {
    stops: u32,
    cpu: (f64, f64),
    memory: (f64, f64),
    is_disturbed: bool,
    most_nodes: u32,
}

impl Day {
    const NEW: Day = Day {
        stops: 0,
        cpu: (f64::MAX, 0.0),
        memory: (f64::MAX, 0.0),
        is_disturbed: false,
        most_nodes: 0,
    };
}

/// Some minutes of a run, on average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The first of these minutes.
    pub minute: u32,
    /// Nodes that run.
    pub running: f64,
    /// Nodes that have data.
    pub nodes: f64,
    /// CPU used, percent.
    pub cpu: f64,
    /// Load average of one minute for each CPU, percent.
    pub load: f64,
    /// Memory used, percent.
    pub memory: f64,
    /// The fullest disk, percent.
    pub disk: f64,
}

#[derive(Debug, Default)]
struct Sum {
    first: u32,
    minutes: u32,
    of: [f64; 6],
}

impl Tally {
    pub(crate) fn new(minutes: u32) -> Tally {
        Tally {
            acts: [0; 8],
            running: Vec::with_capacity(minutes as usize),
            busy_minutes: 0,
            deaths: 0,
            reboots: Vec::new(),
            breaches: Vec::new(),
            more_breaches: 0,
            day: Day::NEW,
            points: Vec::new(),
            point: Sum::default(),
            point_minutes: minutes.div_ceil(POINTS).max(1),
        }
    }

    pub(crate) fn act(&mut self, act: Act) {
        self.acts[act as usize] += 1;
        self.day.stops += u32::from(act == Act::StopForPressure);
    }

    pub(crate) fn breach(&mut self, minute: u32, found: impl IntoIterator<Item = Breach>) {
        for breach in found {
            match self.breaches.len() < MOST_BREACHES {
                true => self.breaches.push(Found { minute, breach }),
                false => self.more_breaches += 1,
            }
        }
    }

    /// At the end of every minute.
    pub(crate) fn see(&mut self, world: &World<'_>) {
        let running = world.running();
        if world.events.rebooted {
            self.reboots.push(self.running.len());
        }
        self.running.push(running as u16);
        self.deaths += world.events.deaths;
        self.busy_minutes += u32::from(world.state.cpu > BUSY);
        self.see_day(world, running);
        self.see_point(world, running);
    }

    fn see_day(&mut self, world: &World<'_>, running: u32) {
        let widen = |range: &mut (f64, f64), value: f64| {
            *range = (range.0.min(value), range.1.max(value));
        };
        let (day, foreign) = (&mut self.day, &world.state.foreign);
        widen(&mut day.cpu, foreign.steady_cpu);
        widen(&mut day.memory, foreign.memory_gb);
        day.is_disturbed |= world.events.rebooted || world.events.released;
        day.most_nodes = day.most_nodes.max(running);
        if (world.minute + 1).is_multiple_of(1440) {
            self.end_day(world);
        }
    }

    /// A day is steady when nothing but nodes and their noise could have moved the load: what others
    /// use varied by less than a twentieth of the machine, and there was neither reboot nor release.
    /// The first day is for growing.
    fn end_day(&mut self, world: &World<'_>) {
        let day = std::mem::replace(&mut self.day, Day::NEW);
        let share = |range: (f64, f64), whole: f64| (range.1 - range.0) / whole;
        let is_steady = !day.is_disturbed
            && share(day.cpu, f64::from(world.machine.cpus)) < 0.05
            && share(day.memory, world.machine.memory_gb) < 0.05;
        let number = (world.minute + 1) / 1440;
        let limit = (day.most_nodes / 50).max(5);
        if is_steady && number > 1 && day.stops > limit {
            let breach = Breach::Flaps { day: number, stops: day.stops, limit };
            self.breach(world.minute, [breach]);
        }
    }

    fn see_point(&mut self, world: &World<'_>, running: u32) {
        let sum = &mut self.point;
        if sum.minutes == 0 {
            sum.first = world.minute;
        }
        let load = world.state.load[0] / f64::from(world.machine.cpus) * 100.0;
        let now = [
            f64::from(running),
            world.nodes.len() as f64,
            world.state.cpu,
            load,
            world.memory_percent(),
            world.fullest_disk(),
        ];
        for (sum, now) in sum.of.iter_mut().zip(now) {
            *sum += now;
        }
        sum.minutes += 1;
        if sum.minutes == self.point_minutes {
            let Sum { first, minutes, of } = std::mem::take(&mut self.point);
            let [running, nodes, cpu, load, memory, disk] = of.map(|sum| sum / f64::from(minutes));
            self.points.push(Point { minute: first, running, nodes, cpu, load, memory, disk });
        }
    }

    pub(crate) fn end(self) -> Outcome {
        let summary = self.summary();
        Outcome {
            summary,
            points: self.points,
            breaches: self.breaches,
            more_breaches: self.more_breaches,
        }
    }

    fn summary(&self) -> Summary {
        let days = self.running.len() as f64 / 1440.0;
        let a_day = |count: u32| f64::from(count) / days;
        let of = |act: Act| self.acts[act as usize];
        let starts = of(Act::Start) + of(Act::Heal);
        let stops = of(Act::Stop) + of(Act::StopForPressure);
        let removals = of(Act::RemoveForDisk) + of(Act::RemoveForCap) + of(Act::RemoveOther);
        let final_nodes = mean(&self.running[self.running.len() * 3 / 4..]);
        let recoveries = self.recoveries();
        let reached: Vec<f64> = recoveries.iter().flatten().map(|it| f64::from(*it)).collect();
        Summary {
            starts_a_day: a_day(starts),
            heals_a_day: a_day(of(Act::Heal)),
            stops_a_day: a_day(stops),
            removals_a_day: a_day(removals),
            churn_a_day: a_day(starts + stops + removals),
            flaps_a_day: a_day(of(Act::StopForPressure)),
            mean_nodes: mean(&self.running),
            final_nodes,
            most_nodes: u32::from(self.running.iter().copied().max().unwrap_or(0)),
            minutes_to_90: reaches(&self.running, final_nodes * 0.9),
            reboots: recoveries.len() as u32,
            minutes_to_90_after_reboot: (!reached.is_empty())
                .then(|| reached.iter().sum::<f64>() / reached.len() as f64),
            not_recovered: (recoveries.len() - reached.len()) as u32,
            busy_minutes_a_day: a_day(self.busy_minutes),
            lost_to_disk: of(Act::RemoveForDisk),
            lost_to_cap: of(Act::RemoveForCap),
            removed_dead: of(Act::RemoveOther),
            deaths: self.deaths,
        }
    }

    /// For each reboot, the minutes until nine tenths of the nodes before it ran again; `None` when
    /// they did not before the next one or the end.
    fn recoveries(&self) -> Vec<Option<u32>> {
        let ends = self.reboots.iter().skip(1).copied().chain([self.running.len()]);
        self.reboots
            .iter()
            .zip(ends)
            .map(|(at, end)| {
                let before = mean(&self.running[at.saturating_sub(BEFORE)..*at]);
                reaches(&self.running[*at..end], before * 0.9)
            })
            .collect()
    }
}

fn mean(counts: &[u16]) -> f64 {
    let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    if counts.is_empty() { 0.0 } else { sum as f64 / counts.len() as f64 }
}

fn reaches(counts: &[u16], wanted: f64) -> Option<u32> {
    let place = counts.iter().position(|count| f64::from(*count) >= wanted)?;
    u32::try_from(place).ok()
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its numbers.
    pub summary: Summary,
    /// Its course.
    pub points: Vec<Point>,
    /// Promises that were broken, the first twenty.
    pub breaches: Vec<Found>,
    /// How many more there were.
    pub more_breaches: u32,
}

/// The numbers of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Starts of nodes, new ones and others.
    pub starts_a_day: f64,
    /// Of these, of nodes that had gone down of themselves or by a reboot.
    pub heals_a_day: f64,
    /// Stops of nodes, for whatever reason.
    pub stops_a_day: f64,
    /// Nodes deleted.
    pub removals_a_day: f64,
    /// All three.
    pub churn_a_day: f64,
    /// Stops for pressure.
    pub flaps_a_day: f64,
    /// Running nodes over the whole run.
    pub mean_nodes: f64,
    /// Running nodes over its last quarter.
    pub final_nodes: f64,
    /// The most that ran at once.
    pub most_nodes: u32,
    /// Minutes until nine tenths of the final count ran.
    pub minutes_to_90: Option<u32>,
    /// Reboots.
    pub reboots: u32,
    /// Minutes until nine tenths of the count before a reboot ran again, on average of the reboots
    /// after which they did.
    pub minutes_to_90_after_reboot: Option<f64>,
    /// Reboots after which they did not, before the next one or the end.
    pub not_recovered: u32,
    /// Minutes with more than 85 % CPU.
    pub busy_minutes_a_day: f64,
    /// Identities removed because a disk demanded it.
    pub lost_to_disk: u32,
    /// Identities removed because of the cap.
    pub lost_to_cap: u32,
    /// Records removed of nodes whose data was gone.
    pub removed_dead: u32,
    /// Processes that ended of themselves.
    pub deaths: u32,
}
