//! What keeps a node's process.

use std::fmt;
use std::path::{Path, PathBuf};
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
    /// Containers with a systemd and an `antctl` of their own, each of which numbers its nodes from 1.
    DockerAntctl,
    /// The `ant` daemon, which starts nodes as its children and is told what to do over HTTP.
    Antd,
    /// One job of launchd a node, on macOS.
    Launchd,
}

impl ManagerKind {
    /// Every kind this program knows.
    pub const ALL: [ManagerKind; 8] = [
        ManagerKind::Systemd,
        ManagerKind::Setsid,
        ManagerKind::Antctl,
        ManagerKind::AntctlZen,
        ManagerKind::Docker,
        ManagerKind::DockerAntctl,
        ManagerKind::Antd,
        ManagerKind::Launchd,
    ];

    /// True when nodes are units of systemd: of a user's own, which must linger, in the user scope, and
    /// of the machine's in the system scope.
    pub fn needs_systemd(self) -> bool {
        match self {
            ManagerKind::Systemd | ManagerKind::Antctl | ManagerKind::AntctlZen => true,
            // The one in a container is no business of the machine's.
            ManagerKind::Setsid
            | ManagerKind::Docker
            | ManagerKind::DockerAntctl
            | ManagerKind::Antd
            | ManagerKind::Launchd => false,
        }
    }

    /// True when a node runs the copy of the program in its own directory, which wnm may replace.
    pub fn runs_own_copy(self) -> bool {
        match self {
            // antctl asks the file that runs for its version, and takes it for the node's.
            ManagerKind::Systemd
            | ManagerKind::Setsid
            | ManagerKind::Antctl
            | ManagerKind::AntctlZen
            | ManagerKind::Docker
            | ManagerKind::DockerAntctl
            | ManagerKind::Launchd => true,
            // The ant daemon keeps the version in its registry.
            ManagerKind::Antd => false,
        }
    }

    /// True when the manager brings a dead process back by itself, without waiting for a cycle.
    pub fn restarts(self) -> bool {
        match self {
            ManagerKind::Systemd | ManagerKind::Antd | ManagerKind::Launchd => true,
            // antctl's units come back from a clean end only, never from a crash; Docker would
            // bring back all of its nodes at once after a reboot as well.
            ManagerKind::Setsid
            | ManagerKind::Antctl
            | ManagerKind::AntctlZen
            | ManagerKind::Docker
            | ManagerKind::DockerAntctl => false,
        }
    }

    /// True when the manager itself numbers its nodes, makes their directories and copies their
    /// program: planning asks it for the next number, and takes none that it did not give.
    pub fn numbers_nodes(self) -> bool {
        match self {
            ManagerKind::Systemd
            | ManagerKind::Setsid
            | ManagerKind::Docker
            | ManagerKind::Launchd => false,
            ManagerKind::Antctl
            | ManagerKind::AntctlZen
            | ManagerKind::DockerAntctl
            | ManagerKind::Antd => true,
        }
    }

    /// True when nodes that were removed stay known to the manager, and their ports taken.
    pub fn keeps_removed(self) -> bool {
        self.is_antctl()
    }

    /// True when `antctl` makes the nodes, on the machine or in containers.
    pub fn is_antctl(self) -> bool {
        matches!(self, ManagerKind::Antctl | ManagerKind::AntctlZen | ManagerKind::DockerAntctl)
    }

    /// True when each container counts its nodes by itself: several may have an `antnode1`, so that
    /// a node is told by its container and its service together, and its id is wnm's own.
    pub fn counts_in_containers(self) -> bool {
        matches!(self, ManagerKind::DockerAntctl)
    }

    /// True when nodes are kept in containers.
    pub fn has_containers(self) -> bool {
        matches!(self, ManagerKind::Docker | ManagerKind::DockerAntctl)
    }

    /// True when the manager deletes the data of nodes by its own decision, so that a key is safe
    /// only once there is a copy of it elsewhere. The `ant` daemon does, on a full disk.
    pub fn deletes_data(self) -> bool {
        matches!(self, ManagerKind::Antd)
    }

    /// What the manager calls node `id`, and how its directory is called.
    pub fn service_name(self, id: NodeId) -> String {
        match self {
            ManagerKind::Antctl | ManagerKind::AntctlZen | ManagerKind::DockerAntctl => {
                format!("antnode{}", id.number())
            }
            ManagerKind::Antd => format!("{ANTD_DIRECTORY}{}", id.number()),
            ManagerKind::Systemd
            | ManagerKind::Setsid
            | ManagerKind::Docker
            | ManagerKind::Launchd => id.to_string(),
        }
    }

    /// True when it can keep a node below a limit of memory and CPU.
    pub fn limits(self) -> bool {
        match self {
            ManagerKind::Systemd | ManagerKind::Docker => true,
            // antctl writes its units itself, and knows no limits.
            ManagerKind::Setsid
            | ManagerKind::Antctl
            | ManagerKind::AntctlZen
            | ManagerKind::DockerAntctl
            | ManagerKind::Antd
            | ManagerKind::Launchd => false,
        }
    }

