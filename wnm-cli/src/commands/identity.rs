//! `wnm identity`: which keys there are. No key is ever printed.

use wnm_managers::KeyState;

use super::Context;
use crate::args::IdentityCommand;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, LivingKey};

pub(super) fn run(context: &Context<'_>, command: &IdentityCommand) -> Result<Exit, CliError> {
    match command {
        IdentityCommand::List => list(context),
    }
}

fn list(context: &Context<'_>) -> Result<Exit, CliError> {
    let (_, ledger) = open(&context.paths, Access::Read)?;
    let files = crate::compose::files(&context.paths);
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
