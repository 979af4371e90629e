//! Brings an older file up to date, with a copy of it put beside it first.

use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::{Cause, StoreErrorKind};
use crate::place::Place;
use crate::schema::__diesel_schema_migrations as applied;
use crate::store::{Lock, execute, transaction};

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
        let sql = format!("VACUUM INTO '{}'", part.replace('\'', "''"));
        execute(connection, &sql)
    })?;
    // Another process may have converted it in the meantime; what is pending is read again inside.
    transaction(connection, Lock::Now, run)
}

/// Refuses a file that is not of exactly this version.
pub(crate) fn require_current(connection: &mut SqliteConnection) -> Result<(), Cause> {
    match pending(connection)? {
        None => Ok(()),
        Some(_) => Err(StoreErrorKind::Older.into()),
    }
}

/// The latest version that the file lacks.
fn pending(connection: &mut SqliteConnection) -> Result<Option<String>, Cause> {
    let known = known()?;
    let applied: Vec<String> =
        applied::table.select(applied::version).order(applied::version).load(connection)?;
    match applied.iter().find(|version| !known.contains(version)) {
        Some(version) => Err(StoreErrorKind::Newer { version: version.clone() }.into()),
        None => Ok(known.into_iter().filter(|version| !applied.contains(version)).max()),
    }
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
