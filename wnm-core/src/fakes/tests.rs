//! Whole cycles on the simulated host: where they lead, and that they rest there.

mod leaving;

use super::build::{draft, eager_draft, gb, id, seconds, spec};
use super::{MemoryStore, Op, SimHost, World};
use crate::host::{Intents, Store};
use crate::model::{
    NodeKey, NodePorts, NodeRecord, PortRule, Protocol, Timestamp, UnitDrift, Verb, Want,
};
use crate::observe::FaultKind;
use crate::plan::PlanScope;
use crate::policy::{PolicyDraft, Setting};
use crate::run::{CycleOptions, CycleReport, Event, cycle, withdraw};

struct Sim {
    host: SimHost,
    store: MemoryStore,
}

fn sim(draft: PolicyDraft) -> Sim {
    let sim = Sim { host: SimHost::new(World::new()), store: MemoryStore::new() };
    sim.set(draft);
    sim
}

fn eager(cap: u32) -> PolicyDraft {
    eager_draft().with(Setting::NodeCap, cap.to_string()).with(Setting::MaxConcurrentStarts, "1")
}

impl Sim {
    fn set(&self, draft: PolicyDraft) {
        self.store.set_policy(&draft, Timestamp(0)).unwrap();
    }

    /// A minute passes, then a cycle runs.
    fn cycle(&self) -> CycleReport {
        self.host.world().advance(seconds(60));
        self.look()
    }

    fn look(&self) -> CycleReport {
        cycle(&self.host.host(&self.store), &CycleOptions::new(), &mut |_| {}).unwrap()
    }

    fn cycles(&self, count: usize) {
        for _ in 0..count {
            self.cycle();
        }
    }

    fn nodes(&self) -> Vec<NodeRecord> {
        self.store.load().unwrap().nodes
    }

    fn keys(&self) -> Vec<NodeKey> {
        self.nodes().iter().map(NodeRecord::key).collect()
    }

    fn ask(&self, verb: Verb) {
        let now = self.look().snapshot.now;
        self.store.request(&verb, &now).unwrap();
    }

    /// Everything runs that should, nothing else is left, and planning again changes nothing.
    #[track_caller]
    fn rests_with(&self, running: usize) {
        let report = self.cycle();
        assert_eq!(report.plan.actions, vec![], "it rests");
        assert_eq!(self.host.world().running(), running);
        let recorded = self.nodes().iter().map(|record| record.spec.id).collect();
        assert_eq!(self.host.world().present(), recorded, "nothing is left of others");
        let ledger = self.store.load().unwrap();
        assert_eq!(ledger.open, vec![]);
        assert_eq!(ledger.requests, vec![]);
        let open = self.host.world().open_ports.len();
        assert_eq!(open, running, "one opening for each running node");
    }
}

#[test]
fn it_grows_to_the_cap_one_a_cycle_and_rests() {
    let sim = sim(eager(3));
    sim.look();
    for expected in 1..=3 {
        sim.cycle();
        assert_eq!(sim.host.world().running(), expected);
    }
    sim.rests_with(3);
}

#[test]
fn a_name_that_nothing_but_a_process_has_is_taken() {
    let sim = sim(eager(1));
    sim.host.world().node(&spec(1)).strangers = vec![4711];
    sim.ask(Verb::Add { count: 1 });
    sim.cycle();
    let ids: Vec<_> = sim.nodes().iter().map(|record| record.spec.id).collect();
    assert_eq!(ids, [id(2)]);
}

#[test]
fn shipped_settings_grow_slowly_and_rest() {
    let sim = sim(draft().with(Setting::NodeCap, "3"));
    sim.cycles(10);
    assert_eq!(sim.host.world().running(), 0, "the window is not over");
    sim.cycles(25);
    sim.rests_with(3);
}

#[test]
fn a_killed_node_a_lost_unit_and_a_reboot_are_healed() {
    let sim = sim(eager(3));
    sim.cycles(5);
    sim.host.world().kill(id(2));
    sim.cycle();
    sim.rests_with(3);
    sim.host.world().nodes.get_mut(&id(1)).unwrap().unit = false;
    sim.cycle();
    assert!(sim.host.world().nodes[&id(1)].unit, "the unit is back");
    sim.rests_with(3);
    sim.host.world().reboot();
    sim.cycles(3);
    sim.rests_with(3);
}

