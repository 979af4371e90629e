//! What an action leaves in the node's record, when it begins and when it ends.

use super::{Action, Outcome, PlannedAction, Reason, Step, Stopped};
use crate::model::{Instant, NodeRecord, NodeSpec, Phase, Upgrade, Version, Want};

/// What an action leaves in the node's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What is wanted from now on.
    pub want: Want,
    /// What was set in motion.
    pub phase: Phase,
    /// Which version the node has.
    pub version: Option<Version>,
    /// A program that is not proven yet.
    pub upgrade: Option<Upgrade>,
    /// Where it lies from now on; `None`: where it did.
    pub lies: Option<Box<NodeSpec>>,
}

impl Mark {
    /// The mark that `action`, begun at `now`, leaves in `record` before anything happens to the
    /// node.
    ///
    /// A stop changes what is wanted only when it has succeeded: one that was cut off is planned
    /// again from the journal, and one that failed must not make a node that runs look unwanted.
    pub fn of(action: &Action, record: &NodeRecord, now: &Instant) -> Mark {
        let since = now.clone();
        let same = Mark::unchanged(record);
        match action {
            Action::Add { .. } => {
                Mark { want: Want::Run, phase: Phase::Creating { since }, ..same }
            }
            Action::Start { .. } | Action::Restart { .. } => {
                Mark { want: Want::Run, phase: Phase::Starting { since }, ..same }
            }
            // What was kept before counts from before anything is touched, so that a cycle that dies
            // at any step leaves a node that can be put back.
            Action::Upgrade { upgrade, .. } => Mark {
                phase: settled(&record.phase),
                upgrade: Some(upgrade.as_ref().clone()),
                ..same
            },
            Action::Revert { .. } => Mark { phase: settled(&record.phase), ..same },
            Action::Stop { .. }
            | Action::Mend { .. }
            | Action::Release { .. }
            | Action::Move { .. }
            | Action::Clear { .. }
            | Action::Prove { .. }
            | Action::Recognise { .. } => same,
            Action::Reprieve { .. } => Mark { phase: Phase::Steady, ..same },
            Action::Disable { .. } => {
                Mark { want: Want::Disabled, phase: settled(&record.phase), ..same }
            }
            Action::Enable { .. } => {
                Mark { want: Want::Run, phase: settled(&record.phase), ..same }
            }
            Action::Retire { cause, .. } | Action::Remove { cause, .. } => {
                let phase = match &record.phase {
                    // The delay runs from the first decision, however often it is repeated.
                    removing @ Phase::Removing { .. } => removing.clone(),
                    Phase::Steady | Phase::Creating { .. } | Phase::Starting { .. } => {
                        Phase::Removing { since, cause: *cause }
                    }
                };
                Mark { phase, ..same }
            }
        }
    }

    /// The mark that the end of `planned` leaves in `record`, which carries the mark of its beginning.
    pub fn after(planned: &PlannedAction, outcome: &Outcome, record: &NodeRecord) -> Mark {
        let same = Mark::unchanged(record);
        let action = &planned.action;
        // What died may have replaced the program: whether it has shows when the node is seen.
        let is_repeated = matches!(planned.reason, Reason::Unfinished { .. });
        match (action, outcome) {
            (Action::Upgrade { release, .. }, Outcome::Done { .. }) => {
                return Mark { version: Some(release.version.clone()), ..same };
            }
            // The old program is still in its place: there is nothing to prove and nothing to put
            // back.
            (Action::Upgrade { .. }, Outcome::Failed { fault })
                if !is_repeated && fault.step.as_ref().is_none_or(Step::is_before_replacing) =>
            {
                return Mark { upgrade: None, ..same };
            }
            (Action::Revert { to, .. }, Outcome::Done { .. }) => {
                return Mark { version: Some(to.clone()), upgrade: None, ..same };
            }
            // The old program is back; starting it is what heals every node.
            (Action::Revert { to, .. }, Outcome::Failed { fault })
                if matches!(
                    fault.step,
                    Some(Step::Create | Step::Start | Step::OpenPort { .. } | Step::Check { .. })
                ) =>
            {
                return Mark { version: Some(to.clone()), upgrade: None, ..same };
            }
            (Action::Move { to, .. } | Action::Clear { to, .. }, Outcome::Done { .. }) => {
                let phase = Phase::Steady;
                return Mark { lies: Some(to.clone()), phase, ..same };
            }
            (Action::Prove { .. }, Outcome::Done { .. }) => return Mark { upgrade: None, ..same },
            (Action::Recognise { installed, .. }, Outcome::Done { .. }) => {
                return Mark { version: Some(installed.version.clone()), ..same };
            }
            _ => {}
        }
        let want = match action {
            Action::Stop { stopped: Stopped::ByOperator, .. } => Want::StoppedByOperator,
            Action::Stop { stopped: Stopped::ByPressure, .. } => Want::StoppedByPressure,
            _ => record.want,
        };
        match (outcome.is_done(), &record.phase) {
            (true, Phase::Creating { since }) => {
                Mark { want, phase: Phase::Starting { since: since.clone() }, ..same }
            }
            (true, Phase::Starting { .. }) if matches!(action, Action::Stop { .. }) => {
                Mark { want, phase: Phase::Steady, ..same }
            }
            (true, _) => Mark { want, ..same },
            // What could not be let go of is as it was.
            (false, _) if matches!(action, Action::Release { .. } | Action::Clear { .. }) => same,
            // A start that failed is not going on; a creation that failed stays one.
            (false, Phase::Starting { .. }) => Mark { phase: Phase::Steady, ..same },
            (false, _) => same,
        }
    }

    /// Puts it into the record.
    pub fn put_into(self, record: &mut NodeRecord) {
        record.want = self.want;
        record.phase = self.phase;
        record.version = self.version;
        record.upgrade = self.upgrade;
        if let Some(spec) = self.lies {
            record.spec = *spec;
        }
    }

    fn unchanged(record: &NodeRecord) -> Mark {
        Mark {
            want: record.want,
            phase: record.phase.clone(),
            version: record.version.clone(),
            upgrade: record.upgrade.clone(),
            lies: None,
        }
    }
}

/// A start is no longer ours to follow once a node is left alone; what was never made stays so.
fn settled(phase: &Phase) -> Phase {
    match phase {
        creating @ Phase::Creating { .. } => creating.clone(),
        Phase::Steady | Phase::Starting { .. } | Phase::Removing { .. } => Phase::Steady,
    }
}
