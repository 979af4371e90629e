//! Nodes in containers are taken over where they are: those of a wnm whose store is gone, and those that
//! somebody made by hand. The stand-in for docker starts real processes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{StandIn, TestEnv, is_there, wait_until};

const WALLET: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";

/// A home whose `docker` is the stand-in.
fn home() -> TestEnv {
    let env = TestEnv::new();
    symlink(env!("CARGO_BIN_EXE_stand-in-docker"), env.path("tools/docker")).expect("linked");
    fs::create_dir_all(env.path("home/.stand-in-docker")).expect("a directory");
    env
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn file(env: &TestEnv, id: &str) -> PathBuf {
    env.path("home/.stand-in-docker").join(format!("{id}.json"))
}

/// The whole id of the `number`th container of somebody else's.
fn id(number: u32) -> String {
    format!("{number:064x}")
}

/// As somebody would have it who says `docker run -d --name … -v DATA:DATA … ant-node --root-dir DATA`.
fn container(env: &TestEnv, name: &str, number: u32) -> Value {
    let data = env.path("nodes").join(name);
    fs::create_dir_all(&data).expect("a directory");
    let root = env.path("root-of-image");
    if !root.exists() {
        fs::create_dir_all(root.join("usr/local/bin")).expect("a directory");
        StandIn::install(&root.join("usr/local/bin"), "ant-node");
    }
    let port = env.spec(number).ports.node.to_string();
    let user = nix::unistd::geteuid().to_string();
    json!({
        "Id": id(number), "Name": format!("/{name}"), "RestartCount": 0, "Path": "ant-node",
        "Args": ["--root-dir", text(&data), "--port", port, "--rewards-address", WALLET,
                 "--disable-webrtc-direct"],
        "State": { "Status": "created", "Pid": 0, "ExitCode": 0 },
        "Config": { "User": user, "Env": ["PATH=/usr/bin:/usr/local/bin"], "Labels": {},
                    "Image": "mine" },
        "HostConfig": { "NetworkMode": "host", "AutoRemove": false, "Memory": 0, "NanoCpus": 0,
                        "RestartPolicy": { "Name": "always" } },
        "Mounts": [{ "Type": "bind", "Source": text(&data), "Destination": text(&data), "RW": true }],
        "StandInRoot": text(&root), "StandInProgram": text(&root.join("usr/local/bin/ant-node")),
    })
}

/// Makes it and starts it, and waits until its node has a key.
fn run(env: &TestEnv, name: &str, number: u32) {
    fs::write(file(env, &id(number)), container(env, name, number).to_string()).expect("written");
    docker(env, &["start", "--", name]);
    let key = env.path("nodes").join(name).join("node_identity.key");
    wait_until(Duration::from_secs(20), "the node has a key", || is_there(&key));
}

fn docker(env: &TestEnv, args: &[&str]) -> String {
    env.run_tool("docker", args).expect(0).stdout
}

fn names(env: &TestEnv) -> Vec<String> {
    let listed = docker(env, &["ps", "--all", "--format", "{{.Names}}"]);
    listed.lines().map(str::to_owned).collect()
}

fn ids(env: &TestEnv) -> Vec<String> {
    let mut ids: Vec<String> =
        docker(env, &["ps", "--all", "--quiet", "--no-trunc"]).lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

/// True when wnm keeps anything here.
fn stored(env: &TestEnv) -> bool {
    is_there(&env.base_dir().join("colony.db"))
}

fn import(env: &TestEnv) -> Vec<String> {
    let nodes = env.path("nodes");
    ["--import", "--manager", "docker+user", "--node-storage", text(&nodes), "--confirm"]
        .map(str::to_owned)
        .to_vec()
}

fn init(env: &TestEnv, more: &[&str]) -> crate::harness::Ran {
    let mut args = import(env);
    args.extend(more.iter().map(|it| (*it).to_owned()));
    env.init(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn containers_made_by_hand_go_on_as_nodes_of_wnm() {
    let env = home();
    run(&env, "node1", 1);
    run(&env, "store-5", 5);
    let (before, containers) = (env.running(), ids(&env));

    let dry = init(&env, &["--dry-run"]).expect(0);
    for told in
        ["node1 as antnode0001", "store-5 as antnode0005", "of a container (container node1)"]
    {
        assert!(dry.stdout.contains(told), "{told}: {}", dry.block());
    }
    assert!(!stored(&env), "nothing was made");
    // Without a manager by name they are found as well.
    let nodes = env.path("nodes");
    let found = env.init(&["--import", "--node-storage", text(&nodes), "--dry-run"]).expect(0);
    assert!(found.stdout.contains("node1 as antnode0001"), "{}", found.block());

    let ran = init(&env, &[]).expect(0);
    assert!(ran.stderr.contains("[2/2] antnode0005: keep its key"), "{}", ran.block());
    assert_eq!((env.running(), ids(&env)), (before.clone(), containers.clone()));
    env.cycle_until_resting_with(2);
    let ran = env.run(&["run"]).expect(0);
    assert!(ran.stdout.contains("nothing to do"), "{}", ran.block());
    assert_eq!((env.running(), ids(&env)), (before, containers.clone()), "nothing was restarted");
    let again = init(&env, &[]).expect(2);
    assert!(
        again.stderr.contains("these are kept by wnm: antnode0001, antnode0005"),
        "{}",
        again.block()
    );

    // Stopped it stays so, and is made anew with the key it had when it starts again.
    let key = || fs::read(nodes.join("node1/node_identity.key")).expect("a key");
    let had = key();
    env.run(&["stop", "1"]).expect(0);
    assert_eq!(env.running().len(), 1);
    assert_eq!(ids(&env), containers, "it rests as it was");
    let policy =
        docker(&env, &["inspect", "--type", "container", "--format", "{{json .}}", "--", "node1"]);
    let policy: Value = serde_json::from_str(&policy).expect("a container");
    assert_eq!(policy["HostConfig"]["RestartPolicy"]["Name"], "no", "nobody else starts it");
    env.run(&["start", "1"]).expect(0);
    env.cycle_until_resting_with(2);
    assert_eq!((key(), names(&env)), (had.clone(), vec!["node1".into(), "store-5".into()]));
    assert!(!ids(&env).contains(&id(1)), "it is one of wnm's now");
    assert!(is_there(&nodes.join("node1/ant-node")), "with a program of its own");
    let backups = env.names("backups");
    let import = backups.iter().find(|name| name.starts_with("import-")).expect("a backup");
    let kept = env.names(&format!("backups/{import}"));
    assert!(kept.iter().any(|name| name == "container-node1.json"), "{kept:?}");

    env.run(&["restart", "5"]).expect(0);
    env.cycle_until_resting_with(2);
    env.run(&["remove", "5"]).expect(0);
    assert_eq!((names(&env), is_there(&nodes.join("store-5"))), (vec!["node1".into()], false));
    let archived = env.names("identities").iter().filter(|it| it.ends_with(".key")).count();
    assert_eq!(archived, 2);
}

#[test]
fn a_container_that_cannot_be_made_anew_is_put_back() {
    let env = home();
    run(&env, "node1", 1);
    init(&env, &[]).expect(0);
    env.cycle_until_resting_with(1);
    env.run(&["stop", "1"]).expect(0);
    let conf = env.path("home/.stand-in-docker/conf");
    fs::write(&conf, "refuse=create").expect("written");
    let ran = env.run(&["start", "1"]);
    assert!(ran.stdout.contains("no create today"), "{}", ran.block());
    assert_eq!((names(&env), ids(&env)), (vec!["node1".to_owned()], vec![id(1)]));
    fs::remove_file(&conf).expect("removed");
    // Somebody gave it another name: it is known all the same, and never runs twice.
    docker(&env, &["rename", "node1", "mine"]);
    docker(&env, &["start", "--", "mine"]);
    let before = env.running();
    env.run(&["start", "1"]).expect(0);
    env.cycle_until_resting_with(1);
    assert_eq!((env.running(), names(&env)), (before, vec!["mine".to_owned()]));
}

#[test]
fn containers_of_a_lost_store_are_found_by_their_labels() {
    let env = home();
    env.init(&["--manager", "docker+user", "--node-cap", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    let (before, containers) = (env.running(), ids(&env));
    for name in ["colony.db", "colony.db-wal", "colony.db-shm"] {
        fs::remove_file(env.base_dir().join(name)).ok();
    }
    fs::remove_dir_all(env.base_dir().join("backups")).ok();
    let import = ["--import", "--manager", "docker+user"];
    let ran = env.init(&[&import[..], &["--confirm"]].concat()).expect(0);
    for told in ["antnode0001 as antnode0001", "antnode0002 as antnode0002"] {
        assert!(ran.stdout.contains(told), "{}", ran.block());
    }
    assert!(!ran.stdout.contains("from its next start"), "nothing will differ: {}", ran.block());
    env.cycle_until_resting_with(2);
    assert_eq!((env.running(), ids(&env)), (before, containers.clone()));
    // Nothing differs, so that nothing is made anew.
    env.run(&["restart", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    assert_eq!(ids(&env), containers);
    env.run(&["teardown", "--confirm"]).expect(0);
    assert_eq!(names(&env), Vec::<String>::new());
}

#[test]
fn nodes_that_share_a_container_are_found_by_its_orders() {
    let env = home();
    let shared = ["--manager", "docker+user", "--max-nodes-per-container", "2"];
    env.init(&[&shared[..], &["--node-cap", "3"]].concat()).expect(0);
    env.cycle_until_resting_with(3);
    env.run(&["stop", "2"]).expect(0);
    let (before, containers) = (env.running(), ids(&env));
    assert_eq!((before.len(), containers.len()), (2, 2));
    for name in ["colony.db", "colony.db-wal", "colony.db-shm"] {
        fs::remove_file(env.base_dir().join(name)).ok();
    }
    fs::remove_dir_all(env.base_dir().join("backups")).ok();
    env.init(&[&shared[..], &["--import", "--confirm"]].concat()).expect(0);
    // The first cycle looks into every program.
    env.run(&["run"]).expect(0);
    let ran = env.run(&["run"]).expect(0);
    assert!(ran.stdout.contains("nothing to do"), "{}", ran.block());
    assert_eq!((env.running(), ids(&env)), (before, containers));
    assert_eq!(env.states(), ["running", "stopped", "running"]);
    env.run(&["start", "2"]).expect(0);
    env.cycle_until_resting_with(3);
    assert_eq!(names(&env), ["wnm-nodes-1", "wnm-nodes-2"]);
    env.run(&["teardown", "--confirm"]).expect(0);
    assert_eq!(names(&env), Vec::<String>::new());
}

#[test]
fn what_wnm_cannot_keep_is_left_with_a_reason_and_what_makes_no_sense_refuses_all() {
    let env = home();
    run(&env, "node1", 1);
    let spoil = |number: u32, name: &str, place: &str, value: Value| {
        let mut it = container(&env, name, number);
        *it.pointer_mut(place).expect("a place") = value;
        fs::write(file(&env, &id(number)), it.to_string()).expect("written");
    };
    spoil(2, "bridged", "/HostConfig/NetworkMode", json!("bridge"));
    spoil(3, "for-once", "/HostConfig/AutoRemove", json!(true));
    spoil(4, "of-a-plan", "/Config/Labels", json!({ "com.docker.compose.project": "x" }));
    spoil(5, "inside", "/Mounts", json!([]));
    spoil(6, "of-root", "/Config/User", json!("12345"));
    let mut hidden = container(&env, "hidden", 7);
    (hidden["Path"], hidden["Config"]["Image"]) = (json!("/entrypoint.sh"), json!("my-ant-node"));
    fs::write(file(&env, &id(7)), hidden.to_string()).expect("written");
    let link = env.path("nodes/linked");
    symlink(env.path("nodes/node1"), &link).expect("linked");
    let mount =
        json!([{ "Type": "bind", "Source": text(&link), "Destination": text(&link), "RW": true }]);
    let mut linked = container(&env, "x", 8);
    linked["Name"] = json!("/linked");
    linked["Args"][1] = json!(text(&link));
    linked["Mounts"] = mount;
    fs::write(file(&env, &id(8)), linked.to_string()).expect("written");
    let mut unrelated = container(&env, "unrelated", 9);
    (unrelated["Path"], unrelated["Args"]) = (json!("/bin/true"), json!([5]));
    fs::write(file(&env, &id(9)), unrelated.to_string()).expect("written");
    let ran = init(&env, &["--dry-run"]).expect(0);
    for told in [
        "1 node to take over",
        "bridged (container bridged): its network is `bridge`",
        "for-once (container for-once): it was made with --rm",
        "docker compose made it",
        "lies inside of the container and nowhere else",
        "of-root (container of-root): it runs as `12345`",
        "it runs `/entrypoint.sh`, which is no node program",
        "linked is a link, or no directory",
    ] {
        assert!(ran.stdout.contains(told), "{told}: {}", ran.block());
    }
    assert!(!ran.stdout.contains("unrelated"), "{}", ran.block());

    spoil(2, "bridged", "/State/Pid", json!("-1"));
    let ran = init(&env, &[]).expect(5);
    let told = "container bridged: State.Pid is `\"-1\"`, which is no whole number";
    assert!(ran.stderr.contains(told), "{}", ran.block());
    assert!(ran.stderr.contains("--except bridged"), "{}", ran.block());
    assert!(!stored(&env), "nothing was made");
    init(&env, &["--dry-run", "--except", "bridged"]).expect(0);
    fs::write(file(&env, &id(2)), "half of i").expect("written");
    let ran = init(&env, &[]);
    assert!(matches!(ran.code, Some(1..=6)), "{}", ran.block());
    assert!(ran.stderr.contains("half of i"), "{}", ran.block());
    assert!(!stored(&env), "nothing was made");
}

#[test]
fn a_failure_in_the_middle_puts_all_back_and_a_docker_that_is_down_is_told() {
    let env = home();
    run(&env, "node1", 1);
    let (before, containers) = (env.running(), ids(&env));
    let conf = env.path("home/.stand-in-docker/conf");
    fs::write(&conf, "refuse=cp").expect("written");
    let ran = init(&env, &[]);
    assert!(ran.stderr.contains("no cp today"), "{}", ran.block());
    assert!(ran.stderr.contains("everything is as it was before"), "{}", ran.block());
    assert!(!stored(&env), "nothing is kept of it");
    // A program that does not run here is none for its next container.
    fs::remove_file(&conf).expect("removed");
    let program = env.path("root-of-image/usr/local/bin/ant-node");
    let sound = fs::read(&program).expect("a program");
    fs::remove_file(&program).expect("removed");
    fs::write(&program, "#!/bin/sh\nexit 127\n").expect("written");
    std::process::Command::new("chmod").arg("755").arg(&program).status().expect("chmod");
    let ran = init(&env, &[]);
    assert!(ran.stderr.contains("does not run on this machine"), "{}", ran.block());
    assert!(!stored(&env) && !is_there(&env.path("nodes/node1/ant-node")));
    fs::write(&program, sound).expect("written");
    fs::write(&conf, "down").expect("written");
    let ran = init(&env, &[]);
    assert!(ran.stderr.contains("Is the docker daemon running?"), "{}", ran.block());
    // Who asks for no containers by name is told, and nothing more.
    let nodes = env.path("nodes");
    let ran = env.init(&["--import", "--dry-run", "--node-storage", text(&nodes)]);
    assert!(ran.stdout.contains("nodes in containers are not among these"), "{}", ran.block());
    fs::remove_file(&conf).expect("removed");
    assert_eq!((env.running(), ids(&env)), (before.clone(), containers.clone()));
    init(&env, &[]).expect(0);
    assert_eq!((env.running(), ids(&env)), (before, containers));
}

/// What its container mounts is fixed: it gets another one.
#[test]
fn a_node_in_a_container_moves_to_another_disk() {
    let env = home();
    let (first, other) = (env.path("first"), env.path("other"));
    let roots = format!("{} {}", text(&first), text(&other));
    env.init(&["--manager", "docker+user", "--node-cap", "1", "--node-storage", text(&first)])
        .expect(0);
    env.run(&["add"]).expect(0);
    env.cycle_until_resting_with(1);
    let key = fs::read(first.join("antnode0001/node_identity.key")).expect("a key");
    env.run(&["config", "set", "node_storage", &roots]).expect(0);

    env.run(&["identity", "move", "1", "--to", text(&other)]).expect(0);
    assert!(env.running().is_empty(), "it never runs in two places");
    env.cycle_until_resting_with(1);
    let there = other.join("antnode0001");
    assert_eq!(env.running()[0].0, there);
    assert_eq!(fs::read(there.join("node_identity.key")).expect("a key"), key);
    assert!(!is_there(&first.join("antnode0001")));
    assert_eq!(names(&env).len(), 1, "one container for it");
}
