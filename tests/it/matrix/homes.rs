//! Homes in which scenarios begin, and what is done in them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use super::campaign::Ground;
use super::daemon;
use super::stage::{Keeper, end_containers, node_name};
use crate::harness::{StandIn, TestEnv, as_a_user, wait_until};

/// A home with two nodes that run, and something that is none of wnm's. It does not grow by itself.
pub(super) fn home(ground: &Ground, more: &[&str]) -> TestEnv {
    // Somebody may take a port between a look at it and its use: nodes get other names then.
    let mut said = String::new();
    let env = (0..5).find_map(|_| made(ground, more).map_err(|why| said += &why).ok());
    let env = env.unwrap_or_else(|| panic!("there is no home with nodes 1 and 2: {said}"));
    let foreign = env.base_dir().join("node/antnode0099");
    fs::create_dir_all(&foreign).expect("a directory");
    fs::write(foreign.join("precious"), "mine").expect("a file");
    env
}

fn made(ground: &Ground, more: &[&str]) -> Result<TestEnv, String> {
    let mut env = TestEnv::with_program(match ground.keeper {
        Keeper::Antctl | Keeper::Boxes => "antnode",
        _ => "ant-node",
    });
    for tool in ["docker", "systemctl"] {
        let keeper = env!("CARGO_BIN_EXE_stand-in-keeper");
        symlink(keeper, env.path("tools").join(tool)).expect("linked");
    }
    // Told that it works for a user, whoever runs the tests: wnm takes no variables that are none of its own.
    let antctl = env!("CARGO_BIN_EXE_antctl-stand-in");
    let script = format!("#!/bin/sh\nWNM_STANDIN_USER_MODE=1 exec '{antctl}' \"$@\"\n");
    let tool = env.path("tools/antctl");
    fs::write(&tool, script)
        .and_then(|()| fs::set_permissions(&tool, Permissions::from_mode(0o755)))
        .expect("a script can be written");
    if ground.keeper == Keeper::Daemon {
        daemon::begin(&env);
    }
    if ground.keeper == Keeper::Boxes {
        // Root's own nodes are refused there.
        env.begin_through(as_a_user().expect("asked before"));
    }
    let usual = [
        ("--manager", ground.manager),
        ("--node-cap", "9"),
        ("--grow-window", "1d"),
        ("--upgrade-mode", "off"),
        ("--canary-time", "0s"),
        ("--delay-upgrade", "2s"),
    ];
    let usual = usual.iter().filter(|(name, _)| !more.contains(name));
    let args: Vec<&str> = usual.flat_map(|(name, value)| [*name, *value]).collect();
    let made = env.init(&[&args, ground.more, more].concat());
    let added = env.run(&["add", "--count", "2"]);
    let names: Vec<String> = env.running().iter().map(|(data, _)| node_name(data)).collect();
    if added.code != Some(0) || names != ["antnode0001", "antnode0002"] {
        daemon::end(&env);
        end_containers(&env);
        return Err(format!("{}{}{names:?}", made.block(), added.block()));
    }
    env.cycle_until_resting_with(2);
    Ok(env)
}

pub(super) fn two(ground: &Ground) -> TestEnv {
    home(ground, &[])
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// A program of this version in the place of the one that nodes are given.
pub(super) fn publish(env: &TestEnv, version: &str, does: Option<&str>) {
    let program = env.program();
    let name = program.file_name().expect("a name").to_string_lossy().into_owned();
    fs::remove_file(program).expect("it was there");
    match does {
        None => StandIn::install_version(&env.path("bin"), &name, version),
        Some(does) => StandIn::install_bad(&env.path("bin"), &name, version, does),
    };
}

pub(super) fn with_release(ground: &Ground) -> TestEnv {
    let env = two(ground);
    publish(&env, "0.24.0", None);
    env
}

/// Two storage roots; the nodes lie in the first.
pub(super) fn with_other_disk(ground: &Ground) -> TestEnv {
    let env = two(ground);
    let (first, other) = (env.base_dir().join("node"), env.path("other"));
    let roots = format!("{} {}", first.display(), other.display());
    env.run(&["config", "set", "node_storage", &roots]).expect(0);
    env
}

/// The store as the version before made it, with what is in it now. Nobody has it open.
pub(super) fn age(env: &TestEnv) {
    let down = include_str!("../../../wnm-store/migrations/0002_upgrades/down.sql");
    let forgotten = "DELETE FROM __diesel_schema_migrations WHERE version = '0002';";
    let file = env.base_dir().join("colony.db");
    wnm_store::make_database(&format!("{down}{forgotten}"), &file).expect("SQLite takes it");
    env.run(&["status"]).expect(8);
}

pub(super) fn move_away(env: &TestEnv) -> Vec<String> {
    let other = env.path("other").display().to_string();
    let mut args = words("identity move 1 --to");
    args.push(other);
    args
}

pub(super) fn run(env: &TestEnv, args: &[String]) {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    env.run(&args).expect(0);
}

/// Where the second node has its data, which depends on who keeps it.
pub(super) fn second(env: &TestEnv) -> PathBuf {
    let is_second = |(data, _): &(PathBuf, u32)| node_name(data) == "antnode0002";
    env.running().into_iter().find(is_second).expect("it runs").0
}

/// Unless it is down already.
pub(super) fn kill_second(env: &TestEnv) {
    let is_second = |(data, _): &(PathBuf, u32)| node_name(data) == "antnode0002";
    let Some((_, pid)) = env.running().into_iter().find(is_second) else { return };
    let process = nix::unistd::Pid::from_raw(pid as i32);
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).expect("ours");
    wait_until(Duration::from_secs(10), "it is gone", || {
        env.running().iter().all(|(_, running)| *running != pid)
    });
}

/// Two nodes that somebody started by hand.
pub(super) fn strangers(_: &Ground) -> TestEnv {
    let env = TestEnv::new();
    for (name, number) in [("one", 1), ("antnode0005", 5)] {
        let data: PathBuf = env.path("nodes").join(name);
        fs::create_dir_all(&data).expect("a directory");
        let (root, port) = (data.display().to_string(), env.spec(number).ports.node.to_string());
        let wallet = "0x00455d78f850b0358E8cea5be24d415E01E107CF";
        let args = ["--root-dir", &root, "--port", &port, "--rewards-address", wallet];
        let program = env.program().display().to_string();
        let mut all = vec![program];
        all.extend(args.map(str::to_owned));
        all.push("--disable-webrtc-direct".to_owned());
        super::stage::begin(&all, &data);
        let key = data.join("node_identity.key");
        wait_until(Duration::from_secs(20), "the node has a key", || key.exists());
    }
    env
}
