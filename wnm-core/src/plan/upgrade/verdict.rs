//! What is to be thought of a program that was put in place of another one.

use std::time::Duration;

use crate::action::UpgradeFailure;
use crate::model::{Instant, Upgrade, Version, Want};
use crate::observe::{NodeMemory, NodeState, NodeView};
use crate::policy::Policy;

/// What is to be thought of a node whose program is not proven yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not wanted to run, or left alone: nothing can be learned from it.
    Resting,
    /// It could not be observed.
    Hidden,
    /// It has not come back yet.
    Coming,
    /// It is back, for so long.
    Back(Duration),
    /// It held.
    Proven(Duration),
    /// It failed.
    Failed(UpgradeFailure),
    /// The old program is still in its place, or there again: nothing was learned of the new one.
    NotInstalled,
    /// It went on to a later version by itself, and what was kept is too old to go back to. Whether
    /// that one has held, and for how long its process lives.
    GoneOn {
        /// It has shown every sign of life for long enough.
        held: bool,
        /// How old its process is.
        age: Duration,
    },
}

/// A process that has lived so long, and shows every sign of life, is back.
const RISEN: Duration = Duration::from_secs(60);

/// The verdict on `node`; nothing for a node that was not given another program of late. `memory`
/// is that with this look in it.
pub(crate) fn verdict(
    node: &NodeView,
    memory: &NodeMemory,
    policy: &Policy,
    now: &Instant,
) -> Option<Verdict> {
    let upgrade = node.record.upgrade.as_ref()?;
    let hidden = matches!(node.seen.state, NodeState::Unknown { .. } | NodeState::Dead);
    if hidden || node.data_present != Some(true) || node.seen.alive.is_none() {
        return Some(Verdict::Hidden);
    }
    if node.record.want != Want::Run || matches!(node.seen.state, NodeState::Removing) {
        return Some(Verdict::Resting);
    }
    Some(judge(node, upgrade, memory, policy, now))
}

fn judge(
    node: &NodeView,
    upgrade: &Upgrade,
    memory: &NodeMemory,
    policy: &Policy,
    now: &Instant,
) -> Verdict {
    // By the process and not by the decision: a node that was stopped meanwhile, or a machine that
    // was off, has shown nothing in that time.
    let age = node.process_age.unwrap_or_else(|| upgrade.since.age(now));
    let is = node.installed.as_ref();
    // Only what this very look saw: of what it could not see nothing is concluded.
    if node.examined && is.is_some_and(|is| is_from_before(&is.version, upgrade)) {
        return Verdict::NotInstalled;
    }
    if lost_identity(node, memory) {
        return Verdict::Failed(UpgradeFailure::FreshIdentity);
    }
    let has_waited = age >= policy.upgrades.canary_time;
    if is.is_some_and(|is| is.version > upgrade.to) {
        let lives = node.seen.alive == Some(true) && node.missing.is_none();
        return Verdict::GoneOn { held: has_waited && lives && !is_alone(node, upgrade), age };
    }
    if memory.died_since(&upgrade.since, now) {
        return Verdict::Failed(UpgradeFailure::Died);
    }
    match node.seen.alive {
        // Nobody saw it die: the machine was restarted, or wnm ended between two steps.
        Some(false) => return Verdict::Coming,
        None => return Verdict::Hidden,
        Some(true) => {}
    }
    let for_s = age.as_secs();
    if let Some(missing) = &node.missing {
        let missing = missing.clone();
        return match age >= policy.delays.upgrade {
            true => Verdict::Failed(UpgradeFailure::Mute { missing, for_s }),
            false => Verdict::Coming,
        };
    }
    // What has just been started has not come back yet.
    let is_back = age >= RISEN.min(policy.delays.upgrade);
    match (is_alone(node, upgrade), has_waited) {
        (true, true) => Verdict::Failed(UpgradeFailure::Alone { for_s }),
        (true, false) => Verdict::Coming,
        (false, true) => Verdict::Proven(age),
        (false, false) if is_back => Verdict::Back(age),
        (false, false) => Verdict::Coming,
    }
}

/// An older one than it was given, or the one it had.
fn is_from_before(is: &Version, upgrade: &Upgrade) -> bool {
    *is < upgrade.to || (*is == upgrade.from && upgrade.from != upgrade.to)
}

/// True when its key is not the one it is known by.
pub(super) fn lost_identity(node: &NodeView, memory: &NodeMemory) -> bool {
    let is = node.installed.as_ref().and_then(|installed| installed.identity.as_ref());
    matches!((is, &memory.identity), (Some(is), Some(was)) if is != was)
}

/// True when it says that it has no peers, and holds no more records than before. One that had none
/// before, as in a network of one node, misses nothing; and where peers cannot be read, running and
/// bound is all that can be asked.
fn is_alone(node: &NodeView, upgrade: &Upgrade) -> bool {
    let grown = matches!(
        (node.facts.records, upgrade.before.records),
        (Some(is), Some(was)) if is > was
    );
    node.facts.peers == Some(0) && upgrade.before.peers != Some(0) && !grown
}
