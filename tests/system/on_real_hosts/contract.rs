//! The contract story of managers under a real systemd: these very tests, run again inside a host.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wnm_core::fakes::{build, manager_contract, one_process_contract};
use wnm_core::host::{NodeFiles, NodeManager};
use wnm_core::model::{NodeSpec, Release};
use wnm_managers::{DiskFiles, RootHands, Setsid, SystemRunner, Systemd, processes_of};

use super::operator::{Operator, Who};
use crate::begun;

/// Set inside the host: the home to work in.
const INSIDE: &str = "WNM_CONTRACT_HOME";

#[test]
fn systemd_keeps_the_contract() {
    if let Some(home) = env::var_os(INSIDE) {
        return keep_the_contract(PathBuf::from(home));
    }
    let Some(op) = Operator::new("contract") else {
        return;
    };
    let this = env::current_exe().expect("this test has a file");
    op.host.put(&this, "/opt/wnm-test/system");
    let name = "on_real_hosts::contract::systemd_keeps_the_contract";
    let again = format!("{INSIDE}=/home/op /opt/wnm-test/system --exact {name}");
    let ran = op.shell(&again).ok();
    assert!(ran.stdout.contains("1 passed"), "{ran:?}");
}

#[test]
fn the_machines_systemd_keeps_the_contract_with_root() {
    system_contract("rootcon", Who::Root, "the_machines_systemd_keeps_the_contract_with_root");
}

#[test]
fn the_machines_systemd_keeps_the_contract_with_sudo() {
    system_contract("sudocon", Who::Sudo, "the_machines_systemd_keeps_the_contract_with_sudo");
}

#[test]
fn setsid_keeps_the_contract_with_root() {
    setsid_contract("rootset", Who::Root, "setsid_keeps_the_contract_with_root");
}

#[test]
fn setsid_keeps_the_contract_with_sudo() {
    setsid_contract("sudoset", Who::Sudo, "setsid_keeps_the_contract_with_sudo");
}

fn system_contract(label: &str, who: Who, test: &str) {
    match env::var_os(INSIDE) {
        Some(base) => keep_the_contract_with_root(PathBuf::from(base)),
        None => in_a_host(Operator::of(label, who), test),
    }
}

fn setsid_contract(label: &str, who: Who, test: &str) {
    match env::var_os(INSIDE) {
        Some(base) => keep_the_contract_of_setsid(PathBuf::from(base)),
        None => in_a_host(Operator::of(label, who).map(Operator::logged_in), test),
    }
}

/// Runs `test` again inside of a host.
fn in_a_host(op: Option<Operator>, test: &str) {
    let Some(op) = op else {
        return;
    };
    let this = env::current_exe().expect("this test has a file");
    op.host.put(&this, "/opt/wnm-test/system");
    op.host.sh("useradd --system --user-group --shell /usr/sbin/nologin ant").ok();
    op.host.sh("mkdir /var/antctl && (chown op /var/antctl || true)").ok();
    let inside = format!("{INSIDE}=/var/antctl");
    let name = format!("on_real_hosts::contract::{test}");
    let ran = op.run(&["env", &inside, "/opt/wnm-test/system", "--exact", &name]).ok();
    assert!(ran.stdout.contains("1 passed"), "{ran:?}");
}

fn keep_the_contract(home: PathBuf) {
    let mut spec = spec(&home);
    DiskFiles::prepare_root(&spec.storage).expect("prepared");
    let files = DiskFiles::new(home.join("identities"));
    let runtime = env::var("XDG_RUNTIME_DIR").expect("set for the user");
    let units = home.join(".config/systemd/user");
    let roots = vec![spec.storage.clone()];
    let systemd = Systemd::new(Arc::new(SystemRunner), units, runtime, roots);
    manager_contract(&systemd, &files, &spec, &release(), true);

    // The same with autostart: enabled while it should run, not enabled otherwise.
    spec.autostart = true;
    manager_contract(&systemd, &files, &spec, &release(), true);
    never_twice(&systemd, &files, &spec);
}

fn keep_the_contract_with_root(base: PathBuf) {
    let mut spec = spec(&base);
    let us = nix::unistd::geteuid().as_raw();
    let hands = RootHands::new(Arc::new(SystemRunner), "ant", us, base.clone());
    let files = DiskFiles::of_system(base.join("identities"), hands.clone());
    files.claim_root(&spec.storage).expect("prepared");
    files.make_root(&base.join("logs")).expect("made");
    let roots = vec![spec.storage.clone()];
    let systemd =
        Systemd::of_system(Arc::new(SystemRunner), "/etc/systemd/system".into(), roots, hands);
    manager_contract(&systemd, &files, &spec, &release(), true);
    spec.autostart = true;
    manager_contract(&systemd, &files, &spec, &release(), true);
    // Others cannot run what is in a node's directory.
    if us == 0 {
        never_twice(&systemd, &files, &spec);
    }
}

fn never_twice(systemd: &Systemd, files: &DiskFiles, spec: &NodeSpec) {
    files.prepare(spec, &release()).expect("prepared");
    systemd.create(spec).expect("created");
    a_process_by_hand(systemd, spec, "/usr/local/bin/ant-node");
    systemd.remove(spec).expect("removed");
}

/// A process of `program` that somebody started by hand with the data of a node, before its manager
/// starts one and beside it. The node is made already.
pub(super) fn a_process_by_hand(manager: &dyn NodeManager, spec: &NodeSpec, program: &str) {
    // Other ports, or the second one would end by itself.
    let mut other = spec.clone();
    let ports = &mut other.ports;
    ports.node += 100;
    for port in [&mut ports.metrics, &mut ports.rpc] {
        *port = port.map(|port| port + 100);
    }
    let begin = || {
        let mut command = std::process::Command::new(program);
        begun::begin(command.args(other.program.arguments(&other))).id()
    };
    let count = || processes_of(spec).expect("asked").len();
    one_process_contract(manager, spec, &begin, &count);
}

fn spec(home: &Path) -> NodeSpec {
    let mut spec = build::spec(1);
    spec.storage = home.join("nodes");
    spec.data = spec.storage.join(spec.id.to_string());
    spec.binary = spec.data.join(spec.program.binary_name());
    spec.logs = home.join("logs").join(spec.id.to_string());
    // Words that a unit file would mangle unless they are quoted.
    spec.launch.environment = vec![("WNM_ODD".into(), "50% of $HOME \"quoted\" \\ done".into())];
    spec
}

fn release() -> Release {
    let version = "0.23.1".parse().expect("a version");
    Release { version, path: "/usr/local/bin/ant-node".into() }
}

fn keep_the_contract_of_setsid(base: PathBuf) {
    let mut spec = spec(&base);
    spec.manager = "setsid+sudo".parse().expect("a manager");
    let us = nix::unistd::geteuid().as_raw();
    let hands = RootHands::new(Arc::new(SystemRunner), "ant", us, base.clone());
    let files = DiskFiles::of_system(base.join("identities"), hands.clone());
    files.claim_root(&spec.storage).expect("prepared");
    files.make_root(&base.join("logs")).expect("made");
    let (roots, output) = (vec![spec.storage.clone()], base.join("output"));
    let setsid = Setsid::of_system(Arc::new(SystemRunner), roots, hands, output.clone());
    manager_contract(&setsid, &files, &spec, &release(), false);
    assert!(!output.exists(), "what a node printed goes with it");
}
