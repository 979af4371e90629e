//! `wnm status`: the store only; no lock, no sampling.

use wnm_core::host::Intents;
use wnm_core::model::{NodeId, parse_node_list};
use wnm_core::observe::Ledger;
use wnm_core::policy::Policy;
use wnm_store::SqliteStore;

use super::Context;
use crate::args::StatusArgs;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, args: &StatusArgs) -> Result<Exit, CliError> {
    let (store, ledger) = open(&context.paths, Access::Read)?;
    let only = known(args, &ledger)?;
    show(context, &store, ledger, &only)
}

/// The nodes that were named; all of them must be there.
pub(super) fn known(args: &StatusArgs, ledger: &Ledger) -> Result<Vec<NodeId>, CliError> {
    let only = parse_node_list(&args.nodes).map_err(|error| CliError::usage(error.to_string()))?;
    match only.iter().find(|id| ledger.node(**id).is_none()) {
        Some(id) => Err(CliError::usage(format!("there is no {id}"))),
        None => Ok(only.into_iter().collect()),
    }
}

pub(super) fn show(
    context: &Context<'_>,
    store: &SqliteStore,
    mut ledger: Ledger,
    only: &[NodeId],
) -> Result<Exit, CliError> {
    keep_only(&mut ledger, only);
    let last = store.last_seen()?;
    // What is in force is shown by other commands, with what is wrong with it; the nodes are shown
    // whatever it is.
    let overrides = context.layers.overrides(&ledger.draft);
    let policy = last
        .as_ref()
        .and_then(|last| Policy::parse(&ledger.draft, &overrides, last.snapshot.machine.cpus).ok());
    output::status(&ledger, policy.as_ref(), last.as_ref(), context.json)?;
    Ok(Exit::Done)
}

/// None named means all.
pub(super) fn keep_only(ledger: &mut Ledger, only: &[NodeId]) {
    if !only.is_empty() {
        ledger.nodes.retain(|record| only.contains(&record.spec.id));
    }
}