#[test]
fn a_lower_cap_removes_the_surplus_and_keeps_its_keys() {
    let sim = sim(eager(5).with(Setting::MaxDestructivePerHour, "10"));
    sim.cycles(7);
    let keys = sim.keys();
    sim.set(eager(2));
    sim.cycles(5);
    sim.rests_with(2);
    assert_eq!(sim.host.world().archive, keys[2..].iter().copied().collect());
}

#[test]
fn a_cap_raised_in_time_takes_everything_back() {
    let sim = sim(eager(3).with(Setting::DelayRemove, "10min"));
    sim.cycles(5);
    let before = sim.keys();
    sim.set(eager(1).with(Setting::DelayRemove, "10min"));
    sim.cycles(3);
    assert_eq!(sim.host.world().running(), 1);
    sim.set(eager(3).with(Setting::DelayRemove, "10min"));
    sim.cycles(3);
    sim.rests_with(3);
    assert_eq!(sim.keys(), before, "the same nodes, the same keys");
    assert!(sim.host.world().archive.is_empty());
}

#[test]
fn lasting_pressure_stops_nodes_and_room_brings_them_back() {
    let waits = eager(4).with(Setting::PressureGrace, "5min");
    let sim = sim(waits);
    sim.cycles(6);
    sim.host.world().foreign_cpu = 75.0;
    sim.cycles(6);
    let stopped = 4 - sim.host.world().running();
    assert!(stopped >= 1, "after the grace");
    sim.host.world().foreign_cpu = 95.0;
    sim.cycles(30);
    assert_eq!(sim.host.world().running(), 0);
    assert_eq!(sim.nodes().len(), 4, "nobody lost anything");
    sim.host.world().foreign_cpu = 5.0;
    sim.cycles(8);
    sim.rests_with(4);
}

#[test]
fn a_missing_disk_is_no_reason_to_do_anything() {
    let sim = sim(eager(3));
    sim.cycles(5);
    let before = sim.nodes();
    for disk in sim.host.world().disks.values_mut() {
        disk.mounted = false;
    }
    for _ in 0..5 {
        assert_eq!(sim.cycle().done, vec![]);
    }
    for disk in sim.host.world().disks.values_mut() {
        disk.mounted = true;
    }
    assert_eq!(sim.nodes(), before);
    sim.rests_with(3);
}

#[test]
fn a_silent_manager_is_no_reason_to_do_anything() {
    let sim = sim(eager(3));
    sim.cycles(5);
    for _ in 0..3 {
        sim.host.world().fail_next(Op::States, FaultKind::Unavailable);
        sim.host.world().fail_next(Op::Discover, FaultKind::Unavailable);
        assert_eq!(sim.cycle().done, vec![]);
    }
    sim.rests_with(3);
}

#[test]
fn lost_data_is_cleaned_up_and_replaced() {
    let sim = sim(eager(3));
    sim.cycles(5);
    sim.host.world().nodes.get_mut(&id(2)).unwrap().data = false;
    let dead = sim.keys()[1].record;
    let is_known = || sim.keys().iter().any(|key| key.record == dead);
    sim.cycles(70);
    assert!(is_known(), "its process lives");
    sim.host.world().kill(id(2));
    sim.cycles(50);
    assert!(is_known(), "it is not missed for an hour");
    sim.cycles(20);
    sim.rests_with(3);
    assert!(!is_known());
}

#[test]
fn a_disk_that_fills_loses_few_nodes_and_does_not_get_them_back() {
    let draft = eager(5).with(Setting::HdGrace, "10min").with(Setting::DiskPrior, "20GB");
    let sim = sim(draft);
    sim.cycles(7);
    for node in sim.host.world().nodes.values_mut() {
        node.bytes = gb(180);
    }
    sim.cycles(40);
    assert_eq!(sim.host.world().running(), 4, "one was enough: 77 % is below hd_remove");
    assert_eq!(sim.host.world().archive.len(), 1);
    sim.rests_with(4);
}

