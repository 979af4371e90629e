//! Nodes through antctl under a real systemd. With `WNM_REAL_ANTCTL` and `WNM_REAL_ANTNODE` the same
//! stories run with the real programs; without them stand-ins play both.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use wnm_core::action::Change;
use wnm_core::fakes::{build, manager_contract};
use wnm_core::host::{HostResult, NodeManager};
use wnm_core::model::{Manager, ManagerKind, NodeId, NodeSpec, Release};
use wnm_core::observe::{Numbering, UnitReading};
use wnm_core::policy::Setting;
use wnm_managers::{Antctl, AntctlPlaces, DiskFiles, RootHands, SystemRunner};

use super::contract::a_process_by_hand;
use super::operator::{Operator, Who, json};
use super::upgrades::{cycles_until, release_of, versions};
use crate::host::stand_in_bin;

/// Set inside the host: the home to work in.
const INSIDE: &str = "WNM_ANTCTL_HOME";

/// What keeps a real `antnode` on the host's loopback; the peer is nobody.
pub(super) const NETWORK: &str = "evm-custom,http://127.0.0.1:61611,\
                       0x5FbDB2315678afecb367f032d93F642f64180aa3,\
                       0x8464135c8F25Da09e49BC8782676a84730C318bC";
pub(super) const PEER: &str = "/ip4/127.0.0.1/udp/13001/quic-v1/p2p/\
                    12D3KooWEQJxKkixB8A2Z2GSTzQeJSGtoE5fT6Fx4cKCDZ73xTGf";
pub(super) const START_ARGS: &str = "--local --ip 127.0.0.1";

pub(super) fn operator(label: &str, who: Who) -> Option<Operator> {
    let op = Operator::of(label, who)?;
    let real = |name: &str| env::var_os(name).map(PathBuf::from);
    let antctl = real("WNM_REAL_ANTCTL");
    let played = if antctl.is_some() { "the real antctl" } else { "A STAND-IN FOR antctl" };
    println!("{label}: {played}");
    let antctl = antctl.unwrap_or_else(antctl_stand_in);
    op.host.put(&antctl, "/usr/local/bin/antctl");
    let antnode = real("WNM_REAL_ANTNODE").unwrap_or_else(stand_in_bin);
    op.host.put(&antnode, "/usr/local/bin/antnode");
    Some(op)
}

pub(super) fn antctl_stand_in() -> PathBuf {
    env::var_os("WNM_ANTCTL_STAND_IN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_antctl-stand-in")), PathBuf::from)
}

fn init(op: &Operator, manager: &str) {
    init_with(op, manager, &[]);
}

/// Initialises for three nodes that a real antnode runs without a network, with more options.
pub(super) fn init_with(op: &Operator, manager: &str, more: &[&str]) {
    let usual = [
        "--manager",
        manager,
        "--node-cap",
        "3",
        "--delay-upgrade",
        "8s",
        "--network",
        NETWORK,
        "--start-args",
        START_ARGS,
        "--bootstrap",
        PEER,
        "--node-binary",
        "/usr/local/bin/antnode",
    ];
    op.init(&[&usual, more].concat());
}

#[test]
fn a_user_has_nodes_kept_through_antctl() {
    if let Some(op) = operator("actluser", Who::User) {
        main_job(&op, "antctl+user");
    }
}

#[test]
fn a_user_lets_antctl_choose_the_places() {
    if let Some(op) = operator("actlzen", Who::User) {
        main_job(&op, "antctl+zen");
    }
}

#[test]
fn root_has_nodes_kept_through_antctl() {
    if let Some(op) = operator("actlroot", Who::Root) {
        main_job(&op, "antctl+sudo");
    }
}

#[test]
fn an_operator_with_sudo_has_nodes_kept_through_antctl() {
    if let Some(op) = operator("actlsudo", Who::Sudo) {
        main_job(&op, "antctl+sudo");
        let left = op.host.sh("ls /var/antctl/services /var/log/antnode 2>/dev/null").stdout;
        assert_eq!(left, "");
    }
}

