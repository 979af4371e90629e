//! Random nodes: their records, and what is seen of them.

use std::path::Path;

use super::super::*;
use super::tape::Tape;
use crate::action::{Action, Mark, PlannedAction, Reason, Stopped};
use crate::model::{
    FileStamp, Installed, NodeRecord, NodeSpec, OpId, RecordId, Release, Shown, Upgrade,
    UpgradeRole, Version,
};
use crate::observe::{
    EndpointReading, NodeReading, ProcessReading, ProcessState, SizeMemory, UnitReading, UnitState,
};

/// Ages in seconds at and beside everything that is waited for.
const AGES: [u64; 27] = [
    50_000, 0, 1, 30, 59, 60, 61, 119, 120, 150, 151, 179, 180, 181, 299, 300, 301, 599, 600, 601,
    1799, 1800, 3599, 3600, 21_600, 86_399, 90_000,
];

/// So long ago, or in an earlier boot where this one is not that old.
pub(super) fn ago(tape: &mut Tape<'_>, now: &Now) -> Instant {
    let ms = tape.pick(&AGES) * 1000;
    match now.instant.uptime_ms.checked_sub(ms) {
        Some(uptime_ms) => Instant { boot: now.instant.boot.clone(), uptime_ms },
        None => Instant { boot: BootId("earlier".into()), uptime_ms: ms },
    }
}

pub(super) fn maybe_ago(tape: &mut Tape<'_>, now: &Now) -> Option<Instant> {
    let never = tape.once_in(2);
    let instant = ago(tape, now);
    (!never).then_some(instant)
}

pub(super) fn unread(why: &str) -> Unread {
    Unread { kind: FaultKind::Timeout, why: why.into() }
}

/// One node with everything that is known of it.
pub(super) struct Made {
    pub(super) record: NodeRecord,
    pub(super) reading: Option<NodeReading>,
    pub(super) memory: NodeMemory,
    pub(super) open: Option<OpenOperation>,
}

pub(super) fn node(
    tape: &mut Tape<'_>,
    number: u32,
    policy: &Policy,
    roots: &BTreeMap<PathBuf, bool>,
    now: &Now,
) -> Option<Made> {
    let mut record = record(tape, number, policy, roots, now)?;
    let open = open(tape, &mut record, now);
    let is_root_there = roots.get(&root_of(&record.spec)).copied().unwrap_or(true);
    Some(Made {
        reading: reading(tape, number, is_root_there),
        memory: memory(tape, number, now),
        record,
        open,
    })
}

/// The storage root of the settings: a container that counts by itself has one of its own in it.
pub(super) fn root_of(spec: &NodeSpec) -> PathBuf {
    match spec.manager.kind.counts_in_containers() {
        true => spec.storage.parent().map(Path::to_path_buf).unwrap_or_default(),
        false => spec.storage.clone(),
    }
}

