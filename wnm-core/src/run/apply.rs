//! Carries a plan out: journal, steps, journal. No choice is made here.

use super::{CycleReport, Event, Stop};
use crate::action::{Action, Change, Done, Fault, Outcome, PlannedAction, Reason, Step};
use crate::host::{Host, HostResult, Recording};
use crate::model::{Answer, NodeKey, NodeSpec, Now, PortRule, RequestId, Timestamp};
use crate::observe::Snapshot;
use crate::plan::{Plan, lower};

/// What came of a plan.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) done: Vec<Done>,
    /// Not begun, because it was to end early.
    pub(super) left: Vec<PlannedAction>,
    pub(super) faults: Vec<String>,
    /// An opening of ours may have been left.
    pub(super) leaves_openings: bool,
}

/// Applies every action in order. An action stops at its first failed step; the next one is tried
/// all the same. A journal that cannot be written ends it: nothing is done that is not written down.
/// A wish to stop is heard between two actions, never within one.
pub(super) fn apply(
    host: &Host<'_>,
    plan: &Plan,
    snapshot: &Snapshot,
    now: &Now,
    stop: &Stop,
    tell: &mut dyn FnMut(Event<'_>),
) -> Applied {
    let mut done = Vec::new();
    let mut unclosed = Vec::new();
    for (at, planned) in plan.actions.iter().enumerate() {
        if stop.is_asked() {
            let left = plan.actions[at..].to_vec();
            return Applied { left, ..applied(done, unclosed) };
        }
        let Some(spec) = spec_of(&planned.action, snapshot) else {
            continue;
        };
        let beginning = match host.store.begin(planned, now) {
            Ok(beginning) => beginning,
            Err(error) => {
                let why = format!("{} was not begun: {}", planned.action, error.chain());
                return applied(done, unclosed).with(why);
            }
        };
        tell(Event::Begun(planned));
        let node = NodeKey { id: spec.id, record: beginning.record };
        let outcome = run_steps(host, planned, spec, node, &mut unclosed, tell);
        tell(Event::Ended(planned, &outcome));
        let ended = host.store.finish(beginning.op, &outcome, wall(host, now));
        done.push(Done { node, planned: planned.clone(), outcome });
        if let Err(error) = ended {
            return applied(done, unclosed).with(error.chain());
        }
    }
    unclosed.extend(close(host, &plan.close));
    applied(done, unclosed)
}

fn applied(done: Vec<Done>, unclosed: Vec<String>) -> Applied {
    let leaves_openings = !unclosed.is_empty();
    Applied { done, left: Vec::new(), faults: unclosed, leaves_openings }
}

impl Applied {
    fn with(mut self, fault: String) -> Applied {
        self.faults.push(fault);
        self
    }
}

/// Openings that no node has. Those that are left for a fault or a killed cycle are found again by
/// the next look.
fn close(host: &Host<'_>, orphans: &[PortRule]) -> Vec<String> {
    let closed = orphans.iter().map(|rule| host.firewall.close(*rule));
    closed.filter_map(|closed| closed.err().map(|error| error.chain())).collect()
}

fn spec_of<'a>(action: &'a Action, snapshot: &'a Snapshot) -> Option<&'a NodeSpec> {
    match action {
        Action::Add { spec, .. } => Some(spec),
        _ => snapshot.node(action.node()).map(|node| &node.record.spec),
    }
}

/// The journal's own instants are for people: a clock that fails now costs nothing but accuracy.
fn wall(host: &Host<'_>, now: &Now) -> Timestamp {
    host.clock.now().map_or(now.wall, |later| later.wall)
}

/// A port that cannot be closed keeps no node running and no data on a full disk: it is told in
/// `unclosed`, and closed by a later look at the firewall.
fn run_steps(
    host: &Host<'_>,
    planned: &PlannedAction,
    spec: &NodeSpec,
    node: NodeKey,
    unclosed: &mut Vec<String>,
    tell: &mut dyn FnMut(Event<'_>),
) -> Outcome {
    let mut changes = Vec::new();
    for step in lower(&planned.action, spec) {
        tell(Event::Stepping(planned, &step));
        match run_step(host, &step, spec, node) {
            Ok(change) => changes.push(change),
            Err(error) if matches!(step, Step::ClosePort { .. }) => {
                unclosed.push(format!("{}: {step}: {}", spec.id, error.chain()));
                changes.push(Change::NotManaged);
            }
            Err(error) => {
                let message = error.chain();
                return Outcome::Failed { fault: Fault { step: Some(step), message } };
            }
        }
    }
    Outcome::Done { changes }
}

fn run_step(host: &Host<'_>, step: &Step, spec: &NodeSpec, node: NodeKey) -> HostResult<Change> {
    let manager = || host.managers.get(spec.manager);
    match step {
        Step::Prepare { release } => host.files.prepare(spec, release),
        Step::BringBack { release, key } => host.files.bring_back(spec, release, key),
        Step::Enrol { release } => manager()?.enrol(spec, release),
        Step::Check { release } => host.files.check(spec, release.as_ref()),
        Step::Stage { release } => host.files.stage(spec, release),
        Step::Replace { version, from } => host.files.replace(spec, version, from.as_ref()),
        Step::PutBack { .. } => host.files.put_back(node, spec),
        Step::DropKept => host.files.drop_kept(spec),
        Step::Create => manager()?.create(spec),
        Step::OpenPort { rule } => host.firewall.open(*rule),
        Step::Start => manager()?.start(spec),
        Step::Stop => manager()?.stop(spec),
        Step::Archive => host.files.archive(node, spec),
        Step::Carry { to } => host.files.carry(node, spec, to),
        Step::ClearLeft => host.files.clear_left(node, spec),
        Step::HandOver => manager()?.hand_over(spec),
        Step::Dismantle => manager()?.remove(spec),
        Step::Reset => manager()?.reset(),
        Step::SetAside => host.files.set_aside(node, spec),
        Step::ClosePort { rule } => host.firewall.close(*rule),
        Step::Delete => host.files.delete(node, spec),
    }
}

/// Answers every request that this plan looked at.
pub(super) fn answer(host: &Host<'_>, plan: &Plan, done: &[Done], faults: &mut Vec<String>) {
    let now = host.clock.now();
    for request in &plan.report.requests {
        // What was planned and not begun is still to be done: the request stays.
        let planned = plan.actions.iter().filter(|it| is_for(it, request.request)).count();
        let ended = done.iter().filter(|it| is_for(&it.planned, request.request)).count();
        if ended < planned {
            continue;
        }
        let answer = Answer {
            done: count(done, request.request, true),
            failed: count(done, request.request, false),
            refused: request.why.clone(),
        };
        let at = now.as_ref().map_or(Timestamp(0), |now| now.wall);
        if let Err(error) = host.store.answer(request.request, &answer, at) {
            faults.push(error.chain());
        }
    }
}

/// Takes back what is left of a request whose cycle was to end early: whoever interrupted it does
/// not want the next cycle to go on with it. Other requests stay.
pub fn withdraw(host: &Host<'_>, request: RequestId, report: &CycleReport) -> HostResult<()> {
    let left = report.left.iter().filter(|planned| is_for(planned, request));
    let left: Vec<String> = left.map(|planned| planned.action.to_string()).collect();
    if left.is_empty() {
        return Ok(());
    }
    let refused = report.plan.report.requests.iter().filter(|refused| refused.request == request);
    let mut refused: Vec<String> = refused.flat_map(|refused| refused.why.clone()).collect();
    refused.push(format!("interrupted before {}", left.join(", ")));
    let answer = Answer {
        done: count(&report.done, request, true),
        failed: count(&report.done, request, false),
        refused,
    };
    host.store.answer(request, &answer, host.clock.now()?.wall)
}

fn count(done: &[Done], request: RequestId, good: bool) -> u32 {
    let mine = |done: &&Done| is_for(&done.planned, request);
    done.iter().filter(mine).filter(|done| done.outcome.is_done() == good).count() as u32
}

fn is_for(planned: &PlannedAction, request: RequestId) -> bool {
    planned.reason == Reason::Request { id: request }
}

/// Keeps the cycle with the memory of what was done.
pub(super) fn record(
    host: &Host<'_>,
    recording: &Recording<'_>,
    done: &[Done],
    leaves_openings: bool,
    faults: &mut Vec<String>,
) {
    let mut memory = recording.plan.memory.after(done, recording.snapshot);
    if leaves_openings {
        // The next cycle looks at the firewall again, not the one in ten minutes.
        memory.around = None;
    }
    if let Err(error) = host.store.save_cycle(&Recording { memory: &memory, ..*recording }) {
        faults.push(error.chain());
    }
}
