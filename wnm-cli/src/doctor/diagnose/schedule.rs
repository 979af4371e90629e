//! Does anything run cycles?

use std::time::Duration;

use super::super::facts::{Facts, StoreFact};
use super::super::finding::{Finding, Severity};
use super::wnm;

/// The engine forgets since when a threshold is exceeded after a longer gap.
const LONGEST_GAP: Duration = wnm_core::policy::Stability::LONGEST_GAP;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    if matches!(facts.store, StoreFact::Missing { .. }) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let install = wnm(facts, "schedule install");
    let (scheduled, others) = (&facts.schedule.scheduled, &facts.schedule.others);
    let is_known = facts.schedule.unread.is_empty();
    for why in &facts.schedule.unread {
        let (severity, means) = match scheduled.is_empty() && others.is_empty() {
            true => (Severity::Warning, "nobody can say whether anything runs cycles by itself"),
            false => (Severity::Note, "nobody can say whether more than one runs cycles"),
        };
        let finding = Finding::new(severity, "schedule-unknown", why.as_str(), means);
        findings.push(finding.fix(wnm(facts, "schedule show")));
    }
    if scheduled.is_empty() && others.is_empty() && is_known {
        let means = "no cycle runs by itself: a node that dies stays dead";
        let finding = Finding::new(Severity::Warning, "no-schedule", "schedule", means);
        findings.push(finding.fix(install.as_str()));
    }
    if scheduled.len() + others.len() > 1 {
        let means = "more than one runs cycles: they only get into each other's way";
        let subject = format!("{} schedules", scheduled.len() + others.len());
        let finding = Finding::new(Severity::Warning, "schedule-twice", subject, means);
        findings.push(finding.fix(match others.is_empty() {
            true => install.clone(),
            false => "crontab -e".to_owned(),
        }));
    }
    for schedule in scheduled {
        let subject = || schedule.kind.to_string();
        if let Some(why) = &schedule.found.why_not {
            let means = format!("it does not fire: {why}");
            let finding = Finding::new(Severity::Error, "schedule-off", subject(), means);
            findings.push(finding.fix(install.as_str()));
        }
        if !schedule.drift.lines.is_empty() {
            let means = "it is not what this wnm would write: it may run another program, or find \
                         other places";
            let finding = Finding::new(Severity::Warning, "schedule-differs", subject(), means);
            findings.push(finding.fix(wnm(facts, "schedule show")));
        }
    }
    findings.extend(late(facts));
    findings
}

fn late(facts: &Facts) -> Option<Finding> {
    let is_scheduled = !facts.schedule.scheduled.is_empty() || !facts.schedule.others.is_empty();
    let age = facts.now.since(facts.schedule.last_cycle?);
    (is_scheduled && age > LONGEST_GAP).then(|| {
        let means = "cycles are scheduled and do not come through: see what one says";
        let subject = format!("last cycle {} s ago", age.as_secs());
        let finding = Finding::new(Severity::Error, "schedule-late", subject, means);
        finding.fix(wnm(facts, "run"))
    })
}
