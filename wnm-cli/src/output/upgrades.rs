//! Where upgrades stand.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use wnm_core::host::LastSeen;
use wnm_core::model::{
    NodeId, NodeRecord, Program, Timestamp, Upgrade, UpgradeHolds, UpgradeMode, Version, counted,
};
use wnm_core::observe::Ledger;
use wnm_core::plan::{Rollout, RolloutWait};

use super::{human, json};

/// Everything that `wnm upgrade --status` shows.
#[derive(Debug, Serialize)]
pub(crate) struct UpgradeStatus<'a> {
    schema: u32,
    /// When the last cycle looked.
    looked: Option<Timestamp>,
    program: Program,
    /// As it is set.
    upgrade_mode: UpgradeMode,
    /// Who replaces programs, then: never `auto`.
    by: UpgradeMode,
    /// What a new node would run, or why that is not known.
    release: Option<Result<Version, String>>,
    #[serde(flatten)]
    holds: &'a UpgradeHolds,
    /// Where wnm's own rollout stands; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<Rollout>,
    /// The same as `rollout.waits`, for people.
    waits: Vec<String>,
    /// How many nodes have which version.
    versions: BTreeMap<Version, u32>,
    nodes: Vec<NodeShape<'a>>,
}

#[derive(Debug, Serialize)]
struct NodeShape<'a> {
    node: NodeId,
    state: &'static str,
    version: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// What is not proven yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    upgrade: Option<&'a Upgrade>,
}

impl<'a> UpgradeStatus<'a> {
    pub(crate) fn of(
        program: Program,
        mode: UpgradeMode,
        ledger: &'a Ledger,
        last: Option<&'a LastSeen>,
    ) -> UpgradeStatus<'a> {
        let release = last.map(|last| {
            let release = last.snapshot.release.as_ref();
            release.map(|it| it.version.clone()).map_err(|unread| unread.why.clone())
        });
        let rollout = last.and_then(|last| last.plan.report.rollout.as_ref());
        let rollout = rollout.and_then(|rollout| since(rollout, ledger));
        let waits = rollout.iter().flat_map(|it| &it.waits).map(ToString::to_string).collect();
        let nodes: Vec<NodeShape<'_>> = ledger.nodes.iter().map(|it| shape(it, last)).collect();
        let mut versions = BTreeMap::new();
        for version in nodes.iter().filter_map(|node| node.version.clone()) {
            *versions.entry(version).or_default() += 1;
        }
        UpgradeStatus {
            schema: json::SCHEMA,
            looked: last.map(|last| last.snapshot.now.wall),
            program,
            upgrade_mode: mode,
            by: mode.of(program),
            release,
            holds: &ledger.holds,
            rollout,
            waits,
            versions,
            nodes,
        }
    }
}

/// Where it stands after what its cycle did: what was proven by that is not waited for any more, and
/// what is over by that is no rollout any more.
fn since(rollout: &Rollout, ledger: &Ledger) -> Option<Rollout> {
    let is_unproven = |id: &NodeId| {
        let record = ledger.nodes.iter().find(|record| record.spec.id == *id);
        record.is_some_and(|record| record.upgrade.is_some())
    };
    let mut rollout = rollout.clone();
    let before = rollout.unproven.len();
    rollout.unproven.retain(is_unproven);
    if before > 0 && rollout.unproven.is_empty() {
        let of_those = |wait: &RolloutWait| {
            matches!(wait, RolloutWait::Canaries { .. } | RolloutWait::InMotion { .. })
        };
        rollout.waits.retain(|wait| !of_those(wait));
        if rollout.outdated == 0 {
            return None;
        }
    }
    Some(rollout)
}

fn shape<'a>(record: &'a NodeRecord, last: Option<&LastSeen>) -> NodeShape<'a> {
    let seen = human::view(record, last);
    let installed = seen.and_then(|node| node.installed.as_ref());
    // What was set in motion after the look is known better by the record.
    let moved = seen.is_none_or(|node| node.record.version != record.version);
    let version = installed.filter(|_| !moved).map(|installed| installed.version.clone());
    NodeShape {
        node: record.spec.id,
        state: human::state_word(record, last),
        version: version.or_else(|| record.version.clone()),
        sha256: installed.filter(|_| !moved).map(|installed| installed.sha256.clone()),
        upgrade: record.upgrade.as_ref(),
    }
}

pub(super) fn text(status: &UpgradeStatus<'_>) -> String {
    let mut text = String::new();
    let who = match status.by {
        UpgradeMode::Itself => {
            format!("{} upgrades itself, and wnm accompanies it", status.program)
        }
        UpgradeMode::Managed => format!("wnm upgrades {}", status.program),
        UpgradeMode::Off | UpgradeMode::Auto => {
            format!("nobody upgrades {} but by name", status.program)
        }
    };
    let _ = writeln!(text, "{who} (upgrade_mode {})", status.upgrade_mode);
    let _ = match &status.release {
        Some(Ok(version)) => writeln!(text, "a new node would run {version}"),
        Some(Err(why)) => writeln!(text, "what a new node would run is not known: {why}"),
        None => writeln!(text, "no cycle has run yet"),
    };
    for (version, nodes) in &status.versions {
        let _ = writeln!(text, "{version}: {}", counted(*nodes, "node"));
    }
    if let Some(rollout) = &status.rollout {
        let _ = writeln!(text, "{}", line(rollout));
        for wait in &status.waits {
            let _ = writeln!(text, "  waits: {wait}");
        }
    }
    // A wave that waits for something else does not say it.
    let is_told = status.waits.iter().any(|wait| wait.to_string().contains("are paused since"));
    if let Some(since) = status.holds.paused.filter(|_| !is_told) {
        let _ = writeln!(text, "paused since {since} UTC: `wnm upgrade --resume`");
    }
    for failed in &status.holds.quarantined {
        let _ = writeln!(
            text,
            "quarantined: {} {} since {} UTC: {}",
            failed.program, failed.version, failed.since, failed.why
        );
    }
    for node in status.nodes.iter().filter(|node| node.upgrade.is_some()) {
        if let Some(upgrade) = node.upgrade {
            let _ = writeln!(
                text,
                "{}: {} in place of {}, {}, not proven yet",
                node.node, upgrade.to, upgrade.from, node.state
            );
        }
    }
    text
}

/// A rollout in one line.
pub(super) fn line(rollout: &Rollout) -> String {
    let stage = match (rollout.trusted, rollout.unproven.is_empty()) {
        (true, _) => "the first held",
        (false, true) => "none is being watched",
        (false, false) => "the first are being watched",
    };
    format!(
        "upgrading to {}: {stage}; {} to go, {} not proven yet, {} taken back",
        rollout.to,
        rollout.outdated,
        rollout.unproven.len(),
        rollout.failed
    )
}
