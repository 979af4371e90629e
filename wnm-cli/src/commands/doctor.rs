//! `wnm doctor`: what is wrong, what it means, and what to type.

use std::path::Path;

use super::{Context, schedule};
use crate::doctor::{Severity, apply, collect, diagnose};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(
    context: &Context<'_>,
    config: Option<&Path>,
    fix: bool,
) -> Result<Exit, CliError> {
    let look = || {
        let report = || schedule::report(context, config);
        collect(context, report, schedule::user_name()).map(|facts| diagnose(&facts))
    };
    let mut findings = look()?;
    let mut fixed = Vec::new();
    if fix {
        for result in findings.iter().filter_map(apply) {
            match result {
                Ok(done) => fixed.push(done),
                Err(why) => output::say(&format!("FAILED: {why}")),
            }
        }
        findings = look()?;
    }
    output::findings(&findings, &fixed, context.json)?;
    let is_well = findings.iter().all(|finding| finding.severity == Severity::Note);
    Ok(if is_well { Exit::Done } else { Exit::Failed })
}
