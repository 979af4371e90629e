//! `wnm run`: one cycle.

use std::time::Duration;

use wnm_core::plan::PlanScope;
use wnm_core::run::{CycleOptions, cycle};

use super::{Context, db, identity};
use crate::compose::Access;
use crate::error::CliError;
use crate::exit::Exit;
use crate::{interrupt, output};

pub(super) fn run(context: &Context<'_>, dry_run: bool) -> Result<Exit, CliError> {
    if dry_run {
        // The same plan with nothing applied, and nothing stored: no lock is needed.
        let exit = super::plan::run(context)?;
        return Ok(if exit == Exit::SomethingToDo { Exit::Done } else { exit });
    }
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let lock = context.lock(Duration::ZERO)?;
    super::require_in_place(&adapters)?;
    let options = context.options(&ledger, PlanScope::Everything);
    let in_force = ledger.draft.under(&context.layers.merged());
    // The cycle reads its own, under the lock.
    drop(ledger);
    let options = CycleOptions { stop: interrupt::listen(), ..options };
    let mut progress = output::Progress::new(context.json, &options.stop);
    let report = cycle(&adapters.host(), &options, &mut |event| progress.tell(event))?;
    output::cycle(&report, context.json)?;
    // Whoever asked has gone meanwhile; this is the one place where the answer is told.
    for request in &report.plan.report.requests {
        for why in &request.why {
            output::say(&format!("refused: request {}: {why}", request.request));
        }
    }
    output::left(&report.left, "the next cycle plans anew");
    identity::keep(&adapters, &report.snapshot);
    db::back_up_daily(context, &adapters);
    identity::clear_waiting(context, &adapters);
    // Nodes have been seen to, and whoever asks for something meanwhile does not wait for the web.
    drop(lock);
    super::releases::look_for_newer(context, &adapters, &in_force);
    let failed = report.failed() + report.faults.len() + report.left.len();
    Ok(Exit::of_counts(report.done.len() - report.failed(), failed))
}
