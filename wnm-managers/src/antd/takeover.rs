//! The daemon's nodes, for who takes them over: it goes on to keep them, under the numbers it gave.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use wnm_core::host::{HostError, HostResult};
use wnm_core::import::{Broken, Findings, Found, Left, Origin, Told};
use wnm_core::model::{
    EvmNetwork, Launch, Manager, ManagerKind, NodeId, Program, Scope, Version, Want,
};

use super::Antd;
use super::parse::{self, Config, Registry, Status, Summaries, Summary};
use crate::process::pids_below;

/// What wnm says of every node in its own words.
const SAID: [&str; 6] = [
    "ANT_LOG_FORMAT",
    "ANT_WEBRTC_DIRECT_PORT",
    "ANT_DISABLE_WEBRTC_DIRECT",
    "ANT_EVM_RPC_URL",
    "ANT_EVM_PAYMENT_TOKEN",
    "ANT_EVM_PAYMENT_VAULT",
];

/// What was found, and whose processes need nobody else's look.
#[derive(Debug, Default)]
pub struct OfDaemon {
    /// Nodes, and what stays.
    pub findings: Findings,
    /// The processes that use their data.
    pub pids: BTreeSet<u32>,
}

impl Antd {
    /// Every node in the daemon's registry. Nothing where there never was a daemon; each node is
    /// broken while it does not answer, for then nobody knows which of them it will start.
    pub fn read(&self) -> HostResult<OfDaemon> {
        let mut found = OfDaemon::default();
        let Some(registry) = self.home.registry()? else { return Ok(found) };
        if registry.nodes.is_empty() {
            return Ok(found);
        }
        let processes = pids_below(&[PathBuf::from("/")])?;
        let pids = |config: &Config| processes.get(&config.data_dir).cloned().unwrap_or_default();
        found.pids = registry.nodes.values().flat_map(pids).collect();
        match self.told() {
            Ok(told) => {
                for config in registry.nodes.values() {
                    one(config, told.get(&config.id), &pids(config), &mut found.findings);
                }
                found.findings.keep.push(self.home.registry_file());
            }
            Err(error) => {
                let broken = registry.nodes.keys().map(|id| unanswered(*id, &error));
                found.findings.broken.extend(broken);
            }
        }
        Ok(found)
    }

    /// What it says of each node, when it answers and keeps what it has on disk.
    fn told(&self) -> HostResult<BTreeMap<u32, Summary>> {
        let daemon = self.home.connect()?;
        let _: Registry = daemon.registry()?;
        let reply = daemon.get("nodes/status")?;
        if !reply.is_ok() {
            return Err(reply.refusal("ask for the state of all nodes"));
        }
        let answer: Summaries = parse::json("the state of all nodes", &reply.body)?;
        Ok(answer.nodes.into_iter().map(|it| (it.node_id, it)).collect())
    }
}

fn name(id: u32) -> String {
    NodeId::new(id).map_or_else(|| format!("node-{id}"), |id| ManagerKind::Antd.service_name(id))
}

fn unanswered(id: u32, error: &HostError) -> Broken {
    let name = name(id);
    let what = format!(
        "{name} is kept by the ant daemon: {}; or leave it out by --except {name}",
        error.chain()
    );
    Broken { name: Some(name), what }
}

fn one(config: &Config, told: Option<&Summary>, pids: &[u32], findings: &mut Findings) {
    let name = name(config.id);
    let place = format!("the ant daemon's node {}", config.id);
    if let Some(eviction) = &config.eviction {
        let why = format!("the ant daemon evicted it: {}", eviction.reason);
        return findings.left.push(Left::new(name, place, why));
    }
    let Some(told) = told else {
        let why = "the ant daemon has it on disk and not in mind: restart the daemon first";
        return findings.left.push(Left::new(name, place, why));
    };
    match read(config, &name, &place) {
        Ok(found) => findings.nodes.push(settled(found, told, pids)),
        Err(why) => {
            let what = format!("{place}: {why}; leave it out by --except {name}");
            findings.broken.push(Broken { name: Some(name), what });
        }
    }
}

