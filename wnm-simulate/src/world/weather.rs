//! Everything on the machine that is no node: its load at each minute.

use crate::chance::Chance;
use crate::machine::{Foreign, Machine, Step};

const DAY_MINUTES: f64 = 1440.0;

/// What others use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Use {
    /// CPUs.
    pub(crate) cpu: f64,
    /// The same without its noise.
    pub(crate) steady_cpu: f64,
    pub(crate) memory_gb: f64,
    /// Data on the first disk, beyond what grows steadily.
    pub(crate) disk_gb: f64,
}

#[derive(Debug)]
pub(super) struct Weather {
    chance: Chance,
    bursts: Vec<Burst>,
}

#[derive(Debug)]
struct Burst {
    ends: u32,
    of: Use,
}

impl Weather {
    pub(super) fn new(seed: u64) -> Weather {
        Weather { chance: Chance::new(seed, 1), bursts: Vec::new() }
    }

    pub(super) fn at(&mut self, minute: u32, machine: &Machine) -> Use {
        let foreign = &machine.foreign;
        self.bursts.retain(|burst| burst.ends > minute);
        if self.chance.happens(foreign.bursts_a_day / DAY_MINUTES) {
            self.begin_burst(minute, foreign);
        }
        let now = expected(minute, machine);
        let bursts = self.bursts.iter().map(|burst| burst.of);
        let all = bursts.fold(now, |sum, burst| Use {
            cpu: sum.cpu + burst.cpu,
            memory_gb: sum.memory_gb + burst.memory_gb,
            ..sum
        });
        Use { cpu: all.cpu * self.chance.factor(foreign.noise), steady_cpu: all.cpu, ..all }
    }

    fn begin_burst(&mut self, minute: u32, foreign: &Foreign) {
        let minutes = foreign.burst_minutes * self.chance.between(0.3, 1.7);
        let size = self.chance.between(0.4, 1.6);
        let of = Use {
            cpu: foreign.burst_cpu * size,
            memory_gb: foreign.burst_memory_gb * size,
            ..Use::default()
        };
        self.bursts.push(Burst { ends: minute + minutes as u32 + 1, of });
    }
}

/// What can be known beforehand: base, rhythm of the day, steps.
fn expected(minute: u32, machine: &Machine) -> Use {
    let foreign = &machine.foreign;
    let busy = busy(minute, foreign.busiest_hour);
    let base = Use {
        cpu: foreign.cpu + foreign.daily_cpu * busy,
        memory_gb: foreign.memory_gb + foreign.daily_memory_gb * busy,
        ..Use::default()
    };
    machine.step.iter().filter(|step| is_on(step, minute)).fold(base, |sum, step| Use {
        cpu: sum.cpu + step.cpu,
        memory_gb: sum.memory_gb + step.memory_gb,
        disk_gb: sum.disk_gb + step.disk_gb,
        ..sum
    })
}

fn is_on(step: &Step, minute: u32) -> bool {
    let days = f64::from(minute) / DAY_MINUTES;
    days >= step.day && (step.hours == 0.0 || days < step.day + step.hours / 24.0)
}

/// From 0 in the quietest hour to 1 in the busiest, twelve hours later: a smooth hill.
fn busy(minute: u32, busiest_hour: f64) -> f64 {
    let hour = f64::from(minute % 1440) / 60.0;
    let away = (hour - busiest_hour).abs();
    let away = away.min(24.0 - away) / 12.0;
    let near = 1.0 - away;
    near * near * (3.0 - 2.0 * near)
}
