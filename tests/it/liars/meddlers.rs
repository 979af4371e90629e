//! Somebody who changes things while a cycle runs: units, and the store by another connection.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{
    Alive, alive, everybody_once, kill_node, no_key_is_lost, systemctl, three_cycles_set_all_right,
    while_it_asks,
};
use crate::harness::{Ran, TestEnv, is_there, not_tested};

/// By another connection.
fn sql(env: &TestEnv, text: &str) {
    let place = env.path("").display().to_string();
    let text = text.replace("@HERE@", place.trim_end_matches('/'));
    wnm_store::make_database(&text, &env.base_dir().join("colony.db")).expect("SQLite takes it");
}

/// What somebody does to the store.
const EDITS: &[(&str, &str)] = &[
    ("a row goes", "DELETE FROM nodes WHERE id = 2"),
    ("a row is no node", "UPDATE nodes SET spec = '{}' WHERE id = 2"),
    ("a row has another number", "UPDATE nodes SET id = 7, name = 'antnode0007' WHERE id = 2"),
    (
        "a row has another place",
        "UPDATE nodes SET data_dir = '@HERE@/precious',
         spec = json_set(spec, '$.data', '@HERE@/precious', '$.storage', '@HERE@') WHERE id = 2",
    ),
    (
        "a row has the other one's place",
        "UPDATE nodes SET spec = json_set(spec, '$.data',
         (SELECT json_extract(spec, '$.data') FROM nodes WHERE id = 1)) WHERE id = 2",
    ),
    ("nobody shall run", "UPDATE nodes SET want = 'stopped-by-operator'"),
    ("the journal goes", "DELETE FROM operations"),
    ("the requests go", "DELETE FROM requests"),
    ("another wrote", "UPDATE machine SET generation = generation + 1"),
    ("the memory goes", "UPDATE machine SET memory = '{}'"),
    ("the cap is another", "INSERT OR REPLACE INTO settings VALUES ('node_cap', '0')"),
];

#[test]
fn the_store_is_edited_while_a_cycle_looks() {
    let env = systemctl::world();
    let before = alive(&env);
    precious(&env);
    for (what, text) in EDITS {
        keep(&env);
        let ran = while_it_asks(&env, "show", &["run"], || sql(&env, text));
        assert_eq!(alive(&env), before, "{what}: {}", ran.block());
        untouched(&env, what, &ran);
        put_back(&env);
        three_cycles_set_all_right(&env, 2, what);
        assert_eq!(alive(&env), before, "{what}: {}", ran.block());
    }
}

#[test]
fn the_store_is_edited_while_a_cycle_heals() {
    let env = systemctl::world();
    precious(&env);
    for (what, text) in EDITS {
        let before = alive(&env);
        keep(&env);
        kill_node(&env, 1);
        let ran = while_it_asks(&env, "start", &["run"], || sql(&env, text));
        only_first_changed(&env, &before, what, &ran);
        put_back(&env);
        three_cycles_set_all_right(&env, 2, what);
        only_first_changed(&env, &before, what, &ran);
        everybody_once(&env, what);
    }
}

/// What was planned is done to the node that it was planned for, or not at all.
#[test]
fn the_store_is_edited_while_a_node_is_removed() {
    for at in [0, 3, 4, 6] {
        let (what, text) = EDITS[at];
        let env = systemctl::world();
        precious(&env);
        let before = alive(&env);
        let ran = while_it_asks(&env, "stop", &["remove", "2"], || sql(&env, text));
        for _ in 0..3 {
            let pid = env.pid(1);
            let is_first = |(data, _): &&(PathBuf, u32)| data.ends_with("antnode0001");
            let was = before.processes.iter().find(is_first).expect("it ran").1;
            assert_eq!(pid, was, "{what}: {}", ran.block());
            no_key_is_lost(&env, &before, what);
            untouched(&env, what, &ran);
            env.run(&["run"]);
        }
    }
}

