//! `wnm doctor` on homes in which something was spoiled.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{Ran, TestEnv, wait_until};

/// What depends on the machine and not on the home.
const OF_THE_MACHINE: [&str; 11] = [
    // The stand-in comes by itself.
    "program-alone",
    "clock-unsynchronised",
    "open-files",
    "memory-low",
    "no-swap",
    "disk-full",
    "disk-filling",
    "inodes-filling",
    "no-pressure-stall",
    "no-systemd",
    "schedule-off",
];

/// Findings about the home: id and whether it can fix it by itself.
fn findings(ran: &Ran) -> Vec<(String, bool)> {
    let json = ran.json();
    let findings = json["findings"].as_array().expect("a list").iter();
    let of = |found: &serde_json::Value| {
        let id = found["id"].as_str().expect("a name").to_owned();
        let parts: Vec<&String> = found.as_object().expect("an object").keys().collect();
        assert_eq!(parts, ["fix", "fixable", "id", "means", "severity", "subject"]);
        assert!(!found["means"].as_str().expect("words").is_empty(), "{found}");
        (id, found["fixable"] == true)
    };
    findings.map(of).filter(|(id, _)| !OF_THE_MACHINE.contains(&id.as_str())).collect()
}

#[track_caller]
fn expect(env: &TestEnv, args: &[&str], expected: &[(&str, bool)]) {
    let ran = env.run(&[&["doctor", "--json"], args].concat());
    let expected: Vec<(String, bool)> =
        expected.iter().map(|(id, fixable)| ((*id).to_owned(), *fixable)).collect();
    assert_eq!(findings(&ran), expected, "{}", ran.stdout);
    if !expected.is_empty() {
        assert_eq!(ran.code, Some(1), "something was found");
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own");
}

#[test]
fn spoiled_things_are_found_one_by_one() {
    let env = TestEnv::new();
    expect(&env, &[], &[("not-initialised", false)]);

    env.init(&["--node-cap", "1"]).expect(0);
    expect(&env, &[], &[("no-schedule", false)]);
    env.run(&["schedule", "install", "--cron", "--binary", "/usr/bin/true"]).expect(0);
    // By name: however busy this machine is.
    env.run(&["add"]).expect(0);
    wait_until(Duration::from_secs(60), "the node runs", || {
        env.run(&["run"]);
        env.states() == ["running"]
    });
    // The program under test is another one than the one that was named: nothing is wrong.
    expect(&env, &[], &[]);

    // Keys for everybody to read. Not the store: SQLite's files beside it, which come and go, would
    // follow its mode.
    let key = env.base_dir().join("node/antnode0001/node_identity.key");
    wait_until(Duration::from_secs(10), "the node makes its key", || key.is_file());
    mode(&key, 0o644);
    mode(&env.base_dir().join("identities"), 0o755);
    let open = ("not-private", true);
    expect(&env, &[], &[open, open]);
    let text = env.run(&["doctor"]).expect(1).stdout;
    assert!(text.contains("error [not-private]") && text.contains("fix: chmod go-rwx "), "{text}");
    let ran = env.run(&["doctor", "--fix", "--json"]);
    assert_eq!(ran.json()["fixed"].as_array().map(Vec::len), Some(2), "{}", ran.stdout);
    expect(&env, &[], &[]);
    let after = fs::metadata(&key).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(after, 0o600);

    // A directory, a leftover and a process that no record knows.
    let stray = env.base_dir().join("node/antnode0009");
    fs::create_dir(&stray).expect("made");
    fs::create_dir(env.base_dir().join("node/.removed-antnode0008-77")).expect("made");
    let mut process = Command::new("/bin/sh")
        .arg0("ant-node")
        // It waits for a line that never comes.
        .args(["-c", "read line", "ant-node", "--root-dir"])
        .arg(&stray)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a process");
    wait_until(Duration::from_secs(10), "the stray is seen", || {
        env.running().iter().any(|(data, _)| *data == stray)
    });
    let strays = [("stray-process", false), ("stray-directory", false), ("leftover", false)];
    expect(&env, &["--fix"], &strays);
    process.kill().expect("our own");
    process.wait().expect("our own");
    assert!(stray.is_dir(), "nothing is destroyed");
    fs::remove_dir(&stray).expect("empty");

    // The node is killed, and then its data goes.
    let pid = nix::unistd::Pid::from_raw(env.pid(1) as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("our own");
    wait_until(Duration::from_secs(10), "the node ends", || env.running().is_empty());
    let leftover = ("leftover", false);
    expect(&env, &[], &[("node-stopped", false), leftover]);
    fs::rename(env.base_dir().join("node/antnode0001"), env.path("elsewhere")).expect("moved");
    expect(&env, &[], &[("data-gone", false), leftover]);
    fs::rename(env.path("elsewhere"), env.base_dir().join("node/antnode0001")).expect("moved");
    fs::remove_file(env.base_dir().join("node/.wnm-storage")).expect("deleted");
    expect(&env, &[], &[("storage-absent", false), ("node-unknown", false), leftover]);
}

#[test]
fn a_store_that_cannot_be_read_is_a_finding_and_no_failure() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    fs::write(env.base_dir().join("colony.db"), "not a database at all").expect("written");
    let ran = env.run(&["doctor", "--json"]).expect(1);
    let found = findings(&ran);
    assert!(found.contains(&("store-unusable".to_owned(), false)), "{}", ran.stdout);
}

/// What a cycle leaves that doctor has waited for is what counts, not what was there before it.
#[test]
fn the_schedule_is_looked_at_after_the_wait_for_a_cycle() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    env.run(&["schedule", "install", "--cron", "--binary", "/usr/bin/true"]).expect(0);
    fs::rename(env.path("crontab"), env.path("aside")).expect("moved");

    let cycle = env.hold_lock();
    let doctor = env.start(&["doctor", "--json"]);
    let files = format!("/proc/{}/fd", doctor.id());
    let lock = env.base_dir().join("wnm_active");
    wait_until(Duration::from_secs(30), "doctor waits for the lock", || {
        let open = fs::read_dir(&files).into_iter().flatten().flatten();
        open.map(|entry| fs::read_link(entry.path())).any(|file| file.is_ok_and(|f| f == lock))
    });
    fs::rename(env.path("aside"), env.path("crontab")).expect("moved");
    drop(cycle);
    let output = doctor.wait_with_output().expect("our own child");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("\"findings\"") && !said.contains("no-schedule"), "{said}");
}
