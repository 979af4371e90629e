//! A world that lies: tools, endpoints and clocks. Whatever they say, no node is stopped or removed on
//! their word, and none is started twice.

mod clock;
mod crontab;
mod metrics;
mod places;
mod systemctl;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::harness::{TestEnv, is_there};

/// Everything that must not change: processes with their data, and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Alive {
    processes: BTreeSet<(PathBuf, u32)>,
    data: Vec<String>,
}

fn alive(env: &TestEnv) -> Alive {
    Alive { processes: env.running().into_iter().collect(), data: env.names("node") }
}

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
