//! Starting again, writing again, restarting, and giving nodes another version.

use super::judgement::{Case, Judgement};
use super::quantity::{Input, Quantity, Threshold};
use super::rule::Rule;
use super::ruling::{Rest, Ruling, Wait};
use crate::model::{UpgradeMode, Want};
use crate::observe::{NodeState, NodeView};
use crate::plan::{Note, heal_limit, is_down, to_mend};
use crate::policy::Setting;

pub(super) fn rules(case: &Case<'_>) -> Vec<Judgement> {
    let mut rules = vec![heal(case), mend(case), mute(case)];
    rules.extend(upgrade(case));
    rules
}

fn heal(case: &Case<'_>) -> Judgement {
    let nodes = &case.snapshot.nodes;
    let down = nodes.iter().filter(|node| is_down(node)).count();
    let starting = nodes.iter().filter(|node| node.seen.state == NodeState::Starting).count();
    let mut rule = case.rule(Rule::Heal).input(Input::count("down", down));
    if down > 0 {
        let limit = Quantity::Count(heal_limit(case.snapshot, case.policy));
        let limit = Threshold::new("at most", Some(limit), Setting::MaxConcurrentStarts);
        rule = rule.input(Input::count("starting", starting)).threshold(limit);
    }
    let ruling = match down {
        0 => Rest::AllUp.into(),
        _ => held_back(&rule.notes),
    };
    rule.ruled(case, ruling)
}

/// Why nothing that is down is started.
fn held_back(notes: &[Note]) -> Ruling {
    let back_off = notes.iter().filter_map(|note| match note {
        Note::BackingOff { left_s, .. } => Some(*left_s),
        _ => None,
    });
    if let Some(left) = back_off.min() {
        return Ruling::Waits { until: Wait::BackOff, left_s: Some(left) };
    }
    let held = notes.iter().find_map(|note| match note {
        Note::HealHeld { resource, .. } => Some(Wait::Relief { resource: resource.clone() }),
        Note::HealInFlight { .. } => Some(Wait::Motion),
        _ => None,
    });
    held.map_or(Rest::InOtherHands.into(), Ruling::waits)
}

fn mend(case: &Case<'_>) -> Judgement {
    let lacking = |node: &&NodeView| to_mend(case.snapshot, node).is_some();
    let lost = case.snapshot.nodes.iter().filter(lacking).count();
    let ruling = if lost == 0 { Rest::NothingLost } else { Rest::InOtherHands };
    case.rule(Rule::Mend).input(Input::count("lost", lost)).ruled(case, ruling)
}

fn mute(case: &Case<'_>) -> Judgement {
    let mute = case.snapshot.nodes.iter().filter(|node| {
        matches!(node.seen.state, NodeState::Mute { .. }) && node.record.want == Want::Run
    });
    let mute = mute.count();
    let ruling = match (mute, case.policy.restart_mute) {
        (0, _) => Rest::NoneMute.into(),
        (_, false) => Rest::SwitchedOff.into(),
        (_, true) => Ruling::waits(Wait::Motion),
    };
    let switch = if case.policy.restart_mute { "restarts them" } else { "restarts none" };
    case.rule(Rule::Mute)
        .input(Input::count("mute", mute))
        .threshold(Threshold::new(switch, None, Setting::RestartMute))
        .ruled(case, ruling)
}

/// Told where there is something to tell: most machines leave upgrades to the programs.
fn upgrade(case: &Case<'_>) -> Option<Judgement> {
    let mut rule = case.rule(Rule::Upgrade);
    let unproven = case.snapshot.nodes.iter().filter(|node| node.record.upgrade.is_some()).count();
    let rollout = case.plan.report.rollout.as_ref();
    let managed = case.policy.upgrades.mode.of(case.policy.nodes.program) == UpgradeMode::Managed;
    let has_news = !rule.actions.is_empty() || !rule.notes.is_empty();
    if !managed && unproven == 0 && !has_news {
        return None;
    }
    let mode = format!("upgrade_mode {}", case.policy.upgrades.mode);
    rule = rule.threshold(Threshold::new(mode, None, Setting::UpgradeMode));
    if let Some(rollout) = rollout {
        rule = rule
            .input(Input::count("outdated", rollout.outdated as usize))
            .input(Input::count("not proven yet", rollout.unproven.len()));
    }
    let waits: Vec<String> =
        rollout.iter().flat_map(|rollout| &rollout.waits).map(ToString::to_string).collect();
    let ruling = match (waits.is_empty(), unproven) {
        (false, _) => Ruling::waits(Wait::Need { why: waits.join("; ") }),
        (true, 0) => Rest::UpToDate.into(),
        (true, _) => Ruling::waits(Wait::Observed),
    };
    Some(rule.ruled(case, ruling))
}
