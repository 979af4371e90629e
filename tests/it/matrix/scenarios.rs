//! Everything that wnm does to nodes, with the state it begins in.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use super::campaign::{Ground, Scenario, USUAL};
use super::stage::Keeper;
use crate::harness::{StandIn, TestEnv, wait_until};

const ONE: &[&str] = &["antnode0001"];
const TWO: &[&str] = &["antnode0002"];
const THREE: &[&str] = &["antnode0003"];

/// With whom a node is kept by itself: what shares a container is not released or brought back.
const BY_ITSELF: &[Keeper] = &[Keeper::Nobody, Keeper::Units, Keeper::Containers];

/// A home with two nodes that run, and something that is none of wnm's. It does not grow by itself.
pub(super) fn home(ground: &Ground, more: &[&str]) -> TestEnv {
    // Another test may take a port between a look at it and its use: nodes get other names then.
    let wanted = [".wnm-storage", "antnode0001", "antnode0002"];
    let env = (0..5).filter_map(|_| made(ground, more)).find(|env| env.names("node") == wanted);
    let env = env.expect("a home with nodes 1 and 2");
    let foreign = env.base_dir().join("node/antnode0099");
    fs::create_dir_all(&foreign).expect("a directory");
    fs::write(foreign.join("precious"), "mine").expect("a file");
    env
}

fn made(ground: &Ground, more: &[&str]) -> Option<TestEnv> {
    let env = TestEnv::new();
    for tool in ["docker", "systemctl"] {
        let keeper = env!("CARGO_BIN_EXE_stand-in-keeper");
        symlink(keeper, env.path("tools").join(tool)).expect("linked");
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
    let is_made = env.init(&[&args, ground.more, more].concat()).code == Some(0);
    if !is_made || env.run(&["add", "--count", "2"]).code != Some(0) {
        return None;
    }
    env.cycle_until_resting_with(2);
    Some(env)
}

pub(super) fn two(ground: &Ground) -> TestEnv {
    home(ground, &[])
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// A program of this version in the place of the one that nodes are given.
fn publish(env: &TestEnv, version: &str, does: Option<&str>) {
    fs::remove_file(env.program()).expect("it was there");
    match does {
        None => StandIn::install_version(&env.path("bin"), "ant-node", version),
        Some(does) => StandIn::install_bad(&env.path("bin"), "ant-node", version, does),
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
        prepare: two,
        occasion: |env| {
            let pid = nix::unistd::Pid::from_raw(env.pid(2) as i32);
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("ours");
            wait_until(Duration::from_secs(10), "it is gone", || env.running().len() == 1);
            fs::remove_file(env.base_dir().join("node/antnode0002/ant-node")).expect("there");
        },
        args: |_| words("run"),
        touches: TWO,
        due: true,
        ..USUAL
    },
    Scenario {
        name: "mend",
        only: &[Keeper::Units, Keeper::Shared],
        prepare: two,
        occasion: |env| {
            let unit = env.path("home/.config/systemd/user/antnode0002.service");
            let order = env.base_dir().join("containers/wnm-nodes-1/antnode0002.json");
            let lost = [unit, order].into_iter().filter(|file| fs::remove_file(file).is_ok());
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
        prepare: |ground| {
            let env = two(ground);
            publish(&env, "0.24.0", Some("no-peers"));
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
        released: |env| vec![env.base_dir().join("node/antnode0002")],
        ..USUAL
    },
    Scenario { name: "disable", prepare: two, args: |_| words("disable 2"), ..USUAL },
    Scenario {
        name: "restore",
        only: BY_ITSELF,
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
