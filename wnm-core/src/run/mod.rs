//! The imperative half that every frontend shares. Effects happen only through `host`.

mod apply;
mod collect;
mod event;
mod report;
mod stop;

pub use apply::withdraw;
pub use event::Event;
pub use report::{CycleError, CycleReport};
pub use stop::Stop;

use std::time::Duration;

use crate::host::{Host, Recording};
use crate::observe::{Ledger, Snapshot, is_worth_keeping, snapshot};
use crate::plan::{Plan, PlanScope, check, plan};
use crate::policy::{Drafts, Policy, PolicyDraft};

/// How a cycle is run.
#[derive(Clone, Debug)]
pub struct CycleOptions {
    /// Decide, but do nothing and store nothing.
    pub dry_run: bool,
    /// Everything, or requests only.
    pub scope: PlanScope,
    /// Settings for this run only, laid over the stored ones.
    pub overrides: PolicyDraft,
    /// By then every node has been looked at, or is silent.
    pub deadline: Duration,
    /// Asks it to end after the action it is at.
    pub stop: Stop,
}

impl CycleOptions {
    /// A whole, real cycle without overrides.
    pub fn new() -> CycleOptions {
        CycleOptions {
            dry_run: false,
            scope: PlanScope::Everything,
            overrides: PolicyDraft::default(),
            deadline: Duration::from_secs(3),
            stop: Stop::default(),
        }
    }
}

impl Default for CycleOptions {
    fn default() -> CycleOptions {
        CycleOptions::new()
    }
}

/// Observes, plans, applies, records: once.
pub fn cycle(
    host: &Host<'_>,
    options: &CycleOptions,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<CycleReport, CycleError> {
    let now = host.clock.now()?;
    let ledger = host.store.load()?;
    let cpus = collect::cpus(host, &ledger, &now);
    let policy =
        Policy::parse(&ledger.draft, &options.overrides, cpus).map_err(CycleError::Policy)?;
    let (snapshot, sample) = look(host, &ledger, &policy, options, &now);
    // What was read is in the snapshot now, and with a thousand nodes it is megabytes.
    let stored = ledger.draft.clone();
    drop(ledger);
    tell(Event::Observed(&snapshot));
    let plan = plan(&snapshot, &policy, options.scope);
    let violations = check(&plan, &snapshot, &policy);
    if !violations.is_empty() {
        return Err(CycleError::Unsound { violations, plan: Box::new(plan) });
    }
    tell(Event::Planned(&plan));
    if options.dry_run {
        return Ok(CycleReport::of_plan(snapshot, policy, plan));
    }
    let apply::Applied { done, left, mut faults, leaves_openings } =
        apply::apply(host, &plan, &snapshot, &now, &options.stop, tell);
    apply::answer(host, &plan, &done, &mut faults);
    let drafts = Drafts { stored, overrides: options.overrides.clone() };
    let sample = sample.as_ref();
    // The memory is that of before what was done; `record` adds it.
    let recording = Recording {
        sample,
        snapshot: &snapshot,
        drafts: &drafts,
        policy: &policy,
        scope: options.scope,
        plan: &plan,
        memory: &plan.memory,
    };
    apply::record(host, &recording, &done, leaves_openings, &mut faults);
    Ok(CycleReport { snapshot, policy, plan, done, left, faults })
}

/// Observes and plans without doing or storing anything, from a ledger already read.
pub fn preview(
    host: &Host<'_>,
    options: &CycleOptions,
) -> Result<(Snapshot, Policy, Plan), CycleError> {
    let options = CycleOptions { dry_run: true, ..options.clone() };
    let report = cycle(host, &options, &mut |_| {})?;
    Ok((report.snapshot, report.policy, report.plan))
}

fn look(
    host: &Host<'_>,
    ledger: &Ledger,
    policy: &Policy,
    options: &CycleOptions,
    now: &crate::model::Now,
) -> (Snapshot, Option<crate::observe::MachineSample>) {
    let readings = collect::collect(host, ledger, policy, options, now);
    let sample = readings.machine.as_ref().ok();
    let sample = sample.filter(|sample| is_worth_keeping(&ledger.samples, sample)).cloned();
    (snapshot(ledger, &readings, &policy.delays, now), sample)
}
