//! A store in memory: the real one's promises without a file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::action::{Action, Mark, Outcome, PlannedAction, Reason};
use crate::host::{
    Beginning, CycleQuery, CycleSummary, HistoryQuery, HostError, HostResult, Intents, LastSeen,
    Recording, Store,
};
use crate::model::{
    Answer, CycleId, NodeKey, NodeRecord, NodeSpec, Now, OpId, Program, Quarantined, RecordId,
    Release, Request, RequestId, Timestamp, UpgradeHolds, Verb, Version,
};
use crate::observe::{
    EngineMemory, FaultKind, Ledger, MachineSample, OpRecord, OpenOperation, SCHEMA, keep_sample,
};
use crate::policy::PolicyDraft;

/// Implements [`Store`] and [`Intents`], and fails when told to.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    draft: PolicyDraft,
    generation: u64,
    /// The highest number given so far; none is given twice.
    last_record: i64,
    nodes: BTreeMap<RecordId, NodeRecord>,
    journal: Vec<OpRecord>,
    requests: Vec<(Request, Option<Answer>)>,
    samples: Vec<MachineSample>,
    memory: EngineMemory,
    holds: UpgradeHolds,
    last_cycle: i64,
    cycles: Vec<(CycleId, LastSeen)>,
    fail_begin: Option<FaultKind>,
    fail_finish: Option<FaultKind>,
    fail_save: Option<FaultKind>,
    fail_answer: Option<FaultKind>,
}

/// Long stories must not fill the memory.
const CYCLES_AT_MOST: usize = 200;

impl MemoryStore {
    /// An empty one.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// One that holds these settings, as their first generation.
    pub fn with_settings(draft: &PolicyDraft) -> MemoryStore {
        let store = MemoryStore::new();
        store.set_policy(draft, Timestamp(0)).unwrap();
        store
    }

    /// The next operation cannot be begun.
    pub fn fail_next_begin(&self, kind: FaultKind) {
        self.state().fail_begin = Some(kind);
    }

    /// The next outcome cannot be written: the operation stays open.
    pub fn fail_next_finish(&self, kind: FaultKind) {
        self.state().fail_finish = Some(kind);
    }

    /// The next cycle cannot be kept.
    pub fn fail_next_save(&self, kind: FaultKind) {
        self.state().fail_save = Some(kind);
    }

    /// The next answer cannot be written: the request stays.
    pub fn fail_next_answer(&self, kind: FaultKind) {
        self.state().fail_answer = Some(kind);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&self) -> HostResult<Ledger> {
        let state = self.state();
        let mut nodes: Vec<NodeRecord> = state.nodes.values().cloned().collect();
        nodes.sort_by_key(|record| record.spec.id);
        let begun = |request: &Request| {
            let mine = |line: &&OpRecord| line.planned.reason == Reason::Request { id: request.id };
            let records = state.journal.iter().filter(mine).map(|line| line.node.record);
            (request.id, records.collect::<BTreeSet<_>>())
        };
        Ok(Ledger {
            begun: state
                .requests
                .iter()
                .filter(|(_, answer)| answer.is_none())
                .map(|(request, _)| begun(request))
                .filter(|(_, records)| !records.is_empty())
                .collect(),
            draft: state.draft.clone(),
            generation: state.generation,
            nodes,
            open: state.open(),
            requests: state
                .requests
                .iter()
                .filter(|(_, answer)| answer.is_none())
                .map(|(request, _)| request.clone())
                .collect(),
            samples: state.samples.clone(),
            memory: state.memory.clone(),
            holds: state.holds.clone(),
        })
    }

    fn begin(&self, planned: &PlannedAction, now: &Now) -> HostResult<Beginning> {
        let mut state = self.state();
        let op = format!("begin {}", planned.action);
        if let Some(kind) = state.fail_begin.take() {
            return Err(HostError::with(op, kind, "the store was told to fail"));
        }
        let begun = state.begin(planned, now);
        begun.map_err(|why| HostError::with(op, FaultKind::Conflict, why))
    }

