//! The current generation, as ant-node 0.23.1 was seen to behave.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{process, thread};

use nix::sys::signal::Signal;

use crate::misbehave::Misbehaviour;
use crate::options::{Given, Opt, Value, is_address, opt, opt_as, parse};
use crate::{Generation, fail, identity, misbehave_at_start, misbehave_later, signals, version};

const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error"];

const OPTIONS: &[Opt] = &[
    opt_as("--root-dir", "", "ANT_ROOT_DIR", Value::Text),
    opt_as("--port", "-p", "ANT_PORT", Value::Port),
    opt("--ipv4-only", Value::Flag),
    opt_as("--disable-webrtc-direct", "", "ANT_DISABLE_WEBRTC_DIRECT", Value::Flag),
    opt("--webrtc-direct-bind", Value::Text),
    opt_as("--webrtc-direct-port", "", "ANT_WEBRTC_DIRECT_PORT", Value::Port),
    opt("--webrtc-direct-advertised-addr", Value::Text),
    opt_as("--bootstrap", "-b", "ANT_BOOTSTRAP", Value::Texts),
    opt_as("--upgrade-channel", "", "ANT_UPGRADE_CHANNEL", Value::OneOf(&["stable", "beta"])),
    opt("--cache-capacity", Value::Text),
    opt_as("--rewards-address", "", "ANT_REWARDS_ADDRESS", Value::Text),
    opt("--evm-network", Value::OneOf(&["arbitrum-one", "arbitrum-sepolia"])),
    opt("--evm-rpc-url", Value::Text),
    opt("--evm-payment-token", Value::Text),
    opt("--evm-payment-vault", Value::Text),
    opt_as("--metrics-port", "", "ANT_METRICS_PORT", Value::Port),
    opt_as("--enable-logging", "", "ANT_ENABLE_LOGGING", Value::Flag),
    // A trap of the real program: filters that other Rust programs understand are usage errors.
    opt_as("--log-level", "", "RUST_LOG", Value::OneOf(LEVELS)),
    opt_as("--log-format", "", "ANT_LOG_FORMAT", Value::OneOf(&["text", "json"])),
    opt("--log-dir", Value::Text),
    opt("--log-max-files", Value::Port),
    opt_as(
        "--network-mode",
        "",
        "ANT_NETWORK_MODE",
        Value::OneOf(&["production", "testnet", "development"]),
    ),
    opt_as("--config", "-c", "", Value::Text),
    opt("--stop-on-upgrade", Value::Flag),
];

