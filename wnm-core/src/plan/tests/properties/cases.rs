//! Random cases: a ledger and readings joined by the real `snapshot`, with a policy.

use std::fmt::{self, Write as _};

use proptest::prelude::*;

use super::super::*;
use super::nodes::{Made, ago, maybe_ago, node, root_of, unread};
use super::policies::{ROOTS, overrides, stored};
use super::tape::Tape;
use crate::model::{NodeId, OpId, Quarantined, RecordId, Version, node_of_directory};
use crate::observe::{
    CpuTimes, Exhaustible, FileSystemSample, IoCounters, Ledger, MachineSample, Numbering,
    PastRemoval, Readings, Stall, StorageReading, snapshot,
};

/// The bytes that a case is made from: shrinking them leaves out nodes, then plainer ones.
#[derive(Clone)]
pub(super) struct Tapes {
    machine: Vec<u8>,
    settings: Vec<u8>,
    nodes: Vec<Vec<u8>>,
    requests: Vec<Vec<u8>>,
    /// The nodes are repeated until there are a thousand.
    many: bool,
}

impl fmt::Debug for Tapes {
    /// What was made from the bytes is what a person wants to see; see [`Case::describe`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |tape: &Vec<u8>| tape.iter().filter(|byte| **byte != 0).count();
        let nodes: Vec<usize> = self.nodes.iter().map(bytes).collect();
        write!(f, "tapes with {nodes:?} bytes set")
    }
}

pub(super) fn tapes() -> impl Strategy<Value = Tapes> {
    let bytes = |count| prop::collection::vec(any::<u8>(), 0..count);
    // Few nodes meet more often than many; full tapes are more interesting than short ones.
    let node = || prop::collection::vec(any::<u8>(), 30..=40);
    let nodes = prop_oneof![
        3 => prop::collection::vec(node(), 0..8),
        1 => prop::collection::vec(node(), 0..=40),
    ];
    let requests = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(bytes(12), 0..5),
    ];
    let settings = prop_oneof![1 => bytes(8), 2 => bytes(160)];
    let machine = prop_oneof![1 => bytes(30), 3 => prop::collection::vec(any::<u8>(), 120)];
    (machine, settings, nodes, requests, prop::bool::weighted(0.003)).prop_map(
        |(machine, settings, nodes, requests, many)| Tapes {
            machine,
            settings,
            nodes,
            requests,
            many,
        },
    )
}

/// One case: everything a cycle plans from.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) stored: PolicyDraft,
    pub(super) overrides: PolicyDraft,
    pub(super) policy: Policy,
    pub(super) ledger: Ledger,
    pub(super) readings: Readings,
    pub(super) now: Now,
    pub(super) snapshot: Snapshot,
}

impl Case {
    pub(super) fn make(tapes: &Tapes) -> Case {
        let repeated = tapes.many && !tapes.nodes.is_empty();
        let count = if repeated { 1000 } else { tapes.nodes.len() };
        let mut tape = Tape::new(&tapes.settings);
        let nodes = count as u32;
        let stored = stored(&mut tape, nodes);
        let overrides = overrides(&mut tape, nodes);
        let policy = Policy::parse(&stored, &overrides, CPUS).unwrap();
        let mut tape = Tape::new(&tapes.machine);
        let now = now(&mut tape);
        let roots = roots(&mut tape, &policy);
        let mut number = 0;
        let made: Vec<Made> = (0..count)
            .filter_map(|at| {
                let mut tape = Tape::new(&tapes.nodes[at % tapes.nodes.len()]);
                number += if tape.once_in(9) { 2 } else { 1 };
                node(&mut tape, number, &policy, &roots, &now)
            })
            .collect();
        let roots = with_containers(roots, &made);
        let readings = readings(&mut tape, &made, &roots, &policy, &now);
        let ledger = ledger(&mut tape, made, &tapes.requests, &policy, &stored, &now);
        Case::of(stored, overrides, ledger, readings, now)
    }

