//! `wnm explain`: why the last cycle decided as it did. The store only; no lock, no sampling.

use wnm_core::host::Intents;
use wnm_core::policy::Policy;

use super::{Context, status};
use crate::args::StatusArgs;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, args: &StatusArgs) -> Result<Exit, CliError> {
    let (store, mut ledger) = open(&context.paths, Access::Read)?;
    let only = status::known(args, &ledger)?;
    let Some(last) = store.last_seen()? else {
        return Err(CliError::new(
            Exit::Failed,
            "no cycle has run yet: there is nothing to explain",
        )
        .hint("`wnm survey` looks without doing anything"));
    };
    let overrides = context.layers.overrides(&ledger.draft);
    let policy = Policy::parse(&ledger.draft, &overrides, last.snapshot.machine.cpus)?;
    status::keep_only(&mut ledger, &only);
    output::explain(&ledger, &policy, &last, context.json)?;
    Ok(Exit::Done)
}
