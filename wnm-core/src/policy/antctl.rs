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
    if !nodes.manager.kind.numbers_nodes() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    if nodes.program != Program::Antnode {
        let rule = format!("{} keeps antnode only: give program antnode", nodes.manager);
        problems.push((Setting::Program, rule));
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::fakes::build;
    use crate::policy::{Policy, PolicyDraft, Setting};

    fn refused(with: &[(Setting, &str)]) -> String {
        let draft = build::draft().with(Setting::Manager, "antctl+user");
        let draft = draft.with(Setting::Program, "antnode");
        let draft = with.iter().fold(draft, |draft, (setting, text)| draft.with(*setting, *text));
        match Policy::parse(&draft, &PolicyDraft::default(), 4) {
            Ok(_) => "fine".to_owned(),
            Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
        }
    }

    #[test]
    fn what_antctl_would_mangle_is_refused() {
        assert_eq!(refused(&[]), "fine");
        assert_eq!(refused(&[(Setting::StartArgs, "--local --ip 127.0.0.1")]), "fine");
        assert_eq!(refused(&[(Setting::Environment, "'A=b c' B=d")]), "fine");
        assert_eq!(refused(&[(Setting::AntctlVersion, "0.4.17")]), "fine");
        let table = [
            (Setting::Program, "ant-node", "keeps antnode only"),
            (Setting::StartArgs, "--path /x", "`--path` follows from other settings"),
            (Setting::StartArgs, "--port=5", "`--port` follows from other settings"),
            (Setting::NodeStorage, "'/srv/my nodes'", "without quoting"),
            (Setting::LogStorage, "/srv/50%", "without quoting"),
            (Setting::Environment, "A=$HOME", "without quoting"),
            (Setting::AntctlVersion, "newest", "antctl_version"),
        ];
        for (setting, text, rule) in table {
            let said = refused(&[(setting, text)]);
            assert!(said.contains(rule), "{setting} {text}: {said}");
        }
    }

    #[test]
    fn nodes_lie_where_antctl_puts_them() {
        let of = |manager: &str| {
            let draft = build::draft().with(Setting::Manager, manager);
            let nodes = build::policy(&draft.with(Setting::Program, "antnode")).nodes;
            let wallet = nodes.wallets.shares()[0].address;
            let spec = nodes.spec(build::id(7), wallet, build::STORAGE.as_ref()).unwrap();
            let [data, logs, binary] = [&spec.data, &spec.logs, &spec.binary];
            format!(
                "{} {} {} {} {:?}",
                spec.service(),
                data.display(),
                logs.display(),
                binary.display(),
                spec.ports.rpc
            )
        };
        let placed = "antnode7 /srv/nodes/antnode7 /srv/logs/antnode7 /srv/nodes/antnode7/antnode";
        assert_eq!(of("antctl+user"), format!("{placed} Some(30007)"));
        assert_eq!(of("antctl+sudo"), format!("{placed} Some(30007)"));
        let zen = placed.replace("/srv/logs/antnode7", "/srv/nodes/antnode7/logs");
        assert_eq!(of("antctl+zen"), format!("{zen} Some(30007)"));
    }
}
