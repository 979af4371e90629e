//! What kind of text each setting takes: for explanations, and for reports that need numbers.

use std::fmt;
use std::time::Duration;

use super::Setting;
use super::read::{parse_bytes, parse_duration};
use crate::model::{Bytes, MANAGERS};

/// The kind of a setting's text. [`Policy::parse`](super::Policy::parse) has the last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number within bounds, of something.
    Whole {
        /// At least.
        least: u32,
        /// At most.
        most: u32,
    },
    /// The same, or `auto`.
    WholeOrAuto {
        /// At least.
        least: u32,
        /// At most.
        most: u32,
    },
    /// A number from 0 to 100.
    Percent,
    /// A run-queue average, or `auto`: a share of the CPUs.
    Load,
    /// A time.
    Time,
    /// An amount of bytes.
    Size,
    /// Bytes in a second.
    Rate,
    /// Hours of the day, or `always`.
    Hours,
    /// Thousands of ports, or `off`.
    Ports,
    /// On or off.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The word project, a URL or an absolute directory.
    Source,
    /// An absolute path.
    Path,
    /// Several, quoted like shell words.
    Paths,
    /// Words, quoted like shell words.
    Words,
    /// Wallets with weights.
    Wallets,
    /// A name of something, without blanks.
    Name,
    /// Anything else.
    Text,
}

/// The value of a setting where it is a number, in its base unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Seconds.
    Time(Duration),
    /// Bytes.
    Size(Bytes),
    /// A count or a share.
    Plain(f64),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Whole { least, most } => write!(f, "a whole number from {least} to {most}"),
            Kind::WholeOrAuto { least, most } => {
                write!(f, "auto, or a whole number from {least} to {most}")
            }
            Kind::Percent => f.write_str("percent, from 0 to 100"),
            Kind::Load => f.write_str("auto, or a load average"),
            Kind::Time => f.write_str("a time up to 365 days: 90 or 90s, 10min, 6h, 14d"),
            Kind::Size => f.write_str("a size in bytes: 500MB, 2GB, 2GiB"),
            Kind::Rate => f.write_str("bytes a second: 500kB, 50MB; 0 for none"),
            Kind::Hours => f.write_str("always, or hours of the day: 02:00-05:00, 22-4+02:00"),
            Kind::Ports => f.write_str("thousands of ports, from 2 to 65"),
            Kind::Switch => f.write_str("on or off"),
            Kind::OneOf(words) => f.write_str(&words.join(", ")),
            Kind::Source => f.write_str("project, a URL, or an absolute directory"),
            Kind::Path => f.write_str("an absolute path"),
            Kind::Paths => f.write_str("absolute directories, quoted like shell words"),
            Kind::Words => f.write_str("words, quoted like shell words"),
            Kind::Wallets => {
                f.write_str("0x and 40 hex digits, faucet, donate, or a list wallet:weight,…")
            }
            Kind::Name => f.write_str("a name without blanks, not beginning with a dash"),
            Kind::Text => f.write_str("text"),
        }
    }
}

impl Setting {
    /// What kind of text it takes.
    pub fn kind(self) -> Kind {
        use Setting as S;
        match self {
            S::RewardsAddress | S::DonateAddress => Kind::Wallets,
            S::NodeCap => Kind::Whole { least: 0, most: 10_000 },
            S::MaxConcurrentRemovals
            | S::MaxConcurrentUpgrades
            | S::MaxNodesPerContainer
            | S::MinContainerCount => Kind::Whole { least: 1, most: 1000 },
            S::DockerCommand | S::DockerImage | S::ContainerName => Kind::Name,
            S::CanaryCount | S::UpgradeFailureLimit => Kind::Whole { least: 0, most: 1000 },
            S::UpgradeSoak => Kind::Time,
            S::UpgradeMode => Kind::OneOf(&["auto", "self", "managed", "off"]),
            S::UpgradeWindow => Kind::Hours,
            S::MaxDestructivePerHour | S::MaxDiskRemovalsPerDay => {
                Kind::Whole { least: 0, most: 10_000 }
            }
            S::MaxConcurrentStarts | S::MaxConcurrentOperations => {
                Kind::WholeOrAuto { least: 1, most: 1000 }
            }
            S::DesiredLoadAverage | S::MaxLoadAverageAllowed => Kind::Load,
            S::CrisisBytes | S::DiskPrior | S::KeepCyclesBytes => Kind::Size,
            S::LimitMemory | S::SliceMemory => Kind::Size,
            S::LimitCpu | S::SliceCpu => Kind::Whole { least: 0, most: 100_000 },
            S::KeepCycles | S::UpkeepEvery => Kind::Time,
            S::PortStart | S::MetricsPortStart | S::RpcPortStart | S::WebrtcPortStart => {
                Kind::Ports
            }
            S::RestartMute | S::NoUpnp => Kind::Switch,
            S::NodeRemovalStrategy => Kind::OneOf(&[
                "youngest",
                "oldest",
                "least_records",
                "most_shunned",
                "most_memory",
                "most_cpu",
                "largest_disk",
            ]),
            S::Autostart => Kind::OneOf(&["wnm", "system"]),
            S::Manager => Kind::OneOf(MANAGERS),
            S::Program => Kind::OneOf(&["ant-node", "antnode"]),
            S::Firewall => Kind::OneOf(&["auto", "ufw", "firewalld", "nftables", "none"]),
            S::NodeBinary | S::ReleaseKey | S::AntctlPath => Kind::Path,
            S::ReleaseSource => Kind::Source,
            S::ReleaseChannel => Kind::OneOf(&["stable", "beta"]),
            S::ReleaseInterval => Kind::Time,
            S::KeepReleases => Kind::Whole { least: 2, most: 100 },
            S::NodeStorage | S::LogStorage => Kind::Paths,
            S::StartArgs | S::Environment | S::Bootstrap | S::IdentityRecipients => Kind::Words,
            S::Network | S::AntctlVersion => Kind::Text,
            other => by_key(other.key()),
        }
    }

