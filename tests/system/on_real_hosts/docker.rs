//! Nodes in containers, with the real docker: the contract, the main job, and everything that
//! somebody does by hand.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use wnm_core::fakes::{build, manager_contract};
use wnm_core::host::{NodeFiles, NodeManager};
use wnm_core::model::{NodeSpec, Release};
use wnm_managers::{DiskFiles, Docker, DockerSettings, RootHands, SystemRunner};

use super::contract::a_process_by_hand;
use super::operator::{Operator, Who, json};
use super::upgrades::{release, versions};

const UNITS: [&str; 2] = ["docker", "containerd"];
/// Set inside the host: the directory to work in.
const INSIDE: &str = "WNM_CONTRACT_HOME";

/// Somebody whom a docker on a new host obeys.
pub(super) fn docked(label: &str, who: Who) -> Option<Operator> {
    let op = Operator::with_units(label, who, &UNITS)?;
    wait_for_docker(&op);
    if who == Who::User {
        op.host.sh("usermod -aG docker op").ok();
    }
    Some(op)
}

pub(super) fn wait_for_docker(op: &Operator) {
    op.host.sh("for i in $(seq 300); do docker ps && exit 0; sleep 0.1; done; exit 1").ok();
}

pub(super) fn build_image(op: &Operator, who: Who) {
    let scope = if who == Who::User { "user" } else { "system" };
    op.wnm(&["--scope", scope, "docker", "image", "--build"]).ok();
}

pub(super) fn containers(op: &Operator) -> Vec<String> {
    let listed = op.host.sh("docker ps -a --format '{{.Names}}' | sort").ok().stdout;
    listed.lines().map(str::to_owned).collect()
}

/// The process of node `number`, by its data.
fn pid(op: &Operator, number: u32) -> String {
    let line = format!("'^[^ ]*/ant-node --root-dir [^ ]*/antnode{number:04} '");
    op.host.sh(&format!("pgrep -f -- {line}")).stdout.trim().to_owned()
}

/// A cycle that must do nothing, whatever it says of the world.
fn idle_cycle(op: &Operator) {
    let ran = op.wnm(&["run", "--json"]);
    let done = json(&ran)["done"].as_array().map(Vec::len);
    assert_eq!(done, Some(0), "{ran:?}");
}

#[test]
fn docker_keeps_the_contract() {
    contract("dkcon", Who::User, "docker_keeps_the_contract");
}

#[test]
fn docker_with_sudo_keeps_the_contract() {
    contract("dksudo", Who::Sudo, "docker_with_sudo_keeps_the_contract");
}

fn contract(label: &str, who: Who, test: &str) {
    if let Some(base) = env::var_os(INSIDE) {
        return keep_the_contract(PathBuf::from(base), who);
    }
    let Some(op) = docked(label, who) else {
        return;
    };
    build_image(&op, who);
    let this = env::current_exe().expect("this test has a file");
    op.host.put(&this, "/opt/wnm-test/system");
    op.host.sh("useradd --system --user-group --shell /usr/sbin/nologin ant").ok();
    op.host.sh("mkdir /srv/base && chown op /srv/base").ok();
    let inside = format!("{INSIDE}=/srv/base");
    let name = format!("on_real_hosts::docker::{test}");
    let ran = op.run(&["env", &inside, "/opt/wnm-test/system", "--exact", &name]).ok();
    assert!(ran.stdout.contains("1 passed"), "{ran:?}");
    assert!(containers(&op).is_empty());
}

fn keep_the_contract(base: PathBuf, who: Who) {
    let mut spec = build::spec(1);
    // A comma would end a value on docker's command line, and a blank a word on others.
    spec.storage = base.join("no,des and more");
    spec.data = spec.storage.join(spec.id.to_string());
    spec.binary = spec.data.join(spec.program.binary_name());
    spec.logs = base.join("logs").join(spec.id.to_string());
    spec.launch.environment = vec![("WNM_ODD".into(), "50% of $HOME \"quoted\" \\ done".into())];
    let version = "0.23.1".parse().expect("a version");
    let release = Release::new(version, "/usr/local/bin/ant-node");
    let settings = DockerSettings {
        command: "docker".into(),
        image: "wnm-node".into(),
        orders: base.join("containers"),
        init: "/usr/local/bin/wnm".into(),
        roots: vec![spec.storage.clone()],
    };
    let runner = Arc::new(SystemRunner);
    let (docker, files) = match who {
        Who::User => (Docker::new(runner, settings), DiskFiles::new(base.join("identities"))),
        Who::Root | Who::Sudo => {
            let us = nix::unistd::geteuid().as_raw();
            let hands = RootHands::new(runner.clone(), "ant", us, base.clone());
            let files = DiskFiles::of_system(base.join("identities"), hands.clone());
            (Docker::of_system(runner, settings, hands), files)
        }
    };
    files.claim_root(&spec.storage).expect("prepared");
    files.make_root(&base.join("logs")).expect("made");
    let shared = NodeSpec { container: Some("wnm-nodes-1".into()), ..spec.clone() };
    for spec in [&spec, &shared] {
        manager_contract(&docker, &files, spec, &release, true);
        let autostart = NodeSpec { autostart: true, ..spec.clone() };
        manager_contract(&docker, &files, &autostart, &release, true);
    }
    // Others cannot run a program with the data of `ant`.
    if who != Who::Sudo {
        files.prepare(&spec, &release).expect("prepared");
        for spec in [&spec, &shared] {
            docker.create(spec).expect("created");
            a_process_by_hand(&docker, spec, "/usr/local/bin/ant-node");
            docker.remove(spec).expect("removed");
        }
    }
}

