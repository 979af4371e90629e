//! Which nodes are touched at all, and how.

use super::*;
use crate::action::Step;
use crate::plan::lower;

/// "A node has at most one action a cycle."
pub(super) fn a_node_has_one_action_a_cycle(look: &Look<'_>) -> Held {
    let mut seen = BTreeSet::new();
    look.actions().try_for_each(|it| {
        ensure(seen.insert(it.action.node()), || format!("a second one: {}", it.action))
    })
}

/// "They bind to the very node they named (its record, not its reusable number)."
pub(super) fn an_action_means_the_very_node(look: &Look<'_>) -> Held {
    look.actions().try_for_each(|it| match (look.node(it), &it.action) {
        (Some(node), Action::Add { spec, .. }) => {
            let is_unfinished = matches!(it.reason, Reason::Unfinished { .. });
            ensure(is_unfinished && **spec == node.record.spec, || format!("another {}", it.action))
        }
        (Some(node), action) => {
            let same = action.key() == Some(node.record.key());
            ensure(same, || format!("{action} means another record"))
        }
        (None, action) => {
            ensure(matches!(action, Action::Add { .. }), || format!("{action}: there is none"))
        }
    })
}

/// "Unknown is not stopped. Nothing is started, stopped or removed on the strength of silence."
pub(super) fn nothing_is_done_with_an_unknown_node(look: &Look<'_>) -> Held {
    look.on_nodes().try_for_each(|(it, node)| {
        let unknown = matches!(node.seen.state, NodeState::Unknown { .. });
        ensure(!unknown || it.action.is_word_only(), || format!("{} is unknown", it.action))
    })
}

/// "Disabled (left alone: not started, stopped, counted, upgraded or removed)."
pub(super) fn a_disabled_node_is_left_alone(look: &Look<'_>) -> Held {
    let asked = |it: &PlannedAction| match it.reason {
        Reason::Request { id } => {
            look.snapshot.requests.iter().find(|request| request.id == id).map(|it| &it.verb)
        }
        _ => None,
    };
    look.on_nodes().try_for_each(|(it, node)| {
        let leaving = matches!(node.record.phase, Phase::Removing { .. });
        let allowed = match &it.action {
            Action::Enable { .. } => matches!(asked(it), Some(Verb::Enable { .. })),
            Action::Remove { .. } => leaving || matches!(asked(it), Some(Verb::Teardown { .. })),
            Action::Disable { .. } => matches!(it.reason, Reason::Unfinished { .. }),
            // An operator's start takes back the removal of a teardown, and means the node to run.
            Action::Start { .. } => leaving && asked(it).is_some(),
            _ => false,
        };
        let disabled = node.record.want == Want::Disabled;
        ensure(!disabled || allowed, || format!("{} is disabled", it.action))
    })
}

/// "Any violation ends the cycle before anything happens": a sound engine never meets one.
pub(super) fn the_second_opinion_agrees(look: &Look<'_>) -> Held {
    let violations = check(look.plan, look.snapshot, look.policy);
    ensure(violations.is_empty(), || format!("{violations:?}"))
}