    /// The number that `text` means, where its kind is one; nothing for `auto`, `off` and mistakes.
    pub fn number(self, text: &str) -> Option<Number> {
        match self.kind() {
            Kind::Time => parse_duration(text).map(Number::Time),
            Kind::Size | Kind::Rate => parse_bytes(text).map(Number::Size),
            Kind::Whole { .. }
            | Kind::WholeOrAuto { .. }
            | Kind::Percent
            | Kind::Load
            | Kind::Ports => text.parse().ok().map(Number::Plain),
            _ => None,
        }
    }
}

/// Families of settings that say in their names what they are.
fn by_key(key: &str) -> Kind {
    let time = ["delay_", "_grace", "_time", "_window", "_horizon", "_backoff"];
    match key {
        _ if key.starts_with("hdio_") || key.starts_with("netio_") => Kind::Rate,
        _ if key.ends_with("_less_than")
            || key.ends_with("_remove") && !key.starts_with("delay") =>
        {
            Kind::Percent
        }
        "urgent_cpu" => Kind::Percent,
        _ if time.iter().any(|part| key.contains(part)) => Kind::Time,
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, PolicyDraft};

    fn sound() -> PolicyDraft {
        PolicyDraft::default()
            .with(Setting::RewardsAddress, "faucet")
            .with(Setting::NodeStorage, "/srv/nodes")
            .with(Setting::LogStorage, "/srv/logs")
    }

    /// True when the text of `setting` itself is refused, whatever the rest.
    fn refused(setting: Setting, text: &str) -> bool {
        let draft = sound().with(setting, text);
        let errors = Policy::parse(&draft, &PolicyDraft::default(), 4).err().unwrap_or_default();
        errors.iter().any(|error| error.to_string().starts_with(&setting.to_string()))
    }

    #[test]
    fn what_is_said_of_a_setting_is_what_is_read() {
        for setting in Setting::ALL {
            let (good, bad): (Vec<String>, Vec<String>) = match setting.kind() {
                Kind::Whole { least, most } => {
                    let below = least.checked_sub(1).map(|below| below.to_string());
                    let above = (most + 1).to_string();
                    (
                        vec![least.to_string(), most.to_string()],
                        below.into_iter().chain([above, "x".to_owned()]).collect(),
                    )
                }
                Kind::WholeOrAuto { most, .. } => (
                    vec!["auto".into(), most.to_string()],
                    vec!["0".into(), (most + 1).to_string()],
                ),
                Kind::Percent => (vec!["50".into()], vec!["101".into(), "50%".into()]),
                Kind::Load => (vec!["auto".into(), "2.5".into()], vec!["high".into()]),
                Kind::Time => {
                    (vec!["90".into(), "365d".into()], vec!["366d".into(), "soon".into()])
                }
                Kind::Size | Kind::Rate => (vec!["2GB".into()], vec!["2 apples".into()]),
                Kind::Ports => (vec!["44".into()], vec!["1".into(), "66".into()]),
                Kind::Hours => (
                    vec!["always".into(), "02:00-05:00".into(), "22-4+02:00".into()],
                    vec!["2".into(), "2-2".into()],
                ),
                Kind::Switch => (vec!["on".into(), "off".into()], vec!["maybe".into()]),
                Kind::OneOf(words) => {
                    (words.iter().map(|word| (*word).to_owned()).collect(), vec!["nonsense".into()])
                }
                Kind::Paths => (vec!["/a /b".into()], vec!["relative".into(), "'".into()]),
                Kind::Wallets => (vec!["donate".into()], vec!["bob".into()]),
                Kind::Name => {
                    (vec!["one-2.3".into()], vec!["-x".into(), "a b".into(), String::new()])
                }
                Kind::Source => (
                    vec!["project".into(), "https://a/b/".into(), "/srv/a".into()],
                    vec!["a/b".into(), "ftp://a".into()],
                ),
                Kind::Path | Kind::Words | Kind::Text => continue,
            };
            // `donate` is what a donate address itself decides.
            let good = good.into_iter().filter(|_| *setting != Setting::DonateAddress);
            for text in good {
                let band = matches!(setting.kind(), Kind::Percent | Kind::Load | Kind::Rate);
                let cap = *setting == Setting::NodeCap && text == "10000";
                assert!(band || cap || !refused(*setting, &text), "{setting} {text}");
            }
            for text in bad {
                assert!(refused(*setting, &text), "{setting} {text}");
            }
        }
    }

    #[test]
    fn every_setting_has_a_kind() {
        let without: Vec<&Setting> =
            Setting::ALL.iter().filter(|setting| setting.kind() == Kind::Text).collect();
        let texts = [&Setting::AntctlVersion, &Setting::Network];
        assert_eq!(without, texts, "a new setting says in kind.rs what it is");
        for setting in Setting::ALL {
            let numeric = matches!(setting.kind(), Kind::Time | Kind::Size | Kind::Percent);
            assert!(!numeric || setting.number(setting.default_text()).is_some(), "{setting}");
        }
    }
}
