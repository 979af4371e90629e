//! What a node runs. Facts were seen by running antnode 0.4.17 and ant-node 0.23.1.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NodeSpec, Version};

/// The two generations of the node program. Their functions are total and pure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// `antnode`, the first generation: libp2p, an HTTP metrics endpoint.
    Antnode,
    /// `ant-node`, the current generation: no endpoint, telemetry in its log.
    AntNode,
}

/// A text that names no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a node program: use ant-node or antnode")]
pub struct UnknownProgram(pub String);

impl Program {
    /// Both, current generation first.
    pub const ALL: [Program; 2] = [Program::AntNode, Program::Antnode];

    /// File name of the binary.
    pub fn binary_name(self) -> &'static str {
        match self {
            Program::Antnode => "antnode",
            Program::AntNode => "ant-node",
        }
    }

    /// Files that a release puts beside the binary and that a node misses when only the binary is
    /// copied: without its bootstrap peers an `ant-node` starts alone.
    pub fn companions(self) -> &'static [&'static str] {
        match self {
            Program::Antnode => &[],
            Program::AntNode => &["bootstrap_peers.toml"],
        }
    }

    /// File below the data directory that holds the node's key: the only irreplaceable bytes.
    pub fn identity_file(self) -> &'static str {
        match self {
            Program::Antnode => "secret-key",
            Program::AntNode => "node_identity.key",
        }
    }

    /// True when the program serves `/metrics` on loopback.
    pub fn has_metrics_endpoint(self) -> bool {
        match self {
            Program::Antnode => true,
            // `--metrics-port` is parsed and never read.
            Program::AntNode => false,
        }
    }

    /// True when the program can open a second UDP port for browsers.
    pub fn has_webrtc(self) -> bool {
        match self {
            Program::Antnode => false,
            Program::AntNode => true,
        }
    }

    /// True when the program replaces its own binary; neither can be told not to.
    pub fn upgrades_itself(self) -> bool {
        match self {
            Program::Antnode | Program::AntNode => true,
        }
    }

    /// What going from one version straight to another costs a node, where that is known: what was
    /// left out in between would have carried its data over.
    pub fn strands_data(self, from: &Version, to: &Version) -> Option<&'static str> {
        // The migrating releases are those of the 0.1x line; LMDB itself was removed in 0.2x.
        let files_only = Version::new(0, 20, 0);
        let migrating = Version::new(0, 10, 0);
        match self {
            Program::AntNode if *from < migrating && *to >= files_only => Some(
                "the releases between moved records from LMDB to files; its old records stay in \
                 chunks.mdb and are not served",
            ),
            Program::AntNode | Program::Antnode => None,
        }
    }

    /// Which program printed `text` for `--version`, and its version.
    pub fn identify(text: &str) -> Option<(Program, Version)> {
        let line = text.lines().next()?.trim();
        if let Some(rest) = line.strip_prefix("Autonomi Node v") {
            return Some((Program::Antnode, rest.parse().ok()?));
        }
        let version = line.strip_prefix("ant-node ")?.trim();
        Some((Program::AntNode, version.parse().ok()?))
    }

    /// The arguments the node is started with, without the program itself.
    ///
    /// `--stop-on-upgrade` is always among them: without it a node that upgraded itself leaves an
    /// orphan that no manager knows, and one identity could come to run twice.
    pub fn arguments(self, spec: &NodeSpec) -> Vec<String> {
        match self {
            Program::Antnode => antnode_arguments(spec),
            Program::AntNode => ant_node_arguments(spec),
        }
    }
}

fn antnode_arguments(spec: &NodeSpec) -> Vec<String> {
    let mut args = vec!["--root-dir".to_owned(), text(&spec.data)];
    args.extend(["--log-output-dest".to_owned(), text(&spec.logs)]);
    args.extend(["--port".to_owned(), spec.ports.node.to_string()]);
    if let Some(metrics) = spec.ports.metrics {
        args.extend(["--metrics-server-port".to_owned(), metrics.to_string()]);
    }
    args.extend(["--rewards-address".to_owned(), spec.wallet.to_string()]);
    args.push("--stop-on-upgrade".to_owned());
    if spec.launch.no_upnp {
        args.push("--no-upnp".to_owned());
    }
    if !spec.launch.bootstrap.is_empty() {
        args.extend(["--peer".to_owned(), spec.launch.bootstrap.join(",")]);
    }
    args.extend(spec.launch.start_args.iter().cloned());
    // The network is a sub-command and must come last.
    args.extend(match &spec.launch.network {
        EvmNetwork::ArbitrumOne => vec!["evm-arbitrum-one".to_owned()],
        EvmNetwork::ArbitrumSepoliaTest => vec!["evm-arbitrum-sepolia-test".to_owned()],
        EvmNetwork::Custom { rpc_url, token, payments } => vec![
            "evm-custom".to_owned(),
            "--rpc-url".to_owned(),
            rpc_url.clone(),
            "--payment-token-address".to_owned(),
            token.clone(),
            "--data-payments-address".to_owned(),
            payments.clone(),
        ],
    });
    args
}