    fn finish(&self, op: OpId, outcome: &Outcome, at: Timestamp) -> HostResult<()> {
        let mut state = self.state();
        if let Some(kind) = state.fail_finish.take() {
            let what = format!("finish operation {op}");
            return Err(HostError::with(what, kind, "the store was told to fail"));
        }
        state.finish(op, outcome, at)
    }

    fn save_cycle(&self, recording: &Recording<'_>) -> HostResult<()> {
        let mut state = self.state();
        if let Some(kind) = state.fail_save.take() {
            return Err(HostError::with("keep the cycle", kind, "the store was told to fail"));
        }
        if let Some(sample) = recording.sample {
            keep_sample(&mut state.samples, sample.clone());
        }
        state.memory = recording.memory.clone();
        let seen = LastSeen {
            snapshot: recording.snapshot.clone(),
            policy: recording.policy.clone(),
            plan: recording.plan.clone(),
            scope: recording.scope,
            drafts: recording.drafts.clone(),
        };
        state.last_cycle += 1;
        let cycle = CycleId(state.last_cycle);
        state.cycles.push((cycle, seen));
        forget_cycles(&mut state.cycles, recording);
        Ok(())
    }

    fn answer(&self, request: RequestId, answer: &Answer, _at: Timestamp) -> HostResult<()> {
        let mut state = self.state();
        if let Some(kind) = state.fail_answer.take() {
            return Err(HostError::with("answer a request", kind, "the store was told to fail"));
        }
        let given = &mut find(&mut state.requests, request)?.1;
        if given.is_some() {
            let why = format!("request {request} was answered before");
            return Err(HostError::new(why, FaultKind::Conflict));
        }
        *given = Some(answer.clone());
        Ok(())
    }
}

impl Intents for MemoryStore {
    fn request(&self, verb: &Verb, now: &Now) -> HostResult<RequestId> {
        let mut state = self.state();
        let id = RequestId(state.requests.len() as i64 + 1);
        let request =
            Request { id, verb: verb.clone(), made: now.wall, made_at: now.instant.clone() };
        state.requests.push((request, None));
        Ok(id)
    }

    fn answer_to(&self, request: RequestId) -> HostResult<Option<Answer>> {
        let mut state = self.state();
        Ok(find(&mut state.requests, request)?.1.clone())
    }

    fn set_policy(&self, draft: &PolicyDraft, _at: Timestamp) -> HostResult<u64> {
        let mut state = self.state();
        state.draft = draft.clone();
        state.generation += 1;
        Ok(state.generation)
    }

    fn pause_upgrades(&self, paused: Option<Timestamp>) -> HostResult<bool> {
        let mut state = self.state();
        let was = state.holds.paused.is_some();
        if was != paused.is_some() {
            state.holds.paused = paused;
        }
        Ok(was != paused.is_some())
    }

    fn unquarantine(&self, program: Program, version: &Version) -> HostResult<bool> {
        let mut state = self.state();
        let before = state.holds.quarantined.len();
        state.holds.quarantined.retain(|it| it.program != program || it.version != *version);
        Ok(state.holds.quarantined.len() < before)
    }

    fn history(&self, query: &HistoryQuery) -> HostResult<Vec<OpRecord>> {
        let state = self.state();
        let wanted = |line: &&OpRecord| {
            let named = query.nodes.is_empty() || query.nodes.contains(&line.node.id);
            named && query.since.is_none_or(|since| line.begun >= since)
        };
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        let latest = state.journal.iter().rev().filter(wanted).take(limit);
        let mut lines: Vec<OpRecord> = latest.cloned().collect();
        lines.reverse();
        Ok(lines)
    }

    fn last_seen(&self) -> HostResult<Option<LastSeen>> {
        let state = self.state();
        Ok(state.cycles.last().and_then(|(_, seen)| readable(seen)))
    }

