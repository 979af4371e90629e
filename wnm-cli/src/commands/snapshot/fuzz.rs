//! What must hold whatever a recorded cycle says.

use std::time::Duration;

use wnm_core::fakes::{MemoryStore, SimHost, World, build};
use wnm_core::observe::SCHEMA;
use wnm_core::plan::{PlanScope, check, plan as decide};
use wnm_core::policy::{Drafts, Setting};
use wnm_core::run::{CycleOptions, cycle};

use super::{Recorded, output};

/// A file with a cycle: what is decided from it is sound, and decided again the same.
pub fn snapshot(data: &[u8]) {
    let Ok(recorded) = serde_json::from_slice::<Recorded>(data) else { return };
    let Recorded { snapshot, policy, scope, plan: then, .. } = recorded;
    let plan = decide(&snapshot, &policy, scope);
    check(&plan, &snapshot, &policy);
    assert_eq!(decide(&snapshot, &policy, scope), plan, "equal inputs, equal plan");
    output::plan_again_text(&snapshot, &policy, &plan, then.as_ref());
}

/// Some of a modelled machine.
pub fn snapshots() -> Vec<Vec<u8>> {
    let sim = SimHost::new(World::new());
    let settings = build::eager_draft().with(Setting::NodeCap, "3");
    let store = MemoryStore::with_settings(&settings);
    let mut made = Vec::new();
    for minute in 1..=6 {
        sim.world().advance(Duration::from_secs(60));
        if minute == 4 {
            sim.world().kill(build::id(1));
        }
        let report = cycle(&sim.host(&store), &CycleOptions::new(), &mut |_| {});
        let report = report.expect("the store and the clock answer");
        let recorded = Recorded {
            schema: SCHEMA,
            wnm: None,
            cycle: None,
            scope: PlanScope::default(),
            drafts: Drafts::default(),
            policy: report.policy,
            snapshot: report.snapshot,
            plan: Some(report.plan),
        };
        made.push(serde_json::to_vec(&recorded).expect("it is JSON"));
    }
    made
}
