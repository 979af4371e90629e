//! A world that lies: tools, endpoints and clocks. Whatever they say, no node is stopped or removed on
//! their word, and none is started twice.

mod clock;
mod crontab;
mod docker;
mod firewalls;
mod hanging;
mod meddlers;
mod metrics;
mod pids;
mod places;
mod sudo;
mod systemctl;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::harness::{Ran, TestEnv, is_there, wait_until};

/// How a tool lies, behind what it would do: honest until the file `lie` says at which verb, and how.
const LIES: &str = r#"
case "$(cat @LIE@ 2>/dev/null)" in
"nothing $verb") exit 0 ;;
"refuse $verb") echo 'Failed: Keine Berechtigung' >&2; exit 1 ;;
"afterwards $verb") honest "$@"; echo 'Failed: Zeitüberschreitung' >&2; exit 1 ;;
"foreign $verb") printf 'Aktiv: aktiv (läuft)\nGeladen: ja\n'; exit 0 ;;
"half $verb") honest "$@" | head -c 60; exit 0 ;;
"first $verb") honest "$@" | head -n 1; exit 0 ;;
"others $verb") honest "$@" | sed 's/antnode/other/'; exit 0 ;;
"binary $verb") printf '\377\376\0'; exit 0 ;;
"hang $verb") exec sleep 600 ;;
"wait $verb") : >@LIE@.waits; while [ -e @LIE@.waits ]; do sleep 0.02; done; honest "$@" ;;
*) honest "$@" ;;
esac
"#;

/// Puts a tool of this name first on PATH. `honest` is what it does when it does not lie, as a function of
/// the shell of that name, and `verb` what it is asked for.
fn liar(env: &TestEnv, name: &str, honest: &str) {
    script(&env.path("tools").join(name), &lying(env, honest));
}

fn lying(env: &TestEnv, honest: &str) -> String {
    let lies = LIES.replace("@LIE@", &env.path("lie").display().to_string());
    format!("#!/bin/sh\n{honest}\n{lies}")
}

fn script(place: &Path, text: &str) {
    fs::write(place, text).expect("written");
    fs::set_permissions(place, fs::Permissions::from_mode(0o755)).expect("ours");
}

/// What the tools of this home say from now on; nothing but the truth when it is empty.
fn lie(env: &TestEnv, words: &str) {
    fs::write(env.path("lie"), words).expect("written");
}

/// Runs wnm, and does something while a tool is asked for `verb` for the first time.
#[track_caller]
fn while_it_asks(env: &TestEnv, verb: &str, args: &[&str], act: impl FnOnce()) -> Ran {
    let waits = env.path("lie.waits");
    lie(env, &format!("wait {verb}"));
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| env.run(args));
        wait_until(Duration::from_secs(30), verb, || is_there(&waits) || ran.is_finished());
        assert!(is_there(&waits), "{args:?} never asks for {verb}");
        act();
        lie(env, "");
        fs::remove_file(&waits).expect("it waits");
        ran.join().expect("it ends")
    })
}

/// Everything that must not change: processes with their data, and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Alive {
    processes: BTreeSet<(PathBuf, u32)>,
    data: Vec<String>,
    keys: BTreeMap<PathBuf, Vec<u8>>,
}

fn alive(env: &TestEnv) -> Alive {
    let processes: BTreeSet<(PathBuf, u32)> = env.running().into_iter().collect();
    let keys = processes.iter().flat_map(|(data, _)| KEYS.map(|name| data.join(name)));
    let keys = keys.filter_map(|file| Some((file.clone(), fs::read(file).ok()?))).collect();
    Alive { processes, data: env.names("node"), keys }
}

/// What the two programs call their keys.
const KEYS: [&str; 2] = ["node_identity.key", "secret-key"];

/// A home with `count` nodes that run, and no more than these.
fn nodes(env: &TestEnv, count: &str, more: &[&str]) {
    env.init(&[&["--node-cap", count][..], more].concat()).expect(0);
    env.run(&["add", "--count", count]).expect(0);
    env.cycle_until_resting_with(count.parse().expect("a number"));
}

/// One cycle; whatever it says and does, everybody is still there.
#[track_caller]
fn a_cycle_hurts_nobody(env: &TestEnv, what: &str, before: &Alive) -> String {
    let ran = env.run(&["run"]);
    assert_eq!(&alive(env), before, "{what}: {}", ran.block());
    nobody_was_removed(env, what);
    ran.block()
}

#[track_caller]
fn nobody_was_removed(env: &TestEnv, what: &str) {
    let history = env.run(&["history", "--limit", "1000"]).expect(0).stdout;
    let is_gone = [" remove antnode", " retire antnode"].iter().any(|act| history.contains(act));
    assert!(!is_gone, "{what}: {history}");
}

fn key_is_there(env: &TestEnv, number: u32, file: &str) -> bool {
    is_there(&env.base_dir().join(format!("node/antnode{number:04}")).join(file))
}

/// What was running is at most one process a key, nobody was removed, and the ledger has them all.
#[track_caller]
fn everybody_once(env: &TestEnv, what: &str) {
    let Alive { processes, data, .. } = alive(env);
    let directories: BTreeSet<_> = processes.iter().map(|(it, _)| it).collect();
    assert_eq!(directories.len(), processes.len(), "{what}: one identity in two: {processes:?}");
    assert_eq!(data.iter().filter(|name| name.starts_with("antnode")).count(), 2, "{what}");
    nobody_was_removed(env, what);
    assert_eq!(env.states().len(), 2, "{what}: of the two the ledger has");
}

/// It ends as by itself, and wnm is not told.
fn kill_node(env: &TestEnv, number: u32) {
    kill(env, env.pid(number));
}

fn kill(env: &TestEnv, pid: u32) {
    let process = Pid::from_raw(i32::try_from(pid).expect("a pid"));
    nix::sys::signal::kill(process, Signal::SIGKILL).expect("our own node");
    wait_until(Duration::from_secs(10), "it is gone", || {
        env.running().iter().all(|(_, running)| *running != pid)
    });
}

/// After at most three cycles there is nothing to do: so many nodes run, and are said to.
#[track_caller]
fn three_cycles_set_all_right(env: &TestEnv, count: usize, what: &str) {
    let mut told = String::new();
    for _ in 0..3 {
        told += &env.run(&["run"]).block();
        if env.running().len() == count && env.states() == vec!["running"; count] {
            let next = env.run(&["run", "--json"]).json();
            assert_eq!(next["done"], serde_json::json!([]), "{what}: {told}");
            return;
        }
    }
    panic!("{what}: three cycles are not enough: {:?} {told}", env.states());
}

/// Every key that was there lies somewhere in the home, with its node or in the archive.
#[track_caller]
fn no_key_is_lost(env: &TestEnv, before: &Alive, what: &str) {
    let mut found = BTreeSet::new();
    keys_below(&env.path(""), &mut found);
    for (place, key) in &before.keys {
        assert!(found.contains(key), "{what}: the key of {} is lost", place.display());
    }
}

fn keys_below(place: &Path, found: &mut BTreeSet<Vec<u8>>) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("it is there"));
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_key = KEYS.contains(&name.as_str()) || name.ends_with(".key");
        match (kind.is_dir(), is_key) {
            (true, _) => keys_below(&path, found),
            (false, true) => found.extend(fs::read(&path)),
            (false, false) => {}
        }
    }
}
