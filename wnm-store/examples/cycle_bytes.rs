//! What a recorded cycle takes in the store and what keeping it costs, for the figures in the README:
//! `cargo run --release -p wnm-store --example cycle_bytes`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures and tells")]
#![expect(clippy::disallowed_methods, reason = "what takes its time is measured")]

use std::time::{Duration, Instant as Stopwatch};

use wnm_core::fakes::build::{draft, id, policy, release, spec};
use wnm_core::host::{CycleQuery, Intents, Recording, Store};
use wnm_core::model::{BootId, Bytes, Instant, LoadAverage, Now, Percent, Timestamp};
use wnm_core::observe::{
    FileSystemView, MachineView, MemorySample, NodeFacts, NodeState, NodeView, ProcessKey, SCHEMA,
    SeenNode, SizeMemory, Snapshot,
};
use wnm_core::plan::{PlanScope, plan};
use wnm_core::policy::{Drafts, PolicyDraft, Setting};
use wnm_core::replay::Replay;
use wnm_store::SqliteStore;

const MINUTES: u64 = 720;

/// Numbers without a pattern, the same in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn main() {
    println!(
        "{:>6} {:>12} {:>12} {:>10} {:>10} {:>10}",
        "nodes", "whole", "a cycle", "save", "last", "replay"
    );
    for nodes in [3, 100, 1000] {
        measure(nodes);
    }
}

fn measure(nodes: u32) {
    let directory = tempfile::TempDir::new().unwrap();
    let store = SqliteStore::create(&directory.path().join("colony.db")).unwrap();
    let drafts = Drafts { stored: draft(), ..Drafts::default() };
    let policy = policy(&drafts.stored);
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let mut snapshot = quiet(nodes, &mut noise);
    let mut saving = Vec::new();
    for _ in 0..MINUTES {
        pass(&mut snapshot, &mut noise);
        let plan = plan(&snapshot, &policy, PlanScope::Everything);
        let recording = Recording {
            sample: None,
            snapshot: &snapshot,
            drafts: &drafts,
            policy: &policy,
            scope: PlanScope::Everything,
            plan: &plan,
            memory: &plan.memory,
        };
        let begun = Stopwatch::now();
        store.save_cycle(&recording).unwrap();
        saving.push(begun.elapsed());
        snapshot.memory = plan.memory;
    }
    let status = store.status().unwrap();
    let whole = serde_json::to_vec(&snapshot).unwrap().len();
    let begun = Stopwatch::now();
    SqliteStore::open_read_only(store.path()).unwrap().last_seen().unwrap().unwrap();
    let last = begun.elapsed();
    let mut replay = Replay::new(PolicyDraft::default().with(Setting::CpuRemove, "60"));
    let begun = Stopwatch::now();
    for cycle in store.cycles(&CycleQuery::default()).unwrap() {
        replay.judge(cycle.cycle, &store.recorded(cycle.cycle).unwrap().unwrap());
    }
    let replayed = begun.elapsed() / replay.finish().cycles;
    saving.sort();
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
    println!(
        "{nodes:>6} {whole:>12} {:>12} {:>10} {:>10} {:>10}",
        status.cycles_bytes / status.cycles,
        ms(saving[saving.len() / 2]),
        ms(last),
        ms(replayed),
    );
}

