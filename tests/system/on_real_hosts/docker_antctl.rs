//! antctl in containers with the real docker and a real systemd in each of them: the main job, from init
//! to teardown, and what becomes of nodes when a container does. With `WNM_REAL_ANTCTL` and
//! `WNM_REAL_ANTNODE` the same with the real programs; without them stand-ins play both.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use wnm_core::fakes::{build, manager_contract};
use wnm_core::host::NodeManager;
use wnm_core::model::Release;
use wnm_core::policy::Setting;
use wnm_managers::{DiskFiles, DockerAntctl, DockerAntctlSettings, RootHands, SystemRunner};

use super::antctl::{NETWORK, PEER, Patient, START_ARGS, antctl_stand_in, init_with};
use super::contract::a_process_by_hand;
use super::docker::{containers, docked};
use super::operator::{Operator, Who, json};
use super::upgrades::{release_of, versions};
use crate::host::stand_in_bin;

/// Set inside the host: the directory to work in.
const INSIDE: &str = "WNM_CONTRACT_HOME";

fn operator(label: &str, who: Who) -> Option<Operator> {
    let op = docked(label, who)?;
    let real = |name: &str| env::var_os(name).map(PathBuf::from);
    let antctl = real("WNM_REAL_ANTCTL");
    let played = if antctl.is_some() { "the real antctl" } else { "A STAND-IN FOR antctl" };
    println!("{label}: {played}");
    op.host.put(&antctl.unwrap_or_else(antctl_stand_in), "/usr/local/bin/antctl");
    let antnode = real("WNM_REAL_ANTNODE").unwrap_or_else(stand_in_bin);
    op.host.put(&antnode, "/usr/local/bin/antnode");
    let scope = if who == Who::User { "user" } else { "system" };
    op.wnm(&["--scope", scope, "docker", "image", "--antctl", "--build"]).ok();
    Some(op)
}

fn init(op: &Operator, manager: &str) {
    let two = ["--max-nodes-per-container", "10", "--min-container-count", "2"];
    init_with(op, manager, &two);
}

#[test]
fn antctl_in_containers_keeps_the_contract() {
    contract("dkantcon", Who::User, "antctl_in_containers_keeps_the_contract");
}

#[test]
fn antctl_in_containers_with_sudo_keeps_the_contract() {
    contract("dkantscon", Who::Sudo, "antctl_in_containers_with_sudo_keeps_the_contract");
}

fn contract(label: &str, who: Who, test: &str) {
    if let Some(base) = env::var_os(INSIDE) {
        return keep_the_contract(PathBuf::from(base), who);
    }
    let Some(op) = operator(label, who) else {
        return;
    };
    let this = env::current_exe().expect("this test has a file");
    op.host.put(&this, "/opt/wnm-test/system");
    op.host.sh("useradd --system --user-group --shell /usr/sbin/nologin ant").ok();
    op.host.sh("mkdir /srv/base && chown op /srv/base").ok();
    let inside = format!("{INSIDE}=/srv/base");
    let name = format!("on_real_hosts::docker_antctl::{test}");
    let ran = op.run(&["env", &inside, "/opt/wnm-test/system", "--exact", &name]).ok();
    assert!(ran.stdout.contains("1 passed"), "{ran:?}");
}