#[test]
fn nodes_in_containers_are_created_healed_shed_and_taken_down() {
    let Some(op) = docked("docker", Who::User) else {
        return;
    };
    let manager = ["--manager", "docker+user", "--node-cap", "3", "--delay-upgrade", "5s"];
    let refused = op.wnm(&[&["init", "--rewards-address", "faucet"], &manager[..]].concat());
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("there is no image `wnm-node`"), "{refused:?}");
    assert!(refused.stderr.contains("wnm docker image --build"), "{refused:?}");
    assert!(op.names("").is_empty(), "nothing was made");
    build_image(&op, Who::User);
    op.init(&manager);
    let cycles = op.rest_with(3);
    assert!(cycles.iter().all(|done| *done <= 1), "one a cycle: {cycles:?}");
    assert_eq!((op.processes(), op.cycle()), (3, 0), "a machine at rest stays at rest");
    assert_eq!(containers(&op), ["antnode0001", "antnode0002", "antnode0003"]);
    whose_data(&op);
    by_hand(&op);
    upgraded_by_itself(&op);
    upgraded_by_name(&op, "0.99.1");
    without_a_daemon(&op);
    rebooted(&op);

    op.wnm(&["config", "set", "node_cap", "1"]).ok();
    op.rest_with(1);
    assert_eq!((op.processes(), containers(&op)), (1, vec!["antnode0001".to_owned()]));
    assert_eq!(op.names("node"), [".wnm-storage", "antnode0001"]);
    // A name that somebody else has is passed over, and their container is left alone.
    op.host.sh("docker create --name antnode0002 wnm-node /x").ok();
    op.wnm(&["config", "set", "node_cap", "2"]).ok();
    op.rest_with(2);
    assert_eq!(containers(&op), ["antnode0001", "antnode0002", "antnode0003"]);
    assert_eq!(op.states().into_keys().collect::<Vec<_>>(), ["antnode0001", "antnode0003"]);
    op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!((op.processes(), containers(&op)), (0, vec!["antnode0002".to_owned()]));
    assert_eq!(op.names(""), ["identities"]);
}

/// The node runs as the operator, and nobody else reads its key.
fn whose_data(op: &Operator) {
    let node = format!("{}/node/antnode0001", op.base());
    let shown = op.host.sh(&format!("stat -c '%U %a' {node} {node}/node_identity.key")).ok();
    assert_eq!(shown.stdout, "op 700\nop 600\n");
    let user = op.host.sh(&format!("ps -o user= -p {}", pid(op, 1))).ok();
    assert_eq!(user.stdout.trim(), "op");
}

fn by_hand(op: &Operator) {
    let before = pid(op, 2);
    op.host.sh(&format!("kill -9 {before}")).ok();
    op.rest_with(3);
    assert_ne!(pid(op, 2), before);

    let key = format!("sha256sum {}/node/antnode0003/node_identity.key", op.base());
    let identity = op.host.sh(&key).ok().stdout;
    op.host.sh("docker stop antnode0002 && docker rm -f antnode0003").ok();
    op.rest_with(3);
    assert_eq!((op.processes(), containers(op).len()), (3, 3));
    assert_eq!(op.host.sh(&key).ok().stdout, identity, "a container is made anew, a key never");

    // Paused is not stopped; a stop by name wakes it up first.
    op.host.sh("docker pause antnode0002").ok();
    assert_eq!(op.cycle(), 0);
    op.wnm(&["stop", "2"]).ok();
    assert_eq!((op.processes(), op.cycle()), (2, 0));
    op.wnm(&["start", "2"]).ok();
    op.rest_with(3);
}

/// A program that replaced its own file ends with 0 and is started again, in whatever container.
fn upgraded_by_itself(op: &Operator) {
    let node = format!("{}/node/antnode0001", op.base());
    op.host
        .sh(&format!("echo exit-upgraded > {node}/stand-in.conf && docker restart antnode0001"))
        .ok();
    op.rest_with(3);
    let version = format!("{node}/ant-node --version");
    assert!(op.host.sh(&version).ok().stdout.contains("0.99.0"));
    op.host.sh("docker rm -f antnode0001").ok();
    op.rest_with(3);
    assert!(op.host.sh(&version).ok().stdout.contains("0.99.0"), "it survives its container");
}

