//! What is known of a node's program file, and of a change of it that has yet to prove itself.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Instant, Program, Timestamp, Version};

/// Tells a file from the one that lay there before without reading it: whoever replaces a program
/// does it by rename, which gives it another inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Its inode.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When its content was last changed, in milliseconds since the epoch.
    pub changed_ms: i64,
}

/// A program for new nodes that was asked what it is, so that it need not be asked again: a node
/// program takes fifty milliseconds of CPU to tell its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownProgram {
    /// Where it lies.
    pub path: PathBuf,
    /// Which file lay there before it was asked, links followed.
    pub stamp: FileStamp,
    /// Which program it is.
    pub program: Program,
    /// What it says it is.
    pub version: Version,
}

/// What lies in a node's directory to be run, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Which file.
    pub stamp: FileStamp,
    /// What it says it is.
    pub version: Version,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// A fingerprint of the node's key, which says nothing about the key itself; `None` while
    /// there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// On whose account a node is given another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeRole {
    /// It is among the first, and the others wait for it.
    Canary,
    /// The version held with the canaries.
    Wave,
    /// An operator named it.
    Asked,
}

/// What a node showed before its program was replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Peers it was connected to, or knew.
    pub peers: Option<u64>,
    /// Records it held.
    pub records: Option<u64>,
}

/// A program that wnm has put in place of another one, until it is proven. The other one is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// What was there before, and is put back should this one fail.
    pub from: Version,
    /// What was put in its place.
    pub to: Version,
    /// On whose account.
    pub role: UpgradeRole,
    /// When it was decided.
    pub since: Instant,
    /// What the node showed before.
    pub before: Shown,
}

/// A version that failed. It is not installed again without an operator's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Of which program.
    pub program: Program,
    /// Which.
    pub version: Version,
    /// Since when.
    pub since: Timestamp,
    /// What it did.
    pub why: String,
}

/// What keeps upgrades from going on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpgradeHolds {
    /// An operator paused all of them, then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Timestamp>,
    /// Versions that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Quarantined>,
}

impl UpgradeHolds {
    /// True when nothing is held.
    pub fn is_empty(&self) -> bool {
        self.paused.is_none() && self.quarantined.is_empty()
    }

    /// Why this version must not be installed, if so.
    pub fn quarantine(&self, program: Program, version: &Version) -> Option<&Quarantined> {
        self.quarantined.iter().find(|it| it.program == program && it.version == *version)
    }
}

/// Who replaces the programs of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeMode {
    /// As the program needs it: `self` where it replaces its own binary, else `managed`.
    #[default]
    Auto,
    /// The program does, and wnm accompanies it.
    #[serde(rename = "self")]
    Itself,
    /// wnm does.
    Managed,
    /// Nobody: wnm only by name.
    Off,
}

impl UpgradeMode {
    /// What it comes to for nodes that run `program`; never [`UpgradeMode::Auto`].
    pub fn of(self, program: Program) -> UpgradeMode {
        match self {
            UpgradeMode::Auto if program.upgrades_itself() => UpgradeMode::Itself,
            UpgradeMode::Auto => UpgradeMode::Managed,
            UpgradeMode::Itself | UpgradeMode::Managed | UpgradeMode::Off => self,
        }
    }
}

impl fmt::Display for UpgradeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UpgradeMode::Auto => "auto",
            UpgradeMode::Itself => "self",
            UpgradeMode::Managed => "managed",
            UpgradeMode::Off => "off",
        })
    }
}

/// A text that is no way of upgrading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no way of upgrading: give auto, self, managed or off")]
pub struct BadUpgradeMode(pub String);

impl FromStr for UpgradeMode {
    type Err = BadUpgradeMode;

    fn from_str(text: &str) -> Result<UpgradeMode, BadUpgradeMode> {
        [UpgradeMode::Auto, UpgradeMode::Itself, UpgradeMode::Managed, UpgradeMode::Off]
            .into_iter()
            .find(|mode| mode.to_string() == text)
            .ok_or_else(|| BadUpgradeMode(text.to_owned()))
    }
}

/// The hours of the day in which nodes are upgraded, in a time zone of its own: which one an
/// operator lives by is not to be guessed from a machine that runs in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayWindow {
    /// Minute of the day in which it opens.
    pub opens: u16,
    /// Minute of the day in which it closes; before `opens` when midnight lies between.
    pub closes: u16,
    /// Minutes that this time zone is ahead of UTC.
    pub ahead: i16,
}

