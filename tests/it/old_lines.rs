//! The Python tool's command line, environment and files: what crontabs say goes on.

use std::fs;
use std::time::Duration;

use crate::harness::{TestEnv, wait_until};

fn node_names(env: &TestEnv) -> Vec<String> {
    env.names("node").into_iter().filter(|name| !name.starts_with('.')).collect()
}

/// What it said of the line itself, and of the settings.
fn notes(env: &TestEnv, args: &[&str]) -> String {
    let ran = env.run(args).expect(0);
    let notes =
        ran.stderr.lines().filter(|line| line.starts_with("note: ") || line.contains(" is now "));
    notes.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_line_from_a_crontab_is_a_cycle() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    insta::assert_snapshot!(notes(&env, &[]), @"note: this is the Python tool's command line; now it is `wnm run`");
    // The cap is stored, as it was there, and the cycle goes by it.
    insta::assert_snapshot!(notes(&env, &["--node_cap", "2"]), @"
    note: this is the Python tool's command line; now it is `wnm config set --keep-nodes 'node_cap=2' && wnm run --node-cap 2`
    node_cap is now `2` (it was `1`)
    ");
    insta::assert_snapshot!(notes(&env, &["--node_cap", "3", "--dry_run"]), @"note: this is the Python tool's command line; now it is `wnm run --dry-run --node-cap 3`");
    assert_eq!(
        env.run(&["config", "get", "node_cap"]).stdout,
        "node_cap = \"2\"  # store; default 20\n"
    );
    wait_until(Duration::from_secs(60), "old lines bring up two nodes", || {
        env.run(&[]).expect(0);
        env.running().len() == 2
    });
    assert_eq!(node_names(&env), ["antnode0001", "antnode0002"]);
}

#[test]
fn a_lower_cap_from_an_old_line_stops_and_does_not_delete() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    insta::assert_snapshot!(env.run(&["--node_cap", "1"]).block(), @"
    exit 0
    out| done: stop antnode0002
    out| before this: 2 of 1 nodes, 2 running
    err| note: this is the Python tool's command line; now it is `wnm config set --keep-nodes 'node_cap=1' && wnm run --node-cap 1`
    err| node_cap stays `2`: `1` would remove nodes with their data; `wnm config set node_cap 1` does it
    err| stop antnode0002: 2 nodes, 1 allowed
    ");
    for _ in 0..3 {
        env.run(&["--node_cap", "1"]).expect(0);
    }
    assert_eq!(node_names(&env), ["antnode0001", "antnode0002"], "both have their data");
    assert_eq!(env.running().len(), 1);
}

#[test]
fn actions_and_reports() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "3"]).expect(0);
    insta::assert_snapshot!(env.run(&["--force_action", "add", "--count", "2"]).block(), @"
    exit 0
    out| done: add antnode0001
    out| done: add antnode0002
    out| before this: 0 of 3 nodes, 0 running
    err| note: this is the Python tool's command line; now it is `wnm add --count 2`
    err| add antnode0001: request 1
    err| add antnode0002: request 1
    ");
    let args = ["--force_action", "disable", "--service_name", "antnode0002.service"];
    insta::assert_snapshot!(env.run(&args).block(), @"
    exit 0
    out| done: stop antnode0002
    out| before this: 2 of 3 nodes, 2 running
    out| done: disable antnode0002
    out| before this: 2 of 3 nodes, 1 running
    err| note: this is the Python tool's command line; now it is `wnm stop antnode0002 && wnm disable antnode0002`
    err| stop antnode0002: request 2
    err| disable antnode0002: request 3
    ");
    assert_eq!(env.running().len(), 1, "there, too, disabling stopped the node");
    let ran = env.run(&["--force_action", "survey", "--report", "node-status", "--json"]).expect(0);
    let report = ran.json();
    assert_eq!(report[1]["status"], "DISABLED", "{}", ran.block());
    assert_eq!(report[1]["service_name"], "antnode0002");
    let ran = env.run(&["--report", "influx-resources"]).expect(0);
    assert!(ran.stdout.starts_with("nodes,id=1 "), "{}", ran.block());
    insta::assert_snapshot!(env.run(&["--force_action", "remove", "--dry_run"]).block(), @"
    exit 0
    err| note: this is the Python tool's command line
    err| note: a dry run: `wnm remove --count 1` was not run
    ");
    insta::assert_snapshot!(env.run(&["--force_action", "teardown"]).block(), @"
    exit 5
    err| error: --force_action teardown needs --confirm
    err| hint: nothing was done
    ");
    insta::assert_snapshot!(env.run(&["--force_action", "teardown", "--confirm"]).block(), @"
    exit 0
    out| done: remove antnode0001
    out| before this: 1 of 3 nodes, 1 running
    err| note: this is the Python tool's command line; now it is `wnm remove --all --confirm`
    err| note: settings, store and disabled nodes stay, and the next cycle adds nodes again; `wnm teardown --confirm` ends everything
    err| remove antnode0001: request 4
    ");
    assert_eq!(node_names(&env), ["antnode0002"], "and it is still initialised");
    env.run(&["status"]).expect(0);
}

#[test]
fn an_old_init() {
    let env = TestEnv::with_program("antnode");
    let base = (env.spec(1).ports.node / 1000).to_string();
    let metrics = (env.spec(1).ports.node / 1000 + 1).to_string();
    let ran = env.run(&[
        "--init",
        "--rewards_address",
        "faucet",
        "--process_manager",
        "setsid+user",
        "--node_cap",
        "1",
        "--port_start",
        &format!("{base}001"),
        "--metrics_port_start",
        &metrics,
        "--crisis_bytes",
        "50000000000",
    ]);
    let ran = ran.expect(0);
    assert!(ran.stdout.contains("antnode 0.4.17, kept by setsid+user"), "{}", ran.block());
    assert!(ran.stderr.contains("note: --crisis_bytes has no effect"), "{}", ran.block());
    let get = |key: &str| env.run(&["config", "get", key]).expect(0).stdout;
    assert_eq!(get("crisis_bytes"), "crisis_bytes = \"2GB\"  # default\n");
    assert_eq!(get("port_start"), format!("port_start = \"{base}\"  # store; default 55\n"));
}

#[test]
fn settings_by_their_old_names_count_less_than_ours() {
    let mut env = TestEnv::new();
    env.init(&["--node-cap", "9"]).expect(0);
    let get = |env: &TestEnv| env.run(&["config", "get", "node_cap"]).expect(0).stdout;
    let old = env.path("home/.local/share/wnm/config");
    fs::create_dir_all(old.parent().expect("a parent")).expect("made");
    fs::write(&old, "node_cap=4\nhighest_node_id_used=0\nantctl_version=None\n").expect("written");
    assert_eq!(get(&env), "node_cap = \"4\"  # the Python tool's file; default 20\n");
    insta::assert_snapshot!(env.run(&["config", "get", "node_cap"]).block(), @r#"
    exit 0
    out| node_cap = "4"  # the Python tool's file; default 20
    err| warning: [DIR]/home/.local/share/wnm/config is a file of the Python tool; `wnm config list > config.toml` writes one of ours; without effect in it: highest_node_id_used
    "#);
    env.set("NODE_CAP", "5");
    let line = "node_cap = \"5\"  # environment, by the Python tool's name; default 20\n";
    assert_eq!(get(&env), line);
    env.set("ENVIRONMENT", "production");
    env.set("HOST", "build7");
    env.run(&["plan"]);
    env.set("WNM_NODE_CAP", "6");
    assert_eq!(get(&env), "node_cap = \"6\"  # environment; default 20\n");
    let named = env.path("old.conf");
    fs::write(&named, "mem_less_than: 33\nrewards_address=0xnonsense\n").expect("written");
    let named = named.display().to_string();
    insta::assert_snapshot!(env.run(&["--config", &named, "config", "get", "mem_less_than"]).block(), @r#"
    exit 0
    out| mem_less_than = "33"  # the Python tool's file; default 60
    err| warning: [DIR]/old.conf is a file of the Python tool; `wnm config list > config.toml` writes one of ours
    "#);
    insta::assert_snapshot!(env.run(&["-c", &named]).block(), @"
    exit 2
    err| note: this is the Python tool's command line; now it is `wnm --config [DIR]/old.conf run`
    err| warning: [DIR]/old.conf is a file of the Python tool; `wnm config list > config.toml` writes one of ours
    err| error: rewards_address: `0xnonsense` is not a wallet: write 0x and 40 hex digits, `faucet` or `donate`
    err| hint: rewards_address comes from a file of the Python tool
    ");
}

#[test]
fn every_report_in_every_format() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.run(&["add", "--count", "2"]).expect(0);
    let names = [
        "node-status",
        "node-status-details",
        "machine-config",
        "machine-metrics",
        "influx-resources",
    ];
    for name in names {
        for format in ["text", "json", "env", "config"] {
            let ran = env.run(&["report", name, "--format", format]).expect(0);
            assert!(!ran.stdout.is_empty() && ran.stderr.is_empty(), "{}", ran.block());
            if format == "json" && name != "influx-resources" {
                ran.json();
            }
        }
    }
    let one = env.run(&["report", "node-status", "2", "--json"]).expect(0).json();
    assert_eq!(one.as_array().map(Vec::len), Some(1), "one node, and still an array");
    // The configuration can be fed back, which it could not there.
    let file = env.path("machine");
    fs::write(&file, env.run(&["report", "machine-config", "--format", "config"]).stdout)
        .expect("written");
    let file = file.display().to_string();
    let again =
        env.run(&["--config", &file, "report", "machine-config", "--json"]).expect(0).json();
    assert_eq!(again, env.run(&["report", "machine-config", "--json"]).json());
    env.run(&["--config", &file, "run"]).expect(0);
}
