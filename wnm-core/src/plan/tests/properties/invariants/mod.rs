//! What must hold of every plan, whatever it was made from. Each is a function of its own that
//! works out again, in its own dumb way, what the plan may contain; none asks the engine.

mod asking;
mod growing;
mod removing;
mod starting;
mod stopping;
mod touching;
mod upgrading;

use super::super::*;
use crate::action::{Action, PlannedAction, Reason, Stopped};

/// A snapshot and a policy, and what was made of them.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) policy: &'a Policy,
    pub(super) plan: &'a Plan,
}

/// What is wrong, or nothing.
type Held = Result<(), String>;

/// A promise: its name, and how it is looked after.
pub(super) type Invariant = (&'static str, fn(&Look<'_>) -> Held);

macro_rules! invariants {
    ($($module:ident: $($name:ident)*;)*) => {
        /// All of them, by name.
        pub(super) const ALL: &[Invariant] = &[$($((stringify!($name), $module::$name),)*)*];
    };
}

invariants! {
    touching:
        a_node_has_one_action_a_cycle
        an_action_means_the_very_node
        nothing_is_done_with_an_unknown_node
        a_disabled_node_is_left_alone
        the_second_opinion_agrees
        steps_are_in_their_safe_order
        a_unit_is_mended_only_where_it_is_lost
        what_a_manager_evicted_is_told_and_left
        the_memory_is_of_this_look
        a_reboot_is_noted;
    removing:
        nothing_is_removed_without_its_justification
        nothing_unobserved_is_removed
        data_is_never_deleted_for_cpu_memory_or_load
        the_hourly_budget_holds
        the_daily_disk_budget_holds
        the_surplus_over_the_cap_is_all_that_goes
        the_dead_go_few_at_a_time_and_never_most_of_them
        a_disk_takes_only_nodes_that_lie_on_it
        a_disk_that_others_fill_takes_nothing
        a_disk_takes_one_node_at_a_time
        stopped_nodes_go_before_running_ones
        a_retired_node_waits_for_its_delay;
    stopping:
        pressure_stops_after_its_grace_and_above_its_threshold
        rounds_are_no_larger_than_allowed
        an_emergency_of_memory_stops_one
        pressure_stops_only_what_runs_and_should
        a_cap_for_one_run_stops_the_surplus_only;
    starting:
        only_nodes_that_are_seen_to_be_down_are_healed
        healing_waits_for_the_back_off
        healing_waits_for_shed_thresholds
        starts_keep_to_their_limits
        mute_nodes_are_restarted_only_on_demand
        what_operators_stopped_stays_stopped
        only_a_surplus_that_fits_is_taken_back;
    growing:
        nothing_grows_without_room
        nothing_grows_before_its_time
        growth_is_one_at_a_time_while_costs_are_unknown
        nothing_grows_while_something_is_shed
        the_engine_keeps_to_the_cap
        nothing_is_taken_twice
        the_smallest_free_id_is_taken
        a_manager_that_numbers_gives_its_next_number
        ports_follow_from_the_id
        a_new_node_lies_in_a_usable_root
        a_new_node_fits_on_its_disk
        the_wallet_with_the_largest_deficit_earns
        the_oldest_resting_node_comes_back_first
        what_growth_waits_for_is_said;
    asking:
        every_request_is_looked_at_once
        an_action_for_a_request_is_what_was_asked
        an_expired_request_does_nothing
        additions_are_all_or_nothing
        what_is_refused_is_not_done
        what_was_begun_for_a_request_is_not_begun_again;
    upgrading:
        no_older_version_comes_unasked
        what_failed_is_given_to_nobody
        the_oldest_node_is_upgraded_first
        few_are_upgraded_at_once
        what_is_put_back_is_what_was_there;
}

/// A resource, what was measured, and its grow and shed thresholds.
type Judged = (Resource, Option<f64>, Option<f64>, Option<f64>);

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(why()) }
}

