//! `wnm db`: the store itself, and its backups.

mod judge;
mod look;
mod restore;

pub(crate) use judge::Fate;

use std::path::Path;
use std::time::Duration;

use wnm_core::host::{Clock, HostError};
use wnm_core::model::counted;
use wnm_metrics::SystemClock;
use wnm_store::{Backup, Backups, Sound, StoreError, StoreErrorKind, inspect, pending};

use super::Context;
use crate::args::{DbBackupArgs, DbCommand};
use crate::compose::{Access, Adapters, open_store};
use crate::error::{CliError, Damage};
use crate::exit::Exit;
use crate::output;
use crate::settings::Paths;

pub(super) fn run(context: &Context<'_>, command: &DbCommand) -> Result<Exit, CliError> {
    match command {
        DbCommand::Status => status(context),
        DbCommand::Check => check(context),
        DbCommand::Backup(args) => back_up(context, args),
        DbCommand::Backups => list(context),
        DbCommand::Migrate => migrate(context),
        DbCommand::Restore(args) => restore::run(context, args),
    }
}

fn status(context: &Context<'_>) -> Result<Exit, CliError> {
    let store = open_store(&context.paths, Access::Read)?;
    output::store_status(&context.paths.store, &store.status()?, context.json)?;
    Ok(Exit::Done)
}

fn check(context: &Context<'_>) -> Result<Exit, CliError> {
    let store = open_store(&context.paths, Access::Read)?;
    let complaints = store.check()?;
    let newest = Backups::of(&context.paths.store).newest_sound()?;
    let newest = newest.as_ref().map(|(backup, _)| backup);
    output::store_check(&context.paths.store, &complaints, newest, context.json)?;
    if complaints.is_empty() {
        return Ok(Exit::Done);
    }
    way_back(&context.paths, Damage::Yes)
        .iter()
        .for_each(|hint| output::say(&format!("hint: {hint}")));
    Ok(Exit::Store)
}

fn back_up(context: &Context<'_>, args: &DbBackupArgs) -> Result<Exit, CliError> {
    drop(open_store(&context.paths, Access::Read)?);
    let backups = Backups::of(&context.paths.store);
    let file = match &args.to {
        Some(file) => {
            backups.make_at(file).map_err(|error| taken(error, file))?;
            file.clone()
        }
        None => {
            context.paths.refuse_other_owner()?;
            let _lock = context.lock(context.patience)?;
            backups.make(SystemClock.now()?.wall)?.file
        }
    };
    output::backed_up(&file, &inspect(&file)?, context.json)?;
    Ok(Exit::Done)
}

fn taken(error: StoreError, file: &Path) -> CliError {
    let is_taken = error.kind == StoreErrorKind::Exists;
    let error = CliError::from(error);
    match is_taken {
        true => error.hint(format!(
            "a backup is written where nothing is, by way of {0}.part and {0}.new",
            file.display()
        )),
        false => error,
    }
}

/// A backup that was looked into, or why it cannot be used.
pub(crate) type Inspected = (Backup, Result<Sound, String>);

/// Every backup, looked into; the newest first.
pub(crate) fn inspected(paths: &Paths) -> Result<Vec<Inspected>, CliError> {
    let look = |backup: Backup| {
        let sound = inspect(&backup.file).map_err(|error| reason(error.into()));
        (backup, sound)
    };
    Ok(Backups::of(&paths.store).list()?.into_iter().map(look).collect())
}

/// Without the file, which is named beside it.
fn reason(error: HostError) -> String {
    let source = error.source.as_ref().and_then(|source| source.downcast_ref::<StoreError>());
    source.map_or_else(|| error.chain(), |error| error.kind.to_string())
}

fn list(context: &Context<'_>) -> Result<Exit, CliError> {
    let backups = inspected(&context.paths)?;
    let directory = Backups::of(&context.paths.store).directory().to_owned();
    output::backups(&directory, &backups, context.json)?;
    Ok(Exit::Done)
}

fn migrate(context: &Context<'_>) -> Result<Exit, CliError> {
    context.paths.refuse_other_owner()?;
    let _lock = context.lock_beside_store()?;
    let (applied, pending) = match pending(&context.paths.store) {
        Err(error) if error.kind == StoreErrorKind::Missing => {
            drop(open_store(&context.paths, Access::Read)?);
            return Err(error.into());
        }
        looked => looked?,
    };
    // Opening for writing is what migrates, with a copy of the file put beside it first.
    drop(open_store(&context.paths, Access::Write)?);
    output::migrated(&context.paths.store, &applied, &pending, context.json)?;
    Ok(Exit::Done)
}

/// After a cycle, once a day. A failure is told and fails nothing: nodes have been seen to.
pub(super) fn back_up_daily(context: &Context<'_>, adapters: &Adapters) {
    let backups = Backups::of(&context.paths.store);
    let made = adapters.clock.now().and_then(|now| {
        if backups.is_due(now.wall)? {
            backups.make(now.wall)?;
        }
        Ok(())
    });
    if let Err(error) = made {
        output::say(&format!("WARNING: no backup of the store could be made: {}", error.chain()));
        let hints = way_back(&context.paths, CliError::from(error).damage);
        hints.iter().for_each(|hint| output::say(&format!("hint: {hint}")));
    }
}

/// What to do about a store that cannot be used.
pub(super) fn way_back(paths: &Paths, damage: Damage) -> Vec<String> {
    let backups = Backups::of(&paths.store);
    if damage == Damage::No {
        return Vec::new();
    }
    let Ok(Some((backup, sound))) = backups.newest_sound() else {
        // What was never ours has none.
        if damage == Damage::Perhaps {
            return Vec::new();
        }
        return vec![format!(
            "there is no sound backup of it in {}; nodes run on as they are, and their keys lie with them",
            backups.directory().display()
        )];
    };
    let (made, nodes) = (backup.made, counted(sound.ledger.nodes.len() as u32, "node"));
    let restore = format!("wnm --scope {} db restore --latest", paths.scope);
    vec![
        format!(
            "the newest sound backup is of {made} UTC, with {nodes}: {}",
            backup.file.display()
        ),
        format!("`{restore} --dry-run` says what differs; without --dry-run it is put back"),
    ]
}

impl Context<'_> {
    /// The cycle's lock, which lies beside the store: where there is no directory there is nothing to
    /// lock either.
    fn lock_beside_store(&self) -> Result<Option<crate::lock::Guard>, CliError> {
        match crate::compose::is_directory(&self.paths.base) {
            true => self.lock(self.patience.max(Duration::ZERO)).map(Some),
            false => Ok(None),
        }
    }
}
