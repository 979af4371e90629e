//! Bad worlds: what the machine or its operator did to the files and processes of wnm, what wnm said
//! to it, and what it left as it was.

use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{TestEnv, is_there, wait_until};

/// A home with one running node, and no more than it.
fn one_node() -> TestEnv {
    one_node_with(&[])
}

fn one_node_with(more: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.init(&[&["--node-cap", "1"], more].concat()).expect(0);
    env.run(&["add"]).expect(0);
    env.cycle_until_resting_with(1);
    env
}

fn data(env: &TestEnv) -> PathBuf {
    env.base_dir().join("node/antnode0001")
}

fn signal(env: &TestEnv, signal: Signal) {
    kill(Pid::from_raw(env.pid(1) as i32), signal).expect("our own node");
}

/// Its process ends, and wnm is not told.
fn kill_node(env: &TestEnv) {
    signal(env, Signal::SIGKILL);
    wait_until(Duration::from_secs(10), "the node is gone", || env.running().is_empty());
}

/// True, and said aloud, where permissions bind nobody.
fn root_may_do_everything(test: &str) -> bool {
    let is_root = nix::unistd::getuid().is_root();
    if is_root {
        let note = format!("NOT TESTED: {test}: root may read and write everything\n");
        std::io::stderr().write_all(note.as_bytes()).expect("somebody listens");
    }
    is_root
}

