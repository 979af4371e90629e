//! The stand-in keeps its promises: what the real node programs were seen to do.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::harness::{Running, StandIn, free_port, wait_until};

const WALLET: &str = "0x03B770D9cD32077cC0bF330c13C114a87643B124";
const SOON: Duration = Duration::from_secs(10);

#[test]
fn each_generation_prints_its_version() {
    let dir = tempdir();
    let text = |name: &str| stdout(&StandIn::install(dir.path(), name).output(["--version"]));
    assert_eq!(text("ant-node"), "ant-node 0.23.1\n");
    assert_eq!(text("ant-node-beta"), "ant-node 0.23.1\n");
    let first = "Autonomi Node v0.4.17\nNetwork version: ant/1.0/1\nPackage version: 2026.2.3.2\n\
                 Git info: main / 3398478e9 / 2026-11-20\n";
    assert_eq!(text("antnode"), first);
    assert_eq!(text("antnode-local1"), first);
}

#[test]
fn a_version_can_be_chosen_beside_the_program_or_inside_it() {
    let dir = tempdir();
    let node = StandIn::install_version(dir.path(), "ant-node", "0.24.0");
    assert_eq!(stdout(&node.output(["--version"])), "ant-node 0.24.0\n");
    fs::write(dir.path().join("ant-node.version"), "0.25.1-beta.2\n").expect("writable");
    assert_eq!(stdout(&node.output(["--version"])), "ant-node 0.25.1-beta.2\n");
}

#[test]
fn ant_node_runs_and_stops_gracefully() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let node = Node::new("ant-node");
        let mut running = node.spawn();
        node.wait_until_running();
        assert!(UdpSocket::bind(("127.0.0.1", node.port)).is_err(), "the port is taken");
        let owner = node.snapshot_owner();
        assert_eq!(owner.len(), 64, "a peer id in hexadecimal: {owner}");
        let log = fs::read_to_string(node.logs.join("ant-node.log")).expect("it logs");
        for message in ["ant-node starting", &format!("Node is running on port: {}", node.port)] {
            let wanted = |line: &str| json(line)["message"] == message;
            assert!(log.lines().any(wanted), "{message} in {log}");
        }
        running.signal(Signal::SIGHUP);
        running.signal(signal);
        assert_eq!(running.wait().code(), Some(0), "after {signal}");
    }
}

#[test]
fn ant_node_keeps_its_identity() {
    let node = Node::new("ant-node");
    let mut owners = Vec::new();
    for _ in 0..2 {
        let mut running = node.spawn();
        node.wait_until_running();
        owners.push(node.snapshot_owner());
        running.signal(Signal::SIGTERM);
        running.wait();
        fs::remove_file(node.root.join("routing_snapshot.json")).expect("it was written");
    }
    assert_eq!(owners[0], owners[1]);
    let key = fs::metadata(node.root.join("node_identity.key")).expect("the identity is there");
    assert_eq!(key.permissions().mode() & 0o777, 0o644);
    assert!(key.size() > 512, "{} bytes", key.size());
}

