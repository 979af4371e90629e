//! What other settings would have decided on recorded cycles.
//!
//! Without changed settings every recorded cycle is planned again from exactly what it saw and
//! remembered, and the plan must come out as it was: a test of this version on a machine's own
//! history.
//!
//! With changed settings the engine's memory is carried from cycle to cycle as those settings would
//! have made it: graces, windows, quiet times, rounds and budgets run under them. The nodes and the
//! machine stay as they were recorded, for history cannot answer what they would have been; so
//! does what is remembered of single nodes. What follows from that:
//!
//! - A wish that recorded reality does not grant comes up again and again. It is told and counted
//!   once, for as long as its node runs on as the same process. Counts of what would have been done
//!   are therefore lower bounds: a node that was never made makes no room for the next.
//! - Nodes that would not have been added stay in what is seen. That they are more than a lower cap
//!   allows is not held against that cap.
//! - What nodes were seen as stays as well, and with it what `delay_start` made of them.
//! - Where cycles are missing, the memory begins again as it was recorded.

mod report;
#[cfg(test)]
mod tests;
mod wish;

pub use report::{Difference, Gap, ReplayReport, Total};

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Action, Done, Outcome, PlannedAction, Reason};
use crate::host::LastSeen;
use crate::model::{CycleId, Instant, NodeId, NodeKey, Now, RecordId, counted};
use crate::observe::{EngineMemory, Snapshot};
use crate::plan::{Plan, check, plan};
use crate::policy::{Drafts, Policy, PolicyDraft, PolicyError, Setting, Stability};
use wish::{Wish, Wisher};

/// Recorded cycles, judged one after the other, oldest first.
#[derive(Clone, Debug)]
pub struct Replay {
    changes: PolicyDraft,
    policy: Option<Read>,
    carried: Option<Carried>,
    /// What was wished for and not granted, with the node as it was then.
    wishes: BTreeMap<Wish, Wisher>,
    /// Nodes that would not have been added when they were.
    unmade: BTreeSet<NodeId>,
    last: Option<Now>,
    report: ReplayReport,
}

/// What settings were read as: they rarely change from one cycle to the next.
#[derive(Clone, Debug)]
struct Read {
    drafts: Drafts,
    cpus: u32,
    policy: Result<Policy, Vec<PolicyError>>,
}

/// What the engine would remember under the changed settings.
#[derive(Clone, Debug)]
struct Carried {
    /// Of which cycle.
    from: Instant,
    memory: EngineMemory,
}

impl Carried {
    /// The memory before the next cycle. What wnm would have done is remembered as if it had been
    /// done; what the nodes did is remembered as it was.
    fn before(self, recorded: &EngineMemory) -> EngineMemory {
        let EngineMemory {
            over,
            urgent,
            rounds,
            room,
            last_growth,
            last_stop,
            last_shed,
            removals,
            ..
        } = self.memory;
        EngineMemory {
            over,
            urgent,
            rounds,
            room,
            last_growth,
            last_stop,
            last_shed,
            removals,
            ..recorded.clone()
        }
    }
}

impl Replay {
    /// A replay with these values in place of what was set then; with none, one that must come to
    /// the same decisions.
    pub fn new(changes: PolicyDraft) -> Replay {
        Replay {
            changes,
            policy: None,
            carried: None,
            wishes: BTreeMap::new(),
            unmade: BTreeSet::new(),
            last: None,
            report: ReplayReport::default(),
        }
    }

    /// Settings among the changes that shape what is looked at: recorded cycles cannot answer what
    /// would have been seen with them.
    pub fn unanswered(changes: &PolicyDraft) -> Vec<Setting> {
        const SEEN: [Setting; 6] = [
            Setting::DelayStart,
            Setting::Manager,
            Setting::Program,
            Setting::NodeBinary,
            Setting::ReleaseChannel,
            Setting::NodeStorage,
        ];
        changes.values.keys().copied().filter(|setting| SEEN.contains(setting)).collect()
    }

    /// A cycle that is kept but cannot be read.
    pub fn skip(&mut self) {
        self.report.unread += 1;
    }

