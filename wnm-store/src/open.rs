//! Making and opening stores. A file that is not ours is never written to, nor is anything beside
//! it.

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::Integer;

use crate::error::{Cause, StoreError, StoreErrorKind};
use crate::migrate;
use crate::place::{Place, uri};
use crate::store::{Look, SqliteStore, complaints, execute};

/// "wnm1", where SQLite keeps a number that says whose file it is.
pub(crate) const APPLICATION: i32 = 0x776e_6d31;

/// A writer that is killed loses nothing that was committed, not even with the power.
const FOR_WRITING: &str = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;
    PRAGMA synchronous = FULL;";
const LOG_AHEAD: &str = "PRAGMA journal_mode = WAL;";
const FOR_READING: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;";

impl SqliteStore {
    /// Makes a new store at `file`, where nothing may be yet.
    pub fn create(file: &Path) -> Result<SqliteStore, StoreError> {
        let place = Place::for_writing(file);
        match found(&place) {
            Ok(()) => {
                place.renew_reserve();
                SqliteStore::open(file)
            }
            Err(cause) => Err(cause.at("create the store", file)),
        }
    }

    /// Opens the store at `file`, bringing it up to date if an older version made it.
    pub fn open(file: &Path) -> Result<SqliteStore, StoreError> {
        let place = Place::for_writing(file);
        // Whoever wrote last did not come to close it: so much may have happened to the machine as
        // well that a look at every page is worth its time.
        let died = !place.is_settled();
        let opened = recognize(&place).and_then(|()| {
            let connected = place.relieved(|| connect(&place)).and_then(|mut connection| {
                if died {
                    require_sound(&mut connection)?;
                }
                Ok(connection)
            });
            connected.map_err(|cause| place.explain(cause))
        });
        match opened {
            Ok(connection) => Ok(SqliteStore::over(connection, place)),
            Err(cause) => Err(cause.at("open the store", file)),
        }
    }

    /// Opens the store at `file` for reading only, at any time: a cycle that writes to it is not in
    /// the way, nor disturbed. To be opened again for every look: on a full or frozen file system
    /// it stays as it was when it was opened.
    pub fn open_read_only(file: &Path) -> Result<SqliteStore, StoreError> {
        let place = Place::for_reading(file);
        match recognize(&place).and_then(|()| connect_to_read(&place, read_at)) {
            Ok(connection) => Ok(SqliteStore::over(connection, place)),
            Err(cause) => Err(cause.at("open the store for reading", file)),
        }
    }

    /// A store that is gone when it is dropped.
    pub fn in_memory() -> Result<SqliteStore, StoreError> {
        let place = Place::in_memory();
        let made = SqliteConnection::establish(":memory:").map_err(Cause::from).and_then(
            |mut connection| {
                execute(&mut connection, FOR_WRITING)?;
                migrate::build(&mut connection)?;
                Ok(connection)
            },
        );
        match made {
            Ok(connection) => Ok(SqliteStore::over(connection, place)),
            Err(cause) => Err(cause.at("make a store in memory", place.file())),
        }
    }
}

/// A store comes into being as a whole: another name first, then its own.
fn found(place: &Place) -> Result<(), Cause> {
    if place.is_taken()? {
        return Err(StoreErrorKind::Exists.into());
    }
    place.found(|new| {
        let mut connection = SqliteConnection::establish(new)?;
        // The mark goes in before the write-ahead log is turned on, so that it is always found in
        // the file itself.
        execute(
            &mut connection,
            &format!("PRAGMA synchronous = FULL; PRAGMA application_id = {APPLICATION};"),
        )?;
        migrate::build(&mut connection)?;
        execute(&mut connection, LOG_AHEAD)
    })
}

/// Whose file it is, looked at in a way that touches nothing: `immutable` takes no lock and makes
/// no file. SQLite itself does the reading, because closing a file by other means would drop the
/// locks that this process holds on it.
fn recognize(place: &Place) -> Result<(), Cause> {
    place.require()?;
    let mut connection = SqliteConnection::establish(&as_is(place))?;
    // A process that is killed while it copies pages from its log leaves a first page that tells of
    // more pages than there are. The log has them, but `immutable` passes over it; so that the
    // number is not looked at, SQLite is told that the schema may be wrong.
    execute(&mut connection, "PRAGMA writable_schema = ON")?;
    // The bare pragma reads the first page only, so that it can tell even in a damaged file.
    let mark = diesel::sql_query("PRAGMA application_id").get_result::<Mark>(&mut connection);
    match mark {
        Ok(Mark { application_id: APPLICATION }) => Ok(()),
        Ok(_) => Err(StoreErrorKind::Foreign.into()),
        Err(error) => Err(error.into()),
    }
}

#[derive(QueryableByName)]
struct Mark {
    #[diesel(sql_type = Integer)]
    application_id: i32,
}

fn require_sound(connection: &mut SqliteConnection) -> Result<(), Cause> {
    match complaints(connection, Look::Quick)?.into_iter().next() {
        Some(first) => Err(Cause::with(StoreErrorKind::Damaged, first)),
        None => Ok(()),
    }
}

fn as_is(place: &Place) -> String {
    format!("{}&immutable=1", uri(place.file(), "ro"))
}

fn connect(place: &Place) -> Result<SqliteConnection, Cause> {
    let mut connection = SqliteConnection::establish(&uri(place.file(), "rw"))?;
    execute(&mut connection, FOR_WRITING)?;
    migrate::update(&mut connection, place)?;
    // Last, for it may write, and not to what a newer version made.
    execute(&mut connection, LOG_AHEAD)?;
    Ok(connection)
}

/// A store of any version to be copied from: all that is in it at one moment, its log included.
pub(crate) fn source(place: &Place) -> Result<SqliteConnection, Cause> {
    recognize(place)?;
    connect_to_read(place, |uri| {
        let mut connection = SqliteConnection::establish(uri)?;
        execute(&mut connection, "PRAGMA busy_timeout = 5000;")?;
        // Opening alone reads nothing, so that it would not tell whether one can.
        migrate::version(&mut connection)?;
        Ok(connection)
    })
}

fn connect_to_read(
    place: &Place,
    read_at: impl Fn(&str) -> Result<SqliteConnection, Cause>,
) -> Result<SqliteConnection, Cause> {
    match read_at(&uri(place.file(), "ro")) {
        // Reading needs a file beside the store, which cannot be made on a file system that is
        // full or mounted read-only. With nothing left to be taken from such a file the store can
        // be read as it lies; nobody else gets far there either.
        Err(cause)
            if place.is_settled()
                && match cause.kind {
                    StoreErrorKind::Io => true,
                    StoreErrorKind::Permission => place.is_frozen(),
                    _ => false,
                } =>
        {
            read_at(&as_is(place))
        }
        connected => connected,
    }
}

fn read_at(uri: &str) -> Result<SqliteConnection, Cause> {
    let mut connection = SqliteConnection::establish(uri)?;
    execute(&mut connection, FOR_READING)?;
    migrate::require_current(&mut connection)?;
    Ok(connection)
}