/// Nodes are created, healed, mended, brought back after a reboot, shed, numbered on, kept through a
/// lost registry and taken down.
fn main_job(op: &Operator, manager: &str) {
    init(op, manager);
    op.rest_with(3);
    assert_eq!(op.processes(), 3);
    assert_eq!(op.units(), ["antnode1.service", "antnode2.service", "antnode3.service"]);
    assert_eq!(op.cycle(), 0, "a machine at rest stays at rest");
    assert_eq!(statuses(op), ["Running", "Running", "Running"], "antctl finds what runs");

    // Crashed: antctl's units do not come back from that, and wnm starts it again.
    let pid = pid(op, 2);
    op.host.sh(&format!("kill -9 {pid}")).ok();
    op.rest_with(3);
    assert_ne!(self::pid(op, 2), pid);

    // A SIGTERM by hand counts as a clean end: systemd has it back, and there is one of it.
    let pid = self::pid(op, 2);
    op.host.sh(&format!("kill {pid}")).ok();
    op.rest_with(3);
    assert_ne!(self::pid(op, 2), pid);
    assert_eq!(op.processes(), 3);

    // The unit's file is deleted: written again, nothing restarted.
    let (systemctl, units) = (op.systemctl(), op.unit_dir());
    let pid = self::pid(op, 1);
    op.shell(&format!("rm {units}/antnode1.service && {systemctl} daemon-reload")).ok();
    op.rest_with(3);
    assert_eq!(op.units().len(), 3);
    assert_eq!(self::pid(op, 1), pid);

    op.shell(&format!("{systemctl} stop antnode3")).ok();
    op.rest_with(3);

    op.host.reboot();
    assert_eq!(op.processes(), 0, "wnm brings nodes back, not systemd");
    op.rest_with(3);

    another_program(op);

    // One of those to be shed has lost its unit: antctl alone could not remove it any more.
    op.shell(&format!("{systemctl} stop antnode3 && rm {units}/antnode3.service")).ok();
    op.wnm(&["config", "set", "node_cap", "1"]).ok();
    op.rest_with(1);
    assert_eq!(op.processes(), 1);
    assert_eq!(op.units(), ["antnode1.service"]);
    let mut nodes = op.names("node");
    nodes.retain(|name| name.starts_with("antnode"));
    assert_eq!(nodes, ["antnode1"]);
    assert_eq!(statuses(op), ["Running", "Removed", "Removed"]);
    let mut keys = op.names("identities");
    keys.retain(|name| name.ends_with(".key"));
    // The first one's since its program was replaced.
    let kept = [1, 2, 3].map(|number| format!("antnode000{number}-{number}-antnode.key"));
    assert_eq!(keys, kept);

    op.wnm(&["config", "set", "node_cap", "2"]).ok();
    op.rest_with(2);
    let ids: Vec<String> = op.states().into_keys().collect();
    assert_eq!(ids, ["antnode0001", "antnode0004"], "numbers are not given twice");

    a_lost_registry_is_not_believed(op);

    let ran = op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!(op.processes(), 0);
    assert!(op.units().is_empty(), "{ran:?}");
    assert_eq!(op.host.sh(&format!("cat {}", registry(op))).stdout, "", "antctl counts anew");
    let mut left = op.names("");
    left.retain(|name| name != "bootstrap_cache" && name != "node_registry.json");
    assert_eq!(left, ["identities"]);
}

/// The program of one node is replaced, and another one's taken back: antctl asks the file that runs.
fn another_program(op: &Operator) {
    let keys = || op.host.sh(&format!("sha256sum {}/*/secret-key", op.data_root())).ok().stdout;
    let (before, other) = (keys(), pid(op, 3));
    assert_eq!(versions(op), ["0.4.17"; 3]);
    op.host.sh("cp /usr/local/bin/antnode /var/tmp/antnode").ok();
    release_of(op, "antnode", "0.99.1", "");
    op.wnm(&["upgrade", "2"]).ok();
    op.rest_with(3);
    assert_eq!(versions(op), ["0.4.17", "0.99.1", "0.4.17"]);
    known_to_antctl(op, &["0.4.17", "0.99.1", "0.4.17"]);

    release_of(op, "antnode", "0.99.2", "die-after=1:1");
    op.wnm(&["upgrade", "1"]);
    cycles_until(op, "the bad one is taken back", || {
        op.wnm(&["history"]).ok().stdout.contains("revert antnode0001")
    });
    op.rest_with(3);
    assert_eq!(versions(op), ["0.4.17", "0.99.1", "0.4.17"]);
    known_to_antctl(op, &["0.4.17", "0.99.1", "0.4.17"]);
    assert_eq!((pid(op, 3), op.processes()), (other, 3), "the third one goes on");
    assert_eq!(keys(), before, "every node is who it was");
    op.host.sh("mv -f /var/tmp/antnode /usr/local/bin/antnode").ok();
}

