//! A second opinion on a plan: independent of how it was made, and deliberately dumb. Any violation
//! means a bug, and nothing is done.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Plan, Pressure, Verdict};
use crate::action::{Action, PlannedAction, Reason, Resource};
use crate::model::{NodeId, NodeSpec, Phase, PortRule, Request, Verb, Want};
use crate::observe::{NodeState, NodeView, Snapshot};
use crate::policy::Policy;

/// A rule that a plan breaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "violation")]
pub enum Violation {
    /// Two actions on one node.
    TwoActions {
        /// Which.
        node: NodeId,
    },
    /// An action on a node that is not recorded, or no longer the one that was meant.
    NotTheNode {
        /// Which.
        node: NodeId,
    },
    /// An action on a node that could not be observed.
    Unobserved {
        /// Which.
        node: NodeId,
    },
    /// An action on a node that is to be left alone.
    Disabled {
        /// Which.
        node: NodeId,
    },
    /// A new node with a name, port or place that something else has.
    Taken {
        /// Which.
        node: NodeId,
        /// What.
        what: String,
    },
    /// More nodes than the cap.
    OverCap {
        /// How many there would be.
        nodes: u32,
        /// How many may be.
        cap: u32,
    },
    /// A removal or a release without one of the reasons that may be given for it.
    Unjustified {
        /// Which.
        node: NodeId,
    },
    /// More removals in an hour, or for disks in a day, than allowed.
    TooDestructive {
        /// How many.
        removals: u32,
        /// How many may be.
        limit: u32,
    },
    /// More nodes started at once than may be.
    TooManyStarts {
        /// How many, with those that are starting.
        starts: u32,
        /// How many may be.
        limit: u32,
    },
    /// More nodes started than there is room for, by what a node costs.
    BeyondRoom {
        /// How many.
        starts: u32,
        /// Where there is too little room.
        resource: Resource,
        /// What is used of it now.
        used: f64,
        /// What a node takes of it.
        each: f64,
        /// What may be used.
        limit: f64,
    },
    /// An opening of a recorded node closed as if nobody had it.
    ClosesInUse {
        /// Which.
        rule: PortRule,
    },
    /// A change of a program that nothing justifies.
    BadUpgrade {
        /// Which node.
        node: NodeId,
        /// What is wrong with it.
        what: String,
    },
    /// A new node although a shed threshold is exceeded.
    GrowsUnderPressure {
        /// Which.
        node: NodeId,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::TwoActions { node } => write!(f, "two actions on {node}"),
            Violation::NotTheNode { node } => write!(f, "{node} is not the node that was meant"),
            Violation::Unobserved { node } => write!(f, "{node} could not be observed"),
            Violation::Disabled { node } => write!(f, "{node} is disabled"),
            Violation::ClosesInUse { rule } => write!(f, "{rule} belongs to a node"),
            Violation::Taken { node, what } => write!(f, "{node}: {what} is taken"),
            Violation::OverCap { nodes, cap } => write!(f, "{nodes} nodes, {cap} allowed"),
            Violation::Unjustified { node } => write!(f, "no reason to let go of {node}"),
            Violation::TooDestructive { removals, limit } => {
                write!(f, "{removals} removals of late, {limit} allowed")
            }
            Violation::TooManyStarts { starts, limit } => {
                write!(f, "{starts} nodes starting at once, {limit} allowed")
            }
            Violation::BeyondRoom { starts, resource, used, each, limit } => {
                let show = |value: &f64| resource.show(*value);
                write!(
                    f,
                    "{starts} nodes started, and there is no room for so many: {resource} is {}, a \
                     node takes {}, {} may be used",
                    show(used),
                    show(each),
                    show(limit)
                )
            }
            Violation::BadUpgrade { node, what } => write!(f, "{node}: {what}"),
            Violation::GrowsUnderPressure { node } => {
                write!(f, "{node} would be added under pressure")
            }
        }
    }
}

