//! What the daemon is told of a new node.

use std::path::Path;

use serde::Serialize;
use wnm_core::host::{HostError, HostResult};
use wnm_core::model::{EvmNetwork, NodeSpec, Program};
use wnm_core::observe::FaultKind;

#[derive(Debug, Serialize)]
struct Body<'a> {
    count: u16,
    rewards_address: String,
    node_port: u16,
    data_dir_path: &'a Path,
    log_dir_path: &'a Path,
    binary_source: Source<'a>,
    bootstrap_peers: &'a [String],
    env_variables: Vec<(String, String)>,
    evm_network: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
enum Source<'a> {
    LocalPath(&'a Path),
}

/// The body of `POST nodes`. `program` is what the daemon shall copy, with what lies beside it; never
/// the node's own copy, which the daemon would empty while it reads it.
pub(super) fn of(spec: &NodeSpec, program: &Path) -> HostResult<String> {
    refuse(spec)?;
    // The daemon makes directories of its own names below these: `node-7`, and `node-7/logs`.
    let log_dir_path = spec.logs.ancestors().nth(2).unwrap_or(&spec.logs);
    let body = Body {
        count: 1,
        rewards_address: spec.wallet.to_string(),
        node_port: spec.ports.node,
        data_dir_path: &spec.storage,
        log_dir_path,
        binary_source: Source::LocalPath(program),
        bootstrap_peers: &spec.launch.bootstrap,
        env_variables: environment(spec),
        evm_network: match spec.launch.network {
            EvmNetwork::ArbitrumSepoliaTest => "arbitrum-sepolia",
            EvmNetwork::ArbitrumOne | EvmNetwork::Custom { .. } => "arbitrum-one",
        },
    };
    serde_json::to_string(&body)
        .map_err(|error| HostError::with("describe the node", FaultKind::Failed, error))
}

/// Options that the daemon has no word for, by their twins in the environment.
fn environment(spec: &NodeSpec) -> Vec<(String, String)> {
    let mut variables = vec![("ANT_LOG_FORMAT", "json".to_owned())];
    match spec.ports.webrtc {
        Some(port) => variables.push(("ANT_WEBRTC_DIRECT_PORT", port.to_string())),
        None => variables.push(("ANT_DISABLE_WEBRTC_DIRECT", "true".to_owned())),
    }
    if let EvmNetwork::Custom { rpc_url, token, payments } = &spec.launch.network {
        variables.extend([
            ("ANT_EVM_RPC_URL", rpc_url.clone()),
            ("ANT_EVM_PAYMENT_TOKEN", token.clone()),
            ("ANT_EVM_PAYMENT_VAULT", payments.clone()),
        ]);
    }
    let own = variables.into_iter().map(|(key, value)| (key.to_owned(), value));
    // What an operator says counts more.
    let given = &spec.launch.environment;
    own.filter(|(key, _)| given.iter().all(|(other, _)| other != key))
        .chain(given.iter().cloned())
        .collect()
}

fn refuse(spec: &NodeSpec) -> HostResult<()> {
    let why = if spec.program != Program::AntNode {
        format!("the ant daemon runs ant-node only, not {}", spec.program)
    } else if !spec.launch.start_args.is_empty() {
        "the ant daemon hands no further arguments to a node: use environment, every option of \
         ant-node has a variable"
            .to_owned()
    } else {
        return Ok(());
    };
    Err(HostError::new(format!("create {}: {why}", spec.id), FaultKind::Refused))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use wnm_core::fakes::build;

    fn spec() -> NodeSpec {
        let mut spec = build::spec(7);
        spec.manager = "antd+user".parse().expect("a manager");
        spec.storage = PathBuf::from("/srv/nodes");
        spec.data = "/srv/nodes/node-7".into();
        spec.logs = "/srv/logs/node-7/logs".into();
        spec
    }

    #[test]
    fn everything_is_said_in_the_daemons_words() {
        let mut spec = spec();
        spec.launch.bootstrap = vec!["10.0.0.1:5000".to_owned()];
        spec.launch.environment =
            vec![("ANT_LOG_FORMAT".into(), "text".into()), ("A\"B".into(), "c\nd".into())];
        let body = of(&spec, Path::new("/opt/ant-node")).expect("sound");
        insta::assert_snapshot!(body.replace(",\"", ",\n\""), @r#"
        {"count":1,
        "rewards_address":"0x00455d78f850b0358E8cea5be24d415E01E107CF",
        "node_port":55007,
        "data_dir_path":"/srv/nodes",
        "log_dir_path":"/srv/logs",
        "binary_source":{"type":"local_path",
        "value":"/opt/ant-node"},
        "bootstrap_peers":["10.0.0.1:5000"],
        "env_variables":[["ANT_DISABLE_WEBRTC_DIRECT",
        "true"],["ANT_LOG_FORMAT",
        "text"],["A\"B",
        "c\nd"]],
        "evm_network":"arbitrum-one"}
        "#);
    }

    #[test]
    fn what_the_daemon_cannot_do_is_refused() {
        let mut antnode = spec();
        antnode.program = Program::Antnode;
        let mut args = spec();
        args.launch.start_args = vec!["--ipv4-only".to_owned()];
        for spec in [antnode, args] {
            let error = of(&spec, Path::new("/p")).expect_err("refused");
            assert_eq!(error.kind, FaultKind::Refused, "{error}");
        }
    }
}