    /// The next cycle.
    pub fn judge(&mut self, cycle: CycleId, recorded: &LastSeen) {
        self.note_time(&recorded.snapshot.now);
        match self.changes.values.is_empty() {
            true => self.again(cycle, recorded),
            false => self.otherwise(cycle, recorded),
        }
    }

    /// What came of it.
    pub fn finish(self) -> ReplayReport {
        self.report
    }

    fn note_time(&mut self, now: &Now) {
        self.report.since.get_or_insert(now.wall);
        self.report.until = Some(now.wall);
        self.report.cycles += 1;
        if let Some(last) = self.last.replace(now.clone()) {
            // Across a reboot only the wall clock knows how long it was.
            let length = match last.instant.boot == now.instant.boot {
                true => last.instant.age(&now.instant),
                false => now.wall.since(last.wall),
            };
            if length > Stability::LONGEST_GAP {
                let seconds = length.as_secs();
                self.report.gaps.push(Gap { from: last.wall, to: now.wall, seconds });
            }
        }
    }

    /// The same once more.
    fn again(&mut self, cycle: CycleId, recorded: &LastSeen) {
        let LastSeen { snapshot, policy, plan: then, scope, .. } = recorded;
        let now = plan(snapshot, policy, *scope);
        self.report.unsound += u32::from(!check(&now, snapshot, policy).is_empty());
        for planned in &then.actions {
            self.report.total(planned).then += 1;
        }
        for planned in &now.actions {
            self.report.total(planned).now += 1;
        }
        if now == *then {
            self.report.same += 1;
        } else if now.actions == then.actions {
            self.report.same += 1;
            self.report.retold += 1;
        } else {
            let only_in = |these: &Plan, those: &Plan| -> Vec<PlannedAction> {
                these.actions.iter().filter(|it| !those.actions.contains(it)).cloned().collect()
            };
            let (only_then, only_now) = (only_in(then, &now), only_in(&now, then));
            let why_not = why_not(&only_then, &now, then);
            self.differs(cycle, recorded, only_then, only_now, why_not);
        }
    }

    /// Under the changed settings.
    fn otherwise(&mut self, cycle: CycleId, recorded: &LastSeen) {
        let policy = match self.read(recorded) {
            Ok(policy) => policy.clone(),
            Err(errors) => {
                self.report.misfits(&errors);
                self.carried = None;
                return;
            }
        };
        let snapshot = self.seen(&recorded.snapshot);
        let plan = plan(&snapshot, &policy, recorded.scope);
        self.report.unsound += u32::from(!check(&plan, &snapshot, &policy).is_empty());
        let cap = policy.cap.limit;
        let is_full = snapshot.counting().count() as u32 >= cap;
        let done = self.compare(cycle, recorded, &plan, is_full.then_some(cap));
        let memory = plan.memory.after(&done, &snapshot);
        self.carried = Some(Carried { from: snapshot.now.instant, memory });
    }

    fn read(&mut self, recorded: &LastSeen) -> Result<&Policy, Vec<PolicyError>> {
        let (drafts, cpus) = (&recorded.drafts, recorded.snapshot.machine.cpus);
        let known = self.policy.take();
        let known = known.filter(|read| read.cpus == cpus && read.drafts == *drafts);
        let read = known.unwrap_or_else(|| {
            let Drafts { stored, overrides } = drafts.changed(&self.changes);
            let policy = Policy::parse(&stored, &overrides, cpus);
            Read { drafts: drafts.clone(), cpus, policy }
        });
        self.policy.insert(read).policy.as_ref().map_err(Clone::clone)
    }

    /// The recorded snapshot with what would be remembered, unless cycles are missing before it.
    fn seen(&mut self, recorded: &Snapshot) -> Snapshot {
        let follows = |carried: &Carried| recorded.memory.last_look.as_ref() == Some(&carried.from);
        let mut snapshot = recorded.clone();
        if let Some(carried) = self.carried.take().filter(follows) {
            snapshot.memory = carried.before(&recorded.memory);
        }
        snapshot
    }

