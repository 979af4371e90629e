//! `wnm plan`: what the next cycle would do, and why not more.

use wnm_core::plan::PlanScope;
use wnm_core::run::preview;

use super::Context;
use crate::compose::Access;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Read)?;
    let options = context.options(&ledger, PlanScope::Everything);
    let (snapshot, policy, plan) = preview(&adapters.host(), &options)?;
    output::plan(&snapshot, &policy, &plan, context.json)?;
    Ok(if plan.actions.is_empty() { Exit::Done } else { Exit::SomethingToDo })
}
