//! The main job, from init to teardown, with setsid nodes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{TestEnv, is_there, wait_until};

fn kill_node(env: &TestEnv, number: u32) {
    let pid = Pid::from_raw(env.pid(number) as i32);
    kill(pid, Signal::SIGKILL).expect("our own node");
    // The signal is on its way; the next cycle must not come first.
    let is_gone = || env.running().iter().all(|(_, running)| *running != pid.as_raw() as u32);
    wait_until(Duration::from_secs(10), "the node is gone", is_gone);
}

#[test]
fn nodes_are_created_one_by_one_healed_shed_and_taken_down() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "3"]).expect(0);
    insta::assert_snapshot!(env.run(&["plan"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 0 of 3 nodes, 0 running
    out| not growing: cpu could not be measured yet
    ");
    env.cycle_until_resting_with(3);
    let added = env.run(&["history", "--json"]).json();
    let operations = added["operations"].as_array().expect("a list");
    assert_eq!(operations.len(), 3, "one for each node and nothing else: {added}");

    kill_node(&env, 2);
    let healed = env.run(&["run"]).expect(0);
    assert!(healed.stderr.contains("start antnode0002: it should run and does not"));
    env.cycle_until_resting_with(3);

    env.run(&["config", "set", "node_cap", "1"]).expect(0);
    env.cycle_until_resting_with(1);
    assert_eq!(env.names("node"), [".wnm-storage", "antnode0001"]);
    assert_eq!(env.names("logs"), ["antnode0001"]);
    let keys: Vec<String> =
        env.names("identities").into_iter().filter(|name| name.ends_with(".key")).collect();
    let expected = [1, 2, 3].map(|number| format!("antnode000{number}-{number}-ant-node.key"));
    assert_eq!(keys, expected, "of those that were removed, and of the one that runs");

    insta::assert_snapshot!(env.run(&["teardown"]).block(), @"
    exit 5
    err| error: teardown removes everything, 1 node and every setting: it needs --confirm
    err| hint: nothing was done
    ");
    insta::assert_snapshot!(env.run(&["teardown", "--confirm"]).block(), @"
    exit 0
    out| done: remove antnode0001
    out| before this: 1 of 1 nodes, 1 running
    err| remove antnode0001: request 1
    err| identities are kept in [DIR]/home/.local/share/autonomi/identities
    err| everything else of wnm is gone
    ");
    assert_eq!(env.names(""), ["identities"]);
    assert!(env.running().is_empty());
}

#[test]
fn a_resting_machine_stays_at_rest() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    let before = env.running();
    for _ in 0..5 {
        let ran = env.run(&["run"]).expect(0);
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.block(), @"
            exit 0
            out| nothing to do
            out| before this: 2 of 2 nodes, 2 running
            ");
        }
    }
    assert_eq!(env.running(), before, "the same processes");
    assert_eq!(env.run(&["plan"]).code, Some(0));
}

#[test]
fn the_identity_is_private_and_each_node_has_its_own_program() {
    let env = TestEnv::new();
    fs::write(env.path("bin/bootstrap_peers.toml"), "peers = []").expect("written");
    env.init(&["--node-cap", "2"]).expect(0);
    env.run(&["add", "--count", "2"]).expect(0);
    for number in 1..=2 {
        let data = env.base_dir().join(format!("node/antnode{number:04}"));
        let key = fs::metadata(data.join("node_identity.key")).expect("a key");
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
        assert!(is_there(&data.join("ant-node")));
        assert!(is_there(&data.join("bootstrap_peers.toml")));
    }
}

#[test]
fn the_first_generation_shows_itself_by_its_endpoint() {
    let env = TestEnv::with_program("antnode");
    env.init(&["--node-cap", "1", "--program", "antnode"]).expect(0);
    env.cycle_until_resting_with(1);
    let status = env.run(&["status", "--json"]).json();
    let facts = &status["nodes"][0]["seen"]["facts"];
    assert_eq!(facts["version"], "0.4.17");
    assert!(facts["peers"].is_u64(), "{facts}");
    assert!(facts["peer_id"].as_str().is_some_and(|id| !id.is_empty()), "{facts}");
    env.run(&["teardown", "--confirm"]).expect(0);
}

#[test]
fn a_node_that_refuses_to_start_is_reported_and_left_to_back_off() {
    let env = TestEnv::new();
    let refusing = ["--node-cap", "1", "--environment", "WNM_STANDIN=refuse=3"];
    env.init(&[&refusing[..], &["--restart-backoff", "60s"]].concat()).expect(0);
    let ran = env.run(&["add"]).expect(1);
    assert!(ran.stdout.contains("FAILED: add antnode0001"), "{}", ran.block());
    assert!(ran.stdout.contains("it ended at once (exit status: 3)"), "{}", ran.block());
    // The first death is healed at once, the second waits.
    env.run(&["run"]).expect(1);
    let waiting = env.run(&["run"]).expect(0);
    assert!(waiting.stdout.contains("note: antnode0001 died 2 times"), "{}", waiting.block());
}

#[test]
fn storage_that_is_not_there_stops_everything_but_destroys_nothing() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.run(&["add", "--count", "2"]).expect(0);
    let (here, gone) = (env.base_dir().join("node"), env.base_dir().join("unplugged"));
    fs::rename(&here, &gone).expect("renamed");
    for _ in 0..3 {
        let ran = env.run(&["run"]).expect(0);
        assert!(ran.stdout.contains("nothing to do"), "{}", ran.block());
        assert!(ran.stdout.contains("antnode0001 could not be observed"), "{}", ran.block());
    }
    fs::create_dir(&here).expect("an empty mount point");
    let ran = env.run(&["run"]).expect(0);
    assert!(ran.stdout.contains("its disk is not mounted"), "{}", ran.block());
    fs::remove_dir(&here).expect("still empty: nothing was written into it");
    fs::rename(&gone, &here).expect("plugged in again");
    env.cycle_until_resting_with(2);
    assert_eq!(
        env.run(&["history", "--json"]).json()["operations"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn a_cycle_is_reproduced_from_one_file() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    kill_node(&env, 1);
    let ran = env.run(&["run"]).expect(0);
    assert!(ran.stdout.contains("done: start antnode0001"), "{}", ran.block());
    let file = env.path("cycle.json");
    fs::write(&file, env.run(&["snapshot"]).expect(0).stdout).expect("written");
    let elsewhere = TestEnv::new();
    let again = elsewhere.run(&["plan", "--snapshot", &file.display().to_string()]).expect(10);
    assert!(again.stdout.starts_with("start antnode0001: it should run"), "{}", again.block());
    let bad = env.run(&["plan", "--snapshot", "/nowhere.json"]).expect(2);
    assert!(bad.stderr.contains("failed to read /nowhere.json"), "{}", bad.block());
    fs::write(&file, "{}").expect("written");
    let bad = env.run(&["plan", "--snapshot", &file.display().to_string()]).expect(2);
    assert!(bad.stderr.contains("is no snapshot"), "{}", bad.block());
}
