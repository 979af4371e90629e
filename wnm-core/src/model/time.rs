//! Two clocks: one for people, one for ages. Neither is read here.

use std::fmt;
use std::str::FromStr;
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

/// A text that is no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time in UTC such as 2026-11-20, `2026-11-20 21:27` or 2026-11-20T21:27:30")]
pub struct BadTimestamp(pub String);

impl FromStr for Timestamp {
    type Err = BadTimestamp;

    /// What [`Timestamp`] shows, and shorter: in UTC, to the second, the minute or the day.
    fn from_str(text: &str) -> Result<Timestamp, BadTimestamp> {
        let bare = text.trim().trim_end_matches("UTC").trim_end_matches('Z').trim_end();
        parse_civil(bare).ok_or_else(|| BadTimestamp(text.to_owned()))
    }
}

fn parse_civil(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let [year, month, day] = numbers::<3>(date, '-')?;
    let [hour, minute, second] = numbers::<3>(time, ':').or_else(|| {
        let [hour, minute] = numbers::<2>(time, ':')?;
        Some([hour, minute, 0])
    })?;
    let days = days_from_civil(year, month, day);
    // A day that is not in the calendar comes back as another one.
    let sound = (1970..=9999).contains(&year)
        && civil_from_days(days) == (year, month, day)
        && hour < 24
        && minute < 60
        && second < 60;
    sound.then(|| Timestamp(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000))
}

fn numbers<const N: usize>(text: &str, between: char) -> Option<[i64; N]> {
    let plain = |part: &str| {
        let digits = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten()
    };
    let numbers: Option<Vec<i64>> = text.split(between).map(plain).collect();
    numbers?.try_into().ok()
}

/// The way back of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let year_of_era = year.rem_euclid(400);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_shown_or_shorter() {
        let read = |text: &str| text.parse::<Timestamp>().map(|at| at.to_string());
        for (text, shown) in [
            ("2026-11-20 21:27:30", "2026-11-20 21:27:30"),
            ("2026-11-20T21:27:30Z", "2026-11-20 21:27:30"),
            ("2026-11-20 21:27 UTC", "2026-11-20 21:27:00"),
            ("2024-02-29", "2024-02-29 00:00:00"),
            ("1970-1-1 0:0", "1970-01-01 00:00:00"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(shown), "{text}");
        }
        for text in
            ["", "3d", "2026-02-29", "2026-13-01", "2026-11-20 24:00", "2026-11-20 21", "1-2"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(seconds in 0i64..253_402_300_800) {
            let at = Timestamp(seconds * 1000);
            prop_assert_eq!(at.to_string().parse(), Ok(at));
        }
    }
}
