//! What antctl cannot be told, and what it would write into a unit file as it is.

use super::{NodeDefaults, Setting};
use crate::model::{EvmNetwork, Program};

/// Options of `antctl add` that follow from other settings.
const OURS: [&str; 17] = [
    "--auto-restart",
    "--count",
    "--data-dir-path",
    "--env",
    "--log-dir-path",
    "--metrics-port",
    "--metrics-server-port",
    "--node-port",
    "--path",
    "--peer",
    "--port",
    "--rewards-address",
    "--root-dir",
    "--rpc",
    "--rpc-port",
    "--url",
    "--version",
];

/// Settings that nodes of antctl could not be made with, and the rule each breaks.
pub(super) fn problems(nodes: &NodeDefaults) -> Vec<(Setting, String)> {
    if !nodes.manager.kind.is_antctl() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    if nodes.program != Program::Antnode {
        let rule = format!("{} keeps antnode only: give program antnode", nodes.manager);
        problems.push((Setting::Program, rule));
    }
    if nodes.manager.kind.counts_in_containers() && nodes.autostart {
        let rule = format!("{} brings nodes back with cycles only: give wnm", nodes.manager);
        problems.push((Setting::Autostart, rule));
    }
    let launch = &nodes.launch;
    for word in &launch.start_args {
        let option = word.split('=').next().unwrap_or(word);
        if OURS.contains(&option) {
            let rule = format!("`{option}` follows from other settings");
            problems.push((Setting::StartArgs, rule));
        }
    }
    let paths = |paths: &[std::path::PathBuf]| -> Vec<String> {
        paths.iter().map(|path| path.display().to_string()).collect()
    };
    let network = match &launch.network {
        EvmNetwork::Custom { rpc_url, .. } => vec![rpc_url.clone()],
        EvmNetwork::ArbitrumOne | EvmNetwork::ArbitrumSepoliaTest => Vec::new(),
    };
    let environment = launch.environment.iter().map(|(_, value)| value.replace(' ', ""));
    let written = [
        (Setting::NodeStorage, paths(&nodes.storage)),
        (Setting::LogStorage, paths(std::slice::from_ref(&nodes.logs))),
        (Setting::StartArgs, launch.start_args.clone()),
        (Setting::Bootstrap, launch.bootstrap.clone()),
        (Setting::Environment, environment.collect()),
        (Setting::Network, network),
    ];
    for (setting, words) in written {
        if let Some(word) = words.iter().find(|word| !is_plain(word)) {
            let rule = format!(
                "antctl writes `{word}` into a unit file without quoting it: give it without \
                 blanks, quotes, backslashes, and the signs % $ ;"
            );
            problems.push((setting, rule));
        }
    }
    problems
}

/// What systemd reads as the one word that was written.
fn is_plain(word: &str) -> bool {
    !word.chars().any(|c| c.is_whitespace() || c.is_control() || "\"'\\%$;".contains(c))
}
