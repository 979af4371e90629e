//! Commands that look, and commands that take a node out of care.

use std::fs;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{TestEnv, wait_until};

fn nodes(count: &str) -> TestEnv {
    let env = TestEnv::new();
    env.init(&["--node-cap", count]).expect(0);
    env.run(&["add", "--count", count]).expect(0);
    env.cycle_until_resting_with(count.parse().expect("a number"));
    env
}

/// Runs cycles until `status` says these; a busy machine is slow to show signs of life.
#[track_caller]
fn cycle_until(env: &TestEnv, states: &[&str]) {
    wait_until(Duration::from_secs(60), &format!("the nodes are {states:?}"), || {
        env.run(&["run"]).expect(0);
        env.states() == states
    });
}

fn kill_node(env: &TestEnv, number: u32) {
    let pid = env.pid(number);
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).expect("our own node");
    wait_until(Duration::from_secs(10), "the node is gone", || {
        env.running().iter().all(|(_, running)| *running != pid)
    });
}

#[test]
fn a_disabled_node_is_left_alone_until_it_is_enabled() {
    let env = nodes("2");
    insta::assert_snapshot!(env.run(&["disable", "2"]).block(), @"
    exit 0
    out| done: disable antnode0002
    out| before this: 2 of 2 nodes, 2 running
    err| disable antnode0002: request 2
    ");
    assert_eq!(env.running().len(), 2, "its process stays as it is");
    cycle_until(&env, &["running", "disabled"]);
    kill_node(&env, 2);
    insta::assert_snapshot!(env.run(&["run", "--node-cap", "1"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    ");
    assert_eq!(env.running().len(), 1, "not started again");
    insta::assert_snapshot!(env.run(&["start", "2"]).block(), @"
    exit 5
    out| nothing to do
    out| before this: 1 of 2 nodes, 1 running
    err| refused: antnode0002: it is disabled; enable it first
    ");
    insta::assert_snapshot!(env.run(&["disable", "2"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 2 nodes, 1 running
    ");
    insta::assert_snapshot!(env.run(&["enable", "2"]).block(), @"
    exit 0
    out| done: enable antnode0002
    out| before this: 1 of 2 nodes, 1 running
    err| enable antnode0002: request 5
    ");
    insta::assert_snapshot!(env.run(&["enable", "1-2"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 2 of 2 nodes, 1 running
    ");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| done: start antnode0002
    out| before this: 2 of 2 nodes, 1 running
    err| start antnode0002: it should run and does not
    ");
    env.cycle_until_resting_with(2);
}

#[test]
fn all_and_so_many_leave_out_what_is_disabled() {
    let env = nodes("3");
    insta::assert_snapshot!(env.run(&["disable", "--count", "1"]).block(), @"
    exit 0
    out| done: disable antnode0003
    out| before this: 3 of 3 nodes, 3 running
    err| disable antnode0003: request 2
    ");
    let disabled = env.pid(3);
    env.run(&["restart", "--all"]).expect(0);
    assert_eq!(env.pid(3), disabled);
    env.run(&["remove", "--count", "4"]).expect(0);
    assert_eq!(env.names("node"), [".wnm-storage", "antnode0003"]);
    env.run(&["add", "--count", "3"]).expect(0);
    insta::assert_snapshot!(env.run(&["enable", "--all"]).block(), @"
    exit 5
    out| nothing to do
    out| before this: 3 of 3 nodes, 4 running
    err| refused: antnode0003: it would make 4 nodes and node_cap is 3: raise it with `wnm config set node_cap 4`
    ");
    cycle_until(&env, &["running", "running", "disabled", "running"]);
}

#[test]
fn what_is_disabled_survives_the_loss_of_its_data() {
    let env = nodes("2");
    env.run(&["disable", "1"]).expect(0);
    kill_node(&env, 1);
    fs::remove_dir_all(env.base_dir().join("node/antnode0001")).expect("ours");
    cycle_until(&env, &["disabled", "running"]);
    assert!(!env.run(&["history"]).stdout.contains("remove"), "neither dead nor forgotten");
}

#[test]
fn a_teardown_says_which_disabled_nodes_it_takes() {
    let env = nodes("2");
    env.run(&["disable", "2"]).expect(0);
    insta::assert_snapshot!(env.run(&["teardown"]).block(), @"
    exit 5
    err| error: teardown removes everything, 2 nodes and every setting: it needs --confirm
    err| hint: disabled nodes go as well: antnode0002
    err| hint: nothing was done
    ");
    insta::assert_snapshot!(env.run(&["teardown", "--confirm"]).block(), @"
    exit 0
    out| done: remove antnode0001
    out| done: remove antnode0002
    out| before this: 1 of 2 nodes, 2 running
    err| disabled nodes go as well: antnode0002
    err| remove antnode0001: request 3
    err| remove antnode0002: request 3
    err| identities are kept in [DIR]/home/.local/share/autonomi/identities
    err| everything else of wnm is gone
    ");
    assert_eq!(env.names(""), ["identities"]);
    assert!(env.running().is_empty());
}

#[test]
fn a_survey_looks_and_does_nothing() {
    let env = nodes("2");
    kill_node(&env, 2);
    assert_eq!(env.states(), ["running", "running"], "nobody has looked yet");
    let ran = env.run(&["survey", "2"]).expect(0);
    assert!(ran.stdout.contains("antnode0002  stopped"), "{}", ran.block());
    assert!(!ran.stdout.contains("antnode0001"), "{}", ran.block());
    assert_eq!(env.states(), ["running", "stopped"]);
    assert_eq!(env.running().len(), 1);
    insta::assert_snapshot!(env.run(&["survey", "7"]).block(), @"
    exit 2
    err| error: there is no antnode0007
    err| hint: `wnm status` shows the nodes there are
    ");
}

#[test]
fn a_survey_leaves_requests_to_the_next_cycle() {
    let mut env = nodes("2");
    env.set("WNM_LOCK_PATIENCE", "0");
    let held = env.hold_lock();
    insta::assert_snapshot!(env.run(&["stop", "2"]).block(), @"
    exit 3
    err| queued: request 2 waits for the cycle that is running
    ");
    insta::assert_snapshot!(env.run(&["survey"]).block(), @"
    exit 3
    err| error: another cycle is running; nothing was done
    ");
    drop(held);
    env.run(&["survey"]).expect(0);
    assert_eq!(env.running().len(), 2);
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| done: stop antnode0002
    out| before this: 2 of 2 nodes, 2 running
    err| stop antnode0002: request 2
    ");
    assert_eq!(env.running().len(), 1);
    let status = env.run(&["db", "status", "--json"]).json();
    assert_eq!((&status["requests"], &status["open_requests"]), (&2.into(), &0.into()));
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 2 of 2 nodes, 1 running
    ");
}

#[test]
fn a_setting_explained() {
    let mut env = nodes("1");
    insta::assert_snapshot!(env.run(&["config", "explain", "node-cap"]).block(), @"
    exit 0
    out| node_cap: At most this many nodes; lowering the stored value removes the surplus
    out| value: `1`, from the store
    out| takes: a whole number from 0 to 10000
    out| now: 1 node: it is reached
    out| default: `20`
    out| can be changed at any time
    ");
    insta::assert_snapshot!(env.run(&["config", "explain", "program"]).block(), @"
    exit 0
    out| program: What nodes run: ant-node or antnode
    out| value: `ant-node`, from the default
    out| takes: ant-node, antnode
    out| default: `ant-node`
    out| cannot be changed now: 1 node built with it
    ");
    insta::assert_snapshot!(env.run(&["config", "explain", "node_binary"]).block(), @"
    exit 0
    out| node_binary: The node program; empty: looked up on PATH, ~/.local/bin and /usr/local/bin
    out| value: ``, from the default
    out| takes: an absolute path
    out| default: none
    out| can be changed at any time
    ");
    env.set("WNM_NODE_CAP", "5");
    insta::assert_snapshot!(env.run(&["config", "explain", "node_cap"]).block(), @"
    exit 0
    out| node_cap: At most this many nodes; lowering the stored value removes the surplus
    out| value: `5`, from the environment
    out| stored: `1`; a value from above the store may hold back and stop, but never removes nodes
    out| takes: a whole number from 0 to 10000
    out| now: 1 node: room for 4 more
    out| default: `20`
    out| can be changed at any time
    ");
    insta::assert_snapshot!(env.run(&["config", "explain", "node_cpa"]).block(), @"
    exit 2
    err| error: there is no setting `node_cpa`; the nearest is `node_cap`, and `wnm config list` shows all
    ");
}

#[test]
fn keys_are_listed_and_never_shown() {
    let env = nodes("2");
    let key = fs::read(env.base_dir().join("node/antnode0002/node_identity.key")).expect("a key");
    env.run(&["remove", "2"]).expect(0);
    let ran = env.run(&["identity", "list"]).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[1].starts_with("antnode0001-1-ant-node.key: archived 20"), "{}", ran.block());
    assert!(lines[2].starts_with("antnode0002-2-ant-node.key: archived 20"), "{}", ran.block());
    assert!(lines[2].ends_with("earned for 0x00455d78f850b0358E8cea5be24d415E01E107CF"));
    assert_eq!(lines[3..], ["antnode0001: in use, and in the archive"]);
    let shown = ran.stdout + &env.run(&["identity", "list", "--json"]).stdout;
    let tail = String::from_utf8_lossy(&key[..key.len().min(32)]).into_owned();
    assert!(!shown.contains(&tail));
    let archive = env.base_dir().join("identities");
    fs::write(archive.join("antnode0002-2-ant-node.json"), "{").expect("spoiled");
    fs::write(archive.join("notes.txt"), "mine").expect("written");
    let ran = env.run(&["identity", "list"]).expect(0);
    assert!(ran.stdout.contains("its description makes no sense"), "{}", ran.block());
    assert!(!ran.stdout.contains("notes"), "{}", ran.block());
}

#[test]
fn a_damaged_store_is_found_out() {
    let env = nodes("1");
    let ran = env.run(&["db", "status"]).expect(0);
    assert!(ran.stdout.contains("1 nodes, 1 operations, 1 requests"), "{}", ran.block());
    let ran = env.run(&["db", "check"]).expect(0);
    let first = ran.stdout.lines().next().unwrap_or_default();
    assert!(first.ends_with("autonomi/colony.db is sound"), "{}", ran.block());
    let store = env.base_dir().join("colony.db");
    let file = fs::OpenOptions::new().write(true).open(&store).expect("there");
    let size = file.metadata().expect("a size").len();
    // Everything behind the first two pages: the rows, not the mark that says whose file it is.
    file.write_all_at(&vec![0x5a; (size - 8192) as usize], 8192).expect("written");
    assert_eq!(env.run(&["db", "check"]).code, Some(8));
    assert_eq!(env.run(&["run"]).code, Some(8));
    assert_eq!(env.running().len(), 1, "nodes go on");
}

#[test]
fn a_history_of_some_nodes_and_some_time() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    let lines = |args: &[&str]| {
        env.run(args).expect(0).stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&["history"]), ["nothing was done yet"]);
    env.run(&["add", "--count", "2"]).expect(0);
    env.run(&["stop", "2"]).expect(0);
    assert_eq!(lines(&["history"]).len(), 3);
    assert_eq!(lines(&["history", "--limit", "1"]).len(), 1);
    let of_two = lines(&["history", "antnode0002", "--since", "1h"]);
    assert_eq!(of_two.len(), 2);
    assert!(of_two[1].contains("stop antnode0002: request 2 - done"), "{of_two:?}");
    let none = ["nothing of that kind was done; `wnm history` shows the last 50"];
    assert_eq!(lines(&["history", "7"]), none);
    assert_eq!(
        env.run(&["history", "7", "--json"]).expect(0).json()["operations"],
        serde_json::json!([])
    );
}

#[test]
fn a_status_is_filtered_sorted_and_watched() {
    let env = nodes("2");
    env.run(&["stop", "1"]).expect(0);
    env.run(&["survey"]).expect(0);
    let rows = |args: &[&str]| {
        let text = env.run(args).expect(0).stdout;
        let rows = text.lines().filter(|line| line.starts_with("antnode"));
        rows.map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&["status", "--state", "running"]), ["antnode0002 running"]);
    assert_eq!(rows(&["status", "--state", "stopped,dead"]), ["antnode0001 stopped"]);
    assert_eq!(rows(&["status", "--sort", "memory"])[0], "antnode0002 running");
    assert_eq!(rows(&["status", "1", "--details"]), ["antnode0001 stopped"]);
    let none = "none in such a state, and 2 nodes besides";
    assert!(env.run(&["status", "--state", "dead"]).stdout.starts_with(none));
    let status = env.run(&["status", "--state", "running", "--json"]).expect(0).json();
    assert_eq!(status["nodes"].as_array().map(Vec::len), Some(1));
    // Whoever watches gets one look after the other, until nobody reads any more.
    let mut child = env.start(&["status", "--watch=1"]);
    let mut looks = std::io::BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    let mut heads = 0;
    while heads < 2 {
        line.clear();
        assert!(
            std::io::BufRead::read_line(&mut looks, &mut line).expect("readable") > 0,
            "it goes on"
        );
        heads += usize::from(line.starts_with("NODE"));
    }
    drop(looks);
    wait_until(Duration::from_secs(20), "the watch ends with its reader", || {
        child.try_wait().expect("our own child").is_some()
    });
}
