//! What keeps a node's process.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whose machine area is used: one user's home, or the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything below one user's home; no root anywhere.
    User,
    /// `/var/antctl`, with privileged steps.
    System,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::User => "user",
            Scope::System => "system",
        })
    }
}

/// Which program keeps the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManagerKind {
    /// One systemd unit a node.
    Systemd,
    /// A process of its own session, started by wnm and kept by nobody else.
    Setsid,
}

impl ManagerKind {
    /// Every kind this program knows.
    pub const ALL: [ManagerKind; 2] = [ManagerKind::Systemd, ManagerKind::Setsid];

    /// True when the manager brings a dead process back by itself, without waiting for a cycle.
    pub fn restarts(self) -> bool {
        match self {
            ManagerKind::Systemd => true,
            ManagerKind::Setsid => false,
        }
    }

    /// True when it can keep a node below a limit of memory and CPU.
    pub fn limits(self) -> bool {
        match self {
            ManagerKind::Systemd => true,
            ManagerKind::Setsid => false,
        }
    }
}

impl fmt::Display for ManagerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ManagerKind::Systemd => "systemd",
            ManagerKind::Setsid => "setsid",
        })
    }
}

/// A kind of manager in a scope, written `systemd+user` or `systemd+sudo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Manager {
    /// Which program.
    pub kind: ManagerKind,
    /// In whose area.
    pub scope: Scope,
}

/// A text that names no manager.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct BadManager(pub String);

impl fmt::Display for BadManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "setsid+sudo" => f.write_str(
                "`setsid+sudo` is not supported: nobody would keep the processes of another user; \
                 use systemd+sudo, or setsid+user for your own",
            ),
            text => write!(
                f,
                "`{text}` is not a manager of this version: use systemd+user, setsid+user or \
                 systemd+sudo"
            ),
        }
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            Scope::User => "user",
            Scope::System => "sudo",
        };
        write!(f, "{}+{scope}", self.kind)
    }
}

impl FromStr for Manager {
    type Err = BadManager;

    fn from_str(text: &str) -> Result<Manager, BadManager> {
        let bad = || BadManager(text.to_owned());
        let (kind, scope) = text.split_once('+').ok_or_else(bad)?;
        let kind =
            ManagerKind::ALL.into_iter().find(|known| known.to_string() == kind).ok_or_else(bad)?;
        let scope = match (kind, scope) {
            (_, "user") => Scope::User,
            (ManagerKind::Systemd, "sudo") => Scope::System,
            _ => return Err(bad()),
        };
        Ok(Manager { kind, scope })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn managers_by_name() {
        for text in ["systemd+user", "setsid+user", "systemd+sudo"] {
            assert_eq!(text.parse::<Manager>().unwrap().to_string(), text);
        }
        for text in ["", "systemd", "systemd+system", "upstart+user"] {
            let error = text.parse::<Manager>().unwrap_err().to_string();
            assert!(error.contains("use systemd+user, setsid+user or systemd+sudo"), "{error}");
        }
        let error = "setsid+sudo".parse::<Manager>().unwrap_err().to_string();
        assert!(error.contains("`setsid+sudo` is not supported"), "{error}");
    }
}
