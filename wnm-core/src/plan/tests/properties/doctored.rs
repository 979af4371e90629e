//! Every promise can be broken: a plan is doctored for each, and the invariant must notice. An
//! invariant that notices nothing proves nothing.

use super::invariants::{self, Look};
use super::*;
use crate::action::{Action, PlannedAction, Reason, Stopped};
use crate::model::{
    NodeSpec, OpId, Quarantined, RecordId, Release, Shown, Upgrade, UpgradeMode, UpgradeRole,
};
use crate::observe::PastRemoval;
use crate::plan::{Note, Refused};

/// A quiet machine of three running nodes with a policy, and the plan to be spoiled.
struct World {
    snapshot: Snapshot,
    policy: Policy,
    plan: Plan,
}

impl World {
    fn new() -> World {
        let policy = with(draft(), &[(Setting::NodeCap, "3")]);
        let snapshot = quiet(3);
        let plan = plan(&snapshot, &policy, PlanScope::Everything);
        World { snapshot, policy, plan }
    }

    fn does(&mut self, action: Action, reason: Reason) {
        self.plan.actions.push(PlannedAction { action, reason });
    }

    fn starts(&mut self, number: u32, reason: Reason) {
        self.does(Action::Start { node: key(number), release: None }, reason);
    }

    fn stops(&mut self, number: u32, reason: Reason) {
        let action = Action::Stop { node: key(number), stopped: Stopped::ByPressure };
        self.does(action, reason);
    }

    fn retires(&mut self, number: u32, cause: Removal, reason: Reason) {
        self.does(Action::Retire { node: key(number), cause }, reason);
    }

    fn removes(&mut self, number: u32, cause: Removal, reason: Reason) {
        self.does(Action::Remove { node: key(number), cause }, reason);
    }

    fn adds(&mut self, number: u32, reason: Reason) {
        self.adds_spec(crate::fakes::build::spec(number), reason);
    }

    fn adds_spec(&mut self, spec: NodeSpec, reason: Reason) {
        self.does(Action::Add { spec: Box::new(spec), release: release(), key: None }, reason);
    }

    fn is_asked(&mut self, verb: Verb) {
        self.snapshot.requests.push(request(1, verb));
        self.plan.report.requests.push(Refused { request: RequestId(1), why: Vec::new() });
    }

    fn is(&mut self, number: u32, state: NodeState, alive: Option<bool>) {
        set(&mut self.snapshot, number, state, alive);
    }

    fn uses_cpu(&mut self, percent: f64) {
        self.snapshot.machine.cpu = Some(Percent(percent));
    }

    fn fills_disk(&mut self, percent: u64) {
        self.snapshot.machine.file_systems.insert(STORAGE.into(), disk(percent));
        self.snapshot.memory.over.insert(full(), at(90_000));
    }
}

const ROOM: Reason = Reason::Room { nodes: 3, cap: 9 };
const DOWN: Reason = Reason::Down { deaths: 0 };
const ASKED: Reason = Reason::Request { id: RequestId(1) };
const OVER_CAP: Reason = Reason::OverCap { nodes: 4, cap: 3 };

fn full() -> Resource {
    Resource::Disk(STORAGE.into())
}

fn pressure(resource: Resource) -> Reason {
    Reason::Pressure { resource, used: 95.0, limit: 90.0, for_s: 90_000 }
}

fn emergency(resource: Resource) -> Reason {
    Reason::Emergency { resource, left: 1.0, limit: 2.0 }
}

