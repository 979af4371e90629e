//! From facts to findings: pure, in the order in which one would mend things.

mod agreement;
mod machine;
mod privacy;
mod schedule;
mod store;
#[cfg(test)]
mod tests;

use super::facts::Facts;
use super::finding::Finding;

/// Everything that is wrong, worst first, each part in its own order.
pub(crate) fn diagnose(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(store::findings(facts));
    findings.extend(machine::findings(facts));
    findings.extend(agreement::findings(facts));
    findings.extend(privacy::findings(facts));
    findings.extend(schedule::findings(facts));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// How to call wnm for these nodes.
fn wnm(facts: &Facts, rest: &str) -> String {
    format!("wnm --scope {} {rest}", facts.scope)
}

/// A command that changes what may be somebody else's.
fn sudo(facts: &Facts, command: &str) -> String {
    if facts.is_root { command.to_owned() } else { format!("sudo {command}") }
}

/// The same where only the system scope's things are somebody else's.
fn hand(facts: &Facts, command: &str) -> String {
    match facts.scope {
        wnm_core::model::Scope::User => command.to_owned(),
        wnm_core::model::Scope::System => sudo(facts, command),
    }
}

/// A path as a shell reads it.
fn quoted(path: &std::path::Path) -> String {
    shell_words::quote(&path.display().to_string()).into_owned()
}
