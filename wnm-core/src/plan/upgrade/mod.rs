//! Other versions of the program: what failed is taken back, what held is proven, one node after
//! the other is given a release, and what nodes did to themselves is written down.

mod rollout;
mod verdict;

pub use rollout::{Rollout, RolloutWait};
pub(crate) use verdict::{Verdict, verdict};

use std::collections::BTreeSet;
use std::time::Duration;

use super::Note;
use super::work::Work;
use crate::action::{Action, Reason, UpgradeFailure};
use crate::model::{NodeId, RecordId, Release, Shown, Upgrade, UpgradeRole, Version, Want};
use crate::observe::{NodeMemory, NodeState, NodeView};
use rollout::{Standing, stand};
use verdict::lost_identity;

/// A program that came by itself is spoken of for so long.
const NEWS: Duration = Duration::from_secs(86_400);

/// Takes back what failed and proves what held. Before anything is started again: a node that died
/// of its new program must not be started with it once more.
pub(super) fn judge(work: &mut Work<'_>) {
    let judged: Vec<(&NodeView, Upgrade, Verdict)> = unproven(work);
    let mut failed: Vec<(&NodeView, Upgrade, UpgradeFailure)> = Vec::new();
    for (node, upgrade, verdict) in &judged {
        let given_up = is_quarantined(work, node, &upgrade.to);
        match verdict {
            Verdict::Failed(failure) => failed.push((node, upgrade.clone(), failure.clone())),
            Verdict::Hidden => work.notes.push(Note::UpgradeHidden { node: node.id() }),
            // No failure of the release, and nobody else's business.
            Verdict::NotInstalled => {
                take_back(work, node, upgrade, UpgradeFailure::NotInstalled, None);
            }
            Verdict::GoneOn { held, age } => {
                let is = node.version().filter(|_| *held).cloned();
                if let Some(version) = is {
                    prove(work, node, version, *age);
                }
            }
            // Somebody else's word may have come too late for it, or it was out of sight then.
            _ if given_up => failed.push((node, upgrade.clone(), UpgradeFailure::OnOthers)),
            Verdict::Proven(age) => prove(work, node, upgrade.to.clone(), *age),
            Verdict::Resting | Verdict::Coming | Verdict::Back(_) => {}
        }
    }
    let versions: BTreeSet<Version> = failed.iter().map(|(_, up, _)| up.to.clone()).collect();
    for version in versions {
        let (mine, given_up) = with_others(work, &judged, &failed, &version);
        for (node, upgrade, failure) in mine {
            take_back(work, node, &upgrade, failure, given_up.clone());
        }
    }
}

fn prove(work: &mut Work<'_>, node: &NodeView, version: Version, age: Duration) {
    let reason = Reason::UpgradeHeld { version: version.clone(), for_s: age.as_secs() };
    work.decide(Action::Prove { node: node.record.key(), version }, reason);
}

