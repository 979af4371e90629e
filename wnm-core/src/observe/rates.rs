//! From two samples to a rate.

use super::MachineSample;
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

fn fits(before: &MachineSample, sample: &MachineSample) -> bool {
    let (before, after) = (&before.at.instant, &sample.at.instant);
    before.boot == after.boot
        && after
            .uptime_ms
            .checked_sub(before.uptime_ms)
            .is_some_and(|ms| (SHORTEST_MS..=LONGEST_MS).contains(&ms))
}