impl<'a> Look<'a> {
    fn now(&self) -> &'a Instant {
        &self.snapshot.now.instant
    }

    fn age(&self, then: &Instant) -> Duration {
        then.age(self.now())
    }

    fn actions(&self) -> impl Iterator<Item = &'a PlannedAction> {
        self.plan.actions.iter()
    }

    /// What the engine decided by itself and anew.
    fn engines(&self) -> impl Iterator<Item = &'a PlannedAction> {
        self.actions()
            .filter(|it| !matches!(it.reason, Reason::Request { .. } | Reason::Unfinished { .. }))
    }

    fn node(&self, planned: &PlannedAction) -> Option<&'a NodeView> {
        self.snapshot.nodes.iter().find(|node| node.id() == planned.action.node())
    }

    /// Actions with the recorded nodes they are about.
    fn on_nodes(&self) -> impl Iterator<Item = (&'a PlannedAction, &'a NodeView)> {
        self.actions().filter_map(|it| Some((it, self.node(it)?)))
    }

    fn counting(&self) -> u32 {
        self.snapshot.nodes.iter().filter(|node| node.record.counts()).count() as u32
    }

    /// New nodes, in the order they are made.
    fn new_nodes(&self) -> impl Iterator<Item = (&'a crate::model::NodeSpec, &'a Reason)> {
        self.actions().filter_map(|it| match &it.action {
            Action::Add { spec, .. } if self.node(it).is_none() => Some((&**spec, &it.reason)),
            _ => None,
        })
    }

    /// Starts and additions because there is room.
    fn growth(&self) -> Vec<&'a PlannedAction> {
        let grows = |it: &&PlannedAction| {
            matches!(it.reason, Reason::Room { .. } | Reason::RoomAgain) && it.action.starts()
        };
        self.actions().filter(grows).collect()
    }

    /// Removals that the engine decided anew.
    fn removals(&self) -> impl Iterator<Item = &'a PlannedAction> {
        self.engines().filter(|it| {
            let removes = matches!(it.action, Action::Retire { .. } | Action::Remove { .. });
            let is_old = matches!(it.reason, Reason::DelayOver { .. } | Reason::DelayCut { .. });
            removes && !is_old
        })
    }

    fn pressure_stops(&self) -> impl Iterator<Item = &'a PlannedAction> {
        self.engines()
            .filter(|it| matches!(it.action, Action::Stop { stopped: Stopped::ByPressure, .. }))
    }

    fn device(&self, node: &NodeView) -> Option<u64> {
        let systems = &self.snapshot.machine.file_systems;
        systems.get(&node.record.spec.storage).map(|system| system.device)
    }

    /// Every resource that is judged.
    fn judged(&self) -> Vec<Judged> {
        let (machine, policy) = (&self.snapshot.machine, self.policy);
        let of = |band: crate::policy::Band| (Some(band.add_below()), Some(band.remove_above()));
        let used = machine.memory.map(|it| {
            (it.total.0 - it.available.0.min(it.total.0)) as f64 * 100.0 / it.total.0 as f64
        });
        let mut judged = Vec::new();
        let mut judge = |resource, measured, (grow, shed)| {
            judged.push((resource, measured, grow, shed));
        };
        judge(Resource::Cpu, machine.cpu.map(|it| it.0), of(policy.cpu));
        judge(Resource::Memory, used, of(policy.memory));
        for (resource, thresholds) in &policy.optional {
            let measured = match resource {
                Resource::DiskRead => machine.disk.map(|rate| rate.read),
                Resource::DiskWrite => machine.disk.map(|rate| rate.written),
                Resource::NetRead => machine.network.map(|rate| rate.read),
                Resource::NetWrite => machine.network.map(|rate| rate.written),
                Resource::StallCpu => machine.stall.and_then(|stall| stall.cpu),
                Resource::StallMemory => machine.stall.and_then(|stall| stall.memory),
                Resource::StallIo => machine.stall.and_then(|stall| stall.io),
                _ => None,
            };
            judge(resource.clone(), measured, (thresholds.add_below, thresholds.remove_above));
        }
        for root in self.snapshot.storage.keys() {
            let system = machine.file_systems.get(root);
            let space = system.map(|it| it.used.0);
            judge(Resource::Disk(root.clone()), space, of(policy.disk.band));
            if let Some(inodes) = system.and_then(|it| it.inodes_used) {
                judge(Resource::Inodes(root.clone()), Some(inodes.0), of(policy.disk.band));
            }
        }
        judged
    }

    /// Resources above their shed thresholds.
    fn over(&self) -> BTreeSet<Resource> {
        let above = |used: Option<f64>, limit: Option<f64>| {
            used.zip(limit).is_some_and(|(used, limit)| used > limit)
        };
        let mut over: BTreeSet<Resource> = self
            .judged()
            .into_iter()
            .filter(|(_, used, _, shed)| above(*used, *shed))
            .map(|(resource, ..)| resource)
            .collect();
        let limit = self.policy.load.remove_above();
        if self.snapshot.machine.load.is_some_and(|it| it.one > limit && it.five > limit) {
            over.insert(Resource::Load);
        }
        over
    }

    /// Resources that are not known to be below their grow thresholds.
    fn without_room(&self) -> BTreeSet<Resource> {
        let has_room = |used: Option<f64>, grow: Option<f64>| match (used, grow) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(used), Some(limit)) => used < limit,
        };
        let mut without: BTreeSet<Resource> = self
            .judged()
            .into_iter()
            .filter(|(_, used, grow, _)| !has_room(*used, *grow))
            .map(|(resource, ..)| resource)
            .collect();
        let limit = self.policy.load.add_below();
        let calm = |it: LoadAverage| it.one < limit && it.five < limit && it.fifteen < limit;
        if !self.snapshot.machine.load.is_some_and(calm) {
            without.insert(Resource::Load);
        }
        without.extend(self.over());
        without
    }

    /// True when nothing is known of the time before this look.
    fn begins_anew(&self) -> bool {
        let memory = &self.snapshot.memory;
        let rebooted = memory.boot.as_ref().is_some_and(|boot| *boot != self.now().boot);
        let gap = memory.last_look.as_ref().map_or(Duration::ZERO, |last| self.age(last));
        rebooted || gap > Duration::from_secs(150)
    }

    /// For how long a resource has been above its shed threshold since the last round.
    fn held(&self, resource: &Resource) -> Duration {
        if self.begins_anew() {
            return Duration::ZERO;
        }
        let memory = &self.snapshot.memory;
        let Some(since) = memory.over.get(resource) else { return Duration::ZERO };
        let round = memory.rounds.get(resource).map(|round| self.age(&round.at));
        round.map_or(self.age(since), |round| round.min(self.age(since)))
    }

    fn disk_limit(&self) -> f64 {
        self.policy.disk.stored_remove_above.max(self.policy.disk.band.remove_above())
    }

    fn crisis(&self) -> Bytes {
        self.policy.crisis_bytes.min(self.policy.stored_crisis_bytes)
    }
}
