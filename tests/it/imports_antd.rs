//! Nodes that the ant daemon keeps already are taken over where they are, and it goes on to keep them.

use std::fs;
use std::time::Duration;

use crate::antd::{Daemon, is_real};
use crate::harness::{Ran, TestEnv, is_there, wait_until};

const WALLET: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";

/// Somebody adds and starts `count` nodes, from this port on.
fn add(env: &TestEnv, daemon: &Daemon, count: u16, wallet: &str) {
    let before = env.running().len();
    for _ in 0..count {
        let number = next(daemon);
        let body = serde_json::json!({
            "count": 1, "rewards_address": wallet, "node_port": env.spec(number).ports.node,
            "binary_source": { "type": "local_path", "value": env.program() },
            "bootstrap_peers": ["127.0.0.1:22001"],
            "env_variables": [["ANT_IPV4_ONLY", "true"], ["ANT_DISABLE_WEBRTC_DIRECT", "true"]],
        });
        assert!(daemon.ask("POST", "nodes", &body.to_string()).starts_with("HTTP/1.1 201"));
        let started = daemon.ask("POST", &format!("nodes/{number}/start"), "");
        assert!(started.starts_with("HTTP/1.1 200"), "{started}");
    }
    wait_until(Duration::from_secs(20), "they run and have their keys", || {
        let keys = env.running();
        keys.len() == before + usize::from(count)
            && keys.iter().all(|(data, _)| is_there(&data.join("node_identity.key")))
    });
}

/// The number that the daemon gives next.
fn next(daemon: &Daemon) -> u32 {
    let Ok(text) = fs::read_to_string(daemon.home.join("node_registry.json")) else { return 1 };
    let registry: serde_json::Value = serde_json::from_str(&text).expect("a registry");
    registry["next_id"].as_u64().expect("a number") as u32
}

fn import(env: &TestEnv, daemon: &Daemon, more: &[&str]) -> Ran {
    let nodes = daemon.home.join("nodes").display().to_string();
    env.init(&[&["--import", "--manager", "antd+user", "--node-storage", &nodes], more].concat())
}

#[test]
fn nodes_of_the_daemon_go_on_with_their_numbers() {
    let env = TestEnv::new();
    let daemon = Daemon::start(&env);
    add(&env, &daemon, 3, WALLET);
    assert!(daemon.ask("POST", "nodes/2/stop", "").starts_with("HTTP/1.1 200"));
    wait_until(Duration::from_secs(20), "the second one rests", || env.running().len() == 2);
    let before = env.running();

    let dry = import(&env, &daemon, &["--dry-run"]).expect(0);
    for told in
        ["node-1 as antnode0001", "node-3 as antnode0003", "of the ant daemon", "stopped, stays so"]
    {
        assert!(dry.stdout.contains(told), "{told}: {}", dry.block());
    }
    // Without its manager by name they are found as well, and are no plain processes.
    let nodes = daemon.home.join("nodes").display().to_string();
    let found = env.init(&["--import", "--node-storage", &nodes, "--dry-run"]).expect(0);
    assert!(found.stdout.contains("3 nodes to take over"), "{}", found.block());
    assert!(!found.stdout.contains("of a plain process"), "{}", found.block());

    import(&env, &daemon, &["--confirm"]).expect(0);
    assert_eq!(env.running(), before, "nothing was restarted");
    env.run(&["run"]).expect(0);
    let ran = env.run(&["run"]).expect(0);
    assert!(ran.stdout.contains("nothing to do"), "{}", ran.block());
    assert_eq!(
        (env.running(), env.states()),
        (before.clone(), ["running", "stopped", "running"].map(String::from).to_vec())
    );
    let again = import(&env, &daemon, &["--confirm"]).expect(2);
    assert!(
        again.stderr.contains("these are kept by wnm: antnode0001, antnode0002"),
        "{}",
        again.block()
    );

    // What is asked of them is done with them, and the next one gets the next number.
    env.run(&["start", "2"]).expect(0);
    env.cycle_until_resting_with(3);
    assert!(before.iter().all(|node| env.running().contains(node)));
    env.run(&["stop", "3"]).expect(0);
    env.run(&["remove", "3"]).expect(0);
    assert!(!is_there(&daemon.home.join("nodes/node-3")));
    env.run(&["config", "set", "node_cap", "3"]).expect(0);
    env.cycle_until_resting_with(3);
    assert!(is_there(&daemon.home.join("nodes/node-4")), "numbers are not given twice");
    let archived = env.names("identities").iter().filter(|it| it.ends_with(".key")).count();
    assert_eq!(archived, 4);
}

#[test]
fn while_the_daemon_does_not_answer_its_nodes_are_taken_by_nobody() {
    let env = TestEnv::new();
    let daemon = Daemon::start(&env);
    add(&env, &daemon, 2, WALLET);
    let before = env.running();
    let home = daemon.home.clone();
    daemon.kill();
    let nodes = home.join("nodes").display().to_string();
    let line = ["--import", "--node-storage", &nodes, "--confirm"];
    let ran = env.init(&line).expect(5);
    for told in
        ["node-1 is kept by the ant daemon", "`ant node daemon start` starts it", "--except node-2"]
    {
        assert!(ran.stderr.contains(told), "{told}: {}", ran.block());
    }
    // Nor are they taken for plain processes by who leaves them out.
    let ran = env.init(&[&line[..], &["--except", "node-1,node-2"]].concat()).expect(5);
    assert!(ran.stderr.contains("there is no node here to take over"), "{}", ran.block());
    assert!(!is_there(&env.base_dir().join("colony.db")), "nothing was made");
    assert_eq!(env.running(), before);
}

#[test]
fn what_of_the_registry_makes_no_sense_refuses_all() {
    let env = TestEnv::new();
    if is_real() {
        return;
    }
    let daemon = Daemon::start(&env);
    add(&env, &daemon, 2, WALLET);
    let before = env.running();
    let file = daemon.home.join("node_registry.json");
    let sound = fs::read_to_string(&file).expect("a registry");
    let table = [
        (sound.replacen(WALLET, "0x12", 1), "rewards_address is `0x12`"),
        (sound[..sound.len() / 2].to_owned(), "read the registry of the ant daemon"),
        (sound.replacen("\"schema_version\": 1", "\"schema_version\": 7", 1), "has shape 7"),
    ];
    for (spoiled, told) in table {
        fs::write(&file, spoiled).expect("written");
        let ran = import(&env, &daemon, &["--confirm"]);
        assert_ne!(ran.code, Some(0), "{}", ran.block());
        assert!(ran.stderr.contains(told), "{told}: {}", ran.block());
        assert!(!is_there(&env.base_dir().join("colony.db")), "nothing was made");
    }
    fs::write(&file, sound).expect("written");
    daemon.behave("hang");
    let ran = import(&env, &daemon, &["--confirm"]).expect(5);
    assert!(ran.stderr.contains("did not answer"), "{}", ran.block());
    daemon.behave("");
    assert_eq!(env.running(), before);
    import(&env, &daemon, &["--confirm"]).expect(0);
    assert_eq!(env.running(), before);
}
