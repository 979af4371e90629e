//! `wnm db`: the store itself.

use super::Context;
use crate::args::DbCommand;
use crate::compose::{Access, open_store};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, command: &DbCommand) -> Result<Exit, CliError> {
    let store = open_store(&context.paths, Access::Read)?;
    match command {
        DbCommand::Status => {
            output::store_status(&context.paths.store, &store.status()?, context.json)?
        }
        DbCommand::Check => {
            let complaints = store.check()?;
            output::store_check(&context.paths.store, &complaints, context.json)?;
            if !complaints.is_empty() {
                return Ok(Exit::Store);
            }
        }
    }
    Ok(Exit::Done)
}
