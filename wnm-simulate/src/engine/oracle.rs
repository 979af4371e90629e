//! A third opinion, which knows the modelled machine as it is: what the engine promises, judged after
//! every cycle by other means than the engine's own.

use std::collections::{BTreeMap, BTreeSet};

use wnm_core::action::{Action, Done, PlannedAction, Reason, Resource};
use wnm_core::model::{RecordId, Removal, Want};
use wnm_core::observe::{NodeState, NodeView, Snapshot};
use wnm_core::plan::{Blocked, Plan, VerdictKind};
use wnm_core::policy::Policy;

use crate::breach::Breach;
use crate::world::World;

/// So long relief and growth may take at most once nothing but time is waited for.
const PATIENCE: u32 = 60;
/// A longer gap between cycles begins everything anew, in the engine as well.
const LONGEST_GAP: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct Oracle {
    last: u32,
    /// Removals by the engine's decision: when, and whether for a disk.
    removals: Vec<(u32, bool)>,
    /// Nodes whose removal was demanded when it was decided.
    demanded: BTreeSet<RecordId>,
    over: BTreeMap<Resource, u32>,
    idle: u32,
}

impl Oracle {
    pub(super) fn judge(
        &mut self,
        world: &World<'_>,
        policy: &Policy,
        seen: &Snapshot,
        plan: &Plan,
        done: &[Done],
    ) -> Vec<Breach> {
        let mut found = Vec::new();
        for done in done {
            found.extend(touched(done, seen));
            found.extend(self.removed(done, world, policy, seen));
        }
        if done.iter().any(|done| matches!(done.planned.action, Action::Add { .. })) {
            found.extend(over_cap(policy, seen, done));
            found.extend(twice(seen, done));
        }
        if world.minute > self.last + LONGEST_GAP {
            self.over.clear();
            self.idle = 0;
        }
        self.last = world.minute;
        found.extend(self.not_relieved(seen, plan));
        found.extend(self.not_used(policy, seen, plan));
        found
    }

    fn removed(
        &mut self,
        done: &Done,
        world: &World<'_>,
        policy: &Policy,
        seen: &Snapshot,
    ) -> Vec<Breach> {
        let planned = &done.planned;
        let (Action::Remove { cause, .. } | Action::Retire { cause, .. }) = &planned.action else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let demanded = match planned.removes_by_engine() {
            Some(disk) => {
                found.extend(self.over_budget(disk, world.minute, policy, seen.nodes.len()));
                demanded(*cause, planned, world, policy, seen)
            }
            // The second half of a removal, or what was dead before.
            None => {
                let data_was_gone = seen
                    .node(planned.action.node())
                    .is_some_and(|node| node.data_present == Some(false));
                self.demanded.contains(&done.node.record) || data_was_gone
            }
        };
        if demanded {
            self.demanded.insert(done.node.record);
        } else {
            let (node, because) = (done.node.to_string(), planned.reason.to_string());
            found.push(Breach::LostForNothing { node, because });
        }
        found
    }

    fn over_budget(
        &mut self,
        disk: bool,
        minute: u32,
        policy: &Policy,
        nodes: usize,
    ) -> Vec<Breach> {
        self.removals.retain(|(at, _)| at + 1440 > minute);
        self.removals.push((minute, disk));
        let in_an_hour = self.removals.iter().filter(|(at, _)| at + 60 > minute).count() as u32;
        let for_disk = self.removals.iter().filter(|(_, disk)| *disk).count() as u32;
        let share = |count: u32, percent: usize| match count {
            0 => 0,
            count => count.max((nodes * percent / 100) as u32),
        };
        let hour = share(policy.stability.destructive_per_hour, 5);
        let day = share(policy.stability.disk_removals_per_day, 10);
        let mut found = Vec::new();
        if in_an_hour > hour {
            found.push(Breach::TooManyInAnHour { removals: in_an_hour, limit: hour });
        }
        if disk && for_disk > day {
            found.push(Breach::TooManyInADay { removals: for_disk, limit: day });
        }
        found
    }

    fn not_relieved(&mut self, seen: &Snapshot, plan: &Plan) -> Vec<Breach> {
        let could_stop = seen.nodes.iter().any(could_be_stopped);
        let over: BTreeSet<&Resource> = plan
            .report
            .pressure
            .shedding()
            .map(|verdict| &verdict.resource)
            .filter(|resource| !resource.is_disk() && could_stop)
            .collect();
        self.over.retain(|resource, _| over.contains(resource));
        let mut found = Vec::new();
        for resource in over {
            let minutes = self.over.entry(resource.clone()).or_insert(0);
            *minutes += 1;
            if *minutes > PATIENCE {
                let resource = resource.to_string();
                found.push(Breach::NotRelieved { resource, minutes: *minutes });
                *minutes = 0;
            }
        }
        found
    }