/// What is done to a world, and which invariant must object.
type Doctored = (&'static str, fn(&mut World));

const TOUCHING: &[Doctored] = &[
    ("a_node_has_one_action_a_cycle", |it| {
        it.starts(1, DOWN);
        it.stops(1, DOWN);
    }),
    ("an_action_means_the_very_node", |it| {
        let node = NodeKey { record: RecordId(77), ..key(1) };
        it.does(Action::Start { node, release: None }, DOWN);
    }),
    ("an_action_means_the_very_node", |it| it.starts(9, DOWN)),
    ("an_action_means_the_very_node", |it| it.adds(1, ROOM)),
    ("nothing_is_done_with_an_unknown_node", |it| {
        it.is(1, NodeState::Unknown { why: "silence".into() }, None);
        it.starts(1, DOWN);
    }),
    ("a_disabled_node_is_left_alone", |it| {
        it.snapshot.nodes[0].record.want = Want::Disabled;
        it.is_asked(Verb::Remove { nodes: vec![key(1)] });
        it.removes(1, Removal::Operator, ASKED);
    }),
    ("the_second_opinion_agrees", |it| it.retires(1, Removal::Cap, DOWN)),
    ("steps_are_in_their_safe_order", |it| it.starts(9, DOWN)),
    ("a_unit_is_mended_only_where_it_is_lost", |it| {
        it.does(Action::Mend { node: key(1) }, Reason::DefinitionLost);
    }),
    ("what_a_manager_evicted_is_told_and_left", |it| it.snapshot.nodes[0].evicted = true),
    ("what_a_manager_evicted_is_told_and_left", |it| {
        it.snapshot.nodes[0].evicted = true;
        it.plan.report.notes.push(Note::Evicted { node: id(1) });
        it.starts(1, DOWN);
    }),
    ("the_memory_is_of_this_look", |it| {
        it.snapshot.memory.removals = vec![PastRemoval { at: at(5), disk: true }];
    }),
    ("the_memory_is_of_this_look", |it| it.plan.memory.last_look = Some(at(1))),
    ("the_memory_is_of_this_look", |it| it.uses_cpu(99.0)),
    ("a_reboot_is_noted", |it| it.plan.report.notes.push(Note::Rebooted)),
    ("a_reboot_is_noted", |it| it.snapshot.memory.boot = Some(BootId("old".into()))),
];

const REMOVING: &[Doctored] = &[
    ("nothing_is_removed_without_its_justification", |it| {
        it.retires(1, Removal::Cap, OVER_CAP);
    }),
    ("nothing_is_removed_without_its_justification", |it| {
        it.removes(1, Removal::Operator, ASKED);
    }),
    ("nothing_is_removed_without_its_justification", |it| {
        it.removes(1, Removal::Dead, Reason::DataGone);
    }),
    ("nothing_is_removed_without_its_justification", |it| {
        it.removes(1, Removal::Cap, Reason::Unfinished { op: OpId(1) });
    }),
    ("nothing_is_removed_without_its_justification", |it| {
        it.removes(1, Removal::Cap, Reason::DelayOver { waited_s: 900 });
    }),
    ("nothing_is_removed_without_its_justification", |it| {
        it.removes(1, Removal::Disk, emergency(full()));
    }),
    ("nothing_unobserved_is_removed", |it| {
        it.snapshot.nodes[0].data_present = None;
        it.retires(1, Removal::Cap, OVER_CAP);
    }),
    ("data_is_never_deleted_for_cpu_memory_or_load", |it| {
        it.retires(1, Removal::Disk, pressure(Resource::Cpu));
    }),
    ("data_is_never_deleted_for_cpu_memory_or_load", |it| {
        it.removes(1, Removal::Disk, emergency(Resource::Memory));
    }),
    ("the_hourly_budget_holds", |it| {
        it.snapshot.memory.removals = vec![PastRemoval { at: at(5), disk: false }; 4];
        it.retires(1, Removal::Cap, OVER_CAP);
    }),
    ("the_daily_disk_budget_holds", |it| {
        it.snapshot.memory.removals = vec![PastRemoval { at: at(80_000), disk: true }; 2];
        it.retires(1, Removal::Disk, pressure(full()));
    }),
    ("the_surplus_over_the_cap_is_all_that_goes", |it| {
        it.retires(1, Removal::Cap, OVER_CAP);
    }),
    ("the_dead_go_few_at_a_time_and_never_most_of_them", |it| {
        it.is(1, NodeState::Dead, Some(false));
        it.is(2, NodeState::Dead, Some(false));
        it.removes(1, Removal::Dead, Reason::DataGone);
    }),
    ("a_disk_takes_only_nodes_that_lie_on_it", |it| {
        it.fills_disk(95);
        it.snapshot.nodes[0].record.spec.storage = "/elsewhere".into();
        it.retires(1, Removal::Disk, pressure(full()));
    }),
    ("a_disk_that_others_fill_takes_nothing", |it| {
        it.fills_disk(95);
        it.retires(1, Removal::Disk, pressure(full()));
    }),
    ("a_disk_takes_one_node_at_a_time", |it| {
        it.fills_disk(95);
        it.retires(1, Removal::Disk, pressure(full()));
        it.retires(2, Removal::Disk, pressure(full()));
    }),
    ("stopped_nodes_go_before_running_ones", |it| {
        it.is(2, stopped(), Some(false));
        it.retires(1, Removal::Cap, OVER_CAP);
    }),
    ("a_retired_node_waits_for_its_delay", |it| {
        it.snapshot.nodes[0].record.phase = Phase::Removing { since: at(9), cause: Removal::Cap };
        it.removes(1, Removal::Cap, Reason::DelayOver { waited_s: 9 });
    }),
];

const STOPPING: &[Doctored] = &[
    ("pressure_stops_after_its_grace_and_above_its_threshold", |it| {
        it.stops(1, pressure(Resource::Cpu));
    }),
    ("pressure_stops_after_its_grace_and_above_its_threshold", |it| {
        it.uses_cpu(95.0);
        it.snapshot.memory.over.insert(Resource::Cpu, at(599));
        it.stops(1, pressure(Resource::Cpu));
    }),
    ("pressure_stops_after_its_grace_and_above_its_threshold", |it| {
        it.stops(1, emergency(Resource::Memory));
    }),
    ("rounds_are_no_larger_than_allowed", |it| {
        it.uses_cpu(95.0);
        it.stops(1, pressure(Resource::Cpu));
        it.stops(2, pressure(Resource::Cpu));
    }),
    ("an_emergency_of_memory_stops_one", |it| {
        it.stops(1, emergency(Resource::Memory));
        it.stops(2, emergency(Resource::Memory));
    }),
    ("pressure_stops_only_what_runs_and_should", |it| {
        it.is(1, stopped(), Some(false));
        it.stops(1, pressure(Resource::Cpu));
    }),
    ("a_cap_for_one_run_stops_the_surplus_only", |it| it.stops(1, OVER_CAP)),
];

const STARTING: &[Doctored] = &[
    ("only_nodes_that_are_seen_to_be_down_are_healed", |it| it.starts(1, DOWN)),
    ("only_nodes_that_are_seen_to_be_down_are_healed", |it| {
        it.is(1, stopped(), Some(false));
        it.snapshot.nodes[0].record.want = Want::StoppedByOperator;
        it.starts(1, DOWN);
    }),
    ("healing_waits_for_the_back_off", |it| {
        let memory = NodeMemory { deaths: vec![at(59); 2], ..NodeMemory::default() };
        it.plan.memory.nodes.insert(key(1).record, memory);
        it.starts(1, DOWN);
    }),
    ("healing_waits_for_shed_thresholds", |it| {
        it.uses_cpu(99.0);
        it.starts(1, DOWN);
    }),
    ("starts_keep_to_their_limits", |it| {
        for number in 1..=3 {
            it.starts(number, DOWN);
        }
    }),
    ("mute_nodes_are_restarted_only_on_demand", |it| {
        it.is(1, NodeState::Mute { missing: "its port".into() }, Some(true));
        it.does(Action::Restart { node: key(1), release: None }, Reason::Mute);
    }),
    ("what_operators_stopped_stays_stopped", |it| {
        it.snapshot.nodes[0].record.want = Want::StoppedByOperator;
        it.starts(1, Reason::RoomAgain);
    }),
    ("only_a_surplus_that_fits_is_taken_back", |it| {
        it.does(Action::Reprieve { node: key(1) }, Reason::RoomAgain);
    }),
];

const GROWING: &[Doctored] = &[
    ("nothing_grows_without_room", |it| {
        it.uses_cpu(50.0);
        it.adds(4, ROOM);
    }),
    ("nothing_grows_without_room", |it| {
        it.snapshot.machine.load = None;
        it.adds(4, ROOM);
    }),
    ("nothing_grows_before_its_time", |it| {
        it.snapshot.memory.room = Some(at(599));
        it.adds(4, ROOM);
    }),
    ("nothing_grows_before_its_time", |it| {
        it.snapshot.memory.last_shed = Some(at(1799));
        it.adds(4, ROOM);
    }),
    ("growth_is_one_at_a_time_while_costs_are_unknown", |it| {
        it.adds(4, ROOM);
        it.adds(5, ROOM);
    }),
    ("nothing_grows_while_something_is_shed", |it| {
        it.stops(1, OVER_CAP);
        it.adds(4, ROOM);
    }),
    ("the_engine_keeps_to_the_cap", |it| it.adds(4, ROOM)),
    ("nothing_is_taken_twice", |it| {
        it.snapshot.ports.as_mut().unwrap().insert(55_004);
        it.adds(4, ROOM);
    }),
    ("nothing_is_taken_twice", |it| {
        it.snapshot.occupied.as_mut().unwrap().insert(id(4));
        it.adds(4, ROOM);
    }),
    ("nothing_is_taken_twice", |it| {
        it.adds(4, ROOM);
        it.adds(4, ROOM);
    }),
    ("the_smallest_free_id_is_taken", |it| it.adds(5, ROOM)),
    ("a_manager_that_numbers_gives_its_next_number", |it| {
        it.policy = with(draft(), &[(Setting::Manager, "antd+user"), (Setting::NodeCap, "3")]);
        let numbering = crate::observe::Numbering::together(id(4), BTreeSet::new());
        it.snapshot.numbering = Some(Ok(numbering));
        it.adds(5, ROOM);
    }),
    ("ports_follow_from_the_id", |it| {
        let mut spec = crate::fakes::build::spec(4);
        spec.ports.node += 1;
        it.adds_spec(spec, ROOM);
    }),
    ("a_new_node_lies_in_a_usable_root", |it| {
        let mut spec = crate::fakes::build::spec(4);
        spec.data = "/etc/antnode0004".into();
        it.adds_spec(spec, ROOM);
    }),
    ("a_new_node_fits_on_its_disk", |it| {
        it.fills_disk(74);
        it.adds(4, ROOM);
    }),
    ("the_wallet_with_the_largest_deficit_earns", |it| {
        let mut spec = crate::fakes::build::spec(4);
        spec.wallet = "0x1111111111111111111111111111111111111111".parse().unwrap();
        it.adds_spec(spec, ROOM);
    }),
    ("the_oldest_resting_node_comes_back_first", |it| {
        for number in [1, 2] {
            it.is(number, stopped(), Some(false));
            it.snapshot.nodes[number as usize - 1].record.want = Want::StoppedByPressure;
        }
        it.starts(2, Reason::RoomAgain);
    }),
    ("what_growth_waits_for_is_said", |it| it.policy.cap.limit = 9),
];

const ASKING: &[Doctored] = &[
    ("every_request_is_looked_at_once", |it| {
        it.snapshot.requests.push(request(1, Verb::Add { count: 1 }));
    }),
    ("an_action_for_a_request_is_what_was_asked", |it| {
        it.is_asked(Verb::Stop { nodes: vec![key(1)] });
        it.removes(1, Removal::Operator, ASKED);
    }),
    ("an_action_for_a_request_is_what_was_asked", |it| {
        it.is_asked(Verb::Remove { nodes: vec![key(1)] });
        it.removes(2, Removal::Operator, ASKED);
    }),
    ("an_expired_request_does_nothing", |it| {
        it.is_asked(Verb::Remove { nodes: vec![key(1)] });
        it.snapshot.requests[0].made_at = at(3601);
        it.removes(1, Removal::Operator, ASKED);
    }),
    ("additions_are_all_or_nothing", |it| {
        it.is_asked(Verb::Add { count: 2 });
        it.adds(4, ASKED);
    }),
    ("additions_are_all_or_nothing", |it| {
        it.is_asked(Verb::Add { count: 1 });
        it.adds(4, ASKED);
    }),
    ("what_is_refused_is_not_done", |it| {
        it.is_asked(Verb::Remove { nodes: vec![key(1)] });
        it.plan.report.requests[0].why = vec!["antnode0001: it is disabled".into()];
        it.removes(1, Removal::Operator, ASKED);
    }),
    ("what_was_begun_for_a_request_is_not_begun_again", |it| {
        it.is_asked(Verb::Remove { nodes: vec![key(1)] });
        it.snapshot.begun.insert(RequestId(1), [key(1).record].into());
        it.removes(1, Removal::Operator, ASKED);
    }),
];

fn gives(world: &mut World, number: u32, version: &str, reason: Reason) {
    let node = &world.snapshot.nodes[number as usize - 1];
    let release = Release::new(version.parse().unwrap(), "/opt/next");
    let upgrade = Upgrade {
        from: node.version().unwrap().clone(),
        to: release.version.clone(),
        role: UpgradeRole::Canary,
        since: at(0),
        before: Shown::default(),
    };
    let node = node.record.key();
    world.does(Action::Upgrade { node, release, upgrade: Box::new(upgrade), start: true }, reason);
}

fn outdated(world: &mut World, version: &str) -> Reason {
    let to: crate::model::Version = version.parse().unwrap();
    world.snapshot.release = Ok(Release::new(to.clone(), "/opt/next"));
    world.policy.upgrades.mode = UpgradeMode::Managed;
    Reason::Outdated { from: release().version, to, role: UpgradeRole::Canary }
}

const UPGRADING: &[Doctored] = &[
    ("no_older_version_comes_unasked", |it| {
        let reason = outdated(it, "0.1.0");
        gives(it, 1, "0.1.0", reason);
    }),
    ("no_older_version_comes_unasked", |it| {
        it.is_asked(Verb::Upgrade { nodes: vec![key(1)], to: None, allow_downgrade: false });
        gives(it, 1, "0.1.0", ASKED);
    }),
    ("what_failed_is_given_to_nobody", |it| {
        let reason = outdated(it, "0.24.0");
        it.snapshot.holds.quarantined.push(Quarantined {
            program: crate::model::Program::AntNode,
            version: "0.24.0".parse().unwrap(),
            since: Timestamp(0),
            why: "it died".into(),
        });
        gives(it, 1, "0.24.0", reason);
    }),
    ("the_oldest_node_is_upgraded_first", |it| {
        let reason = outdated(it, "0.24.0");
        gives(it, 2, "0.24.0", reason);
    }),
    ("few_are_upgraded_at_once", |it| {
        let reason = outdated(it, "0.24.0");
        gives(it, 1, "0.24.0", reason.clone());
        gives(it, 2, "0.24.0", reason);
    }),
    ("few_are_upgraded_at_once", |it| {
        let reason = outdated(it, "0.24.0");
        it.snapshot.holds.paused = Some(Timestamp(0));
        gives(it, 1, "0.24.0", reason);
    }),
    ("what_is_put_back_is_what_was_there", |it| {
        let (from, to) = (release().version, "0.22.0".parse().unwrap());
        let failure = crate::action::UpgradeFailure::Died;
        let reason = Reason::UpgradeFailed { version: from.clone(), failure };
        let revert = Action::Revert { node: key(1), from, to, quarantine: None, start: true };
        it.does(revert, reason);
    }),
];

const ALL: [&[Doctored]; 7] = [TOUCHING, REMOVING, STOPPING, STARTING, GROWING, ASKING, UPGRADING];

fn objections(world: &World) -> Vec<&'static str> {
    let look = Look { snapshot: &world.snapshot, policy: &world.policy, plan: &world.plan };
    let broken = invariants::ALL.iter().filter(|(_, holds)| holds(&look).is_err());
    broken.map(|(name, _)| *name).collect()
}

#[test]
fn every_invariant_notices_a_plan_that_breaks_it() {
    assert_eq!(objections(&World::new()), Vec::<&str>::new(), "a sound plan");
    let rows: Vec<&Doctored> = ALL.into_iter().flatten().collect();
    for (row, (name, doctor)) in rows.iter().enumerate() {
        let mut world = World::new();
        doctor(&mut world);
        let found = objections(&world);
        assert!(found.contains(name), "row {row}: {name} did not notice, only {found:?}");
    }
    for (name, _) in invariants::ALL {
        assert!(rows.iter().any(|(doctored, _)| doctored == name), "{name} was never broken");
    }
}
