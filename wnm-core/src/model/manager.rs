//! What keeps a node's process.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::NodeId;

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
    /// A service that `antctl` numbers and defines, in the places of the settings.
    Antctl,
    /// The same, with everything in the places that `antctl` itself would choose.
    AntctlZen,
    /// A container a node, or many nodes in one.
    Docker,
}

impl ManagerKind {
    /// Every kind this program knows.
    pub const ALL: [ManagerKind; 5] = [
        ManagerKind::Systemd,
        ManagerKind::Setsid,
        ManagerKind::Antctl,
        ManagerKind::AntctlZen,
        ManagerKind::Docker,
    ];

    /// True when a node runs the copy of the program in its own directory, which wnm may replace.
    pub fn runs_own_copy(self) -> bool {
        match self {
            ManagerKind::Systemd | ManagerKind::Setsid | ManagerKind::Docker => true,
            // antctl copies programs itself, and puts its own copy back when it upgrades.
            ManagerKind::Antctl | ManagerKind::AntctlZen => false,
        }
    }

    /// True when the manager brings a dead process back by itself, without waiting for a cycle.
    pub fn restarts(self) -> bool {
        match self {
            ManagerKind::Systemd => true,
            // antctl's units come back from a clean end only, never from a crash; Docker would
            // bring back all of its nodes at once after a reboot as well.
            ManagerKind::Setsid
            | ManagerKind::Antctl
            | ManagerKind::AntctlZen
            | ManagerKind::Docker => false,
        }
    }

    /// True when the manager itself numbers its nodes, makes their directories and copies their
    /// program: planning asks it for the next number, and takes none that it did not give.
    pub fn numbers_nodes(self) -> bool {
        match self {
            ManagerKind::Systemd | ManagerKind::Setsid | ManagerKind::Docker => false,
            ManagerKind::Antctl | ManagerKind::AntctlZen => true,
        }
    }

    /// What the manager calls node `id`, and how its directory is called.
    pub fn service_name(self, id: NodeId) -> String {
        match self.numbers_nodes() {
            true => format!("antnode{}", id.number()),
            false => id.to_string(),
        }
    }

    /// True when it can keep a node below a limit of memory and CPU.
    pub fn limits(self) -> bool {
        match self {
            ManagerKind::Systemd | ManagerKind::Docker => true,
            // antctl writes its units itself, and knows no limits.
            ManagerKind::Setsid | ManagerKind::Antctl | ManagerKind::AntctlZen => false,
        }
    }

    /// True when it can keep all nodes together below a limit.
    pub fn limits_together(self) -> bool {
        match self {
            ManagerKind::Systemd => true,
            ManagerKind::Setsid
            | ManagerKind::Antctl
            | ManagerKind::AntctlZen
            | ManagerKind::Docker => false,
        }
    }
}

impl fmt::Display for ManagerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ManagerKind::Systemd => "systemd",
            ManagerKind::Setsid => "setsid",
            ManagerKind::Antctl | ManagerKind::AntctlZen => "antctl",
            ManagerKind::Docker => "docker",
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
                "`{text}` is not a manager of this version: use systemd+user, setsid+user, \
                 docker+user, systemd+sudo, docker+sudo, antctl+user, antctl+sudo or \
                 antctl+zen"
            ),
        }
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match (self.kind, self.scope) {
            (ManagerKind::AntctlZen, _) => "zen",
            (_, Scope::User) => "user",
            (_, Scope::System) => "sudo",
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
        let (kind, scope) = match (kind, scope) {
            (ManagerKind::Antctl, "zen") => (ManagerKind::AntctlZen, Scope::User),
            (_, "user") => (kind, Scope::User),
            (ManagerKind::Systemd | ManagerKind::Docker | ManagerKind::Antctl, "sudo") => {
                (kind, Scope::System)
            }
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
        let known = ["systemd+user", "setsid+user", "systemd+sudo", "docker+user", "docker+sudo"];
        for text in [&known[..], &["antctl+user", "antctl+sudo", "antctl+zen"]].concat() {
            assert_eq!(text.parse::<Manager>().unwrap().to_string(), text);
        }
        for text in ["", "systemd", "systemd+system", "upstart+user", "systemd+zen"] {
            let error = text.parse::<Manager>().unwrap_err().to_string();
            assert!(error.contains("use systemd+user, setsid+user, docker+user"), "{error}");
        }
        let error = "setsid+sudo".parse::<Manager>().unwrap_err().to_string();
        assert!(error.contains("`setsid+sudo` is not supported"), "{error}");
    }
}
