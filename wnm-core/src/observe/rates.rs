//! From two samples to a rate.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{IoCounters, MachineSample};
use crate::model::Percent;

/// Samples closer together than this say too little.
const SHORTEST_MS: u64 = 10_000;
/// Samples further apart than this describe another time.
const LONGEST_MS: u64 = 600_000;

/// CPU used between the latest fitting earlier sample and `sample`: 100 minus idle minus iowait.
/// `None` without such a sample of the same boot; never 0 for want of knowledge.
pub fn cpu_used(earlier: &[MachineSample], sample: &MachineSample) -> Option<Percent> {
    let after = sample.cpu?;
    let before = earlier.iter().rev().find(|before| fits(before, sample))?.cpu?;
    let total = after.total.checked_sub(before.total)?;
    // The kernel's iowait can go backwards; idle as a whole is taken as at most the total.
    let idle = (after.idle + after.iowait).saturating_sub(before.idle + before.iowait).min(total);
    Percent::of(total - idle, total)
}

/// Bytes per second, in and out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IoRate {
    /// Read, or received.
    pub read: f64,
    /// Written, or sent.
    pub written: f64,
}

/// What the block devices below the storage roots did since the latest fitting earlier sample.
pub fn disk_rate(earlier: &[MachineSample], sample: &MachineSample) -> Option<IoRate> {
    let before = earlier.iter().rev().find(|before| fits(before, sample))?;
    rate(&before.disks, &sample.disks, elapsed_s(before, sample))
}

/// The same for the network interfaces.
pub fn network_rate(earlier: &[MachineSample], sample: &MachineSample) -> Option<IoRate> {
    let before = earlier.iter().rev().find(|before| fits(before, sample))?;
    rate(before.network.as_ref()?, sample.network.as_ref()?, elapsed_s(before, sample))
}

/// Only what both samples have is compared: a device that came or went has no rate, and one whose
/// counters began anew makes the whole unknown.
fn rate<K: Ord>(
    before: &BTreeMap<K, IoCounters>,
    after: &BTreeMap<K, IoCounters>,
    seconds: f64,
) -> Option<IoRate> {
    let mut sum: Option<IoCounters> = None;
    for (key, now) in after {
        let Some(then) = before.get(key) else { continue };
        let total = sum.get_or_insert(IoCounters { read: 0, written: 0 });
        total.read += now.read.checked_sub(then.read)?;
        total.written += now.written.checked_sub(then.written)?;
    }
    let sum = sum?;
    Some(IoRate { read: sum.read as f64 / seconds, written: sum.written as f64 / seconds })
}

fn elapsed_s(before: &MachineSample, after: &MachineSample) -> f64 {
    (after.at.instant.uptime_ms - before.at.instant.uptime_ms) as f64 / 1000.0
}

/// Whether `sample` is to be kept for later cycles. Cycles that follow each other closely would
/// otherwise push out every sample that is old enough to be of use.
pub fn is_worth_keeping(earlier: &[MachineSample], sample: &MachineSample) -> bool {
    let Some(last) = earlier.last() else { return true };
    let (before, after) = (&last.at.instant, &sample.at.instant);
    before.boot != after.boot || after.uptime_ms.saturating_sub(before.uptime_ms) >= SHORTEST_MS / 2
}

/// Samples younger than this are kept: a little more than rates look back.
const KEPT: Duration = Duration::from_secs(11 * 60);
/// So many are kept however old they are.
const KEPT_AT_LEAST: usize = 20;
/// More are not kept however young they are.
const KEPT_AT_MOST: usize = 64;

/// Adds `latest` to the stored samples, and forgets those that no rate will need.
pub fn keep_sample(samples: &mut Vec<MachineSample>, latest: MachineSample) {
    let now = latest.at.instant.clone();
    samples.push(latest);
    let mut from_end = samples.len();
    samples.retain(|sample| {
        from_end -= 1;
        let then = &sample.at.instant;
        let young = then.boot == now.boot && then.age(&now) < KEPT;
        from_end < KEPT_AT_LEAST || (young && from_end < KEPT_AT_MOST)
    });
}

