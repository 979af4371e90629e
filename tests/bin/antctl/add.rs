//! `antctl add`: one node, strictly.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::misbehave::Misbehaviour;
use super::registry::{self, Registry};
use super::{fail, usage};

const VALUES: [&str; 12] = [
    "--data-dir-path",
    "--log-dir-path",
    "--path",
    "--version",
    "--node-port",
    "--metrics-port",
    "--rpc-port",
    "--rewards-address",
    "--node-ip",
    "--max-log-files",
    "--max-archived-log-files",
    "--log-format",
];
const REPEATED: [&str; 2] = ["--env", "--peer"];
const FLAGS: [&str; 6] =
    ["--no-upnp", "--auto-restart", "--local", "--first", "--relay", "--ignore-cache"];
const NETWORKS: [&str; 3] = ["evm-arbitrum-one", "evm-arbitrum-sepolia-test", "evm-custom"];

#[derive(Debug, Default)]
struct Given {
    values: BTreeMap<String, String>,
    repeated: Vec<(String, String)>,
    flags: Vec<String>,
    network: Vec<String>,
}

pub(crate) fn add(registry: &mut Registry, args: &[String], how: &Misbehaviour) {
    let given = parse(args);
    let value = |name: &str| given.values.get(name).map(String::as_str);
    let wallet = value("--rewards-address").unwrap_or_else(|| usage("--rewards-address"));
    let program = match (value("--path"), value("--version")) {
        (Some(path), _) => PathBuf::from(path),
        (None, Some(_)) => fail("error sending request for url (https://antnode.s3.amazonaws.com)"),
        (None, None) => fail("the newest version of antnode is another network's: 0.23.1"),
    };
    let ports = ["--node-port", "--metrics-port", "--rpc-port"].map(|name| port(value(name)));
    if let Some(port) = ports.iter().flatten().find(|port| registry.has_port(**port)) {
        fail(&format!("Port {port} is being used by another service"));
    }
    let number = registry.nodes().len() + 1 + usize::from(how.says("misnumber"));
    let name = format!("antnode{number}");
    let root = registry::is_root();
    let own = if root { "/var/antctl/services".into() } else { registry::place() };
    let data = value("--data-dir-path").map_or(own, PathBuf::from).join(&name);
    let logs = match (value("--log-dir-path"), root) {
        (Some(path), _) => Path::new(path).join(&name),
        (None, true) => Path::new("/var/log/antnode").join(&name),
        (None, false) => data.join("logs"),
    };
    let file = data.join(program.file_name().unwrap_or_default());
    let made = make(&program, &file, &data, &logs, root);
    made.unwrap_or_else(|error| fail(&error.to_string()));
    let unit = unit(&given, &name, &file, &data, &logs, ports, root);
    let place = registry::unit_file(&name);
    fs::create_dir_all(place.parent().expect("units lie in a directory"))
        .and_then(|()| fs::write(&place, unit))
        .unwrap_or_else(|error| fail(&error.to_string()));
    registry.push(json!({
        "alpha": false, "schema_version": 2, "antnode_path": file,
        "auto_restart": given.flags.iter().any(|flag| flag == "--auto-restart"),
        "connected_peers": null, "data_dir_path": data, "evm_network": "ArbitrumOne",
        "listen_addr": null, "log_dir_path": logs, "log_format": null,
        "metrics_port": ports[1], "node_ip": null, "node_port": ports[0],
        "no_upnp": given.flags.iter().any(|flag| flag == "--no-upnp"),
        "number": number, "peer_id": null, "pid": null,
        "rewards_address": wallet.to_lowercase(), "reward_balance": null,
        "rpc_socket_addr": format!("127.0.0.1:{}", ports[2].unwrap_or(40_000)),
        "service_name": name, "status": "Added", "user": root.then_some("ant"),
        "user_mode": !root, "version": "0.4.17",
    }));
    registry.save();
}

fn parse(args: &[String]) -> Given {
    let mut given = Given::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if NETWORKS.contains(&word.as_str()) {
            given.network = std::iter::once(word).chain(words).cloned().collect();
            return given;
        }
        let mut next = || words.next().cloned().unwrap_or_else(|| usage(word));
        match word.as_str() {
            word if REPEATED.contains(&word) => given.repeated.push((word.to_owned(), next())),
            word if VALUES.contains(&word) => {
                if given.values.insert(word.to_owned(), next()).is_some() {
                    usage(&format!("the argument '{word}' cannot be used multiple times"));
                }
            }
            word if FLAGS.contains(&word) => given.flags.push(word.to_owned()),
            word => usage(&format!("unexpected argument '{word}' found")),
        }
    }
    usage("'antctl add' requires a subcommand but one was not provided")
}

fn port(text: Option<&str>) -> Option<u16> {
    text.map(|text| text.parse().unwrap_or_else(|_| usage("invalid port")))
}

fn make(from: &Path, to: &Path, data: &Path, logs: &Path, root: bool) -> std::io::Result<()> {
    for directory in [data, logs] {
        fs::create_dir_all(directory)?;
        let user = nix::unistd::User::from_name("ant")
            .ok()
            .flatten()
            .filter(|_| root && nix::unistd::geteuid().is_root());
        for place in [Some(directory), directory.parent()].into_iter().flatten() {
            if let Some(user) = &user {
                nix::unistd::chown(place, Some(user.uid), Some(user.gid))?;
            }
        }
    }
    fs::copy(from, to).map(|_| ())
}

/// As the real one writes it: nothing is quoted, and no line break ends it.
fn unit(
    given: &Given,
    name: &str,
    file: &Path,
    data: &Path,
    logs: &Path,
    ports: [Option<u16>; 3],
    root: bool,
) -> String {
    let mut line = format!("ExecStart={}", file.display());
    let mut more = |option: &str, value: String| line += &format!(" {option} {value}");
    more("--rpc", format!("127.0.0.1:{}", ports[2].unwrap_or(40_000)));
    more("--root-dir", data.display().to_string());
    more("--log-output-dest", logs.display().to_string());
    for (option, value) in given.repeated.iter().filter(|(option, _)| option == "--peer") {
        more(option, value.clone());
    }
    ports[0].into_iter().for_each(|port| more("--port", port.to_string()));
    ports[1].into_iter().for_each(|port| more("--metrics-server-port", port.to_string()));
    more("--rewards-address", given.values["--rewards-address"].clone());
    for flag in given.flags.iter().filter(|flag| *flag != "--auto-restart") {
        line += &format!(" {flag}");
    }
    if let Some(ip) = given.values.get("--node-ip") {
        line += &format!(" --ip {ip}");
    }
    line += &format!(" --stop-on-upgrade {}", given.network.join(" "));
    let mut text = format!("[Unit]\nDescription={name}\n[Service]\n");
    for (_, pair) in given.repeated.iter().filter(|(option, _)| option == "--env") {
        text += &format!("Environment=\"{pair}\"\n");
    }
    text += &line;
    text += "\nRestart=on-success";
    if root {
        text += "\nUser=ant";
    }
    if given.flags.iter().any(|flag| flag == "--auto-restart") {
        text += "\n[Install]\nWantedBy=";
        text += if root { "multi-user.target" } else { "default.target" };
    }
    text
}
