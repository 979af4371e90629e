//! `wnm status`: the store only; no lock, no sampling.

use wnm_core::host::Intents;
use wnm_core::model::parse_node_list;

use super::Context;
use crate::args::StatusArgs;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, args: &StatusArgs) -> Result<Exit, CliError> {
    let only = parse_node_list(&args.nodes).map_err(|error| CliError::usage(error.to_string()))?;
    let (store, mut ledger) = open(&context.paths, Access::Read)?;
    for id in &only {
        if ledger.node(*id).is_none() {
            return Err(CliError::usage(format!("there is no {id}")));
        }
    }
    if !only.is_empty() {
        ledger.nodes.retain(|record| only.contains(&record.spec.id));
    }
    let last = store.last_seen()?;
    output::status(&ledger, last.as_ref(), context.json)?;
    Ok(Exit::Done)
}
