//! The ledger of a simulation: what the store does with records, without a store.

use wnm_core::action::{Action, Mark, Outcome, PlannedAction};
use wnm_core::model::{NodeKey, NodeRecord, Now, RecordId, Request, RequestId, Verb};
use wnm_core::observe::Ledger;
use wnm_core::policy::PolicyDraft;

#[derive(Debug)]
pub(super) struct Book {
    pub(super) ledger: Ledger,
    last_record: i64,
    last_request: i64,
}

impl Book {
    pub(super) fn new(draft: PolicyDraft) -> Book {
        let ledger = Ledger { draft, generation: 1, ..Ledger::default() };
        Book { ledger, last_record: 0, last_request: 0 }
    }

    /// Marks the beginning. `None` for an action on what is not recorded.
    pub(super) fn begin(&mut self, planned: &PlannedAction, now: &Now) -> Option<NodeKey> {
        let action = &planned.action;
        if let Action::Add { spec, release, .. } = action {
            let place = self.ledger.nodes.binary_search_by_key(&spec.id, |known| known.spec.id);
            if let Err(place) = place {
                self.last_record += 1;
                let record = RecordId(self.last_record);
                let record = NodeRecord::added(record, (**spec).clone(), release, now.wall);
                self.ledger.nodes.insert(place, record);
            }
        }
        let record = self.record(action)?;
        let mark = Mark::of(action, record, &now.instant);
        mark.put_into(record);
        Some(record.key())
    }

    /// Marks the end.
    pub(super) fn finish(&mut self, planned: &PlannedAction, outcome: &Outcome) {
        let action = &planned.action;
        if action.forgets() && outcome.is_done() {
            self.ledger.nodes.retain(|record| record.spec.id != action.node());
        } else if let Some(record) = self.record(action) {
            let mark = Mark::after(planned, outcome, record);
            mark.put_into(record);
        }
    }

    fn record(&mut self, action: &Action) -> Option<&mut NodeRecord> {
        let id = action.node();
        let place = self.ledger.nodes.binary_search_by_key(&id, |known| known.spec.id).ok()?;
        let record = self.ledger.nodes.get_mut(place)?;
        action.key().is_none_or(|key| key == record.key()).then_some(record)
    }

    /// An operator asks for something.
    pub(super) fn ask(&mut self, verb: Verb, now: &Now) {
        self.last_request += 1;
        self.ledger.requests.push(Request {
            id: RequestId(self.last_request),
            verb,
            made: now.wall,
            made_at: now.instant.clone(),
        });
    }
}