/// Each node runs its own copy of the program: wnm replaces it there, container or not.
fn upgraded_by_name(op: &Operator, version: &str) {
    let nodes = op.data_root();
    let key = format!("sha256sum {nodes}/antnode0002/node_identity.key");
    let (identity, others) = (op.host.sh(&key).ok().stdout, pid(op, 3));
    release(op, version, "");
    op.wnm(&["upgrade", "2"]).ok();
    assert_eq!(versions(op)[1], version);
    op.rest_with(3);
    assert_eq!((op.processes(), pid(op, 3)), (3, others), "the others go on");
    assert_eq!(op.host.sh(&key).ok().stdout, identity, "it is who it was");
}

/// Unknown is not stopped.
fn without_a_daemon(op: &Operator) {
    op.host.exec(&["systemctl", "stop", "docker.socket", "docker"]).ok();
    idle_cycle(op);
    assert!(op.states().values().all(|state| state == "unknown"), "{:?}", op.states());
    let why = op.wnm(&["explain", "1"]).stdout;
    assert!(why.contains("Cannot connect to the Docker daemon"), "{why}");
    op.host.exec(&["systemctl", "start", "docker"]).ok();
    wait_for_docker(op);
    op.rest_with(3);
}

fn rebooted(op: &Operator) {
    op.host.reboot();
    wait_for_docker(op);
    assert_eq!(op.processes(), 0, "wnm brings nodes back, not Docker");
    let cycles = op.rest_with(3);
    assert!(cycles.iter().all(|done| *done <= 1), "one a cycle: {cycles:?}");
}

#[test]
fn many_nodes_share_containers() {
    let Some(op) = docked("shared", Who::Sudo) else {
        return;
    };
    build_image(&op, Who::Sudo);
    let manager = ["--manager", "docker+sudo", "--node-cap", "3", "--delay-upgrade", "5s"];
    op.init(&[&manager[..], &["--max-nodes-per-container", "2"]].concat());
    op.rest_with(3);
    assert_eq!((op.processes(), op.cycle()), (3, 0));
    assert_eq!(containers(&op), ["wnm-nodes-1", "wnm-nodes-2"]);
    let user = op.host.sh(&format!("ps -o user= -p {}", pid(&op, 1))).ok();
    assert_eq!(user.stdout.trim(), op.node_user());

    // Its container brings a node back by itself, and leaves the others alone.
    let (one, two) = (pid(&op, 1), pid(&op, 2));
    op.host.sh(&format!("kill -9 {two}")).ok();
    let back = "for i in $(seq 200); do pgrep -f '/ant-node --root-dir [^ ]*/antnode0002 ' && exit 0; \
                sleep 0.1; done; exit 1";
    op.host.sh(back).ok();
    assert_eq!(pid(&op, 1), one);

    // By hand: all nodes of a container end well with it, and come back one a cycle.
    op.host.sh("docker stop wnm-nodes-1").ok();
    let exit = op.host.sh("docker inspect -f '{{.State.ExitCode}}' wnm-nodes-1").ok().stdout;
    assert_eq!((exit.trim(), op.processes()), ("0", 1));
    let cycles = op.rest_with(3);
    assert!(cycles.iter().all(|done| *done <= 1), "one a cycle: {cycles:?}");
    op.host.sh("docker rm -f wnm-nodes-1").ok();
    op.rest_with(3);
    assert_eq!(op.processes(), 3);

    upgraded_by_name(&op, "0.99.1");
    without_a_daemon(&op);
    rebooted(&op);

    // The youngest two: the second container goes with its last node.
    op.wnm(&["config", "set", "node_cap", "1"]).ok();
    op.rest_with(1);
    assert_eq!((op.processes(), containers(&op)), (1, vec!["wnm-nodes-1".to_owned()]));
    op.wnm(&["teardown", "--confirm"]).ok();
    assert_eq!((op.processes(), containers(&op)), (0, Vec::new()));
    assert_eq!(op.names(""), ["identities"]);
}

#[test]
fn whom_docker_does_not_obey_is_told_what_to_do() {
    let Some(op) = Operator::with_units("dkdenied", Who::User, &UNITS) else {
        return;
    };
    wait_for_docker(&op);
    let init = ["init", "--rewards-address", "faucet", "--manager", "docker+user"];
    let table = [
        (vec![], "permission denied", "usermod -aG docker"),
        (
            vec!["--docker-command", "dockr"],
            "there is no `dockr` here",
            "install docker.io or podman",
        ),
    ];
    for (more, problem, hint) in table {
        let ran = op.wnm(&[&init[..], &more[..]].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(problem) && ran.stderr.contains(hint), "{ran:?}");
    }
    op.host.exec(&["systemctl", "stop", "docker.socket", "docker"]).ok();
    op.host.sh("usermod -aG docker op").ok();
    let ran = op.wnm(&init);
    assert!(ran.stderr.contains("systemctl enable --now docker"), "{ran:?}");
    assert!(op.names("").is_empty(), "nothing was made");
}