#[test]
fn a_step_that_fails_once_is_made_good_wherever_it_fails() {
    let ops = [Op::Prepare, Op::Create, Op::OpenPort, Op::Start];
    for op in ops {
        let sim = sim(eager(2));
        sim.host.world().fail_next(op, FaultKind::Failed);
        sim.cycles(8);
        sim.rests_with(2);
    }
    let ops = [Op::Stop, Op::Archive, Op::Dismantle, Op::SetAside, Op::ClosePort, Op::Delete];
    for op in ops {
        let sim = sim(eager(2));
        sim.cycles(4);
        sim.set(eager(1));
        sim.host.world().fail_next(op, FaultKind::Failed);
        sim.cycles(6);
        sim.rests_with(1);
        assert_eq!(sim.host.world().archive.len(), 1, "{op:?}");
    }
}

#[test]
fn a_broken_firewall_is_told_of_and_keeps_no_node_running() {
    let sim = sim(eager(3));
    sim.cycles(5);
    let keys = sim.keys();
    let broken = |verb: Verb| {
        sim.ask(verb);
        sim.host.world().fail_next(Op::ClosePort, FaultKind::Timeout);
        let report = sim.look();
        assert!(report.done.iter().all(|done| done.outcome.is_done()), "{:?}", report.done);
        let [fault] = report.faults.as_slice() else { panic!("{:?}", report.faults) };
        assert!(fault.contains("close 55"), "{fault}");
        let world = sim.host.world();
        (world.running(), world.open_ports.len())
    };
    assert_eq!(broken(Verb::Stop { nodes: vec![keys[0]] }), (2, 3));
    sim.cycle();
    assert_eq!(sim.host.world().open_ports.len(), 2, "closed by the next look");
    assert_eq!(broken(Verb::Remove { nodes: vec![keys[1]] }), (1, 2));
    sim.set(eager(2));
    assert!(sim.host.world().archive.contains(&keys[1]));
    assert!(sim.nodes().iter().all(|record| record.key() != keys[1]), "it is forgotten");
    sim.cycle();
    assert_eq!(sim.host.world().open_ports.len(), 1);
}

#[test]
fn a_crash_between_journal_and_effect_is_made_good() {
    for ended in 1..=8 {
        let sim = sim(eager(2));
        sim.cycles(ended);
        sim.store.fail_next_finish(FaultKind::Failed);
        sim.cycles(8);
        sim.rests_with(2);
    }
}

#[test]
fn what_cannot_be_written_down_is_not_done() {
    let sim = sim(eager(1));
    sim.look();
    sim.host.world().advance(seconds(60));
    sim.store.fail_next_begin(FaultKind::Full);
    let report = sim.look();
    assert_eq!((report.done.len(), report.faults.len()), (0, 1));
    assert!(sim.host.world().nodes.is_empty());
}

#[test]
fn operators_stop_start_and_remove() {
    let sim = sim(eager(3));
    sim.cycles(5);
    let keys = sim.keys();
    sim.ask(Verb::Stop { nodes: vec![keys[0]] });
    sim.cycles(3);
    assert_eq!(sim.host.world().running(), 2, "it stays stopped");
    assert_eq!(sim.nodes()[0].want, Want::StoppedByOperator);
    sim.ask(Verb::Start { nodes: vec![keys[0]] });
    sim.cycle();
    sim.ask(Verb::Remove { nodes: vec![keys[1]] });
    sim.set(eager(2));
    sim.cycle();
    sim.rests_with(2);
    assert!(sim.host.world().archive.contains(&keys[1]));
}

#[test]
fn a_disabled_node_is_left_alone_even_by_a_reboot_and_comes_back_enabled() {
    let sim = sim(eager(2));
    sim.cycles(5);
    let node = sim.keys()[0];
    sim.ask(Verb::Disable { nodes: vec![node] });
    sim.store.fail_next_finish(FaultKind::Failed);
    sim.cycles(2);
    assert_eq!(sim.nodes()[0].want, Want::Disabled);
    assert_eq!(sim.store.load().unwrap().open, vec![], "what was cut short was finished");
    sim.set(eager(1));
    sim.host.world().reboot();
    sim.cycles(4);
    assert_eq!(sim.host.world().running(), 1, "the other one only");
    sim.ask(Verb::Enable { nodes: vec![node] });
    sim.set(eager(2));
    sim.cycles(2);
    sim.rests_with(2);
    assert_eq!(sim.keys()[0], node);
}

