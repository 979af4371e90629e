//! `wnm identity`: which keys there are, and their ways out of this machine and back. No key is ever
//! printed.

mod backup;
mod files;
mod keep;
mod moving;
mod prune;
mod restore;
mod secret;
mod supposing;

use std::path::PathBuf;

pub(super) use keep::keep;
use wnm_core::action::Action;
use wnm_core::host::{HostResult, Store};
use wnm_core::model::Verb;
use wnm_core::observe::Ledger;
use wnm_managers::{DiskFiles, KeyState};

use super::Context;
use crate::args::IdentityCommand;
use crate::compose::{self, Access, Adapters, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, LivingKey};

pub(super) fn run(context: &Context<'_>, command: &IdentityCommand) -> Result<Exit, CliError> {
    match command {
        IdentityCommand::List => list(context),
        IdentityCommand::Backup(args) => backup::run(context, args),
        IdentityCommand::Restore(args) => restore::run(context, args),
        IdentityCommand::Move(args) => moving::run(context, args),
        IdentityCommand::Prune(args) => prune::run(context, args),
    }
}

fn list(context: &Context<'_>) -> Result<Exit, CliError> {
    let (_, ledger) = open(&context.paths, Access::Read)?;
    let files = compose::files(&context.paths);
    let archived = files.archived()?;
    let living: Vec<LivingKey<'_>> = ledger
        .nodes
        .iter()
        .map(|record| {
            let key = files.key_state(record.key(), &record.spec);
            // One that cannot be read hides none of the others.
            let key = key.unwrap_or_else(|error| KeyState::Unread { why: error.chain() });
            LivingKey { record, key }
        })
        .collect();
    output::identities(&context.paths.identities, &archived, &living, context.json)?;
    Ok(Exit::Done)
}

/// Files that know where nodes of ours lie.
fn files_among(context: &Context<'_>, ledger: &Ledger) -> DiskFiles {
    let in_force = ledger.draft.under(&context.layers.merged());
    compose::files(&context.paths).among(compose::roots(ledger, &in_force))
}

/// Deletes keys that a `restore` laid ready before it died, and that nothing waits for.
pub(super) fn clear_waiting(context: &Context<'_>, adapters: &Adapters) {
    if let Err(error) = compose::files(&context.paths).clear_waiting(&|| awaited(adapters)) {
        tracing::warn!("{}", error.chain());
    }
}

/// The files of keys that requests and operations name.
fn awaited(adapters: &Adapters) -> HostResult<Vec<PathBuf>> {
    let ledger = adapters.store.load()?;
    let asked = ledger.requests.iter().filter_map(|request| match &request.verb {
        Verb::Restore { key, .. } => Some(key.file.clone()),
        _ => None,
    });
    let begun = ledger.open.iter().filter_map(|open| match &open.planned.action {
        Action::Add { key, .. } => Some(key.as_ref()?.file.clone()),
        _ => None,
    });
    Ok(asked.chain(begun).collect())
}