#[test]
fn ant_node_refuses_a_busy_port_and_a_busy_root() {
    let node = Node::new("ant-node");
    let mut running = node.spawn();
    node.wait_until_running();
    let same_port = node.program.output(node.arguments(&node.dir.path().join("other"), node.port));
    assert_eq!(same_port.status.code(), Some(1));
    assert!(stderr(&same_port).contains("Failed to create transport"), "{same_port:?}");
    let same_root = node.program.output(node.arguments(&node.root, free_port()));
    assert_eq!(same_root.status.code(), Some(1));
    let message = stderr(&same_root);
    assert!(message.contains("Another process already has the chunk store at "), "{message}");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn antnode_serves_metrics_and_dies_by_sigterm() {
    let node = Node::new("antnode");
    let mut running = node.spawn();
    let pid_file = node.root.join("antnode.pid");
    node.wait_until_running();
    let pid = fs::read_to_string(&pid_file).expect("a pid file");
    assert_eq!(pid, running.id().to_string());
    let key = fs::metadata(node.root.join("secret-key")).expect("the identity is there");
    assert_eq!((key.size(), key.permissions().mode() & 0o777), (32, 0o600));
    let metrics = node.get("/metrics").expect("it answers");
    assert!(metrics.contains("\nant_networking_connected_peers "), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"));
    let metadata = node.get("/metadata").expect("it answers");
    assert!(metadata.contains("antnode_version=\"0.4.17\""), "{metadata}");
    assert!(metadata.contains("peer_id=\"12D3KooW"), "{metadata}");
    assert!(node.get("/").expect("it answers").starts_with("HTTP/1.1 404 "));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().signal(), Some(Signal::SIGTERM as i32));
    assert!(pid_file.try_exists().expect("it can be looked for"), "it stays behind");
}

#[test]
fn antnode_does_not_lock_its_root_but_panics_on_a_busy_port() {
    let node = Node::new("antnode");
    let mut running = node.spawn();
    node.wait_until_running();
    let same_port = node.program.output(node.arguments(&node.dir.path().join("other"), node.port));
    assert_eq!(same_port.status.code(), Some(101));
    assert!(stderr(&same_port).contains("AddrInUse"), "{same_port:?}");
    let mut second = node.program.spawn(node.arguments(&node.root, free_port()));
    let pid_file = node.root.join("antnode.pid");
    wait_until(SOON, "the second node runs on the same root", || {
        fs::read_to_string(&pid_file).is_ok_and(|pid| pid == second.id().to_string())
    });
    second.signal(Signal::SIGKILL);
    second.wait();
    running.signal(Signal::SIGKILL);
    running.wait();
}

#[test]
fn wrong_command_lines_are_refused() {
    let dir = tempdir();
    let node = StandIn::install(dir.path(), "ant-node");
    let root = dir.path().join("data").to_string_lossy().into_owned();
    let code = |node: &StandIn, line: &str| {
        let args = ["--root-dir", &root].into_iter().chain(line.split_whitespace());
        node.output(args).status.code()
    };
    assert_eq!(code(&node, ""), Some(1), "no rewards address");
    assert_eq!(code(&node, "--rewards-address 0x12"), Some(1));
    let paid = format!("--rewards-address {WALLET}");
    assert_eq!(code(&node, &format!("{paid} --metrics-server-port 1")), Some(2), "the other's");
    assert_eq!(code(&node, &format!("{paid} --port 70000")), Some(2));
    assert_eq!(code(&node, &format!("{paid} {paid}")), Some(2), "twice");
    assert_eq!(code(&node, &format!("{paid} --log-format yaml")), Some(2));
    assert_eq!(code(&node, &format!("{paid} evm-arbitrum-one")), Some(2), "the other's");
    let antnode = StandIn::install(dir.path(), "antnode");
    assert_eq!(code(&antnode, ""), Some(101), "no rewards address");
    assert_eq!(code(&antnode, &format!("{paid} --enable-logging")), Some(2), "the other's");
    assert_eq!(code(&antnode, &format!("{paid} evm-arbitrum-one --no-upnp")), Some(2), "not last");
    assert_eq!(code(&antnode, &format!("{paid} evm-custom --rpc-url x")), Some(2), "incomplete");
}

#[test]
fn a_node_can_be_told_to_refuse_and_to_die() {
    let node = Node::new("ant-node");
    node.ask("refuse=7");
    assert_eq!(node.spawn().wait().code(), Some(7));
    node.ask("die-after=0.05:3");
    assert_eq!(node.spawn().wait().code(), Some(3));
    node.ask("misspelled");
    assert_eq!(node.spawn().wait().code(), Some(2));
}

#[test]
fn a_node_can_be_told_to_upgrade_itself_once() {
    let node = Node::new("ant-node");
    node.ask("die-after=0.05:9\nexit-upgraded=0.24.0");
    assert_eq!(node.spawn().wait().code(), Some(0));
    assert_eq!(stdout(&node.program.output(["--version"])), "ant-node 0.24.0\n");
    fs::remove_file(node.root.join("routing_snapshot.json")).expect("it was written");
    let mut running = node.spawn();
    node.wait_until_running();
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn a_node_can_be_told_to_stop_badly() {
    let node = Node::new("antnode");
    node.ask("slow-stop=0.2");
    let mut running = node.spawn();
    node.wait_until_running();
    running.signal(Signal::SIGTERM);
    assert!(running.ended().is_none(), "it takes its time");
    assert_eq!(running.wait().signal(), Some(Signal::SIGTERM as i32));

    let node = Node::new("ant-node");
    node.ask("ignore-term, slow-stop=0");
    let mut running = node.spawn();
    node.wait_until_running();
    running.signal(Signal::SIGTERM);
    running.signal(Signal::SIGINT);
    assert_eq!(running.wait().code(), Some(0), "by SIGINT, which came later");
}

#[test]
fn a_node_can_be_told_to_be_silent() {
    let node = Node::new("antnode");
    node.ask("no-udp,garbage-metrics");
    let mut running = node.spawn();
    node.wait_until_running();
    assert!(UdpSocket::bind(("127.0.0.1", node.port)).is_ok(), "the port is free");
    assert!(node.get("/metrics").expect("it answers").contains("<html>"));
    running.signal(Signal::SIGKILL);
    running.wait();

    node.ask("hang-metrics");
    let mut running = node.spawn();
    wait_until(SOON, "it accepts connections", || node.connect().is_some());
    let mut stream = node.connect().expect("it accepts connections");
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout can be set");
    stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("it can be written to");
    assert!(stream.read(&mut [0; 16]).is_err(), "it never answers");
    running.signal(Signal::SIGKILL);
    running.wait();
}

/// A node directory of its own, with the program in it.
struct Node {
    dir: TempDir,
    root: PathBuf,
    logs: PathBuf,
    program: StandIn,
    port: u16,
    metrics: u16,
}

impl Node {
    fn new(name: &str) -> Node {
        let dir = tempdir();
        let (root, logs) = (dir.path().join("data"), dir.path().join("logs"));
        let program = StandIn::install(dir.path(), name);
        Node { dir, root, logs, program, port: free_port(), metrics: free_port() }
    }

    fn is_antnode(&self) -> bool {
        self.program.path.ends_with("antnode")
    }

    /// Misbehaviour of this node from its next start on.
    fn ask(&self, requests: &str) {
        fs::create_dir_all(&self.root).expect("writable");
        fs::write(self.root.join("stand-in.conf"), requests).expect("writable");
    }

    fn spawn(&self) -> Running {
        self.program.spawn(self.arguments(&self.root, self.port))
    }

    /// What wnm passes.
    fn arguments(&self, root: &Path, port: u16) -> Vec<String> {
        let (root, logs) = (root.display(), self.logs.display());
        let common = format!("--root-dir {root} --port {port} --rewards-address {WALLET}");
        let line = if self.is_antnode() {
            let metrics = self.metrics;
            format!(
                "{common} --log-output-dest {logs} --metrics-server-port {metrics} \
                 --stop-on-upgrade --no-upnp --peer /ip4/127.0.0.1/udp/1/quic-v1 evm-custom \
                 --rpc-url http://127.0.0.1:1 --payment-token-address {WALLET} \
                 --data-payments-address {WALLET}"
            )
        } else {
            format!(
                "{common} --stop-on-upgrade --enable-logging --log-format json --log-dir {logs} \
                 --disable-webrtc-direct --evm-network arbitrum-one --bootstrap 127.0.0.1:1 \
                 --bootstrap 127.0.0.1:2 --network-mode development --ipv4-only"
            )
        };
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn wait_until_running(&self) {
        wait_until(SOON, "the node runs", || {
            if self.is_antnode() {
                self.get("/metadata").is_some()
            } else {
                self.root.join("routing_snapshot.json").try_exists().expect("it can be looked for")
            }
        });
    }

    fn snapshot_owner(&self) -> String {
        let path = self.root.join("routing_snapshot.json");
        let snapshot = json(&fs::read_to_string(path).expect("a snapshot"));
        assert!(snapshot["peers"].as_array().is_some_and(|peers| !peers.is_empty()));
        snapshot["owner"].as_str().expect("an owner").to_owned()
    }

    fn connect(&self) -> Option<TcpStream> {
        TcpStream::connect(("127.0.0.1", self.metrics)).ok()
    }

    /// The whole answer.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(SOON)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

fn tempdir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
