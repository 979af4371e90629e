//! What operators ask for.

use super::*;
use crate::plan::Refused;

fn request<'a>(look: &Look<'a>, id: RequestId) -> Option<&'a Request> {
    look.snapshot.requests.iter().find(|request| request.id == id)
}

fn asked<'a>(look: &Look<'a>) -> impl Iterator<Item = (&'a PlannedAction, RequestId)> {
    look.actions().filter_map(|it| match it.reason {
        Reason::Request { id } => Some((it, id)),
        _ => None,
    })
}

fn refused<'a>(look: &Look<'a>, id: RequestId) -> &'a [String] {
    let of = |it: &&Refused| it.request == id;
    look.plan.report.requests.iter().find(of).map_or(&[], |it| &it.why)
}

/// "A refused request says why and is answered", and so is every other.
pub(super) fn every_request_is_looked_at_once(look: &Look<'_>) -> Held {
    let ids: Vec<RequestId> = look.snapshot.requests.iter().map(|it| it.id).collect();
    let looked: Vec<RequestId> = look.plan.report.requests.iter().map(|it| it.request).collect();
    ensure(ids == looked, || format!("{looked:?} of {ids:?}"))
}

/// "They bind to the very node they named", and nothing else is done in their name.
pub(super) fn an_action_for_a_request_is_what_was_asked(look: &Look<'_>) -> Held {
    asked(look).try_for_each(|(it, id)| {
        let Some(request) = request(look, id) else { return Err(format!("nobody asked {id}")) };
        let fits = matches!(
            (&request.verb, &it.action),
            (Verb::Add { .. }, Action::Add { key: None, .. })
                | (Verb::Restore { .. }, Action::Add { key: Some(_), .. })
                | (Verb::Start { .. }, Action::Start { .. })
                | (Verb::Stop { .. }, Action::Stop { stopped: Stopped::ByOperator, .. })
                | (Verb::Restart { .. }, Action::Restart { .. })
                | (Verb::Remove { .. }, Action::Remove { cause: Removal::Operator, .. })
                | (Verb::Teardown { .. }, Action::Remove { cause: Removal::Teardown, .. })
                | (Verb::Upgrade { .. }, Action::Upgrade { .. })
                | (Verb::Move { .. }, Action::Move { .. })
                | (Verb::Release { .. }, Action::Release { .. })
                | (Verb::Disable { .. }, Action::Disable { .. })
                | (Verb::Enable { .. }, Action::Enable { .. })
        );
        let named = it.action.key().is_none_or(|key| request.verb.nodes().contains(&key));
        ensure(fits && named, || format!("{} for {:?}", it.action, request.verb))
    })
}

/// "Expire after an hour", also across a reboot.
pub(super) fn an_expired_request_does_nothing(look: &Look<'_>) -> Held {
    let hour = Duration::from_secs(3600);
    look.snapshot.requests.iter().try_for_each(|request| {
        let wall = look.snapshot.now.wall.since(request.made);
        let same_boot = request.made_at.boot == look.now().boot;
        let age = look.age(&request.made_at);
        let expired = age > hour || (!same_boot && wall > hour);
        let done = asked(look).any(|(_, id)| id == request.id);
        let said = refused(look, request.id).iter().any(|why| why.contains("older than an hour"));
        ensure(expired == said && !(expired && done), || format!("{request:?}: done {done}"))
    })
}

/// "Adding beyond `node_cap` is refused", as a whole.
pub(super) fn additions_are_all_or_nothing(look: &Look<'_>) -> Held {
    let mut any = false;
    for request in &look.snapshot.requests {
        let Verb::Add { count } = request.verb else { continue };
        let begun = look.snapshot.begun.get(&request.id).map_or(0, BTreeSet::len) as u32;
        let wanted = count.saturating_sub(begun);
        let added = asked(look).filter(|(_, id)| *id == request.id).count() as u32;
        any |= added > 0;
        let refused = !refused(look, request.id).is_empty();
        let sound = if refused { added == 0 } else { added == wanted };
        ensure(sound, || format!("{added} of {wanted} added, refused: {refused}"))?;
    }
    let nodes = look.counting() + look.new_nodes().count() as u32;
    let limit = look.policy.cap.limit;
    ensure(!any || nodes <= limit, || format!("{nodes} nodes, {limit} allowed"))
}

/// "A refused request says why": never of a node on which it acts as well.
pub(super) fn what_is_refused_is_not_done(look: &Look<'_>) -> Held {
    asked(look).try_for_each(|(it, id)| {
        let Some(key) = it.action.key() else { return Ok(()) };
        let named = request(look, id).map_or(0, |request| {
            request.verb.nodes().iter().filter(|named| named.id == key.id).count()
        });
        let name = format!("{key}: ");
        let refusals = refused(look, id).iter().filter(|why| why.starts_with(&name)).count();
        ensure(refusals < named, || format!("{} is done and refused", it.action))
    })
}

/// "An operation that a dead cycle left open is planned again as it was", not a second time for
/// its request.
pub(super) fn what_was_begun_for_a_request_is_not_begun_again(look: &Look<'_>) -> Held {
    asked(look).try_for_each(|(it, id)| {
        let begun = look.snapshot.begun.get(&id);
        let again = it
            .action
            .key()
            .is_some_and(|key| begun.is_some_and(|begun| begun.contains(&key.record)));
        ensure(!again, || format!("{} was begun before", it.action))
    })
}
