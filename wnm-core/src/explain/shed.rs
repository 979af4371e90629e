//! Relief: emergencies, the cap, every resource, and the budgets of removals.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::budgets::{Budgets, next_removal};
use super::judgement::{Case, Judgement};
use super::quantity::{Held, Input, Quantity, Threshold};
use super::rule::Rule;
use super::ruling::{Rest, Ruling, Wait};
use crate::action::{Action, Resource};
use crate::model::{Percent, Want};
use crate::observe::{FileSystemView, NodeState, NodeView};
use crate::plan::{Note, Verdict, VerdictKind, crisis_bytes, grace, held};
use crate::policy::{Setting, Stability};

pub(super) fn rules(case: &Case<'_>) -> Vec<Judgement> {
    let mut rules = disk_emergencies(case);
    rules.push(memory_emergency(case));
    rules.push(over_cap(case));
    let (disks, others): (Vec<&Verdict>, Vec<&Verdict>) =
        case.plan.report.pressure.0.iter().partition(|verdict| verdict.resource.is_disk());
    rules.extend(disks.into_iter().chain(others).map(|verdict| shed(case, verdict)));
    rules.push(removals(case));
    rules
}

/// One for each device, named by the root that the engine would name.
fn disk_emergencies(case: &Case<'_>) -> Vec<Judgement> {
    let crisis = crisis_bytes(case.policy);
    let mut roots: BTreeMap<u64, (&PathBuf, &FileSystemView)> = BTreeMap::new();
    for (root, system) in &case.snapshot.machine.file_systems {
        let named = roots.entry(system.device).or_insert((root, system));
        if system.free < crisis || named.1.free >= crisis {
            *named = (root, system);
        }
    }
    roots.into_values().map(|(root, system)| disk_emergency(case, root, system)).collect()
}

fn disk_emergency(case: &Case<'_>, root: &Path, system: &FileSystemView) -> Judgement {
    let crisis = crisis_bytes(case.policy);
    let resource = Resource::Disk(root.to_path_buf());
    let ruling = match system.free < crisis {
        false => Rest::EnoughLeft.into(),
        true if is_relieved(case, system.device) => Rest::BeingRelieved.into(),
        true if case.is_budget_spent() => budget(case),
        true if is_foreign(case, &resource) => Rest::NotOurs.into(),
        true => Ruling::waits(Wait::NextCycle),
    };
    let least = Quantity::Bytes(crisis.0);
    case.rule(Rule::DiskEmergency { resource })
        .input(Input::new("free", Quantity::Bytes(system.free.0)))
        .threshold(Threshold::new("acts below", Some(least), Setting::CrisisBytes))
        .ruled(case, ruling)
}

fn memory_emergency(case: &Case<'_>) -> Judgement {
    let memory = case.snapshot.machine.memory;
    let left = memory.and_then(|memory| Percent::of(memory.available.0, memory.total.0));
    let ruling = match left {
        None => Ruling::unjudged("memory was not measured, so nothing is stopped for it"),
        Some(left) if left.0 >= Stability::CRISIS_MEMORY => Rest::EnoughLeft.into(),
        Some(_) => Rest::NobodyLeft.into(),
    };
    let least = Quantity::Percent(Stability::CRISIS_MEMORY);
    let value = left.map(|left| Quantity::Percent(left.0));
    case.rule(Rule::MemoryEmergency)
        .input(Input { what: "available".to_owned(), value })
        .threshold(Threshold::new("acts below", Some(least), None))
        .ruled(case, ruling)
}

fn over_cap(case: &Case<'_>) -> Judgement {
    let cap = case.policy.cap;
    let rule = case.rule(Rule::OverCap);
    let counting: Vec<&NodeView> = case
        .snapshot
        .counting()
        .filter(|node| node.seen.state != NodeState::Dead)
        .filter(|node| !case.leaves_before(node.id(), &rule.rule))
        .collect();
    let wanted = counting.iter().filter(|node| node.record.want == Want::Run).count();
    let removes = counting.len() as u32 > cap.stored;
    let ruling = match (removes, wanted as u32 > cap.limit) {
        (true, _) if case.is_hour_spent() => budget(case),
        (true, _) | (false, true) => Rest::NobodyLeft.into(),
        (false, false) => Rest::WithinCap.into(),
    };
    let stored = Some(Quantity::Count(cap.stored));
    let mut rule = rule.input(Input::count("counting", counting.len())).threshold(Threshold::new(
        "removes above",
        stored,
        Setting::NodeCap,
    ));
    if cap.limit != cap.stored {
        let limit = Some(Quantity::Count(cap.limit));
        let limit = Threshold::new("stops in this run above", limit, Setting::NodeCap);
        rule = rule.threshold(limit);
    }
    rule.ruled(case, ruling)
}

fn shed(case: &Case<'_>, verdict: &Verdict) -> Judgement {
    let resource = &verdict.resource;
    let quantity = |value: f64| Quantity::of(resource, value);
    let verb = if resource.is_disk() { "removes above" } else { "stops above" };
    let limit = verdict.remove_above.map(quantity);
    let what = if limit.is_some() { verb } else { "sheds never" };
    let mut rule = case
        .rule(Rule::Shed { resource: resource.clone() })
        .input(Input { what: "used".to_owned(), value: verdict.used.map(quantity) })
        .threshold(Threshold::new(what, limit, Setting::shedding(resource)));
    if let Some(round) = case.memory().rounds.get(resource) {
        rule = rule.input(Input::new("rounds so far", Quantity::Count(round.count)));
    }
    if limit.is_some() {
        rule = rule.held(time_above(case, resource));
    }
    let ruling = shed_ruling(case, verdict, &rule);
    rule.ruled(case, ruling)
}