fn ant_node_arguments(spec: &NodeSpec) -> Vec<String> {
    let mut args = vec!["--root-dir".to_owned(), text(&spec.data)];
    args.extend(["--port".to_owned(), spec.ports.node.to_string()]);
    args.extend(["--rewards-address".to_owned(), spec.wallet.to_string()]);
    args.push("--stop-on-upgrade".to_owned());
    // Without logging the program prints nothing at all; JSON carries the telemetry.
    args.extend(["--enable-logging", "--log-format", "json", "--log-dir"].map(str::to_owned));
    args.push(text(&spec.logs));
    match spec.ports.webrtc {
        Some(port) => args.extend(["--webrtc-direct-port".to_owned(), port.to_string()]),
        None => args.push("--disable-webrtc-direct".to_owned()),
    }
    args.extend(match &spec.launch.network {
        EvmNetwork::ArbitrumOne => vec!["--evm-network".to_owned(), "arbitrum-one".to_owned()],
        EvmNetwork::ArbitrumSepoliaTest => {
            vec!["--evm-network".to_owned(), "arbitrum-sepolia".to_owned()]
        }
        EvmNetwork::Custom { rpc_url, token, payments } => vec![
            "--evm-rpc-url".to_owned(),
            rpc_url.clone(),
            "--evm-payment-token".to_owned(),
            token.clone(),
            "--evm-payment-vault".to_owned(),
            payments.clone(),
        ],
    });
    for peer in &spec.launch.bootstrap {
        args.extend(["--bootstrap".to_owned(), peer.clone()]);
    }
    args.extend(spec.launch.start_args.iter().cloned());
    args
}

/// Paths reach records only after they were checked to be UTF-8, so nothing is lost here.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.binary_name())
    }
}

impl FromStr for Program {
    type Err = UnknownProgram;

    fn from_str(text: &str) -> Result<Program, UnknownProgram> {
        Program::ALL
            .into_iter()
            .find(|program| program.binary_name() == text)
            .ok_or_else(|| UnknownProgram(text.to_owned()))
    }
}

/// Where payments happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvmNetwork {
    /// The real one.
    ArbitrumOne,
    /// The public test network.
    ArbitrumSepoliaTest,
    /// One's own chain, for closed networks.
    Custom {
        /// JSON-RPC endpoint.
        rpc_url: String,
        /// Payment token contract.
        token: String,
        /// Data payments contract (`antnode`) or payment vault (`ant-node`).
        payments: String,
    },
}

/// A network that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNetwork {
    /// Not one of the three names.
    #[error(
        "`{0}` is not a network: use evm-arbitrum-one, evm-arbitrum-sepolia-test, or \
         evm-custom,RPC_URL,TOKEN_ADDRESS,PAYMENTS_ADDRESS"
    )]
    Unknown(String),
}

impl fmt::Display for EvmNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EvmNetwork::ArbitrumOne => f.write_str("evm-arbitrum-one"),
            EvmNetwork::ArbitrumSepoliaTest => f.write_str("evm-arbitrum-sepolia-test"),
            EvmNetwork::Custom { rpc_url, token, payments } => {
                write!(f, "evm-custom,{rpc_url},{token},{payments}")
            }
        }
    }
}

impl FromStr for EvmNetwork {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<EvmNetwork, BadNetwork> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        match parts.as_slice() {
            ["evm-arbitrum-one"] => Ok(EvmNetwork::ArbitrumOne),
            ["evm-arbitrum-sepolia-test"] => Ok(EvmNetwork::ArbitrumSepoliaTest),
            ["evm-custom", rpc_url, token, payments]
                if [rpc_url, token, payments].iter().all(|part| !part.is_empty()) =>
            {
                Ok(EvmNetwork::Custom {
                    rpc_url: (*rpc_url).to_owned(),
                    token: (*token).to_owned(),
                    payments: (*payments).to_owned(),
                })
            }
            _ => Err(BadNetwork::Unknown(text.to_owned())),
        }
    }
}