fn keep_the_contract(base: PathBuf, who: Who) {
    let storage = base.join("nodes");
    let draft = build::draft()
        .with(Setting::Manager, "docker-antctl+user")
        .with(Setting::Program, "antnode")
        .with(Setting::NodeStorage, storage.display().to_string())
        .with(Setting::LogStorage, base.join("logs").display().to_string())
        .with(Setting::Network, NETWORK)
        .with(Setting::StartArgs, START_ARGS)
        .with(Setting::Bootstrap, PEER)
        .with(Setting::Environment, "RUST_LOG=info");
    let nodes = build::policy(&draft).nodes;
    let wallet = nodes.wallets.shares()[0].address;
    let spec = nodes.spec(build::id(1), wallet, &storage).expect("it has ports");
    let release = Release::new("0.4.17".parse().expect("a version"), "/usr/local/bin/antnode");
    let settings = DockerAntctlSettings {
        command: "docker".into(),
        image: "wnm-node".into(),
        boxes: base.join("antctl-containers"),
        copies: base.join("antctl"),
        roots: vec![storage.clone()],
        logs: base.join("logs"),
    };
    let runner = Arc::new(SystemRunner);
    let (manager, files) = match who {
        Who::User => (DockerAntctl::new(runner, settings), DiskFiles::new(base.join("identities"))),
        Who::Root | Who::Sudo => {
            let us = nix::unistd::geteuid().as_raw();
            let hands = RootHands::new(runner.clone(), "ant", us, base.clone());
            let files = DiskFiles::of_system(base.join("identities"), hands.clone());
            (DockerAntctl::of_system(runner, settings, hands), files)
        }
    };
    files.claim_root(&storage).expect("prepared");
    files.make_root(&base.join("logs")).expect("made");
    let manager = Patient(manager);
    manager_contract(&manager, &files, &spec, &release, true);
    // Others cannot run a program with the data of `ant`.
    if who == Who::User {
        manager.enrol(&spec, &release).expect("antctl makes it");
        a_process_by_hand(&manager, &spec, "/usr/local/bin/antnode");
    }
}

#[test]
fn a_user_has_nodes_kept_by_antctl_in_containers() {
    if let Some(op) = operator("dkantctl", Who::User) {
        main_job(&op, "docker-antctl+user");
    }
}

#[test]
fn an_operator_with_sudo_has_nodes_kept_by_antctl_in_containers() {
    if let Some(op) = operator("dkantsudo", Who::Sudo) {
        main_job(&op, "docker-antctl+sudo");
    }
}

/// The process of the node in `container` that its antctl calls `service`, 0 for none.
fn pid(op: &Operator, container: &str, service: &str) -> u32 {
    let line = format!("'^[^ ]*/antnode --rpc [^ ]* --root-dir [^ ]*/{container}/{service} '");
    let found = op.host.sh(&format!("pgrep -f -- {line}")).stdout;
    found.trim().parse().unwrap_or(0)
}

fn places(op: &Operator) -> Vec<String> {
    let status = json(&op.wnm(&["status", "--json"]).ok());
    let nodes = status["nodes"].as_array().expect("a list").clone();
    let of = |node: &serde_json::Value| {
        let spec = &node["record"]["spec"];
        let text = |name: &str| spec[name].as_str().expect("a text").to_owned();
        format!("{} {} {}", text("id"), text("container"), text("service"))
    };
    nodes.iter().map(of).collect()
}

