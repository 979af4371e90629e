//! Which nodes are given another version, and when.

use super::*;
use crate::model::{Release, Upgrade};

fn upgrades<'a>(
    look: &Look<'a>,
) -> impl Iterator<Item = (&'a PlannedAction, &'a NodeView, &'a Release, &'a Upgrade)> {
    look.on_nodes().filter_map(|(it, node)| match &it.action {
        Action::Upgrade { release, upgrade, .. } => Some((it, node, release, upgrade.as_ref())),
        _ => None,
    })
}

fn by_engine(planned: &PlannedAction) -> bool {
    matches!(planned.reason, Reason::Outdated { .. })
}

/// "Never a downgrade unless asked by name"; "wnm never puts an older binary over a newer one".
pub(super) fn no_older_version_comes_unasked(look: &Look<'_>) -> Held {
    upgrades(look).try_for_each(|(it, node, release, _)| {
        let has = node.installed.as_ref().map(|installed| &installed.version);
        let has = has.or(node.record.version.as_ref());
        let newer = has.is_some_and(|has| release.version > *has);
        let allowed = match it.reason {
            Reason::Request { id } => look.snapshot.requests.iter().any(|request| {
                request.id == id
                    && matches!(request.verb, Verb::Upgrade { allow_downgrade: true, .. })
            }),
            Reason::Unfinished { .. } => true,
            _ => false,
        };
        ensure(newer || allowed, || format!("{} from {has:?}", it.action))
    })
}

/// "The version is quarantined and never tried again without an operator's word."
pub(super) fn what_failed_is_given_to_nobody(look: &Look<'_>) -> Held {
    let failed = |version: &crate::model::Version| {
        look.snapshot.holds.quarantined.iter().any(|failed| failed.version == *version)
    };
    upgrades(look).try_for_each(|(it, _, release, _)| {
        ensure(!failed(&release.version), || format!("{} although it failed", it.action))
    })?;
    look.new_nodes().try_for_each(|(spec, reason)| {
        let given = look.snapshot.release.as_ref().is_ok_and(|release| failed(&release.version));
        let anew = !matches!(reason, Reason::Unfinished { .. });
        ensure(!(given && anew), || format!("{} with what failed", spec.id))
    })
}

/// "Managed: oldest node first."
pub(super) fn the_oldest_node_is_upgraded_first(look: &Look<'_>) -> Held {
    let chosen: Vec<&NodeView> =
        upgrades(look).filter(|it| by_engine(it.0)).map(|(_, node, ..)| node).collect();
    let Some(youngest) = chosen.iter().map(|it| (it.record.created, it.id())).max() else {
        return Ok(());
    };
    let Ok(release) = &look.snapshot.release else { return Err("to what".into()) };
    let older = look.snapshot.nodes.iter().find(|node| {
        let memory = look.plan.memory.nodes.get(&node.record());
        let refused = memory.is_some_and(|memory| memory.refused.is_some());
        let outdated = node.version().is_some_and(|version| *version < release.version);
        node.record.want == Want::Run
            && node.seen.state == NodeState::Running
            && node.record.upgrade.is_none()
            && node.record.spec.program == look.policy.nodes.program
            && outdated
            && !refused
            && (node.record.created, node.id()) < youngest
            && !look.actions().any(|it| it.action.node() == node.id())
    });
    ensure(older.is_none(), || format!("{:?} is older", older.map(NodeView::id)))
}

/// "`canary_count` (1) nodes take it …; then waves of `max_concurrent_upgrades`", and only where wnm
/// replaces programs at all.
pub(super) fn few_are_upgraded_at_once(look: &Look<'_>) -> Held {
    let upgrades: Vec<_> = upgrades(look).filter(|it| by_engine(it.0)).collect();
    let rules = &look.policy.upgrades;
    let most = rules.at_once.max(rules.canaries) as usize;
    let managed = rules.mode == crate::model::UpgradeMode::Managed;
    let free = look.snapshot.holds.paused.is_none();
    let sound = upgrades.is_empty() || (managed && free && upgrades.len() <= most);
    ensure(sound, || format!("{} at once", upgrades.len()))
}

/// "Each node keeps its previous binary until its successor is proven", and goes back to that one.
pub(super) fn what_is_put_back_is_what_was_there(look: &Look<'_>) -> Held {
    look.on_nodes().try_for_each(|(it, node)| {
        let Action::Revert { from, to, .. } = &it.action else { return Ok(()) };
        let kept = node.record.upgrade.as_ref();
        let fits = kept.is_some_and(|kept| kept.from == *to && kept.to == *from);
        ensure(fits, || format!("{}: {kept:?}", it.action))
    })
}
