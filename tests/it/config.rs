//! Settings and where they come from.

use std::fs;

use crate::harness::TestEnv;

#[test]
fn a_value_comes_from_the_highest_source_that_has_it() {
    let mut env = TestEnv::new();
    env.init(&["--node-cap", "4"]).expect(0);
    let get = |env: &TestEnv| env.run(&["config", "get", "node_cap"]).expect(0).stdout;
    assert_eq!(get(&env), "node_cap = \"4\"  # store\n");
    let file = env.path("home/.config/wnm/config.toml");
    fs::create_dir_all(file.parent().expect("a parent")).expect("made");
    fs::write(&file, "node_cap = 5\n").expect("written");
    assert_eq!(get(&env), "node_cap = \"5\"  # file\n");
    env.set("WNM_NODE_CAP", "6");
    assert_eq!(get(&env), "node_cap = \"6\"  # environment\n");
}

#[test]
fn a_listing_is_a_configuration_file() {
    let env = TestEnv::new();
    env.init(&["--start-args", "--ipv4-only --network-mode development"]).expect(0);
    let listing = env.run(&["config", "list", "--json"]).json();
    let text = env.run(&["config", "list"]).expect(0).stdout;
    let file = env.path("fed-back.toml");
    fs::write(&file, text).expect("written");
    let file = file.display().to_string();
    let again = env.run(&["config", "list", "--json", "--config", &file]).json();
    for (before, after) in listing["settings"]
        .as_array()
        .expect("a list")
        .iter()
        .zip(again["settings"].as_array().expect("a list"))
    {
        assert_eq!(before["value"], after["value"], "{before} {after}");
        assert_eq!(after["source"], "file");
    }
}

#[test]
fn set_and_unset() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    insta::assert_snapshot!(env.run(&["config", "set", "node_cap", "7"]).block(), @"
    exit 0
    err| node_cap is now `7` (it was `20`)
    ");
    insta::assert_snapshot!(env.run(&["config", "set", "node-cap=8"]).block(), @"
    exit 0
    err| node_cap is now `8` (it was `7`)
    ");
    insta::assert_snapshot!(env.run(&["config", "set", "cpu_remove", "10"]).block(), @"
    exit 2
    err| error: cpu_less_than 99.8 is not below cpu_remove 10: lower cpu_less_than or raise cpu_remove, so that growing and shedding do not undo each other
    ");
    insta::assert_snapshot!(env.run(&["config", "set", "node_cpa", "10"]).block(), @"
    exit 2
    err| error: there is no setting `node_cpa`; the nearest is `node_cap`, and `wnm config list` shows all
    ");
    insta::assert_snapshot!(env.run(&["config", "set", "node_cap"]).block(), @"
    exit 2
    err| error: no value for `node_cap`: write `wnm config set node_cap VALUE`
    ");
    insta::assert_snapshot!(env.run(&["config", "unset", "node_cap"]).block(), @"
    exit 0
    err| node_cap is now `20` (it was `8`)
    ");
    insta::assert_snapshot!(env.run(&["config", "unset", "rewards_address"]).block(), @"
    exit 2
    err| error: rewards_address is not set: give --rewards-address
    ");
}

#[test]
fn what_nodes_are_built_with_stays() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    env.run(&["config", "set", "rpc_port_start", "31"]).expect(0);
    env.run(&["add"]).expect(0);
    insta::assert_snapshot!(env.run(&["config", "set", "rpc_port_start", "32"]).block(), @"
    exit 5
    err| error: rpc_port_start cannot be changed from `31` while there are nodes: 1 node built with it
    err| hint: nothing was changed
    ");
    insta::assert_snapshot!(env.run(&["config", "set", "node_cap", "0"]).block(), @"
    exit 0
    err| node_cap is now `0` (it was `1`)
    err| 1 of 1 nodes too many now: the next cycles stop the surplus and delete it 0 s later; raise node_cap before that to keep it
    ");
}

#[test]
fn a_bad_file_and_a_bad_variable_are_named() {
    let mut env = TestEnv::new();
    env.init(&[]).expect(0);
    let file = env.path("bad.toml");
    fs::write(&file, "node_cap = [1]\nnodecap = 3\n").expect("written");
    let file = file.display().to_string();
    insta::assert_snapshot!(env.run(&["run", "--config", &file]).block(), @"
    exit 2
    err| error: [DIR]/bad.toml: node_cap must be a text, a number, true or false
    err| error: [DIR]/bad.toml: there is no setting `nodecap`; the nearest is `node_cap`, and `wnm config list` shows all
    ");
    insta::assert_snapshot!(env.run(&["run", "--config", "/nowhere.toml"]).block(), @"
    exit 2
    err| error: failed to read /nowhere.toml: No such file or directory (os error 2)
    ");
    env.set("WNM_NODECAP", "3");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 2
    err| error: environment variable WNM_NODECAP: there is no setting `nodecap`; the nearest is `node_cap`, and `wnm config list` shows all
    ");
}

#[test]
fn a_cap_for_one_run_stops_and_the_next_run_starts_again() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    insta::assert_snapshot!(env.run(&["run", "--node-cap", "1"]).block(), @"
    exit 0
    out| done: stop antnode0002
    out| 2 of 1 nodes, 2 running before this
    err| stop antnode0002: 2 nodes, 1 allowed
    ");
    assert_eq!(env.running().len(), 1);
    assert_eq!(env.names("node"), [".wnm-storage", "antnode0001", "antnode0002"]);
    env.cycle_until_resting_with(2);
}

#[test]
fn a_new_storage_is_made_one_and_a_known_one_left_alone() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.run(&["add"]).expect(0);
    let old = env.base_dir().join("node");
    let more = env.path("more");
    // As if the disk of the old one were not mounted.
    fs::rename(&old, env.path("unplugged")).expect("renamed");
    fs::create_dir(&old).expect("an empty mount point");
    let both = format!("{} {}", old.display(), more.display());
    env.run(&["config", "set", "node_storage", &both]).expect(0);
    assert!(fs::read_dir(&old).expect("there").next().is_none(), "no marker on a mount point");
    assert!(more.join(".wnm-storage").exists());
    fs::remove_dir(&old).expect("still empty");
    fs::rename(env.path("unplugged"), &old).expect("plugged in again");
    env.run(&["add"]).expect(0);
    assert_eq!(env.running().len(), 2);
    env.run(&["teardown", "--confirm"]).expect(0);
    assert!(!more.exists(), "nothing is left of it");
}
