//! The conditions of growth, and growth.

use std::path::Path;
use std::time::Duration;

use super::judgement::{Case, Judgement};
use super::quantity::{Held, Input, Quantity, Threshold};
use super::rule::Rule;
use super::ruling::{Rest, Ruling, Wait};
use crate::action::Resource;
use crate::model::{Instant, Want};
use crate::observe::NodeState;
use crate::plan::{
    Blocked, Outlook, Pace, Verdict, VerdictKind, growth_pace, is_resting, seconds_left,
};
use crate::policy::Setting;

pub(super) fn rules(case: &Case<'_>) -> Vec<Judgement> {
    let memory = case.memory();
    let stability = &case.policy.stability;
    let mut rules = vec![below_cap(case)];
    rules.extend(case.plan.report.pressure.0.iter().map(|verdict| room(case, verdict)));
    rules.push(window(case));
    let pace = growth_pace(case.snapshot, case.policy);
    let growth = memory.last_growth.as_ref().filter(|_| pace.settles);
    let changes = [growth, memory.last_stop.as_ref()].into_iter().flatten();
    let last_change = changes.min_by_key(|at| at.age(case.now()));
    let settle = (Rule::Settle, Setting::SettleTime, stability.settle_time, Wait::Settled);
    rules.push(pause(case, settle, "last change", last_change));
    let quiet = (Rule::Quiet, Setting::QuietTime, stability.quiet_time, Wait::Quiet);
    rules.push(pause(case, quiet, "last shedding", memory.last_shed.as_ref()));
    rules.push(cost(case));
    rules.push(in_motion(case, &pace));
    rules.extend(case.policy.nodes.storage.iter().map(|root| disk_outlook(case, root)));
    let unmet = rules.iter().filter(|rule| !matches!(rule.ruling, Ruling::Rests { .. })).count();
    rules.push(grow(case, unmet as u32));
    rules
}

fn below_cap(case: &Case<'_>) -> Judgement {
    let counting = case.snapshot.counting().count();
    let resting = case.snapshot.nodes.iter().filter(|node| is_resting(node)).count();
    let cap = case.policy.cap.limit;
    let ruling = if is_at_cap(case) { Rest::AtCap } else { Rest::Met };
    let mut rule = case.rule(Rule::BelowCap).input(Input::count("counting", counting));
    if resting > 0 {
        rule = rule.input(Input::count("of them stopped by pressure", resting));
    }
    rule.threshold(Threshold::new("at most", Some(Quantity::Count(cap)), Setting::NodeCap))
        .ruled(case, ruling)
}

/// True when no node may be added, and none that rests may be started.
fn is_at_cap(case: &Case<'_>) -> bool {
    let cap = case.policy.cap.limit as usize;
    let wanted = case.snapshot.counting().filter(|node| node.record.want == Want::Run).count();
    let rests = case.snapshot.nodes.iter().any(is_resting);
    case.snapshot.counting().count() >= cap && !(rests && wanted < cap)
}

fn room(case: &Case<'_>, verdict: &Verdict) -> Judgement {
    let Verdict { resource, used, add_below, verdict, .. } = verdict;
    let quantity = |value: f64| Quantity::of(resource, value);
    let limit = add_below.map(quantity);
    let what = match limit {
        Some(_) => "grows below",
        None => "holds growth back only while nodes are shed for it",
    };
    let rule = case
        .rule(Rule::Room { resource: resource.clone() })
        .input(Input { what: "used".to_owned(), value: used.map(quantity) })
        .threshold(Threshold::new(what, limit, Setting::growing(resource)));
    let ruling: Ruling = match (add_below, verdict, used) {
        (None, VerdictKind::Room, _) => Rest::Off.into(),
        (_, VerdictKind::Room, _) => Rest::Met.into(),
        // Of several storage roots one with room is enough.
        _ if resource.is_disk() && case.plan.report.pressure.has_room() => Rest::OtherRoot.into(),
        (_, _, None) => Ruling::unjudged("nothing grows on a guess"),
        (_, _, Some(_)) => Ruling::waits(Wait::Room),
    };
    rule.ruled(case, ruling)
}

fn window(case: &Case<'_>) -> Judgement {
    let window = case.policy.stability.grow_window;
    let room = case.memory().room.as_ref();
    let ruling = match (room, seconds_left(room, window, case.now())) {
        (None, _) => Ruling::waits(Wait::Window),
        (_, Some(left)) => Ruling::Waits { until: Wait::Window, left_s: Some(left) },
        (_, None) => Rest::Met.into(),
    };
    let held_s = room.map(|since| since.age(case.now()).as_secs());
    let what = if room.is_some() { "everything has had room" } else { "not everything has room" };
    case.rule(Rule::Window)
        .threshold(Threshold::new(what, None, None))
        .held(Held { held_s, needs_s: window.as_secs(), setting: Setting::GrowWindow })
        .ruled(case, ruling)
}

