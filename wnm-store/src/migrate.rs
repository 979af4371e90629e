//! Brings an older file up to date, with a copy of it put beside it first.

use std::path::Path;

use diesel::dsl::max;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::{Cause, StoreErrorKind};
use crate::image::vacuum_into;
use crate::open;
use crate::place::Place;
use crate::schema::__diesel_schema_migrations as applied;
use crate::store::{Lock, Look, complaints, transaction};

pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Makes the tables of a new file.
pub(crate) fn build(connection: &mut SqliteConnection) -> Result<(), Cause> {
    transaction(connection, Lock::Now, run)
}

/// Refuses what a newer version made; converts what an older one did.
pub(crate) fn update(connection: &mut SqliteConnection, place: &Place) -> Result<(), Cause> {
    let Some(next) = pending(connection)? else { return Ok(()) };
    let copy = place.sibling(&format!("before-{next}"));
    tracing::info!(copy = %copy.display(), "the store is converted; a copy of it is kept");
    place.replace(&copy, |part| {
        vacuum_into(connection, part)?;
        sound(&place.sibling("part"))
    })?;
    // Another process may have converted it in the meantime; what is pending is read again inside.
    transaction(connection, Lock::Now, run)
}

/// A copy that is not whole is no way back.
fn sound(copy: &Path) -> Result<(), Cause> {
    let mut connection = open::source(&Place::for_reading(copy))?;
    match complaints(&mut connection, Look::Whole)?.into_iter().next() {
        Some(first) => Err(Cause::with(StoreErrorKind::Damaged, first)),
        None => Ok(()),
    }
}

/// The latest migration that was applied. Refuses what a newer version made.
pub(crate) fn version(connection: &mut SqliteConnection) -> Result<String, Cause> {
    pending(connection)?;
    let latest: Option<String> = applied::table.select(max(applied::version)).first(connection)?;
    Ok(latest.unwrap_or_default())
}

/// Refuses a file that is not of exactly this version.
pub(crate) fn require_current(connection: &mut SqliteConnection) -> Result<(), Cause> {
    match pending(connection)? {
        None => Ok(()),
        Some(_) => Err(StoreErrorKind::Older.into()),
    }
}

/// The migrations that a file of this or an earlier version has, and those that it lacks.
pub(crate) fn split(
    connection: &mut SqliteConnection,
) -> Result<(Vec<String>, Vec<String>), Cause> {
    pending(connection)?;
    let applied = applied(connection)?;
    let mut lacks = known()?;
    lacks.retain(|version| !applied.contains(version));
    lacks.sort();
    Ok((applied, lacks))
}

/// The latest version that the file lacks.
fn pending(connection: &mut SqliteConnection) -> Result<Option<String>, Cause> {
    let known = known()?;
    let applied = applied(connection)?;
    match applied.iter().find(|version| !known.contains(version)) {
        Some(version) => Err(StoreErrorKind::Newer { version: version.clone() }.into()),
        None => Ok(known.into_iter().filter(|version| !applied.contains(version)).max()),
    }
}

/// What a file has, in order.
fn applied(connection: &mut SqliteConnection) -> Result<Vec<String>, Cause> {
    let versions = applied::table.select(applied::version).order(applied::version);
    versions.load(connection).map_err(|error| Cause::from(error).of_reading())
}

fn known() -> Result<Vec<String>, Cause> {
    let migrations = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).map_err(refused)?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn run(connection: &mut SqliteConnection) -> Result<(), Cause> {
    connection.run_pending_migrations(MIGRATIONS).map(|_| ()).map_err(refused)
}

/// The harness boxes whatever went wrong; inside there is nearly always SQLite's own answer.
fn refused(error: Box<dyn std::error::Error + Send + Sync>) -> Cause {
    match error.downcast::<diesel::result::Error>() {
        Ok(error) => (*error).into(),
        Err(error) => Cause::with(StoreErrorKind::Sql, error),
    }
}