/// What antctl says runs, where there is a real one to ask: the processes that systemd keeps.
fn known_to_antctl(op: &Operator, versions: &[&str]) {
    assert_eq!(statuses(op), ["Running", "Running", "Running"]);
    if env::var_os("WNM_REAL_ANTCTL").is_none() {
        return;
    }
    let nodes = status_json(op);
    for (number, (node, version)) in (1..).zip(nodes.iter().zip(versions)) {
        assert_eq!(node["version"], *version, "{node}");
        // It may be a thread's.
        let whose = format!("sed -n 's/^Tgid:[[:space:]]*//p' /proc/{}/status", node["pid"]);
        let process = op.host.sh(&whose).ok().stdout;
        assert_eq!(process.trim(), pid(op, number).to_string(), "{node}");
    }
}

fn a_lost_registry_is_not_believed(op: &Operator) {
    let place = registry(op);
    op.host.sh(&format!("cp {place} /var/tmp/kept.json && : >{place}")).ok();
    assert_eq!(op.cycle(), 0, "nothing is done on the strength of it");
    assert_eq!(op.processes(), 2);
    assert!(op.states().values().all(|state| state == "unknown"), "{:?}", op.states());
    let status = op.wnm(&["status", "--details"]).stdout;
    assert!(status.contains("has lost antnode1"), "{status}");
    op.host.sh(&format!("cat /var/tmp/kept.json >{place}")).ok();
    op.rest_with(2);
    assert_eq!(op.processes(), 2);
}

pub(super) fn registry(op: &Operator) -> String {
    match op.base() {
        "/var/antctl" => "/var/antctl/node_registry.json".to_owned(),
        base => format!("{base}/node/node_registry.json"),
    }
}

/// What antctl itself says of its nodes, in their order.
fn statuses(op: &Operator) -> Vec<String> {
    if env::var_os("WNM_REAL_ANTCTL").is_none() {
        // The stand-in does not look; what is removed it knows.
        let told = status(op);
        let running =
            |text: &String| if text == "Removed" { text.clone() } else { "Running".into() };
        return told.iter().map(running).collect();
    }
    status(op)
}

fn status(op: &Operator) -> Vec<String> {
    let nodes = status_json(op);
    nodes.iter().map(|node: &Value| node["status"].as_str().expect("a text").to_owned()).collect()
}

fn status_json(op: &Operator) -> Vec<Value> {
    let ran = op.shell("/usr/local/bin/antctl -v status --json").ok();
    json(&ran)["nodes"].as_array().expect("a list").clone()
}

pub(super) fn pid(op: &Operator, number: u32) -> u32 {
    let show =
        format!("{} show --property=MainPID --value antnode{number}.service", op.systemctl());
    op.shell(&show).ok().stdout.trim().parse().expect("a number")
}

#[test]
fn antctl_keeps_the_contract() {
    if let Some(home) = env::var_os(INSIDE) {
        let (home, runtime) = (PathBuf::from(home), "/run/user");
        let uid = nix::unistd::getuid();
        let places = places(&home, home.join(".config/systemd/user"));
        let runtime = format!("{runtime}/{uid}");
        let runner = Arc::new(SystemRunner);
        let antctl = Antctl::of_user(ManagerKind::Antctl, runner, runtime, places);
        let files = DiskFiles::new(home.join("identities"));
        return keep(antctl, &files, &home, "antctl+user");
    }
    if let Some(op) = operator("actlcon", Who::User) {
        again(&op, "/home/op", "antctl_keeps_the_contract");
    }
}