/// P3: "No directory is deleted unless … its node is stopped", and its identity is archived.
pub(super) fn steps_are_in_their_safe_order(look: &Look<'_>) -> Held {
    look.actions().try_for_each(|it| {
        let spec = match (&it.action, look.node(it)) {
            (Action::Add { spec, .. }, _) => spec,
            (_, Some(node)) => &node.record.spec,
            _ => return Err(format!("{}: of what", it.action)),
        };
        let steps = lower(&it.action, spec);
        let place = |wanted: fn(&Step) -> bool| steps.iter().position(wanted);
        let deletes = place(|step| matches!(step, Step::Delete));
        let aside = place(|step| matches!(step, Step::SetAside));
        let archive = place(|step| matches!(step, Step::Archive));
        let stop = place(|step| matches!(step, Step::Stop));
        let starts = place(|step| matches!(step, Step::Start));
        let order = [stop, archive, aside, deletes];
        let removes = matches!(it.action, Action::Remove { .. });
        // A key is safe and a release tried before a process is ended for it.
        let staged = place(|step| matches!(step, Step::Stage { .. }));
        let replaced = place(|step| matches!(step, Step::Replace { .. } | Step::PutBack { .. }));
        let upgrades = [archive, staged, stop, replaced];
        let safe = match (&it.action, removes) {
            (Action::Upgrade { .. }, _) => {
                upgrades.iter().all(Option::is_some) && upgrades.is_sorted() && deletes.is_none()
            }
            (Action::Revert { .. }, _) => stop < replaced && stop.is_some() && deletes.is_none(),
            // What is let go of is neither stopped nor started, and its key is safe.
            (Action::Release { .. }, _) => {
                archive.is_some() && stop.is_none() && deletes.is_none() && aside.is_none()
            }
            // What is moved is out of the way only when its copy is whole.
            (Action::Move { .. }, _) => {
                let carry = place(|step| matches!(step, Step::Carry { .. }));
                let moves = [stop, archive, carry, aside];
                moves.iter().all(Option::is_some) && moves.is_sorted() && deletes.is_none()
            }
            (_, true) => order.iter().all(Option::is_some) && order.is_sorted(),
            // What the manager may delete is kept first, whatever is mended.
            (Action::Mend { .. }, _) if spec.manager.kind.deletes_data() => {
                archive == Some(0) && deletes.is_none() && aside.is_none() && replaced.is_none()
            }
            (_, false) => {
                deletes.is_none() && aside.is_none() && archive.is_none() && replaced.is_none()
            }
        };
        ensure(safe && starts.is_some() == it.action.starts(), || format!("{}", it.action))
    })
}

/// "Mend: write again what a manager has lost of a running node."
pub(super) fn a_unit_is_mended_only_where_it_is_lost(look: &Look<'_>) -> Held {
    look.on_nodes().try_for_each(|(it, node)| {
        let lost = match it.reason {
            Reason::DefinitionLost => node.definition_lost,
            Reason::KeyAtRisk => node.key_at_risk,
            _ => return Ok(()),
        };
        let is_mend = matches!(it.action, Action::Mend { .. });
        let lives = node.seen.alive == Some(true);
        ensure(is_mend && lives && lost, || format!("{}", it.action))
    })
}

/// "Its own disk eviction is noticed and reported, never fought."
pub(super) fn what_a_manager_evicted_is_told_and_left(look: &Look<'_>) -> Held {
    let told = &look.plan.report.notes;
    look.snapshot.nodes.iter().filter(|node| node.evicted).try_for_each(|node| {
        let is_told = told.contains(&crate::plan::Note::Evicted { node: node.id() });
        ensure(is_told, || format!("{} is not told", node.id()))?;
        let mut actions = look.on_nodes().filter(|(_, it)| it.id() == node.id());
        let left =
            !actions.any(|(it, _)| matches!(it.reason, Reason::Down { .. } | Reason::DataGone));
        ensure(left, || format!("{} is fought for", node.id()))
    })
}

/// "Updated by a pure function": the memory tells of this look, of recorded nodes only, and no
/// removal of the last day is forgotten.
pub(super) fn the_memory_is_of_this_look(look: &Look<'_>) -> Held {
    let (before, after) = (&look.snapshot.memory, &look.plan.memory);
    let day = Duration::from_secs(86_400);
    let recent = before.removals.iter().filter(|past| look.age(&past.at) < day).count();
    let recorded: BTreeSet<_> = look.snapshot.nodes.iter().map(NodeView::record).collect();
    let over: BTreeSet<Resource> = after.over.keys().cloned().collect();
    ensure(after.last_look.as_ref() == Some(look.now()), || "another time".into())?;
    ensure(after.boot.as_ref() == Some(&look.now().boot), || "another boot".into())?;
    ensure(after.removals.len() == recent, || "a removal is forgotten".into())?;
    ensure(after.nodes.keys().all(|it| recorded.contains(it)), || "a node that is gone".into())?;
    ensure(over == look.over(), || format!("{over:?} over, not {:?}", look.over()))
}

/// "The boot id differs from the last cycle's (no earlier one known is not a reboot)."
pub(super) fn a_reboot_is_noted(look: &Look<'_>) -> Held {
    let last = look.snapshot.memory.boot.as_ref();
    let rebooted = last.is_some_and(|last| *last != look.now().boot);
    let noted = look.plan.report.notes.contains(&crate::plan::Note::Rebooted);
    ensure(rebooted == noted, || format!("rebooted: {rebooted}, noted: {noted}"))
}