const DAY_MINUTES: i64 = 24 * 60;

impl DayWindow {
    /// True while it is open.
    pub fn is_open(&self, wall: Timestamp) -> bool {
        let minute = self.minute(wall);
        let (opens, closes) = (i64::from(self.opens), i64::from(self.closes));
        if opens < closes {
            (opens..closes).contains(&minute)
        } else {
            minute >= opens || minute < closes
        }
    }

    /// Seconds until it opens; zero while it is open.
    pub fn opens_in_s(&self, wall: Timestamp) -> u64 {
        if self.is_open(wall) {
            return 0;
        }
        let minutes = (i64::from(self.opens) - self.minute(wall)).rem_euclid(DAY_MINUTES);
        u64::try_from(minutes * 60 - wall.0.div_euclid(1000).rem_euclid(60)).unwrap_or(0).max(1)
    }

    fn minute(&self, wall: Timestamp) -> i64 {
        (wall.0.div_euclid(60_000) + i64::from(self.ahead)).rem_euclid(DAY_MINUTES)
    }
}

/// A text that is no part of the day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no part of the day: give always, or hours such as 02:00-05:30 (in UTC) or \
     22-4+02:00 (in a zone that is two hours ahead of it)"
)]
pub struct BadDayWindow(pub String);

impl FromStr for DayWindow {
    type Err = BadDayWindow;

    fn from_str(text: &str) -> Result<DayWindow, BadDayWindow> {
        parse_window(text).ok_or_else(|| BadDayWindow(text.to_owned()))
    }
}

fn parse_window(text: &str) -> Option<DayWindow> {
    let (opens, rest) = text.split_once('-')?;
    let (closes, ahead) = match rest.find(['+', '-']) {
        Some(at) => {
            let minutes = i16::try_from(minute_of_day(&rest[at + 1..])?).ok()?;
            // The furthest zone is fourteen hours ahead.
            let minutes = Some(minutes).filter(|minutes| *minutes <= 14 * 60)?;
            (&rest[..at], if rest[at..].starts_with('-') { -minutes } else { minutes })
        }
        None => (rest, 0),
    };
    let (opens, closes) = (minute_of_day(opens)?, minute_of_day(closes)?);
    (opens != closes).then_some(DayWindow { opens, closes, ahead })
}

/// `2`, `02` or `02:30`.
fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':').unwrap_or((text, "0"));
    let number = |part: &str| {
        let plain = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

impl fmt::Display for DayWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{}-{}", time(self.opens), time(self.closes))?;
        match self.ahead {
            0 => f.write_str(" UTC"),
            ahead => {
                let sign = if ahead < 0 { '-' } else { '+' };
                write!(f, "{sign}{}", time(ahead.unsigned_abs()))
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_read_as_it_is_meant() {
        let read = |text: &str| text.parse::<DayWindow>().map(|it| it.to_string());
        for (text, shown) in [
            ("2-5", "02:00-05:00 UTC"),
            ("02:15-05:30", "02:15-05:30 UTC"),
            ("22-4+02:00", "22:00-04:00+02:00"),
            ("22:00-04:00-3", "22:00-04:00-03:00"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(shown), "{text}");
        }
        for text in
            ["", "2", "2-2", "2-24", "2-5+15", "2:60-5", "-5", "2-5+", "two-five", "2-5+1+1"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_window_may_lie_over_midnight_and_in_another_zone() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let night: DayWindow = "22-4+02:00".parse().unwrap();
        for (time, open, wait) in [
            ("2026-11-20 19:59", false, 60),
            ("2026-11-20 20:00", true, 0),
            ("2026-11-21 01:59", true, 0),
            ("2026-11-21 02:00", false, 18 * 3600),
        ] {
            assert_eq!(
                (night.is_open(at(time)), night.opens_in_s(at(time))),
                (open, wait),
                "{time}"
            );
        }
    }

    #[test]
    fn what_auto_means_follows_the_program() {
        for program in Program::ALL {
            assert_eq!(UpgradeMode::Auto.of(program), UpgradeMode::Itself);
            assert_eq!(UpgradeMode::Off.of(program), UpgradeMode::Off);
        }
    }
}
