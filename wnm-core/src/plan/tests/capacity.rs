//! How many nodes a machine holds.

use super::*;
use crate::observe::{Estimate, LearnedCost, NodeCost};
use crate::plan::capacity;

fn about(mean: f64, spread: f64) -> Option<Estimate> {
    Some(Estimate { mean, spread, weight_s: 3600.0 })
}

/// 1 % CPU, 1 % of the memory and 0.01 load, give or take a tenth.
pub(super) fn learned() -> LearnedCost {
    let cost = NodeCost {
        cpu: about(1.0, 0.1),
        memory: about(160_000_000.0, 16_000_000.0),
        load: about(0.01, 0.001),
    };
    LearnedCost {
        observed_s: 900.0,
        cpus: CPUS,
        running: cost,
        starting: NodeCost { cpu: about(6.0, 0.5), ..cost },
        disk_growth: about(1.4e9, 1e8),
        ..LearnedCost::default()
    }
}

fn said(snapshot: &Snapshot, cost: &LearnedCost, policy: &Policy) -> String {
    capacity(snapshot, cost, policy).to_string()
}

fn roomy() -> Policy {
    with(draft(), &[(Setting::NodeCap, "500"), (Setting::DiskPrior, "1GB")])
}

#[test]
fn what_binds_first_is_named() {
    let mut snapshot = quiet(10);
    // 10 run at 20 % CPU of 50 %: 30 more.
    insta::assert_snapshot!(said(&snapshot, &learned(), &roomy()), @"this machine holds 40 ± 3 nodes; cpu binds first");
    // 52 % of the memory of 60 %: 8 more.
    snapshot.machine.memory = Some(MemorySample { total: gb(100), available: gb(48) });
    let mut cost = learned();
    cost.running.memory = about(1e9, 1e8);
    insta::assert_snapshot!(said(&snapshot, &cost, &roomy()), @"this machine holds 18 ± 1 nodes; memory binds first");
    let capped = with(draft(), &[(Setting::NodeCap, "12")]);
    insta::assert_snapshot!(said(&snapshot, &cost, &capped), @"this machine holds 12 nodes; node_cap binds first");
    // Load 0.5 of 2.4.
    cost.running.load = about(0.95, 0.0);
    insta::assert_snapshot!(said(&snapshot, &cost, &roomy()), @"this machine holds 12 nodes; load binds first");
}

