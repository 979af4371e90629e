//! The store as if something had been asked for: what a dry run of a request looks at.

use wnm_core::action::{Outcome, PlannedAction};
use wnm_core::host::{Beginning, HostError, HostResult, Recording, Store};
use wnm_core::model::{Answer, Now, OpId, Request, RequestId, Timestamp};
use wnm_core::observe::{FaultKind, Ledger};

pub(super) struct Supposing<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) request: Request,
}

fn never<T>() -> HostResult<T> {
    Err(HostError::new("a dry run writes nothing", FaultKind::Refused))
}

impl Store for Supposing<'_> {
    fn load(&self) -> HostResult<Ledger> {
        let mut ledger = self.store.load()?;
        ledger.requests.push(self.request.clone());
        Ok(ledger)
    }

    fn begin(&self, _: &PlannedAction, _: &Now) -> HostResult<Beginning> {
        never()
    }

    fn finish(&self, _: OpId, _: &Outcome, _: Timestamp) -> HostResult<()> {
        never()
    }

    fn save_cycle(&self, _: &Recording<'_>) -> HostResult<()> {
        never()
    }

    fn answer(&self, _: RequestId, _: &Answer, _: Timestamp) -> HostResult<()> {
        never()
    }
}