/// How long the resource has been above, and how long it must be.
fn time_above(case: &Case<'_>, resource: &Resource) -> Held {
    let (memory, now) = (case.memory(), case.now());
    let needs = grace(memory, case.policy, resource, now);
    let setting = match resource {
        Resource::Memory => Setting::MemoryGrace,
        Resource::Disk(_) | Resource::Inodes(_) => Setting::HdGrace,
        Resource::Cpu if needs != case.policy.stability.pressure_grace => Setting::UrgentCpu,
        _ => Setting::PressureGrace,
    };
    let since = memory.over.get(resource).map(|_| held(memory, resource, now).as_secs());
    Held { held_s: since, needs_s: needs.as_secs(), setting }
}

fn shed_ruling(case: &Case<'_>, verdict: &Verdict, rule: &Judgement) -> Ruling {
    let Verdict { resource, used, remove_above, verdict, .. } = verdict;
    if remove_above.is_none() {
        return Rest::Off.into();
    }
    let Some(used) = *used else {
        return Ruling::unjudged(format!("{resource} was not measured, so nothing is shed for it"));
    };
    if *verdict != VerdictKind::Shed {
        return Rest::NotAbove.into();
    }
    if let Some(Held { held_s, needs_s, .. }) = rule.held {
        let left = needs_s.saturating_sub(held_s.unwrap_or(0));
        if left > 0 {
            return Ruling::Waits { until: Wait::Grace, left_s: Some(left) };
        }
    }
    match resource {
        Resource::Inodes(_) => Rest::NotOurs.into(),
        Resource::Disk(root) => disk_ruling(case, resource, root, used),
        _ if acts(case, |rule| *rule == Rule::MemoryEmergency) => Rest::EmergencyFirst.into(),
        _ => Rest::NobodyLeft.into(),
    }
}

/// A disk that is above its threshold for long enough, and for which nothing is done.
fn disk_ruling(case: &Case<'_>, resource: &Resource, root: &Path, used: f64) -> Ruling {
    if acts(case, |rule| matches!(rule, Rule::DiskEmergency { .. })) {
        return Rest::EmergencyFirst.into();
    }
    if used <= case.policy.disk.stored_remove_above {
        // Only a threshold of this run is exceeded: it would have stopped a node.
        return Rest::NobodyLeft.into();
    }
    let device = case.snapshot.machine.file_systems.get(root).map(|system| system.device);
    match device {
        _ if is_foreign(case, resource) => Rest::NotOurs.into(),
        Some(device) if is_relieved(case, device) => Rest::BeingRelieved.into(),
        _ if case.is_budget_spent() => budget(case),
        _ => Rest::BeingRelieved.into(),
    }
}

fn removals(case: &Case<'_>) -> Judgement {
    let budgets = Budgets::of(case);
    let spent = budgets.removals_left_this_hour == 0 || budgets.disk_removals_left_today == 0;
    let ruling = match spent || case.is_budget_spent() {
        true => budget(case),
        false => Rest::BudgetLeft.into(),
    };
    let count = |what: &str, count: u32| Input::new(what, Quantity::Count(count));
    let of = |what: &str, most: u32, setting| {
        Threshold::new(what, Some(Quantity::Count(most)), Some(setting))
    };
    case.rule(Rule::Removals)
        .input(count("left this hour", budgets.removals_left_this_hour))
        .input(count("left today for disk", budgets.disk_removals_left_today))
        .threshold(of("at most an hour", budgets.removals_per_hour, Setting::MaxDestructivePerHour))
        .threshold(of(
            "a day for disk",
            budgets.disk_removals_per_day,
            Setting::MaxDiskRemovalsPerDay,
        ))
        .ruled(case, ruling)
}

fn budget(case: &Case<'_>) -> Ruling {
    let (left_s, budgets) = (next_removal(case), Budgets::of(case));
    match left_s.is_none() && budgets.removals_per_hour.min(budgets.disk_removals_per_day) == 0 {
        true => Rest::Forbidden.into(),
        false => Ruling::Waits { until: Wait::Budget, left_s },
    }
}

fn is_foreign(case: &Case<'_>, resource: &Resource) -> bool {
    let foreign =
        |note: &Note| matches!(note, Note::DiskNotOurs { resource: it } if it == resource);
    case.plan.report.notes.iter().any(foreign)
}

fn acts(case: &Case<'_>, wanted: impl Fn(&Rule) -> bool) -> bool {
    case.plan.actions.iter().any(|planned| wanted(&Rule::that_decided(planned)))
}

/// True when a node on that device is on its way out, or goes by this plan.
fn is_relieved(case: &Case<'_>, device: u64) -> bool {
    let on_device = |node: &&NodeView| {
        let system = case.snapshot.machine.file_systems.get(&node.record.spec.storage);
        system.is_some_and(|system| system.device == device)
    };
    let goes = |node: &NodeView| {
        case.plan.actions.iter().any(|planned| {
            planned.action.node() == node.id()
                && matches!(planned.action, Action::Remove { .. } | Action::Retire { .. })
        })
    };
    let leaves = |node: &NodeView| matches!(node.seen.state, NodeState::Removing) || goes(node);
    case.snapshot.nodes.iter().filter(on_device).any(leaves)
}
