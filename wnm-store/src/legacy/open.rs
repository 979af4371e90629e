//! Opening a file that is not ours: nothing is written to it, nor beside it, and what its owner
//! left half-written is finished in a copy.
#![expect(clippy::disallowed_methods, reason = "a foreign file is looked at, and copied aside")]

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use diesel::prelude::*;

use crate::error::{Cause, StoreErrorKind};
use crate::place::{Place, uri};
use crate::store::{Lock, Look, execute, transaction, unsound};

/// A thousand nodes take less than 1 MB.
const MOST_BYTES: u64 = 64 << 20;

/// SQLite's files beside a database that belong to what it says.
const BESIDE: [&str; 2] = ["-wal", "-journal"];

/// Runs `work` on the database at `file`: sound, as it was at one moment, and not to be written to.
pub(super) fn with<T>(
    file: &Path,
    work: impl Fn(&mut SqliteConnection) -> Result<T, Cause>,
) -> Result<T, Cause> {
    let place = Place::for_reading(file);
    place.require()?;
    match mode(file)? {
        Mode::Rollback => match look(&uri(file, "ro"), &work) {
            // Somebody was killed while writing. Undoing that is writing.
            Err(cause) if matches!(cause.kind, StoreErrorKind::ReadOnly) => in_copy(file, &work),
            looked => looked,
        },
        // Reading these makes files beside them.
        Mode::LogAhead => in_copy(file, &work),
    }
}

enum Mode {
    Rollback,
    LogAhead,
}

/// How the file is written to, by its first bytes.
fn mode(file: &Path) -> Result<Mode, Cause> {
    if fs::metadata(file)?.len() > MOST_BYTES {
        let why =
            format!("it is larger than {} MB, which no store of that program is", MOST_BYTES >> 20);
        return Err(Cause::conflict(why));
    }
    let mut head = Vec::new();
    fs::File::open(file)?.take(100).read_to_end(&mut head)?;
    match head.get(18..20) {
        Some(_) if !head.starts_with(b"SQLite format 3\0") => Err(StoreErrorKind::Foreign.into()),
        Some([1, 1]) => Ok(Mode::Rollback),
        Some([2, 2]) => Ok(Mode::LogAhead),
        Some(_) => Err(StoreErrorKind::Damaged.into()),
        None => Err(StoreErrorKind::Foreign.into()),
    }
}

fn look<T>(
    uri: &str,
    work: &impl Fn(&mut SqliteConnection) -> Result<T, Cause>,
) -> Result<T, Cause> {
    let mut connection = SqliteConnection::establish(uri)?;
    execute(
        &mut connection,
        "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; \
         PRAGMA cell_size_check = ON;",
    )?;
    transaction(&mut connection, Lock::Never, |connection| {
        match unsound(connection, Look::Whole)?.into_iter().next() {
            None => work(connection),
            Some(complaint) => Err(Cause::with(StoreErrorKind::Damaged, complaint)),
        }
    })
}

/// The same on a private copy, which SQLite may write to.
fn in_copy<T>(
    file: &Path,
    work: &impl Fn(&mut SqliteConnection) -> Result<T, Cause>,
) -> Result<T, Cause> {
    let scratch = Scratch::new()?;
    let before = state(file)?;
    let copy = scratch.0.join("copy.db");
    fs::copy(file, &copy)?;
    for suffix in BESIDE {
        match fs::copy(beside(file, suffix), beside(&copy, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    if state(file)? != before {
        return Err(StoreErrorKind::Busy.into());
    }
    look(&uri(&copy, "rw"), work)
}

/// Size and last change of all files that make up a database.
fn state(file: &Path) -> Result<Vec<Option<(u64, SystemTime)>>, Cause> {
    ["", "-wal", "-journal"]
        .into_iter()
        .map(|suffix| match fs::metadata(beside(file, suffix)) {
            Ok(meta) if meta.len() > MOST_BYTES => {
                Err(Cause::conflict("a file beside it is too large"))
            }
            Ok(meta) => Ok(Some((meta.len(), meta.modified()?))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        })
        .collect()
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A directory for nobody else, gone when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, Cause> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wnm-reads-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
