//! Where a rollout stands and what it waits for: data, from what the store and this look know.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::verdict::{Verdict, verdict};
use crate::model::{NodeId, Program, Timestamp, UpgradeMode, Version, Want, counted};
use crate::observe::{EngineMemory, NodeMemory, NodeState, NodeView, Snapshot};
use crate::policy::Policy;

/// After a release could not be installed on a node, as for want of space, it is tried there again
/// after so long.
pub(super) const RETRY: Duration = Duration::from_secs(3600);

/// Where a rollout stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Of which program.
    pub program: Program,
    /// To which version.
    pub to: Version,
    /// The first nodes held with it, and the others follow.
    pub trusted: bool,
    /// How many nodes have each version; `unknown` is none.
    pub versions: BTreeMap<Version, u32>,
    /// Nodes that have an older one.
    pub outdated: u32,
    /// Nodes that were given it and are not proven yet.
    pub unproven: Vec<NodeId>,
    /// Nodes on which it was taken back.
    pub failed: u32,
    /// Why no further node is given it now.
    pub waits: Vec<RolloutWait>,
}

/// One thing a rollout waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "wait")]
pub enum RolloutWait {
    /// An operator paused upgrades.
    Paused {
        /// When.
        since: Timestamp,
    },
    /// It failed, and waits for an operator's word.
    Quarantined {
        /// What it did.
        why: String,
    },
    /// No file of it is on this machine: the manager downloads it for new nodes only.
    NotHere,
    /// It has not been known for long enough.
    Soaking {
        /// Seconds to wait.
        left_s: u64,
    },
    /// It is not the time of the day.
    Window {
        /// Seconds to wait.
        left_s: u64,
    },
    /// A resource demands relief.
    Shedding,
    /// The first nodes have yet to hold.
    Canaries {
        /// How many are at it.
        nodes: u32,
        /// How many must hold.
        of: u32,
        /// Seconds until they have, if nothing goes wrong.
        left_s: u64,
    },
    /// Too many nodes did not take it lately: the others are left alone for a while.
    Holding {
        /// How many did not.
        nodes: u32,
        /// Seconds to wait.
        left_s: u64,
    },
    /// As many nodes are upgrading as may be.
    InMotion {
        /// How many have not come back yet.
        nodes: u32,
        /// How many may be at once.
        limit: u32,
    },
    /// Nodes that were given it do not run, or are left alone: nothing is learned from them.
    Resting {
        /// How many.
        nodes: u32,
    },
    /// The data of nodes is used by a process beside the one that their manager keeps.
    Strangers {
        /// How many.
        nodes: u32,
    },
    /// Nodes that have an older version do not run, could not be observed, or are left alone: they
    /// are upgraded when they run again.
    NotRunning {
        /// How many.
        nodes: u32,
    },
    /// It could not be installed on nodes, or was taken back there.
    Refused {
        /// How many.
        nodes: u32,
    },
    /// Their managers keep their programs.
    NotOurs {
        /// How many.
        nodes: u32,
    },
}