fn record(
    tape: &mut Tape<'_>,
    number: u32,
    policy: &Policy,
    roots: &BTreeMap<PathBuf, bool>,
    now: &Now,
) -> Option<NodeRecord> {
    let defaults = &policy.nodes;
    let roots: Vec<&PathBuf> = roots.keys().collect();
    let drawn = tape.below(roots.len() as u32) as usize;
    // A container lies in one root, with all that is in it.
    let at = match defaults.manager.kind.counts_in_containers() {
        true => defaults.containers.place_of(id(number)).0 as usize % roots.len(),
        false => drawn,
    };
    let storage = roots[at].clone();
    let shares = defaults.wallets.shares();
    let wallet = shares[tape.below(shares.len() as u32) as usize].address;
    let ports = defaults.ports_of(id(number)).ok()?;
    let spec = defaults.spec_with(id(number), ports, wallet, &storage);
    let want = tape.pick(&[
        Want::Run,
        Want::Run,
        Want::Run,
        Want::StoppedByPressure,
        Want::StoppedByOperator,
        Want::Disabled,
    ]);
    let since = ago(tape, now);
    let cause = tape.pick(&[Removal::Cap, Removal::Disk, Removal::Operator, Removal::Dead]);
    let steady = Phase::Steady;
    let phase = match tape.below(12) {
        // Only a teardown takes a node that is left alone.
        6 | 7 if want == Want::Disabled => Phase::Removing { since, cause: Removal::Operator },
        6 | 7 => Phase::Removing { since, cause },
        // A node that is left alone is in no phase but that of its removal.
        8 if want != Want::Disabled => Phase::Creating { since },
        9..=11 if want != Want::Disabled => Phase::Starting { since },
        _ => steady,
    };
    let created = now.wall.0 - tape.pick(&[90_000_000, 0, 86_399_000, 86_400_000, 900_000_000]);
    let version = tape.pick(&[None, Some(22), Some(23), Some(23), Some(24)]);
    let version = version.map(|minor| Version::new(0, minor, 1));
    let leaves = matches!(phase, Phase::Removing { .. } | Phase::Creating { .. });
    let upgrade = tape.once_in(4).then(|| Upgrade {
        from: Version::new(0, tape.pick(&[21, 22]), 1),
        to: version.clone().unwrap_or(Version::new(0, 23, 1)),
        role: tape.pick(&[UpgradeRole::Canary, UpgradeRole::Wave, UpgradeRole::Asked]),
        since: ago(tape, now),
        before: Shown { peers: tape.pick(&[None, Some(0), Some(4)]), records: Some(5) },
    });
    Some(NodeRecord {
        record: RecordId(i64::from(number) + 500),
        spec,
        want,
        phase,
        version,
        upgrade: upgrade.filter(|_| !leaves),
        created: Timestamp(created - i64::from(tape.below(4)) * 1000),
    })
}

fn reading(tape: &mut Tape<'_>, number: u32, is_root_there: bool) -> Option<NodeReading> {
    use UnitState::{Activating, Evicted, Failed, Missing, Running, Stopped, Stopping};
    if tape.once_in(40) {
        return None;
    }
    let state = tape.pick(&[
        Running, Running, Running, Stopped, Running, Stopped, Failed, Activating, Missing,
        Stopping, Evicted,
    ]);
    let is_up = matches!(state, Running | Stopping) || (state == Activating && tape.once_in(2));
    let pid = is_up.then_some(1000 + number);
    let unit = UnitReading {
        state,
        pid,
        restarts: tape.pick(&[Some(0), Some(2), None]),
        invocation: None,
        definition_lost: tape.once_in(12),
    };
    let unit = if tape.once_in(16) { Err(unread("no answer of its manager")) } else { Ok(unit) };
    let gone = tape.once_in(10);
    let process = ProcessReading {
        state: if gone { ProcessState::Gone } else { ProcessState::Alive },
        key: (!gone).then_some(ProcessKey { pid: 1000 + number, start_ticks: 7 }),
        age_ms: tape.pick(&[Some(5_000_000), Some(0), Some(299_999), Some(300_000), None]),
        memory: tape.pick(&[Some(Bytes(200_000_000)), Some(gb(1)), Some(Bytes(0)), None]),
        cpu_ms: tape.pick(&[Some(10), Some(20), None]),
        port_bound: tape.pick(&[Some(true), Some(true), Some(false), None]),
    };
    let process = pid.map(|_| match tape.once_in(12) {
        true => Err(unread("its process is another user's")),
        false => Ok(process),
    });
    let silent = EndpointReading::Silent { why: "refused".into() };
    let data = match tape.below(10) {
        _ if !is_root_there => Err(unread("its storage is not there")),
        8 => Ok(false),
        9 => Err(unread("its directory cannot be read")),
        _ => Ok(true),
    };
    Some(NodeReading {
        unit,
        process,
        endpoint: tape.pick(&[None, None, Some(EndpointReading::Alive), Some(silent)]),
        facts: NodeFacts {
            records: tape.pick(&[None, Some(0), Some(9)]),
            peers: tape.pick(&[None, Some(0), Some(9)]),
            shunned: tape.pick(&[None, Some(0), Some(3)]),
            ..NodeFacts::default()
        },
        data,
        disk: tape.pick(&[None, Some(gb(10)), Some(gb(200)), Some(Bytes(0)), Some(gb(60))]),
        installed: tape.once_in(3).then(|| match tape.once_in(6) {
            true => Err(unread("its program does not answer")),
            false => Ok(installed(tape)),
        }),
        key_at_risk: tape.once_in(12),
    })
}