    /// The case of these inputs, as the cycle joins them.
    pub(super) fn of(
        stored: PolicyDraft,
        overrides: PolicyDraft,
        ledger: Ledger,
        readings: Readings,
        now: Now,
    ) -> Case {
        let policy = Policy::parse(&stored, &overrides, CPUS).unwrap();
        let snapshot = snapshot(&ledger, &readings, &policy.delays, &now);
        Case { stored, overrides, policy, ledger, readings, now, snapshot }
    }

    pub(super) fn plan(&self) -> Plan {
        plan(&self.snapshot, &self.policy, PlanScope::Everything)
    }

    /// What a person needs to see of a case that failed.
    pub(super) fn describe(&self) -> String {
        let mut text = String::new();
        let says = |draft: &PolicyDraft, all: bool| -> String {
            let values = draft.values.iter();
            let said = values.filter(|(setting, text)| all || **text != setting.default_text());
            said.map(|(setting, text)| format!("{setting}={text} ")).collect()
        };
        let _ = writeln!(text, "stored: {}", says(&self.stored, false));
        // Here a default may well differ from what is stored.
        let _ = writeln!(text, "for this run: {}", says(&self.overrides, true));
        let _ = writeln!(text, "now: {:?}", self.now.instant);
        let _ = writeln!(text, "machine: {:?}", self.snapshot.machine);
        let _ = writeln!(text, "memory: {:?}", self.snapshot.memory);
        let _ = writeln!(text, "storage: {:?}", self.snapshot.storage);
        for node in self.snapshot.nodes.iter().take(20) {
            let record = &node.record;
            let _ = writeln!(
                text,
                "{} on {}: {:?} alive {:?}, {:?} {:?}, data {:?}, disk {:?}, created {}",
                node.id(),
                record.spec.storage.display(),
                node.seen.state,
                node.seen.alive,
                record.want,
                record.phase,
                node.data_present,
                node.disk,
                record.created.0,
            );
        }
        let _ = writeln!(text, "open: {:?}", self.snapshot.open);
        let _ = writeln!(text, "requests: {:?}", self.snapshot.requests);
        text
    }
}

fn now(tape: &mut Tape<'_>) -> Now {
    let uptime_ms = tape.pick(&[UPTIME_MS, UPTIME_MS, UPTIME_MS, 120_000, 4_000_000]);
    let instant = Instant { boot: BootId("b".into()), uptime_ms };
    Now { wall: Timestamp(1_800_000_000_000), instant }
}

/// The roots there are, and whether each can be used: those of the policy and one of earlier days.
fn roots(tape: &mut Tape<'_>, policy: &Policy) -> BTreeMap<PathBuf, bool> {
    let mut roots = policy.nodes.storage.clone();
    if tape.once_in(5) {
        roots.push(ROOTS[2].into());
    }
    roots.into_iter().map(|root| (root, !tape.once_in(12))).collect()
}

/// With those that containers have in them, which are there when theirs is.
fn with_containers(mut roots: BTreeMap<PathBuf, bool>, made: &[Made]) -> BTreeMap<PathBuf, bool> {
    for spec in made.iter().map(|it| &it.record.spec) {
        let there = roots.get(&root_of(spec)).copied().unwrap_or(true);
        roots.entry(spec.storage.clone()).or_insert(there);
    }
    roots
}

