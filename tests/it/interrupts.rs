//! Ctrl-C in the middle of long work.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::TestEnv;

/// Runs wnm, and sends it `signal`, twice, when it has begun its first node. Its exit code and what
/// it said.
fn interrupted(env: &TestEnv, args: &[&str], signal: Signal) -> (Option<i32>, String, String) {
    let mut child = env.start(args);
    let pid = Pid::from_raw(child.id() as i32);
    let mut errors = BufReader::new(child.stderr.take().expect("piped"));
    let mut said = String::new();
    errors.read_line(&mut said).expect("its first node");
    kill(pid, signal).expect("our own child");
    kill(pid, signal).expect("our own child");
    errors.read_to_string(&mut said).expect("readable");
    let mut data = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut data).expect("readable");
    (child.wait().expect("our own child").code(), data, said)
}

#[test]
fn the_node_at_hand_is_finished_and_the_rest_not_begun() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let env = TestEnv::new();
        env.init(&["--node-cap", "9"]).expect(0);
        let (code, data, said) = interrupted(&env, &["add", "--count", "9"], signal);
        let done = data.lines().filter(|line| line.starts_with("done: add")).count();
        assert_eq!(code, Some(6), "{data}{said}");
        assert!((1..9).contains(&done), "{data}{said}");
        assert!(said.contains("stopping as soon as the node at hand is done"), "{said}");
        assert!(said.contains("interrupted; not begun: add antnode"), "{said}");
        // Store, directories and processes agree, and nothing is left to go on by itself.
        assert_eq!(env.running().len(), done);
        assert_eq!(env.names("node").len(), done + 1, "and the marker");
        assert_eq!(env.states().len(), done);
        assert_eq!(env.run(&["db", "status", "--json"]).json()["open_requests"], 0);
        env.run(&["remove", "--all", "--confirm"]).expect(0);
        assert!(env.running().is_empty());
    }
}

#[test]
fn a_teardown_that_was_interrupted_is_run_again() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "9"]).expect(0);
    env.run(&["add", "--count", "9"]).expect(0);
    let (code, data, said) = interrupted(&env, &["teardown", "--confirm"], Signal::SIGINT);
    assert_eq!(code, Some(6), "{data}{said}");
    assert!(said.contains("the store stays; run teardown again"), "{said}");
    let left = env.states().len();
    assert!((1..9).contains(&left), "{data}{said}");
    env.run(&["teardown", "--confirm"]).expect(0);
    assert!(env.running().is_empty());
    assert_eq!(env.names(""), ["identities"]);
}

/// Nothing was left to begin, and still: what comes after the nodes was not to happen either.
#[test]
fn a_teardown_interrupted_at_its_last_node_keeps_the_store_and_the_keys() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    env.run(&["add"]).expect(0);
    let teardown = ["teardown", "--confirm", "--no-archive"];
    let (code, data, said) = interrupted(&env, &teardown, Signal::SIGTERM);
    assert_eq!(code, Some(6), "{data}{said}");
    assert!(said.contains("interrupted: the store stays; run teardown again"), "{said}");
    assert_eq!(env.names("identities").len(), 2, "a key and what it is of");
    env.run(&teardown).expect(0);
    assert_eq!(env.names(""), Vec::<String>::new());
}

/// It waited for another cycle, and what it had asked for stayed: the next one removed the node.
#[test]
fn what_is_interrupted_while_it_waits_is_taken_back() {
    let mut env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    env.run(&["add"]).expect(0);
    let lock = env.hold_lock();
    env.set("WNM_LOCK_PATIENCE", "60");
    let mut child = env.start(&["remove", "1"]);
    crate::harness::wait_until(Duration::from_secs(60), "the request is stored", || {
        env.run(&["db", "status", "--json"]).json()["open_requests"] == 1
    });
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("our own child");
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("readable");
    assert_eq!(child.wait().expect("our own child").code(), Some(1), "{said}");
    assert!(said.contains("is taken back"), "{said}");
    drop(lock);
    env.run(&["run"]).expect(0);
    assert_eq!(env.running().len(), 1, "the node is still there");
}