fn fits(before: &MachineSample, sample: &MachineSample) -> bool {
    let (before, after) = (&before.at.instant, &sample.at.instant);
    before.boot == after.boot
        && after
            .uptime_ms
            .checked_sub(before.uptime_ms)
            .is_some_and(|ms| (SHORTEST_MS..=LONGEST_MS).contains(&ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BootId, Instant, Now, Timestamp};
    use crate::observe::CpuTimes;

    /// At `second`, with so many ticks in all of which so many were idle.
    fn sample(boot: &str, second: u64, total: u64, idle: u64, iowait: u64) -> MachineSample {
        let instant = Instant { boot: BootId(boot.into()), uptime_ms: second * 1000 };
        MachineSample {
            at: Now { wall: Timestamp(0), instant },
            cpus: 1,
            cpu: Some(CpuTimes { total, idle, iowait }),
            memory: None,
            load: None,
            file_systems: BTreeMap::new(),
            disks: BTreeMap::new(),
            network: None,
            stall: None,
        }
    }

    #[test]
    fn cpu_is_what_is_neither_idle_nor_waiting() {
        let earlier = [sample("a", 0, 0, 0, 0)];
        let used = |total, idle, iowait| cpu_used(&earlier, &sample("a", 60, total, idle, iowait));
        assert_eq!(used(1000, 600, 100), Some(Percent(30.0)));
        assert_eq!(used(1000, 1000, 0), Some(Percent(0.0)));
        assert_eq!(used(1000, 900, 900), Some(Percent(0.0)), "never below nothing");
        assert_eq!(used(0, 0, 0), None, "no time has passed");
    }

    #[test]
    fn only_a_sample_of_the_right_age_and_boot_will_do() {
        let table = [
            ("a", 0, None),
            ("a", 9, None),
            ("a", 10, Some(50.0)),
            ("a", 600, Some(50.0)),
            ("a", 601, None),
            ("b", 60, None),
        ];
        for (boot, second, expected) in table {
            let earlier = [sample("a", 0, 0, 0, 0)];
            let used = cpu_used(&earlier, &sample(boot, second, 1000, 500, 0));
            assert_eq!(used, expected.map(Percent), "{boot} {second} s");
        }
        assert_eq!(cpu_used(&[], &sample("a", 60, 1000, 500, 0)), None);
        let counters_reset = [sample("a", 0, 5000, 0, 0)];
        assert_eq!(cpu_used(&counters_reset, &sample("a", 60, 1000, 500, 0)), None);
    }

    #[test]
    fn the_latest_fitting_sample_is_taken() {
        let earlier =
            [sample("a", 0, 0, 0, 0), sample("a", 30, 1000, 0, 0), sample("a", 55, 1500, 500, 0)];
        let used = cpu_used(&earlier, &sample("a", 60, 2000, 1000, 0));
        assert_eq!(used, Some(Percent(0.0)), "since second 30");
    }

    #[test]
    fn rates_compare_only_what_both_samples_have() {
        let io = |read, written| IoCounters { read, written };
        let at = |second, disks: &[(u64, IoCounters)]| MachineSample {
            disks: disks.iter().copied().collect(),
            ..sample("a", second, 0, 0, 0)
        };
        let earlier = [at(0, &[(1, io(100, 0)), (2, io(0, 0))])];
        let rate = |disks: &[(u64, IoCounters)]| disk_rate(&earlier, &at(10, disks));
        let expected = Some(IoRate { read: 10.0, written: 2.0 });
        assert_eq!(rate(&[(1, io(200, 20))]), expected);
        assert_eq!(rate(&[(1, io(200, 20)), (3, io(9999, 9999))]), expected, "a new disk");
        assert_eq!(rate(&[(3, io(9999, 9999))]), None, "nothing to compare");
        assert_eq!(rate(&[(1, io(50, 20)), (2, io(10, 10))]), None, "counters begun anew");
        assert_eq!(disk_rate(&[], &at(10, &[(1, io(1, 1))])), None);
        assert_eq!(network_rate(&earlier, &at(10, &[])), None, "not measured is not zero");
    }

    #[test]
    fn samples_close_together_are_not_all_kept() {
        let earlier = [sample("a", 10, 0, 0, 0)];
        for (boot, second, kept) in [("a", 14, false), ("a", 15, true), ("b", 1, true)] {
            assert_eq!(is_worth_keeping(&earlier, &sample(boot, second, 1, 1, 0)), kept);
        }
        assert!(is_worth_keeping(&[], &sample("a", 0, 0, 0, 0)));
    }
}