#[test]
fn a_disk_holds_what_it_will_hold_at_the_horizon() {
    let mut snapshot = quiet(10);
    // 550 GB of room; ten nodes of 14 days at 1 GB, and as many each for others.
    for node in &mut snapshot.nodes {
        (node.growth, node.record.created) = (Some(gb(1)), Timestamp(0));
    }
    let policy = with(draft(), &[(Setting::NodeCap, "500"), (Setting::CpuLessThan, "69")]);
    let disk = capacity(&snapshot, &learned(), &policy);
    let crate::plan::Capacity::Known { bounds, .. } = disk else { panic!("{disk:?}") };
    let text: Vec<String> =
        bounds.iter().map(|it| format!("{} {} ± {}", it.by, it.nodes, it.spread)).collect();
    // The prior of 20 GB is what a new one may need: 410 GB hold 20 more.
    insta::assert_snapshot!(text.join("\n"), @"
    cpu 59 ± 5
    memory 45 ± 4
    load 200 ± 19
    disk:/srv/nodes 30 ± 2
    node_cap 500 ± 0
    ");
}

#[test]
fn a_machine_beyond_its_thresholds_holds_fewer_than_it_has() {
    let mut snapshot = quiet(10);
    snapshot.machine.cpu = Some(Percent(54.0));
    insta::assert_snapshot!(said(&snapshot, &learned(), &roomy()), @"this machine holds 6 ± 1 nodes; cpu binds first");
    snapshot.machine.cpu = Some(Percent(99.0));
    insta::assert_snapshot!(said(&snapshot, &learned(), &roomy()), @"this machine holds 0 ± 5 nodes; cpu binds first");
}

#[test]
fn what_is_not_known_is_said_to_be_unknown_and_why() {
    let mut snapshot = quiet(10);
    let text = |snapshot: &Snapshot, cost: &LearnedCost| said(snapshot, cost, &roomy());
    insta::assert_snapshot!(text(&snapshot, &LearnedCost::default()), @"how many nodes this machine holds is not known yet: no node was watched yet");
    let early = LearnedCost { observed_s: 300.0, ..learned() };
    insta::assert_snapshot!(text(&snapshot, &early), @"how many nodes this machine holds is not known yet: what a node costs is being learned, 600 s more");
    let mut one_sided = learned();
    one_sided.starting = NodeCost::default();
    insta::assert_snapshot!(text(&snapshot, &one_sided), @"how many nodes this machine holds is not known yet: no node was watched while it started");
    one_sided = LearnedCost { running: NodeCost::default(), ..learned() };
    insta::assert_snapshot!(text(&snapshot, &one_sided), @"how many nodes this machine holds is not known yet: no node was watched for longer than it starts");
    snapshot.machine.cpu = None;
    insta::assert_snapshot!(text(&snapshot, &learned()), @"how many nodes this machine holds is not known yet: cpu, memory or load could not be measured");
}

#[test]
fn a_cost_of_nothing_binds_nobody() {
    let mut cost = learned();
    for cost in [&mut cost.running, &mut cost.starting] {
        (cost.cpu, cost.memory, cost.load) = (about(0.0, 0.0), about(0.0, 0.0), about(0.0, 0.0));
    }
    let policy = with(draft(), &[(Setting::NodeCap, "500"), (Setting::DiskPrior, "0")]);
    insta::assert_snapshot!(said(&quiet(10), &cost, &policy), @"this machine holds 500 nodes; node_cap binds first");
}

#[test]
fn it_is_data_for_scripts() {
    let json = serde_json::to_string_pretty(&capacity(&quiet(10), &learned(), &roomy())).unwrap();
    insta::assert_snapshot!(json.lines().take(15).collect::<Vec<_>>().join("\n"), @r#"
    {
      "is": "known",
      "nodes": 40,
      "spread": 3,
      "first": "cpu",
      "bounds": [
        {
          "by": "cpu",
          "nodes": 40,
          "spread": 3
        },
        {
          "by": "memory",
          "nodes": 45,
          "spread": 4
    "#);
    let unknown = capacity(&quiet(10), &LearnedCost::default(), &roomy());
    let json = serde_json::to_string(&unknown).unwrap();
    insta::assert_snapshot!(json, @r#"{"is":"unknown","why":{"because":"unwatched"}}"#);
}

#[test]
fn memories_from_before_costs_were_learned_still_load() {
    let old = r#"{"boot": "b", "nodes": {"1": {"alive": true, "deaths": []}}}"#;
    let memory: EngineMemory = serde_json::from_str(old).unwrap();
    assert_eq!(memory.cost, LearnedCost::default());
    let learned = EngineMemory { cost: learned(), ..memory };
    let text = serde_json::to_string(&learned).unwrap();
    assert_eq!(serde_json::from_str::<EngineMemory>(&text).unwrap(), learned);
}

/// Two disks hold what each of them holds; nodes on neither are nodes as well.
#[test]
fn disks_are_added_up_and_each_counted_once() {
    let roots = format!("{STORAGE} {STORAGE}/again /mnt/other");
    let settings = [
        (Setting::NodeStorage, roots.as_str()),
        (Setting::NodeCap, "500"),
        (Setting::DiskPrior, "50GB"),
    ];
    let mut snapshot = quiet(4);
    let systems = &mut snapshot.machine.file_systems;
    systems.insert(format!("{STORAGE}/again").into(), disk(20));
    systems.insert("/mnt/other".into(), FileSystemView { device: 2, ..disk(50) });
    snapshot.nodes[3].record.spec.storage = "/elsewhere".into();
    let mut cost = learned();
    let mut held = |change: fn(&mut LearnedCost)| {
        change(&mut cost);
        let known = capacity(&snapshot, &cost, &with(draft(), &settings));
        let crate::plan::Capacity::Known { bounds, .. } = known else { panic!("{known:?}") };
        let disk = bounds.iter().find(|it| it.by.to_string().starts_with("disk")).expect("a disk");
        format!("{} {} ± {}", disk.by, disk.nodes, disk.spread)
    };
    insta::assert_snapshot!(held(|_| {}), @"disk:/srv/nodes 17 ± 1");
    insta::assert_snapshot!(held(|cost| cost.disk_growth = about(1e9, 5e8)), @"disk:/srv/nodes 17 ± 7");
    insta::assert_snapshot!(held(|cost| cost.disk_growth = about(0.0, 1e8)), @"disk:/srv/nodes 17 ± 0");
    insta::assert_snapshot!(held(|cost| cost.disk_growth = None), @"disk:/srv/nodes 17 ± 0");
}
