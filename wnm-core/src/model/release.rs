//! Releases of node programs: where they come from and which are wanted.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Program, Version};

/// Where releases are looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseSource {
    /// The page where the program's own project publishes them.
    Project,
    /// A page of the same shape, or, where it ends with `/`, what lies below it.
    Url(String),
    /// A directory of this machine, laid out like what lies below such a URL.
    Directory(PathBuf),
}

/// A text that names no source of releases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReleaseSource {
    /// Neither the project, nor a URL, nor a directory.
    #[error("give project, a URL that begins with https:// or http://, or an absolute directory")]
    Shape,
    /// A URL with more than a place in it. Sources appear in messages, in reports and beside what was
    /// fetched, so no secret may be in one; and names of files are put behind it.
    #[error(
        "a URL with a user, a password, `?` or `#` in it is not taken, for it would be shown in \
         messages and kept beside what was fetched: put a mirror that asks for a password into a \
         directory of this machine, and give that"
    )]
    MoreThanAPlace,
}

impl FromStr for ReleaseSource {
    type Err = BadReleaseSource;

    fn from_str(text: &str) -> Result<ReleaseSource, BadReleaseSource> {
        let host =
            |rest: &'_ str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
        let sound = !text.contains(|c: char| c.is_whitespace() || c.is_control());
        match text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) {
            Some(rest) if host(rest).is_empty() || !sound => Err(BadReleaseSource::Shape),
            Some(rest) if host(rest).contains('@') || rest.contains(['?', '#']) => {
                Err(BadReleaseSource::MoreThanAPlace)
            }
            Some(_) => Ok(ReleaseSource::Url(text.to_owned())),
            None if text == "project" => Ok(ReleaseSource::Project),
            None if text.starts_with('/') && !text.contains(['\n', '\0']) => {
                Ok(ReleaseSource::Directory(text.into()))
            }
            None => Err(BadReleaseSource::Shape),
        }
    }
}

impl fmt::Display for ReleaseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReleaseSource::Project => f.write_str("project"),
            ReleaseSource::Url(url) => f.write_str(url),
            ReleaseSource::Directory(path) => path.display().fmt(f),
        }
    }
}

/// Which releases are wanted, as the programs themselves tell them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Versions without a suffix.
    #[default]
    Stable,
    /// Those, and versions with the suffix `-beta` or `-beta.N`. Release candidates never: semver
    /// has them above betas, but they come before anybody's verdict.
    Beta,
}

/// A text that names no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("give stable or beta")]
pub struct BadChannel;

impl Channel {
    /// True when this channel has `version`.
    pub fn has(self, version: &Version) -> bool {
        let suffix = version.0.pre.as_str();
        suffix.is_empty() || self == Channel::Beta && suffix.split('.').next() == Some("beta")
    }
}

impl FromStr for Channel {
    type Err = BadChannel;

    fn from_str(text: &str) -> Result<Channel, BadChannel> {
        match text {
            "stable" => Ok(Channel::Stable),
            "beta" => Ok(Channel::Beta),
            _ => Err(BadChannel),
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Channel::Stable => "stable",
            Channel::Beta => "beta",
        })
    }
}

impl Program {
    /// False for a version that only the other generation can have. The name `ant-node` once
    /// belonged to what is called `antnode` now, up to 0.4; the current generation was never below
    /// 0.6, so a version between is neither's.
    pub fn can_be(self, version: &Version) -> bool {
        let (major, minor) = (version.0.major, version.0.minor);
        match self {
            Program::Antnode => major == 0 && minor < 5,
            Program::AntNode => major > 0 || minor >= 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn sources() {
        for text in ["project", "https://a.b/c", "http://127.0.0.1:8/", "/srv/releases"] {
            assert_eq!(text.parse::<ReleaseSource>().map(|it| it.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "Project", "ftp://a", "https://", "https:///x", "https://a b", "releases"]
        {
            assert_eq!(text.parse::<ReleaseSource>(), Err(BadReleaseSource::Shape), "{text}");
        }
    }

    #[test]
    fn no_secret_is_in_a_source() {
        for text in [
            "https://user:secret@a.b/c",
            "https://token@a.b",
            "https://a.b/c?key=secret",
            "https://a.b?key=secret",
            "https://a.b/#c",
            "http://user@127.0.0.1:8/",
        ] {
            let told = text.parse::<ReleaseSource>();
            assert_eq!(told, Err(BadReleaseSource::MoreThanAPlace), "{text}");
        }
        assert!("https://a.b/@c/".parse::<ReleaseSource>().is_ok(), "a path may have it");
    }

    #[test]
    fn channels() {
        let table = [
            ("0.23.1", true, true),
            ("0.24.0-beta.1", false, true),
            ("0.24.0-beta", false, true),
            ("0.24.0-betax.1", false, false),
            ("0.24.0-rc.1", false, false),
            ("0.24.0-alpha.1", false, false),
        ];
        for (text, stable, beta) in table {
            assert_eq!(Channel::Stable.has(&version(text)), stable, "{text}");
            assert_eq!(Channel::Beta.has(&version(text)), beta, "{text}");
        }
    }

    #[test]
    fn generations_are_told_apart_by_version() {
        let table = [
            ("0.4.17", true, false),
            ("0.5.2", false, false),
            ("0.6.0", false, true),
            ("0.23.1", false, true),
            ("1.0.0", false, true),
        ];
        for (text, first, current) in table {
            assert_eq!(Program::Antnode.can_be(&version(text)), first, "{text}");
            assert_eq!(Program::AntNode.can_be(&version(text)), current, "{text}");
        }
    }
}
