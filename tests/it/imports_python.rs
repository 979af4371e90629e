//! Databases of the Python wnm and registries of antctl that cannot be taken over: refused with what
//! is wrong, and nothing was made. Takeovers of running nodes need a systemd: see the system stories.

use std::fs;
use std::path::{Path, PathBuf};

use wnm_store::make_database;

use crate::harness::TestEnv;

const LAST: &str = include_str!("../../wnm-store/museum/python/0.6.3-user.sql");
const OF_SYSTEM: &str = include_str!("../../wnm-store/museum/python/0.6.3-system.sql");

/// The database where that program keeps it, for the home of the test.
fn database(env: &TestEnv, sql: &str) -> PathBuf {
    let home = env.path("home").display().to_string();
    fs::create_dir_all(env.base_dir()).expect("a directory");
    let file = env.base_dir().join("colony.db");
    make_database(&sql.replace("/home/ann", &home), &file).expect("a database");
    file
}

/// The whole home, with what is in its files.
fn everything(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type().expect("a kind").is_dir() {
            true => found.extend(everything(&entry.path())),
            false => found.push((entry.path(), fs::read(entry.path()).expect("a file"))),
        }
    }
    found.sort();
    found
}

/// Refused, with `told` in the message; and all is as it was.
fn is_refused(env: &TestEnv, args: &[&str], told: &[&str]) {
    let before = everything(&env.path("home"));
    for more in [&["--dry-run"][..], &["--confirm"]] {
        let ran = env.run(&[&["init"], args, more].concat());
        let text = format!("{}{}", ran.stdout, ran.stderr);
        for told in told {
            assert!(text.contains(told), "{told}: {}", ran.block());
        }
        assert!(text.contains("nothing was changed"), "{}", ran.block());
        assert!(everything(&env.path("home")) == before, "{}", ran.block());
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn nodes_that_nothing_keeps_stay_where_they_are() {
    let env = TestEnv::new();
    let file = database(&env, LAST);
    is_refused(
        &env,
        &["--from-python-db", text(&file)],
        &["there is no node here to take over", "antnode0004", "systemd+user has no antnode0001"],
    );
}

#[test]
fn a_database_that_makes_no_sense_is_refused_cell_by_cell() {
    let env = TestEnv::new();
    let file = database(&env, &LAST.replace("55003,13003", "'high',-1"));
    is_refused(
        &env,
        &["--from-python-db", text(&file)],
        &["table node, row 3, column port: `high` is a text", "column metrics_port: `-1`"],
    );
}

#[test]
fn half_a_database_is_refused() {
    let env = TestEnv::new();
    let file = database(&env, LAST);
    let bytes = fs::read(&file).expect("a file");
    fs::write(&file, &bytes[..bytes.len() / 2]).expect("a file");
    is_refused(&env, &["--from-python-db", text(&file)], &["colony.db: it is damaged"]);
    fs::write(&file, "node_cap=5\n".repeat(50)).expect("a file");
    is_refused(&env, &["--from-python-db", text(&file)], &["is no database of the Python wnm"]);
    let elsewhere = env.path("no.db");
    is_refused(&env, &["--from-python-db", text(&elsewhere)], &["it is not there"]);
}

#[test]
fn nodes_of_the_machine_are_none_of_a_user() {
    let env = TestEnv::new();
    let file = database(&env, OF_SYSTEM);
    is_refused(
        &env,
        &["--from-python-db", text(&file)],
        &["its nodes are kept by systemd+sudo", "choose --scope system"],
    );
}

#[test]
fn half_a_registry_of_antctl_is_refused() {
    let env = TestEnv::new();
    is_refused(&env, &["--from-antctl"], &["antctl keeps no nodes here"]);
    let registry = env.base_dir().join("node/node_registry.json");
    fs::create_dir_all(registry.parent().expect("a directory")).expect("a directory");
    for half in ["", "{\"nodes\":[{\"num", "{\"nodes\":[{\"number\":1}]}"] {
        fs::write(&registry, half).expect("a file");
        is_refused(&env, &["--from-antctl"], &["node_registry.json: it is"]);
    }
}
