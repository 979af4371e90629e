//! Every call of antctl as data, and what its failures say.

use std::path::Path;
use std::time::Duration;

use wnm_core::host::{CommandRunner, Completed, HostError, HostResult, Invocation};
use wnm_core::model::{EvmNetwork, ManagerKind, NodeSpec, Release, Version};
use wnm_core::observe::FaultKind;

use super::registry::without_colours;

/// For what copies no program.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// A program is copied, or downloaded first.
pub(super) const ADD_PATIENCE: Duration = Duration::from_secs(600);

/// The versions whose registry and whose words this code knows.
const KNOWN: (u64, u64) = (0, 14);

/// A call, with what makes it safe and talkative.
///
/// - `-v` is the *quiet* level. Without it antctl asks every node over RPC before it does anything
///   with one, without a timeout: a node that hangs makes each command hang, or fail.
/// - `--debug` has the reason of a failure on stderr, which the quiet level leaves out otherwise.
pub(super) fn call<S: Into<String>>(
    program: &str,
    args: impl IntoIterator<Item = S>,
    patience: Duration,
) -> Invocation {
    let always = ["-v", "--debug"].map(str::to_owned);
    let args = always.into_iter().chain(args.into_iter().map(Into::into));
    Invocation::new(program, args, patience)
}

/// Makes one node, in the places and with the ports of `spec`.
pub(super) fn add(kind: ManagerKind, spec: &NodeSpec, release: &Release) -> Vec<String> {
    let mut args = words(&["add"]);
    let mut option = |name: &str, value: String| args.extend([name.to_owned(), value]);
    if kind != ManagerKind::AntctlZen {
        option("--data-dir-path", text(&spec.storage));
        let logs = spec.logs.parent().unwrap_or(&spec.logs);
        option("--log-dir-path", text(logs));
    }
    // Never neither: antctl would take the newest version of a program that is another by now.
    match release.path.is_absolute() {
        true => option("--path", text(&release.path)),
        false => option("--version", release.version.to_string()),
    }
    option("--node-port", spec.ports.node.to_string());
    if let Some(port) = spec.ports.metrics {
        option("--metrics-port", port.to_string());
    }
    if let Some(port) = spec.ports.rpc {
        option("--rpc-port", port.to_string());
    }
    option("--rewards-address", spec.wallet.to_string());
    for (key, value) in &spec.launch.environment {
        // One option each: antctl does not split what it says it splits.
        option("--env", format!("{key}={value}"));
    }
    if !spec.launch.bootstrap.is_empty() {
        option("--peer", spec.launch.bootstrap.join(","));
    }
    args.extend(spec.launch.no_upnp.then(|| "--no-upnp".to_owned()));
    args.extend(spec.autostart.then(|| "--auto-restart".to_owned()));
    args.extend(spec.launch.start_args.iter().map(|word| as_antctl_calls_it(word)));
    args.extend(network(&spec.launch.network));
    args
}

/// Takes one node from antctl. Its directories stay: they are ours to delete, after its key is safe.
pub(super) fn remove(service: &str) -> Vec<String> {
    words(&["remove", "--service-name", service, "--keep-directories"])
}

/// Forgets everything.
pub(super) fn reset() -> Vec<String> {
    words(&["reset", "--force"])
}

/// Options of nodes have the same names with antctl, but for this one.
fn as_antctl_calls_it(word: &str) -> String {
    match word.split_once('=') {
        Some(("--ip", address)) => format!("--node-ip={address}"),
        None if word == "--ip" => "--node-ip".to_owned(),
        _ => word.to_owned(),
    }
}