fn main_job(op: &Operator, manager: &str) {
    init(op, manager);
    op.rest_with(3);
    assert_eq!(op.processes(), 3);
    let expected = [
        "antnode0001 wnm-nodes-1 antnode1",
        "antnode0002 wnm-nodes-1 antnode2",
        "antnode0011 wnm-nodes-2 antnode1",
    ];
    assert_eq!(places(op), expected);
    assert_eq!(containers(op), ["wnm-nodes-1", "wnm-nodes-2"]);
    assert_eq!(op.cycle(), 0, "a machine at rest stays at rest");
    // The machine's own systemd knows nothing of them, and none of its units runs twice.
    assert!(op.units().is_empty());
    let run = op.host.sh("docker exec wnm-nodes-1 systemctl list-units --no-legend --plain").ok();
    let services = run.stdout.lines().filter(|line| line.contains(".service"));
    let services: Vec<&str> = services.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(services, ["antnode1.service", "antnode2.service"]);

    // Crashed: it is healed, and its namesake in the other container is none the worse for it.
    let (one, other) = (pid(op, "wnm-nodes-1", "antnode1"), pid(op, "wnm-nodes-2", "antnode1"));
    assert!(one > 0 && other > 0 && one != other);
    op.host.sh(&format!("kill -9 {other}")).ok();
    op.rest_with(3);
    assert_eq!(pid(op, "wnm-nodes-1", "antnode1"), one);
    assert_ne!(pid(op, "wnm-nodes-2", "antnode1"), other);

    op.wnm(&["stop", "antnode0002"]).ok();
    assert_eq!((pid(op, "wnm-nodes-1", "antnode2"), op.processes()), (0, 2));
    op.wnm(&["start", "antnode0002"]).ok();
    op.rest_with(3);
    op.wnm(&["restart", "antnode0011"]).ok();
    op.rest_with(3);
    assert_eq!(pid(op, "wnm-nodes-1", "antnode1"), one, "nobody else is touched");

    a_container_goes_down(op);
    op.host.reboot();
    super::docker::wait_for_docker(op);
    assert_eq!(op.processes(), 0, "wnm brings nodes back, not systemd");
    op.rest_with(3);

    a_nodes_program_is_replaced(op);
    a_call_that_hangs(op);
    let keys = op.names("identities");
    assert!(keys.iter().any(|name| name.starts_with("antnode0011-")), "{keys:?}");
    op.wnm(&["config", "set", "node_cap", "3"]).ok();
    op.wnm(&["add", "--count", "1"]).ok();
    op.rest_with(3);
    let expected = [
        "antnode0001 wnm-nodes-1 antnode1",
        "antnode0002 wnm-nodes-1 antnode2",
        "antnode0012 wnm-nodes-2 antnode2",
    ];
    assert_eq!(places(op), expected, "numbers are not given twice");

    op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!(op.processes(), 0);
    assert!(containers(op).is_empty());
    assert_eq!(op.names(""), ["identities"]);
}

fn a_nodes_program_is_replaced(op: &Operator) {
    let other = pid(op, "wnm-nodes-1", "antnode1");
    op.host.sh("cp /usr/local/bin/antnode /var/tmp/antnode").ok();
    release_of(op, "antnode", "0.99.1", "");
    op.wnm(&["upgrade", "antnode0011"]).ok();
    op.rest_with(3);
    assert_eq!(versions(op), ["0.4.17", "0.4.17", "0.99.1"]);
    assert_eq!(pid(op, "wnm-nodes-1", "antnode1"), other);
    op.host.sh("mv -f /var/tmp/antnode /usr/local/bin/antnode").ok();
}

/// An antctl that nobody waits for any more goes on in its container: nothing is done beside it.
fn a_call_that_hangs(op: &Operator) {
    let own = format!("{}/antctl-containers/wnm-nodes-2/antctl/antctl", op.base());
    op.host.sh(&format!("cp /usr/bin/sleep {own} && chmod 755 {own}")).ok();
    op.host.sh("docker exec -d wnm-nodes-2 /var/antctl/antctl 3600").ok();
    let ran = op.wnm(&["remove", "antnode0011"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("antctl is being used by somebody else"), "{ran:?}");
    op.wnm(&["config", "set", "node_cap", "2"]).ok();
    op.host.sh("kill $(pgrep -x antctl)").ok();
    op.rest_with(2);
    op.host.sh(&format!("rm {own}")).ok();
}

/// Paused, nothing is known of its nodes and nothing is done; killed, they are brought back.
fn a_container_goes_down(op: &Operator) {
    let other = pid(op, "wnm-nodes-1", "antnode1");
    op.host.sh("docker pause wnm-nodes-2").ok();
    assert_eq!(op.cycle(), 0, "nothing is done on the strength of silence");
    let states = op.states();
    assert_eq!(states["antnode0011"], "unknown");
    assert_eq!((&*states["antnode0001"], &*states["antnode0002"]), ("running", "running"));
    op.host.sh("docker unpause wnm-nodes-2").ok();
    op.rest_with(3);
    op.host.sh("docker kill wnm-nodes-2").ok();
    op.rest_with(3);
    op.host.sh("docker rm -f wnm-nodes-2").ok();
    op.rest_with(3);
    assert!(pid(op, "wnm-nodes-2", "antnode1") > 0, "under the number that it had");
    assert_eq!(pid(op, "wnm-nodes-1", "antnode1"), other);
}