/// Nothing is deleted but a directory of the node's own name in its own storage.
#[test]
fn a_row_that_names_another_place_deletes_nothing_there() {
    let env = systemctl::world();
    precious(&env);
    fs::create_dir_all(env.path("precious/antnode0002")).expect("made");
    fs::write(env.path("precious/antnode0002/mine"), "mine").expect("written");
    // That its key is in the archive is no leave to delete what lies beside a copy of it.
    let key = env.base_dir().join("node/antnode0002/node_identity.key");
    fs::copy(key, env.path("precious/antnode0002/node_identity.key")).expect("copied");
    std::os::unix::fs::symlink(env.path("precious"), env.path("link")).expect("linked");
    let before = alive(&env);
    for (data, storage) in [
        ("precious", ""),
        ("home/.local/share/autonomi/node/antnode0099", "home/.local/share/autonomi/node"),
        ("precious/antnode0002", "home/.local/share/autonomi/node"),
        (
            "home/.local/share/autonomi/node/../../../../../precious/antnode0002",
            "home/.local/share/autonomi/node",
        ),
        ("link/antnode0002", "link"),
        ("precious/antnode0002", "precious"),
    ] {
        let text = format!(
            "UPDATE nodes SET data_dir = '@HERE@/{data}', spec = json_set(spec, '$.data',
             '@HERE@/{data}', '$.storage', '@HERE@/{storage}') WHERE id = 2"
        );
        keep(&env);
        sql(&env, &text);
        let told = [env.run(&["run"]), env.run(&["remove", "2"]), env.run(&["run"])];
        for ran in &told {
            untouched(&env, data, ran);
        }
        assert!(is_there(&env.path("precious/antnode0002/mine")), "{data}");
        no_key_is_lost(&env, &before, data);
        put_back(&env);
    }
}

/// What could not be written down is not done, and what was begun is known again afterwards.
#[test]
fn somebody_has_the_store_for_himself() {
    // Each waits for the other's end as long as the store waits: both at the same time.
    std::thread::scope(|scope| {
        scope.spawn(|| is_held("show", "was not begun"));
        scope.spawn(|| is_held("start", "failed to finish operation"));
    });
}

fn is_held(verb: &str, told: &str) {
    let env = systemctl::world();
    precious(&env);
    let before = alive(&env);
    kill_node(&env, 1);
    let mut held = None;
    let ran = while_it_asks(&env, verb, &["run"], || held = hold(&env));
    let Some(mut held) = held else { return };
    assert_ne!(ran.code, Some(0), "{verb}: {}", ran.block());
    assert!(ran.stdout.contains("another process keeps it locked"), "{verb}: {}", ran.block());
    assert!(ran.stdout.contains(told), "{verb}: {}", ran.block());
    only_first_changed(&env, &before, verb, &ran);
    release(&mut held);
    three_cycles_set_all_right(&env, 2, verb);
    only_first_changed(&env, &before, verb, &ran);
}

/// A connection that may write, and does not let go; `None`, and told, where there is no such program.
fn hold(env: &TestEnv) -> Option<Child> {
    let mut child = Command::new("sqlite3")
        .arg(env.base_dir().join("colony.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|_| not_tested("a store that somebody holds: there is no sqlite3"))
        .ok()?;
    let stdin = child.stdin.as_mut().expect("piped");
    stdin.write_all(b".timeout 5000\nBEGIN IMMEDIATE;\n.print held\n").expect("it reads");
    let mut answer = String::new();
    BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut answer).expect("told");
    assert_eq!(answer, "held\n");
    Some(child)
}

fn release(child: &mut Child) {
    drop(child.stdin.take());
    child.wait().expect("our own");
}

#[track_caller]
fn only_first_changed(env: &TestEnv, before: &Alive, what: &str, ran: &Ran) {
    let now = alive(env);
    let others = |it: &Alive| {
        let all = it.processes.iter().filter(|(data, _)| !data.ends_with("antnode0001"));
        all.cloned().collect::<Vec<_>>()
    };
    assert_eq!(others(&now), others(before), "{what}: {}", ran.block());
    let first = now.processes.iter().filter(|(data, _)| data.ends_with("antnode0001")).count();
    assert!(first <= 1, "{what}: {}", ran.block());
    no_key_is_lost(env, before, what);
    untouched(env, what, ran);
}

fn precious(env: &TestEnv) {
    fs::create_dir_all(env.path("precious")).expect("made");
    fs::write(env.path("precious/mine"), "mine").expect("written");
}

#[track_caller]
fn untouched(env: &TestEnv, what: &str, ran: &Ran) {
    assert!(is_there(&env.path("precious/mine")), "{what}: {}", ran.block());
}

/// The tables as they are.
const TABLES: [&str; 5] = ["nodes", "settings", "operations", "requests", "machine"];

fn keep(env: &TestEnv) {
    let text = TABLES.map(|it| {
        format!("DROP TABLE IF EXISTS kept_{it}; CREATE TABLE kept_{it} AS SELECT * FROM {it};")
    });
    sql(env, &text.concat());
}

fn put_back(env: &TestEnv) {
    let text = TABLES.map(|it| {
        format!("DELETE FROM {it}; INSERT INTO {it} SELECT * FROM kept_{it}; DROP TABLE kept_{it};")
    });
    sql(env, &text.concat());
}