    /// True when it can keep all nodes together below a limit.
    pub fn limits_together(self) -> bool {
        match self {
            ManagerKind::Systemd => true,
            ManagerKind::Setsid
            | ManagerKind::Antctl
            | ManagerKind::AntctlZen
            | ManagerKind::Docker
            | ManagerKind::DockerAntctl
            | ManagerKind::Antd
            | ManagerKind::Launchd => false,
        }
    }
}

const ANTD_DIRECTORY: &str = "node-";

/// The node whose data directory is called `name`, whichever manager named it; `None` for a name that
/// no node carries.
pub fn node_of_directory(name: &str) -> Option<NodeId> {
    match name.strip_prefix(ANTD_DIRECTORY) {
        // Only as the daemon writes it: `node-07` is somebody else's.
        Some(digits) => digits.parse().ok().filter(|id: &NodeId| id.number().to_string() == digits),
        None => name.parse().ok(),
    }
}

/// The node whose data directory this is. It lies in one of the storage roots that say something of ids,
/// and not deeper, where containers that count by themselves have theirs.
pub fn node_of_data(data: &Path, roots: &[PathBuf]) -> Option<NodeId> {
    roots.iter().find(|root| data.parent() == Some(root))?;
    node_of_directory(data.file_name()?.to_str()?)
}

impl fmt::Display for ManagerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ManagerKind::Systemd => "systemd",
            ManagerKind::Setsid => "setsid",
            ManagerKind::Antctl | ManagerKind::AntctlZen => "antctl",
            ManagerKind::Docker => "docker",
            ManagerKind::DockerAntctl => "docker-antctl",
            ManagerKind::Antd => "antd",
            ManagerKind::Launchd => "launchctl",
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

/// Every manager by name, the usual ones first.
pub const MANAGERS: &[&str] = &[
    "systemd+user",
    "setsid+user",
    "docker+user",
    "systemd+sudo",
    "setsid+sudo",
    "docker+sudo",
    "antctl+user",
    "antctl+sudo",
    "antctl+zen",
    "docker-antctl+user",
    "docker-antctl+sudo",
    "antd+user",
    "launchctl+user",
    "launchctl+sudo",
];

/// A text that names no manager.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct BadManager(pub String);

impl fmt::Display for BadManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == "antd+sudo" {
            return f.write_str(
                "`antd+sudo` is not supported: the ant daemon is a program of one user; use \
                 antd+user as that user",
            );
        }
        let (last, others) = MANAGERS.split_last().unwrap_or((&"", &[]));
        write!(
            f,
            "`{}` is not a manager of this version: use {} or {last}",
            self.0,
            others.join(", ")
        )
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
        if !MANAGERS.contains(&text) {
            return Err(bad());
        }
        let (kind, scope) = text.split_once('+').ok_or_else(bad)?;
        let kind =
            ManagerKind::ALL.into_iter().find(|known| known.to_string() == kind).ok_or_else(bad)?;
        let (kind, scope) = match scope {
            "zen" => (ManagerKind::AntctlZen, Scope::User),
            "user" => (kind, Scope::User),
            _ => (kind, Scope::System),
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
        for text in MANAGERS {
            assert_eq!(text.parse::<Manager>().unwrap().to_string(), *text);
        }
        for text in ["", "systemd", "systemd+system", "upstart+user"] {
            let error = text.parse::<Manager>().unwrap_err().to_string();
            assert!(error.contains("use systemd+user, setsid+user, docker+user"), "{error}");
            assert!(error.ends_with(" or launchctl+sudo"), "{error}");
        }
        let error = "antd+sudo".parse::<Manager>().unwrap_err().to_string();
        assert!(error.contains("`antd+sudo` is not supported"), "{error}");
    }

    #[test]
    fn directories_say_whose_they_are() {
        let id = NodeId::new(7).unwrap();
        for kind in ManagerKind::ALL {
            assert_eq!(node_of_directory(&kind.service_name(id)), Some(id), "{kind}");
        }
        for name in ["node-", "node-07", "node-0", "node-antnode0007", "node7", ".new-antnode0007"]
        {
            assert_eq!(node_of_directory(name), None, "{name}");
        }
    }

    #[test]
    fn what_lies_deeper_than_in_a_storage_root_is_called_by_others() {
        let roots = [PathBuf::from("/srv/nodes"), PathBuf::from("/mnt")];
        let of = |data: &str| node_of_data(Path::new(data), &roots).map(NodeId::number);
        assert_eq!((of("/srv/nodes/antnode7"), of("/mnt/node-9")), (Some(7), Some(9)));
        assert_eq!(
            (of("/srv/nodes/box/antnode8"), of("/antnode1"), of("/mnt")),
            (None, None, None)
        );
    }
}
