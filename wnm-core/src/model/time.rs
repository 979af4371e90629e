//! Two clocks: one for people, one for ages. Neither is read here.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, for people and for sorting. A wall clock may jump, so no
/// decision rests on differences of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Time from `earlier` to `self`; zero if the clock went backwards.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// `2026-11-20 21:27:30`, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(1000);
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// Days since 1970-01-01 to a date of the proleptic Gregorian calendar: eras of 400 years that
/// begin on 1 March, so that the leap day is the last of its year.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The kernel's random id of one boot (`/proc/sys/kernel/random/boot_id`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub String);

/// A point on the clock that ages are measured with: it never jumps, and it goes on in a suspend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instant {
    /// Which boot.
    pub boot: BootId,
    /// Milliseconds since that boot.
    pub uptime_ms: u64,
}

impl Instant {
    /// How long ago `self` was. After a reboot only a lower bound is known: the time since the
    /// machine came up. Zero when `self` lies in the future of the same boot.
    pub fn age(&self, now: &Instant) -> Duration {
        let ms = if self.boot == now.boot {
            now.uptime_ms.saturating_sub(self.uptime_ms)
        } else {
            now.uptime_ms
        };
        Duration::from_millis(ms)
    }
}

/// The one reading of both clocks that a cycle decides by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For people and for the journal.
    pub wall: Timestamp,
    /// For ages.
    pub instant: Instant,
}

impl Now {
    /// How long ago `then` was; see [`Instant::age`].
    pub fn age(&self, then: &Instant) -> Duration {
        then.age(&self.instant)
    }
}
