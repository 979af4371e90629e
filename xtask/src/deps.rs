//! Who may know whom: the edges between crates are the architecture.

use std::fs;

use cargo_metadata::{Dependency, DependencyKind, Package};

use crate::Done;
use crate::test::metadata;

/// What one crate may depend on.
struct Allowed {
    name: &'static str,
    /// Crates of this repository.
    ours: &'static [&'static str],
    /// Crates of others.
    others: &'static [&'static str],
}

const FOR_CLI: &[&str] = &[
    "wnm-core",
    "wnm-store",
    "wnm-metrics",
    "wnm-managers",
    "wnm-firewall",
    "wnm-releases",
    "wnm-simulate",
];

/// The table of `wnm-core/README.md`. A new entry is the most reviewed change there is.
const TABLE: &[Allowed] = &[
    Allowed {
        name: "wnm-core",
        ours: &[],
        // Nothing that can do input or output.
        others: &["semver", "serde", "sha3", "shell-words", "thiserror"],
    },
    Allowed {
        name: "wnm-store",
        ours: &["wnm-core"],
        others: &[
            "diesel",
            "diesel_migrations",
            "flate2",
            "libsqlite3-sys",
            "serde",
            "serde_json",
            "thiserror",
            "tracing",
        ],
    },
    Allowed {
        name: "wnm-metrics",
        ours: &["wnm-core"],
        others: &[
            "memchr",
            // The bound sockets, asked of the kernel.
            "netlink-packet-core",
            "netlink-packet-sock-diag",
            "netlink-sys",
            "nix",
            "procfs",
            "serde",
            "serde_json",
            "thiserror",
            "tracing",
        ],
    },
    Allowed {
        name: "wnm-managers",
        ours: &["wnm-core"],
        // age: keys of nodes, sealed for their owner.
        others: &[
            "age",
            "nix",
            "serde",
            "serde_json",
            "sha2",
            "shell-words",
            "tar",
            "tempfile",
            "thiserror",
            "tracing",
            "ureq",
        ],
    },
    Allowed {
        name: "wnm-simulate",
        ours: &["wnm-core"],
        // Nothing that can do input or output here either.
        others: &["fastrand", "serde", "toml"],
    },
    Allowed {
        name: "wnm-firewall",
        ours: &["wnm-core"],
        others: &["serde_json", "thiserror", "tracing"],
    },
    Allowed {
        name: "wnm-releases",
        ours: &["wnm-core"],
        others: &[
            "flate2",
            "ml-dsa",
            "nix",
            "serde",
            "serde_json",
            "sha2",
            "tar",
            "thiserror",
            "ureq",
        ],
    },
    Allowed {
        name: "wnm-cli",
        ours: FOR_CLI,
        others: &[
            "clap",
            "clap_complete",
            "clap_mangen",
            "comfy-table",
            "nix",
            "serde",
            "serde_json",
            "shell-words",
            "signal-hook",
            "terminal_size",
            "thiserror",
            "toml",
            "toml_edit",
            "tracing",
            "tracing-subscriber",
        ],
    },
    Allowed {
        name: "wnm-tests",
        ours: &[
            "wnm-core",
            "wnm-store",
            "wnm-metrics",
            "wnm-managers",
            "wnm-firewall",
            "wnm-releases",
            "wnm-cli",
        ],
        // blake3: the peer id of an ant-node is the hash of its public key.
        // fips204, flate2, tar: releases as their project makes them, with its own implementation.
        // fastrand: the chaos of a soak, from a seed.
        others: &[
            "blake3",
            "fastrand",
            "fips204",
            "flate2",
            "nix",
            "serde",
            "serde_json",
            "tar",
            "toml",
        ],
    },
    Allowed {
        name: "wnm-fuzz",
        ours: &[
            "wnm-core",
            "wnm-store",
            "wnm-metrics",
            "wnm-managers",
            "wnm-firewall",
            "wnm-releases",
            "wnm-cli",
        ],
        others: &["cap", "libfuzzer-sys"],
    },
    Allowed {
        name: "xtask",
        ours: &[],
        others: &["cargo_metadata", "proc-macro2", "serde", "serde_json", "syn", "toml"],
    },
];

/// What every crate may use in its own tests, beside its row of the table.
const IN_TESTS: &[&str] =
    &["datatest-stable", "insta", "proptest", "serde_json", "tempfile", "wnm-core"];

/// Prints every forbidden edge.
pub(crate) fn run() -> Done {
    let offences = offences()?;
    for offence in &offences {
        println!("{offence}");
    }
    match offences.len() {
        0 => Ok(()),
        count => Err(format!("{count} dependencies that \"who may know whom\" does not allow")),
    }
}