#[test]
fn a_teardown_with_a_disabled_node_is_finished_wherever_a_step_fails() {
    for op in [Op::Stop, Op::Archive, Op::Dismantle, Op::SetAside, Op::Delete] {
        let sim = sim(eager(1));
        sim.cycles(4);
        let node = sim.keys()[0];
        sim.ask(Verb::Disable { nodes: vec![node] });
        sim.cycle();
        sim.set(eager(0));
        sim.host.world().fail_next(op, FaultKind::Failed);
        sim.ask(Verb::Teardown { nodes: vec![node] });
        sim.cycles(3);
        assert!(sim.nodes().is_empty(), "{op:?}");
        assert!(sim.host.world().archive.contains(&node), "{op:?}");
    }
}

#[test]
fn a_clock_that_jumps_changes_nothing() {
    let sim = sim(eager(3));
    sim.cycles(5);
    for jump in [86_400_000, -172_800_000, 86_400_000] {
        sim.host.world().wall_ms += jump;
        assert_eq!(sim.cycle().done, vec![]);
    }
    sim.rests_with(3);
}

#[test]
fn nodes_are_not_stopped_for_a_moment_of_load() {
    let sim = sim(eager(4));
    sim.cycles(6);
    for minute in 0..60 {
        sim.host.world().foreign_cpu = if minute % 7 == 0 { 99.0 } else { 10.0 };
        assert_eq!(sim.cycle().done, vec![], "minute {minute}");
    }
}

#[test]
fn a_dry_run_decides_the_same_and_does_nothing() {
    let sim = sim(eager(3));
    sim.cycles(2);
    sim.host.world().advance(seconds(60));
    let dry = CycleOptions { dry_run: true, ..CycleOptions::new() };
    let before = sim.store.load().unwrap();
    let planned = cycle(&sim.host.host(&sim.store), &dry, &mut |_| {}).unwrap();
    assert_eq!(planned.done, vec![]);
    assert_eq!(sim.store.load().unwrap(), before);
    let real = sim.look();
    assert_eq!(real.plan, planned.plan);
    assert_eq!(real.done.len(), 1);
}

#[test]
fn the_simulated_host_keeps_the_managers_contract() {
    let host = SimHost::new(World::new());
    super::manager_contract(&host, &host, &super::build::spec(1), &super::build::release(), true);
}

#[test]
fn sizes_are_measured_by_turns_and_growth_is_learned() {
    let sim = sim(eager(3));
    sim.cycles(5);
    for hour in 0_u64..30 {
        for node in sim.host.world().nodes.values_mut() {
            node.bytes = gb(10 + hour);
        }
        sim.cycles(60);
    }
    let report = sim.cycle();
    for node in &report.snapshot.nodes {
        let size = node.disk.unwrap().0;
        assert!((gb(37).0..=gb(39).0).contains(&size), "{size}");
        let growth = node.growth.unwrap().0;
        assert!((gb(23).0..=gb(25).0).contains(&growth), "{growth}");
    }
    let memory = sim.store.load().unwrap().memory;
    assert!(memory.nodes.values().all(|node| node.size.is_some()));
}

#[test]
fn the_removal_budget_survives_a_store_that_keeps_no_cycles() {
    let sim = sim(eager(9));
    sim.cycles(11);
    sim.set(eager(1));
    for _ in 0..20 {
        sim.store.fail_next_save(FaultKind::Full);
        sim.cycle();
    }
    assert_eq!(sim.host.world().archive.len(), 4, "no more than max_destructive_per_hour");
}

#[test]
fn an_addition_cut_off_after_its_last_step_is_not_repeated() {
    let sim = sim(eager(9));
    sim.cycles(2);
    let before = sim.nodes().len();
    sim.ask(Verb::Add { count: 3 });
    sim.host.world().advance(seconds(60));
    sim.store.fail_next_answer(FaultKind::Failed);
    sim.look();
    sim.set(eager(u32::try_from(before).unwrap() + 3));
    sim.cycles(3);
    assert_eq!(sim.nodes().len(), before + 3);
}

