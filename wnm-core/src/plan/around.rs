//! What lies around the nodes: when to look, what to put back, what to close.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Note;
use super::work::Work;
use crate::action::{Action, PlannedAction, Reason};
use crate::model::{Instant, NodeSpec, PortRule, Want};
use crate::observe::{EngineMemory, NodeState, NodeView, Snapshot};

/// Each mended unit makes its manager read all units again: half a second with hundreds of them.
const MOST_REWRITTEN: usize = 10;
/// A node that has run this long where it was moved to will not need what it left behind.
const SETTLED: Duration = Duration::from_secs(60);

/// True when openings and units are to be looked at: at first, after a restart of the machine, and
/// every so often. Firewalls answer in tenths of a second, and units seldom change by themselves.
pub fn to_look_around(memory: &EngineMemory, every: Duration, now: &Instant) -> bool {
    match &memory.around {
        None => true,
        Some(last) => last.boot != now.boot || last.age(now) >= every,
    }
}

/// What a living node lacks: its definition, an opening, or a definition as it should be. Nothing is
/// restarted for it.
pub(crate) fn to_mend(snapshot: &Snapshot, node: &NodeView) -> Option<Reason> {
    let lives = matches!(
        node.seen.state,
        NodeState::Running | NodeState::Mute { .. } | NodeState::Upgrading
    );
    let runs = lives || node.seen.state == NodeState::Starting;
    if runs && node.key_at_risk && node.seen.alive == Some(true) {
        return Some(Reason::KeyAtRisk);
    }
    if !lives {
        return None;
    }
    if node.definition_lost {
        return Some(Reason::DefinitionLost);
    }
    let around = &snapshot.around;
    if node.record.want == Want::Run {
        let rules = around.shut(node.record.spec.ports.public());
        if !rules.is_empty() {
            return Some(Reason::PortsShut { rules });
        }
    }
    let drift = around.drift.get(&node.id()).filter(|drift| drift.is_ours_to_mend())?;
    Some(Reason::Drifted { drift: drift.clone() })
}

/// Puts back what is missing. Nothing is restarted: what a process was started with stays until its
/// next start.
pub(super) fn mend(work: &mut Work<'_>) {
    let snapshot = work.snapshot;
    let mut rewritten = 0;
    for node in &snapshot.nodes {
        if work.is_touched(node.id()) {
            continue;
        }
        let Some(reason) = to_mend(snapshot, node) else { continue };
        if matches!(reason, Reason::Drifted { .. }) {
            rewritten += 1;
            if rewritten > MOST_REWRITTEN {
                continue;
            }
        }
        work.decide(Action::Mend { node: node.record.key() }, reason);
    }
    if rewritten > MOST_REWRITTEN {
        // Those left over are met at the next cycle, not in ten minutes.
        work.memory.around = None;
    }
}

/// What moved nodes left behind goes when they have run for a while where they lie now.
pub(super) fn clear_left(work: &mut Work<'_>) {
    for node in &work.snapshot.nodes {
        let runs = node.seen.state == NodeState::Running && node.seen.alive == Some(true);
        let is_settled = node.process_age.is_some_and(|age| age >= SETTLED);
        let moved = node.record.spec.left.is_some();
        if moved && runs && is_settled && !work.is_touched(node.id()) {
            let to = NodeSpec { left: None, ..node.record.spec.clone() };
            let action = Action::Clear { node: node.record.key(), to: Box::new(to) };
            work.decide(action, Reason::RunsElsewhere);
        }
    }
}

/// Openings of ours that no node has, or only one that is to rest and does. A port that somebody
/// listens on stays open: what has it may be a node that only another installation knows, or none
/// at all any more.
pub(super) fn close_orphans(work: &mut Work<'_>) {
    let snapshot = work.snapshot;
    let (Some(Ok(openings)), Ok(bound)) = (&snapshot.around.firewall, &snapshot.ports) else {
        return;
    };
    // A node that was released carries its number on, and may be down for this moment.
    let Ok(occupied) = &snapshot.occupied else { return };
    let released = occupied.iter().filter(|id| snapshot.node(**id).is_none());
    let carried = released.filter_map(|id| work.policy.nodes.ports_of(*id).ok());
    let mut had = had(snapshot, work.decided().iter());
    had.extend(carried.flat_map(|ports| ports.public().collect::<Vec<_>>()));
    let is_orphan = |rule: &&PortRule| !had.contains(rule) && !bound.contains(&rule.port);
    let orphans: Vec<PortRule> = openings.ours.iter().filter(is_orphan).copied().collect();
    if !orphans.is_empty() {
        work.notes.push(Note::OrphanOpenings { rules: orphans.clone() });
        work.close = orphans;
    }
}

/// The public ports of every record and of nodes that are being added; without those of nodes that
/// were told to stop, have stopped, and are left so.
pub(super) fn had<'a>(
    snapshot: &'a Snapshot,
    decided: impl Iterator<Item = &'a PlannedAction>,
) -> BTreeSet<PortRule> {
    let begun: Vec<&PlannedAction> =
        snapshot.open.iter().map(|open| &open.planned).chain(decided).collect();
    let is_touched = |id| begun.iter().any(|planned| planned.action.node() == id);
    let recorded = snapshot.nodes.iter().filter(|node| !rests(node) || is_touched(node.id()));
    let recorded = recorded.map(|node| &node.record.spec);
    let added = begun.iter().filter_map(|planned| match &planned.action {
        Action::Add { spec, .. } => Some(spec.as_ref()),
        _ => None,
    });
    recorded.chain(added).flat_map(|spec| spec.ports.public()).collect()
}

fn rests(node: &NodeView) -> bool {
    let is_told = matches!(node.record.want, Want::StoppedByOperator | Want::StoppedByPressure);
    is_told && matches!(node.seen.state, NodeState::Stopped { .. })
}

/// What an operator should know.
pub(super) fn note_what_is_seen(work: &mut Work<'_>) {
    let around = &work.snapshot.around;
    if let Some(Err(unread)) = &around.firewall {
        work.notes.push(Note::FirewallUnread { why: unread.why.clone() });
    }
    for (node, pids) in &around.strangers {
        work.notes.push(Note::Strangers { node: *node, pids: pids.clone() });
    }
}