fn readings(
    tape: &mut Tape<'_>,
    made: &[Made],
    roots: &BTreeMap<PathBuf, bool>,
    policy: &Policy,
    now: &Now,
) -> Readings {
    let mut occupied: BTreeSet<NodeId> = made.iter().map(|it| it.record.spec.id).collect();
    let mut ports: BTreeSet<u16> =
        made.iter().flat_map(|it| it.record.spec.ports.all().collect::<Vec<_>>()).collect();
    for _ in 0..tape.below(3) {
        occupied.insert(id(1 + tape.below(45)));
        let port = u32::from(policy.nodes.ports.node) * 1000 + 1 + tape.below(45);
        ports.extend(u16::try_from(port));
    }
    let entries = |root: &PathBuf| {
        let here = made.iter().filter(|it| it.record.spec.storage == *root);
        let there =
            |it: &&Made| it.reading.as_ref().is_some_and(|reading| reading.data == Ok(true));
        here.filter(there).map(|it| it.record.spec.service()).collect()
    };
    let numbering = numbering(tape, made, policy);
    if let Some(Ok(numbering)) = numbering.as_ref().filter(|_| counts_once(policy)) {
        // Numbers are not given twice.
        occupied.extend((1..numbering.next.number()).map(id));
    }
    let storage = roots
        .iter()
        .map(|(root, there)| {
            let entries = if *there { Ok(entries(root)) } else { Err(unread("not mounted")) };
            (root.clone(), StorageReading { entries })
        })
        .collect();
    let machine = machine(tape, roots, policy, now);
    let unknown = |known: bool| if known { Ok(()) } else { Err(unread("no answer")) };
    Readings {
        machine: unknown(!tape.once_in(30)).map(|()| machine),
        ports: unknown(!tape.once_in(30)).map(|()| ports),
        nodes: made
            .iter()
            .filter_map(|it| Some((it.record.spec.id, it.reading.clone()?)))
            .collect(),
        storage,
        occupied: unknown(!tape.once_in(30)).map(|()| occupied),
        numbering,
        release: unknown(!tape.once_in(30)).map(|()| release()),
        program: None,
        around: Default::default(),
        releases: BTreeMap::new(),
    }
}

/// True when no id is given twice, as numbers are not.
fn counts_once(policy: &Policy) -> bool {
    let kind = policy.nodes.manager.kind;
    kind.keeps_removed() && !kind.counts_in_containers()
}

/// What a manager that numbers nodes says of its next one: mostly that it comes after all of ours,
/// sometimes what contradicts the records, or nothing.
fn numbering(
    tape: &mut Tape<'_>,
    made: &[Made],
    policy: &Policy,
) -> Option<Result<Numbering, Unread>> {
    if !policy.nodes.manager.kind.numbers_nodes() {
        return None;
    }
    let mut follow = |last: u32| match tape.below(8) {
        6 => last + 1 + tape.below(4),
        7 => 1 + tape.below(last + 1),
        _ => last + 1,
    };
    let specs = || made.iter().map(|it| &it.record.spec);
    let next = follow(specs().map(|spec| spec.id.number()).max().unwrap_or(0));
    let mut containers: BTreeMap<String, u32> = BTreeMap::new();
    for spec in specs().filter(|spec| spec.manager.kind.counts_in_containers()) {
        let number = node_of_directory(&spec.service()).map_or(0, NodeId::number);
        let last = containers.entry(spec.container.clone().unwrap_or_default()).or_default();
        *last = number.max(*last);
    }
    let mut said = |last: u32| match last % 7 {
        6 => Err(unread("its registry is half")),
        _ => Ok(id(follow(last))),
    };
    let containers = containers.into_iter().map(|(name, last)| (name, said(last))).collect();
    let port = u32::from(policy.nodes.ports.node) * 1000 + 1 + tape.below(45);
    let kept = tape.once_in(3).then(|| u16::try_from(port).ok()).flatten();
    match tape.below(20) {
        18 => None,
        19 => Some(Err(unread("its registry is half"))),
        _ => {
            let ports = kept.into_iter().collect();
            Some(Ok(Numbering { containers, ..Numbering::together(id(next), ports) }))
        }
    }
}

