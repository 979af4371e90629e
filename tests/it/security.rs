//! What is private stays private: modes of what wnm makes, and secrets that are never told.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::harness::{Ran, TestEnv};

const PASSPHRASE: &str = "correct horse battery staple";

fn with_a_node() -> TestEnv {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    env.run(&["add"]).expect(0);
    env.cycle_until_resting_with(1);
    env
}

/// Everything below `place` that others may read or write, but what programs of others made.
fn open_to_others(place: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place).expect("there") {
        let path = entry.expect("readable").path();
        let about = fs::symlink_metadata(&path).expect("there");
        let mode = about.permissions().mode() & 0o777;
        if !about.is_symlink() && mode & 0o077 != 0 {
            found.push(format!("{} {mode:o}", path.display()));
        }
        // What lies in a private directory is private.
        if about.is_dir() && mode & 0o077 != 0 {
            found.extend(open_to_others(&path));
        }
    }
    found
}

#[test]
fn stores_backups_and_keys_are_for_their_owner_alone() {
    let env = with_a_node();
    let base = env.base_dir();
    let is_private = |what: &str| {
        let open = open_to_others(&base);
        let of_ours = ["colony.db", "backups", "identities", "wnm_active", ".key"];
        let of_ours = |it: &&String| of_ours.iter().any(|ours| it.contains(ours));
        let open: Vec<&String> = open.iter().filter(of_ours).collect();
        assert!(open.is_empty(), "after {what}: {open:?}");
    };
    is_private("a cycle");
    for line in [
        &["db", "backup"][..],
        &["config", "set", "node_cap", "2"],
        &["add"],
        &["restart", "1"],
        &["remove", "1"],
        &["identity", "restore", "1"],
        &["db", "restore", "--latest", "--force"],
        &["run"],
        &["remove", "1"],
    ] {
        // Some of it may be refused: what counts is what lies there afterwards.
        env.run(line);
        is_private(&line.join(" "));
    }
    let out = env.path("keys.age");
    let words = env.path("words");
    fs::write(&words, PASSPHRASE).expect("written");
    let (to, from) = (out.display().to_string(), words.display().to_string());
    env.run(&["identity", "backup", "--to", &to, "--passphrase-file", &from]);
    if let Ok(about) = fs::metadata(&out) {
        assert_eq!(about.mode() & 0o777, 0o600);
    }
}

#[test]
fn secrets_are_told_to_nobody() {
    let env = with_a_node();
    let key = fs::read_to_string(env.base_dir().join("node/antnode0001/node_identity.key"));
    let key = key.expect("it has one");
    let secret = key.split("\"secret_key\":[").nth(1).and_then(|it| it.get(..60));
    let secret = secret.expect("the stand-in writes numbers").to_owned();
    let hex: String = key.bytes().take(30).map(|byte| format!("{byte:02x}")).collect();
    env.run(&["remove", "1"]).expect(0);
    let words = env.path("words");
    fs::write(&words, format!("{PASSPHRASE}\n")).expect("written");
    let (to, from) = (env.path("keys.age"), words.display().to_string());
    let to = to.display().to_string();
    let lines: [&[&str]; 13] = [
        &["identity", "backup", "--to", &to, "--passphrase-file", &from, "-vvv"],
        &["identity", "backup", "1", "--to", &to, "--passphrase-file", &from, "-vvv"],
        &["identity", "list", "--json"],
        &["run", "--json", "-vvv"],
        &["status", "--json"],
        &["history", "--json"],
        &["snapshot"],
        &["plan", "--json"],
        &["explain", "--json"],
        &["doctor", "--json"],
        &["db", "status", "--json"],
        &["config", "list"],
        &["survey", "-vvv"],
    ];
    for line in lines {
        let Ran { stdout, stderr, .. } = env.run(line);
        for secret in [secret.as_str(), hex.as_str(), PASSPHRASE] {
            let told = stdout.contains(secret) || stderr.contains(secret);
            assert!(!told, "`wnm {}` tells a secret", line.join(" "));
        }
    }
    let store = fs::read(env.base_dir().join("colony.db")).expect("there");
    let has = |secret: &str| store.windows(secret.len()).any(|it| it == secret.as_bytes());
    assert!(!has(&secret) && !has(&hex) && !has(PASSPHRASE), "the store has no secrets");
}
