//! The second opinion on programs: that none is replaced without a reason, an older one never comes
//! in the place of a newer one by accident, and what is put back is what was there.

use super::check::Violation;
use super::{Plan, Pressure};
use crate::action::{Action, PlannedAction, Reason};
use crate::model::{RequestId, UpgradeMode, Verb, Version, Want};
use crate::observe::{NodeState, NodeView, Snapshot};
use crate::policy::Policy;

pub(super) fn unsound(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Violation> {
    let mut violations = Vec::new();
    let of_programs = |planned: &&PlannedAction| {
        planned.action.is_of_upgrades() || matches!(planned.action, Action::Recognise { .. })
    };
    for planned in plan.actions.iter().filter(of_programs) {
        let Some(node) = snapshot.node(planned.action.node()) else { continue };
        let wrong = wrong_with(planned, node, snapshot, policy);
        violations
            .extend(wrong.into_iter().map(|what| Violation::BadUpgrade { node: node.id(), what }));
    }
    let by_engine = plan.actions.iter().filter(|it| is_engines(it)).count() as u32;
    let most = policy.upgrades.at_once.max(policy.upgrades.canaries);
    if let Some(planned) = plan.actions.iter().find(|it| is_engines(it) && by_engine > most) {
        let what = format!("{by_engine} nodes upgraded at once, {most} allowed");
        violations.push(Violation::BadUpgrade { node: planned.action.node(), what });
    }
    violations
}

fn is_engines(planned: &PlannedAction) -> bool {
    matches!((&planned.action, &planned.reason), (Action::Upgrade { .. }, Reason::Outdated { .. }))
}

fn wrong_with(
    planned: &PlannedAction,
    node: &NodeView,
    snapshot: &Snapshot,
    policy: &Policy,
) -> Vec<String> {
    // What a cycle that died had begun was judged when it was decided.
    if matches!(planned.reason, Reason::Unfinished { .. }) {
        return Vec::new();
    }
    let unproven = node.record.upgrade.as_ref();
    let mut wrong = Vec::new();
    match &planned.action {
        Action::Upgrade { release, upgrade, .. } => {
            let program = node.record.spec.program;
            if unproven.is_some() {
                wrong.push("its last upgrade is not proven".to_owned());
            }
            if upgrade.to != release.version || Some(&upgrade.from) != node.version() {
                wrong.push("the upgrade is not from what it has to what it is given".to_owned());
            }
            if snapshot.holds.quarantine(program, &release.version).is_some() {
                wrong.push(format!("{} is quarantined", release.version));
            }
            wrong.extend(unwanted(planned, node, &release.version, snapshot, policy));
        }
        Action::Revert { from, to, .. } => {
            if unproven.is_none_or(|it| it.from != *to || it.to != *from) {
                wrong.push(format!("{to} is not what it had before {from}"));
            }
            if !matches!(&planned.reason, Reason::UpgradeFailed { version, .. } if version == from)
            {
                wrong.push("an upgrade is taken back that did not fail".to_owned());
            }
        }
        Action::Prove { .. } if unproven.is_none() || node.seen.alive != Some(true) => {
            wrong.push("what does not run proves nothing".to_owned());
        }
        Action::Recognise { installed, .. } if node.installed.as_ref() != Some(installed) => {
            wrong.push("what is written down is not what was seen".to_owned());
        }
        _ => {}
    }
    wrong
}

/// Why nobody can have wanted this upgrade.
fn unwanted(
    planned: &PlannedAction,
    node: &NodeView,
    to: &Version,
    snapshot: &Snapshot,
    policy: &Policy,
) -> Vec<String> {
    let downgrade = node.version().is_none_or(|has| has >= to);
    match &planned.reason {
        Reason::Request { id } => match asked(*id, node, snapshot) {
            None => vec!["nobody asked for it".to_owned()],
            Some(false) if downgrade => vec!["nobody asked for an older version".to_owned()],
            Some(_) => Vec::new(),
        },
        Reason::Outdated { .. } => {
            let pressure = Pressure::judge(snapshot, policy);
            let busy = pressure.shedding().any(|verdict| !verdict.resource.is_disk());
            let mode = policy.upgrades.mode.of(node.record.spec.program);
            let runs = node.record.want == Want::Run && node.seen.state == NodeState::Running;
            let wall = snapshot.now.wall;
            let closed = policy.upgrades.window.is_some_and(|window| !window.is_open(wall));
            let table = [
                (downgrade, "an older version in the place of a newer one"),
                (mode != UpgradeMode::Managed, "wnm does not replace programs here"),
                (snapshot.holds.paused.is_some(), "upgrades are paused"),
                (closed, "it is not the time of the day"),
                (busy, "nodes are being shed"),
                (!runs, "it does not run"),
                (
                    snapshot.around.strangers.contains_key(&node.id()),
                    "another process uses its data",
                ),
            ];
            table.into_iter().filter(|(bad, _)| *bad).map(|(_, what)| what.to_owned()).collect()
        }
        _ => vec!["no reason to upgrade it".to_owned()],
    }
}

/// Whether a request names the node, and whether it may be given an older version.
fn asked(id: RequestId, node: &NodeView, snapshot: &Snapshot) -> Option<bool> {
    let request = snapshot.requests.iter().find(|request| request.id == id)?;
    match &request.verb {
        Verb::Upgrade { nodes, allow_downgrade, .. } => {
            nodes.contains(&node.record.key()).then_some(*allow_downgrade)
        }
        _ => None,
    }
}