fn machine(
    tape: &mut Tape<'_>,
    roots: &BTreeMap<PathBuf, bool>,
    policy: &Policy,
    now: &Now,
) -> MachineSample {
    let calm = tape.once_in(2);
    let mut percent = |low: f64, high: f64| match calm || tape.once_in(2) {
        true => tape.around(low - 10.0),
        false => {
            let limit = tape.pick(&[high, low, 90.0]);
            tape.around(limit).min(100.0)
        }
    };
    let cpu = percent(policy.cpu.add_below(), policy.cpu.remove_above());
    let used = percent(policy.memory.add_below(), policy.memory.remove_above());
    let load = [(); 3]
        .map(|()| percent(policy.load.add_below() * 8.0, policy.load.remove_above() * 8.0) / 8.0);
    let space = [(); 3]
        .map(|()| percent(policy.disk.band.add_below() - 20.0, policy.disk.band.remove_above()));
    let exhausted = tape.pick(&[false, false, false, false, false, false, true]);
    let available = if exhausted { Bytes(300_000_000) } else { left_of(gb(16), used) };
    let mut rate = || tape.pick(&[0, 50_000_000, 49_999_999, 80_000_000, 80_000_001]) * 60;
    let io = [(); 2].map(|()| IoCounters { read: rate(), written: rate() });
    let mut stall = || tape.pick(&[Some(0.0), Some(10.0), Some(20.0), Some(20.1), None]);
    let stall = Stall { cpu: stall(), memory: stall(), io: stall() };
    let mut file_systems: BTreeMap<PathBuf, FileSystemSample> = BTreeMap::new();
    let is_within = |root: &PathBuf| root.parent().is_some_and(|it| roots.contains_key(it));
    let own = roots.iter().filter(|(root, _)| !is_within(root));
    for ((root, there), used) in own.zip(space) {
        // Roots on one device have the same space.
        let first = file_systems.values().next().filter(|_| tape.once_in(4)).copied();
        let crisis = policy.crisis_bytes.0;
        let free = match tape.below(8) {
            6 => crisis.saturating_sub(1),
            7 => crisis,
            _ => left_of(gb(1000), used).0,
        };
        let inodes = Exhaustible { total: 1000, free: tape.pick(&[900, 100, 99, 250]) };
        let inodes = tape.pick(&[None, None, Some(inodes)]);
        let space = Exhaustible { total: gb(1000).0, free };
        let device = file_systems.len() as u64 + 1;
        if *there {
            let own = FileSystemSample { device, space, inodes };
            file_systems.insert(root.clone(), first.unwrap_or(own));
        }
    }
    for root in roots.keys().filter(|root| is_within(root)) {
        let outer = root.parent().and_then(|outer| file_systems.get(outer)).copied();
        file_systems.extend(outer.map(|outer| (root.clone(), outer)));
    }
    let ticks = 1_000_000;
    let idle = ticks - (cpu * 10_000.0).round() as u64;
    MachineSample {
        at: now.clone(),
        cpus: CPUS,
        cpu: (!tape.once_in(12)).then_some(CpuTimes { total: ticks, idle, iowait: 0 }),
        memory: (!tape.once_in(12)).then_some(MemorySample { total: gb(16), available }),
        load: (!tape.once_in(12)).then_some(LoadAverage {
            one: load[0],
            five: load[1],
            fifteen: load[2],
        }),
        file_systems,
        disks: BTreeMap::from([(1, io[0])]),
        network: (!tape.once_in(12)).then(|| BTreeMap::from([("eth0".to_owned(), io[1])])),
        stall: (!tape.once_in(4)).then_some(stall),
    }
}

fn left_of(total: Bytes, used: f64) -> Bytes {
    Bytes((total.0 as f64 * (100.0 - used.clamp(0.0, 100.0)) / 100.0) as u64)
}

fn ledger(
    tape: &mut Tape<'_>,
    made: Vec<Made>,
    requests: &[Vec<u8>],
    policy: &Policy,
    stored: &PolicyDraft,
    now: &Now,
) -> Ledger {
    let roots: Vec<PathBuf> = made.iter().map(|it| it.record.spec.storage.clone()).collect();
    let mut memory = engine_memory(tape, policy, &roots, now);
    let keys: Vec<NodeKey> = made.iter().map(|it| it.record.key()).collect();
    let mut ledger = Ledger { draft: stored.clone(), ..Ledger::default() };
    for it in made {
        memory.nodes.insert(it.record.record, it.memory);
        ledger.nodes.push(it.record);
        ledger.open.extend(it.open);
    }
    for (number, bytes) in (1..).zip(requests) {
        let mut tape = Tape::new(bytes);
        let request = asked(&mut tape, number, &keys, now);
        if tape.once_in(6) && !keys.is_empty() {
            let first = request.verb.nodes().first().map_or(keys[0].record, |key| key.record);
            ledger.begun.insert(request.id, [first].into());
        }
        ledger.requests.push(request);
    }
    ledger.open.sort_by_key(|open| std::cmp::Reverse::<OpId>(open.id));
    ledger.samples = match tape.once_in(10) {
        true => Vec::new(),
        false => vec![earlier(now)],
    };
    ledger.memory = memory;
    ledger.holds.paused = tape.once_in(8).then_some(Timestamp(0));
    if tape.once_in(8) {
        ledger.holds.quarantined.push(Quarantined {
            program: policy.nodes.program,
            version: release().version,
            since: Timestamp(0),
            why: "it died".into(),
        });
    }
    ledger
}

