//! The first generation, as antnode 0.4.17 was seen to behave.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::http::Endpoint;
use crate::misbehave::Misbehaviour;
use crate::options::{Given, Opt, Value, is_address, opt, opt_as, parse};
use crate::{Generation, fail, identity, misbehave_at_start, misbehave_later, signals, version};

const OPTIONS: &[Opt] = &[
    opt("--root-dir", Value::Text),
    opt("--log-output-dest", Value::Text),
    opt("--log-format", Value::OneOf(&["default", "json"])),
    opt("--max-log-files", Value::Port),
    opt("--max-archived-log-files", Value::Port),
    opt("--port", Value::Port),
    opt("--ip", Value::Text),
    opt("--rpc", Value::Text),
    opt("--metrics-server-port", Value::Port),
    opt("--enable-metrics-server", Value::Flag),
    opt("--rewards-address", Value::Text),
    opt("--network-id", Value::Text),
    opt_as("--peer", "", "ANT_PEERS", Value::Texts),
    opt("--network-contacts-url", Value::Texts),
    opt("--bootstrap-cache-dir", Value::Text),
    opt("--ignore-cache", Value::Flag),
    opt("--write-older-cache-files", Value::Flag),
    opt("--first", Value::Flag),
    opt("--local", Value::Flag),
    opt("--alpha", Value::Flag),
    opt("--no-upnp", Value::Flag),
    opt("--relay", Value::Flag),
    opt("--stop-on-upgrade", Value::Flag),
];

const CUSTOM_NETWORK: &[Opt] = &[
    opt("--rpc-url", Value::Text),
    opt("--payment-token-address", Value::Text),
    opt("--data-payments-address", Value::Text),
    opt("--merkle-payments-address", Value::Text),
];

/// Runs until something ends the process.
pub(crate) fn main(args: &[String]) -> ! {
    let version = version::own(Generation::First);
    // There is no -V.
    if args.iter().any(|arg| arg == "--version") {
        println!("Autonomi Node v{version}");
        println!("Network version: ant/1.0/1");
        println!("Package version: 2026.2.3.2");
        println!("Git info: main / 3398478e9 / 2026-11-20");
        process::exit(0);
    }
    let given = parse(OPTIONS, args).unwrap_or_else(|message| fail(2, &message));
    check_network(&given.rest).unwrap_or_else(|message| fail(2, &message));
    let Some(root) = given.get("--root-dir").map(PathBuf::from) else {
        fail(2, "stand-in: --root-dir is needed, it never writes to the home directory")
    };
    match given.get("--rewards-address") {
        Some(address) if is_address(address) => {}
        Some(_) => fail(1, "Error: invalid rewards address"),
        None => fail(101, "thread 'main' panicked: a rewards address is required"),
    }
    let how = Misbehaviour::load(&root);
    misbehave_at_start(&how);
    // SIGTERM keeps its default, which kills, unless a test wants it otherwise.
    let term = (how.ignore_term || !how.slow_stop.is_zero()).then_some(Signal::SIGTERM);
    let taken: Vec<Signal> = [Signal::SIGINT].into_iter().chain(term).collect();
    let taken = signals::take(&taken);
    let _socket = start(&given, &root, version.clone(), &how);
    misbehave_later(&how, &version);
    loop {
        match signals::next(&taken) {
            Signal::SIGTERM if how.ignore_term => {}
            Signal::SIGTERM => {
                thread::sleep(how.slow_stop);
                signals::die_by(Signal::SIGTERM)
            }
            _ => interrupted(&given, &how),
        }
    }
}

/// The network is a sub-command: after it no option of the node is understood.
fn check_network(words: &[String]) -> Result<(), String> {
    let Some((name, rest)) = words.split_first() else {
        return Ok(());
    };
    match name.as_str() {
        "evm-arbitrum-one" | "evm-arbitrum-sepolia-test" => match rest.first() {
            None => Ok(()),
            Some(word) => Err(format!("error: unexpected argument '{word}' found")),
        },
        "evm-custom" => {
            let given = parse(CUSTOM_NETWORK, rest)?;
            if let Some(word) = given.rest.first() {
                return Err(format!("error: unexpected argument '{word}' found"));
            }
            match CUSTOM_NETWORK[..3].iter().find(|opt| !given.has(opt.name)) {
                None => Ok(()),
                Some(opt) => Err(format!("error: '{}' was not provided", opt.name)),
            }
        }
        _ => Err(format!("error: unrecognized subcommand '{name}'")),
    }
}

fn start(given: &Given, root: &Path, version: String, how: &Misbehaviour) -> Option<UdpSocket> {
    if how.lose_identity {
        identity::forget(&root.join("secret-key")).unwrap_or_else(|error| {
            fail(1, &format!("Error: {error}"));
        });
    }
    let peer_id = prepare(given, root).unwrap_or_else(|error| fail(1, &format!("Error: {error}")));
    let socket = (!how.no_udp).then(|| {
        let port = given.port("--port").unwrap_or(0);
        UdpSocket::bind(("127.0.0.1", port)).unwrap_or_else(|error| {
            fail(101, &format!("thread 'main' panicked: {:?} on port {port}", error.kind()))
        })
    });
    let wants_metrics = given.has("--enable-metrics-server").then_some(0);
    if let Some(port) = given.port("--metrics-server-port").or(wants_metrics) {
        // A busy metrics port does not stop the real node either: it runs without metrics.
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            let (hang, garbage) = (how.hang_metrics, how.garbage_metrics);
            let (started, peer_id) = (Instant::now(), peer_id.clone());
            let raw = root.join("answer.raw");
            Endpoint { version, peer_id, started, hang, garbage, raw }.serve(listener);
        }
        say(&format!("Metrics server on http://127.0.0.1:{port}/metrics"));
    }
    say("Node started");
    say(&format!("PeerId is {peer_id}"));
    socket
}

/// Files of a node, its identity among them.
fn prepare(given: &Given, root: &Path) -> io::Result<String> {
    fs::create_dir_all(root.join("record_store"))?;
    let peer_id = identity::antnode_peer_id(root)?;
    fs::write(root.join("antnode.pid"), process::id().to_string())?;
    if let Some(logs) = log_dir(given) {
        fs::create_dir_all(&logs)?;
        match fs::remove_file(logs.join("critical_failure.log")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let path = logs.join("antnode.log");
        let mut log = OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(log, "INFO node started with PeerId {peer_id}")?;
        say(&format!("Logging to directory: {logs:?}"));
    }
    Ok(peer_id)
}

/// Ctrl-C takes about a second, counts as a failure and leaves a note.
fn interrupted(given: &Given, how: &Misbehaviour) -> ! {
    thread::sleep(how.slow_stop.max(Duration::from_secs(1)));
    if let Some(logs) = log_dir(given) {
        let note = "[2026-11-20 20:58:30.89 UTC] Ctrl-C received!\n";
        fs::write(logs.join("critical_failure.log"), note).ok();
    }
    fail(1, "Error: Ctrl-C received!")
}

fn log_dir(given: &Given) -> Option<PathBuf> {
    match given.get("--log-output-dest")? {
        "stdout" => None,
        "data-dir" => Some(Path::new(given.get("--root-dir")?).join("logs")),
        dir => Some(PathBuf::from(dir)),
    }
}

/// To a standard output that may be closed.
fn say(line: &str) {
    writeln!(io::stdout(), "{line}").ok();
}
