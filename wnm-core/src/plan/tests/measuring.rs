//! Whose data is measured in a cycle.

use super::*;
use crate::observe::{Exhaustible, FileSystemSample, Ledger, MachineSample, SizeMemory};
use crate::plan::to_measure;

/// Four nodes, measured a minute ago; the last is on a disk of its own, with so much left of 1 TB.
fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    for number in 1..=4 {
        let mut record = record(number);
        if number == 4 {
            record.spec.storage = "/mnt/other".into();
        }
        let memory = ledger.memory.nodes.entry(record.record).or_default();
        memory.size = Some(SizeMemory { at: at(60), bytes: gb(1), base_at: at(60), base: gb(1) });
        ledger.nodes.push(record);
    }
    ledger
}

fn machine(free: Bytes) -> MachineSample {
    let sample = |device: u64, free: Bytes| FileSystemSample {
        device,
        space: Exhaustible { total: gb(1000).0, free: free.0 },
        inodes: None,
    };
    MachineSample {
        at: quiet(0).now,
        cpus: CPUS,
        cpu: None,
        memory: None,
        load: None,
        file_systems: [
            (STORAGE.into(), sample(1, gb(500))),
            ("/mnt/other".into(), sample(2, free)),
        ]
        .into(),
        disks: BTreeMap::new(),
        network: None,
        stall: None,
    }
}

fn measured(ledger: &Ledger, policy: &Policy, free: Bytes) -> String {
    let chosen = to_measure(ledger, policy, Some(&machine(free)), &quiet(0).now);
    chosen.iter().map(|id| id.number().to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn who_lies_on_a_disk_that_may_demand_a_removal_is_measured() {
    let policy = policy(&draft());
    let now = with(draft(), &[(Setting::HdGrace, "0s")]);
    let over = |resource: Resource, ago: u64| {
        let mut ledger = ledger();
        ledger.memory.over.insert(resource, at(ago));
        measured(&ledger, &policy, gb(50))
    };
    let (disk, inodes) =
        (Resource::Disk("/mnt/other".into()), Resource::Inodes("/mnt/other".into()));
    let grace = 6 * 3600;
    let rows = [
        ("plenty left", measured(&ledger(), &policy, gb(500))),
        ("too full, in its grace", over(disk.clone(), grace - 1)),
        ("too full for long", over(disk, grace)),
        ("too few inodes for long", over(inodes, grace)),
        ("without a grace, 90 %", measured(&ledger(), &now, gb(100))),
        ("without a grace, above", measured(&ledger(), &now, Bytes(gb(100).0 - 1))),
        ("with a grace, above", measured(&ledger(), &policy, Bytes(gb(100).0 - 1))),
        ("2 GB left", measured(&ledger(), &policy, gb(2))),
        ("less than 2 GB left", measured(&ledger(), &policy, Bytes(gb(2).0 - 1))),
    ];
    insta::assert_snapshot!(rows.map(|(what, who)| format!("{what}: {who}").trim_end().to_owned()).join("\n"), @"
    plenty left:
    too full, in its grace:
    too full for long: 4
    too few inodes for long: 4
    without a grace, 90 %:
    without a grace, above: 4
    with a grace, above:
    2 GB left:
    less than 2 GB left: 4
    ");
    let nobody = to_measure(&ledger(), &policy, None, &quiet(0).now);
    assert!(nobody.is_empty(), "a machine that cannot be read");
}

#[test]
fn each_has_its_turn_once_an_hour() {
    let policy = policy(&draft());
    let mut some = ledger();
    let mut ago = |number: u32, ago: Option<u64>| {
        let memory = some.memory.nodes.entry(record(number).record).or_default();
        memory.size =
            ago.map(|ago| SizeMemory { at: at(ago), bytes: gb(1), base_at: at(ago), base: gb(1) });
        measured(&some, &policy, gb(500))
    };
    assert_eq!(ago(1, Some(3599)), "");
    assert_eq!(ago(1, Some(3600)), "1");
    assert_eq!(ago(2, Some(3700)), "2", "longest ago");
    assert_eq!(ago(3, None), "3", "never");
    let many = Ledger { nodes: (1..=121).map(record).collect(), ..Ledger::default() };
    assert_eq!(measured(&many, &policy, gb(500)), "119 120 121", "three a minute");
}