#[test]
fn the_base_directory_is_deleted() {
    let env = one_node();
    fs::remove_dir_all(env.base_dir()).expect("ours");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 4
    err| error: not initialised: there is no [DIR]/home/.local/share/autonomi/colony.db
    err| hint: begin with `wnm init --rewards-address 0x… --node-cap N`
    ");
    assert_eq!(env.running().len(), 1, "what runs goes on");
    assert!(!is_there(&env.base_dir()), "and nothing is made");
    insta::assert_snapshot!(env.init(&["--node-cap", "1"]).block(), @"
    exit 2
    err| error: port [PORT]001 is in use on this machine, and the first 1 nodes would need it: choose another --port-start or --metrics-port-start
    err| hint: nothing was written
    ");
}

#[test]
fn the_store_is_deleted_while_a_node_runs() {
    let env = one_node();
    fs::remove_file(env.base_dir().join("colony.db")).expect("there");
    insta::assert_snapshot!(env.run(&["remove", "1"]).block(), @"
    exit 4
    err| error: not initialised: there is no [DIR]/home/.local/share/autonomi/colony.db
    err| hint: there are backups of one: `wnm --scope user db restore --latest --dry-run` says what they hold
    ");
    insta::assert_snapshot!(env.init(&["--node-cap", "1"]).block(), @"
    exit 5
    err| error: there is no [DIR]/home/.local/share/autonomi/colony.db, but there are backups of it
    err| hint: `wnm --scope user db restore --latest` puts the newest back; with --dry-run it says what it holds
    err| hint: to begin anew, move [DIR]/home/.local/share/autonomi/backups and [DIR]/home/.local/share/autonomi/colony.db.before-* aside
    ");
    fs::rename(env.base_dir().join("backups"), env.path("aside")).expect("a cycle made one");
    insta::assert_snapshot!(env.init(&["--node-cap", "1"]).block(), @"
    exit 2
    err| error: port [PORT]001 is in use on this machine, and the first 1 nodes would need it: choose another --port-start or --metrics-port-start
    err| hint: nothing was written
    ");
    assert_eq!(env.running().len(), 1);
    assert!(is_there(&data(&env).join("node_identity.key")));
}

#[test]
fn a_data_directory_is_moved_away_for_a_while() {
    let env = one_node();
    let (pid, aside) = (env.pid(1), env.path("aside"));
    fs::rename(data(&env), &aside).expect("one file system");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    out| note: the data directory of antnode0001 is gone, and its process lives, so it is not taken for lost. Put it back where it was, or `wnm remove 1`
    ");
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).expect("our own node");
    wait_until(Duration::from_secs(10), "it is gone", || {
        kill(Pid::from_raw(pid as i32), None).is_err()
    });
    let ran = env.run(&["run"]).expect(0);
    assert!(ran.stdout.contains("is gone, and it is taken for lost in 3600 s"), "{}", ran.block());
    fs::rename(&aside, data(&env)).expect("back");
    env.cycle_until_resting_with(1);
    assert_eq!(env.names("node").len(), 2, "the node and the marker");
}

#[test]
fn the_store_is_a_directory() {
    let env = one_node();
    // What is said beside a backup is told in `store.rs`.
    fs::remove_dir_all(env.base_dir().join("backups")).expect("a cycle made one");
    let store = env.base_dir().join("colony.db");
    fs::remove_file(&store).expect("there");
    fs::create_dir(&store).expect("made");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 8
    err| error: failed to open the store: [DIR]/home/.local/share/autonomi/colony.db: it is not a store of this program, and was left untouched
    ");
    insta::assert_snapshot!(env.run(&["status"]).block(), @"
    exit 8
    err| error: failed to open the store for reading: [DIR]/home/.local/share/autonomi/colony.db: it is not a store of this program, and was left untouched
    ");
    assert!(store.is_dir());
}

#[test]
fn the_store_is_empty() {
    let env = one_node();
    let store = env.base_dir().join("colony.db");
    // What is said beside a backup is told in `store.rs`.
    fs::remove_dir_all(env.base_dir().join("backups")).expect("a cycle made one");
    for name in ["colony.db-wal", "colony.db-shm"] {
        fs::remove_file(env.base_dir().join(name)).ok();
    }
    fs::write(&store, "").expect("emptied");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 8
    err| error: failed to open the store: [DIR]/home/.local/share/autonomi/colony.db: it is not a store of this program, and was left untouched
    ");
    assert_eq!(fs::metadata(&store).expect("there").len(), 0, "it was left as it was");
}

#[test]
fn the_store_may_not_be_written() {
    if root_may_do_everything("the_store_may_not_be_written") {
        return;
    }
    let env = one_node();
    let store = env.base_dir().join("colony.db");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o400)).expect("ours");
    assert_ne!(env.run(&["run"]).code, Some(0));
    assert_eq!(env.running().len(), 1);
}

#[test]
fn the_lock_is_a_directory() {
    let env = one_node();
    let lock = env.base_dir().join("wnm_active");
    fs::remove_file(&lock).expect("there");
    fs::create_dir(&lock).expect("made");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 1
    err| error: failed to lock [DIR]/home/.local/share/autonomi/wnm_active: Is a directory (os error 21)
    ");
    insta::assert_snapshot!(env.run(&["stop", "1"]).block(), @"
    exit 1
    err| error: failed to lock [DIR]/home/.local/share/autonomi/wnm_active: Is a directory (os error 21)
    ");
    assert_eq!(env.running().len(), 1);
    env.run(&["status"]).expect(0);
}

#[test]
fn the_data_is_replaced_by_a_file() {
    let env = one_node();
    kill_node(&env);
    fs::remove_dir_all(data(&env)).expect("ours");
    fs::write(data(&env), "somebody's").expect("written");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 1
    out| FAILED: start antnode0001: failed to look at [DIR]/home/.local/share/autonomi/node/antnode0001/ant-node: Not a directory (os error 20)
    out| before this: 1 of 1 nodes, 0 running
    err| start antnode0001: it should run and does not; died 1 time in the last hour
    ");
    insta::assert_snapshot!(env.run(&["remove", "1"]).block(), @"
    exit 1
    out| FAILED: remove antnode0001: failed to look at [DIR]/home/.local/share/autonomi/node/antnode0001/node_identity.key: Not a directory (os error 20)
    out| before this: 1 of 1 nodes, 0 running
    err| remove antnode0001: request 2
    ");
    assert_eq!(fs::read_to_string(data(&env)).expect("there"), "somebody's");
}

#[test]
fn the_data_is_replaced_by_a_link() {
    let env = one_node();
    kill_node(&env);
    let elsewhere = env.path("elsewhere");
    fs::rename(data(&env), &elsewhere).expect("moved");
    symlink(&elsewhere, data(&env)).expect("linked");
    insta::assert_snapshot!(env.run(&["remove", "1"]).block(), @"
    exit 1
    out| FAILED: remove antnode0001: [DIR]/home/.local/share/autonomi/node/antnode0001 does not lie inside [DIR]/home/.local/share/autonomi/node with its links resolved: it is not touched
    out| before this: 1 of 1 nodes, 0 running
    err| remove antnode0001: request 2
    ");
    assert!(is_there(&elsewhere.join("node_identity.key")), "what it leads to is whole");
    assert!(is_there(&data(&env)));
}

#[test]
fn the_data_is_emptied_while_the_node_runs() {
    let env = one_node();
    for entry in fs::read_dir(data(&env)).expect("there") {
        let path = entry.expect("an entry").path();
        fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).expect("ours");
    }
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    ");
    insta::assert_snapshot!(env.run(&["identity", "list"]).stdout.lines().last().unwrap_or(""), @"antnode0001: the node has none yet");
    insta::assert_snapshot!(env.run(&["remove", "1"]).block(), @"
    exit 0
    out| done: remove antnode0001
    out| before this: 1 of 1 nodes, 1 running
    err| remove antnode0001: request 2
    ");
    let archived = ["antnode0001-1-ant-node.json", "antnode0001-1-ant-node.key"];
    assert_eq!(env.names("identities"), archived, "as it was when it ran for the first time");
}

#[test]
fn the_key_is_a_directory() {
    let env = one_node();
    let key = data(&env).join("node_identity.key");
    fs::remove_file(&key).expect("there");
    fs::remove_dir_all(env.base_dir().join("identities")).expect("ours");
    fs::create_dir(&key).expect("made");
    insta::assert_snapshot!(env.run(&["identity", "list"]).block(), @"
    exit 0
    out| 0 keys in [DIR]/home/.local/share/autonomi/identities
    out| antnode0001: could not be looked at: read [DIR]/home/.local/share/autonomi/node/antnode0001/node_identity.key: it is no file
    ");
    insta::assert_snapshot!(env.run(&["remove", "1"]).block(), @"
    exit 1
    out| FAILED: remove antnode0001: read [DIR]/home/.local/share/autonomi/node/antnode0001/node_identity.key: it is no file
    out| before this: 1 of 1 nodes, 1 running
    err| remove antnode0001: request 2
    ");
    assert!(key.is_dir(), "what could not be archived is not deleted");
}

#[test]
fn the_key_may_not_be_read() {
    if root_may_do_everything("the_key_may_not_be_read") {
        return;
    }
    let env = one_node();
    let key = data(&env).join("node_identity.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o000)).expect("ours");
    env.run(&["remove", "1"]).expect(1);
    assert!(is_there(&key), "what could not be archived is not deleted");
}

#[test]
fn the_archive_is_a_file() {
    let env = one_node();
    let archive = env.base_dir().join("identities");
    fs::remove_dir_all(&archive).expect("ours");
    fs::write(&archive, "").expect("written");
    insta::assert_snapshot!(env.run(&["remove", "1"]).block(), @"
    exit 1
    out| FAILED: remove antnode0001: failed to make [DIR]/home/.local/share/autonomi/identities: File exists (os error 17)
    out| before this: 1 of 1 nodes, 1 running
    err| remove antnode0001: request 2
    ");
    insta::assert_snapshot!(env.run(&["identity", "list"]).block(), @"
    exit 1
    err| error: failed to list [DIR]/home/.local/share/autonomi/identities: Not a directory (os error 20)
    ");
    assert!(is_there(&data(&env).join("node_identity.key")));
}

#[test]
fn the_logs_are_deleted() {
    let env = one_node();
    fs::remove_dir_all(env.base_dir().join("logs")).expect("ours");
    env.run(&["restart", "1"]).expect(0);
    assert_eq!(env.names("logs"), ["antnode0001"]);
}

#[test]
fn the_logs_are_a_file() {
    let env = one_node();
    fs::remove_dir_all(env.base_dir().join("logs/antnode0001")).expect("ours");
    fs::write(env.base_dir().join("logs/antnode0001"), "mine").expect("written");
    insta::assert_snapshot!(env.run(&["restart", "1"]).block(), @"
    exit 1
    out| FAILED: restart antnode0001: failed to open [DIR]/home/.local/share/autonomi/logs/antnode0001/output.log: Not a directory (os error 20)
    out| before this: 1 of 1 nodes, 1 running
    err| restart antnode0001: request 2
    ");
    insta::assert_snapshot!(env.run(&["remove", "1"]).block(), @"
    exit 1
    out| FAILED: remove antnode0001: failed to delete [DIR]/home/.local/share/autonomi/logs/antnode0001: Not a directory (os error 20)
    out| before this: 1 of 1 nodes, 0 running
    err| remove antnode0001: request 3
    ");
    let kept = fs::read_to_string(env.base_dir().join("logs/antnode0001"));
    assert_eq!(kept.expect("there"), "mine");
}

#[test]
fn the_program_of_a_node_is_deleted() {
    let env = one_node();
    fs::remove_file(data(&env).join("ant-node")).expect("there");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    ");
    env.run(&["restart", "1"]).expect(0);
    assert!(is_there(&data(&env).join("ant-node")), "it is copied again");
}

#[test]
fn the_program_of_a_node_may_not_be_run() {
    let env = one_node();
    kill_node(&env);
    let program = data(&env).join("ant-node");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o600)).expect("ours");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 1
    out| FAILED: start antnode0001: failed to start antnode0001: Permission denied (os error 13)
    out| before this: 1 of 1 nodes, 0 running
    err| start antnode0001: it should run and does not; died 1 time in the last hour
    ");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("ours");
    env.run(&["start", "1"]).expect(0);
}

#[test]
fn the_program_of_a_node_is_something_else() {
    let env = one_node();
    kill_node(&env);
    let program = data(&env).join("ant-node");
    // Not written into: the kernel may hold the old file a moment longer than the process is seen.
    fs::remove_file(&program).expect("there");
    fs::write(&program, "this is no program").expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("ours");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 1
    out| FAILED: start antnode0001: failed to start antnode0001: it ended at once (exit status: 127); see [DIR]/home/.local/share/autonomi/logs/antnode0001/output.log
    out| before this: 1 of 1 nodes, 0 running
    err| start antnode0001: it should run and does not; died 1 time in the last hour
    ");
    assert_eq!(fs::read_to_string(&program).expect("there"), "this is no program");
}

#[test]
fn there_is_no_program_for_more_nodes() {
    let env = one_node();
    env.run(&["config", "set", "node_cap", "2"]).expect(0);
    fs::remove_file(env.program()).expect("there");
    insta::assert_snapshot!(env.run(&["add"]).block(), @"
    exit 5
    out| nothing to do
    out| before this: 1 of 2 nodes, 1 running
    err| refused: no node program: no `ant-node` was found on PATH, in ~/.local/bin or /usr/local/bin: `wnm binary fetch` gets it, or name it with --node-binary
    ");
    kill_node(&env);
    let ran = env.run(&["run"]).expect(0);
    assert!(ran.stdout.contains("done: start antnode0001"), "{}", ran.block());
    assert_eq!(env.running().len(), 1, "a node has its own copy");
}

#[test]
fn there_is_no_path() {
    let env = one_node();
    let home = env.path("home").display().to_string();
    insta::assert_snapshot!(env.run_in(&[("HOME", &home), ("WNM_SCOPE", "user"), ("PATH", "")], &["run"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    ");
    assert_eq!(env.running().len(), 1);
}

#[test]
fn the_marker_is_deleted() {
    let env = one_node();
    fs::remove_file(env.base_dir().join("node/.wnm-storage")).expect("there");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    out| note: antnode0001 could not be observed: [DIR]/home/.local/share/autonomi/node has no .wnm-storage in it: its disk is not mounted, or it is not a storage of ours
    ");
    insta::assert_snapshot!(env.run(&["remove", "1"]).block(), @"
    exit 5
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    out| note: antnode0001 could not be observed: [DIR]/home/.local/share/autonomi/node has no .wnm-storage in it: its disk is not mounted, or it is not a storage of ours
    err| refused: antnode0001: it could not be observed: [DIR]/home/.local/share/autonomi/node has no .wnm-storage in it: its disk is not mounted, or it is not a storage of ours
    ");
    insta::assert_snapshot!(env.run(&["teardown", "--confirm"]).block(), @"
    exit 5
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    out| note: antnode0001 could not be observed: [DIR]/home/.local/share/autonomi/node has no .wnm-storage in it: its disk is not mounted, or it is not a storage of ours
    err| refused: antnode0001: it could not be observed: [DIR]/home/.local/share/autonomi/node has no .wnm-storage in it: its disk is not mounted, or it is not a storage of ours
    err| not everything could be removed: the store stays; run teardown again
    ");
    assert_eq!(env.running().len(), 1);
    assert!(is_there(&data(&env)));
}

#[test]
fn the_marker_is_empty() {
    let env = one_node();
    fs::write(env.base_dir().join("node/.wnm-storage"), "").expect("written");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    ");
}

#[test]
fn the_storage_is_a_file() {
    let env = one_node();
    let root = env.base_dir().join("node");
    fs::rename(&root, env.base_dir().join("aside")).expect("moved");
    fs::write(&root, "mine").expect("written");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    out| note: antnode0001 could not be observed: failed to list [DIR]/home/.local/share/autonomi/node: Not a directory (os error 20)
    ");
    assert_eq!(fs::read_to_string(&root).expect("there"), "mine");
}

#[test]
fn somebody_has_the_name_of_the_next_node() {
    let env = one_node();
    let taken = env.base_dir().join("node/antnode0002");
    fs::create_dir(&taken).expect("made");
    env.run(&["config", "set", "node_cap", "2"]).expect(0);
    insta::assert_snapshot!(env.run(&["add"]).block(), @"
    exit 0
    out| done: add antnode0003
    out| before this: 1 of 2 nodes, 1 running
    out| note: skipped because their name or ports are taken: antnode0002
    err| add antnode0003: request 2
    ");
    assert_eq!(fs::read_dir(&taken).expect("there").count(), 0, "nothing was put into it");
}

#[test]
fn somebody_has_the_port_of_the_next_node() {
    let env = one_node();
    let _taken = UdpSocket::bind(("127.0.0.1", env.spec(2).ports.node)).expect("free");
    env.run(&["config", "set", "node_cap", "2"]).expect(0);
    insta::assert_snapshot!(env.run(&["add"]).block(), @"
    exit 0
    out| done: add antnode0003
    out| before this: 1 of 2 nodes, 1 running
    out| note: skipped because their name or ports are taken: antnode0002
    err| add antnode0003: request 2
    ");
}

#[test]
fn somebody_has_the_port_of_a_stopped_node() {
    let env = one_node();
    env.run(&["stop", "1"]).expect(0);
    let _taken = UdpSocket::bind(("0.0.0.0", env.spec(1).ports.node)).expect("free");
    let ran = env.run(&["start", "1"]);
    assert_ne!(ran.code, Some(2), "{}", ran.block());
    assert!(is_there(&data(&env).join("node_identity.key")));
}

#[test]
fn a_node_is_frozen_by_hand() {
    let env = one_node();
    signal(&env, Signal::SIGSTOP);
    let frozen = env.pid(1);
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    ");
    assert_eq!(env.pid(1), frozen, "it lives, and nobody starts another");
    signal(&env, Signal::SIGCONT);
}

#[test]
fn a_node_is_started_a_second_time_by_hand() {
    let env = TestEnv::with_program("antnode");
    env.init(&["--node-cap", "1", "--program", "antnode"]).expect(0);
    env.run(&["add"]).expect(0);
    let line = fs::read(format!("/proc/{}/cmdline", env.pid(1))).expect("it runs");
    let mut words: Vec<String> =
        String::from_utf8(line).expect("UTF-8").split_terminator('\0').map(str::to_owned).collect();
    // With ports of its own, or it would end by itself.
    for (flag, number) in [("--port", 2), ("--metrics-server-port", 3)] {
        let at = words.iter().position(|word| word == flag).expect("it has one");
        words[at + 1] = env.spec(number).ports.node.to_string();
    }
    let mut second = Command::new(&words[0])
        .args(&words[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    wait_until(Duration::from_secs(10), "both are seen", || env.running().len() == 2);
    let ran = env.run(&["run"]).expect(0);
    assert!(ran.stdout.contains("1 of 1 nodes, 1 running"), "counted once: {}", ran.block());
    assert!(ran.stdout.contains("one identity must not run twice"), "{}", ran.block());
    assert!(ran.stdout.contains("`wnm stop antnode0001` ends all of them"), "{}", ran.block());
    assert!(env.run(&["start", "1"]).code.is_some());
    assert_eq!(env.running().len(), 2, "nothing starts a third one");
    env.run(&["stop", "1"]).expect(0);
    second.wait().expect("ours");
    assert!(env.running().is_empty(), "a stop ends every process of the node");
}

#[test]
fn a_node_is_started_by_hand_that_should_be_stopped() {
    let env = one_node();
    let line = fs::read(format!("/proc/{}/cmdline", env.pid(1))).expect("it runs");
    let line = String::from_utf8(line).expect("UTF-8");
    let words: Vec<&str> = line.split_terminator('\0').collect();
    env.run(&["stop", "1"]).expect(0);
    let mut by_hand = Command::new(words[0])
        .args(&words[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    wait_until(Duration::from_secs(10), "it is seen", || env.running().len() == 1);
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| nothing to do
    out| before this: 1 of 1 nodes, 1 running
    out| note: antnode0001 should be stopped, but somebody started it; it is left alone
    ");
    env.run(&["stop", "1"]).expect(0);
    by_hand.wait().expect("ours");
    assert!(env.running().is_empty());
}

#[test]
fn wishes_that_contradict_each_other() {
    let mut env = one_node();
    env.set("WNM_LOCK_PATIENCE", "0");
    let held = env.hold_lock();
    env.run(&["remove", "1"]).expect(3);
    env.run(&["stop", "1"]).expect(3);
    insta::assert_snapshot!(env.run(&["disable", "1"]).block(), @"
    exit 3
    err| queued: request 4 waits for the cycle that is running
    ");
    drop(held);
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 0
    out| done: remove antnode0001
    out| before this: 1 of 1 nodes, 1 running
    err| remove antnode0001: request 2
    err| refused: request 3: antnode0001: something else is done with it in this cycle; ask again
    err| refused: request 4: antnode0001: something else is done with it in this cycle; ask again
    ");
    insta::assert_snapshot!(env.run(&["history"]).stdout.lines().count(), @"2");
    insta::assert_snapshot!(env.run(&["stop", "1"]).block(), @"
    exit 2
    err| error: there is no antnode0001; nothing was done
    err| hint: `wnm status` shows the nodes there are
    ");
}

#[test]
fn init_is_killed_at_any_moment() {
    for delay in [1, 4, 8, 12, 16, 20, 30, 45, 70] {
        let env = TestEnv::new();
        let args = env.init_args(&["--node-cap", "1"]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        env.run_and_kill(&args, Duration::from_millis(delay));
        let again = env.run(&args);
        let is_there = again.stderr.contains("already initialised");
        assert!(again.code == Some(0) || is_there, "{delay} ms: {}", again.block());
        env.run(&["plan"]).expect(0);
        env.run(&["add"]).expect(0);
        env.run(&["teardown", "--confirm"]).expect(0);
        assert_eq!(env.names(""), ["identities"], "{delay} ms");
    }
}

#[test]
fn init_is_killed_before_it_stored_a_setting() {
    let env = TestEnv::new();
    fs::create_dir_all(env.base_dir()).expect("made");
    drop(wnm_store::SqliteStore::create(&env.base_dir().join("colony.db")).expect("made"));
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 4
    err| error: not initialised: no init has filled [DIR]/home/.local/share/autonomi/colony.db
    err| hint: `wnm init` was interrupted; run it again
    ");
    env.init(&["--node-cap", "1"]).expect(0);
    env.run(&["add"]).expect(0);
    assert_eq!(env.init(&["--node-cap", "1"]).code, Some(2), "once is enough");
}

#[test]
fn things_of_others_lie_among_ours_at_teardown() {
    let env = one_node();
    fs::write(env.base_dir().join("node/notes.txt"), "mine").expect("written");
    fs::write(env.base_dir().join("logs/notes.txt"), "mine").expect("written");
    fs::write(env.base_dir().join("notes.txt"), "mine").expect("written");
    env.run(&["teardown", "--confirm"]).expect(0);
    assert_eq!(env.names(""), ["identities", "logs", "node", "notes.txt"]);
    assert_eq!(
        (env.names("node"), env.names("logs")),
        (vec!["notes.txt".into()], vec!["notes.txt".into()])
    );
}
