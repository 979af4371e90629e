//! Everything that has to last: graces, rounds, windows and what resets them.

use super::*;

fn busy(nodes: u32, cpu: f64, held: u64) -> Snapshot {
    let mut snapshot = quiet(nodes);
    snapshot.machine.cpu = Some(Percent(cpu));
    snapshot.memory.over.insert(Resource::Cpu, at(held));
    snapshot
}

fn stops(snapshot: &Snapshot) -> usize {
    sound(snapshot, &with(draft(), &[(Setting::NodeCap, "1000")])).actions.len()
}

#[test]
fn each_grace_to_the_second() {
    for (held, expected) in [(599, 0), (600, 1), (601, 1)] {
        assert_eq!(stops(&busy(3, 80.0, held)), expected, "pressure_grace, {held} s");
    }
    for (held, expected) in [(179, 0), (180, 1), (181, 1)] {
        let mut snapshot = quiet(3);
        snapshot.machine.memory = Some(MemorySample { total: gb(10), available: gb(2) });
        snapshot.nodes[2].memory = Some(gb(1));
        snapshot.memory.over.insert(Resource::Memory, at(held));
        assert_eq!(stops(&snapshot), expected, "memory_grace, {held} s");
    }
    for (held, expected) in [(21_599, 0), (21_600, 1), (21_601, 1)] {
        let mut snapshot = super::shedding::full_disk(3, gb(30));
        snapshot.memory.over.insert(Resource::Disk(STORAGE.into()), at(held));
        assert_eq!(stops(&snapshot), expected, "hd_grace, {held} s");
    }
}

#[test]
fn urgent_cpu_to_the_percent_and_second() {
    let table = [(90.0, 180, 0), (90.1, 179, 0), (90.1, 180, 1), (90.1, 181, 1), (90.0, 600, 1)];
    for (cpu, held, expected) in table {
        let mut snapshot = busy(3, cpu, held);
        snapshot.memory.urgent = Some(at(held));
        assert_eq!(stops(&snapshot), expected, "{cpu} % for {held} s");
    }
    let mut lately = busy(3, 99.0, 599);
    lately.memory.urgent = Some(at(179));
    assert_eq!(stops(&lately), 0, "busy for long, urgent of late");
}

#[test]
fn rounds_double_and_each_waits_for_a_grace_of_its_own() {
    let table = [
        (0, 600, 1),
        (1, 599, 0),
        (1, 600, 2),
        (2, 600, 4),
        (3, 600, 8),
        (9, 600, 40),
        (200, 600, 40),
    ];
    for (count, ago, expected) in table {
        let mut snapshot = busy(40, 80.0, 50_000);
        if count > 0 {
            snapshot.memory.rounds.insert(Resource::Cpu, Round { count, at: at(ago) });
        }
        assert_eq!(stops(&snapshot), expected, "after {count} rounds, {ago} s");
    }
}

#[test]
fn a_round_is_two_percent_of_what_runs() {
    for (nodes, expected) in [(0, 0), (1, 1), (99, 1), (100, 2), (149, 2), (150, 3), (1000, 20)] {
        let policy = with(draft(), &[(Setting::NodeCap, "1000")]);
        let plan = sound(&busy(nodes, 80.0, 700), &policy);
        assert_eq!(plan.actions.len(), expected, "{nodes} nodes");
    }
}

#[test]
fn a_gap_of_more_than_150_seconds_forgets_grace_and_rounds() {
    for (gap, expected) in [(149, 2), (150, 2), (151, 0), (90_000, 0)] {
        let mut snapshot = busy(9, 80.0, 5_000);
        snapshot.memory.rounds.insert(Resource::Cpu, Round { count: 1, at: at(700) });
        snapshot.memory.last_look = Some(at(gap));
        let plan = sound(&snapshot, &policy(&draft()));
        assert_eq!(plan.actions.len(), expected, "{gap} s");
        assert_eq!(plan.memory.rounds.is_empty(), gap > 150, "{gap} s");
        let since = plan.memory.over[&Resource::Cpu].age(&at(0)).as_secs();
        assert_eq!(since, if gap > 150 { 0 } else { 5_000 }, "{gap} s");
    }
}