impl fmt::Display for RolloutWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = |count: &u32| counted(*count, "node");
        match self {
            RolloutWait::Paused { since } => {
                write!(f, "upgrades are paused since {since}: `wnm upgrade --resume`")
            }
            RolloutWait::Quarantined { why } => {
                write!(f, "it is quarantined: {why}; `wnm upgrade --unquarantine VERSION`")
            }
            RolloutWait::NotHere => f.write_str(
                "no file of it is on this machine: antctl downloads it for new nodes only \
                 (node_binary)",
            ),
            RolloutWait::Soaking { left_s } => {
                write!(f, "it is known for too short a time: {left_s} s more (upgrade_soak)")
            }
            RolloutWait::Window { left_s } => {
                write!(f, "it is not the time of the day: {left_s} s more (upgrade_window)")
            }
            RolloutWait::Shedding => f.write_str("the machine is too busy: nodes are being shed"),
            RolloutWait::Canaries { nodes: at, of, left_s } => write!(
                f,
                "{} of {of} at it as the first: {left_s} s more to hold (canary_time)",
                nodes(at)
            ),
            RolloutWait::Holding { nodes: at, left_s } => write!(
                f,
                "{} did not take it within an hour: {left_s} s until the next one; see `wnm history`",
                nodes(at)
            ),
            RolloutWait::Resting { nodes: at } => {
                write!(f, "{} with it not running: nothing is learned from them", nodes(at))
            }
            RolloutWait::Strangers { nodes: at } => {
                write!(f, "{} with another process at their data; see `wnm status`", nodes(at))
            }
            RolloutWait::InMotion { nodes: at, limit } => {
                write!(f, "{} not back yet, at most {limit} at once", nodes(at))
            }
            RolloutWait::NotRunning { nodes: at } => {
                write!(f, "{} not running: upgraded when they run again", nodes(at))
            }
            RolloutWait::Refused { nodes: at } => {
                write!(f, "{} did not take it; see `wnm history`", nodes(at))
            }
            RolloutWait::NotOurs { nodes: at } => {
                write!(f, "{} with a program that their manager keeps", nodes(at))
            }
        }
    }
}

/// What is known of one version among the nodes.
pub(super) struct Standing {
    pub(super) trusted: bool,
    /// Nodes on which it held.
    proven: u32,
    /// Nodes that have the version and are not proven, with what is thought of them.
    pub(super) unproven: Vec<(NodeId, Verdict)>,
    /// Nodes that may be given it now, oldest first.
    pub(super) candidates: Vec<NodeId>,
    /// How many did not take it of late, when that is too many, and how long that is waited for.
    holding: Option<(u32, Duration)>,
    refused: u32,
    not_running: u32,
    strangers: u32,
    not_ours: u32,
}

impl Standing {
    /// With `memory`, in which this look is.
    pub(super) fn of(
        snapshot: &Snapshot,
        policy: &Policy,
        memory: &EngineMemory,
        to: &Version,
    ) -> Standing {
        let now = &snapshot.now.instant;
        let program = policy.nodes.program;
        let nothing = NodeMemory::default();
        let memory_of = |node: &NodeView| memory.nodes.get(&node.record()).unwrap_or(&nothing);
        let mine = || snapshot.nodes.iter().filter(|node| node.record.spec.program == program);
        let unproven: Vec<(NodeId, Verdict)> = mine()
            .filter(|node| node.record.upgrade.as_ref().is_some_and(|up| up.to == *to))
            .filter_map(|node| Some((node.id(), verdict(node, memory_of(node), policy, now)?)))
            .collect();
        let proven = mine().filter(|node| memory_of(node).proven.as_ref() == Some(to)).count();
        let outdated: Vec<&NodeView> = mine().filter(|node| is_outdated(node, to)).collect();
        let is_ours = |node: &&&NodeView| node.record.spec.owns_program();
        let refuses = |node: &&&NodeView| {
            memory_of(node).refused.as_ref().is_some_and(|refused| {
                let back = memory
                    .failed
                    .as_ref()
                    .is_some_and(|it| it.version == *to && it.nodes.contains(&node.record()));
                refused.version == *to && (back || refused.at.age(now) < RETRY)
            })
        };
        let has_strangers = |node: &&&NodeView| snapshot.around.strangers.contains_key(&node.id());
        let runs = |node: &&&NodeView| {
            node.record.want == Want::Run && matches!(node.seen.state, NodeState::Running)
        };
        let count = |nodes: usize| nodes as u32;
        let ours: Vec<&NodeView> = outdated.iter().filter(is_ours).copied().collect();
        let willing: Vec<&NodeView> = ours.iter().filter(|it| !refuses(it)).copied().collect();
        // What another process works with is not replaced below it, and its node not stopped for that.
        let running: Vec<&NodeView> = willing.iter().filter(runs).copied().collect();
        let mut candidates: Vec<&NodeView> =
            running.iter().filter(|it| !has_strangers(it)).copied().collect();
        candidates.sort_by_key(|node| (node.record.created, node.id()));
        let gone_on = |it: &&(NodeId, Verdict)| matches!(it.1, Verdict::GoneOn { .. });
        let may_prove = unproven.len() - unproven.iter().filter(gone_on).count();
        let refusals = ours.iter().filter_map(|node| memory_of(node).refused.as_ref());
        let refusals = refusals.filter(|refused| refused.version == *to);
        let refusals = refusals.map(|refused| refused.at.age(now)).filter(|age| *age < RETRY);
        // Where there are fewer nodes than canaries were asked for, all of them are canaries.
        let needed = (policy.upgrades.canaries as usize)
            .min(proven + may_prove + willing.len())
            .max(usize::from(policy.upgrades.canaries > 0));
        Standing {
            trusted: proven >= needed,
            proven: count(proven),
            not_ours: count(outdated.len() - ours.len()),
            refused: count(ours.len() - willing.len()),
            holding: holding(refusals.collect(), policy.upgrades.failure_limit),
            not_running: count(willing.len() - running.len()),
            strangers: count(running.len() - candidates.len()),
            candidates: candidates.into_iter().map(NodeView::id).collect(),
            unproven,
        }
    }

