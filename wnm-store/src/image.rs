//! A store in memory: taken from a file as it was at one moment, brought up to date, looked at and
//! changed there, and written out as a file of its own. Neither the file it is from nor anything
//! beside it is touched.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::prelude::*;
use wnm_core::observe::Ledger;

use crate::error::{Cause, StoreErrorKind};
use crate::place::Place;
use crate::schema::{cycle_groups, samples};
use crate::store::{Lock, Look, complaints, execute, transaction};
use crate::{load, migrate, open};

/// Databases in memory are told apart by name.
static COUNT: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Image {
    pub(crate) connection: SqliteConnection,
    /// The schema of the file.
    pub(crate) version: String,
}

impl Image {
    /// What is in `file`, if all of it is sound: SQLite finds nothing, and every row makes sense.
    pub(crate) fn of(file: &Path) -> Result<Image, Cause> {
        let place = Place::for_reading(file);
        let mut source = open::source(&place)?;
        if let Some(first) = complaints(&mut source, Look::Whole)?.into_iter().next() {
            return Err(Cause::with(StoreErrorKind::Damaged, first));
        }
        let version = migrate::version(&mut source)?;
        let name = format!("file:wnm-image-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let name = format!("{name}?mode=memory&cache=shared");
        let mut connection = SqliteConnection::establish(&name)?;
        vacuum_into(&mut source, &name)?;
        drop(source);
        migrate::build(&mut connection)?;
        let mut image = Image { connection, version };
        image.ledger()?;
        Ok(image)
    }

    pub(crate) fn ledger(&mut self) -> Result<Ledger, Cause> {
        transaction(&mut self.connection, Lock::Never, load::ledger)
    }

    /// Without what is large and of the moment: recorded cycles, and samples for rates.
    pub(crate) fn lighten(&mut self) -> Result<(), Cause> {
        transaction(&mut self.connection, Lock::Now, |connection| {
            diesel::delete(cycle_groups::table).execute(connection)?;
            diesel::delete(samples::table).execute(connection)?;
            Ok(())
        })
    }

    /// Into an empty file of that name, as SQLite takes names.
    pub(crate) fn write(&mut self, uri: &str) -> Result<(), Cause> {
        vacuum_into(&mut self.connection, uri)
    }
}

pub(crate) fn vacuum_into(connection: &mut SqliteConnection, uri: &str) -> Result<(), Cause> {
    execute(connection, &format!("VACUUM INTO '{}'", uri.replace('\'', "''")))
}
