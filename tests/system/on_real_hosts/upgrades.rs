//! Releases under a real systemd: a good one, a bad one, and a program that upgrades itself.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::operator::{Operator, Who, json};
use super::schedule::wait_until;
use crate::host::stand_in_bin;

/// Puts a stand-in of this version where wnm finds programs; it `does` what such a one can be told to.
pub(super) fn release(op: &Operator, version: &str, does: &str) {
    release_of(op, "ant-node", version, does);
}

/// The same for either program.
pub(super) fn release_of(op: &Operator, program: &str, version: &str, does: &str) {
    let mut bytes = fs::read(stand_in_bin()).expect("it was built");
    bytes.extend(format!("\nwnm-stand-in-version={version}\n").bytes());
    if !does.is_empty() {
        bytes.extend(format!("wnm-stand-in-does={does}\n").bytes());
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), bytes).expect("written");
    put_beside(op, program, file.path());
}

/// Whoever runs it goes on with what it has: a new file under the old name.
fn put_beside(op: &Operator, name: &str, program: &Path) {
    let place = format!("/usr/local/bin/{name}");
    op.host.put(program, &format!("{place}.next"));
    op.host.sh(&format!("mv -f {place}.next {place}")).ok();
}

fn managed(op: &Operator, canary: &str) {
    let more = [
        "--node-cap",
        "3",
        "--upgrade-mode",
        "managed",
        "--delay-upgrade",
        "8s",
        "--canary-time",
        canary,
    ];
    op.init(&more);
    op.rest_with(3);
}

pub(super) fn versions(op: &Operator) -> Vec<String> {
    let status = json(&op.wnm(&["upgrade", "--status", "--json"]).ok());
    let nodes = status["nodes"].as_array().expect("a list").clone();
    nodes.iter().map(|node| node["version"].as_str().unwrap_or("?").to_owned()).collect()
}

#[track_caller]
pub(super) fn cycles_until(op: &Operator, what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(150);
    while !done() {
        assert!(Instant::now() < deadline, "{what}: {}", op.wnm(&["history"]).stdout);
        op.cycle();
    }
}

fn keys(op: &Operator) -> String {
    op.host.sh(&format!("sha256sum {}/*/node_identity.key", op.data_root())).ok().stdout
}

fn story(op: &Operator) {
    managed(op, "6s");
    let before = keys(op);
    let old = versions(op);
    release(op, "0.99.0", "die-after=1:1");
    cycles_until(op, "the bad one is taken back", || {
        op.wnm(&["history"]).ok().stdout.contains("revert antnode0001")
    });
    op.cycle();
    assert_eq!(versions(op), old);
    let told = op.wnm(&["upgrade", "--status"]).ok().stdout;
    assert!(told.contains("quarantined: ant-node 0.99.0"), "{told}");
    op.rest_with(3);
    assert_eq!(keys(op), before, "every node is who it was");

    release(op, "0.99.1", "");
    cycles_until(op, "the good one reaches all", || versions(op) == ["0.99.1"; 3]);
    cycles_until(op, "and is proven", || {
        op.names("node").iter().all(|name| !name.starts_with(".kept"))
    });
    op.rest_with(3);
    assert_eq!(op.processes(), 3);
    assert_eq!(keys(op), before, "every node is who it was");
    op.wnm(&["teardown", "--confirm"]).ok();
}

#[test]
fn a_bad_release_is_taken_back_and_a_good_one_reaches_all() {
    if let Some(op) = Operator::new("upgrade") {
        story(&op);
    }
}

#[test]
fn the_same_for_the_whole_machine() {
    if let Some(op) = Operator::of("upgradesys", Who::Sudo) {
        story(&op);
    }
}

#[test]
fn a_program_that_upgrades_itself_is_accompanied() {
    let Some(op) = Operator::new("itself") else { return };
    op.init(&[
        "--node-cap",
        "1",
        "--environment",
        "WNM_STANDIN=die-after=20:0,exit-upgraded=0.99.0",
    ]);
    op.rest_with(1);
    let program = format!("{}/antnode0001/ant-node", op.data_root());
    wait_until("it has replaced itself", || {
        op.host.sh(&format!("{program} --version")).stdout.contains("0.99.0")
    });
    cycles_until(&op, "it is written down", || versions(&op) == ["0.99.0"]);
    let history = op.wnm(&["history"]).ok().stdout;
    assert!(history.contains("it upgraded itself from 0.23.1 to 0.99.0"), "{history}");
    // What the next look starts from.
    op.cycle();
    let snapshot = json(&op.wnm(&["snapshot"]).ok());
    let remembered: Vec<_> =
        snapshot["snapshot"]["memory"]["nodes"].as_object().expect("nodes").values().collect();
    assert_eq!(remembered.len(), 1);
    assert_eq!(remembered[0]["deaths"].as_array().map(Vec::len), Some(0), "that was no death");
}

/// With `WNM_REAL_NODE` (the older) and `WNM_REAL_NODE_NEXT` (the newer): a rollout of the real thing.
#[test]
fn a_real_release_reaches_real_nodes() {
    let next = env::var_os("WNM_REAL_NODE_NEXT").map(PathBuf::from);
    let (Some(_), Some(next)) = (env::var_os("WNM_REAL_NODE"), next) else {
        println!("not run: WNM_REAL_NODE and WNM_REAL_NODE_NEXT are not set");
        return;
    };
    let Some(op) = Operator::new("realupgrade") else { return };
    managed(&op, "20s");
    let (before, old) = (keys(&op), versions(&op));
    assert_eq!(old.len(), 3);
    release(&op, "0.99.0", "die-after=1:1");
    cycles_until(&op, "what is no good is taken back", || {
        op.wnm(&["history"]).ok().stdout.contains("revert antnode0001")
    });
    op.cycle();
    assert_eq!(versions(&op), old);
    put_beside(&op, "ant-node", &next);
    cycles_until(&op, "the real one reaches all", || {
        let now = versions(&op);
        now.iter().all(|version| *version == now[0]) && now != old
    });
    op.rest_with(3);
    println!("{:?} to {:?}\n{}", old, versions(&op), op.wnm(&["history"]).ok().stdout);
    assert_eq!(keys(&op), before, "every node is who it was");
    op.wnm(&["teardown", "--confirm"]).ok();
}
