//! Wrong values, wherever they stand: see `errors.rs`.

use std::fs;

use crate::errors::{initialised, told};

#[test]
fn values_of_settings() {
    let env = initialised();
    env.run(&["add"]).expect(0);
    let lines = [
        "config set node_cap",
        "config set node_cap many",
        "config set node_cap -3",
        "config set node_cap 10001",
        "config set node_cap 1.5",
        "config set node_cpa 3",
        "config set cpu_remove 101",
        "config set cpu_remove 70%",
        "config set mem_less_than 99.95",
        "config set delay_start soon",
        "config set delay_start 400d",
        "config set crisis_bytes 2~apples",
        "config set hdio_read_remove fast",
        "config set max_concurrent_starts 0",
        "config set no_upnp maybe",
        "config set autostart cron",
        "config set firewall iptables",
        "config set node_removal_strategy random",
        "config set network mainnet",
        "config set node_storage relative/path",
        "config set node_storage /",
        "config set environment novalue",
        "config set start_args 'open",
        "config set rewards_address bob",
        "config set rewards_address faucet:0",
        "config set rewards_address ''",
        "config set program antnode",
        "config set a=1 b=2",
        "config get nodecap",
        "config explain mem",
        "config unset nodes",
        "config unset rewards_address",
        "config set --file node_cap lots",
    ];
    insta::assert_snapshot!(told(&env, &lines), @"
    $ wnm config set node_cap
    exit 2
    err| error: no value for `node_cap`: write `wnm config set node_cap VALUE`

    $ wnm config set node_cap many
    exit 2
    err| error: node_cap is `many`: give a whole number from 0 to 10000

    $ wnm config set node_cap -3
    exit 2
    err| error: node_cap is `-3`: give a whole number from 0 to 10000

    $ wnm config set node_cap 10001
    exit 2
    err| error: node_cap is `10001`: give a whole number from 0 to 10000

    $ wnm config set node_cap 1.5
    exit 2
    err| error: node_cap is `1.5`: give a whole number from 0 to 10000

    $ wnm config set node_cpa 3
    exit 2
    err| error: there is no setting `node_cpa`; the nearest is `node_cap`, and `wnm config list` shows all

    $ wnm config set cpu_remove 101
    exit 2
    err| error: cpu_remove is `101`: give a number from 0 to 100

    $ wnm config set cpu_remove 70%
    exit 2
    err| error: cpu_remove is `70%`: give a number from 0 to 100

    $ wnm config set mem_less_than 99.95
    exit 2
    err| error: mem_less_than 99.95 is not below mem_remove 99.9: lower mem_less_than or raise mem_remove, so that growing and shedding do not undo each other

    $ wnm config set delay_start soon
    exit 2
    err| error: delay_start is `soon`: give a time up to 365 days such as 90, 90s, 10min, 6h or 14d

    $ wnm config set delay_start 400d
    exit 2
    err| error: delay_start is `400d`: give a time up to 365 days such as 90, 90s, 10min, 6h or 14d

    $ wnm config set crisis_bytes 2~apples
    exit 2
    err| error: crisis_bytes is `2 apples`: give a size such as 500MB, 2GB or 2GiB

    $ wnm config set hdio_read_remove fast
    exit 2
    err| error: hdio_read_remove is `fast`: give a size such as 500MB, 2GB or 2GiB

    $ wnm config set max_concurrent_starts 0
    exit 2
    err| error: max_concurrent_starts is `0`: give auto, or a whole number from 1 to 1000

    $ wnm config set no_upnp maybe
    exit 2
    err| error: no_upnp is `maybe`: give on or off

    $ wnm config set autostart cron
    exit 2
    err| error: autostart is `cron`: give wnm or system

    $ wnm config set firewall iptables
    exit 2
    err| error: firewall is `iptables`: give auto, none, ufw, firewalld or nftables

    $ wnm config set node_removal_strategy random
    exit 2
    err| error: node_removal_strategy is `random`: give youngest, oldest, least_records, most_shunned, most_memory, most_cpu or largest_disk

    $ wnm config set network mainnet
    exit 2
    err| error: network: `mainnet` is not a network: use evm-arbitrum-one, evm-arbitrum-sepolia-test, or evm-custom,RPC_URL,TOKEN_ADDRESS,PAYMENTS_ADDRESS

    $ wnm config set node_storage relative/path
    exit 2
    err| error: node_storage is `relative/path`: give absolute directories other than /, without `..`

    $ wnm config set node_storage /
    exit 2
    err| error: node_storage is `/`: give absolute directories other than /, without `..`

    $ wnm config set environment novalue
    exit 2
    err| error: environment is `novalue`: give KEY=VALUE, the key of letters, digits and _

    $ wnm config set start_args 'open
    exit 2
    err| error: start_args is `'open`: a quote is not closed

    $ wnm config set rewards_address bob
    exit 2
    err| error: rewards_address: `bob` is not a wallet: write 0x and 40 hex digits, `faucet` or `donate`

    $ wnm config set rewards_address faucet:0
    exit 2
    err| error: rewards_address is `faucet:0`: `0` is not a weight: weights are positive whole numbers

    $ wnm config set rewards_address ''
    exit 2
    err| error: rewards_address has no default, and nothing works without it: it can only be changed

    $ wnm config set program antnode
    exit 5
    err| error: program cannot be changed from `ant-node` while there are nodes: 1 node built with it
    err| hint: nothing was changed

    $ wnm config set a=1 b=2
    exit 2
    err| error: there is no setting `a`: `wnm config list` shows all

    $ wnm config get nodecap
    exit 2
    err| error: there is no setting `nodecap`; the nearest is `node_cap`, and `wnm config list` shows all

    $ wnm config explain mem
    exit 2
    err| error: there is no setting `mem`; the nearest is `mem_less_than`, and `wnm config list` shows all

    $ wnm config unset nodes
    exit 2
    err| error: there is no setting `nodes`; the nearest is `max_nodes_per_container`, and `wnm config list` shows all

    $ wnm config unset rewards_address
    exit 2
    err| error: rewards_address has no default, and nothing works without it: it can only be changed

    $ wnm config set --file node_cap lots
    exit 2
    err| error: node_cap is `lots`: give a whole number from 0 to 10000
    ");
}

#[test]
fn files_and_variables() {
    let mut env = initialised();
    fs::write(env.path("bad.toml"), "node_cap = = 3\n").expect("written");
    fs::write(env.path("typo.toml"), "node_cpa = 3\nmem_remove = [1]\n").expect("written");
    fs::write(env.path("prose"), "dear machine, please run nodes\n").expect("written");
    fs::write(env.path("half.json"), "{\"schema\": 1").expect("written");
    fs::write(env.path("newer.json"), "{}").expect("written");
    let at = |name: &str| env.path(name).display().to_string();
    let lines = [
        format!("run --config {}", at("bad.toml")),
        format!("run --config {}", at("typo.toml")),
        format!("run --config {}", at("prose")),
        format!("run --config {}", at("absent.toml")),
        format!("run --config {}", at("home")),
        format!("plan --snapshot {}", at("half.json")),
        format!("plan --snapshot {}", at("newer.json")),
        format!("plan --snapshot {}", at("absent.json")),
        "run --scope galaxy".to_owned(),
        "run --node-cap lots --cpu-less-than 90 --cpu-remove 80".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let text = told(&env, &lines).replace(&env.path("").display().to_string(), "[DIR]/");
    insta::assert_snapshot!(text, @"
    $ wnm run --config [DIR]/bad.toml
    exit 2
    err| error: [DIR]/bad.toml: TOML parse error at line 1, column 12
    err|     |
    err|   1 | node_cap = = 3
    err|     |            ^
    err|   extra `=`, expected nothing

    $ wnm run --config [DIR]/typo.toml
    exit 2
    err| error: [DIR]/typo.toml: mem_remove must be a text, a number, true or false
    err| error: [DIR]/typo.toml: there is no setting `node_cpa`; the nearest is `node_cap`, and `wnm config list` shows all

    $ wnm run --config [DIR]/prose
    exit 2
    err| error: [DIR]/prose: TOML parse error at line 1, column 6
    err|     |
    err|   1 | dear machine, please run nodes
    err|     |      ^
    err|   key with no value, expected `=`

    $ wnm run --config [DIR]/absent.toml
    exit 2
    err| error: failed to read [DIR]/absent.toml: No such file or directory (os error 2)

    $ wnm run --config [DIR]/home
    exit 2
    err| error: failed to read [DIR]/home: Is a directory (os error 21)

    $ wnm plan --snapshot [DIR]/half.json
    exit 2
    err| error: [DIR]/half.json is no snapshot: EOF while parsing an object at line 1 column 12
    err| hint: `wnm snapshot` prints what this reads

    $ wnm plan --snapshot [DIR]/newer.json
    exit 2
    err| error: [DIR]/newer.json is no snapshot: missing field `schema` at line 1 column 2
    err| hint: `wnm snapshot` prints what this reads

    $ wnm plan --snapshot [DIR]/absent.json
    exit 2
    err| error: failed to read [DIR]/absent.json: No such file or directory (os error 2)

    $ wnm run --scope galaxy
    exit 2
    err| error: --scope is `galaxy`, which is not a scope: use user or system

    $ wnm run --node-cap lots --cpu-less-than 90 --cpu-remove 80
    exit 2
    err| error: node_cap is `lots`: give a whole number from 0 to 10000
    err| error: cpu_less_than 90 is not below cpu_remove 80: lower cpu_less_than or raise cpu_remove, so that growing and shedding do not undo each other
    ");
    let variables = [
        ("WNM_NODECAP", "3"),
        ("WNM_NODE_CAP", "lots"),
        ("WNM_SCOPE", "mars"),
        ("WNM_LOCK_PATIENCE", "soon"),
        ("WNM_LOG", "loud"),
        ("NODE_CAP", "lots"),
        ("PROCESS_MANAGER", "upstart+user"),
    ];
    let mut text = String::new();
    for (name, value) in variables {
        env.set(name, value);
        text += &format!("$ {name}={value} wnm run\n{}\n", env.run(&["run"]).block());
        env.unset(name);
    }
    insta::assert_snapshot!(text, @"
    $ WNM_NODECAP=3 wnm run
    exit 2
    err| error: environment variable WNM_NODECAP: there is no setting `nodecap`; the nearest is `node_cap`, and `wnm config list` shows all

    $ WNM_NODE_CAP=lots wnm run
    exit 2
    err| error: node_cap is `lots`: give a whole number from 0 to 10000
    err| hint: node_cap comes from the environment variable WNM_NODE_CAP

    $ WNM_SCOPE=mars wnm run
    exit 2
    err| error: WNM_SCOPE is `mars`, which is not a scope: use user or system

    $ WNM_LOCK_PATIENCE=soon wnm run
    exit 2
    err| error: WNM_LOCK_PATIENCE is `soon`: give a time such as 0, 5s or 2min

    $ WNM_LOG=loud wnm run
    exit 2
    err| error: WNM_LOG is `loud`: give off, error, warn, info, debug or trace

    $ NODE_CAP=lots wnm run
    exit 2
    err| error: node_cap is `lots`: give a whole number from 0 to 10000
    err| hint: node_cap comes from the environment variable NODE_CAP

    $ PROCESS_MANAGER=upstart+user wnm run
    exit 2
    err| error: manager: `upstart+user` is not a manager of this version: use systemd+user, setsid+user, docker+user, systemd+sudo, setsid+sudo, docker+sudo, antctl+user, antctl+sudo, antctl+zen, docker-antctl+user, docker-antctl+sudo, antd+user, launchctl+user or launchctl+sudo
    err| hint: manager comes from the environment variable PROCESS_MANAGER
    ");
}
