//! Releases, good and bad, with the stand-in as plain processes: who is given one, what becomes of
//! it, and what a wnm that is killed in the middle leaves behind.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::harness::{StandIn, TestEnv, wait_until};

const NODES: usize = 3;

/// Three nodes of 0.23.1, and times short enough to wait for.
fn fleet(more: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    let usual = [
        "--node-cap",
        "3",
        "--upgrade-mode",
        "managed",
        "--delay-upgrade",
        "4s",
        "--canary-time",
        "5s",
    ];
    let usual = usual.chunks(2).filter(|pair| !more.contains(&pair[0]));
    let args: Vec<&str> = usual.flatten().chain(more).copied().collect();
    env.init(&args).expect(0);
    env.cycle_until_resting_with(NODES);
    env
}

fn versions(env: &TestEnv) -> Vec<String> {
    let status = env.run(&["upgrade", "--status", "--json"]).expect(0).json();
    let nodes = status["nodes"].as_array().expect("a list").clone();
    nodes.iter().map(|node| node["version"].as_str().unwrap_or("?").to_owned()).collect()
}

/// What the programs in the nodes' directories say themselves.
fn installed(env: &TestEnv) -> Vec<String> {
    let say = |number: usize| {
        let path = env.base_dir().join(format!("node/antnode{number:04}/ant-node"));
        let output = std::process::Command::new(path).arg("--version").output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).trim().replace("ant-node ", "")
    };
    (1..=NODES).map(say).collect()
}

fn keys(env: &TestEnv) -> Vec<Vec<u8>> {
    let key = |number: usize| {
        let path = env.base_dir().join(format!("node/antnode{number:04}/node_identity.key"));
        fs::read(path).expect("a key")
    };
    (1..=NODES).map(key).collect()
}

