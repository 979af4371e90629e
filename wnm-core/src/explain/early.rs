//! Looking, finishing, cleaning up and answering.

use super::judgement::{Case, Judgement};
use super::quantity::{Held, Input, Quantity, Threshold};
use super::rule::Rule;
use super::ruling::{Rest, Ruling, Wait};
use crate::model::{Phase, Removal, counted};
use crate::observe::{NodeState, NodeView};
use crate::plan::{Note, seconds_left};
use crate::policy::{Setting, Stability};

pub(super) fn rules(case: &Case<'_>) -> Vec<Judgement> {
    vec![
        look(case),
        reboot(case),
        gap(case),
        unfinished(case),
        leaving(case),
        dead(case),
        requests(case),
    ]
}

fn look(case: &Case<'_>) -> Judgement {
    let nodes = &case.snapshot.nodes;
    let unknown =
        nodes.iter().filter(|node| matches!(node.seen.state, NodeState::Unknown { .. })).count();
    let ruling = match (unknown, &case.snapshot.machine.unread) {
        (0, None) => Rest::AllSeen.into(),
        (0, Some(unread)) => Ruling::unjudged(format!("the machine was not measured: {unread}")),
        (unknown, _) => Ruling::unjudged(format!(
            "{} could not be observed: nothing is done with it",
            counted(unknown as u32, "node")
        )),
    };
    case.rule(Rule::Look).input(Input::count("recorded", nodes.len())).ruled(case, ruling)
}

fn reboot(case: &Case<'_>) -> Judgement {
    let before = &case.snapshot.memory;
    let ruling = match &before.boot {
        None => Rest::FirstCycle.into(),
        Some(_) if before.rebooted(&case.now().boot) => Ruling::Acts,
        Some(_) => Rest::SameBoot.into(),
    };
    case.rule(Rule::Reboot).ruled(case, ruling)
}

fn gap(case: &Case<'_>) -> Judgement {
    let last = case.snapshot.memory.last_look.as_ref().map(|last| last.age(case.now()));
    let most = Quantity::Seconds(Stability::LONGEST_GAP.as_secs());
    let ruling = match last {
        None => Rest::FirstCycle.into(),
        Some(age) if age > Stability::LONGEST_GAP => Ruling::Acts,
        Some(_) => Rest::Recent.into(),
    };
    let looked = last.map(|age| Input::new("last cycle", Quantity::Seconds(age.as_secs())));
    let mut gap = case.rule(Rule::Gap);
    gap.inputs.extend(looked);
    gap.threshold(Threshold::new("graces begin anew above", Some(most), None)).ruled(case, ruling)
}

fn unfinished(case: &Case<'_>) -> Judgement {
    let nodes = &case.snapshot.nodes;
    let recorded = |record| nodes.iter().any(|node| node.record() == record);
    let open = case.snapshot.open.iter().filter(|open| recorded(open.record)).count();
    let ruling = match open {
        0 => Rest::NothingOpen.into(),
        _ => Ruling::waits(Wait::Observed),
    };
    case.rule(Rule::Unfinished).input(Input::count("open", open)).ruled(case, ruling)
}

fn leaving(case: &Case<'_>) -> Judgement {
    let delay = case.policy.delays.remove;
    let leaving = case.snapshot.nodes.iter().filter_map(|node| match &node.record.phase {
        Phase::Removing { since, cause } => Some((node, since, *cause)),
        _ => None,
    });
    let leaving: Vec<_> = leaving.collect();
    let acted = |node: &NodeView| case.plan.actions.iter().any(|it| it.action.node() == node.id());
    let waiting: Vec<_> = leaving.iter().filter(|(node, ..)| !acted(node)).collect();
    let is_hidden = |node: &NodeView| node.data_present.is_none() || node.seen.alive.is_none();
    let left = waiting
        .iter()
        .filter(|(node, _, cause)| {
            matches!(cause, Removal::Cap | Removal::Disk) && !is_hidden(node)
        })
        .filter_map(|(_, since, _)| seconds_left(Some(since), delay, case.now()))
        .min();
    let ruling = match (leaving.is_empty(), left) {
        (true, _) => Rest::NoneLeaving.into(),
        (false, Some(left)) => Ruling::Waits { until: Wait::Delay, left_s: Some(left) },
        (false, None) if waiting.iter().any(|(node, ..)| is_hidden(node)) => {
            Ruling::waits(Wait::Observed)
        }
        (false, None) => Rest::InOtherHands.into(),
    };
    let oldest = leaving.iter().map(|(_, since, _)| since.age(case.now()).as_secs()).max();
    let held = Held { held_s: oldest, needs_s: delay.as_secs(), setting: Setting::DelayRemove };
    let rule = case.rule(Rule::Leaving).input(Input::count("on their way out", leaving.len()));
    match oldest {
        Some(_) => rule.held(held).ruled(case, ruling),
        None => rule.ruled(case, ruling),
    }
}

fn dead(case: &Case<'_>) -> Judgement {
    let nodes = &case.snapshot.nodes;
    let dead = nodes.iter().filter(|node| node.seen.state == NodeState::Dead).count();
    let mut rule = case.rule(Rule::Dead).input(Input::count("dead", dead));
    if dead > 0 {
        let limit = Quantity::Count(case.policy.limits.removals);
        let limit = Threshold::new("at most", Some(limit), Setting::MaxConcurrentRemovals);
        rule = rule.threshold(limit);
    }
    let too_many = rule.notes.iter().any(|note| matches!(note, Note::TooManyDead { .. }));
    let missed = rule.notes.iter().any(|note| matches!(note, Note::DataMissed { .. }));
    let ruling = match (dead, too_many) {
        (0, _) => Rest::NoneDead,
        (_, true) => Rest::TooManyDead,
        (_, false) if missed => Rest::Missed,
        (_, false) => Rest::InOtherHands,
    };
    rule.ruled(case, ruling)
}

fn requests(case: &Case<'_>) -> Judgement {
    let rule = case.rule(Rule::Requests);
    let ruling = match (case.snapshot.requests.is_empty(), rule.refused.is_empty()) {
        (true, _) => Rest::NoRequests,
        (false, false) => Rest::AllRefused,
        (false, true) => Rest::AlreadySo,
    };
    rule.input(Input::count("waiting", case.snapshot.requests.len())).ruled(case, ruling)
}
