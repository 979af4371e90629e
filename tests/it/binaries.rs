//! Releases from a server on loopback into the store and onto nodes, and those that are refused.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use crate::harness::{
    ARCHIVE, Manners, Publisher, Ran, SigningKey, TestEnv, archive, is_there, release, wait_until,
};

const KEY: SigningKey = SigningKey(1);

/// A home that looks for releases at a publisher of its own, with one node at most.
fn world() -> (TestEnv, Publisher) {
    let env = TestEnv::new();
    let publisher = Publisher::start(env.path("releases"));
    env.init(&["--node-cap", "1"]).expect(0);
    fs::write(env.path("key"), KEY.public()).expect("written");
    let (url, key) = (publisher.url(), env.path("key"));
    let key = format!("release_key={}", key.display());
    env.run(&["config", "set", &format!("release_source={url}"), &key]).expect(0);
    (env, publisher)
}

fn publish(env: &TestEnv, publisher: &Publisher, version: &str) -> Vec<u8> {
    let archive = release(&env.path(""), version);
    publisher.publish(version, &archive, &KEY.sign(&archive));
    archive
}

/// Kept versions, newest first, with a star at the one that nodes are given.
fn kept(env: &TestEnv) -> Vec<String> {
    let list = env.run(&["binary", "list", "--json"]).expect(0).json();
    let of = |version: &serde_json::Value| {
        let star = if version["given"] == true { "*" } else { "" };
        format!("{}{star}", version["version"].as_str().expect("a text"))
    };
    list["versions"].as_array().expect("a list").iter().map(of).collect()
}

/// Nothing of a release is anywhere, not even half of one.
#[track_caller]
fn nothing_is_left(env: &TestEnv) {
    let mut names = env.names("bin");
    names.retain(|name| name != ".lock" && name != "ant-node");
    let parts = env.names("bin/.parts");
    names.retain(|name| name != ".parts");
    assert_eq!((names, parts), (Vec::<String>::new(), Vec::<String>::new()));
    assert_eq!(kept(env), [""; 0]);
}

/// Texts of this run with what changes replaced.
fn block(ran: &Ran, publisher: &Publisher) -> String {
    ran.block().replace(&publisher.url(), "[URL]/").lines().map(steady).collect()
}

fn steady(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let digits = word.trim_end_matches([':', ',', ';']);
        let is_key = digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        if is_key { word.replace(digits, "[KEY]") } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ") + "\n"
}

