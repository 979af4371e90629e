//! Nodes kept by the `ant` daemon: the stand-in, or the real one named by `WNM_REAL_ANTD`.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wnm_core::model::{NodeSpec, Release};

use crate::harness::{Ran, TestEnv, is_there, wait_until};

/// A daemon of this home, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    /// Where it keeps its files.
    pub(crate) home: PathBuf,
}

/// What keeps a real node on loopback, by the variables that the daemon hands on.
const CLOSED: &str = "ANT_NETWORK_MODE=development ANT_IPV4_ONLY=true";
const CLOSED_CHAIN: &str = "evm-custom,http://127.0.0.1:61611,\
    0x5FbDB2315678afecb367f032d93F642f64180aa3,0x8464135c8F25Da09e49BC8782676a84730C318bC";

impl Daemon {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(env: &TestEnv) -> Daemon {
        if let Some(node) = real_node() {
            fs::copy(node, env.program()).expect("the real node can be copied");
        }
        let home = env.path("home/.local/share/ant");
        // An earlier daemon that was killed has left them.
        for name in ["daemon.port", "daemon.pid"] {
            fs::remove_file(home.join(name)).ok();
        }
        let program = std::env::var("WNM_REAL_ANTD");
        let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_stand-in-antd").to_owned());
        let mut command = Command::new(program);
        command.env_clear().env("HOME", env.path("home")).env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().expect("the daemon can be started");
        let daemon = Daemon { child, home };
        wait_until(Duration::from_secs(20), "the daemon listens", || {
            is_there(&daemon.home.join("daemon.pid"))
        });
        daemon
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    /// Tells the stand-in how to behave.
    pub(crate) fn behave(&self, how: &str) {
        fs::write(self.home.join("stand-in.conf"), how).expect("written");
    }

    /// Asks it as anybody could.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> String {
        ask(&self.home, method, path, body)
    }

    /// A node for tests of the adapter.
    pub(crate) fn spec(&self, env: &TestEnv, number: u32) -> NodeSpec {
        let mut spec = env.spec(number);
        spec.manager = "antd+user".parse().expect("a manager");
        let kind = spec.manager.kind;
        let name = kind.service_name(spec.id);
        spec.data = spec.storage.join(&name);
        spec.binary = spec.data.join("ant-node");
        spec.logs = env.path("logs").join(&name).join("logs");
        spec.service = Some(name);
        if real_node().is_some() {
            spec.launch.network = CLOSED_CHAIN.parse().expect("a network");
            let pair = |it: &str| it.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
            spec.launch.environment = CLOSED.split(' ').filter_map(pair).collect();
        }
        spec
    }

