use std::collections::{BTreeMap, BTreeSet};

use wnm_core::action::{Action, PlannedAction, Reason};
use wnm_core::fakes::build::{draft, policy, release, seconds};
use wnm_core::host::{Recording, Store};
use wnm_core::model::{NodeKey, Now, Removal};
use wnm_core::observe::{FaultKind, Readings, Snapshot, Unread, snapshot};
use wnm_core::plan::{Plan, PlanScope, plan};
use wnm_core::policy::{Delays, Drafts, Policy};

use super::{Home, add, at, count, done};
use crate::SqliteStore;

pub(super) struct Cycle {
    pub(super) snapshot: Snapshot,
    pub(super) drafts: Drafts,
    pub(super) policy: Policy,
    pub(super) plan: Plan,
}

impl Cycle {
    pub(super) fn idle(store: &SqliteStore, second: u64) -> Cycle {
        Cycle::at(store, &at(second))
    }

    pub(super) fn at(store: &SqliteStore, now: &Now) -> Cycle {
        let unread = || Unread { kind: FaultKind::Timeout, why: "no answer".to_owned() };
        let readings = Readings {
            machine: Err(unread()),
            ports: Ok(BTreeSet::new()),
            nodes: BTreeMap::new(),
            storage: BTreeMap::new(),
            occupied: Err(unread()),
            numbering: None,
            release: Ok(release()),
            program: None,
            around: Default::default(),
            releases: BTreeMap::new(),
        };
        let delays = Delays { start: seconds(300), remove: seconds(300), upgrade: seconds(300) };
        let snapshot = snapshot(&store.load().unwrap(), &readings, &delays, now);
        let policy = policy(&draft());
        let mut plan = plan(&snapshot, &policy, PlanScope::Everything);
        plan.actions.clear();
        Cycle { snapshot, drafts: Drafts { stored: draft(), ..Drafts::default() }, policy, plan }
    }

    pub(super) fn recording(&self) -> Recording<'_> {
        Recording {
            sample: None,
            snapshot: &self.snapshot,
            drafts: &self.drafts,
            policy: &self.policy,
            scope: PlanScope::Everything,
            plan: &self.plan,
            memory: &self.plan.memory,
        }
    }
}

#[test]
fn a_reading_is_written_when_it_changed_and_goes_with_its_node() {
    let (_home, store) = Home::with_store();
    let begun = store.begin(&add(1), &at(10)).unwrap();
    store.finish(begun.op, &done(), at(11).wall).unwrap();
    for second in [20, 30] {
        store.save_cycle(&Cycle::idle(&store, second).recording()).unwrap();
        assert_eq!(count(&store, "readings WHERE at = 20000"), 1, "nothing has changed");
    }
    let mut changed = Cycle::idle(&store, 40);
    changed.snapshot.nodes[0].restarts = Some(1);
    store.save_cycle(&changed.recording()).unwrap();
    assert_eq!(count(&store, "readings WHERE at = 40000"), 1);

    let seen = Cycle::idle(&store, 1001);
    let node = NodeKey { id: wnm_core::fakes::build::id(1), record: begun.record };
    let action = Action::Remove { node, cause: Removal::Operator };
    let planned = PlannedAction { action, reason: Reason::RoomAgain };
    let begun = store.begin(&planned, &at(1002)).unwrap();
    store.finish(begun.op, &done(), at(1003).wall).unwrap();
    assert_eq!(count(&store, "readings"), 0);
    store.save_cycle(&seen.recording()).unwrap();
    assert_eq!(count(&store, "readings"), 0);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
}
