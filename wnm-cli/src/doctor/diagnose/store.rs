//! The store and its backups.

use std::time::Duration;

use super::super::facts::{BackupFact, Facts, StoreFact};
use super::super::finding::{Finding, Severity};
use super::wnm;

/// Cycles make one a day; three without any is no chance.
const OLD: Duration = Duration::from_secs(3 * 86_400);

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &facts.store {
        StoreFact::Sound => {}
        StoreFact::Missing { path } => findings.push(
            Finding::new(
                Severity::Error,
                "not-initialised",
                path.display().to_string(),
                "there is no store: wnm has nothing to take care of here",
            )
            .fix(way_back(facts, "init --rewards-address 0x…")),
        ),
        StoreFact::Unusable { why } => findings.push(
            Finding::new(
                Severity::Error,
                "store-unusable",
                why.as_str(),
                "no cycle can run: nodes run on, and nobody takes care of them",
            )
            .fix(way_back(facts, "db status")),
        ),
        StoreFact::Damaged { path, complaints } => findings.push(
            Finding::new(
                Severity::Error,
                "store-damaged",
                path.display().to_string(),
                format!("SQLite has {complaints} complaints: what it says of nodes may be wrong"),
            )
            .fix(way_back(facts, "db check")),
        ),
    }
    let bad = |why: &String| {
        let means = "no cycle can run with such settings";
        Finding::new(Severity::Error, "setting-invalid", why.as_str(), means)
            .fix(wnm(facts, "config list"))
    };
    findings.extend(facts.bad_settings.iter().map(bad));
    findings.extend(backups(facts));
    findings
}

/// With a sound backup, what puts it back; else `otherwise`.
fn way_back(facts: &Facts, otherwise: &str) -> String {
    let restore = "db restore --latest --dry-run";
    wnm(facts, if newest_sound(facts).is_some() { restore } else { otherwise })
}

fn newest_sound(facts: &Facts) -> Option<&BackupFact> {
    facts.backups.iter().flatten().find(|backup| backup.problem.is_none())
}

fn backups(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(backups) = facts.backups.as_ref() else { return findings };
    let missing = match newest_sound(facts) {
        Some(newest) if facts.now.since(newest.made) > OLD => Some(format!("{} UTC", newest.made)),
        Some(_) => None,
        // The first cycle makes the first one; without nodes there is little to lose.
        None => {
            facts.schedule.last_cycle.filter(|_| !facts.nodes.is_empty()).map(|_| "none".into())
        }
    };
    if let Some(subject) = missing.filter(|_| facts.store == StoreFact::Sound) {
        let means = "cycles make a backup of the store every day and do not come to it: should the \
                     store be lost, what is known of the nodes is lost with it";
        let finding = Finding::new(Severity::Warning, "backup-old", subject, means);
        findings.push(finding.fix(wnm(facts, "db backup")));
    }
    let unusable = |backup: &BackupFact| {
        let why = backup.problem.as_ref()?;
        let means = format!("{why}: it cannot be put back");
        let subject = backup.file.display().to_string();
        Some(Finding::new(Severity::Warning, "backup-unusable", subject, means))
    };
    findings.extend(backups.iter().filter_map(unusable));
    findings
}