    /// What nodes are given.
    pub(crate) fn release(&self, env: &TestEnv) -> Release {
        Release::new("0.23.1".parse().expect("a version"), env.program())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have been killed long ago.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Asks the daemon that keeps its files there.
pub(crate) fn ask(home: &Path, method: &str, path: &str, body: &str) -> String {
    let port = fs::read_to_string(home.join("daemon.port")).expect("it listens");
    let mut stream = TcpStream::connect(format!("127.0.0.1:{}", port.trim())).expect("it listens");
    let length = body.len();
    write!(
        stream,
        "{method} /api/v1/{path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .expect("asked");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
    let mut answer = Vec::new();
    // The stand-in keeps the connection; what came is the answer.
    while !String::from_utf8_lossy(&answer).contains("\r\n\r\n") {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).expect("an answer");
        answer.extend(&bytes[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn real_node() -> Option<PathBuf> {
    std::env::var_os("WNM_REAL_NODE").map(PathBuf::from)
}

pub(crate) fn is_real() -> bool {
    let is_real = std::env::var_os("WNM_REAL_ANTD").is_some();
    if is_real {
        let note = b"NOT TESTED: the real daemon cannot be told to misbehave\n";
        // Past the capture of the test harness.
        std::io::stderr().write_all(note).ok();
    }
    is_real
}

fn init(env: &TestEnv, more: &[&str]) -> Ran {
    let mut args = vec!["--manager", "antd+user"];
    args.extend(more);
    if real_node().is_some() {
        args.extend(CLOSED.split(' ').flat_map(|pair| ["--environment", pair]));
        args.extend(["--network", CLOSED_CHAIN]);
    }
    env.init(&args)
}

fn pid(env: &TestEnv, number: u32) -> u32 {
    let data = env.base_dir().join(format!("node/node-{number}"));
    env.running().iter().find(|(running, _)| *running == data).expect("it runs").1
}

fn kill_node(env: &TestEnv, number: u32) -> u32 {
    let pid = pid(env, number);
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).expect("our own node");
    wait_until(Duration::from_secs(10), "the node is gone", || {
        env.running().iter().all(|(_, running)| *running != pid)
    });
    pid
}

fn keys(env: &TestEnv) -> Vec<String> {
    let mut keys = env.names("identities");
    keys.retain(|name| name.ends_with(".key"));
    keys
}

/// Cycles that do nothing while nothing can be known.
#[track_caller]
fn nothing_is_done(env: &TestEnv, why: &str) {
    for _ in 0..2 {
        let ran = env.run(&["run"]).expect(0);
        assert!(ran.stdout.contains("nothing to do"), "{}", ran.block());
        assert!(ran.stdout.contains("could not be observed"), "{}", ran.block());
        assert!(ran.stdout.contains(why), "{why} is not in {}", ran.block());
    }
}

#[test]
fn nodes_are_created_looked_after_shed_and_taken_down() {
    let env = TestEnv::new();
    let daemon = Daemon::start(&env);
    init(&env, &["--node-cap", "3"]).expect(0);
    env.cycle_until_resting_with(3);
    assert_eq!(env.names("node"), [".wnm-storage", "node-1", "node-2", "node-3"]);
    assert_eq!(env.names("logs"), ["node-1", "node-2", "node-3"]);
    // The daemon may delete data by itself, so keys are not left with it alone.
    assert_eq!(keys(&env).len(), 3, "{:?}", keys(&env));
    assert_eq!(env.run(&["plan"]).code, Some(0), "a machine at rest stays at rest");

    // The daemon brings a crashed node back by itself after a second; nothing else does.
    let before = kill_node(&env, 2);
    let ran = env.run(&["run"]).expect(0);
    assert!(!ran.stdout.contains("FAILED"), "{}", ran.block());
    env.cycle_until_resting_with(3);
    assert_ne!(pid(&env, 2), before);

    env.run(&["stop", "3"]).expect(0);
    assert_eq!(env.running().len(), 2);
    env.run(&["start", "3"]).expect(0);
    env.run(&["restart", "1"]).expect(0);
    env.cycle_until_resting_with(3);

    env.run(&["config", "set", "node_cap", "1"]).expect(0);
    env.cycle_until_resting_with(1);
    assert_eq!(env.names("node"), [".wnm-storage", "node-1"]);
    assert_eq!(env.names("logs"), ["node-1"]);
    assert_eq!(keys(&env).len(), 3);

    // Numbers are never given twice.
    env.run(&["config", "set", "node_cap", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    assert_eq!(env.names("node"), [".wnm-storage", "node-1", "node-4"]);

    env.run(&["teardown", "--confirm"]).expect(0);
    assert_eq!(env.names(""), ["identities"]);
    assert_eq!(keys(&env).len(), 4);
    assert!(env.running().is_empty());
    let left = fs::read_to_string(daemon.home.join("node_registry.json")).expect("a registry");
    assert!(!left.contains("data_dir"), "{left}");
}

#[test]
fn a_daemon_that_is_down_changes_nothing() {
    let env = TestEnv::new();
    let daemon = Daemon::start(&env);
    init(&env, &["--node-cap", "3"]).expect(0);
    env.run(&["add", "--count", "2"]).expect(0);
    env.run(&["run"]).expect(0);
    let before = env.running();
    assert!(before.len() >= 2);
    daemon.kill();
    // Its files are still there, and nobody listens at its port.
    nothing_is_done(&env, "nobody listens at its port");
    let ran = env.run(&["remove", "1"]);
    assert_ne!(ran.code, Some(0), "{}", ran.block());
    assert_eq!(env.running(), before, "nodes live on");

    let daemon = Daemon::start(&env);
    env.run(&["run"]).expect(0);
    let now = env.running();
    assert!(before.iter().all(|node| now.contains(node)), "adopted: {before:?} {now:?}");
    fs::remove_file(daemon.home.join("daemon.port")).expect("it was there");
    nothing_is_done(&env, "there is no ");
    drop(daemon);
}

#[test]
fn another_program_at_its_port_is_not_believed() {
    let env = TestEnv::new();
    let daemon = Daemon::start(&env);
    init(&env, &["--node-cap", "1"]).expect(0);
    env.run(&["add"]).expect(0);
    let home = daemon.home.clone();
    let said = daemon.ask("GET", "nodes/status", "");
    daemon.kill();
    // It answers every question as a daemon would that has no such node.
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = other.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut stream in other.incoming().flatten() {
            let body = format!(
                "{{\"running\":true,\"pid\":1,\"port\":{port},\"nodes\":[],\"total_running\":0}}"
            );
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").ok();
        }
    });
    fs::write(home.join("daemon.port"), port.to_string()).expect("written");
    nothing_is_done(&env, "is answered by another program");
    assert_eq!(env.running().len(), 1, "{said}");
}

#[test]
fn a_daemon_that_misbehaves_is_not_believed() {
    let env = TestEnv::new();
    if is_real() {
        return;
    }
    let daemon = Daemon::start(&env);
    init(&env, &["--node-cap", "2"]).expect(0);
    env.run(&["add"]).expect(0);
    let before = env.running();
    let table = [
        ("garbage", "is answered by another program"),
        ("error", "is answered by another program"),
        ("huge", "the answer is larger than 4194304 bytes"),
        ("hang", "did not answer GET status in time"),
        ("drip", "did not answer GET status in time"),
    ];
    for (how, why) in table {
        daemon.behave(how);
        let began = Instant::now();
        let ran = env.run(&["run"]).expect(0);
        assert!(began.elapsed() < Duration::from_secs(60), "{how} holds up a cycle");
        assert!(ran.stdout.contains("nothing to do"), "{how}: {}", ran.block());
        assert!(ran.stdout.contains(why), "{how}: {}", ran.block());
        assert_eq!(env.running(), before, "{how}");
    }
    daemon.behave("");
    env.cycle_until_resting_with(2);
}

#[test]
fn what_the_daemon_evicts_is_told_and_not_fought_for() {
    let env = TestEnv::new();
    if is_real() {
        return;
    }
    let daemon = Daemon::start(&env);
    init(&env, &["--node-cap", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    daemon.ask("POST", "stand-in/evict/2", "");
    assert!(!is_there(&env.base_dir().join("node/node-2")), "the daemon has deleted it");
    for _ in 0..3 {
        let ran = env.run(&["run"]).expect(0);
        assert!(ran.stdout.contains("nothing to do"), "{}", ran.block());
        assert!(ran.stdout.contains("antnode0002 was EVICTED"), "{}", ran.block());
    }
    assert_eq!(keys(&env).len(), 2, "its key was kept before");
    // Not even with a higher cap: the next one there would be evicted as well.
    env.run(&["config", "set", "node_cap", "3"]).expect(0);
    let ran = env.run(&["run"]).expect(0);
    assert!(ran.stdout.contains("antnode0002 was evicted from "), "{}", ran.block());
    env.run(&["config", "set", "node_cap", "2"]).expect(0);
    let ran = env.run(&["start", "2"]);
    assert_ne!(ran.code, Some(0), "{}", ran.block());

    env.run(&["remove", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    assert_eq!(env.names("node"), [".wnm-storage", "node-1", "node-3"]);
}

/// The daemon goes on saying that it runs, and "done" would be said in every cycle.
#[test]
fn a_node_that_the_daemon_cannot_bring_back_is_not_said_to_be_started() {
    let env = TestEnv::new();
    if is_real() {
        return;
    }
    let daemon = Daemon::start(&env);
    init(&env, &["--node-cap", "1"]).expect(0);
    env.cycle_until_resting_with(1);
    let program = env.base_dir().join("node/node-1/ant-node");
    let kept = fs::read(&program).expect("a program");
    fs::remove_file(&program).expect("it is there");
    kill_node(&env, 1);
    // It tries once, a second later.
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        assert!(env.running().is_empty(), "there is no program");
        std::thread::sleep(Duration::from_millis(100));
    }
    let ran = env.run(&["run"]).expect(1);
    assert!(ran.stdout.contains("FAILED: start antnode0001"), "{}", ran.block());
    assert!(ran.stdout.contains("says that it runs, and it has no process"), "{}", ran.block());
    // The way out that it names.
    fs::write(&program, kept)
        .and_then(|()| fs::set_permissions(&program, fs::Permissions::from_mode(0o755)))
        .expect("put back");
    daemon.kill();
    let _daemon = Daemon::start(&env);
    env.cycle_until_resting_with(1);
}

#[test]
fn a_stop_in_the_pause_after_a_crash_holds() {
    let env = TestEnv::new();
    let _daemon = Daemon::start(&env);
    init(&env, &["--node-cap", "1"]).expect(0);
    env.run(&["add"]).expect(0);
    kill_node(&env, 1);
    // The daemon is about to start it again, and would whatever it is told now.
    env.run(&["stop", "1"]).expect(0);
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        assert!(env.running().is_empty(), "it came back");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(env.states(), ["stopped"]);
}

#[test]
fn nodes_of_others_are_left_alone_and_their_numbers_passed_over() {
    let env = TestEnv::new();
    let daemon = Daemon::start(&env);
    init(&env, &["--node-cap", "2"]).expect(0);
    let body = format!(
        "{{\"count\":1,\"rewards_address\":\"0x00455d78f850b0358E8cea5be24d415E01E107CF\",\
         \"binary_source\":{{\"type\":\"local_path\",\"value\":{:?}}},\"bootstrap_peers\":[],\
         \"env_variables\":[]}}",
        env.program()
    );
    assert!(daemon.ask("POST", "nodes", &body).starts_with("HTTP/1.1 201"));
    env.cycle_until_resting_with(2);
    assert_eq!(env.names("node"), [".wnm-storage", "node-2", "node-3"]);
    env.run(&["teardown", "--confirm"]).expect(0);
    assert!(is_there(&daemon.home.join("nodes/node-1/ant-node")), "it is not ours");
    let left = fs::read_to_string(daemon.home.join("node_registry.json")).expect("a registry");
    assert!(left.contains("nodes/node-1"), "{left}");
}

#[test]
fn what_somebody_took_from_the_daemon_keeps_its_data_and_its_key() {
    let env = TestEnv::new();
    let daemon = Daemon::start(&env);
    init(&env, &["--node-cap", "1"]).expect(0);
    env.run(&["add"]).expect(0);
    assert!(daemon.ask("POST", "nodes/1/stop", "").starts_with("HTTP/1.1 200"));
    assert!(daemon.ask("DELETE", "nodes/1", "").starts_with("HTTP/1.1 200"));
    let ran = env.run(&["run"]).expect(1);
    assert!(ran.stdout.contains("FAILED: start antnode0001"), "{}", ran.block());
    assert!(ran.stdout.contains("would call a new node node-2"), "{}", ran.block());
    let key = env.base_dir().join("node/node-1/node_identity.key");
    let bytes = fs::read(&key).expect("its data stays");
    env.run(&["remove", "1"]).expect(0);
    let archived = env.base_dir().join("identities").join(&keys(&env)[0]);
    assert_eq!(fs::read(archived).expect("a key"), bytes);
    env.cycle_until_resting_with(1);
    assert_eq!(env.names("node"), [".wnm-storage", "node-2"]);
}

/// What is lost is not taken for a beginning: the next node would be written over the first.
#[test]
fn a_registry_that_is_gone_changes_nothing() {
    let env = TestEnv::new();
    let daemon = Daemon::start(&env);
    init(&env, &["--node-cap", "2"]).expect(0);
    env.run(&["add"]).expect(0);
    let (running, registry) = (env.running(), daemon.home.join("node_registry.json"));
    let kept = fs::read(&registry).expect("a registry");
    fs::remove_file(&registry).expect("there");
    for _ in 0..2 {
        env.run(&["run"]);
    }
    assert!(!is_there(&registry), "the daemon was told nothing");
    let why = env.run(&["explain", "1"]).stdout;
    assert!(why.contains("has 1 nodes in mind and no"), "{why}");
    assert_eq!(env.running(), running);
    fs::write(&registry, kept).expect("ours");
    env.cycle_until_resting_with(2);
}

#[test]
fn init_says_what_the_daemon_cannot_do() {
    let env = TestEnv::new();
    let ran = init(&env, &["--node-cap", "1"]).expect(2);
    insta::assert_snapshot!(ran.block(), @"
    exit 2
    err| error: the ant daemon does not answer: there is no [DIR]/home/.local/share/ant/daemon.port; `ant node daemon start` starts it
    err| hint: it does not come back by itself after a reboot
    err| hint: nothing was written
    ");
    let _daemon = Daemon::start(&env);
    let args = ["--node-cap", "1", "--start-args=--ipv4-only"];
    let ran = env.init(&[&["--manager", "antd+user"][..], &args].concat()).expect(2);
    assert!(ran.stderr.contains("hands no arguments to nodes"), "{}", ran.block());
    let antnode = ["--manager", "antd+user", "--node-cap", "1", "--program", "antnode"];
    let ran = env.init(&antnode).expect(2);
    assert!(ran.stderr.contains("runs ant-node only"), "{}", ran.block());
    assert!(env.names("").is_empty(), "nothing was written");
}
