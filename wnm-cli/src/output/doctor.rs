//! What the doctor found.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Result, to_string_pretty};
use wnm_core::model::counted;

use super::json::SCHEMA;
use crate::doctor::{Finding, Severity};

pub(super) fn text(findings: &[Finding], fixed: &[String]) -> String {
    let mut text = String::new();
    for done in fixed {
        let _ = writeln!(text, "fixed: {done}");
    }
    for finding in findings {
        let Finding { id, severity, subject, means, .. } = finding;
        let _ = writeln!(text, "{} [{id}] {subject}\n    {means}", severity.name());
        if let Some(fix) = &finding.fix {
            let itself = if finding.fixable { "   (or `wnm doctor --fix`)" } else { "" };
            let _ = writeln!(text, "    fix: {fix}{itself}");
        }
    }
    text + &summary(findings)
}

fn summary(findings: &[Finding]) -> String {
    let count =
        |severity| findings.iter().filter(|found| found.severity == severity).count() as u32;
    let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter(|severity| count(*severity) > 0)
        .map(|severity| counted(count(severity), severity.name()))
        .collect();
    match counts.is_empty() {
        true => "nothing is wrong\n".to_owned(),
        false => format!("{}\n", counts.join(", ")),
    }
}

#[derive(Serialize)]
struct Shape<'a> {
    schema: u32,
    fixed: &'a [String],
    findings: &'a [Finding],
}

pub(super) fn json(findings: &[Finding], fixed: &[String]) -> Result<String> {
    to_string_pretty(&Shape { schema: SCHEMA, fixed, findings })
}