fn network(network: &EvmNetwork) -> Vec<String> {
    match network {
        EvmNetwork::ArbitrumOne => words(&["evm-arbitrum-one"]),
        EvmNetwork::ArbitrumSepoliaTest => words(&["evm-arbitrum-sepolia-test"]),
        EvmNetwork::Custom { rpc_url, token, payments } => words(&[
            "evm-custom",
            "--rpc-url",
            rpc_url,
            "--payment-token-address",
            token,
            "--data-payments-address",
            payments,
        ]),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Paths reach records only after they were checked to be UTF-8, so nothing is lost here.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A call that failed: the command, its exit and what it said.
pub(super) fn failure(call: &Invocation, answer: &Completed) -> HostError {
    let exit = match answer.code {
        Some(code) => format!("exit {code}"),
        None => "ended by a signal".to_owned(),
    };
    let reason = complaint(&answer.stderr);
    let op = format!("run `{}`", call.line());
    HostError::with(op, kind_of(&reason), format!("{exit}: {reason}"))
}

fn kind_of(reason: &str) -> FaultKind {
    let says = |what: &str| reason.contains(what);
    match () {
        () if says("Permission denied") => FaultKind::Permission,
        () if says("being used by another service") => FaultKind::Conflict,
        () if says("No medium found") || says("Failed to connect to bus") => FaultKind::Unavailable,
        () if says("No space left on device") => FaultKind::Full,
        () if says("Read-only file system") => FaultKind::ReadOnly,
        () if says("No such file or directory") => FaultKind::NotFound,
        () => FaultKind::Failed,
    }
}

/// The reason in what antctl wrote to stderr: the log names it with its service, the block of
/// `Error:` only says that something failed, and a wrong argument is told in a line of its own.
pub(super) fn complaint(stderr: &str) -> String {
    let text = without_colours(stderr);
    let lines: Vec<&str> = text.lines().collect();
    let named = lines.iter().rposition(|line| is_log(line) && names_a_service(line));
    if let Some(at) = named {
        let more = lines[at + 1..].iter().take_while(|line| !is_log(line) && !is_block(line));
        let first = lines[at].split_once("] ").map_or(lines[at], |(_, said)| said);
        return joined(std::iter::once(first).chain(more.copied()));
    }
    let block = lines.iter().find_map(|line| line.trim_start().strip_prefix("0: "));
    let usage = || lines.iter().find_map(|line| line.strip_prefix("error: "));
    let last = || lines.iter().rev().find(|line| !line.trim().is_empty()).copied();
    match block.or_else(usage).or_else(last) {
        Some(said) => said.trim().to_owned(),
        None => "it says nothing".to_owned(),
    }
}

fn is_log(line: &str) -> bool {
    line.starts_with('[') && line.contains("] ")
}

fn is_block(line: &str) -> bool {
    line.starts_with("Error:")
}

fn names_a_service(line: &str) -> bool {
    line.contains(" ERROR ") && line.contains("] Failed to ") && line.contains(" service antnode")
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Asks antctl for its version; one whose ways are not known is refused.
pub fn probe_antctl(runner: &dyn CommandRunner, program: &str) -> HostResult<Version> {
    let call = Invocation::new(program, ["--version"], Duration::from_secs(10));
    let answer = runner.run(&call).map_err(|error| match error.kind {
        FaultKind::NotFound => not_found(program),
        _ => error,
    })?;
    known_version(program, &answer)
}

/// The same from what `program` answered.
pub(crate) fn known_version(program: &str, answer: &Completed) -> HostResult<Version> {
    let line = answer.stdout.lines().next().unwrap_or("").trim();
    let version = line.strip_prefix("Autonomi Node Manager v").and_then(|text| text.parse().ok());
    let Some(version) = version.filter(|_| answer.ok()) else {
        let op = format!("{program} is not antctl: `--version` printed `{line}`");
        return Err(HostError::new(op, FaultKind::Garbled));
    };
    match is_known(&version) {
        true => Ok(version),
        false => Err(HostError::new(
            format!(
                "{program} is antctl {version}, and this version of wnm knows antctl 0.14 only: \
                 install 0.14.2, or name another with antctl_path"
            ),
            FaultKind::Conflict,
        )),
    }
}

fn is_known(version: &Version) -> bool {
    let (major, minor) = KNOWN;
    version.to_string().starts_with(&format!("{major}.{minor}."))
}

pub(super) fn not_found(program: &str) -> HostError {
    let op = format!(
        "there is no `{program}`: install antctl 0.14.2, or name it with antctl_path; it is looked \
         for on PATH, in ~/.local/bin and in /usr/local/bin"
    );
    HostError::new(op, FaultKind::NotFound)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use wnm_core::fakes::{ScriptedRunner, build};
    use wnm_core::policy::Setting;

    use super::*;

    fn spec(manager: &str) -> NodeSpec {
        let draft = build::draft()
            .with(Setting::Manager, manager)
            .with(Setting::Program, "antnode")
            .with(Setting::StartArgs, "--ip 127.0.0.1 --local --max-log-files 1")
            .with(Setting::Environment, "RUST_LOG=info ANT_LOG=v")
            .with(Setting::Bootstrap, "/ip4/1.2.3.4/udp/1/quic-v1 /ip4/1.2.3.5/udp/1/quic-v1")
            .with(Setting::NoUpnp, "on");
        let nodes = build::policy(&draft).nodes;
        let wallet = nodes.wallets.shares()[0].address;
        nodes.spec(build::id(7), wallet, build::STORAGE.as_ref()).unwrap()
    }

    fn release(path: &str) -> Release {
        Release::new("0.4.17".parse().unwrap(), path)
    }

    #[test]
    fn one_node_with_everything_named() {
        let line = |args: Vec<String>| call("antctl", args, PATIENCE).line();
        let user = add(ManagerKind::Antctl, &spec("antctl+user"), &release("/opt/antnode"));
        let zen = add(ManagerKind::AntctlZen, &spec("antctl+zen"), &release("antnode"));
        let others = [remove("antnode7"), reset()];
        let lines: Vec<String> = [user, zen].into_iter().chain(others).map(line).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        antctl -v --debug add --data-dir-path /srv/nodes --log-dir-path /srv/logs --path /opt/antnode --node-port 55007 --metrics-port 13007 --rpc-port 30007 --rewards-address 0x00455d78f850b0358E8cea5be24d415E01E107CF --env 'RUST_LOG=info' --env 'ANT_LOG=v' --peer /ip4/1.2.3.4/udp/1/quic-v1,/ip4/1.2.3.5/udp/1/quic-v1 --no-upnp --node-ip 127.0.0.1 --local --max-log-files 1 evm-arbitrum-one
        antctl -v --debug add --version 0.4.17 --node-port 55007 --metrics-port 13007 --rpc-port 30007 --rewards-address 0x00455d78f850b0358E8cea5be24d415E01E107CF --env 'RUST_LOG=info' --env 'ANT_LOG=v' --peer /ip4/1.2.3.4/udp/1/quic-v1,/ip4/1.2.3.5/udp/1/quic-v1 --no-upnp --node-ip 127.0.0.1 --local --max-log-files 1 evm-arbitrum-one
        antctl -v --debug remove --service-name antnode7 --keep-directories
        antctl -v --debug reset --force
        ");
    }

    #[test]
    fn the_reason_of_a_failure() {
        let table = [
            (include_str!("../../fixtures/antctl/start-no-unit.stderr"), "no unit"),
            (include_str!("../../fixtures/antctl/remove-running.stderr"), "running"),
            (include_str!("../../fixtures/antctl/start-no-rpc.stderr"), "no RPC"),
            ("Error: \n   0: \x1b[91mPort 14202 is being used by another service\x1b[0m\n", "port"),
            ("error: unexpected argument '--x' found\n\nUsage: antctl\n", "usage"),
            ("thread 'main' panicked\nat src/x.rs", "panic"),
            ("", "silence"),
        ];
        let said: Vec<String> =
            table.iter().map(|(text, what)| format!("{what}: {}", complaint(text))).collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        no unit: Failed to start service antnode3: Command failed with exit code 5: Failed to start antnode3.service: Unit antnode3.service not found.
        running: Failed to remove service antnode1: Unable to remove a running service ["antnode1"], stop this service first before removing
        no RPC: Failed to start service antnode1: Could not connect to RPC endpoint 'https://127.0.0.1:30001'
        port: Port 14202 is being used by another service
        usage: unexpected argument '--x' found
        panic: at src/x.rs
        silence: it says nothing
        "#);
    }

    #[test]
    fn a_failure_names_command_exit_and_reason() {
        let stderr = "Error: \n   0: \x1b[91mPermission denied (os error 13)\x1b[0m\n".to_owned();
        let answer = Completed { code: Some(1), stdout: String::new(), stderr };
        let error = failure(&call("antctl", reset(), PATIENCE), &answer);
        assert_eq!(error.kind, FaultKind::Permission);
        insta::assert_snapshot!(error.chain(), @"failed to run `antctl -v --debug reset --force`: exit 1: Permission denied (os error 13)");
    }

    #[test]
    fn only_the_antctl_that_is_known() {
        let probe = |answer: &str| {
            let runner = ScriptedRunner::new().on("antctl --version", 0, answer, "");
            probe_antctl(&runner, "antctl").map_err(|error| error.to_string())
        };
        let known = "Autonomi Node Manager v0.14.2\nPackage version: 2025.7.1.1\n";
        assert_eq!(probe(known).unwrap().to_string(), "0.14.2");
        assert!(
            probe("Autonomi Node Manager v0.11.3\n").unwrap_err().contains("knows antctl 0.14")
        );
        assert!(probe("antctl 1.0\n").unwrap_err().contains("is not antctl"));
        let missing = ScriptedRunner::new().failing("antctl --version", FaultKind::NotFound);
        assert!(probe_antctl(&missing, "antctl").unwrap_err().to_string().contains("antctl_path"));
    }
}