    fn cycles(&self, query: &CycleQuery) -> HostResult<Vec<CycleSummary>> {
        let state = self.state();
        let summary = |(cycle, seen): &(CycleId, LastSeen)| CycleSummary {
            cycle: *cycle,
            at: seen.snapshot.now.wall,
            nodes: seen.snapshot.nodes.len() as u32,
            actions: seen.plan.actions.len() as u32,
        };
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        let latest = state.cycles.iter().rev().map(summary).filter(|cycle| query.wants(cycle.at));
        let mut cycles: Vec<CycleSummary> = latest.take(limit).collect();
        cycles.reverse();
        Ok(cycles)
    }

    fn recorded(&self, cycle: CycleId) -> HostResult<Option<LastSeen>> {
        let state = self.state();
        let found = state.cycles.iter().find(|(id, _)| *id == cycle);
        Ok(found.and_then(|(_, seen)| readable(seen)))
    }
}

impl State {
    fn open(&self) -> Vec<OpenOperation> {
        self.journal
            .iter()
            .filter(|line| line.ended.is_none() && self.nodes.contains_key(&line.node.record))
            .map(|line| OpenOperation {
                id: line.id,
                record: line.node.record,
                planned: line.planned.clone(),
                begun: line.begun,
            })
            .collect()
    }

    fn begin(&mut self, planned: &PlannedAction, now: &Now) -> Result<Beginning, String> {
        let action = &planned.action;
        let node = match (action, action.key()) {
            (Action::Add { spec, release, .. }, _) => self.added(spec, release, now)?,
            (_, Some(node)) => self.recorded(node)?,
            (_, None) => return Err(format!("{action} names no record")),
        };
        let record = self.nodes.get_mut(&node.record).unwrap();
        let mark = Mark::of(action, record, &now.instant);
        mark.put_into(record);
        let program = record.spec.program;
        if EngineMemory::is_changed_by(planned, record) {
            self.memory = self.memory.begun(planned, &now.instant);
        }
        self.quarantine(planned, program, now);
        // Nobody will finish what was begun before on the same node.
        for line in &mut self.journal {
            if line.node.record == node.record && line.ended.is_none() {
                line.ended = Some(now.wall);
            }
        }
        let op = OpId(self.journal.len() as i64 + 1);
        self.journal.push(OpRecord {
            id: op,
            node,
            planned: planned.clone(),
            begun: now.wall,
            ended: None,
            outcome: None,
        });
        Ok(Beginning { op, record: node.record })
    }

    fn added(&mut self, spec: &NodeSpec, release: &Release, now: &Now) -> Result<NodeKey, String> {
        let mut known = self.nodes.values();
        if let Some(known) = known.find(|known| known.spec.id == spec.id) {
            return match known.spec == *spec {
                true => Ok(known.key()),
                false => Err(format!("{} is recorded with another spec", spec.id)),
            };
        }
        let in_the_way = |known: &&NodeRecord| {
            known.spec.ports.node == spec.ports.node || known.spec.data == spec.data
        };
        if self.nodes.values().find(in_the_way).is_some() {
            return Err("another node has it already".to_owned());
        }
        self.last_record += 1;
        let record = NodeRecord::added(RecordId(self.last_record), spec.clone(), release, now.wall);
        let key = record.key();
        self.nodes.insert(record.record, record);
        Ok(key)
    }

    fn recorded(&self, node: NodeKey) -> Result<NodeKey, String> {
        match self.nodes.get(&node.record) {
            Some(known) if known.spec.id == node.id => Ok(node),
            _ => Err(format!("{node} is not record {}", node.record)),
        }
    }