/// The earlier sample, to which every rate is the difference: all its counters stand at 0.
fn earlier(now: &Now) -> MachineSample {
    let zero = IoCounters { read: 0, written: 0 };
    let mut at = now.clone();
    at.instant.uptime_ms -= 60_000;
    MachineSample {
        at,
        cpus: CPUS,
        cpu: Some(CpuTimes { total: 0, idle: 0, iowait: 0 }),
        memory: None,
        load: None,
        file_systems: BTreeMap::new(),
        disks: BTreeMap::from([(1, zero)]),
        network: Some(BTreeMap::from([("eth0".to_owned(), zero)])),
        stall: None,
    }
}

fn asked(tape: &mut Tape<'_>, number: i64, keys: &[NodeKey], now: &Now) -> Request {
    let nodes: Vec<NodeKey> = (0..1 + tape.below(3))
        .filter_map(|_| {
            let mut key = *keys.get(tape.below(keys.len() as u32) as usize)?;
            if tape.once_in(12) {
                key.record = RecordId(9_000);
            }
            Some(key)
        })
        .collect();
    let verb = match tape.below(10) {
        0 => Verb::Add { count: tape.below(4) },
        1 => Verb::Start { nodes },
        2 => Verb::Stop { nodes },
        3 => Verb::Restart { nodes },
        4 => Verb::Remove { nodes },
        5 => Verb::Disable { nodes },
        6 => Verb::Enable { nodes },
        7 => Verb::Upgrade {
            nodes,
            to: tape.pick(&[None, Some(23), Some(21)]).map(|minor| Version::new(0, minor, 1)),
            allow_downgrade: tape.once_in(2),
        },
        8 => Verb::Release { nodes },
        _ => Verb::Teardown { nodes: keys.to_vec() },
    };
    let made_at = if tape.once_in(4) { ago(tape, now) } else { now.instant.clone() };
    let minutes = tape.pick(&[0, 0, 0, 59, 61]);
    let made = Timestamp(now.wall.0 - minutes * 60_000);
    Request { id: RequestId(number), verb, made, made_at }
}

fn engine_memory(
    tape: &mut Tape<'_>,
    policy: &Policy,
    roots: &[PathBuf],
    now: &Now,
) -> EngineMemory {
    let mut memory = EngineMemory {
        boot: tape
            .pick(&[Some("b"), Some("b"), Some("b"), Some("b"), Some("earlier"), None])
            .map(|boot| BootId(boot.into())),
        ..EngineMemory::default()
    };
    let gap = tape.pick(&[60, 60, 60, 0, 150, 151, 90_000]) * 1000;
    let before = now.instant.uptime_ms.saturating_sub(gap);
    memory.last_look = Some(Instant { uptime_ms: before, ..now.instant.clone() });
    let mut resources = vec![Resource::Cpu, Resource::Memory, Resource::Load];
    resources.extend(policy.optional.keys().cloned());
    for root in roots.iter().chain(&policy.nodes.storage) {
        resources.extend([Resource::Disk(root.clone()), Resource::Inodes(root.clone())]);
    }
    resources.sort();
    resources.dedup();
    for resource in resources {
        if let Some(since) = maybe_ago(tape, now) {
            memory.over.insert(resource.clone(), since);
        }
        if tape.once_in(4) {
            let round = Round { count: tape.pick(&[1, 2, 5, 12]), at: ago(tape, now) };
            memory.rounds.insert(resource, round);
        }
    }
    memory.urgent = maybe_ago(tape, now);
    memory.room = maybe_ago(tape, now);
    memory.last_growth = maybe_ago(tape, now);
    memory.last_stop = maybe_ago(tape, now);
    memory.last_shed = maybe_ago(tape, now);
    for _ in 0..tape.pick(&[0, 0, 0, 1, 3, 4, 5]) {
        memory.removals.push(PastRemoval { at: ago(tape, now), disk: tape.once_in(2) });
    }
    memory
}
