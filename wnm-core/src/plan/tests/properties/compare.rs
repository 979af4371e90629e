//! Promises that need more than one plan: the same question asked twice, or a little differently.
//! Who plans is an argument, so that a planner that breaks them can be shown to be noticed.

use super::after::after;
use super::cases::Case;
use super::*;
use crate::action::{Action, PlannedAction, Reason};
use crate::observe::{MachineView, Unread};

pub(super) type Planner = dyn Fn(&Snapshot, &Policy, PlanScope) -> Plan;

/// The planner that is shipped.
pub(super) const ENGINE: fn(&Snapshot, &Policy, PlanScope) -> Plan = plan;

type Held = Result<(), String>;

pub(super) type Comparison = (&'static str, fn(&Case, &Planner) -> Held);

macro_rules! comparisons {
    ($($name:ident)*) => {
        /// All of them, by name.
        pub(super) const ALL: &[Comparison] = &[$((stringify!($name), $name),)*];
    };
}

comparisons! {
    equal_inputs_give_equal_plans
    the_order_of_nodes_is_irrelevant
    what_is_kept_gives_the_same_plan
    less_room_never_means_more_growth
    a_lower_cap_never_means_more_growth
    a_value_for_one_run_never_removes
    a_wall_clock_that_jumps_moves_nothing
    what_cannot_be_seen_is_not_touched
    a_scope_bounds_what_is_decided
    what_is_done_is_not_planned_again
}

fn whole(planner: &Planner, snapshot: &Snapshot, policy: &Policy) -> Plan {
    planner(snapshot, policy, PlanScope::Everything)
}

fn same(what: &str, one: &Plan, other: &Plan) -> Held {
    let text = || format!("{what}:\n{}\n--- is not\n{}", render(one), render(other));
    if one == other { Ok(()) } else { Err(text()) }
}

/// "`plan` is a function: equal snapshots and policies, equal plans."
fn equal_inputs_give_equal_plans(case: &Case, planner: &Planner) -> Held {
    let plan = || whole(planner, &case.snapshot, &case.policy);
    same("asked again", &plan(), &plan())
}

/// Nodes are told apart by their ids, never by their places.
fn the_order_of_nodes_is_irrelevant(case: &Case, planner: &Planner) -> Held {
    let straight = whole(planner, &case.snapshot, &case.policy);
    let mut turned = case.snapshot.clone();
    let middle = turned.nodes.len() / 3;
    turned.nodes.rotate_left(middle);
    turned.nodes.reverse();
    same("in another order", &straight, &whole(planner, &turned, &case.policy))
}

/// P9: "Every action of the past can be explained from what its cycle recorded."
fn what_is_kept_gives_the_same_plan(case: &Case, planner: &Planner) -> Held {
    // A thousand nodes as text say no more than forty, and take most of the time.
    if case.snapshot.nodes.len() > 50 {
        return Ok(());
    }
    let plan = whole(planner, &case.snapshot, &case.policy);
    let snapshot: Snapshot = kept(&case.snapshot)?;
    let policy: Policy = kept(&case.policy)?;
    same("as recorded", &plan, &whole(planner, &snapshot, &policy))?;
    same("read back", &plan, &kept(&plan)?)
}

fn kept<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> Result<T, String> {
    let text = serde_json::to_vec(value).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

fn growth(plan: &Plan) -> usize {
    let grows = |it: &&PlannedAction| {
        matches!(it.reason, Reason::Room { .. } | Reason::RoomAgain) && it.action.starts()
    };
    plan.actions.iter().filter(grows).count()
}

/// Nodes that are there, or there again, only by this plan, whoever wanted them.
fn joins(plan: &Plan) -> usize {
    let joins = |it: &&PlannedAction| {
        let resumes = it.reason == Reason::RoomAgain && it.action.starts();
        resumes || matches!(it.action, Action::Add { .. } | Action::Reprieve { .. })
    };
    plan.actions.iter().filter(joins).count()
}

type Lessen = fn(&mut MachineView);

/// "A new node is created only if …": whatever there is less of, growth is not more for it.
fn less_room_never_means_more_growth(case: &Case, planner: &Planner) -> Held {
    let most = growth(&whole(planner, &case.snapshot, &case.policy));
    let lessen: [(&str, Lessen); 5] = [
        ("memory", |machine| {
            let less = |memory: &mut MemorySample| memory.available.0 /= 2;
            machine.memory.iter_mut().for_each(less);
        }),
        ("cpu", |machine| machine.cpu.iter_mut().for_each(|cpu| cpu.0 += 25.0)),
        ("load", |machine| machine.load.iter_mut().for_each(|load| load.fifteen += 2.0)),
        ("disk", |machine| {
            for system in machine.file_systems.values_mut() {
                system.free.0 -= system.free.0 / 3;
                let used = system.total.0 - system.free.0;
                system.used = Percent::of(used, system.total.0).unwrap();
            }
        }),
        ("readings", |machine| machine.load = None),
    ];
    lessen.into_iter().try_for_each(|(what, less)| {
        let mut snapshot = case.snapshot.clone();
        less(&mut snapshot.machine);
        let more = growth(&whole(planner, &snapshot, &case.policy));
        if more <= most { Ok(()) } else { Err(format!("{more} with less {what}, {most} before")) }
    })
}

/// A request that a lower cap refuses may leave room for growth, never for more nodes in all.
fn a_lower_cap_never_means_more_growth(case: &Case, planner: &Planner) -> Held {
    let before = whole(planner, &case.snapshot, &case.policy);
    let most = joins(&before);
    let mut policy = case.policy.clone();
    policy.cap.limit = policy.cap.limit.saturating_sub(1);
    policy.cap.stored = policy.cap.stored.min(policy.cap.limit);
    let more = growth(&whole(planner, &case.snapshot, &policy));
    if more <= most { Ok(()) } else { Err(format!("{more} below the cap, {most} before")) }
}

/// Removals that a threshold, the cap or a delay brought about.
fn removals(plan: &Plan, wanted: fn(&Reason) -> bool) -> BTreeSet<crate::model::NodeId> {
    let removes = |action: &Action| matches!(action, Action::Retire { .. } | Action::Remove { .. });
    let mine = |it: &&PlannedAction| removes(&it.action) && wanted(&it.reason);
    plan.actions.iter().filter(mine).map(|it| it.action.node()).collect()
}

/// "A value given for one run (option, environment, file) may stop nodes and hold back growth; it
/// never removes": what is removed with it would have been removed without it.
fn a_value_for_one_run_never_removes(case: &Case, planner: &Planner) -> Held {
    let mut overrides = case.overrides.clone();
    // Which node goes is another question than whether one does.
    overrides.values.remove(&Setting::NodeRemovalStrategy);
    if overrides.values.is_empty() {
        return Ok(());
    }
    let under = |overrides: &PolicyDraft| {
        let (ledger, readings) = (case.ledger.clone(), case.readings.clone());
        let now = case.now.clone();
        Case::of(case.stored.clone(), overrides.clone(), ledger, readings, now)
    };
    let (with, without) = (under(&overrides), under(&PolicyDraft::default()));
    let with = whole(planner, &with.snapshot, &with.policy);
    let without = whole(planner, &without.snapshot, &without.policy);
    let differs = |what: &str| {
        Err(format!("{what}:\n{}\n--- without it\n{}", render(&with), render(&without)))
    };
    let delay =
        |reason: &Reason| matches!(reason, Reason::DelayOver { .. } | Reason::DelayCut { .. });
    if !removals(&with, delay).is_subset(&removals(&without, delay)) {
        return differs("deletes what would have waited");
    }
    // An emergency takes its node before everybody else; held back, it leaves the turn to them.
    let urgent =
        |reason: &Reason| matches!(reason, Reason::Emergency { .. } | Reason::DelayCut { .. });
    if !removals(&without, urgent).is_empty() {
        return Ok(());
    }
    let cap = |reason: &Reason| matches!(reason, Reason::OverCap { .. });
    if removals(&with, cap).len() > removals(&without, cap).len() {
        return differs("removes more for the cap");
    }
    let disk =
        |reason: &Reason| matches!(reason, Reason::Pressure { .. } | Reason::Emergency { .. });
    if removals(&with, disk).len() > removals(&without, disk).len() {
        return differs("removes more for a disk");
    }
    Ok(())
}

/// P8: "A clock that jumps … causes no mass action": nothing but growth looks at it.
fn a_wall_clock_that_jumps_moves_nothing(case: &Case, planner: &Planner) -> Held {
    let boot = &case.now.instant.boot;
    // Across a reboot only the wall clock knows how old a request is.
    if case.snapshot.requests.iter().any(|request| request.made_at.boot != *boot) {
        return Ok(());
    }
    // The hours for upgrades are hours of the day, and a soak goes on while a machine is off.
    let soaks = case.snapshot.memory.first_seen.as_ref().is_some_and(|seen| seen.at.boot != *boot);
    if case.policy.upgrades.window.is_some() || soaks {
        return Ok(());
    }
    let but_growth = |plan: &Plan| -> Vec<PlannedAction> {
        let actions = plan.actions.iter();
        actions.filter(|it| !matches!(it.reason, Reason::Room { .. })).cloned().collect()
    };
    let before = whole(planner, &case.snapshot, &case.policy);
    [-200_000_000, 200_000_000].into_iter().try_for_each(|ms| {
        let mut jumped = case.snapshot.clone();
        jumped.now.wall.0 += ms;
        let after = whole(planner, &jumped, &case.policy);
        if but_growth(&before) == but_growth(&after) {
            Ok(())
        } else {
            same("jumped", &before, &after)
        }
    })
}

/// P6: "Nothing is done on missing … observations."
fn what_cannot_be_seen_is_not_touched(case: &Case, planner: &Planner) -> Held {
    let mut readings = case.readings.clone();
    readings.machine = Err(Unread { kind: FaultKind::Timeout, why: "silence".into() });
    readings.nodes.clear();
    let (stored, overrides) = (case.stored.clone(), case.overrides.clone());
    let blind = Case::of(stored, overrides, case.ledger.clone(), readings, case.now.clone());
    let plan = whole(planner, &blind.snapshot, &blind.policy);
    let engines = plan.actions.iter().find(|it| !matches!(it.reason, Reason::Request { .. }));
    match engines.filter(|it| !it.action.is_word_only()) {
        Some(it) => Err(format!("{}: {}", it.action, it.reason)),
        None => Ok(()),
    }
}

/// "Only what was begun before, and the requests of operators"; "none of it".
fn a_scope_bounds_what_is_decided(case: &Case, planner: &Planner) -> Held {
    let nothing = planner(&case.snapshot, &case.policy, PlanScope::Nothing);
    if !nothing.actions.is_empty() || !nothing.report.requests.is_empty() {
        return Err(format!("a survey decides:\n{}", render(&nothing)));
    }
    let requests = planner(&case.snapshot, &case.policy, PlanScope::RequestsOnly);
    let asked = |it: &&PlannedAction| {
        matches!(it.reason, Reason::Request { .. } | Reason::Unfinished { .. })
    };
    match requests.actions.iter().find(|it| !asked(it)) {
        Some(it) => Err(format!("nobody asked for it: {}: {}", it.action, it.reason)),
        None => Ok(()),
    }
}

/// P10: "Planning again right after a cycle that did everything changes nothing": cycle after cycle
/// at the same instant comes to rest, and no node is acted on twice in the same way.
fn what_is_done_is_not_planned_again(case: &Case, planner: &Planner) -> Held {
    if case.snapshot.nodes.len() > 50 {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    let mut case = case.clone();
    let mut story = Vec::new();
    for _ in 0..200 {
        let plan = whole(planner, &case.snapshot, &case.policy);
        if plan.actions.is_empty() {
            return Ok(());
        }
        for it in &plan.actions {
            story.push(format!("{}: {}", it.action, it.reason));
            let record = case.snapshot.node(it.action.node()).map(NodeView::record);
            // What a dead cycle had begun is another story than what is decided now.
            let begun = matches!(it.reason, Reason::Unfinished { .. });
            // Nor is a disk that demands a node which the cap gives back.
            let cause = match &it.action {
                Action::Retire { cause, .. } => Some(format!("{cause:?}")),
                _ => None,
            };
            let way = (record, it.action.name(), cause);
            let is_new = begun || record.is_none() || seen.insert(way);
            if !is_new {
                return Err(format!("again:\n{}", story.join("\n")));
            }
        }
        story.push("---".to_owned());
        case = after(&case, &plan);
    }
    Err(format!("it does not come to rest:\n{}", story.join("\n")))
}