#[test]
fn a_signed_release_becomes_what_nodes_run() {
    let (env, publisher) = world();
    publish(&env, &publisher, "0.24.0");
    publish(&env, &publisher, "0.25.0-rc.1");
    assert_eq!(kept(&env), [""; 0]);
    let ran = env.run(&["binary", "fetch"]).expect(0);
    insta::assert_snapshot!(block(&ran, &publisher), @r"
    exit 0
    out| ant-node 0.24.0 is here: signature by the key [KEY]; it is what nodes are given
    err| ant-node 0.24.0 at [URL]/v0.24.0/ant-node-cli-linux-x64.tar.gz
    err| verified: signature by the key [KEY]
    ");
    assert_eq!(kept(&env), ["0.24.0*"]);
    env.run(&["binary", "verify"]).expect(0);
    // A node is given a copy of its own, with its companion.
    env.run(&["add"]).expect(0);
    let data = env.base_dir().join("node/antnode0001");
    let same = |name: &str| {
        let kept = env.base_dir().join("bin/ant-node/0.24.0").join(name);
        fs::read(data.join(name)).expect("given") == fs::read(kept).expect("kept")
    };
    assert!(same("ant-node") && same("bootstrap_peers.toml"));
    // Again is no work, and a release candidate comes by name only.
    let again = env.run(&["binary", "fetch", "--json"]).expect(0).json();
    assert_eq!((&again["new"], &again["version"]), (&false.into(), &"0.24.0".into()));
    env.run(&["binary", "fetch", "0.25.0-rc.1"]).expect(0);
    assert_eq!(kept(&env), ["0.25.0-rc.1", "0.24.0*"]);
}

#[test]
fn what_is_not_what_was_published_is_refused_and_leaves_nothing() {
    let (env, publisher) = world();
    let good = release(&env.path(""), "0.24.0");
    let mut tampered = good.clone();
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    let program = b"#!/bin/sh\necho ant-node 0.24.0\n".as_slice();
    let trick = archive(&[("ant-node", program), ("x/ant-node", program)]);
    let other = release(&env.path(""), "0.23.9");
    let sign = |archive: &[u8]| KEY.sign(archive);
    let of_another = "is not the signature of this file by the key";
    let cases: [(&str, &[u8], Vec<u8>, &str); 6] = [
        ("tampered", &tampered, sign(&good), of_another),
        ("another key", &good, SigningKey(2).sign(&good), of_another),
        ("no signature", &good, b"<html>404</html>".to_vec(), "is no ML-DSA-65 signature"),
        ("cut", &good[..good.len() / 2], sign(&good), of_another),
        ("a trick", &trick, sign(&trick), "it has two files of the name ant-node"),
        (
            "another version",
            &other,
            sign(&other),
            "should be ant-node 0.24.0, and says it is 0.23.9",
        ),
    ];
    for (name, archive, signature, why) in cases {
        publisher.publish("0.24.0", archive, &signature);
        let ran = env.run(&["binary", "fetch"]).expect(5);
        assert!(ran.stderr.contains(why), "{name}: {ran:?}");
        nothing_is_left(&env);
    }
    // What nodes are given is still what it was.
    let list = env.run(&["binary", "list", "--json"]).expect(0).json();
    assert_eq!(list["given"]["version"], "0.23.1");
}

#[test]
fn a_download_that_breaks_off_is_gone_on_with_in_the_next_run() {
    let (env, publisher) = world();
    let archive = publish(&env, &publisher, "0.24.0");
    publisher.behave(Manners::Breaks);
    let ran = env.run(&["binary", "fetch"]).expect(1);
    let half = archive.len() / 2;
    assert!(ran.stderr.contains(&format!("{half} bytes are here, the rest is not")), "{ran:?}");
    assert!(ran.stderr.contains("run it again: it goes on where it broke off"), "{ran:?}");
    publisher.behave(Manners::Good);
    env.run(&["binary", "fetch"]).expect(0);
    assert_eq!(publisher.ranges().last(), Some(&format!("{half}-")));
    assert_eq!(kept(&env), ["0.24.0*"]);
    assert_eq!(env.names("bin/.parts"), [""; 0]);
}

#[test]
fn a_run_that_is_killed_leaves_no_half_version() {
    let (env, publisher) = world();
    publish(&env, &publisher, "0.24.0");
    publisher.behave(Manners::Drips);
    let mut child = env.start(&["binary", "fetch"]);
    wait_until(Duration::from_secs(20), "a part is here", || {
        let parts = env.names("bin/.parts");
        let length = |name: &String| {
            let part = env.base_dir().join("bin/.parts").join(name);
            fs::metadata(part).map_or(0, |found| found.len())
        };
        parts.iter().any(|name| name.ends_with(ARCHIVE) && length(name) > 0)
    });
    child.kill().expect("it runs");
    child.wait().expect("our own child");
    assert_eq!(kept(&env), [""; 0]);
    publisher.behave(Manners::Good);
    env.run(&["binary", "fetch"]).expect(0);
    assert_eq!(kept(&env), ["0.24.0*"]);
    assert!(publisher.ranges().last().is_some_and(|range| !range.is_empty()), "it went on");
}

#[test]
fn nobody_there_is_told_and_changes_nothing() {
    let (env, _publisher) = world();
    env.run(&["config", "set", "release_source", "http://127.0.0.1:9/"]).expect(0);
    let ran = env.run(&["binary", "fetch", "--timeout", "5s"]).expect(1);
    assert!(ran.stderr.contains("http://127.0.0.1:9/releases.json: "), "{ran:?}");
    nothing_is_left(&env);
    insta::assert_snapshot!(env.run(&["binary", "fetch", "0.4.17"]).expect(2).block(), @r"
    exit 2
    err| error: 0.4.17 is no version of ant-node
    err| hint: it is one of antnode: --program antnode
    ");
    insta::assert_snapshot!(env.run(&["binary", "pin", "0.24.0"]).expect(1).block(), @r"
    exit 1
    err| error: ant-node 0.24.0 is not in [DIR]/home/.local/share/autonomi/bin
    err| hint: wnm binary fetch 0.24.0, or wnm binary list
    ");
    insta::assert_snapshot!(env.run(&["binary", "fetch", "--sha256", "abc"]).expect(2).stderr, @r"
    error: invalid value 'abc' for '--sha256 <HEX>': `abc` is not a SHA-256: give its 64 hex digits

    For more information, try '--help'.
    ");
    let ran = env.run(&["config", "set", "release_source", "ftp://a/"]).expect(2);
    assert!(ran.stderr.contains("release_source is `ftp://a/`: give project, a URL"), "{ran:?}");
}

#[test]
fn pins_room_and_checks() {
    let (env, publisher) = world();
    for version in ["0.24.0", "0.24.1", "0.24.2", "0.24.3"] {
        publish(&env, &publisher, version);
        env.run(&["binary", "fetch"]).expect(0);
        if version == "0.24.0" {
            let pinned = env.run(&["binary", "pin", "0.24.0"]).expect(0);
            assert_eq!(pinned.stdout, "ant-node 0.24.0 is pinned; nodes are given 0.24.0\n");
        }
    }
    // keep_releases is 3, and the pinned one stays beside them.
    assert_eq!(kept(&env), ["0.24.3", "0.24.2", "0.24.1", "0.24.0*"]);
    let list = env.run(&["binary", "list"]).expect(0);
    assert!(
        list.stdout.starts_with("nodes are given ant-node 0.24.0, which is pinned\n"),
        "{list:?}"
    );
    let unpinned = env.run(&["binary", "unpin"]).expect(0);
    assert_eq!(
        unpinned.stdout,
        "no version of ant-node is pinned any more; nodes are given 0.24.3\n"
    );

    // Somebody writes into a kept version: the same length, other bytes.
    let path = env.base_dir().join("bin/ant-node/0.24.3/ant-node");
    spoil(&path);
    let ran = env.run(&["binary", "verify"]).expect(1);
    assert!(ran.stdout.contains("ant-node 0.24.2 is as it came"), "{ran:?}");
    assert!(ran.stdout.contains("with the SHA-256"), "{ran:?}");
    let doctor = env.run(&["doctor", "--json"]).json();
    let ids: Vec<&str> = doctor["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["id"].as_str())
        .collect();
    assert!(ids.contains(&"version-spoiled"), "{ids:?}");
    // Another length is no version at all, and the one before is given.
    fs::write(&path, "short").expect("our own");
    assert_eq!(kept(&env), ["0.24.2*", "0.24.1", "0.24.0"]);
    env.run(&["binary", "fetch", "0.24.3"]).expect(0);
    env.run(&["binary", "verify"]).expect(0);

    env.run(&["teardown", "--confirm"]).expect(0);
    assert!(!is_there(&env.base_dir().join("bin")), "{:?}", env.names("bin"));
}

#[test]
fn what_was_asked_for_by_name_stays_however_old_it_is() {
    let (env, publisher) = world();
    for version in ["0.20.0", "0.24.0", "0.25.0", "0.26.0"] {
        publish(&env, &publisher, version);
    }
    for version in ["0.24.0", "0.25.0", "0.26.0"] {
        env.run(&["binary", "fetch", version]).expect(0);
    }
    let ran = env.run(&["binary", "fetch", "0.20.0"]).expect(0);
    assert!(!ran.stderr.contains("deleted"), "{}", ran.block());
    assert_eq!(kept(&env), ["0.26.0*", "0.25.0", "0.24.0", "0.20.0"]);
}

#[test]
fn what_somebody_asked_to_run_is_not_collected() {
    let (mut env, publisher) = world();
    env.run(&["add"]).expect(0);
    for version in ["0.24.0", "0.25.0", "0.26.0", "0.27.0", "0.28.0"] {
        publish(&env, &publisher, version);
    }
    env.run(&["binary", "fetch", "0.24.0"]).expect(0);
    let cycle = env.hold_lock();
    env.set("WNM_LOCK_PATIENCE", "0");
    env.run(&["upgrade", "1", "--to", "0.24.0"]).expect(3);
    for version in ["0.25.0", "0.26.0", "0.27.0", "0.28.0"] {
        env.run(&["binary", "fetch", version]).expect(0);
    }
    drop(cycle);
    assert_eq!(kept(&env), ["0.28.0*", "0.27.0", "0.26.0", "0.24.0"]);
}

#[test]
fn where_the_store_cannot_be_read_nothing_is_collected() {
    let (env, publisher) = world();
    for version in ["0.24.0", "0.25.0", "0.26.0", "0.27.0"] {
        publish(&env, &publisher, version);
    }
    for version in ["0.24.0", "0.25.0", "0.26.0"] {
        env.run(&["binary", "fetch", version]).expect(0);
    }
    fs::write(env.base_dir().join("colony.db"), "not a database at all").expect("written");
    let ran = env.run(&["binary", "fetch", "0.27.0"]);
    assert_ne!(ran.code, Some(0), "{}", ran.block());
    assert_eq!(env.names("bin/ant-node"), ["0.24.0", "0.25.0", "0.26.0"]);
}

fn spoil(path: &Path) {
    let mut bytes = fs::read(path).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(path, permissions).expect("our own");
    fs::write(path, bytes).expect("our own");
}

#[test]
fn a_program_can_be_fetched_before_there_is_anything_else() {
    let env = TestEnv::new();
    fs::remove_file(env.program()).expect("no program on PATH");
    let publisher = Publisher::start(env.path("releases"));
    let archive = publish(&env, &publisher, "0.24.0");
    env.init(&["--node-cap", "1"]).expect(2);
    // From the project nobody would believe this key.
    let ran = env.run(&["binary", "fetch", "--from", &publisher.url()]).expect(5);
    assert!(ran.stderr.contains("by the key 163f903d7b56cede: refused"), "{ran:?}");
    let file = env.path("a.tar.gz");
    fs::write(&file, archive).expect("written");
    let ran = env.run(&["binary", "fetch", "--file", &file.display().to_string()]).expect(0);
    assert!(ran.stdout.contains("nothing but the operator's word"), "{ran:?}");
    env.init(&["--node-cap", "1"]).expect(0);
    env.run(&["add"]).expect(0);
}

/// With a program that somebody built for real, in an archive like that of a release.
#[test]
#[expect(clippy::print_stderr, reason = "whoever reads the log wants to know")]
fn the_real_program_comes_as_a_release() {
    let Some(real) = std::env::var_os("WNM_REAL_NODE").map(std::path::PathBuf::from) else {
        eprintln!("not run: WNM_REAL_NODE is not set");
        return;
    };
    let (env, publisher) = world();
    let program = fs::read(&real).expect("it is there");
    let archive = archive(&[("ant-node", &program), ("bootstrap_peers.toml", b"peers = []\n")]);
    publisher.publish("0.23.1", &archive, &KEY.sign(&archive));
    publisher.behave(Manners::Breaks);
    env.run(&["binary", "fetch"]).expect(1);
    publisher.behave(Manners::Good);
    let started = std::time::Instant::now();
    env.run(&["binary", "fetch"]).expect(0);
    eprintln!("{} bytes, fetched and verified in {:?}", archive.len(), started.elapsed());
    assert_eq!(kept(&env), ["0.23.1*"]);
    let kept = env.base_dir().join("bin/ant-node/0.23.1/ant-node");
    assert_eq!(fs::read(kept).expect("kept"), program);
    env.run(&["binary", "verify"]).expect(0);
}

#[test]
fn a_node_is_given_any_kept_version_by_name() {
    let (env, publisher) = world();
    env.run(&["config", "set", "delay_upgrade=4s", "canary_time=0s"]).expect(0);
    env.run(&["add"]).expect(0);
    let key = env.base_dir().join("node/antnode0001/node_identity.key");
    let identity = fs::read(&key).expect("a key");
    for version in ["0.24.0", "0.25.0"] {
        publish(&env, &publisher, version);
        env.run(&["binary", "fetch", version]).expect(0);
    }
    let has = || {
        let program = env.base_dir().join("node/antnode0001/ant-node");
        let said = std::process::Command::new(program).arg("--version").output().expect("it runs");
        String::from_utf8_lossy(&said.stdout).trim().replace("ant-node ", "")
    };

    let proven = || {
        wait_until(Duration::from_secs(60), "it is proven", || {
            env.run(&["run"]).expect(0);
            env.names("node").iter().all(|name| !name.starts_with(".kept"))
        });
    };

    // What is not kept is not given, and the way to it is named.
    let ran = env.run(&["upgrade", "1", "--to", "0.26.0"]).expect(5);
    assert!(ran.stderr.contains("wnm binary fetch 0.26.0"), "{}", ran.block());
    assert_eq!(has(), "0.23.1");

    // Not the newest, because another one was named.
    env.run(&["upgrade", "1", "--to", "0.24.0"]).expect(0);
    assert_eq!(has(), "0.24.0");
    proven();
    env.run(&["upgrade", "1"]).expect(0);
    assert_eq!(has(), "0.25.0");
    proven();
    let ran = env.run(&["upgrade", "1", "--to", "0.24.0"]).expect(5);
    assert!(ran.stderr.contains("--allow-downgrade"), "{}", ran.block());
    env.run(&["upgrade", "1", "--to", "0.24.0", "--allow-downgrade"]).expect(0);
    assert_eq!((has(), fs::read(&key).expect("a key")), ("0.24.0".to_owned(), identity));
    assert_eq!(env.running().len(), 1);
}

/// A real program takes fifty milliseconds of CPU to tell its version: not in every cycle.
#[test]
fn a_program_is_asked_what_it_is_once() {
    let env = TestEnv::new();
    let (asked, program) = (env.path("asked"), env.path("asked-program"));
    let write = |version: &str| {
        let script = format!(
            "#!/bin/sh\necho {version} >> '{}'\necho 'ant-node {version}'\n",
            asked.display()
        );
        fs::write(&program, script).expect("written");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("ours");
    };
    write("0.23.0");
    let given = program.display().to_string();
    env.init(&["--node-binary", &given, "--node-cap", "1", "--grow-window", "1d"]).expect(0);
    fs::remove_file(&asked).expect("init has asked it, and so has its first look");
    let cycles = |count: u32| {
        (0..count).for_each(|_| drop(env.run(&["run"]).expect(0)));
        fs::read_to_string(&asked).unwrap_or_default()
    };
    assert_eq!(cycles(3), "");
    // In its place, as large as before.
    write("0.24.0");
    assert_eq!(cycles(3), "0.24.0\n");
    // Named by a link, which leads elsewhere now.
    let (other, link) = (env.path("other-program"), env.path("link"));
    fs::copy(&program, &other).expect("copied");
    symlink(&program, &link).expect("linked");
    env.run(&["config", "set", "node_binary", &link.display().to_string()]).expect(0);
    fs::remove_file(&asked).expect("it was asked");
    assert_eq!(cycles(2), "0.24.0\n");
    fs::remove_file(&link).expect("ours");
    symlink(&other, &link).expect("linked");
    assert_eq!(cycles(2), "0.24.0\n0.24.0\n");
}