#[test]
fn additions_that_cannot_be_made_leave_nothing() {
    let sim = sim(eager(4));
    sim.look();
    for _ in 0..8 {
        sim.host.world().fail_next(Op::Prepare, FaultKind::Permission);
        sim.cycle();
    }
    assert!(sim.nodes().len() <= 1, "records of nodes never made do not pile up");
    sim.host.world().faults.clear();
    sim.cycles(8);
    sim.rests_with(4);
}

#[test]
fn a_stop_that_failed_is_tried_again() {
    let sim = sim(eager(2).with(Setting::PressureGrace, "0s"));
    sim.cycles(4);
    sim.host.world().foreign_cpu = 90.0;
    sim.host.world().fail_next(Op::Stop, FaultKind::Timeout);
    sim.cycles(6);
    assert_eq!(sim.host.world().running(), 0);
}

#[test]
fn a_request_that_could_not_be_begun_stays() {
    let sim = sim(eager(5));
    sim.cycles(7);
    let node = sim.keys()[0];
    sim.ask(Verb::Stop { nodes: vec![node] });
    sim.store.fail_next_begin(FaultKind::Full);
    sim.look();
    assert_eq!(sim.store.load().unwrap().requests.len(), 1);
    sim.look();
    assert_eq!(sim.store.load().unwrap().requests.len(), 0);
    assert_eq!(sim.nodes()[0].want, Want::StoppedByOperator);
}

#[test]
fn the_simulated_host_keeps_the_firewalls_contract() {
    let ports = NodePorts { node: 55_001, metrics: None, webrtc: Some(45_001), rpc: None };
    let taken = PortRule { port: 55_009, protocol: Protocol::Udp };
    let mut world = World::new();
    world.foreign_openings.insert(taken);
    let host = SimHost::new(world);
    let others = || format!("{:?}", host.world().foreign_openings);
    super::firewall_contract(&host, ports, taken, &others);
}

#[test]
fn one_identity_never_runs_twice_on_the_simulated_host() {
    let host = SimHost::new(World::new());
    let (spec, release) = (super::build::spec(1), super::build::release());
    crate::host::NodeFiles::prepare(&host, &spec, &release).unwrap();
    crate::host::NodeManager::create(&host, &spec).unwrap();
    let begin = || {
        host.world().nodes.get_mut(&id(1)).unwrap().strangers.push(7);
        7
    };
    let count = || {
        let node = host.world().nodes[&id(1)].clone();
        node.strangers.len() + usize::from(node.process.is_some())
    };
    super::one_process_contract(&host, &spec, &begin, &count);
}

#[test]
fn a_firewall_switched_on_later_is_told_of_nodes_that_run() {
    let sim = sim(eager(2).with(Setting::UpkeepEvery, "10min"));
    sim.cycles(5);
    let pids: Vec<_> = sim.host.world().nodes.values().map(|node| node.process).collect();
    let udp = |port| PortRule { port, protocol: Protocol::Udp };
    // Somebody reset the firewall, made a rule himself, and an old rule of ours was left over.
    sim.host.world().open_ports = [udp(55_777), udp(55_888)].into();
    sim.host.world().foreign_openings = [udp(55_002)].into();
    sim.host.world().foreign_ports = [55_888].into();
    let mended: usize = (0..11).map(|_| sim.cycle().done.len()).sum();
    assert_eq!(mended, 1, "once, and not in every cycle");
    let world = sim.host.world();
    // 55888 stays: somebody listens there.
    assert_eq!(world.open_ports, [udp(55_001), udp(55_888)].into());
    assert_eq!(world.nodes.values().map(|node| node.process).collect::<Vec<_>>(), pids);
}

#[test]
fn an_old_opening_is_kept_for_the_node_that_gets_its_port() {
    let sim = sim(eager(1));
    let udp = |port| PortRule { port, protocol: Protocol::Udp };
    sim.host.world().open_ports = [udp(55_001), udp(55_003)].into();
    sim.cycles(5);
    assert_eq!(sim.host.world().running(), 1);
    assert_eq!(sim.host.world().open_ports, [udp(55_001)].into());
}

