//! One database of every shape, made by the program itself, is read as what it says.

use std::fmt::Write;

use insta::assert_snapshot;

use super::{made, read};
use crate::{PythonDatabase, PythonNode};

macro_rules! museum {
    ($name:literal) => {
        told(include_str!(concat!("../../../museum/python/", $name, ".sql")))
    };
}

fn told(sql: &str) -> String {
    let found = read(&made(sql)).unwrap();
    let mut told = format!("{}\n", found.schema);
    let PythonDatabase { settings, nodes, missing, unknown, .. } = found;
    // What every version has, and has alike in these, is asserted once.
    let pairs: Vec<String> = ["node_cap", "delay_start", "mem_less_than", "process_manager"]
        .iter()
        .filter_map(|name| Some(format!("{name}={}", settings.get(name)?)))
        .collect();
    let _ = writeln!(told, "{}", pairs.join(" "));
    for node in &nodes {
        let _ = writeln!(told, "{}", line(node));
    }
    let _ = writeln!(told, "{} settings; lacks {}", settings.len(), missing.join(" "));
    assert!(unknown.is_empty(), "{unknown:?}");
    told
}

fn line(node: &PythonNode) -> String {
    format!(
        "{} {} {:?} {} {}/{}/{:?} {:?}",
        node.id,
        node.service,
        node.status,
        node.data.as_ref().map_or("?".into(), |data| data.display().to_string()),
        node.port,
        node.metrics_port,
        node.rpc_port,
        node.manager.as_deref().unwrap_or("?"),
    )
}

#[test]
fn the_first_generation_counted_minutes() {
    assert_snapshot!(museum!("0.0.9-system"), @"");
}

#[test]
fn the_second_has_no_revision() {
    assert_snapshot!(museum!("0.0.10-system"), @"");
    assert_snapshot!(museum!("0.0.16-user"), @"");
    assert_snapshot!(museum!("0.0.30-user"), @"");
    assert_snapshot!(museum!("0.1.5-user"), @"");
    assert_snapshot!(museum!("0.3.0-user"), @"");
}

#[test]
fn later_ones_are_stamped() {
    assert_snapshot!(museum!("0.3.10-user"), @"");
    assert_snapshot!(museum!("0.4.1-user"), @"");
    assert_snapshot!(museum!("0.4.4-user"), @"");
    assert_snapshot!(museum!("0.5.8-user"), @"");
}

#[test]
fn the_last_version_of_all() {
    assert_snapshot!(museum!("0.6.3-user"), @"");
    assert_snapshot!(museum!("0.6.3-system"), @"");
}

#[test]
fn directories_that_were_cut_at_the_first_dot_are_not_believed() {
    assert_snapshot!(museum!("0.6.3-user-import"), @"");
    let sql = include_str!("../../../museum/python/0.6.3-user-import.sql");
    let found = read(&made(sql)).unwrap();
    assert_snapshot!(found.nodes[0].remarks.join("\n"), @"");
}

#[test]
fn everything_of_one_database() {
    let found = read(&made(super::LAST)).unwrap();
    let settings: Vec<String> =
        found.settings.iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_snapshot!(settings.join("\n"), @"");
    insta::assert_debug_snapshot!(found.nodes[1], @"");
}