/// Runs until something ends the process.
pub(crate) fn main(args: &[String]) -> ! {
    let version = version::own(Generation::Current);
    if args.iter().any(|arg| arg == "--version" || arg == "-V") {
        println!("ant-node {version}");
        process::exit(0);
    }
    let given = parse(OPTIONS, args).unwrap_or_else(|message| fail(2, &message));
    if let Some(word) = given.rest.first() {
        fail(2, &format!("error: unexpected argument '{word}' found"));
    }
    let Some(root) = given.get("--root-dir").map(PathBuf::from) else {
        fail(2, "stand-in: --root-dir is needed, it never writes to the home directory")
    };
    match given.get("--rewards-address") {
        Some(address) if is_address(address) => {}
        Some(_) => fail(1, "Error: Invalid rewards address length"),
        None => fail(1, "Error: Rewards address is required"),
    }
    let how = Misbehaviour::load(&root);
    misbehave_at_start(&how);
    // Before any thread exists, so that all of them inherit the mask.
    let taken = signals::take(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    let node = Node::start(&given, root, version, &how)
        .unwrap_or_else(|error| fail(1, &format!("Error: {error}")));
    misbehave_later(&how, &node.log.version);
    loop {
        match signals::next(&taken) {
            Signal::SIGHUP => node.log.line("Received SIGHUP, ignoring", &[]),
            Signal::SIGTERM if how.ignore_term => {}
            signal => {
                node.log.line(&format!("Received {signal}, shutting down"), &[]);
                thread::sleep(how.slow_stop);
                node.stop();
            }
        }
    }
}

/// A node that runs, and what it holds on to.
#[derive(Debug)]
struct Node {
    root: PathBuf,
    peer_id: String,
    log: Log,
    peers: u16,
    /// Dropped only with the process.
    _sockets: Vec<UdpSocket>,
    /// Two nodes must not share one data directory.
    _lock: File,
}

impl Node {
    fn start(
        given: &Given,
        root: PathBuf,
        version: String,
        how: &Misbehaviour,
    ) -> io::Result<Node> {
        fs::create_dir_all(&root)?;
        let log = Log::open(given, version)?;
        log.line("ant-node starting", &[("version", &log.version)]);
        if how.lose_identity {
            identity::forget(&root.join("node_identity.key"))?;
        }
        let peer_id = identity::ant_node_peer_id(&root)?;
        let shown = root.to_string_lossy();
        log.line("Node identity resolved", &[("peer_id", &peer_id), ("root_dir", &shown)]);
        let mut sockets = Vec::new();
        if !how.no_udp {
            sockets.push(bind(given.port("--port").unwrap_or(0))?);
        }
        if !given.has("--disable-webrtc-direct") {
            sockets.push(bind(given.port("--webrtc-direct-port").unwrap_or(0))?);
        }
        let lock = lock_chunks(&root)?;
        if let Some(socket) = sockets.first().filter(|_| !how.no_udp) {
            log.line(&format!("Node is running on port: {}", socket.local_addr()?.port()), &[]);
        }
        let peers = if how.no_peers { 0 } else { 4 };
        let node = Node { root, peer_id, log, peers, _sockets: sockets, _lock: lock };
        node.write_routing_snapshot()?;
        Ok(node)
    }

    fn stop(&self) -> ! {
        self.write_routing_snapshot().unwrap_or_else(|error| fail(1, &format!("Error: {error}")));
        self.log.line("Goodbye!", &[]);
        process::exit(0)
    }

    /// The real node rewrites it every ten minutes and when it stops.
    fn write_routing_snapshot(&self) -> io::Result<()> {
        let peer = |number: u16| {
            let id = blake3::hash(&number.to_le_bytes()).to_hex();
            let port = 22001 + number;
            format!("{{\"peer_id\":\"{id}\",\"addresses\":[\"/ip4/127.0.0.1/udp/{port}/quic\"]}}")
        };
        let peers: Vec<String> = (0..self.peers).map(peer).collect();
        let text = format!(
            "{{\"schema_version\":1,\"owner\":\"{}\",\"saved_at_epoch_secs\":{},\"peers\":[{}]}}",
            self.peer_id,
            epoch_seconds(),
            peers.join(",")
        );
        let fresh = self.root.join("routing_snapshot.json.tmp");
        fs::write(&fresh, text)?;
        fs::rename(&fresh, self.root.join("routing_snapshot.json"))
    }
}

fn bind(port: u16) -> io::Result<UdpSocket> {
    UdpSocket::bind(("127.0.0.1", port)).map_err(|error| {
        io::Error::new(error.kind(), format!("Failed to create transport: port {port}: {error}"))
    })
}

fn lock_chunks(root: &Path) -> io::Result<File> {
    let chunks = root.join("chunks");
    fs::create_dir_all(&chunks)?;
    let lock = File::create(chunks.join(".lock"))?;
    lock.try_lock().map_err(|_| {
        io::Error::other(format!(
            "Another process already has the chunk store at {} open. \
             Two nodes cannot share one data directory",
            chunks.display()
        ))
    })?;
    Ok(lock)
}

/// JSON lines in `--log-dir`; nothing at all unless logging was asked for.
#[derive(Debug)]
struct Log {
    file: Option<File>,
    version: String,
}

impl Log {
    fn open(given: &Given, version: String) -> io::Result<Log> {
        let dir = given.get("--log-dir").filter(|_| given.has("--enable-logging"));
        let Some(dir) = dir.map(Path::new) else {
            return Ok(Log { file: None, version });
        };
        fs::create_dir_all(dir)?;
        // The real one begins a new file every day and puts the date before the extension.
        let path = dir.join("ant-node.log");
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Log { file: Some(file), version })
    }

    fn line(&self, message: &str, fields: &[(&str, &str)]) {
        let Some(mut file) = self.file.as_ref() else {
            return;
        };
        let fields: String =
            fields.iter().map(|(name, value)| format!("\"{name}\":{value:?},")).collect();
        let line = format!(
            "{{\"timestamp\":\"{}\",\"level\":\"INFO\",\"message\":{message:?},{fields}\
             \"target\":\"ant_node\",\"node_version\":\"{}\"}}\n",
            rfc3339(epoch_seconds()),
            self.version
        );
        // A node goes on when its log cannot be written.
        file.write_all(line.as_bytes()).ok();
    }
}

fn epoch_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The civil calendar from days, for the years that matter.
fn rfc3339(seconds: u64) -> String {
    let (mut days, second) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 0;
    let february = 28 + u64::from(leap(year));
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        month += 1;
        if days < length {
            break;
        }
        days -= length;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}.000000Z", days + 1)
}