#[test]
fn a_firewall_that_does_not_answer_closes_and_mends_nothing() {
    let sim = sim(eager(1));
    sim.cycles(5);
    sim.host.world().open_ports.clear();
    sim.host.world().fail_next(Op::Openings, FaultKind::Timeout);
    let report = sim.cycle();
    assert!(report.done.is_empty());
    let told = report.plan.report.notes.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(told.iter().any(|note| note.contains("firewall could not be asked")), "{told:?}");
    assert_eq!(sim.cycle().done.len(), 1);
}

#[test]
fn a_changed_unit_is_written_again_and_an_override_is_left_alone() {
    let sim = sim(eager(2));
    sim.cycles(5);
    let set = |number, drift| {
        sim.host.world().nodes.get_mut(&id(number)).unwrap().drift = Some(drift);
    };
    set(1, UnitDrift::Rewritten);
    set(2, UnitDrift::Overridden { by: vec!["/etc/x.conf".into()] });
    let report = sim.cycle();
    let done: Vec<String> =
        report.done.iter().map(|done| done.planned.action.to_string()).collect();
    assert_eq!(done, ["mend antnode0001"]);
    assert!(sim.cycle().done.is_empty());
    assert!(sim.host.world().nodes[&id(2)].drift.is_some());
}

#[test]
fn a_node_whose_data_is_in_use_is_reported_and_not_started() {
    let sim = sim(eager(1));
    sim.cycles(5);
    sim.host.world().nodes.get_mut(&id(1)).unwrap().strangers = vec![77];
    let told = |report: &CycleReport| {
        let notes = report.plan.report.notes.iter().map(ToString::to_string);
        notes.filter(|note| note.contains("process 77")).count()
    };
    let report = sim.cycle();
    assert_eq!((report.done.len(), told(&report)), (0, 1), "it runs twice: seen and told");
    sim.host.world().kill(id(1));
    let report = sim.cycle();
    assert_eq!((report.done.len(), told(&report)), (0, 1), "no start is even tried");
    sim.host.world().nodes.get_mut(&id(1)).unwrap().strangers.clear();
    sim.cycles(2);
    assert_eq!(sim.host.world().running(), 1);
}

#[test]
fn both_public_ports_of_a_node_are_opened_and_closed() {
    let sim = sim(eager(1).with(Setting::WebrtcPortStart, "45"));
    let udp = |port| PortRule { port, protocol: Protocol::Udp };
    sim.cycles(5);
    let open = || sim.host.world().open_ports.iter().copied().collect::<Vec<_>>();
    assert_eq!(open(), [udp(45_001), udp(55_001)]);
    sim.set(eager(0).with(Setting::WebrtcPortStart, "45"));
    sim.cycles(5);
    assert_eq!(open(), []);
}

#[test]
fn a_wish_to_stop_is_heard_between_two_nodes() {
    let sim = sim(eager(5));
    sim.look();
    sim.ask(Verb::Add { count: 4 });
    let options = CycleOptions { scope: PlanScope::RequestsOnly, ..CycleOptions::new() };
    let stop = options.stop.clone();
    let request = sim.store.load().unwrap().requests[0].id;
    let host = sim.host.host(&sim.store);
    let mut begun = 0;
    let report = cycle(&host, &options, &mut |event| {
        if let Event::Begun(_) = event {
            begun += 1;
            // In the middle of the second.
            if begun == 2 {
                stop.ask();
            }
        }
    });
    let report = report.unwrap();
    assert_eq!((report.done.len(), report.left.len(), begun), (2, 2, 2));
    assert!(report.done.iter().all(|done| done.outcome.is_done()), "what was begun is finished");
    assert_eq!(sim.nodes().len(), 2);
    assert_eq!(sim.store.load().unwrap().requests.len(), 1, "what is left of it could go on");
    withdraw(&host, request, &report).unwrap();
    assert_eq!(sim.store.load().unwrap().requests, vec![], "unless whoever asked gave up");
    let answer = sim.store.answer_to(request).unwrap().unwrap();
    assert_eq!((answer.done, answer.failed), (2, 0));
    assert_eq!(answer.refused, ["interrupted before add antnode0003, add antnode0004"]);
}