fn installed(tape: &mut Tape<'_>) -> Installed {
    let minor = tape.pick(&[23, 22, 24, 25]);
    Installed {
        stamp: FileStamp { inode: minor, size: 1, changed_ms: 0 },
        version: Version::new(0, minor, 1),
        sha256: "0".repeat(64),
        identity: tape.pick(&[None, Some("one"), Some("one"), Some("other")]).map(str::to_owned),
    }
}

fn memory(tape: &mut Tape<'_>, number: u32, now: &Now) -> NodeMemory {
    let deaths = tape.pick(&[0, 0, 0, 1, 2, 3, 4, 5, 9]);
    let last = ago(tape, now);
    let earlier = ago(tape, now);
    let size = SizeMemory {
        at: now.instant.clone(),
        bytes: tape.pick(&[gb(20), gb(1), gb(100)]),
        base_at: ago(tape, now),
        base: gb(1),
    };
    let mut memory = NodeMemory {
        restarts: tape.pick(&[Some(0), Some(1), None]),
        process: tape.pick(&[Some(ProcessKey { pid: 1000 + number, start_ticks: 7 }), None]),
        alive: !tape.once_in(4),
        deaths: vec![last; deaths],
        last_try: (!tape.once_in(3)).then_some(earlier),
        ..NodeMemory::default()
    };
    memory.size = tape.once_in(3).then_some(size);
    memory.installed = tape.once_in(3).then(|| installed(tape));
    memory.identity = tape.pick(&[None, Some("one"), Some("one")]).map(str::to_owned);
    memory.proven = tape.once_in(4).then(|| Version::new(0, 23, 1));
    memory
}

/// What a dead cycle had begun, with the mark that its beginning left in the record.
fn open(tape: &mut Tape<'_>, record: &mut NodeRecord, now: &Now) -> Option<OpenOperation> {
    if !tape.once_in(16) {
        return None;
    }
    let node = record.key();
    let release = Some(release());
    let cause = tape.pick(&[Removal::Operator, Removal::Cap, Removal::Disk]);
    let stopped = tape.pick(&[Stopped::ByPressure, Stopped::ByOperator]);
    let action = tape.pick(&[
        Action::Start { node, release: release.clone() },
        Action::Add { spec: Box::new(record.spec.clone()), release: given(), key: None },
        Action::Stop { node, stopped },
        Action::Restart { node, release },
        Action::Retire { node, cause },
        Action::Remove { node, cause },
        Action::Mend { node },
        Action::Disable { node },
        Action::Release { node },
        Action::Prove { node, version: given().version },
    ]);
    // Nothing else is begun on a node that is left alone or on its way out.
    let is_still_ours = record.counts() || matches!(action, Action::Remove { .. });
    if !is_still_ours {
        return None;
    }
    let mark = Mark::of(&action, record, &ago(tape, now));
    (record.want, record.phase) = (mark.want, mark.phase);
    let planned = PlannedAction { action, reason: Reason::RoomAgain };
    let number = OpId(i64::from(node.id.number()));
    Some(OpenOperation { id: number, record: node.record, planned, begun: now.wall })
}

fn given() -> Release {
    release()
}
