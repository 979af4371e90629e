//! Nodes that others started are taken over where they are, or left with a reason; what makes no
//! sense is refused whole, and nothing was made.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::{Running, StandIn, TestEnv, is_there, wait_until};

const WALLET: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";

/// A node that somebody started by hand, with a program that it shares.
fn start(env: &TestEnv, name: &str, number: u32) -> Running {
    let program = StandIn { path: env.program() };
    let data = env.path("nodes").join(name);
    let port = env.spec(number).ports.node.to_string();
    let args = ["--root-dir", text(&data), "--port", &port, "--rewards-address", WALLET];
    let node = program.spawn([&args[..], &["--disable-webrtc-direct"]].concat());
    let key = data.join("node_identity.key");
    wait_until(Duration::from_secs(20), "the node has a key", || is_there(&key));
    node
}

/// The names in a shape, which scripts read.
fn keys(shape: &serde_json::Value) -> String {
    let object = shape.as_object().expect("an object");
    let mut names: Vec<&str> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn unit(env: &TestEnv, name: &str, body: &str) -> PathBuf {
    let units = env.path("home/.config/systemd/user");
    fs::create_dir_all(&units).expect("a directory");
    let file = units.join(format!("{name}.service"));
    fs::write(&file, body).expect("a file");
    file
}

/// Everything below a directory, with the contents of small files.
fn all_below(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let kind = entry.file_type().expect("a kind");
            found.push(entry.path().display().to_string());
            if kind.is_dir() {
                left.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn plain_processes_go_on_as_nodes_of_wnm() {
    let env = TestEnv::new();
    let _one = start(&env, "one", 1);
    let _five = start(&env, "antnode0005", 5);
    let before = env.running();
    let files = all_below(&env.path(""));
    let nodes = env.path("nodes");
    let import = ["--import", "--node-storage", text(&nodes)];

    let dry = env.init(&[&import[..], &["--dry-run"]].concat()).expect(0);
    assert!(dry.stdout.contains("one as antnode0001"), "{}", dry.block());
    assert!(dry.stdout.contains("antnode0005 as antnode0005"), "{}", dry.block());
    let shape = env.init(&[&import[..], &["--dry-run", "--json"]].concat()).expect(0).json();
    assert_eq!(keys(&shape), "applied backup left notes schema settings take turned_off");
    assert_eq!(
        keys(&shape["take"][0]),
        "binary copied_from data from id logs manager name notes pid place ports program service \
         version wallet want"
    );
    let unasked = env.init(&import).expect(5);
    assert!(unasked.stderr.contains("needs --confirm"), "{}", unasked.block());
    let low = env.init(&[&import[..], &["--node-cap", "1", "--confirm"]].concat()).expect(5);
    assert!(low.stderr.contains("wnm would remove the others"), "{}", low.block());
    assert_eq!(all_below(&env.path("")), files, "nothing was made");

    env.init(&[&import[..], &["--confirm"]].concat()).expect(0);
    assert_eq!(env.running(), before, "the same processes");
    let archived = || env.names("identities").iter().filter(|it| it.ends_with(".key")).count();
    assert_eq!(archived(), 2);
    assert!(!is_there(&env.base_dir().join("import-unfinished")));
    env.run(&["run"]).expect(0);
    env.cycle_until_resting_with(2);
    assert_eq!(env.running(), before, "nothing was restarted");

    let again = env.init(&[&import[..], &["--confirm"]].concat()).expect(2);
    assert!(
        again.stderr.contains("these are kept by wnm: antnode0001, antnode0005"),
        "{}",
        again.block()
    );

    // They come back with the keys they had, and run their own copies.
    let key = || fs::read(nodes.join("one/node_identity.key")).expect("a key");
    let had = key();
    env.run(&["restart", "1"]).expect(0);
    env.cycle_until_resting_with(2);
    assert_eq!(key(), had);
    assert!(is_there(&nodes.join("one/ant-node")));
    env.run(&["remove", "1"]).expect(0);
    assert!(!is_there(&nodes.join("one")));
    assert_eq!(env.running().len(), 1);
}

#[test]
fn new_nodes_get_the_program_of_the_others_where_there_is_none_on_path() {
    if is_there(Path::new("/usr/local/bin/ant-node")) {
        // It is looked for there, whatever PATH says.
        let note = b"NOT TESTED: there is a node program in /usr/local/bin\n";
        // Past the capture of the test harness.
        std::io::stderr().write_all(note).ok();
        return;
    }
    let env = TestEnv::new();
    let opt = env.path("opt");
    fs::create_dir_all(&opt).expect("a directory");
    let program = StandIn::install(&opt, "ant-node");
    let data = env.path("nodes/one");
    let port = env.spec(1).ports.node.to_string();
    let args = ["--root-dir", text(&data), "--port", &port, "--rewards-address", WALLET];
    let _node = program.spawn(args);
    let key = data.join("node_identity.key");
    wait_until(Duration::from_secs(20), "the node has a key", || is_there(&key));
    fs::remove_file(env.program()).expect("a program");
    let nodes = env.path("nodes");
    let ran = env.init(&["--import", "--confirm", "--node-storage", text(&nodes)]).expect(0);
    let told = format!("new nodes get the program {}", program.path.display());
    assert!(ran.stdout.contains(&told), "{}", ran.block());
    assert!(ran.stderr.contains("[1/1] antnode0001: copy its program"), "{}", ran.block());
    env.run(&["config", "set", "node_cap", "2"]).expect(0);
    env.cycle_until_resting_with(2);
}

#[test]
fn what_makes_no_sense_refuses_all_and_names_its_line() {
    let env = TestEnv::new();
    let _one = start(&env, "one", 1);
    let nodes = env.path("nodes");
    let file = unit(&env, "bad", "[Service]\nExecStart=/o/ant-node --root-dir \"/n/a\n");
    let files = all_below(&env.path(""));
    let import = ["--import", "--confirm", "--node-storage", text(&nodes)];
    let ran = env.init(&import).expect(5);
    let line = format!("error: {}:2: a quote is not closed", file.display());
    assert!(ran.stderr.contains(&line), "{}", ran.block());
    assert!(ran.stderr.contains("hint: nothing was changed"), "{}", ran.block());
    assert_eq!(all_below(&env.path("")), files, "nothing was made");
    let before = env.running();
    env.init(&[&import[..], &["--except", "bad"]].concat()).expect(0);
    assert_eq!(env.running(), before);
}

#[test]
fn what_is_not_for_wnm_is_left_with_a_reason() {
    let env = TestEnv::new();
    let nodes = env.path("nodes");
    let secret = env.path("secret");
    fs::create_dir_all(&nodes).expect("a directory");
    fs::create_dir_all(&secret).expect("a directory");
    std::os::unix::fs::symlink(&secret, nodes.join("linked")).expect("a link");
    let line =
        |data: &str| format!("[Service]\nExecStart=/o/ant-node --root-dir {data} --port 5\n");
    unit(&env, "of-a-file", &format!("{}EnvironmentFile=/x\n", line("/n/a")));
    unit(&env, "upwards", &line("/n/../a"));
    unit(&env, "template@", &line("/n/%i"));
    unit(&env, "shell", "[Service]\nExecStart=/bin/sh -c 'ant-node'\n");
    unit(&env, "unrelated", "[Service]\nExecStart=/bin/true\n");
    let ran = env.init(&["--import", "--confirm", "--node-storage", text(&nodes)]).expect(5);
    for told in [
        "it reads an EnvironmentFile",
        "is not a plain absolute path",
        "it is a template",
        "it runs `/bin/sh`, which is no node program",
        "there is no node here to take over",
    ] {
        let said = ran.stdout.contains(told) || ran.stderr.contains(told);
        assert!(said, "{told}: {}", ran.block());
    }
    assert!(!ran.stdout.contains("unrelated"), "{}", ran.block());
    assert!(!is_there(&env.base_dir()), "nothing was made");
}

#[test]
fn an_import_killed_at_any_moment_is_undone_and_done_again() {
    let env = TestEnv::new();
    let _one = start(&env, "one", 1);
    let before = env.running();
    let nodes = env.path("nodes");
    let import = ["--import", "--confirm", "--node-storage", text(&nodes)];
    let args = env.init_args(&import);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut interrupted = 0;
    for step in 1..200 {
        if !env.run_and_kill(&args, Duration::from_millis(step * 2)) {
            break;
        }
        assert_eq!(env.running(), before);
        if is_there(&env.base_dir().join("import-unfinished")) {
            interrupted += 1;
            let refused = env.run(&["run"]).expect(5);
            assert!(refused.stderr.contains("an import was interrupted"), "{}", refused.block());
        }
    }
    let ran = env.run(&args);
    assert!(matches!(ran.code, Some(0 | 2)), "{}", ran.block());
    assert_eq!(env.running(), before);
    env.cycle_until_resting_with(1);
    assert_eq!(env.running(), before);
    assert!(interrupted > 0, "no kill hit a takeover");
}