    fn finish(&mut self, op: OpId, outcome: &Outcome, at: Timestamp) -> HostResult<()> {
        let Some(line) = self.journal.iter_mut().find(|line| line.id == op) else {
            let why = format!("there is no operation {op}");
            return Err(HostError::new(why, FaultKind::NotFound));
        };
        if line.ended.is_some() {
            let why = format!("operation {op} has ended before");
            return Err(HostError::new(why, FaultKind::Conflict));
        }
        (line.ended, line.outcome) = (Some(at), Some(outcome.clone()));
        let node = line.node.record;
        let planned = line.planned.clone();
        if planned.action.forgets() && outcome.is_done() {
            self.nodes.remove(&node);
        } else if let Some(record) = self.nodes.get_mut(&node) {
            let mark = Mark::after(&planned, outcome, record);
            mark.put_into(record);
        }
        Ok(())
    }

    fn quarantine(&mut self, planned: &PlannedAction, program: Program, now: &Now) {
        let Action::Revert { from: version, quarantine: Some(why), .. } = &planned.action else {
            return;
        };
        if self.holds.quarantine(program, version).is_none() {
            let (version, why) = (version.clone(), why.clone());
            self.holds.quarantined.push(Quarantined { program, version, since: now.wall, why });
        }
    }
}

fn find(
    requests: &mut [(Request, Option<Answer>)],
    id: RequestId,
) -> HostResult<&mut (Request, Option<Answer>)> {
    let found = requests.iter_mut().find(|(request, _)| request.id == id);
    found.ok_or_else(|| HostError::new(format!("there is no request {id}"), FaultKind::NotFound))
}

/// Another version's shape is nothing to this one.
fn readable(seen: &LastSeen) -> Option<LastSeen> {
    (seen.snapshot.schema == SCHEMA).then(|| seen.clone())
}

fn forget_cycles(cycles: &mut Vec<(CycleId, LastSeen)>, latest: &Recording<'_>) {
    let (now, age) = (&latest.snapshot.now, latest.policy.keep.age);
    let last = cycles.last().map(|(cycle, _)| *cycle);
    let is_old = |seen: &LastSeen| {
        let then = &seen.snapshot.now;
        let same_boot = then.instant.boot == now.instant.boot;
        now.wall.since(then.wall) > age && (!same_boot || then.instant.age(&now.instant) > age)
    };
    cycles.retain(|(cycle, seen)| Some(*cycle) == last || !is_old(seen));
    cycles.drain(..cycles.len().saturating_sub(CYCLES_AT_MOST));
}

#[cfg(test)]
mod tests {
    use super::super::build::{id, release, spec};
    use super::super::{StoreAndIntents, store_contract};
    use super::*;
    use crate::action::Reason;
    use crate::model::{BootId, Instant};

    #[test]
    fn it_keeps_the_contract() {
        store_contract(&mut || -> Box<dyn StoreAndIntents> { Box::new(MemoryStore::new()) });
    }

    #[test]
    fn it_fails_once_when_told_to() {
        let store = MemoryStore::new();
        let now = Now {
            wall: Timestamp(1),
            instant: Instant { boot: BootId("b".to_owned()), uptime_ms: 1 },
        };
        let add = PlannedAction {
            action: Action::Add { spec: Box::new(spec(1)), release: release(), key: None },
            reason: Reason::RoomAgain,
        };

        store.fail_next_begin(FaultKind::Full);
        assert_eq!(store.begin(&add, &now).unwrap_err().kind, FaultKind::Full);
        assert_eq!(store.load().unwrap(), Ledger::default());

        let begun = store.begin(&add, &now).unwrap();
        let done = Outcome::Done { changes: vec![] };
        store.fail_next_finish(FaultKind::ReadOnly);
        let refused = store.finish(begun.op, &done, Timestamp(2)).unwrap_err();
        assert_eq!(refused.kind, FaultKind::ReadOnly);
        assert_eq!(store.load().unwrap().open.len(), 1);

        store.finish(begun.op, &done, Timestamp(3)).unwrap();
        assert_eq!(store.load().unwrap().open.len(), 0);
        assert_eq!(store.load().unwrap().nodes[0].spec.id, id(1));
    }
}
