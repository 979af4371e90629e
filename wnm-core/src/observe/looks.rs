//! Looking for newer releases: what is remembered of it, and when it is time again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Instant, Timestamp, Version};

/// The first pause after a failed look; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(600);

/// What is remembered of looking for releases of one program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleaseLooks {
    /// When the last look ended, for ages.
    pub at: Option<Instant>,
    /// The same, for people.
    pub wall: Option<Timestamp>,
    /// How many looks in a row failed.
    pub failures: u32,
    /// Part of a release is here, and the rest can be had.
    pub unfinished: bool,
    /// The newest release that was seen.
    pub newest: Option<Version>,
    /// Why the last look failed, if it did.
    pub why: Option<String>,
}

/// How a look ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// This is the newest, and it is here; none where there is no release at all.
    Done(Option<Version>),
    /// There is a newer one, and part of it is here.
    Unfinished(String),
    /// It failed.
    Failed(String),
}

impl ReleaseLooks {
    /// Whether to look now: after `interval`; sooner after a failure, so that one dropped line does not
    /// cost a day, but never in every cycle; at once where the rest of a file is all that is missing.
    /// Across a reboot only the time since then is sure to have passed.
    pub fn is_due(&self, interval: Duration, now: &Instant) -> bool {
        let Some(at) = &self.at else { return true };
        self.unfinished || at.age(now) >= self.pause(interval)
    }

    /// How long after the last look the next one is due.
    pub fn pause(&self, interval: Duration) -> Duration {
        match self.failures {
            0 => interval,
            many => (FIRST_PAUSE * 2u32.pow((many - 1).min(10))).min(interval),
        }
    }

    /// With one more look. An unfinished one that goes on failing is a failure: each look must
    /// have brought something.
    #[must_use]
    pub fn after(self, looked: Looked, at: Instant, wall: Timestamp) -> ReleaseLooks {
        let next = ReleaseLooks { at: Some(at), wall: Some(wall), ..self };
        match looked {
            Looked::Done(newest) => ReleaseLooks {
                failures: 0,
                unfinished: false,
                newest: newest.or(next.newest),
                why: None,
                ..next
            },
            Looked::Unfinished(why) => {
                ReleaseLooks { failures: 0, unfinished: true, why: Some(why), ..next }
            }
            Looked::Failed(why) => ReleaseLooks {
                failures: next.failures.saturating_add(1),
                unfinished: false,
                why: Some(why),
                ..next
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BootId;

    const HOURS: u64 = 3600;
    const INTERVAL: Duration = Duration::from_secs(6 * HOURS);

    fn instant(boot: &str, seconds: u64) -> Instant {
        Instant { boot: BootId(boot.to_owned()), uptime_ms: seconds * 1000 }
    }

    fn looked(looks: ReleaseLooks, looked: Looked, seconds: u64) -> ReleaseLooks {
        looks.after(looked, instant("a", seconds), Timestamp(0))
    }

    #[test]
    fn the_first_look_is_due_at_once_and_the_next_after_the_interval() {
        let looks = ReleaseLooks::default();
        assert!(looks.is_due(INTERVAL, &instant("a", 60)));
        let looks = looked(looks, Looked::Done(None), 60);
        assert!(!looks.is_due(INTERVAL, &instant("a", 60 + 6 * HOURS - 1)));
        assert!(looks.is_due(INTERVAL, &instant("a", 60 + 6 * HOURS)));
        // A machine that reboots every hour does not look every hour.
        assert!(!looks.is_due(INTERVAL, &instant("b", HOURS)));
        assert!(looks.is_due(INTERVAL, &instant("b", 6 * HOURS)));
    }

    #[test]
    fn failures_are_tried_again_sooner_but_ever_more_rarely() {
        let mut looks = ReleaseLooks::default();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            looks = looked(looks, Looked::Failed("offline".into()), 0);
            pauses.push(looks.pause(INTERVAL).as_secs() / 60);
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 360, 360]);
        assert_eq!(looks.pause(Duration::from_secs(60)), Duration::from_secs(60));
        looks = looked(looks, Looked::Done(Some(Version::new(0, 23, 1))), 0);
        assert_eq!((looks.failures, looks.why.as_deref()), (0, None));
    }

    #[test]
    fn the_rest_of_a_file_is_fetched_in_the_next_cycle() {
        let looks = looked(ReleaseLooks::default(), Looked::Unfinished("3 of 60 MB".into()), 0);
        assert!(looks.is_due(INTERVAL, &instant("a", 60)));
    }
}