/// The nodes on which `version` is taken back, and why nobody shall have it any more: a failing
/// canary is enough, and so are more nodes beyond them than may fail. Then all that are not proven
/// yet go back.
fn with_others<'a>(
    work: &Work<'_>,
    judged: &[(&'a NodeView, Upgrade, Verdict)],
    failed: &[(&'a NodeView, Upgrade, UpgradeFailure)],
    version: &Version,
) -> (Vec<(&'a NodeView, Upgrade, UpgradeFailure)>, Option<String>) {
    let mut mine: Vec<_> = failed.iter().filter(|(_, up, _)| up.to == *version).cloned().collect();
    let trusted = Standing::of(work.snapshot, work.policy, &work.memory, version).trusted;
    let weighs = |up: &Upgrade| up.role == UpgradeRole::Canary || !trusted;
    let before = work.memory.failed.as_ref().filter(|failed| failed.version == *version);
    let mut records: BTreeSet<RecordId> =
        before.map(|failed| failed.nodes.clone()).unwrap_or_default();
    records.extend(mine.iter().map(|(node, _, _)| node.record()));
    let too_many = records.len() as u32 > work.policy.upgrades.failure_limit;
    let Some((node, _, failure)) = mine.iter().find(|(_, up, _)| weighs(up) || too_many) else {
        return (mine, None);
    };
    let why = format!("{}: {failure}", node.id());
    let have: BTreeSet<RecordId> = mine.iter().map(|(node, _, _)| node.record()).collect();
    let others = judged.iter().filter(|(node, up, verdict)| {
        let has_it =
            !matches!(verdict, Verdict::Hidden | Verdict::NotInstalled | Verdict::GoneOn { .. });
        up.to == *version && has_it && !have.contains(&node.record())
    });
    mine.extend(others.map(|(node, up, _)| (*node, up.clone(), UpgradeFailure::OnOthers)));
    (mine, Some(why))
}

fn take_back(
    work: &mut Work<'_>,
    node: &NodeView,
    upgrade: &Upgrade,
    failure: UpgradeFailure,
    quarantine: Option<String>,
) {
    let version = upgrade.to.clone();
    let action = Action::Revert {
        node: node.record.key(),
        from: version.clone(),
        to: upgrade.from.clone(),
        quarantine,
        start: node.record.want == Want::Run,
    };
    // A proof that was decided before is no longer worth anything.
    work.withdraw(node.id(), |action| matches!(action, Action::Prove { .. }));
    work.decide(action, Reason::UpgradeFailed { version, failure });
}

fn is_quarantined(work: &Work<'_>, node: &NodeView, version: &Version) -> bool {
    work.snapshot.holds.quarantine(node.record.spec.program, version).is_some()
}

fn unproven<'a>(work: &Work<'a>) -> Vec<(&'a NodeView, Upgrade, Verdict)> {
    let nothing = NodeMemory::default();
    work.snapshot
        .nodes
        .iter()
        .filter(|node| !work.is_touched(node.id()) && node.record.want != Want::Disabled)
        .filter_map(|node| {
            let memory = work.memory.nodes.get(&node.record()).unwrap_or(&nothing);
            let verdict = verdict(node, memory, work.policy, work.now())?;
            Some((node, node.record.upgrade.clone()?, verdict))
        })
        .filter(|(node, _, _)| !matches!(node.seen.state, NodeState::Removing))
        .collect()
}

/// Gives the release to the next nodes, oldest first: to the canaries, and once they held to as many
/// of the others as may be upgrading at once.
pub(super) fn roll_out(work: &mut Work<'_>, shedding: bool) {
    let Some((mut rollout, standing)) = stand(work.snapshot, work.policy, &work.memory, shedding)
    else {
        return;
    };
    let held = rollout::held(work.snapshot, work.policy, &work.memory, &rollout.to, shedding);
    // What failed just now, in this very plan, is as good as quarantined.
    let failing = work.decided().iter().any(
        |planned| matches!(&planned.action, Action::Revert { from, .. } if *from == rollout.to),
    );
    let (true, false, Ok(release)) = (held.is_empty(), failing, work.snapshot.release.clone())
    else {
        work.rollout = Some(rollout);
        return;
    };
    let room = standing.room(work.policy).min(work.budget.operations_left());
    let role = if standing.trusted { UpgradeRole::Wave } else { UpgradeRole::Canary };
    let free: Vec<NodeId> =
        standing.candidates.iter().copied().filter(|id| !work.is_touched(*id)).collect();
    for id in free.into_iter().take(room as usize) {
        let Some(node) = work.snapshot.node(id) else { continue };
        let Some(action) = upgrade(work, node, &release, role) else { continue };
        let from = node.version().cloned().unwrap_or_else(|| release.version.clone());
        let to = release.version.clone();
        rollout.unproven.push(id);
        work.decide(action, Reason::Outdated { from, to, role });
    }
    work.rollout = Some(rollout);
}

/// The action that gives `release` to `node`; nothing when it is not known what it has, for then
/// nothing could be put back.
pub(super) fn upgrade(
    work: &Work<'_>,
    node: &NodeView,
    release: &Release,
    role: UpgradeRole,
) -> Option<Action> {
    let upgrade = Upgrade {
        from: node.version()?.clone(),
        to: release.version.clone(),
        role,
        since: work.now().clone(),
        before: Shown { peers: node.facts.peers, records: node.facts.records },
    };
    Some(Action::Upgrade {
        node: node.record.key(),
        release: release.clone(),
        upgrade: Box::new(upgrade),
        start: node.record.want == Want::Run,
    })
}

/// Writes down what nodes did to themselves. Last of all: what is done with a node comes first, and
/// this waits for the next cycle.
pub(super) fn recognise(work: &mut Work<'_>) {
    for node in &work.snapshot.nodes {
        let left_alone =
            node.record.want == Want::Disabled || matches!(node.seen.state, NodeState::Removing);
        if left_alone || work.is_touched(node.id()) || node.record.upgrade.is_some() {
            continue;
        }
        let Some(installed) = node.installed.clone() else { continue };
        let memory = work.memory.nodes.get(&node.record());
        let lost = memory.filter(|memory| lost_identity(node, memory));
        let is = installed.identity.clone();
        let reason = match (lost.and_then(|memory| memory.identity.clone()), is) {
            (Some(was), Some(is)) => Reason::IdentityChanged { was, is },
            _ if node.record.version.as_ref() != Some(&installed.version) => {
                let (from, to) = (node.record.version.clone(), installed.version.clone());
                Reason::ProgramChanged { from, to }
            }
            _ => continue,
        };
        work.decide(Action::Recognise { node: node.record.key(), installed }, reason);
    }
}

/// What an operator should know of nodes whose program or identity changed.
pub(super) fn note(work: &mut Work<'_>) {
    let now = work.now();
    let mut notes = Vec::new();
    for node in &work.snapshot.nodes {
        let Some(memory) = work.memory.nodes.get(&node.record()) else { continue };
        let is = node.installed.as_ref().and_then(|installed| installed.identity.as_ref());
        let fresh = memory.fresh.as_ref().filter(|fresh| is != Some(&fresh.was));
        if fresh.is_some() || lost_identity(node, memory) {
            notes.push(Note::FreshIdentity { node: node.id() });
        }
        let Some(changed) = &memory.changed else { continue };
        let strands = changed
            .from
            .as_ref()
            .and_then(|from| node.record.spec.program.strands_data(from, &changed.to));
        if let Some(what) = strands.filter(|_| changed.at.age(now) < NEWS) {
            let (from, to) = (changed.from.clone(), changed.to.clone());
            notes.push(Note::SkippedRelease { node: node.id(), from, to, what: what.to_owned() });
        }
        let is_old = node.process_age.is_some_and(|age| age >= work.policy.upgrades.canary_time);
        let records = memory.had_records && node.facts.records == Some(0);
        let peers = memory.had_peers && node.facts.peers == Some(0);
        if is_old && (records || peers) {
            let version = changed.to.clone();
            notes.push(Note::CameBackBare { node: node.id(), version, records, peers });
        }
    }
    work.notes.extend(notes);
}