#[test]
fn antctl_keeps_the_contract_with_sudo() {
    if let Some(base) = env::var_os(INSIDE) {
        let base = PathBuf::from(base);
        let us = nix::unistd::geteuid().as_raw();
        let hands = RootHands::new(Arc::new(SystemRunner), "ant", us, base.clone());
        let files = DiskFiles::of_system(base.join("identities"), hands.clone());
        let places = AntctlPlaces {
            registry: base.join("node_registry.json"),
            ..places(&base, "/etc/systemd/system".into())
        };
        let antctl = Antctl::of_system(Arc::new(SystemRunner), places, hands);
        return keep(antctl, &files, &base, "antctl+sudo");
    }
    if let Some(op) = operator("actlsucon", Who::Sudo) {
        op.host.sh("useradd --system --user-group --shell /usr/sbin/nologin ant").ok();
        op.host.sh("mkdir /var/antctl && chown op /var/antctl").ok();
        again(&op, "/var/antctl", "antctl_keeps_the_contract_with_sudo");
    }
}

fn again(op: &Operator, home: &str, test: &str) {
    let this = env::current_exe().expect("this test has a file");
    op.host.put(&this, "/opt/wnm-test/system");
    let (inside, name) = (format!("{INSIDE}={home}"), format!("on_real_hosts::antctl::{test}"));
    let ran = op.run(&["env", &inside, "/opt/wnm-test/system", "--exact", &name]).ok();
    assert!(ran.stdout.contains("1 passed"), "{ran:?}");
}

fn places(home: &Path, units: PathBuf) -> AntctlPlaces {
    AntctlPlaces {
        program: "/usr/local/bin/antctl".to_owned(),
        registry: home.join(".local/share/autonomi/node/node_registry.json"),
        units,
        copies: home.join("copies"),
        roots: vec![home.join("nodes")],
    }
}

fn keep(antctl: Antctl, files: &DiskFiles, home: &Path, manager: &str) {
    let storage = home.join("nodes");
    files.claim_root(&storage).expect("prepared");
    let draft = build::draft()
        .with(Setting::Manager, manager)
        .with(Setting::Program, "antnode")
        .with(Setting::NodeStorage, storage.display().to_string())
        .with(Setting::LogStorage, home.join("logs").display().to_string())
        .with(Setting::Network, NETWORK)
        .with(Setting::StartArgs, START_ARGS)
        .with(Setting::Bootstrap, PEER)
        .with(Setting::Environment, "RUST_LOG=info");
    let nodes = build::policy(&draft).nodes;
    let wallet = nodes.wallets.shares()[0].address;
    let spec = nodes.spec(build::id(1), wallet, &storage).expect("it has ports");
    let version = "0.4.17".parse().expect("a version");
    let release = Release::new(version, "/usr/local/bin/antnode");
    let antctl = Patient(antctl);
    manager_contract(&antctl, files, &spec, &release, true);
    // Others cannot run a program with the data of `ant`.
    if manager == "antctl+user" {
        antctl.enrol(&spec, &release).expect("antctl makes it");
        a_process_by_hand(&antctl, &spec, "/usr/local/bin/antnode");
    }
}

/// Counts a node as started once it has its key: a real one takes a moment for that.
pub(super) struct Patient<M>(pub(super) M);

impl<M: NodeManager> NodeManager for Patient<M> {
    fn manager(&self) -> Manager {
        self.0.manager()
    }

    fn create(&self, spec: &NodeSpec) -> HostResult<Change> {
        self.0.create(spec)
    }

    fn enrol(&self, spec: &NodeSpec, release: &Release) -> HostResult<Change> {
        self.0.enrol(spec, release)
    }

    fn start(&self, spec: &NodeSpec) -> HostResult<Change> {
        let started = self.0.start(spec)?;
        // Its port comes after its key, which only its user may see.
        let port = spec.ports.metrics.expect("it has one");
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(started)
    }

    fn stop(&self, spec: &NodeSpec) -> HostResult<Change> {
        self.0.stop(spec)
    }

    fn remove(&self, spec: &NodeSpec) -> HostResult<Change> {
        self.0.remove(spec)
    }

    fn states(&self, specs: &[&NodeSpec]) -> HostResult<Vec<UnitReading>> {
        self.0.states(specs)
    }

    fn discover(&self) -> HostResult<std::collections::BTreeSet<NodeId>> {
        self.0.discover()
    }

    fn numbering(&self) -> HostResult<Option<Numbering>> {
        self.0.numbering()
    }

    fn reset(&self) -> HostResult<Change> {
        self.0.reset()
    }
}
