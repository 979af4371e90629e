//! Settings and where they come from.

use std::fs;
use std::io::Write;

use crate::harness::TestEnv;

#[test]
fn a_value_comes_from_the_highest_source_that_has_it() {
    let mut env = TestEnv::new();
    env.init(&["--node-cap", "4"]).expect(0);
    let get = |env: &TestEnv| env.run(&["config", "get", "node_cap"]).expect(0).stdout;
    assert_eq!(get(&env), "node_cap = \"4\"  # store; default 20\n");
    let file = env.path("home/.config/wnm/config.toml");
    fs::create_dir_all(file.parent().expect("a parent")).expect("made");
    fs::write(&file, "node_cap = 5\n").expect("written");
    assert_eq!(get(&env), "node_cap = \"5\"  # file; default 20\n");
    env.set("WNM_NODE_CAP", "6");
    assert_eq!(get(&env), "node_cap = \"6\"  # environment; default 20\n");
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
    err| error: rewards_address has no default, and nothing works without it: it can only be changed
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
    out| before this: 2 of 1 nodes, 2 running
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

#[test]
fn several_at_once_are_right_together_only() {
    let env = TestEnv::new();
    env.init(&["--cpu-less-than", "50", "--cpu-remove", "70"]).expect(0);
    insta::assert_snapshot!(env.run(&["config", "set", "cpu_less_than", "80"]).block(), @"
    exit 2
    err| error: cpu_less_than 80 is not below cpu_remove 70: lower cpu_less_than or raise cpu_remove, so that growing and shedding do not undo each other
    ");
    insta::assert_snapshot!(env.run(&["config", "set", "cpu_less_than=80", "cpu_remove=90"]).block(), @"
    exit 0
    err| cpu_less_than is now `80` (it was `50`)
    err| cpu_remove is now `90` (it was `70`)
    ");
    insta::assert_snapshot!(env.run(&["config", "set", "cpu_less_than=80", "cpu_remove=90"]).block(), @"
    exit 0
    err| cpu_less_than is `80` already
    err| cpu_remove is `90` already
    ");
    insta::assert_snapshot!(env.run(&["config", "set", "cpu_remove=95", "mem_remove"]).block(), @"
    exit 2
    err| error: no value for `mem_remove`: write `wnm config set mem_remove VALUE`
    ");
    insta::assert_snapshot!(env.run(&["config", "set", "start_args", "--a", "--b"]).block(), @"
    exit 2
    err| error: unexpected argument '--b' found
    err|
    err|   tip: to pass '--b' as a value, use '-- --b'
    err|
    err| Usage: wnm config set <KEY> <VALUE> [KEY=VALUE]...
    err|
    err| For more information, try '--help'.
    ");
}

#[test]
fn every_setting_can_be_set_and_unset() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    let listing = env.run(&["config", "list", "--json"]).json();
    for row in listing["settings"].as_array().expect("a list") {
        let (key, value) =
            (row["key"].as_str().expect("a key"), row["value"].as_str().expect("a text"));
        env.run(&["config", "set", &format!("{key}={value}")]).expect(0);
        let stored = env.run(&["config", "get", key, "--json"]).expect(0).json();
        assert_eq!(stored["settings"][0]["value"], value, "{key}");
        assert_eq!(stored["settings"][0]["source"], "store", "{key}");
        // What has no default must stay.
        let needed = matches!(key, "rewards_address" | "node_storage" | "log_storage");
        let has_company = matches!(row["source"].as_str(), Some("store"));
        let ran = env.run(&["config", "unset", key]);
        match needed {
            true => drop(ran.expect(2)),
            false if has_company => {
                assert!(matches!(ran.code, Some(0 | 2)), "{}", ran.block());
                env.run(&["config", "set", key, value]).expect(0);
            }
            false => {
                ran.expect(0);
                let after = env.run(&["config", "get", key, "--json"]).expect(0).json();
                assert_eq!(after["settings"][0]["source"], "default", "{key}");
            }
        }
    }
}

#[test]
fn the_file_is_edited_in_place() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "4"]).expect(0);
    let file = env.path("home/.config/wnm/config.toml");
    insta::assert_snapshot!(env.run(&["config", "set", "--file", "node_cap", "3"]).block(), @"
    exit 0
    err| node_cap is now `3` in [DIR]/home/.config/wnm/config.toml
    ");
    assert_eq!(fs::read_to_string(&file).expect("made"), "node_cap = 3\n");
    fs::write(&file, "# mine\nnode_cap = 3 # few\n\n# careful\nmem_remove = \"99.95\"\n")
        .expect("written");
    env.run(&["config", "set", "--file", "node_cap=2", "delay_start=10min"]).expect(0);
    let text = fs::read_to_string(&file).expect("there");
    assert_eq!(
        text,
        "# mine\nnode_cap = 2 # few\n\n# careful\nmem_remove = \"99.95\"\ndelay_start = \"10min\"\n"
    );
    // What would not go together with the store is not written.
    insta::assert_snapshot!(env.run(&["config", "set", "--file", "mem_remove", "many"]).block(), @"
    exit 2
    err| error: mem_remove is `many`: give a number from 0 to 100
    ");
    assert_eq!(fs::read_to_string(&file).expect("there"), text);
    env.run(&["config", "unset", "--file", "mem_remove"]).expect(0);
    assert!(!fs::read_to_string(&file).expect("there").contains("mem_remove"));
    fs::write(&file, "node_cap = = 3\n").expect("spoiled");
    insta::assert_snapshot!(
        env.run(&["config", "set", "--file", "node_cap", "3", "--config", &file.display().to_string()]).block(),
        @"
    exit 2
    err| error: [DIR]/home/.config/wnm/config.toml: TOML parse error at line 1, column 12
    err|     |
    err|   1 | node_cap = = 3
    err|     |            ^
    err|   extra `=`, expected nothing
    "
    );
}

#[test]
fn an_old_line_never_lowers_the_cap_below_what_there_is() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.run(&["add", "--count", "2"]).expect(0);
    insta::assert_snapshot!(env.run(&["config", "set", "--keep-nodes", "node_cap=1", "delay_start=7"]).block(), @"
    exit 0
    err| node_cap stays `2`: `1` would remove nodes with their data; `wnm config set node_cap 1` does it
    err| delay_start is now `7` (it was `0`)
    ");
    insta::assert_snapshot!(env.run(&["config", "set", "--keep-nodes", "node_cap=3", "delay_start=7"]).block(), @"
    exit 0
    err| node_cap is now `3` (it was `2`)
    ");
}

#[test]
fn a_firewall_that_cannot_be_used_is_not_stored() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    if nix::unistd::geteuid().is_root() {
        let note =
            b"NOT TESTED: a firewall that cannot be used: root may use ufw where it is there\n";
        std::io::stderr().write_all(note).expect("somebody listens");
        return;
    }
    let ran = env.run(&["config", "set", "firewall", "ufw"]).expect(2);
    assert!(ran.stderr.contains("firewall is `ufw`, which cannot be used"), "{}", ran.block());
    assert_eq!(env.run(&["config", "get", "firewall"]).stdout, "firewall = \"auto\"  # default\n");
}