/// A machine at rest, with everything known of its nodes that can be.
fn quiet(nodes: u32, noise: &mut Noise) -> Snapshot {
    let now = Now {
        wall: Timestamp(1_800_000_000_000),
        instant: Instant {
            boot: BootId("4f8e6c0a-1f4b-4a53".to_owned()),
            uptime_ms: 1_000_000_123,
        },
    };
    let gb = |n: u64| Bytes(n * Bytes::GB);
    let mut memory = wnm_core::observe::EngineMemory::default();
    let views: Vec<NodeView> = (1..=nodes).map(|number| view(number, noise)).collect();
    for view in &views {
        let then =
            Instant { uptime_ms: 900_000_000 + noise.below(90_000_000), ..now.instant.clone() };
        let bytes = Bytes(noise.below(20_000_000_000));
        let size = SizeMemory { at: then.clone(), bytes, base_at: then, base: bytes };
        memory.nodes.entry(view.record()).or_default().size = Some(size);
    }
    Snapshot {
        schema: SCHEMA,
        now,
        machine: MachineView {
            cpus: 16,
            cpu: Some(Percent(30.0)),
            memory: Some(MemorySample { total: gb(64), available: gb(30) }),
            load: Some(LoadAverage { one: 1.0, five: 1.0, fifteen: 1.0 }),
            file_systems: [(
                spec(1).storage,
                FileSystemView {
                    device: 7,
                    total: gb(8000),
                    free: gb(4000),
                    used: Percent(50.0),
                    inodes_used: Some(Percent(1.0)),
                },
            )]
            .into(),
            disk: None,
            network: None,
            stall: None,
            unread: None,
        },
        nodes: views,
        open: Vec::new(),
        requests: Vec::new(),
        begun: Default::default(),
        releases: Default::default(),
        holds: Default::default(),
        memory,
        release: Ok(release()),
        program: None,
        ports: Ok((1..=nodes as u16).map(|port| 20_000 + port).collect()),
        occupied: Ok((1..=nodes).map(id).collect()),
        numbering: None,
        around: Default::default(),
        storage: [(spec(1).storage, Ok(()))].into(),
    }
}

fn view(number: u32, noise: &mut Noise) -> NodeView {
    let peer: String = (0..64).map(|_| format!("{:x}", noise.below(16))).collect();
    let start_ticks = 1_000_000 + noise.below(90_000_000);
    NodeView {
        record: wnm_core::fakes::build::record(number),
        seen: SeenNode { state: NodeState::Running, alive: Some(true) },
        process: Some(ProcessKey { pid: 4000 + number, start_ticks }),
        process_age: Some(Duration::from_millis(1_000_000_123 - start_ticks * 10)),
        restarts: Some(0),
        definition_lost: false,
        evicted: false,
        key_at_risk: false,
        memory: Some(Bytes(150_000_000 + noise.below(20_000) * 4096)),
        cpu_ms: Some(noise.below(90_000_000)),
        facts: NodeFacts {
            version: Some(release().version),
            peer_id: Some(peer),
            peers: Some(200 + noise.below(50)),
            records: Some(noise.below(9000)),
            shunned: Some(0),
            uptime_s: Some(900_000),
            ..NodeFacts::default()
        },
        installed: None,
        examined: false,
        missing: None,
        data_present: Some(true),
        disk: Some(Bytes(noise.below(20_000_000_000))),
        measured: None,
        growth: Some(Bytes(noise.below(500_000_000))),
    }
}

/// A minute in which nothing happens but what always does.
fn pass(snapshot: &mut Snapshot, noise: &mut Noise) {
    let ms = 59_900 + noise.below(200);
    snapshot.now.wall.0 += ms as i64;
    snapshot.now.instant.uptime_ms += ms;
    let machine = &mut snapshot.machine;
    let share = |noise: &mut Noise, from: f64| from + noise.below(10_000_000) as f64 / 1_000_000.0;
    machine.cpu = Some(Percent(share(noise, 25.0)));
    machine.load = Some(LoadAverage {
        one: noise.below(300) as f64 / 100.0,
        five: noise.below(200) as f64 / 100.0,
        fifteen: noise.below(100) as f64 / 100.0,
    });
    if let Some(memory) = &mut machine.memory {
        memory.available.0 = 30_000_000_000 + noise.below(200_000) * 4096;
    }
    for system in machine.file_systems.values_mut() {
        system.free.0 -= noise.below(2000) * 4096;
        system.used = Percent(100.0 - system.free.0 as f64 / system.total.0 as f64 * 100.0);
    }
    for node in &mut snapshot.nodes {
        node.process_age = node.process_age.map(|age| age + Duration::from_millis(ms));
        node.cpu_ms = node.cpu_ms.map(|cpu| cpu + 200 + noise.below(2000));
        node.memory = Some(Bytes(150_000_000 + noise.below(20_000) * 4096));
        node.facts.peers = Some(200 + noise.below(50));
        node.facts.uptime_s = node.facts.uptime_s.map(|uptime| uptime + 60);
        let stored = u64::from(noise.below(20) == 0);
        node.facts.records = node.facts.records.map(|records| records + stored);
    }
}
