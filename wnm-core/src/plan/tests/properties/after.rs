//! What a machine looks like right after everything that was planned has been done: marks as the
//! store writes them, effects as every step ensures them.

use super::cases::Case;
use super::*;
use crate::action::{Action, Done, Mark, Outcome, PlannedAction};
use crate::model::{FileStamp, Installed, NodeRecord, NodeSpec, RecordId, Version};
use crate::observe::{
    Ledger, NodeReading, ProcessReading, ProcessState, Readings, UnitReading, UnitState,
};

pub(super) fn after(case: &Case, plan: &Plan) -> Case {
    let mut ledger = case.ledger.clone();
    let mut readings = case.readings.clone();
    let mut memory = plan.memory.clone();
    let mut done = Vec::new();
    for planned in &plan.actions {
        let Some(node) = recorded(&mut ledger, &planned.action, &case.now) else { continue };
        memory = memory.begun(planned, &case.now.instant);
        let outcome = Outcome::Done { changes: vec![] };
        mark(&mut ledger, planned, &outcome, node, &case.now);
        let spec = spec_of(case, planned);
        effect(&mut readings, &planned.action, &spec);
        ledger.open.retain(|open| open.record != node.record);
        done.push(Done { node, planned: planned.clone(), outcome });
    }
    // What was counted when it began is not counted again when it ends.
    ledger.memory = plan.memory.after(&done, &case.snapshot);
    assert_eq!(memory.removals, ledger.memory.removals, "counted once");
    ledger.requests.clear();
    ledger.begun.clear();
    Case::of(case.stored.clone(), case.overrides.clone(), ledger, readings, case.now.clone())
}

fn spec_of(case: &Case, planned: &PlannedAction) -> NodeSpec {
    match &planned.action {
        Action::Add { spec, .. } => (**spec).clone(),
        action => case.snapshot.node(action.node()).unwrap().record.spec.clone(),
    }
}

/// The record that an action works on; an addition makes it.
fn recorded(ledger: &mut Ledger, action: &Action, now: &Now) -> Option<NodeKey> {
    let known = ledger.nodes.iter().find(|record| record.spec.id == action.node());
    if let Some(known) = known {
        return Some(known.key());
    }
    let Action::Add { spec, .. } = action else { return None };
    // No number is given twice, not even that of a node that has gone meanwhile.
    ledger.generation += 1;
    let record = NodeRecord {
        record: RecordId(1_000_000 + ledger.generation as i64),
        spec: (**spec).clone(),
        want: Want::Run,
        phase: Phase::Steady,
        version: None,
        created: now.wall,
        upgrade: None,
    };
    let key = record.key();
    ledger.nodes.push(record);
    Some(key)
}

fn mark(ledger: &mut Ledger, planned: &PlannedAction, outcome: &Outcome, node: NodeKey, now: &Now) {
    let action = &planned.action;
    if action.forgets() {
        ledger.nodes.retain(|record| record.record != node.record);
        return;
    }
    let mine = |record: &&mut NodeRecord| record.record == node.record;
    let Some(record) = ledger.nodes.iter_mut().find(mine) else { return };
    let begun = Mark::of(action, record, &now.instant);
    begun.put_into(record);
    let ended = Mark::after(planned, outcome, record);
    ended.put_into(record);
}

fn effect(readings: &mut Readings, action: &Action, spec: &NodeSpec) {
    let id = spec.id;
    match action {
        Action::Add { .. } => {
            readings.nodes.insert(id, living(id.number(), None));
            occupy(readings, spec);
        }
        Action::Start { .. } | Action::Restart { .. } => {
            let before = readings.nodes.remove(&id);
            readings.nodes.insert(id, living(id.number(), before));
        }
        Action::Upgrade { release, start, .. } => {
            replaced(readings, spec, &release.version, *start);
        }
        Action::Revert { to, start, .. } => replaced(readings, spec, to, *start),
        Action::Prove { .. } | Action::Recognise { .. } => {}
        Action::Stop { .. } | Action::Retire { .. } => {
            if let Some(reading) = readings.nodes.get_mut(&id) {
                reading.unit = Ok(unit(UnitState::Stopped, None));
                reading.process = None;
            }
        }
        Action::Mend { .. } => {
            if let Some(reading) = readings.nodes.get_mut(&id) {
                reading.key_at_risk = false;
                if let Ok(unit) = reading.unit.as_mut() {
                    unit.definition_lost = false;
                }
            }
        }
        Action::Remove { .. } => {
            readings.nodes.remove(&id);
            vacate(readings, spec);
        }
        Action::Move { .. } => {
            if let Some(reading) = readings.nodes.get_mut(&id) {
                reading.unit = Ok(unit(UnitState::Stopped, None));
                reading.process = None;
            }
        }
        Action::Clear { .. } => {}
        Action::Release { .. } => drop(readings.nodes.remove(&id)),
        Action::Reprieve { .. } | Action::Disable { .. } | Action::Enable { .. } => {}
    }
}

/// The key is the one before: what was lost comes back with the program that was kept.
fn replaced(readings: &mut Readings, spec: &NodeSpec, version: &Version, start: bool) {
    let before = readings.nodes.remove(&spec.id);
    let mut after = match (start, before) {
        (true, before) => living(spec.id.number(), before),
        (false, Some(before)) => {
            NodeReading { unit: Ok(unit(UnitState::Stopped, None)), process: None, ..before }
        }
        (false, None) => return,
    };
    let stamp = FileStamp { inode: 900, size: 1, changed_ms: 0 };
    let (version, sha256) = (version.clone(), "1".repeat(64));
    after.installed = Some(Ok(Installed { stamp, version, sha256, identity: None }));
    readings.nodes.insert(spec.id, after);
}

fn occupy(readings: &mut Readings, spec: &NodeSpec) {
    if let Ok(ids) = &mut readings.occupied {
        ids.insert(spec.id);
    }
    if let Ok(ports) = &mut readings.ports {
        ports.extend(spec.ports.all());
    }
    if let Some(Ok(names)) = readings.storage.get_mut(&spec.storage).map(|it| &mut it.entries) {
        names.insert(spec.id.to_string());
    }
}

fn vacate(readings: &mut Readings, spec: &NodeSpec) {
    if let Ok(ids) = &mut readings.occupied {
        ids.remove(&spec.id);
    }
    if let Ok(ports) = &mut readings.ports {
        ports.retain(|port| spec.ports.all().all(|own| own != *port));
    }
    if let Some(Ok(names)) = readings.storage.get_mut(&spec.storage).map(|it| &mut it.entries) {
        names.remove(&spec.id.to_string());
    }
}

fn unit(state: UnitState, pid: Option<u32>) -> UnitReading {
    UnitReading { state, pid, restarts: Some(0), invocation: None, definition_lost: false }
}

fn living(number: u32, before: Option<NodeReading>) -> NodeReading {
    let pid = 100_000 + number;
    let process = ProcessReading {
        state: ProcessState::Alive,
        key: Some(ProcessKey { pid, start_ticks: 9 }),
        age_ms: Some(0),
        memory: Some(Bytes(100_000_000)),
        cpu_ms: Some(1),
        port_bound: None,
    };
    NodeReading {
        unit: Ok(unit(UnitState::Running, Some(pid))),
        process: Some(Ok(process)),
        endpoint: None,
        facts: NodeFacts::default(),
        data: before.as_ref().map_or(Ok(true), |it| it.data.clone()),
        disk: before.and_then(|it| it.disk),
        installed: None,
        key_at_risk: false,
    }
}
