//! Everything that wnm does to nodes, with the state it begins in.

use std::fs;
use std::time::Duration;

use super::campaign::{Scenario, USUAL};
use super::homes::{
    age, home, kill_second, move_away, publish, run, second, strangers, two, with_other_disk,
    with_release, words,
};
use super::stage::Keeper;
use super::{daemon, python};
use crate::harness::wait_until;

const ONE: &[&str] = &["antnode0001"];
const TWO: &[&str] = &["antnode0002"];
const THREE: &[&str] = &["antnode0003"];

/// With whom a node is kept by itself: what shares a container is not released or brought back.
const BY_ITSELF: &[Keeper] =
    &[Keeper::Nobody, Keeper::Units, Keeper::Containers, Keeper::Antctl, Keeper::Daemon];

/// The same, and nodes that share no more than an antctl.
const BUT_SHARED: &[Keeper] = &[
    Keeper::Nobody,
    Keeper::Units,
    Keeper::Containers,
    Keeper::Antctl,
    Keeper::Boxes,
    Keeper::Daemon,
];

/// With whom wnm gives nodes their programs.
const WITH_PROGRAMS: &[Keeper] = &[
    Keeper::Nobody,
    Keeper::Units,
    Keeper::Containers,
    Keeper::Shared,
    Keeper::Antctl,
    Keeper::Boxes,
];

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
        name: "keep-key",
        only: &[Keeper::Daemon],
        prepare: two,
        // Their keeper may delete data by itself.
        occasion: |env| fs::remove_dir_all(env.base_dir().join("identities")).expect("there"),
        args: |_| words("run"),
        due: true,
        ..USUAL
    },
    Scenario {
        name: "mend",
        only: &[Keeper::Units, Keeper::Shared, Keeper::Antctl, Keeper::Boxes],
        prepare: two,
        occasion: |env| {
            let units = ["antnode0002", "antnode2"];
            let units =
                units.map(|it| env.path(&format!("home/.config/systemd/user/{it}.service")));
            let orders = [
                "containers/wnm-nodes-1/antnode0002.json",
                "antctl-containers/wnm-nodes-1/units/antnode2.service",
                "antctl-containers/wnm-nodes-2/units/antnode1.service",
            ];
            let orders = orders.map(|it| env.base_dir().join(it));
            let lost = units.into_iter().chain(orders).filter(|file| fs::remove_file(file).is_ok());
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
        only: BUT_SHARED,
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
        only: BUT_SHARED,
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
            let is_antctl = matches!(ground.keeper, Keeper::Antctl | Keeper::Boxes);
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