    /// Nodes on which it is being tried.
    fn at_it(&self) -> impl Iterator<Item = &Verdict> {
        let rests = |it: &&Verdict| matches!(it, Verdict::Resting | Verdict::GoneOn { .. });
        self.unproven.iter().map(|(_, verdict)| verdict).filter(move |it| !rests(it))
    }

    /// Nodes that have not come back yet, as far as that can be known.
    pub(super) fn coming(&self) -> u32 {
        let back = |verdict: &&Verdict| matches!(verdict, Verdict::Back(_) | Verdict::Proven(_));
        self.at_it().filter(|verdict| !back(verdict)).count() as u32
    }

    /// How many nodes may be given the version now.
    pub(super) fn room(&self, policy: &Policy) -> u32 {
        match self.trusted {
            _ if self.holding.is_some() => 0,
            true => policy.upgrades.at_once.saturating_sub(self.coming()),
            // Of the first ones some may have held before the others have.
            false => {
                policy.upgrades.canaries.saturating_sub(self.at_it().count() as u32 + self.proven)
            }
        }
    }
}

/// A release that more nodes refuse than may fail would be refused by all of them, one after the
/// other, each stopped for it: how many did, and how long until they are few enough again.
fn holding(mut ages: Vec<Duration>, limit: u32) -> Option<(u32, Duration)> {
    let too_many = ages.len().checked_sub(limit as usize).filter(|it| *it > 0)?;
    ages.sort_by_key(|age| std::cmp::Reverse(*age));
    Some((ages.len() as u32, RETRY.saturating_sub(ages[too_many - 1])))
}

/// A node with an older version than `to`. Of one whose version is not known nothing is said, and
/// one that is not proven yet has its turn later.
fn is_outdated(node: &NodeView, to: &Version) -> bool {
    node.record.upgrade.is_none() && node.version().is_some_and(|version| version < to)
}

/// What holds back all nodes, whatever they are.
pub(super) fn held(
    snapshot: &Snapshot,
    policy: &Policy,
    memory: &EngineMemory,
    to: &Version,
    shedding: bool,
) -> Vec<RolloutWait> {
    let (now, upgrades) = (&snapshot.now, &policy.upgrades);
    let mut waits = Vec::new();
    let paused = snapshot.holds.paused;
    waits.extend(paused.map(|since| RolloutWait::Paused { since }));
    let quarantine = snapshot.holds.quarantine(policy.nodes.program, to);
    waits.extend(quarantine.map(|it| RolloutWait::Quarantined { why: it.why.clone() }));
    if snapshot.release.as_ref().is_ok_and(|release| release.version == *to && !release.is_here()) {
        waits.push(RolloutWait::NotHere);
    }
    let known = memory.first_seen.as_ref().filter(|seen| seen.version == *to);
    let known = known.map_or(Duration::ZERO, |seen| match seen.at.boot == now.instant.boot {
        true => now.age(&seen.at),
        // Across a reboot only the wall clock knows more than that the machine is up.
        false => now.age(&seen.at).max(now.wall.since(seen.wall)),
    });
    let left = upgrades.soak.saturating_sub(known);
    if !left.is_zero() {
        waits.push(RolloutWait::Soaking { left_s: left.as_secs().max(1) });
    }
    if let Some(window) = upgrades.window.filter(|window| !window.is_open(now.wall)) {
        waits.push(RolloutWait::Window { left_s: window.opens_in_s(now.wall) });
    }
    if shedding {
        waits.push(RolloutWait::Shedding);
    }
    waits
}