    /// Tells apart what is new, what is wished for once more and what was decided then as well.
    /// Answers what is to be remembered as done. `full_at` is the cap where it is reached.
    fn compare(
        &mut self,
        cycle: CycleId,
        recorded: &LastSeen,
        plan: &Plan,
        full_at: Option<u32>,
    ) -> Vec<Done> {
        let wishes = |actions: &[PlannedAction]| -> BTreeSet<Wish> {
            actions.iter().map(Wish::of).collect()
        };
        let (then, now) = (wishes(&recorded.plan.actions), wishes(&plan.actions));
        let (mut only_then, mut only_now, mut done) = (Vec::new(), Vec::new(), Vec::new());
        for planned in &recorded.plan.actions {
            self.report.total(planned).then += 1;
            let wish = Wish::of(planned);
            // What was decided later than it would have been is no difference of its own.
            if !now.contains(&wish) && self.wishes.remove(&wish).is_none() {
                only_then.push(planned.clone());
            }
        }
        self.note_unmade(&only_then, &plan.actions);
        for planned in &plan.actions {
            if self.sheds_unmade(planned) {
                continue;
            }
            let wish = Wish::of(planned);
            let wisher = Wisher::of(planned, &recorded.snapshot);
            let is_repeated = self.wishes.get(&wish) == Some(&wisher);
            if !is_repeated {
                self.report.total(planned).now += 1;
            }
            if then.contains(&wish) {
                self.wishes.remove(&wish);
            } else if !is_repeated {
                only_now.push(planned.clone());
                self.wishes.insert(wish, wisher);
            }
            // A node that is gone is not removed again, and takes nothing more from a budget.
            if !(is_repeated && planned.removes_by_engine().is_some()) {
                done.push(as_if_done(planned));
            }
        }
        if only_then.is_empty() && only_now.is_empty() {
            self.report.same += 1;
        } else {
            let mut why_not = why_not(&only_then, plan, &recorded.plan);
            let grew = |it: &PlannedAction| matches!(it.reason, Reason::Room { .. });
            if let Some(cap) = full_at.filter(|_| only_then.iter().any(grew)) {
                why_not.push(format!("there may be {}", counted(cap, "node")));
            }
            self.differs(cycle, recorded, only_then, only_now, why_not);
        }
        done
    }

    fn note_unmade(&mut self, only_then: &[PlannedAction], now: &[PlannedAction]) {
        let added = |actions: &[PlannedAction]| -> BTreeSet<NodeId> {
            let additions =
                actions.iter().filter(|planned| matches!(planned.action, Action::Add { .. }));
            additions.map(|planned| planned.action.node()).collect()
        };
        self.unmade.extend(added(only_then));
        let made = added(now);
        self.unmade.retain(|node| !made.contains(node));
    }

    /// True for what only makes good for a node that would not be there.
    fn sheds_unmade(&self, planned: &PlannedAction) -> bool {
        matches!(planned.reason, Reason::OverCap { .. })
            && self.unmade.contains(&planned.action.node())
    }

    fn differs(
        &mut self,
        cycle: CycleId,
        recorded: &LastSeen,
        then: Vec<PlannedAction>,
        now: Vec<PlannedAction>,
        why_not: Vec<String>,
    ) {
        let at = recorded.snapshot.now.wall;
        self.report.differences.push(Difference { cycle, at, then, now, why_not });
    }
}

/// What `plan` waits for or notices and the other does not, where it leaves something out.
fn why_not(left_out: &[PlannedAction], plan: &Plan, other: &Plan) -> Vec<String> {
    if left_out.is_empty() {
        return Vec::new();
    }
    let (here, there) = (&plan.report, &other.report);
    let blocked = here.blocked.iter().filter(|it| !there.blocked.contains(it));
    let notes = here.notes.iter().filter(|it| !there.notes.contains(it));
    blocked.map(ToString::to_string).chain(notes.map(ToString::to_string)).collect()
}

fn as_if_done(planned: &PlannedAction) -> Done {
    let action = &planned.action;
    // A node that would have been added has no record, and nothing asks for it.
    let node = action.key().unwrap_or(NodeKey { id: action.node(), record: RecordId(0) });
    Done { node, planned: planned.clone(), outcome: Outcome::Done { changes: Vec::new() } }
}
