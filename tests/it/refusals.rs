//! Bad input: each its own clear message and exit code, and nothing half made.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;

use nix::fcntl::{Flock, FlockArg};

use crate::harness::{Ran, TestEnv, is_there};

/// What init says of one bad thing, and that it made nothing.
fn refused(env: &TestEnv, more: &[&str]) -> String {
    let ran: Ran = env.init(more);
    assert!(!is_there(&env.base_dir()), "nothing was made: {}", ran.block());
    ran.block()
}

#[test]
fn an_unknown_option() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["run", "--node-cpa", "3"]).block(), @"");
}

#[test]
fn a_malformed_wallet() {
    let env = TestEnv::new();
    insta::assert_snapshot!(refused(&env, &["--rewards-address", "0x123"]), @"");
}

#[test]
fn a_mistyped_wallet() {
    let env = TestEnv::new();
    let mistyped = "0x00455d78f850b0358E8cea5be24d415E01E107Cf";
    insta::assert_snapshot!(refused(&env, &["--rewards-address", mistyped]), @"");
}

#[test]
fn several_bad_values_are_all_named() {
    let env = TestEnv::new();
    let bad = [
        "--node-cap",
        "many",
        "--cpu-less-than",
        "80",
        "--cpu-remove",
        "60",
        "--delay-start",
        "soon",
        "--node-removal-strategy",
        "random",
    ];
    insta::assert_snapshot!(refused(&env, &bad), @"");
}

#[test]
fn a_missing_program() {
    let env = TestEnv::new();
    insta::assert_snapshot!(refused(&env, &["--node-binary", "/nowhere/ant-node"]), @"");
    fs::remove_file(env.program()).expect("removed");
    insta::assert_snapshot!(refused(&env, &[]), @"");
}

#[test]
fn a_wrong_program() {
    let env = TestEnv::new();
    insta::assert_snapshot!(refused(&env, &["--node-binary", "/bin/true"]), @"");
    let other = TestEnv::with_program("antnode");
    let path = other.program().display().to_string();
    let text = refused(&env, &["--node-binary", &path]).replace(&path, "[ANTNODE]");
    insta::assert_snapshot!(text, @"");
    let plain = env.path("plain");
    fs::write(&plain, "x").expect("written");
    let plain = plain.display().to_string();
    insta::assert_snapshot!(refused(&env, &["--node-binary", &plain]), @"");
}

#[test]
fn ports_out_of_range_or_too_close() {
    let env = TestEnv::new();
    insta::assert_snapshot!(refused(&env, &["--port-start", "66"]), @"");
    insta::assert_snapshot!(refused(&env, &["--port-start", "65", "--node-cap", "600"]), @"");
    insta::assert_snapshot!(refused(&env, &["--port-start", "40", "--metrics-port-start", "40"]), @"");
}

#[test]
fn a_port_that_is_taken() {
    let env = TestEnv::new();
    let port = env.spec(2).ports.node;
    let _taken = UdpSocket::bind(("127.0.0.1", port)).expect("free");
    insta::assert_snapshot!(refused(&env, &["--node-cap", "3"]), @"");
}

#[test]
fn a_base_directory_that_cannot_be_written() {
    let mut env = TestEnv::new();
    let file = env.path("file");
    fs::write(&file, "").expect("written");
    env.set("XDG_DATA_HOME", &file.display().to_string());
    insta::assert_snapshot!(env.init(&[]).block(), @"");
}

#[test]
fn the_system_scope_and_unknown_managers() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["init", "--scope", "system"]).block(), @"");
    insta::assert_snapshot!(refused(&env, &["--manager", "upstart+user"]), @"");
}

#[test]
fn without_init_every_command_says_so() {
    let env = TestEnv::new();
    let commands: [&[&str]; 8] = [
        &["run"],
        &["plan"],
        &["status"],
        &["history"],
        &["add"],
        &["stop", "--all"],
        &["teardown", "--confirm"],
        &["config", "list"],
    ];
    for command in commands {
        insta::allow_duplicates! {
            insta::assert_snapshot!(env.run(command).block(), @"");
        }
    }
}

#[test]
fn a_second_init() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    insta::assert_snapshot!(env.init(&["--node-cap", "99"]).block(), @"");
    assert_eq!(env.run(&["config", "get", "node_cap"]).stdout, "node_cap = \"20\"  # default\n");
}

#[test]
fn a_second_run() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "0"]).expect(0);
    let lock = fs::File::create(env.base_dir().join("wnm_active")).expect("opened");
    let held = Flock::lock(lock, FlockArg::LockExclusiveNonblock).expect("free");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"");
    env.run(&["status"]).expect(0);
    env.run(&["plan"]).expect(0);
    drop(held);
    env.run(&["run"]).expect(0);
}

#[test]
fn somebody_elses_store() {
    let env = TestEnv::new();
    fs::create_dir_all(env.base_dir()).expect("made");
    let store = env.base_dir().join("colony.db");
    fs::write(&store, "not a database at all, but somebody's").expect("written");
    insta::assert_snapshot!(env.init(&[]).block(), @"");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"");
    assert_eq!(fs::read_to_string(&store).expect("there"), "not a database at all, but somebody's");
    assert_eq!(env.names(""), ["colony.db"]);
}

#[test]
fn a_store_that_may_not_be_read() {
    let env = TestEnv::new();
    if nix::unistd::getuid().is_root() {
        // Root reads everything; the system tier runs this as a user.
        return;
    }
    env.init(&[]).expect(0);
    let store = env.base_dir().join("colony.db");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o000)).expect("set");
    let ran = env.run(&["status"]);
    assert_eq!(ran.code, Some(1), "{}", ran.block());
}