    fn not_used(&mut self, policy: &Policy, seen: &Snapshot, plan: &Plan) -> Option<Breach> {
        let counting = seen.counting().count() as u32;
        let wanted = seen.counting().filter(|node| node.record.want == Want::Run).count() as u32;
        // While a surplus waits for the budget of removals, nothing grows.
        let is_over_cap = counting > policy.cap.limit;
        let has_room =
            plan.report.pressure.0.iter().all(|verdict| verdict.verdict == VerdictKind::Room);
        let starts = plan.actions.iter().any(|planned| planned.action.starts());
        let waits_for_time = |blocked: &Blocked| {
            matches!(
                blocked,
                Blocked::Window { .. }
                    | Blocked::Settling { .. }
                    | Blocked::Learning { .. }
                    | Blocked::Quiet { .. }
                    | Blocked::InFlight { .. }
                    | Blocked::Busied
            )
        };
        let only_time = plan.report.blocked.iter().all(waits_for_time);
        let may_grow = wanted < policy.cap.limit && !is_over_cap;
        let waits = may_grow && has_room && only_time && !starts;
        self.idle = if waits { self.idle + 1 } else { 0 };
        let breach = (self.idle > PATIENCE).then_some(Breach::NotUsed { minutes: self.idle });
        if breach.is_some() {
            self.idle = 0;
        }
        breach
    }
}

fn touched(done: &Done, seen: &Snapshot) -> Option<Breach> {
    let action = &done.planned.action;
    let view = seen.node(action.node())?;
    let node = action.node().to_string();
    if action.is_word_only() {
        return None;
    }
    if view.record.want == Want::Disabled {
        return Some(Breach::Disabled { node });
    }
    if matches!(view.seen.state, NodeState::Unknown { .. }) {
        return Some(Breach::Unobserved { node });
    }
    let starts = matches!(action, Action::Start { .. } | Action::Add { .. });
    (starts && view.seen.alive == Some(true)).then_some(Breach::StartedTwice { node })
}

/// Whether the machine as it is demands a removal for this cause.
fn demanded(
    cause: Removal,
    planned: &PlannedAction,
    world: &World<'_>,
    policy: &Policy,
    seen: &Snapshot,
) -> bool {
    let disk = || {
        let node = seen.node(planned.action.node())?;
        let disk = world.disk_at(&node.record.spec.storage)?;
        let size = world.machine.disk.get(disk)?.size_gb * 1e9;
        let free = world.free_bytes(disk);
        let used = (size - free) / size * 100.0;
        // The engine counts whole bytes.
        let slack = 1e-6;
        Some(
            used + slack > policy.disk.stored_remove_above
                || free < policy.stored_crisis_bytes.0 as f64 + 1.0,
        )
    };
    match (cause, &planned.reason) {
        (Removal::Disk, Reason::Pressure { .. } | Reason::Emergency { .. }) => {
            disk().unwrap_or(false)
        }
        (Removal::Cap, Reason::OverCap { .. }) => {
            seen.counting().count() as u32 > policy.cap.stored
        }
        _ => false,
    }
}

fn over_cap(policy: &Policy, seen: &Snapshot, done: &[Done]) -> Option<Breach> {
    let is_new = |done: &&Done| {
        let action = &done.planned.action;
        matches!(action, Action::Add { .. }) && seen.node(action.node()).is_none()
    };
    let nodes = (seen.counting().count() + done.iter().filter(is_new).count()) as u32;
    let cap = policy.cap.stored;
    (nodes > cap).then_some(Breach::OverCap { nodes, cap })
}

/// Ports and directories of all nodes, each once.
fn twice(seen: &Snapshot, done: &[Done]) -> Vec<Breach> {
    let added = done.iter().filter_map(|done| match &done.planned.action {
        Action::Add { spec, .. } if seen.node(spec.id).is_none() => Some(spec.as_ref()),
        _ => None,
    });
    let (mut ports, mut places) = (BTreeSet::new(), BTreeSet::new());
    let mut found = Vec::new();
    for spec in seen.nodes.iter().map(|node| &node.record.spec).chain(added) {
        for port in spec.ports.all().filter(|port| !ports.insert(*port)) {
            found.push(Breach::Twice { what: format!("port {port}") });
        }
        if !places.insert(&spec.data) {
            found.push(Breach::Twice { what: spec.data.display().to_string() });
        }
    }
    found
}