/// Which nodes were upgraded, in order, and which were taken back.
fn journal(env: &TestEnv) -> (Vec<String>, Vec<String>) {
    let history = env.run(&["history", "--json", "--limit", "1000"]).expect(0).json();
    let lines = history["operations"].as_array().or(history.as_array()).expect("a list").clone();
    let of = |word: &str| -> Vec<String> {
        let mine =
            lines.iter().filter(|line| line.to_string().contains(&format!("\"do\":\"{word}\"")));
        mine.map(|line| line["node"]["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    (of("upgrade"), of("revert"))
}

fn cycles_until(env: &TestEnv, what: &str, done: impl Fn() -> bool) {
    wait_until(Duration::from_secs(90), what, || {
        env.run(&["run"]);
        done()
    });
}

#[track_caller]
fn one_process_each(env: &TestEnv) {
    let running: BTreeSet<_> = env.running().into_iter().map(|(data, _)| data).collect();
    assert_eq!((running.len(), env.running().len()), (NODES, NODES));
}

#[test]
fn a_good_release_reaches_every_node_one_after_the_other() {
    let env = fleet(&[]);
    let before = keys(&env);
    fs::remove_file(env.program()).expect("it was there");
    StandIn::install_version(&env.path("bin"), "ant-node", "0.24.0");
    cycles_until(&env, "all nodes have it, proven", || {
        versions(&env) == ["0.24.0"; NODES] && env.names("node").len() == NODES + 1
    });
    assert_eq!(installed(&env), ["0.24.0"; NODES]);
    assert_eq!(journal(&env).0, ["antnode0001", "antnode0002", "antnode0003"]);
    assert_eq!(keys(&env), before, "every node is who it was");
    let kept: Vec<String> = env.names("node");
    assert!(kept.iter().all(|name| !name.starts_with(".kept")), "{kept:?}");
    env.cycle_until_resting_with(NODES);
    one_process_each(&env);
}

#[test]
fn a_bad_release_is_stopped_at_the_first_node_however_it_fails() {
    for does in ["refuse=3", "die-after=1:1", "lose-identity", "no-udp", "no-peers", "old-protocol"]
    {
        let env = fleet(&[]);
        let before = keys(&env);
        fs::remove_file(env.program()).expect("it was there");
        StandIn::install_bad(&env.path("bin"), "ant-node", "0.24.0", does);
        cycles_until(&env, does, || !journal(&env).1.is_empty());
        env.run(&["run"]);
        assert_eq!(installed(&env), ["0.23.1"; NODES], "{does}");
        let (upgraded, taken_back) = journal(&env);
        assert_eq!((upgraded.len(), taken_back.len()), (1, 1), "{does}");
        assert_eq!(keys(&env), before, "{does}: every node is who it was");
        let told = env.run(&["upgrade", "--status"]).expect(0);
        assert!(told.stdout.contains("quarantined: ant-node 0.24.0"), "{does}: {}", told.block());
        for _ in 0..3 {
            env.run(&["run"]);
        }
        assert_eq!(journal(&env).0.len(), 1, "{does}: never again without a word");
        env.cycle_until_resting_with(NODES);
        one_process_each(&env);
    }
}

#[test]
fn a_release_that_is_none_never_stops_a_node() {
    let env = fleet(&[]);
    let before = env.running();
    fs::remove_file(env.program()).expect("it was there");
    StandIn::install_version(&env.path("bin"), "ant-node", "0.24.0");
    env.run(&["upgrade", "1", "--to", "0.25.0"]).expect(5);
    assert_eq!(env.running(), before, "nobody has that one");
    // Whoever puts a new program there has put the beginning of it so far.
    let program = env.program();
    let whole = fs::read(&program).expect("it is there");
    fs::remove_file(&program).expect("it was there");
    fs::write(&program, &whole[..4096]).expect("written");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("our own");
    let refused = env.run(&["upgrade", "1"]);
    assert_ne!(refused.code, Some(0), "{}", refused.block());
    for _ in 0..3 {
        env.run(&["run"]);
    }
    assert_eq!(env.running(), before, "{}", env.run(&["history"]).block());
    assert_eq!(installed(&env), ["0.23.1"; NODES]);
}

#[test]
fn by_name_up_and_down_and_never_down_by_accident() {
    let env = fleet(&["--canary-time", "0s"]);
    env.run(&["config", "set", "upgrade_mode", "off"]).expect(0);
    fs::remove_file(env.program()).expect("it was there");
    StandIn::install_version(&env.path("bin"), "ant-node", "0.22.0");
    env.run(&["run"]);
    assert_eq!(versions(&env), ["0.23.1"; NODES]);
    let refused = env.run(&["upgrade", "2"]).expect(5);
    assert!(refused.stderr.contains("--allow-downgrade"), "{}", refused.block());
    env.run(&["upgrade", "2", "--to", "0.22.0", "--allow-downgrade"]).expect(0);
    assert_eq!(installed(&env), ["0.23.1", "0.22.0", "0.23.1"]);
    cycles_until(&env, "it is proven", || {
        env.names("node").iter().all(|name| !name.starts_with(".kept"))
    });
    one_process_each(&env);
}

#[test]
fn a_program_that_upgrades_itself_is_no_dead_one() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    env.cycle_until_resting_with(1);
    let data = env.base_dir().join("node/antnode0001");
    fs::write(data.join("stand-in.conf"), "die-after=1:0,exit-upgraded=0.24.0").expect("written");
    env.run(&["restart", "1"]).expect(0);
    wait_until(Duration::from_secs(20), "it ends", || env.running().is_empty());
    // The cycle after it starts it again at once, whatever its back-off would be.
    env.run(&["config", "set", "restart_backoff", "1h"]).expect(0);
    let told = "recognise antnode0001: it upgraded itself from 0.23.1 to 0.24.0";
    cycles_until(&env, "it is written down", || env.run(&["history"]).stdout.contains(told));
    assert_eq!(versions(&env), ["0.24.0"]);
    // What the next look starts from.
    env.run(&["run"]).expect(0);
    let snapshot = env.run(&["snapshot"]).expect(0).json();
    let remembered: Vec<_> =
        snapshot["snapshot"]["memory"]["nodes"].as_object().expect("nodes").values().collect();
    assert_eq!(remembered.len(), 1);
    assert_eq!(remembered[0]["deaths"].as_array().map(Vec::len), Some(0), "that was no death");
}

#[test]
fn paused_resumed_and_trusted_again_by_word() {
    let env = fleet(&[]);
    env.run(&["upgrade", "--pause"]).expect(0);
    fs::remove_file(env.program()).expect("it was there");
    StandIn::install_version(&env.path("bin"), "ant-node", "0.24.0");
    env.run(&["run"]);
    env.run(&["run"]);
    let told = env.run(&["upgrade", "--status"]).expect(0);
    assert!(told.stdout.contains("upgrades are paused since"), "{}", told.block());
    assert_eq!(versions(&env), ["0.23.1"; NODES]);
    env.run(&["upgrade", "--resume"]).expect(0);
    cycles_until(&env, "the first has it", || versions(&env)[0] == "0.24.0");
    let refused = env.run(&["upgrade", "--unquarantine", "0.24.0"]).expect(2);
    assert!(refused.stderr.contains("is not quarantined"), "{}", refused.block());
}

#[test]
fn killed_in_the_middle_of_a_rollout_nothing_is_lost() {
    let env = fleet(&["--canary-time", "1s", "--delay-upgrade", "2s"]);
    let before = keys(&env);
    for round in 0_u64..6 {
        let version = format!("0.24.{round}");
        fs::remove_file(env.program()).expect("it was there");
        StandIn::install_version(&env.path("bin"), "ant-node", &version);
        for shot in 0..8 {
            let delay = Duration::from_millis((round * 13 + shot * 29) % 190);
            env.kill_in_the_middle(&["run"], delay);
        }
        cycles_until(&env, &version, || versions(&env) == [version.as_str(); NODES]);
        cycles_until(&env, "nothing is left", || {
            env.names("node").iter().all(|name| !name.starts_with(".k") && !name.starts_with(".n"))
        });
        one_process_each(&env);
    }
    assert_eq!(keys(&env), before, "every node is who it was");
    assert_eq!(journal(&env).1, Vec::<String>::new(), "a killed wnm is no failing release");
}
