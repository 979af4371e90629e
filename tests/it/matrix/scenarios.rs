//! Everything that wnm does to nodes, with the state it begins in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use super::campaign::{Ground, Scenario, USUAL};
use super::daemon;
use super::python;
use super::stage::{Keeper, node_name};
use crate::harness::{StandIn, TestEnv, wait_until};

const ONE: &[&str] = &["antnode0001"];
const TWO: &[&str] = &["antnode0002"];
const THREE: &[&str] = &["antnode0003"];

/// With whom a node is kept by itself: what shares a container is not released or brought back.
const BY_ITSELF: &[Keeper] =
    &[Keeper::Nobody, Keeper::Units, Keeper::Containers, Keeper::Antctl, Keeper::Daemon];

/// With whom wnm gives nodes their programs.
const WITH_PROGRAMS: &[Keeper] =
    &[Keeper::Nobody, Keeper::Units, Keeper::Containers, Keeper::Shared, Keeper::Antctl];

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
    let env = TestEnv::with_program(match ground.keeper {
        Keeper::Antctl => "antnode",
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
fn publish(env: &TestEnv, version: &str, does: Option<&str>) {
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
fn age(env: &TestEnv) {
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

fn run(env: &TestEnv, args: &[String]) {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    env.run(&args).expect(0);
}

/// Where the second node has its data, which depends on who keeps it.
fn second(env: &TestEnv) -> PathBuf {
    let is_second = |(data, _): &(PathBuf, u32)| node_name(data) == "antnode0002";
    env.running().into_iter().find(is_second).expect("it runs").0
}

/// Unless it is down already.
fn kill_second(env: &TestEnv) {
    let is_second = |(data, _): &(PathBuf, u32)| node_name(data) == "antnode0002";
    let Some((_, pid)) = env.running().into_iter().find(is_second) else { return };
    let process = nix::unistd::Pid::from_raw(pid as i32);
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).expect("ours");
    wait_until(Duration::from_secs(10), "it is gone", || {
        env.running().iter().all(|(_, running)| *running != pid)
    });
}

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "clear",
        only: &[Keeper::Nobody, Keeper::Units],
        prepare: |ground| {
            let env = with_other_disk(ground);
            run(&env, &move_away(&env));
            env.run(&["run"]).expect(0);
            wait_until(Duration::from_secs(90), "it has run for a minute", || {
                env.run(&["plan"]).stdout.contains("clear")
            });
            env
        },
        settles: false,
        args: |_| words("run"),
        due: true,
        ..USUAL
    },
    Scenario { name: "add", prepare: two, args: |_| words("add"), touches: THREE, ..USUAL },
    Scenario { name: "remove", prepare: two, args: |_| words("remove 2"), touches: TWO, ..USUAL },
    Scenario { name: "stop", prepare: two, args: |_| words("stop 2"), touches: TWO, ..USUAL },
    Scenario {
        name: "start",
        prepare: two,
        occasion: |env| drop(env.run(&["stop", "2"]).expect(0)),
        args: |_| words("start 2"),
        touches: TWO,
        ..USUAL
    },
    Scenario { name: "restart", prepare: two, args: |_| words("restart 2"), touches: TWO, ..USUAL },
    Scenario {
        name: "heal",
        only: WITH_PROGRAMS,
        prepare: two,
        occasion: |env| {
            let second = second(env);
            // Before its keeper can bring it back.
            let programs = ["ant-node", "antnode"].map(|name| second.join(name));
            let lost = programs.iter().filter(|file| fs::remove_file(file).is_ok());
            assert_eq!(lost.count(), 1, "the node has a program");
            kill_second(env);
        },
        args: |_| words("run"),
        touches: TWO,
        due: true,
        ..USUAL
    },
    Scenario {
        name: "give-up",
        only: &[Keeper::Daemon],
        prepare: two,
        occasion: |env| {
            // So often within a short time that its keeper leaves it to us.
            wait_until(Duration::from_secs(60), "its keeper gives it up", || {
                kill_second(env);
                daemon::has_given_up(env, 2)
            });
        },
        args: |_| words("run"),
        touches: TWO,
        due: true,
        ..USUAL
    },
    Scenario {
        name: "mend",
        only: &[Keeper::Units, Keeper::Shared, Keeper::Antctl],
        prepare: two,
        occasion: |env| {
            let units = ["antnode0002", "antnode2"];
            let units =
                units.map(|it| env.path(&format!("home/.config/systemd/user/{it}.service")));
            let order = env.base_dir().join("containers/wnm-nodes-1/antnode0002.json");
            let lost =
                units.into_iter().chain([order]).filter(|file| fs::remove_file(file).is_ok());
            assert_eq!(lost.count(), 1, "the node has a definition");
        },
        args: |_| words("run"),
        due: true,
        ..USUAL
    },
    Scenario {
        name: "grow",
        prepare: |ground| home(ground, &["--grow-window", "0", "--node-cap", "2"]),
        occasion: |env| {
            env.run(&["config", "set", "node_cap", "3"]).expect(0);
            wait_until(Duration::from_secs(60), "there is room", || {
                env.run(&["plan"]).stdout.contains("add antnode0003")
            });
        },
        args: |_| words("run"),
        touches: THREE,
        due: true,
        ..USUAL
    },
    Scenario {
        name: "shed",
        prepare: two,
        occasion: |env| drop(env.run(&["config", "set", "node_cap", "1"]).expect(0)),
        args: |_| words("run"),
        touches: TWO,
        due: true,
        ..USUAL
    },
    Scenario {
        name: "retire",
        only: BY_ITSELF,
        prepare: |ground| home(ground, &["--delay-remove", "1h"]),
        occasion: |env| drop(env.run(&["config", "set", "node_cap", "1"]).expect(0)),
        args: |_| words("run"),
        touches: TWO,
        due: true,
        ..USUAL
    },
    Scenario {
        name: "upgrade",
        only: WITH_PROGRAMS,
        prepare: with_release,
        args: |_| words("upgrade 2"),
        touches: TWO,
        ..USUAL
    },
    Scenario {
        name: "prove",
        only: BY_ITSELF,
        prepare: with_release,
        occasion: |env| {
            env.run(&["upgrade", "2"]).expect(0);
            wait_until(Duration::from_secs(20), "it can be proven", || {
                env.run(&["plan"]).stdout.contains("prove")
            });
        },
        args: |_| words("run"),
        touches: TWO,
        due: true,
        ..USUAL
    },
    Scenario {
        name: "revert",
        only: WITH_PROGRAMS,
        prepare: |ground| {
            let env = two(ground);
            let is_antctl = ground.keeper == Keeper::Antctl;
            publish(&env, "0.24.0", Some(if is_antctl { "die-after=1:1" } else { "no-peers" }));
            env
        },
        occasion: |env| {
            env.run(&["upgrade", "2"]).expect(0);
            wait_until(Duration::from_secs(20), "it has failed", || {
                env.run(&["plan"]).stdout.contains("revert")
            });
        },
        args: |_| words("run"),
        touches: TWO,
        due: true,
        ..USUAL
    },
    Scenario {
        name: "move",
        only: &[Keeper::Nobody, Keeper::Units],
        prepare: with_other_disk,
        args: move_away,
        touches: ONE,
        ..USUAL
    },
    Scenario {
        name: "remove-moved",
        only: &[Keeper::Nobody, Keeper::Units],
        prepare: with_other_disk,
        occasion: |env| run(env, &move_away(env)),
        args: |_| words("remove 1"),
        touches: ONE,
        ..USUAL
    },
    Scenario {
        name: "release",
        only: BY_ITSELF,
        prepare: two,
        args: |_| words("release 2"),
        released: |env| vec![second(env)],
        ..USUAL
    },
    Scenario { name: "disable", prepare: two, args: |_| words("disable 2"), ..USUAL },
    Scenario {
        name: "restore",
        only: &[Keeper::Nobody, Keeper::Units, Keeper::Containers],
        prepare: |ground| {
            let env = two(ground);
            env.run(&["remove", "2"]).expect(0);
            env
        },
        args: |_| words("identity restore antnode0002"),
        touches: TWO,
        ..USUAL
    },
    Scenario {
        name: "teardown",
        prepare: two,
        args: |_| words("teardown --confirm"),
        touches: &["antnode0001", "antnode0002"],
        again: true,
        ..USUAL
    },
    Scenario {
        name: "settings",
        only: &[Keeper::Nobody],
        prepare: two,
        args: |_| words("config set node_cap 7"),
        ..USUAL
    },
    Scenario {
        name: "backup",
        only: &[Keeper::Nobody],
        prepare: two,
        args: |_| words("db backup"),
        ..USUAL
    },
    Scenario {
        name: "migrate",
        only: &[Keeper::Nobody],
        prepare: |ground| {
            let env = two(ground);
            age(&env);
            env
        },
        args: |_| words("db migrate"),
        settles: false,
        due: true,
        ..USUAL
    },
    Scenario {
        name: "put-back",
        only: &[Keeper::Nobody],
        prepare: two,
        args: |_| words("db restore --latest --confirm"),
        again: true,
        ..USUAL
    },
    Scenario {
        name: "import",
        only: &[Keeper::Nobody],
        prepare: strangers,
        args: |env| {
            let nodes = env.path("nodes").display().to_string();
            env.init_args(&["--import", "--confirm", "--node-storage", &nodes])
        },
        again: true,
        settles: false,
        ..USUAL
    },
    Scenario {
        name: "import-python",
        only: &[Keeper::Units],
        prepare: python::installation,
        args: python::takeover,
        again: true,
        settles: false,
        ..USUAL
    },
];

/// Two nodes that somebody started by hand.
fn strangers(_: &Ground) -> TestEnv {
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
