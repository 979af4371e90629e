//! What the daemon writes and answers, as types. Shapes were captured from ant-core 0.14.0.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::FaultKind;

/// `node_registry.json`: what the daemon keeps of its nodes while it does not run, too.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Registry {
    pub(super) schema_version: u32,
    pub(super) nodes: BTreeMap<u32, Config>,
    /// What the next node will be called. It only ever rises, but for a reset.
    pub(super) next_id: u32,
}

/// A node as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Config {
    pub(super) id: u32,
    pub(super) rewards_address: String,
    pub(super) data_dir: PathBuf,
    pub(super) node_port: Option<u16>,
    #[serde(default)]
    pub(super) eviction: Option<Eviction>,
    #[serde(default)]
    pub(super) log_dir: Option<PathBuf>,
    #[serde(default)]
    pub(super) binary_path: Option<PathBuf>,
    #[serde(default)]
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) env_variables: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) bootstrap_peers: Vec<String>,
    #[serde(default)]
    pub(super) evm_network: Option<String>,
}

/// Why the daemon deleted a node's data by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Eviction {
    pub(super) reason: String,
}

/// `GET status`: that it is a daemon, and which.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct DaemonStatus {
    pub(super) running: bool,
    pub(super) pid: Option<u32>,
    pub(super) port: Option<u16>,
    /// How many nodes it has in mind.
    #[serde(default)]
    pub(super) nodes_total: u32,
}

/// What a node is, by the daemon's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Stopped,
    Starting,
    // Older daemons say this of a node that runs and is to be upgraded.
    #[serde(alias = "upgrade_scheduled")]
    Running,
    Stopping,
    Errored,
    Evicted,
}

/// One line of `GET nodes/status`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Summary {
    pub(super) node_id: u32,
    pub(super) status: Status,
    pub(super) pid: Option<u32>,
}

/// `GET nodes/status`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Summaries {
    pub(super) nodes: Vec<Summary>,
}

/// `GET nodes/ID`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Node {
    #[serde(flatten)]
    pub(super) config: Config,
    pub(super) status: Status,
    pub(super) pid: Option<u32>,
}

/// The answer to `POST nodes`.
#[derive(Debug, Deserialize)]
pub(super) struct Added {
    pub(super) nodes_added: Vec<Config>,
}

/// The body of everything that is not 2xx. Its documents show an object here; it is plain text.
#[derive(Debug, Deserialize)]
pub(super) struct Complaint {
    pub(super) error: String,
    #[serde(default)]
    pub(super) current_state: Option<CurrentState>,
}

/// Why a conflict is one.
#[derive(Debug, Deserialize)]
pub(super) struct CurrentState {
    pub(super) status: Status,
}

/// Reads JSON of which `what` is told when it makes no sense.
pub(super) fn json<'a, T: Deserialize<'a>>(what: &str, text: &'a str) -> HostResult<T> {
    serde_json::from_str(text).map_err(|error| {
        let shown: String = text.trim().chars().take(80).collect();
        HostError::with(format!("read {what}, which begins `{shown}`"), FaultKind::Garbled, error)
    })
}

/// The registry. A shape of another number is not guessed at.
pub(super) fn registry(text: &str) -> HostResult<Registry> {
    let registry: Registry = json("the registry of the ant daemon", text)?;
    if registry.schema_version == 1 {
        return Ok(registry);
    }
    let op = format!(
        "the registry of the ant daemon has shape {}, and this version of wnm knows shape 1",
        registry.schema_version
    );
    Err(HostError::new(op, FaultKind::Garbled))
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! fixture {
        ($name:literal) => {
            include_str!(concat!("../../fixtures/antd/", $name))
        };
    }

    #[test]
    fn what_the_daemon_keeps() {
        let found = registry(fixture!("node_registry.json")).expect("it was captured");
        assert_eq!(found.next_id, 3, "2 was removed, and is not given again");
        assert_eq!(found.nodes.keys().copied().collect::<Vec<_>>(), [1]);
        assert_eq!(found.nodes[&1].node_port, Some(22201));
        assert_eq!(found.nodes[&1].eviction, None);
        for text in ["", "{}", "{\"schema_version\":2,\"nodes\":{},\"next_id\":1}", "<html>"] {
            assert_eq!(registry(text).expect_err(text).kind, FaultKind::Garbled);
        }
    }

    #[test]
    fn what_the_daemon_answers() {
        let daemon: DaemonStatus = json("status", fixture!("status-running.json")).expect("sound");
        let (pid, port) = (Some(27822), Some(41369));
        assert_eq!(daemon, DaemonStatus { running: true, pid, port, nodes_total: 2 });
        let nodes: Summaries = json("nodes", fixture!("nodes-status-running.json")).expect("sound");
        assert_eq!(
            nodes.nodes[1],
            Summary { node_id: 2, status: Status::Running, pid: Some(27905) }
        );
        let nodes: Summaries = json("nodes", fixture!("nodes-status-stopped.json")).expect("sound");
        assert_eq!(nodes.nodes[0], Summary { node_id: 1, status: Status::Stopped, pid: None });
        let added: Added = json("added", fixture!("post-nodes.json")).expect("sound");
        assert_eq!(added.nodes_added.iter().map(|it| it.id).collect::<Vec<_>>(), [1, 2]);
        let odd = "{\"nodes\":[{\"node_id\":1,\"status\":\"dreaming\"}]}";
        assert!(json::<Summaries>("nodes", odd).is_err(), "an unknown word is no state");
    }

    #[test]
    fn what_the_daemon_complains_of() {
        let of = |text| json::<Complaint>("a complaint", text).expect("sound");
        let again = of(fixture!("start-1-again.json"));
        assert_eq!(again.error, "Node 1 is already running");
        assert_eq!(again.current_state.map(|it| it.status), Some(Status::Running));
        let running = of(fixture!("delete-running.json"));
        assert_eq!(running.current_state.map(|it| it.status), Some(Status::Running));
        assert!(of(fixture!("start-404.json")).current_state.is_none());
    }
}