fn could_be_stopped(node: &NodeView) -> bool {
    node.record.want == Want::Run
        && node.record.counts()
        && node.seen.alive == Some(true)
        && !matches!(node.seen.state, NodeState::Unknown { .. } | NodeState::Dead)
}

#[cfg(test)]
mod tests {
    use wnm_core::action::{Outcome, Stopped};
    use wnm_core::model::NodeKey;
    use wnm_core::plan::{PlanScope, plan};

    use super::super::tests::Stage;
    use super::*;

    /// What the oracle says of these actions, all done at once on a machine with three nodes.
    fn judged(stage: &Stage<'_>, actions: Vec<(Action, Reason)>) -> Vec<Breach> {
        let done: Vec<Done> = actions
            .into_iter()
            .map(|(action, reason)| Done {
                node: action.key().unwrap_or(stage.key(0)),
                planned: PlannedAction { action, reason },
                outcome: Outcome::Done { changes: vec![] },
            })
            .collect();
        let plan = plan(&stage.seen, &stage.policy, PlanScope::Everything);
        Oracle::default().judge(&stage.world, &stage.policy, &stage.seen, &plan, &done)
    }

    fn for_disk() -> Reason {
        let resource = Resource::Disk("/srv/disk1".into());
        Reason::Pressure { resource, used: 99.0, limit: 90.0, for_s: 1 }
    }

    fn retire(node: NodeKey, cause: Removal) -> Action {
        Action::Retire { node, cause }
    }

    #[test]
    fn a_removal_needs_a_full_disk_or_a_full_count() {
        let machine = Stage::machine();
        let stage = Stage::new(&machine);
        let lost = |action: Action, reason| {
            let found = judged(&stage, vec![(action, reason)]);
            matches!(found.as_slice(), [Breach::LostForNothing { .. }])
        };
        let first = stage.key(0);
        assert!(lost(retire(first, Removal::Disk), for_disk()), "the disk is empty");
        let over = Reason::OverCap { nodes: 9, cap: 2 };
        assert!(lost(retire(first, Removal::Cap), over), "the cap is not exceeded");
        let late = Reason::DelayOver { waited_s: 300 };
        let remove = Action::Remove { node: first, cause: Removal::Disk };
        assert!(lost(remove, late), "nobody has retired it");
    }

    #[test]
    fn removals_are_counted() {
        let machine = Stage::machine();
        let mut stage = Stage::new(&machine);
        stage.fill_disk();
        let retire = || (retire(stage.key(0), Removal::Disk), for_disk());
        assert_eq!(judged(&stage, vec![retire(), retire()]), []);
        let found = judged(&stage, vec![retire(), retire(), retire(), retire(), retire()]);
        let hour = Breach::TooManyInAnHour { removals: 5, limit: 4 };
        assert!(found.contains(&hour), "{found:?}");
        assert!(found.contains(&Breach::TooManyInADay { removals: 3, limit: 2 }), "{found:?}");
    }

    #[test]
    fn nodes_that_are_not_to_be_touched() {
        let machine = Stage::machine();
        let mut stage = Stage::new(&machine);
        stage.seen.nodes[0].record.want = Want::Disabled;
        stage.seen.nodes[1].seen.state = NodeState::Unknown { why: "silence".to_owned() };
        let stop = |node| Action::Stop { node, stopped: Stopped::ByPressure };
        let start = |node| Action::Start { node, release: None };
        let found = judged(
            &stage,
            vec![
                (stop(stage.key(0)), Reason::Mute),
                (stop(stage.key(1)), Reason::Mute),
                (start(stage.key(2)), Reason::RoomAgain),
            ],
        );
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(text.join("\n"), @"
        antnode0001 is disabled and was touched
        antnode0002 could not be observed and was touched
        antnode0004 ran and was started again
        ");
    }

    #[test]
    fn additions_beyond_the_cap_and_twice() {
        let machine = Stage::machine();
        let mut stage = Stage::new(&machine);
        stage.policy.cap.stored = 2;
        let mut spec = stage.seen.nodes[0].record.spec.clone();
        spec.id = wnm_core::model::NodeId::new(77).expect("it is not zero");
        let release = stage.seen.release.clone().expect("there is one");
        let add = Action::Add { spec: Box::new(spec), release, key: None };
        let found = judged(&stage, vec![(add, Reason::Room { nodes: 3, cap: 9 })]);
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(text.join("\n"), @"
        4 nodes after a creation, 2 allowed
        two nodes have port 55001
        two nodes have /srv/disk1/antnode0001
        ");
    }
}