/// A time that must have passed since something happened.
fn pause(
    case: &Case<'_>,
    (rule, setting, wait, until): (Rule, Setting, Duration, Wait),
    what: &str,
    since: Option<&Instant>,
) -> Judgement {
    let ruling = match seconds_left(since, wait, case.now()) {
        Some(left) => Ruling::Waits { until, left_s: Some(left) },
        None => Rest::Met.into(),
    };
    let ago = since.map(|since| Quantity::Seconds(since.age(case.now()).as_secs()));
    let mut rule = case.rule(rule);
    rule.inputs.extend(ago.map(|ago| Input::new(what, ago)));
    let wait = Some(Quantity::Seconds(wait.as_secs()));
    rule.threshold(Threshold::new("must be older than", wait, setting)).ruled(case, ruling)
}

fn cost(case: &Case<'_>) -> Judgement {
    let learned = &case.memory().cost;
    let learn_time = case.policy.stability.learn_time;
    let rule = case.rule(Rule::Cost);
    let ruling = match rule.blocked.first() {
        Some(Blocked::Learning { left_s }) => {
            Ruling::Waits { until: Wait::Learned, left_s: Some(*left_s) }
        }
        Some(_) => Ruling::waits(Wait::Lasting),
        None => Rest::Met.into(),
    };
    let held_s = Some(learned.observed_s as u64);
    let what = learned.to_string();
    rule.threshold(Threshold::new(&what, None, None))
        .held(Held { held_s, needs_s: learn_time.as_secs(), setting: Setting::LearnTime })
        .ruled(case, ruling)
}

fn in_motion(case: &Case<'_>, pace: &Pace) -> Judgement {
    let nodes = &case.snapshot.nodes;
    let starting = nodes.iter().filter(|node| node.seen.state == NodeState::Starting).count();
    let started = case.plan.actions.iter().filter(|planned| planned.action.starts()).count();
    let rule = case.rule(Rule::InMotion);
    let noted = rule.blocked.iter().find_map(|blocked| match blocked {
        Blocked::InFlight { limit, .. } => Some(*limit),
        _ => None,
    });
    let limit = Some(noted.unwrap_or(pace.limit));
    let ruling = match noted {
        Some(_) => Ruling::waits(Wait::Motion),
        None => Rest::Met.into(),
    };
    rule.input(Input::count("starting", starting))
        .input(Input::count("started by this plan", started))
        .threshold(Threshold::new(
            "at most",
            limit.map(Quantity::Count),
            Setting::MaxConcurrentStarts,
        ))
        .ruled(case, ruling)
}

fn disk_outlook(case: &Case<'_>, root: &Path) -> Judgement {
    let resource = Resource::Disk(root.to_path_buf());
    let rule = case.rule(Rule::DiskOutlook { resource });
    let (seen, system) =
        (case.snapshot.storage.get(root), case.snapshot.machine.file_systems.get(root));
    let system = match (seen, system) {
        (Some(Ok(())), Some(system)) => system,
        (Some(Err(unread)), _) => return rule.ruled(case, Ruling::unjudged(unread.to_string())),
        (None, _) | (Some(Ok(())), None) => {
            return rule.ruled(case, Ruling::unjudged("it was not measured"));
        }
    };
    let outlook = Outlook::of(case.snapshot, case.policy, root, system);
    let expected = outlook.expected(1);
    let ruling: Ruling = match (expected < outlook.room, rule.blocked.is_empty()) {
        (true, true) => Rest::Met.into(),
        (false, true) if another_holds(case, root) => Rest::OtherRoot.into(),
        _ => Ruling::waits(Wait::DiskRoom),
    };
    let room = Some(Quantity::Bytes(outlook.room.0));
    rule.input(Input::new("its nodes and one more may need", Quantity::Bytes(expected.0)))
        .threshold(Threshold::new("must be below", room, Setting::HdLessThan))
        .threshold(Threshold::new(
            "reckoned for",
            Some(Quantity::Seconds(case.policy.stability.disk_horizon.as_secs())),
            Setting::DiskHorizon,
        ))
        .ruled(case, ruling)
}

fn another_holds(case: &Case<'_>, root: &Path) -> bool {
    let (snapshot, policy) = (case.snapshot, case.policy);
    policy.nodes.storage.iter().filter(|other| other.as_path() != root).any(|other| {
        let usable = matches!(snapshot.storage.get(other), Some(Ok(())));
        usable
            && snapshot.machine.file_systems.get(other).is_some_and(|system| {
                let outlook = Outlook::of(snapshot, policy, other, system);
                outlook.expected(1) < outlook.room
            })
    })
}

fn grow(case: &Case<'_>, unmet: u32) -> Judgement {
    let rule = case.rule(Rule::Grow);
    let own = rule.blocked.first().map(|blocked| match blocked {
        Blocked::Busied => Ruling::waits(Wait::NextCycle),
        Blocked::NoSurvey { .. } => Ruling::unjudged(blocked.to_string()),
        blocked => Ruling::waits(Wait::Need { why: blocked.to_string() }),
    });
    let ruling = match (own, unmet, case.plan.report.blocked.is_empty()) {
        (Some(ruling), _, _) => ruling,
        (None, 0, _) | (None, _, true) => Rest::AtCap.into(),
        (None, unmet, false) => Ruling::waits(Wait::Conditions { unmet }),
    };
    rule.ruled(case, ruling)
}