fn offences() -> Result<Vec<String>, String> {
    let metadata = metadata()?;
    let ours = metadata.packages.iter();
    ours.map(offences_of).collect::<Result<Vec<_>, _>>().map(|found| found.concat())
}

fn offences_of(package: &Package) -> Result<Vec<String>, String> {
    let manifest = package.manifest_path.as_str();
    let text = fs::read_to_string(manifest).map_err(|error| format!("{manifest}: {error}"))?;
    let reasons = package.dependencies.iter().filter_map(|dependency| {
        let why = refuse(&package.name, &Edge::from(dependency))?;
        Some(format!("{manifest}:{}: {why}", place(&text, &dependency.name)))
    });
    Ok(reasons.collect())
}

/// The parts of a dependency that matter here.
#[derive(Debug)]
struct Edge<'a> {
    to: &'a str,
    in_tests: bool,
    /// With what no shipped program has in it.
    fakes: bool,
}

impl<'a> From<&'a Dependency> for Edge<'a> {
    fn from(dependency: &'a Dependency) -> Edge<'a> {
        Edge {
            to: &dependency.name,
            in_tests: dependency.kind == DependencyKind::Development,
            fakes: dependency.features.iter().any(|it| it == "fakes" || it == "fuzz"),
        }
    }
}

/// Why this edge must not be; None when it may.
fn refuse(from: &str, edge: &Edge<'_>) -> Option<String> {
    let to = edge.to;
    let Some(row) = TABLE.iter().find(|row| row.name == from) else {
        return Some(format!("{from} has no row in the table of xtask/src/deps.rs"));
    };
    let listed = row.ours.contains(&to) || row.others.contains(&to);
    if edge.fakes && !edge.in_tests {
        return Some(format!(
            "{from} ships the fakes of {to}: only a dev-dependency may have them"
        ));
    }
    match listed || (edge.in_tests && IN_TESTS.contains(&to)) {
        true => None,
        false => Some(format!("{from} may not depend on {to}")),
    }
}

/// The line of the manifest that names the dependency, with its number.
fn place(manifest: &str, name: &str) -> String {
    let is_it = |line: &str| {
        let rest = line.trim_start_matches('[').strip_prefix("dependencies.").unwrap_or(line);
        rest.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '.', '=', ']']))
    };
    match (1..).zip(manifest.lines()).find(|(_, line)| is_it(line.trim())) {
        Some((number, line)) => format!("{number}: {}", line.trim()),
        None => format!("1: {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Edge, offences, place, refuse};

    #[test]
    fn the_crates_keep_to_the_table() {
        let offences = offences().expect("cargo metadata runs");
        assert!(offences.is_empty(), "{}", offences.join("\n"));
    }

    #[test]
    fn edges_outside_the_table_are_refused() {
        let plain = |to| Edge { to, in_tests: false, fakes: false };
        let test = |to| Edge { to, in_tests: true, fakes: false };
        assert_eq!(refuse("wnm-core", &plain("serde")), None);
        assert_eq!(refuse("wnm-cli", &plain("wnm-store")), None);
        assert_eq!(refuse("wnm-store", &test("tempfile")), None);
        let no = |from, edge| refuse(from, &edge).expect("refused");
        assert_eq!(no("wnm-core", plain("tokio")), "wnm-core may not depend on tokio");
        assert_eq!(
            no("wnm-store", plain("wnm-metrics")),
            "wnm-store may not depend on wnm-metrics"
        );
        assert_eq!(no("wnm-store", plain("tempfile")), "wnm-store may not depend on tempfile");
        assert_eq!(no("wnm-store", test("wnm-cli")), "wnm-store may not depend on wnm-cli");
        assert!(no("wnm-new", plain("serde")).contains("no row"));
    }

    #[test]
    fn fakes_stay_out_of_what_is_shipped() {
        let edge = |in_tests| Edge { to: "wnm-core", in_tests, fakes: true };
        assert_eq!(refuse("wnm-store", &edge(true)), None);
        assert!(refuse("wnm-store", &edge(false)).is_some());
    }

    #[test]
    fn the_line_is_found_in_every_notation() {
        let manifest = "[dependencies]\nserde_json = \"1\"\nserde.workspace = true\n\
                        [dependencies.toml]\n";
        assert_eq!(place(manifest, "serde"), "3: serde.workspace = true");
        assert_eq!(place(manifest, "serde_json"), "2: serde_json = \"1\"");
        assert_eq!(place(manifest, "toml"), "4: [dependencies.toml]");
    }
}
