//! Files of backups: their names, and nothing but those of our own.
#![expect(clippy::disallowed_methods, reason = "the shell module for the directory of backups")]

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use wnm_core::model::Timestamp;

use crate::backup::Backup;
use crate::error::{Cause, StoreErrorKind};
use crate::place::{remove_with_logs, sync_directory};

/// What the name of a backup ends in before it is one.
const UNFINISHED: [&str; 2] = [".part", ".new"];

/// A directory for its owner alone.
pub(crate) fn prepare(directory: &Path) -> Result<(), Cause> {
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made?,
    }
    Ok(sync_directory(directory)?)
}

/// The name of a backup of now, that nothing has yet.
pub(crate) fn free_name(directory: &Path, now: Timestamp) -> Result<Backup, Cause> {
    const TRIES: i64 = 60;
    for second in 0..TRIES {
        let made = Timestamp((now.0.div_euclid(1000) + second) * 1000);
        let file = directory.join(name(made));
        match fs::symlink_metadata(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Backup { file, made, before: None, bytes: 0 });
            }
            found => found?,
        };
    }
    Err(StoreErrorKind::Exists.into())
}

/// Those in the directory of backups. What has another name, or is no file, is somebody else's.
pub(crate) fn daily(directory: &Path) -> Result<Vec<Backup>, Cause> {
    let mut found = Vec::new();
    for (name, file) in entries(directory)? {
        if let Some(made) = made(&name) {
            found.extend(seen(&file).map(|(bytes, _)| Backup { file, made, before: None, bytes }));
        }
    }
    Ok(found)
}

/// Those beside the store, which migrations left. Their age is all that tells when.
pub(crate) fn before_migrations(store: &Path) -> Result<Vec<Backup>, Cause> {
    let (Some(directory), Some(of)) = (store.parent(), store.file_name()) else {
        return Ok(Vec::new());
    };
    let start = format!("{}.before-", of.to_string_lossy());
    let mut found = Vec::new();
    for (name, file) in entries(directory)? {
        let version = name.strip_prefix(&start).filter(|rest| is_number(rest, 4));
        if let (Some(version), Some((bytes, made))) = (version, seen(&file)) {
            found.push(Backup { made, before: Some(version.to_owned()), bytes, file });
        }
    }
    Ok(found)
}

/// Takes a backup of ours away. One that stays is in nobody's way.
pub(crate) fn clear_away(file: &Path) {
    if let Err(error) = remove_with_logs(file) {
        tracing::warn!(file = %file.display(), %error, "an old backup stays");
    }
}

/// Takes away what backups left that were interrupted. To be called by one process at a time.
pub(crate) fn tidy(directory: &Path) -> Result<(), Cause> {
    for (name, file) in entries(directory)? {
        if UNFINISHED.iter().any(|end| name.strip_suffix(end).and_then(made).is_some()) {
            remove_with_logs(&file)?;
        }
    }
    Ok(())
}

/// Takes all of ours away, and the directory if nothing is left.
pub(crate) fn clear(directory: &Path) -> Result<(), Cause> {
    tidy(directory)?;
    for backup in daily(directory)? {
        remove_with_logs(&backup.file)?;
    }
    let _ = fs::remove_dir(directory);
    Ok(())
}

/// Takes away what lies beside the store because of a migration or of a backup that was put back.
pub(crate) fn clear_beside(store: &Path) -> Result<(), Cause> {
    const OURS: [&str; 3] = ["before-", "damaged-", "replaced-"];
    let (Some(directory), Some(of)) = (store.parent(), store.file_name()) else { return Ok(()) };
    let start = format!("{}.", of.to_string_lossy());
    for (name, file) in entries(directory)? {
        let rest = name.strip_prefix(&start).unwrap_or_default();
        if OURS.iter().any(|ours| rest.starts_with(ours)) {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// Refuses to write where anything is, also under the names that come before the last.
pub(crate) fn refuse_taken(file: &Path) -> Result<(), Cause> {
    let ends = [""].iter().chain(&UNFINISHED);
    for end in ends {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        match fs::symlink_metadata(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                let taken = Path::new(&name).display().to_string();
                return Err(Cause::with(StoreErrorKind::Exists, taken));
            }
        }
    }
    Ok(())
}

/// Nothing there is nothing found.
fn entries(directory: &Path) -> Result<Vec<(String, PathBuf)>, Cause> {
    let directory = if directory == Path::new("") { Path::new(".") } else { directory };
    let listed = match fs::read_dir(directory) {
        Err(_) if is_missing(directory) => return Ok(Vec::new()),
        listed => listed?,
    };
    let mut entries = Vec::new();
    for entry in listed {
        let entry = entry?;
        // A name that is no UTF-8 is not ours.
        entries.extend(entry.file_name().into_string().ok().map(|name| (name, entry.path())));
    }
    Ok(entries)
}

/// True when nothing is there, not even something else of that name.
fn is_missing(directory: &Path) -> bool {
    fs::symlink_metadata(directory)
        .is_err_and(|error| Cause::from(error).kind == StoreErrorKind::Missing)
}

/// Size and time of a file; links are not followed.
fn seen(file: &Path) -> Option<(u64, Timestamp)> {
    let found = fs::symlink_metadata(file).ok().filter(fs::Metadata::is_file)?;
    Some((found.len(), Timestamp(found.mtime().saturating_mul(1000))))
}

/// `colony-20261120T212730Z.db`.
fn name(made: Timestamp) -> String {
    format!("colony-{}.db", compact(made))
}

/// `20261120T212730Z`.
pub(crate) fn compact(at: Timestamp) -> String {
    at.to_string().replace(['-', ':'], "").replace(' ', "T") + "Z"
}

fn made(name: &str) -> Option<Timestamp> {
    let text = name.strip_prefix("colony-")?.strip_suffix("Z.db")?;
    let (date, time) = text.split_once('T')?;
    if !is_number(date, 8) || !is_number(time, 6) {
        return None;
    }
    let (day, clock) = (date.split_at(4), time.split_at(2));
    let (month, minute) = (day.1.split_at(2), clock.1.split_at(2));
    let text = format!("{}-{}-{}T{}:{}:{}", day.0, month.0, month.1, clock.0, minute.0, minute.1);
    text.parse().ok()
}

fn is_number(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_when() {
        let at = Timestamp(1_795_229_530_000);
        assert_eq!(name(at), "colony-20261121T025210Z.db");
        assert_eq!(made(&name(at)), Some(at));
        for other in [
            "colony-20261121T025210Z.db.part",
            "colony-20261321T025210Z.db",
            "colony-2026112T1025210Z.db",
            "colony-20261121T02521äZ.db",
            "colony.db",
            "notes.txt",
        ] {
            assert_eq!(made(other), None, "{other}");
        }
    }
}