/// What of the registry makes no sense, if anything.
fn read(config: &Config, name: &str, place: &str) -> Result<Found, String> {
    let number = NodeId::new(config.id).ok_or("its number is 0")?;
    let wallet = config
        .rewards_address
        .parse()
        .map_err(|error| format!("rewards_address is `{}`: {error}", config.rewards_address))?;
    let binary = config.binary_path.clone().ok_or("it has no binary_path")?;
    if !config.data_dir.is_absolute() {
        return Err(format!("data_dir is `{}`, which is not absolute", config.data_dir.display()));
    }
    let mut ports = wnm_core::import::FoundPorts { node: config.node_port, ..Default::default() };
    if let Some(text) = config.env_variables.get("ANT_WEBRTC_DIRECT_PORT") {
        let port = text.parse().map_err(|_| format!("ANT_WEBRTC_DIRECT_PORT is `{text}`"))?;
        ports.webrtc = Some(port);
    }
    let own = config.env_variables.iter().filter(|(key, _)| !SAID.contains(&key.as_str()));
    let told = Told {
        program: Program::AntNode,
        binary,
        data: config.data_dir.clone(),
        logs: config.log_dir.clone(),
        wallet: Some(wallet),
        ports,
        launch: Launch {
            network: network(config)?,
            start_args: Vec::new(),
            environment: own.map(|(key, value)| (key.clone(), value.clone())).collect(),
            bootstrap: config.bootstrap_peers.clone(),
            no_upnp: false,
            memory_limit: None,
            cpu_limit: None,
        },
        notes: Vec::new(),
    };
    let manager = Manager { kind: ManagerKind::Antd, scope: Scope::User };
    let mut found = Found::told(Origin::Antd, name, place, told, manager);
    found.number = Some(number);
    found.service = Some(name.to_owned());
    found.version = config.version.as_deref().and_then(|text| text.parse::<Version>().ok());
    Ok(found)
}

fn network(config: &Config) -> Result<EvmNetwork, String> {
    let of = |key: &str| config.env_variables.get(key).cloned();
    let custom = (of("ANT_EVM_RPC_URL"), of("ANT_EVM_PAYMENT_TOKEN"), of("ANT_EVM_PAYMENT_VAULT"));
    match (custom, config.evm_network.as_deref()) {
        ((Some(rpc_url), Some(token), Some(payments)), _) => {
            Ok(EvmNetwork::Custom { rpc_url, token, payments })
        }
        ((None, None, None), Some("arbitrum-one") | None) => Ok(EvmNetwork::ArbitrumOne),
        ((None, None, None), Some("arbitrum-sepolia")) => Ok(EvmNetwork::ArbitrumSepoliaTest),
        ((None, None, None), Some(other)) => Err(format!("evm_network is `{other}`")),
        _ => Err("its variables name only a part of a custom network".to_owned()),
    }
}

fn settled(mut found: Found, told: &Summary, pids: &[u32]) -> Found {
    found.pid = told.pid.filter(|pid| pids.contains(pid));
    found.want = match told.status {
        Status::Running | Status::Starting => Want::Run,
        Status::Stopping | Status::Stopped | Status::Errored | Status::Evicted => {
            Want::StoppedByOperator
        }
    };
    if told.status == Status::Errored {
        let note = "the ant daemon gave it up after crashes: it stays stopped until you start it";
        found.notes.push(note.to_owned());
    }
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn config() -> Config {
        let text = include_str!("../../fixtures/antd/node_registry.json");
        parse::registry(text).unwrap().nodes.remove(&1).unwrap()
    }

    #[test]
    fn a_node_goes_on_with_all_that_the_daemon_was_told() {
        let found = read(&config(), "node-1", "x").unwrap();
        assert_eq!(found.number.map(|it| it.number()), Some(1));
        assert_eq!(found.service.as_deref(), Some("node-1"));
        assert_eq!(found.ports.node, Some(22201));
        assert_eq!(found.version.as_ref().map(ToString::to_string).as_deref(), Some("0.23.1"));
        assert_eq!(found.launch.bootstrap, ["127.0.0.1:22001"]);
        let names: Vec<&str> =
            found.launch.environment.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(names, ["ANT_IPV4_ONLY", "ANT_NETWORK_MODE"]);
        assert!(matches!(found.launch.network, EvmNetwork::Custom { .. }));
        let told = |status, pid| Summary { node_id: 1, status, pid };
        let running = settled(found.clone(), &told(Status::Running, Some(7)), &[7]);
        assert_eq!((running.pid, running.want), (Some(7), Want::Run));
        // It believes the number of a process that is gone.
        let mistaken = settled(found.clone(), &told(Status::Running, Some(7)), &[8]);
        assert_eq!((mistaken.pid, mistaken.want), (None, Want::Run));
        let gave_up = settled(found, &told(Status::Errored, None), &[]);
        assert_eq!(gave_up.want, Want::StoppedByOperator);
        assert_eq!(gave_up.notes.len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        type Spoil = fn(&mut Config);
        let table: [(Spoil, &str); 5] = [
            (|it| it.rewards_address = "0x1".into(), "rewards_address is `0x1`"),
            (|it| it.binary_path = None, "it has no binary_path"),
            (|it| it.data_dir = "node-1".into(), "data_dir is `node-1`"),
            (
                |it| drop(it.env_variables.remove("ANT_EVM_RPC_URL")),
                "only a part of a custom network",
            ),
            (
                |it| {
                    let port = ("ANT_WEBRTC_DIRECT_PORT".to_owned(), "x".to_owned());
                    it.env_variables.extend([port]);
                },
                "ANT_WEBRTC_DIRECT_PORT is `x`",
            ),
        ];
        for (spoil, told) in table {
            let mut config = config();
            spoil(&mut config);
            let why = read(&config, "node-1", "x").unwrap_err();
            assert!(why.contains(told), "{why}");
        }
    }
}
