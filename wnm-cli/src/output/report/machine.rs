//! `machine-config` and `machine-metrics`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use wnm_core::host::LastSeen;
use wnm_core::model::Version;
use wnm_core::observe::Ledger;
use wnm_core::policy::{Kind, Number, Setting};

use super::super::{ConfigRow, human};
use super::{Format, Seen, write};

/// Every setting in force under its name, and under the Python tool's where that was another one.
/// As a configuration file it changes nothing when it is fed back.
pub(crate) fn config(
    rows: &[ConfigRow],
    store: &Path,
    cpus: Option<u32>,
    format: Format,
) -> String {
    if format == Format::Config {
        return human::config(rows);
    }
    let mut fields: Vec<(String, Value)> = vec![("cpu_count".to_owned(), json!(cpus))];
    for row in rows {
        let value = value(row, cpus);
        let old = match row.setting {
            Setting::Manager => Some("process_manager"),
            Setting::NodeBinary => Some("antnode_path"),
            _ => None,
        };
        fields.extend(old.map(|old| (old.to_owned(), value.clone())));
        fields.push((row.setting.to_string(), value));
    }
    fields.push(("dbpath".to_owned(), json!(store)));
    write(&fields, format)
}

/// Numbers in their base units: seconds, bytes, percent.
fn value(row: &ConfigRow, cpus: Option<u32>) -> Value {
    match (row.setting.kind(), row.setting.number(&row.value)) {
        (_, Some(Number::Time(time))) => json!(time.as_secs()),
        (_, Some(Number::Size(bytes))) => json!(bytes.0),
        (_, Some(Number::Plain(number))) if number.fract() == 0.0 => json!(number as i64),
        (_, Some(Number::Plain(number))) => json!(number),
        (Kind::Switch, None) => json!(matches!(row.value.as_str(), "on" | "true" | "yes" | "1")),
        (Kind::Load, None) if row.value == "auto" => {
            let share = if row.setting == Setting::DesiredLoadAverage { 0.6 } else { 1.0 };
            json!(cpus.map(|cpus| f64::from(cpus) * share))
        }
        (_, None) if row.value.is_empty() => Value::Null,
        (_, None) => json!(row.value),
    }
}

/// What the last cycle measured. What it could not is empty, or null.
pub(crate) fn metrics(seen: &Seen<'_>, last: &LastSeen, format: Format) -> String {
    let machine = &last.snapshot.machine;
    let release = last.snapshot.release.as_ref().ok();
    let count = |word: &str| seen.ledger.nodes.iter().filter(|it| seen.word(it) == word).count();
    let load = |of: fn(&wnm_core::model::LoadAverage) -> f64| machine.load.as_ref().map(of);
    let used = machine.cpu.map(|cpu| cpu.0);
    let memory = machine.memory.and_then(|memory| {
        let used = memory.total.0.saturating_sub(memory.available.0);
        (memory.total.0 > 0).then(|| used as f64 * 100.0 / memory.total.0 as f64)
    });
    let fullest = machine.file_systems.values().map(|system| system.used.0).reduce(f64::max);
    let disks: BTreeMap<u64, u64> =
        machine.file_systems.values().map(|system| (system.device, system.total.0)).collect();
    let total_disk: Option<u64> = (!disks.is_empty()).then(|| disks.values().sum());
    let now = &last.snapshot.now;
    let booted = now.wall.0 - i64::try_from(now.instant.uptime_ms).unwrap_or_default();
    let versions = Versions::of(seen, release.map(|release| &release.version));
    let whole = |rate: f64| rate.round() as u64;
    let fields: Vec<(&str, Value)> = vec![
        ("system_start", json!(booted / 1000)),
        ("total_nodes", json!(seen.ledger.nodes.len())),
        ("running_nodes", json!(count("RUNNING"))),
        ("stopped_nodes", json!(count("STOPPED"))),
        ("restarting_nodes", json!(count("RESTARTING"))),
        ("upgrading_nodes", json!(count("UPGRADING"))),
        ("migrating_nodes", json!(0)),
        ("removing_nodes", json!(count("REMOVING"))),
        ("dead_nodes", json!(count("DEAD"))),
        ("disabled_nodes", json!(count("DISABLED"))),
        ("unknown_nodes", json!(count("UNKNOWN"))),
        ("antnode", json!(release.map(|release| &release.path))),
        ("antnode_version", json!(release.map(|release| release.version.to_string()))),
        ("queen_node_version", json!(versions.queen)),
        ("nodes_latest_v", json!(versions.latest)),
        ("nodes_no_version", json!(versions.without)),
        ("nodes_to_upgrade", json!(versions.outdated)),
        ("nodes_by_version", json!(versions.counts)),
        ("load_average_1", json!(load(|load| load.one))),
        ("load_average_5", json!(load(|load| load.five))),
        ("load_average_15", json!(load(|load| load.fifteen))),
        ("idle_cpu_percent", json!(used.map(|used| rounded(100.0 - used)))),
        ("used_cpu_percent", json!(used.map(rounded))),
        ("used_mem_percent", json!(memory.map(rounded))),
        ("free_mem_percent", json!(memory.map(|used| rounded(100.0 - used)))),
        ("used_hd_percent", json!(fullest.map(rounded))),
        ("total_hd_bytes", json!(total_disk)),
        ("hdio_write_bytes", json!(machine.disk.map(|rate| whole(rate.written)))),
        ("hdio_read_bytes", json!(machine.disk.map(|rate| whole(rate.read)))),
        ("netio_write_bytes", json!(machine.network.map(|rate| whole(rate.written)))),
        ("netio_read_bytes", json!(machine.network.map(|rate| whole(rate.read)))),
        ("node_hd_crisis", json!(total_disk.and_then(|total| crisis(seen.ledger, last, total)))),
    ];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    write(&fields.collect::<Vec<_>>(), format)
}

fn rounded(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

/// The forecast of the Python tool: percent of the disk below `hd_remove` that `crisis_bytes` for
/// every node would take.
fn crisis(ledger: &Ledger, last: &LastSeen, total: u64) -> Option<u64> {
    let share = last.policy.disk.band.remove_above() / 100.0;
    let room = total as f64 * share;
    let wanted = ledger.nodes.len() as f64 * last.policy.crisis_bytes.0 as f64;
    (room > 0.0).then(|| (wanted / room * 100.0) as u64)
}

/// Which versions run. A newer one than ours to give is not outdated.
struct Versions {
    queen: Option<String>,
    latest: usize,
    without: usize,
    outdated: usize,
    counts: BTreeMap<String, usize>,
}

impl Versions {
    fn of(seen: &Seen<'_>, ours: Option<&Version>) -> Versions {
        let version = |record| {
            let facts = seen.view(record).and_then(|node| node.facts.version.clone());
            facts.or(record.version.clone())
        };
        let found: Vec<Option<Version>> = seen.ledger.nodes.iter().map(version).collect();
        let mut counts = BTreeMap::new();
        for version in found.iter().flatten() {
            *counts.entry(version.to_string()).or_default() += 1;
        }
        let against = |is: fn(&Version, &Version) -> bool| {
            let known = found.iter().flatten();
            known.filter(|version| ours.is_some_and(|ours| is(version, ours))).count()
        };
        Versions {
            queen: found.first().cloned().flatten().map(|version| version.to_string()),
            latest: against(|version, ours| version == ours),
            without: found.iter().filter(|version| version.is_none()).count(),
            outdated: against(|version, ours| version < ours),
            counts,
        }
    }
}
