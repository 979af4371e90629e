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
    insta::assert_snapshot!(env.run(&["run", "--node-cpa", "3"]).block(), @"
    exit 2
    err| error: unexpected argument '--node-cpa' found
    err|
    err|   tip: a similar argument exists: '--node-cap'
    err|
    err| Usage: wnm run --node-cap <VALUE>
    err|
    err| For more information, try '--help'.
    ");
}

#[test]
fn a_malformed_wallet() {
    let env = TestEnv::new();
    insta::assert_snapshot!(refused(&env, &["--rewards-address", "0x123"]), @"
    exit 2
    err| error: rewards_address: `0x123` is not a wallet: write 0x and 40 hex digits, `faucet` or `donate`
    ");
}

#[test]
fn a_mistyped_wallet() {
    let env = TestEnv::new();
    let mistyped = "0x00455d78f850b0358E8cea5be24d415E01E107Cf";
    insta::assert_snapshot!(refused(&env, &["--rewards-address", mistyped]), @"
    exit 2
    err| error: rewards_address: `0x00455d78f850b0358E8cea5be24d415E01E107Cf` has a wrong EIP-55 checksum: check every digit, or write it all in lower case
    ");
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
    insta::assert_snapshot!(refused(&env, &bad), @"
    exit 2
    err| error: node_cap is `many`: give a whole number from 0 to 10000
    err| error: cpu_less_than 80 is not below cpu_remove 60: lower cpu_less_than or raise cpu_remove, so that growing and shedding do not undo each other
    err| error: delay_start is `soon`: give a time up to 365 days such as 90, 90s, 10min, 6h or 14d
    err| error: node_removal_strategy is `random`: give youngest, oldest, least_records, most_shunned, most_memory, most_cpu or largest_disk
    ");
}

#[test]
fn a_missing_program() {
    let env = TestEnv::new();
    insta::assert_snapshot!(refused(&env, &["--node-binary", "/nowhere/ant-node"]), @"
    exit 2
    err| error: failed to find the node program /nowhere/ant-node: No such file or directory (os error 2)
    err| hint: nothing was written
    ");
    fs::remove_file(env.program()).expect("removed");
    insta::assert_snapshot!(refused(&env, &[]), @"
    exit 2
    err| error: no `ant-node` was found on PATH, in ~/.local/bin or /usr/local/bin: `wnm binary fetch` gets it, or name it with --node-binary
    err| hint: nothing was written
    ");
}

#[test]
fn a_wrong_program() {
    let env = TestEnv::new();
    insta::assert_snapshot!(refused(&env, &["--node-binary", "/bin/true"]), @"
    exit 2
    err| error: /bin/true is not a node program this version knows: `--version` printed `true (GNU coreutils) 9.1`
    err| hint: nothing was written
    ");
    let other = TestEnv::with_program("antnode");
    let path = other.program().display().to_string();
    let text = refused(&env, &["--node-binary", &path]).replace(&path, "[ANTNODE]");
    insta::assert_snapshot!(text, @"
    exit 2
    err| error: [ANTNODE] is antnode 0.4.17, but nodes here run ant-node: name another file with --node-binary, or choose --program antnode
    err| hint: nothing was written
    ");
    let plain = env.path("plain");
    fs::write(&plain, "x").expect("written");
    let plain = plain.display().to_string();
    insta::assert_snapshot!(refused(&env, &["--node-binary", &plain]), @"
    exit 2
    err| error: [DIR]/plain is not an executable file
    err| hint: nothing was written
    ");
}

#[test]
fn ports_out_of_range_or_too_close() {
    let env = TestEnv::new();
    insta::assert_snapshot!(refused(&env, &["--port-start", "66"]), @"
    exit 2
    err| error: port_start is `66`: give a whole number from 2 to 65
    ");
    insta::assert_snapshot!(refused(&env, &["--port-start", "65", "--node-cap", "600"]), @"
    exit 2
    err| error: port_start is `65`: with 600 nodes the last port would be 65600, and ports end at 65535: lower it or node_cap
    ");
    insta::assert_snapshot!(refused(&env, &["--port-start", "40", "--metrics-port-start", "40"]), @"
    exit 2
    err| error: port_start and metrics_port_start are too close: with 20 nodes their ports would overlap
    ");
}

#[test]
fn a_port_that_is_taken() {
    let env = TestEnv::new();
    let port = env.spec(2).ports.node;
    let _taken = UdpSocket::bind(("127.0.0.1", port)).expect("free");
    insta::assert_snapshot!(refused(&env, &["--node-cap", "3"]), @"
    exit 2
    err| error: port [PORT]002 is in use on this machine, and the first 3 nodes would need it: choose another --port-start or --metrics-port-start
    err| hint: nothing was written
    ");
}

#[test]
fn a_base_directory_that_cannot_be_written() {
    let mut env = TestEnv::new();
    let file = env.path("file");
    fs::write(&file, "").expect("written");
    env.set("XDG_DATA_HOME", &file.display().to_string());
    insta::assert_snapshot!(env.init(&[]).block(), @"
    exit 2
    err| error: [DIR]/file/autonomi cannot be used: [DIR]/file is not a directory
    err| error: [DIR]/file/autonomi/logs cannot be used: [DIR]/file is not a directory
    err| error: [DIR]/file/autonomi/node cannot be used: [DIR]/file is not a directory
    err| hint: nothing was written
    ");
}

#[test]
fn the_system_scope_and_unknown_managers() {
    let env = TestEnv::new();
    insta::assert_snapshot!(refused(&env, &["--manager", "systemd+sudo"]), @"
    exit 2
    err| error: systemd+sudo keeps no nodes of the user scope
    err| hint: choose --manager systemd+user, or another --scope
    ");
    let system = ["--scope", "system", "init", "--rewards-address", "faucet"];
    let ran = env.run(&[&system[..], &["--manager", "setsid+user"]].concat());
    insta::assert_snapshot!(ran.block(), @"
    exit 2
    err| error: setsid+user keeps no nodes of the system scope
    err| hint: choose --manager systemd+sudo, or another --scope
    ");
    insta::assert_snapshot!(refused(&env, &["--manager", "setsid+sudo"]), @"
    exit 2
    err| error: setsid+sudo keeps no nodes of the user scope
    err| hint: choose --manager systemd+user, or another --scope
    ");
    let unknown = refused(&env, &["--manager", "upstart+user"]);
    let known = "`upstart+user` is not a manager of this version: use systemd+user, ";
    assert!(unknown.contains(known), "{unknown}");
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
            insta::assert_snapshot!(env.run(command).block(), @"
            exit 4
            err| error: not initialised: there is no [DIR]/home/.local/share/autonomi/colony.db
            err| hint: begin with `wnm init --rewards-address 0x… --node-cap N`
            ");
        }
    }
}

#[test]
fn a_second_init() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    insta::assert_snapshot!(env.init(&["--node-cap", "99"]).block(), @"
    exit 2
    err| error: already initialised: [DIR]/home/.local/share/autonomi/colony.db
    err| hint: change settings with `wnm config set KEY VALUE`
    ");
    assert_eq!(env.run(&["config", "get", "node_cap"]).stdout, "node_cap = \"20\"  # default\n");
}

#[test]
fn a_second_run() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "0"]).expect(0);
    let lock = fs::File::create(env.base_dir().join("wnm_active")).expect("opened");
    let held = Flock::lock(lock, FlockArg::LockExclusiveNonblock).expect("free");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 3
    err| error: another cycle is running; nothing was done
    ");
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
    insta::assert_snapshot!(env.init(&[]).block(), @"
    exit 8
    err| error: failed to open the store for reading: [DIR]/home/.local/share/autonomi/colony.db: it is not a store of this program, and was left untouched: file is not a database
    err| hint: if it belongs to the Python wnm, `wnm init --from-python-db` with this file takes its nodes and settings over
    ");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 8
    err| error: failed to open the store: [DIR]/home/.local/share/autonomi/colony.db: it is not a store of this program, and was left untouched: file is not a database
    ");
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
