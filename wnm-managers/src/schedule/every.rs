//! How often a cycle is begun.

use std::fmt;
use std::time::Duration;

/// A time between two cycles that both a calendar and the engine can work with: it divides a
/// minute or is a few of them, is long enough for a rate to be measured, and short enough that
/// the engine's waiting times do not begin anew with each cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Every(u32);

impl Every {
    /// All there are. Rates need samples 10 s apart, and a gap of more than 150 s between cycles
    /// makes the engine forget since when a threshold has been exceeded.
    pub const ALL: [Every; 7] =
        [Every(10), Every(12), Every(15), Every(20), Every(30), Every(60), Every(120)];
    /// Once a minute.
    pub const MINUTE: Every = Every(60);

    /// The one of this length; `None` when there is none.
    pub fn of(time: Duration) -> Option<Every> {
        Every::ALL.into_iter().find(|every| every.duration() == time)
    }

    /// Seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// As a time.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }

    /// Whole minutes, where it is that: all that a crontab can say.
    pub fn minutes(self) -> Option<u32> {
        (self.0.is_multiple_of(60)).then_some(self.0 / 60)
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_calendar_can_say() {
        for (seconds, expected) in [(60, Some("60s")), (120, Some("120s")), (15, Some("15s"))] {
            let every = Every::of(Duration::from_secs(seconds)).map(|every| every.to_string());
            assert_eq!(every.as_deref(), expected);
        }
        for seconds in [0, 1, 9, 45, 61, 90, 180, 3600] {
            assert_eq!(Every::of(Duration::from_secs(seconds)), None, "{seconds}");
        }
        assert_eq!(
            Every::ALL.map(Every::minutes).into_iter().flatten().collect::<Vec<_>>(),
            [1, 2]
        );
    }
}
