//! All targets. What must hold of each stands beside its parser, in the `fuzz.rs` of its crate.

#[path = "core.rs"]
mod core;

use std::path::Path;

use tempfile::TempDir;
use wnm_cli::fuzz as cli;
use wnm_firewall::fuzz as firewall;
use wnm_fuzz::Target;
use wnm_managers::fuzz as managers;
use wnm_metrics::fuzz as metrics;
use wnm_releases::fuzz as releases;
use wnm_store::fuzz as store;

/// Most answers of tools are shorter.
const TEXT: usize = 8 << 10;

/// All of them, in the order in which they run.
pub(crate) const ALL: &[Target] = &[
    // What nodes tell.
    Target::of_text("metrics", TEXT, metrics::metrics),
    Target::of_text("http-answer", TEXT, metrics::http),
    Target::of_text("routing-snapshot", TEXT, metrics::routing),
    Target::of_text("telemetry", TEXT, metrics::telemetry),
    Target::of_text("meminfo", 1 << 10, metrics::meminfo),
    // What tools tell.
    Target::of_text("antctl-registry", TEXT, managers::antctl_registry),
    Target::of_text("antctl-complaint", TEXT, managers::antctl_complaint),
    Target::of_text("antd-bodies", TEXT, managers::antd_bodies),
    Target::of_text("docker-containers", TEXT, managers::docker_containers),
    Target::of_text("docker-order", TEXT, managers::docker_order),
    Target::of_text("systemd-units", TEXT, managers::systemd_units),
    Target::of_text("timer", 1 << 10, managers::timer),
    Target::of_text("crontab", TEXT, managers::crontab),
    Target::of_text("launchd-services", TEXT, managers::launchd_services),
    Target::of_text("property-list", 1 << 10, managers::property_list),
    Target::of_text("ufw", TEXT, firewall::ufw),
    Target::of_text("firewalld", TEXT, firewall::firewalld),
    Target::of_text("nftables", TEXT, firewall::nftables),
    Target::of_text("routes", TEXT, firewall::routes),
    // What others left.
    Target::of_text("unit-file", TEXT, managers::unit_file),
    Target::of_text("anm-config", TEXT, managers::anm_config),
    Target::of_text("anm-script", TEXT, managers::anm_script),
    Target::of_text("words-of-a-node", TEXT, core::words),
    Target::of_text("old-settings", TEXT, cli::old_settings),
    Target::of_text("old-line", 1 << 10, cli::old_line),
    Target { name: "python-database", most: 64 << 10, run: python, made: pythons },
    // What operators write.
    Target::of_text("config", TEXT, cli::config),
    Target::of_text("settings", TEXT, core::settings),
    Target::of_text("node-list", 1 << 10, core::node_list),
    Target::of_text("nouns", 256, core::nouns),
    // What is ours, and may have been bent.
    Target { name: "store", most: 256 << 10, run: file_of_store, made: stores },
    Target { name: "store-cell", most: TEXT, run: store::cell, made: store::cells },
    Target::of_text("store-difference", TEXT, store::difference),
    Target { name: "snapshot", most: 64 << 10, run: cli::snapshot, made: cli::snapshots },
    Target {
        name: "identities",
        most: TEXT,
        run: managers::identities,
        made: managers::identity_seeds,
    },
    Target {
        name: "identity",
        most: TEXT,
        run: managers::identity,
        made: managers::identity_seeds,
    },
    Target {
        name: "sealed-key",
        most: 4 << 10,
        run: managers::sealed_key,
        made: managers::sealed_keys,
    },
    // What is published.
    Target::of_text("release-page", TEXT, releases::page),
    Target::of_text("release-sums", TEXT, releases::sums),
    Target::of_text("release-manifest", TEXT, releases::manifest),
    Target { name: "release-archive", most: 32 << 10, run: archive, made: releases::archives },
    Target {
        name: "release-signature",
        most: 8 << 10,
        run: releases::signature,
        made: releases::signatures,
    },
];

fn file_of_store(data: &[u8]) {
    within(|home| store::store(data, home));
}

fn stores() -> Vec<Vec<u8>> {
    within(store::stores)
}

fn python(data: &[u8]) {
    within(|home| store::python(data, home));
}

fn pythons() -> Vec<Vec<u8>> {
    within(store::pythons)
}

fn archive(data: &[u8]) {
    within(|home| releases::archive(data, home));
}

/// An empty directory, in memory where there is such a place.
fn within<T>(work: impl FnOnce(&Path) -> T) -> T {
    let made = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
    work(made.expect("there is room").path())
}
