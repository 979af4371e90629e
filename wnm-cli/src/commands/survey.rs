//! `wnm survey`: looks now, stores what was seen, and does nothing.

use wnm_core::plan::PlanScope;
use wnm_core::run::cycle;

use super::{Context, status};
use crate::args::SurveyArgs;
use crate::compose::Access;
use crate::error::CliError;
use crate::exit::Exit;

pub(super) fn run(context: &Context<'_>, args: &SurveyArgs) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    // Before looking: a name that is not there is no reason to wait for a lock.
    let only = status::known(&args.of, &ledger)?;
    let _lock = context.lock(context.patience)?;
    super::require_in_place(&adapters)?;
    let options = context.options(&ledger, PlanScope::Nothing);
    let report = cycle(&adapters.host(), &options, &mut |_| {})?;
    if !args.quiet {
        status::show(context, &adapters.store, super::reload(&adapters)?, &only)?;
    }
    for fault in &report.faults {
        crate::output::say(&format!("FAILED: {fault}"));
    }
    Ok(Exit::of_counts(1, report.faults.len()))
}