#[test]
fn a_reboot_and_a_value_below_forget_grace_and_rounds() {
    let mut rebooted = busy(9, 80.0, 5_000);
    rebooted.memory.boot = Some(BootId("earlier".into()));
    assert_eq!(stops(&rebooted), 0);
    let mut below = busy(9, 70.0, 5_000);
    below.memory.rounds.insert(Resource::Cpu, Round { count: 3, at: at(700) });
    let plan = sound(&below, &policy(&draft()));
    assert!(plan.memory.over.is_empty() && plan.memory.rounds.is_empty());
}

#[test]
fn memory_stops_what_is_needed_at_once() {
    // 10 GB, 75 % allowed: nodes of 200 MB.
    let table = [(24, 1), (23, 1), (22, 2), (20, 3), (15, 5), (3, 10)];
    for (left, expected) in table {
        let mut snapshot = quiet(10);
        let available = Bytes(left * 100_000_000);
        snapshot.machine.memory = Some(MemorySample { total: gb(10), available });
        snapshot.memory.over.insert(Resource::Memory, at(180));
        assert_eq!(stops(&snapshot), expected, "{left} hundred MB left");
    }
    let mut unknown = quiet(10);
    unknown.machine.memory = Some(MemorySample { total: gb(10), available: gb(1) });
    unknown.memory.over.insert(Resource::Memory, at(180));
    unknown.nodes.iter_mut().for_each(|node| node.memory = None);
    assert_eq!(stops(&unknown), 1, "what a node takes is not known");
}

type Remember = fn(&mut EngineMemory, Instant);

#[test]
fn growth_waits_to_the_second() {
    let waits: [(&str, u64, Remember); 4] = [
        ("grow_window", 600, |memory, at| memory.room = Some(at)),
        // Longer than settle_time: what a node costs here is not known.
        ("learn_time after growth", 900, |memory, at| memory.last_growth = Some(at)),
        ("settle_time after a stop", 300, |memory, at| memory.last_stop = Some(at)),
        ("quiet_time", 1800, |memory, at| memory.last_shed = Some(at)),
    ];
    for (what, wait, remember) in waits {
        for (ago, grows) in [(0, false), (wait - 1, false), (wait, true), (wait + 1, true)] {
            let mut snapshot = quiet(1);
            remember(&mut snapshot.memory, at(ago));
            let acts = acts(&snapshot, &policy(&draft()));
            assert_eq!(acts == "add antnode0002", grows, "{what}, {ago} s ago: {acts}");
        }
    }
}

#[test]
fn a_window_forgets_only_gaps_longer_than_itself() {
    for (gap, grows) in [(150, true), (600, true), (601, false)] {
        let mut snapshot = quiet(1);
        snapshot.memory.last_look = Some(at(gap));
        assert_eq!(!acts(&snapshot, &policy(&draft())).is_empty(), grows, "{gap} s");
    }
}

#[test]
fn the_prior_and_the_horizon_bound_what_a_disk_is_given() {
    // 1 TB, 20 % used, 550 GB below hd_less_than.
    let table = [
        // Without nodes, one of the prior must fit.
        (0, "549GB", "14d", None, "add antnode0001"),
        (0, "550GB", "14d", None, ""),
        // Two unknown nodes and the new one.
        (2, "183GB", "14d", None, "add antnode0003"),
        (2, "184GB", "14d", None, ""),
        // Known ones grow for as long as the horizon; the new one grows as they do.
        (2, "1GB", "14d", Some(13), "add antnode0003"),
        (2, "1GB", "14d", Some(14), ""),
        (2, "1GB", "7d", Some(26), "add antnode0003"),
        (2, "1GB", "7d", Some(27), ""),
        (2, "1GB", "0s", Some(500), "add antnode0003"),
    ];
    for (nodes, prior, horizon, growth, expected) in table {
        let settings = [(Setting::DiskPrior, prior), (Setting::DiskHorizon, horizon)];
        let mut snapshot = quiet(nodes);
        for node in &mut snapshot.nodes {
            node.growth = growth.map(gb);
            node.disk = growth.map(|_| gb(50));
            node.record.created = Timestamp(0);
        }
        let acts = acts(&snapshot, &with(draft(), &settings));
        assert_eq!(acts, expected, "{nodes} nodes, {prior}, {horizon}, {growth:?} GB a day");
    }
}