/// Everything wrong with `plan`; empty for a sound one.
pub fn check(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Violation> {
    let mut violations = one_action_each(plan);
    for planned in &plan.actions {
        match snapshot.node(planned.action.node()) {
            Some(node) => violations.extend(on_recorded(planned, node, snapshot)),
            None => violations.extend(on_new(planned, snapshot)),
        }
    }
    violations.extend(taken_twice(plan, snapshot));
    violations.extend(closes_in_use(plan, snapshot));
    violations.extend(under_pressure(plan, snapshot, policy));
    violations.extend(over_cap(plan, snapshot, policy));
    violations.extend(too_destructive(plan, snapshot, policy));
    violations.extend(super::check_starts::too_many(plan, snapshot, policy));
    violations.extend(super::check_upgrades::unsound(plan, snapshot, policy));
    violations
}

fn closes_in_use(plan: &Plan, snapshot: &Snapshot) -> Vec<Violation> {
    let had = super::around::had(snapshot, plan.actions.iter());
    let in_use = plan.close.iter().filter(|rule| had.contains(rule));
    in_use.map(|rule| Violation::ClosesInUse { rule: *rule }).collect()
}

fn one_action_each(plan: &Plan) -> Vec<Violation> {
    let mut seen = BTreeSet::new();
    plan.actions
        .iter()
        .map(|planned| planned.action.node())
        .filter(|node| !seen.insert(*node))
        .map(|node| Violation::TwoActions { node })
        .collect()
}

fn on_recorded(planned: &PlannedAction, node: &NodeView, snapshot: &Snapshot) -> Vec<Violation> {
    let id = node.id();
    let mut violations = Vec::new();
    let is_addition =
        matches!(&planned.action, Action::Add { spec, .. } if **spec == node.record.spec);
    if !is_addition && planned.action.key() != Some(node.record.key()) {
        violations.push(Violation::NotTheNode { node: id });
    }
    let is_word = matches!(
        planned.action,
        Action::Disable { .. } | Action::Enable { .. } | Action::Recognise { .. }
    );
    if matches!(node.seen.state, NodeState::Unknown { .. }) && !is_word {
        violations.push(Violation::Unobserved { node: id });
    }
    let may_touch = is_word || is_torn_down(planned, node, snapshot);
    if node.record.want == Want::Disabled && !may_touch {
        violations.push(Violation::Disabled { node: id });
    }
    let lets_go = matches!(planned.action, Action::Release { .. } | Action::Move { .. });
    let is_asked = matches!(planned.reason, Reason::Request { .. } | Reason::Unfinished { .. });
    if (removes(&planned.action) && !may_remove(planned, node)) || (lets_go && !is_asked) {
        violations.push(Violation::Unjustified { node: id });
    }
    violations
}

/// Only a teardown that names it takes a disabled node; what that has begun is no longer left alone.
fn is_torn_down(planned: &PlannedAction, node: &NodeView, snapshot: &Snapshot) -> bool {
    let names_it = |request: &Request| match &request.verb {
        Verb::Teardown { nodes } => nodes.contains(&node.record.key()),
        _ => false,
    };
    let asked = match planned.reason {
        Reason::Request { id } => {
            snapshot.requests.iter().any(|request| request.id == id && names_it(request))
        }
        _ => false,
    };
    let has_begun = matches!(node.record.phase, Phase::Removing { .. });
    has_begun || (asked && matches!(planned.action, Action::Remove { .. }))
}

fn removes(action: &Action) -> bool {
    matches!(action, Action::Remove { .. } | Action::Retire { .. })
}

fn may_remove(planned: &PlannedAction, node: &NodeView) -> bool {
    let observed = node.data_present.is_some() && node.seen.alive.is_some();
    let reason = match &planned.reason {
        Reason::Unfinished { .. } | Reason::DelayOver { .. } | Reason::DelayCut { .. } => {
            matches!(node.seen.state, NodeState::Removing)
        }
        Reason::Request { .. } => true,
        // A process that lives has its key, wherever its directory is.
        Reason::DataGone => node.seen.state == NodeState::Dead && node.seen.alive == Some(false),
        Reason::NeverMade => node.seen.state == NodeState::Dead,
        Reason::OverCap { nodes, cap } => nodes > cap,
        Reason::Pressure { resource, .. } | Reason::Emergency { resource, .. } => {
            resource.is_disk()
        }
        Reason::Down { .. }
        | Reason::DefinitionLost
        | Reason::PortsShut { .. }
        | Reason::Drifted { .. }
        | Reason::Outdated { .. }
        | Reason::UpgradeFailed { .. }
        | Reason::UpgradeHeld { .. }
        | Reason::ProgramChanged { .. }
        | Reason::IdentityChanged { .. }
        | Reason::KeyAtRisk
        | Reason::RunsElsewhere
        | Reason::Mute
        | Reason::Room { .. }
        | Reason::RoomAgain => false,
    };
    observed && reason
}

fn on_new(planned: &PlannedAction, snapshot: &Snapshot) -> Vec<Violation> {
    let node = planned.action.node();
    let Action::Add { spec, .. } = &planned.action else {
        return vec![Violation::NotTheNode { node }];
    };
    let mut violations = Vec::new();
    let mut taken = |what: String| violations.push(Violation::Taken { node, what });
    match (&snapshot.occupied, &snapshot.ports) {
        (Ok(occupied), Ok(ports)) => {
            if occupied.contains(&node) {
                taken("its name".to_owned());
            }
            for port in spec.ports.all().filter(|port| ports.contains(port)) {
                taken(format!("port {port}"));
            }
        }
        _ => taken("what is free is not known, so anything could be what".to_owned()),
    }
    if spec.data.parent() != Some(spec.storage.as_path()) {
        taken("a directory outside of its storage root".to_owned());
    }
    violations
}

/// The engine adds nothing while any resource demands relief.
fn under_pressure(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Violation> {
    let pressure = Pressure::judge(snapshot, policy);
    let everywhere = pressure.shedding().any(|verdict| !verdict.resource.is_disk());
    let grows = |planned: &&PlannedAction| {
        let root = match &planned.action {
            Action::Add { spec, .. } => &spec.storage,
            Action::Start { node, .. } => match snapshot.node(node.id) {
                Some(node) => &node.record.spec.storage,
                None => return false,
            },
            _ => return false,
        };
        let full = |it: &Verdict| it.resource.storage().is_some_and(|path| path == root);
        let relief = everywhere || pressure.shedding().any(full);
        relief && matches!(planned.reason, Reason::Room { .. } | Reason::RoomAgain)
    };
    plan.actions
        .iter()
        .filter(grows)
        .map(|planned| Violation::GrowsUnderPressure { node: planned.action.node() })
        .collect()
}

/// Ports and directories of records and additions, each once.
fn taken_twice(plan: &Plan, snapshot: &Snapshot) -> Vec<Violation> {
    // Only an addition can take anything, and most plans have none.
    if !plan.actions.iter().any(|planned| matches!(planned.action, Action::Add { .. })) {
        return Vec::new();
    }
    let recorded = snapshot.nodes.iter().map(|node| &node.record.spec);
    let added = plan.actions.iter().filter_map(|planned| match &planned.action {
        Action::Add { spec, .. } if snapshot.node(spec.id).is_none() => Some(spec.as_ref()),
        _ => None,
    });
    let mut owners: BTreeMap<String, NodeId> = BTreeMap::new();
    let mut violations = Vec::new();
    let is_new = |spec: &NodeSpec| snapshot.node(spec.id).is_none();
    for spec in recorded.chain(added) {
        let things = spec
            .ports
            .all()
            .map(|port| format!("port {port}"))
            .chain([spec.data.display().to_string()]);
        for what in things {
            let other = owners.insert(what.clone(), spec.id);
            if other.is_some() && is_new(spec) {
                violations.push(Violation::Taken { node: spec.id, what });
            }
        }
    }
    violations
}

/// The engine joins no node to a full count. What operators asked for and what was begun before may
/// have filled it in the same cycle; the next one sheds the surplus.
fn over_cap(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Option<Violation> {
    let joins = |planned: &&PlannedAction| {
        let by_engine =
            !matches!(planned.reason, Reason::Request { .. } | Reason::Unfinished { .. });
        let enters = match (snapshot.node(planned.action.node()), &planned.action) {
            (None, action) => matches!(action, Action::Add { .. }),
            (Some(node), Action::Reprieve { .. }) => !node.record.counts(),
            (Some(node), action) => action.starts() && !node.record.counts(),
        };
        by_engine && enters
    };
    let joining = plan.actions.iter().filter(joins).count() as u32;
    let nodes = snapshot.counting().count() as u32 + joining;
    let cap = policy.cap.limit;
    (joining > 0 && nodes > cap).then_some(Violation::OverCap { nodes, cap })
}

fn too_destructive(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Violation> {
    let (memory, now) = (&snapshot.memory, &snapshot.now.instant);
    let planned = |disk_only: bool| {
        let removes = plan.actions.iter().filter_map(PlannedAction::removes_by_engine);
        removes.filter(|disk| *disk || !disk_only).count()
    };
    let share = |count: u32, percent: usize| match count {
        0 => 0,
        count => count.max((snapshot.nodes.len() * percent / 100) as u32),
    };
    let stability = &policy.stability;
    let budgets = [
        (planned(false), memory.removals_last_hour(now), share(stability.destructive_per_hour, 5)),
        (
            planned(true),
            memory.disk_removals_last_day(now),
            share(stability.disk_removals_per_day, 10),
        ),
    ];
    let spent = budgets
        .into_iter()
        .filter(|(here, past, limit)| *here > 0 && (here + past) as u32 > *limit);
    spent
        .map(|(here, past, limit)| Violation::TooDestructive {
            removals: (here + past) as u32,
            limit,
        })
        .collect()
}