/// Where the rollout to what a new node would run stands; nothing where wnm does not replace
/// programs, or all nodes have it.
pub(super) fn stand(
    snapshot: &Snapshot,
    policy: &Policy,
    memory: &EngineMemory,
    shedding: bool,
) -> Option<(Rollout, Standing)> {
    let program = policy.nodes.program;
    let to = &snapshot.release.as_ref().ok()?.version;
    if policy.upgrades.mode.of(program) != UpgradeMode::Managed {
        return None;
    }
    let standing = Standing::of(snapshot, policy, memory, to);
    let mine = || snapshot.nodes.iter().filter(|node| node.record.spec.program == program);
    let mut versions: BTreeMap<Version, u32> = BTreeMap::new();
    for version in mine().filter_map(NodeView::version) {
        *versions.entry(version.clone()).or_default() += 1;
    }
    let outdated = mine().filter(|node| is_outdated(node, to)).count() as u32;
    if outdated == 0 && standing.unproven.is_empty() {
        return None;
    }
    let mut waits = held(snapshot, policy, memory, to, shedding);
    waits.extend(waits_of(&standing, policy));
    let failed = memory.failed.as_ref().filter(|failed| failed.version == *to);
    let rollout = Rollout {
        program,
        to: to.clone(),
        trusted: standing.trusted,
        versions,
        outdated,
        unproven: standing.unproven.iter().map(|(node, _)| *node).collect(),
        failed: failed.map_or(0, |failed| failed.nodes.len() as u32),
        waits,
    };
    Some((rollout, standing))
}

fn waits_of(standing: &Standing, policy: &Policy) -> Vec<RolloutWait> {
    let mut waits = Vec::new();
    let (at, upgrades) = (standing.at_it().count() as u32, &policy.upgrades);
    if let Some((nodes, left)) = standing.holding {
        waits.push(RolloutWait::Holding { nodes, left_s: left.as_secs().max(1) });
    }
    if !standing.trusted && at > 0 {
        let left = standing.at_it().map(|verdict| match verdict {
            Verdict::Back(age) => upgrades.canary_time.saturating_sub(*age),
            Verdict::Proven(_) => Duration::ZERO,
            _ => upgrades.canary_time,
        });
        let left_s = left.max().unwrap_or_default().as_secs();
        waits.push(RolloutWait::Canaries { nodes: at, of: upgrades.canaries, left_s });
    } else if standing.trusted
        && standing.coming() >= upgrades.at_once
        && !standing.candidates.is_empty()
    {
        let (nodes, limit) = (standing.coming(), upgrades.at_once);
        waits.push(RolloutWait::InMotion { nodes, limit });
    }
    let rests = standing.unproven.iter().filter(|(_, it)| *it == Verdict::Resting).count() as u32;
    let counts = [
        (rests, RolloutWait::Resting { nodes: rests }),
        (standing.strangers, RolloutWait::Strangers { nodes: standing.strangers }),
        (standing.not_running, RolloutWait::NotRunning { nodes: standing.not_running }),
        (standing.refused, RolloutWait::Refused { nodes: standing.refused }),
        (standing.not_ours, RolloutWait::NotOurs { nodes: standing.not_ours }),
    ];
    waits.extend(counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, wait)| wait));
    waits
}
