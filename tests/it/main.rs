//! The hermetic tier: our own processes and files only, no root, no network but loopback.
#![expect(clippy::disallowed_methods, reason = "tests have real files, processes and deadlines")]

mod antctl;
mod antd;
mod binaries;
mod commands;
mod completions;
mod config;
mod contract;
mod crashes;
mod docker;
mod docker_antctl;
mod doctor;
mod errors;
mod errors_of_values;
mod explain;
mod guide;
mod harness;
mod identities;
mod imports;
mod imports_antd;
mod imports_containers;
mod imports_python;
mod inputs;
mod interrupts;
mod json;
mod liars;
mod main_job;
mod matrix;
mod old_lines;
mod refusals;
mod replay;
mod requests;
mod schedule;
mod security;
mod simulate;
mod soak;
mod stand_in;
mod store;
mod upgrades;
mod worlds;

use std::fs;
use std::path::Path;

/// A file that no `mod` line names is never compiled and would look like passing tests.
#[test]
fn no_file_is_forgotten() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("it");
    let listed = include_str!("main.rs");
    for entry in fs::read_dir(here).expect("the folder is there") {
        let name = entry.expect("it can be listed").file_name();
        let name = name.to_string_lossy();
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        let line = format!("mod {module};");
        assert!(
            module == "main" || module.starts_with('.') || listed.lines().any(|have| have == line),
            "tests/it/{name} is not in the module list of tests/it/main.rs"
        );
    }
}
