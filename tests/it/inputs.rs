//! Bad input: settings, files, variables and lists of nodes that make no sense.

use std::fs;

use crate::harness::{TestEnv, is_there};

/// What init says of one bad thing, and that it made nothing.
fn refused(more: &[&str]) -> String {
    let env = TestEnv::new();
    let ran = env.init(more);
    assert!(!is_there(&env.base_dir()), "nothing was made: {}", ran.block());
    ran.block()
}

#[test]
fn wallets() {
    insta::assert_snapshot!(refused(&["--rewards-address", "faucet:0"]), @"
    exit 2
    err| error: rewards_address is `faucet:0`: `0` is not a weight: weights are positive whole numbers
    ");
    insta::assert_snapshot!(refused(&["--rewards-address", "faucet:1,faucet:2"]), @"
    exit 2
    err| error: rewards_address is `faucet:1,faucet:2`: `faucet` is listed twice: give each wallet one weight
    ");
    insta::assert_snapshot!(refused(&["--rewards-address", "faucet:-1"]), @"
    exit 2
    err| error: rewards_address is `faucet:-1`: `-1` is not a weight: weights are positive whole numbers
    ");
    insta::assert_snapshot!(refused(&["--rewards-address", "faucet:99999999999"]), @"
    exit 2
    err| error: rewards_address is `faucet:99999999999`: `99999999999` is not a weight: weights are positive whole numbers
    ");
    insta::assert_snapshot!(refused(&["--rewards-address", ","]), @"
    exit 2
    err| error: rewards_address is `,`: no wallet given: write 0x and 40 hex digits, `faucet`, `donate`, or `wallet:weight,…`
    ");
    insta::assert_snapshot!(refused(&["--rewards-address", ""]), @"
    exit 2
    err| error: rewards_address is not set: give --rewards-address
    ");
}

#[test]
fn numbers() {
    insta::assert_snapshot!(refused(&["--node-cap=-1"]), @"
    exit 2
    err| error: node_cap is `-1`: give a whole number from 0 to 10000
    ");
    insta::assert_snapshot!(refused(&["--node-cap", "10001"]), @"
    exit 2
    err| error: node_cap is `10001`: give a whole number from 0 to 10000
    ");
    insta::assert_snapshot!(refused(&["--cpu-remove", "NaN"]), @"
    exit 2
    err| error: cpu_remove is `NaN`: give a number from 0 to 100
    ");
    insta::assert_snapshot!(refused(&["--hd-remove", "101"]), @"
    exit 2
    err| error: hd_remove is `101`: give a number from 0 to 100
    ");
    insta::assert_snapshot!(refused(&["--settle-time", "-5s"]), @"
    exit 2
    err| error: settle_time is `-5s`: give a time up to 365 days such as 90, 90s, 10min, 6h or 14d
    ");
    insta::assert_snapshot!(refused(&["--crisis-bytes", "2 parsecs"]), @"
    exit 2
    err| error: crisis_bytes is `2 parsecs`: give a size such as 500MB, 2GB or 2GiB
    ");
}

#[test]
fn words_for_nodes() {
    insta::assert_snapshot!(refused(&["--start-args", "--log 'open"]), @"
    exit 2
    err| error: start_args is `--log 'open`: a quote is not closed
    ");
    insta::assert_snapshot!(refused(&["--environment", "JUST_A_NAME"]), @"
    exit 2
    err| error: environment is `JUST_A_NAME`: give KEY=VALUE, the key of letters, digits and _
    ");
    insta::assert_snapshot!(refused(&["--environment", "=value"]), @"
    exit 2
    err| error: environment is `'=value'`: give KEY=VALUE, the key of letters, digits and _
    ");
    insta::assert_snapshot!(refused(&["--network", "evm-custom,x"]), @"
    exit 2
    err| error: network: `evm-custom,x` is not a network: use evm-arbitrum-one, evm-arbitrum-sepolia-test, or evm-custom,RPC_URL,TOKEN_ADDRESS,PAYMENTS_ADDRESS
    ");
}

#[test]
fn places() {
    insta::assert_snapshot!(refused(&["--node-storage", "relative/path"]), @"
    exit 2
    err| error: node_storage is `relative/path`: give absolute directories other than /, without `..`
    ");
    insta::assert_snapshot!(refused(&["--node-storage", "/"]), @"
    exit 2
    err| error: node_storage is `/`: give absolute directories other than /, without `..`
    ");
    insta::assert_snapshot!(refused(&["--node-storage", "/srv/../etc"]), @"
    exit 2
    err| error: node_storage is `/srv/../etc`: give absolute directories other than /, without `..`
    ");
    insta::assert_snapshot!(refused(&["--node-storage", ""]), @"
    exit 2
    err| error: node_storage is `''`: give absolute directories other than /, without `..`
    ");
    insta::assert_snapshot!(refused(&["--log-storage", "relative"]), @"
    exit 2
    err| error: log_storage is `relative`: give absolute directories other than /, without `..`
    ");
}

#[test]
fn lists_of_nodes() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    for list in ["0", "antnode", "", ",", "antnode7x"] {
        let ran = env.run(&["stop", list]);
        assert_eq!(ran.code, Some(2), "`{list}`: {}", ran.block());
        assert!(ran.stderr.contains("is not a node"), "`{list}`: {}", ran.block());
    }
    insta::assert_snapshot!(env.run(&["stop", "7-3"]).block(), @"
    exit 2
    err| error: `7-3` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these
    ");
    insta::assert_snapshot!(env.run(&["stop", "1-99999999"]).block(), @"
    exit 2
    err| error: `1-99999999` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these
    ");
    insta::assert_snapshot!(env.run(&["stop", "99999999999999999999"]).block(), @"
    exit 2
    err| error: `99999999999999999999` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these
    ");
    insta::assert_snapshot!(env.run(&["stop", "-"]).block(), @"
    exit 2
    err| error: `-` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these
    ");
    insta::assert_snapshot!(env.run(&["status", "5"]).block(), @"
    exit 2
    err| error: there is no antnode0005
    err| hint: `wnm status` shows the nodes there are
    ");
}

#[test]
fn counts() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    insta::assert_snapshot!(env.run(&["add", "--count", "0"]).block(), @"
    exit 2
    err| error: invalid value '0' for '--count <N>': give a whole number from 1 to 10000
    err|
    err| For more information, try '--help'.
    ");
    insta::assert_snapshot!(env.run(&["disable", "--count", "0"]).block(), @"
    exit 2
    err| error: invalid value '0' for '--count <N>': give a whole number from 1 to 10000
    err|
    err| For more information, try '--help'.
    ");
    insta::assert_snapshot!(env.run(&["disable", "--all", "1"]).block(), @"
    exit 2
    err| error: the argument '--all' cannot be used with '[NODE]...'
    err|
    err| Usage: wnm disable <NODE|--count <N>|--all>
    err|
    err| For more information, try '--help'.
    ");
    insta::assert_snapshot!(env.run(&["enable", "--all"]).block(), @"
    exit 0
    err| no node to enable
    ");
    insta::assert_snapshot!(env.run(&["stop", "--count", "3"]).block(), @"
    exit 0
    err| no node to stop
    ");
}

#[test]
fn homes() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run_in(&[("WNM_SCOPE", "user")], &["status"]).block(), @"
    exit 2
    err| error: HOME is not set: it is needed to find ~/.local/share/autonomi
    ");
    let relative = [("WNM_SCOPE", "user"), ("HOME", "here")];
    insta::assert_snapshot!(env.run_in(&relative, &["status"]).block(), @"
    exit 2
    err| error: HOME is not set: it is needed to find ~/.local/share/autonomi
    ");
    insta::assert_snapshot!(env.run(&["status", "--scope", "galaxy"]).block(), @"
    exit 2
    err| error: --scope is `galaxy`, which is not a scope: use user or system
    ");
}

#[test]
fn configuration_files() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    let file = env.path("config.toml");
    let given = file.display().to_string();
    let run = |env: &TestEnv| env.run(&["run", "--config", &given]);
    fs::create_dir(&file).expect("made");
    insta::assert_snapshot!(run(&env).block(), @"
    exit 2
    err| error: failed to read [DIR]/config.toml: Is a directory (os error 21)
    ");
    fs::remove_dir(&file).expect("empty");
    fs::write(&file, [0xff, 0xfe, b'=', b'1']).expect("written");
    insta::assert_snapshot!(run(&env).block(), @"
    exit 2
    err| error: failed to read [DIR]/config.toml: stream did not contain valid UTF-8
    ");
    fs::write(&file, "node_cap = \"3\n4\"\n").expect("written");
    assert_eq!(run(&env).code, Some(2));
    fs::write(&file, "node_cap = \"\"\"3\n4\"\"\"\n").expect("written");
    insta::assert_snapshot!(run(&env).block(), @"
    exit 2
    err| error: node_cap is `3
    err| 4`: give a whole number from 0 to 10000
    err| hint: node_cap comes from [DIR]/config.toml
    ");
    fs::write(&file, format!("# {}\nnode_cap = 0\n", "x".repeat(4 << 20))).expect("written");
    run(&env).expect(0);
    assert_eq!(env.run(&["config", "get", "node_cap"]).stdout, "node_cap = \"20\"  # default\n");
}

#[test]
fn variables() {
    let mut env = TestEnv::new();
    env.set("WNM_LOCK_PATIENCE", "soon");
    insta::assert_snapshot!(env.run(&["status"]).block(), @"
    exit 2
    err| error: WNM_LOCK_PATIENCE is `soon`: give a time such as 0, 5s or 2min
    ");
    let mut env = TestEnv::new();
    env.init(&[]).expect(0);
    env.set("WNM_NODE_CAP", "lots");
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 2
    err| error: node_cap is `lots`: give a whole number from 0 to 10000
    err| hint: node_cap comes from the environment variable WNM_NODE_CAP
    ");
    insta::assert_snapshot!(env.run(&["config", "get", "node_cap"]).block(), @r#"
    exit 0
    out| node_cap = "lots"  # environment; default 20
    "#);
}

#[test]
fn values_that_would_break_a_listing() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    let value = "--a\n--b \"c d\" # e";
    insta::assert_snapshot!(env.run(&["config", "set", "start_args", value]).block(), @r#"
    exit 0
    err| start_args is now `--a
    err| --b "c d" # e` (it was ``)
    "#);
    insta::assert_snapshot!(env.run(&["config", "set", "node_cap=3", "--json"]).block(), @"
    exit 0
    err| node_cap is now `3` (it was `20`)
    ");
    let listing = env.run(&["config", "list"]).expect(0).stdout;
    let file = env.path("fed-back.toml");
    fs::write(&file, listing).expect("written");
    let file = file.display().to_string();
    let again = env.run(&["config", "get", "start_args", "--config", &file, "--json"]).json();
    assert_eq!(again["settings"][0]["value"], value);
}
