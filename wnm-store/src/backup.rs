//! Backups: copies of the store that were looked at before they count.
//!
//! A backup holds everything but the recorded cycles. It is written under another name and gets its
//! own only when SQLite and `load` find nothing wrong with it, so that no name of a backup ever stands
//! for half of one.

use std::path::{Path, PathBuf};

use wnm_core::model::Timestamp;
use wnm_core::observe::Ledger;

use crate::error::{Cause, StoreError, StoreErrorKind};
use crate::image::Image;
use crate::place::Place;
use crate::{migrate, open, shelf};

/// So many days keep the newest backup of each.
const DAYS: usize = 7;
/// So many are kept whatever their day.
const LATEST: usize = 3;
const DAY_MS: i64 = 86_400_000;
/// Clocks are corrected by this much without anybody minding.
const SLACK_MS: i64 = 3_600_000;

/// Where the backups of a store lie, and what is done with them.
#[derive(Clone, Debug)]
pub struct Backups {
    store: PathBuf,
    directory: PathBuf,
}

/// A file that was named as a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it lies.
    pub file: PathBuf,
    /// When it was made.
    pub made: Timestamp,
    /// The schema that a migration led to, where it was made before one: it is never cleared away.
    pub before: Option<String>,
    /// Its size.
    pub bytes: u64,
}

/// A store that was looked at and is sound.
#[derive(Clone, Debug)]
pub struct Sound {
    /// The latest migration that it has.
    pub version: String,
    /// What is in it.
    pub ledger: Ledger,
}

impl Backups {
    /// Those of the store in `store`: in `backups` beside it, and before migrations as
    /// `colony.db.before-NNNN`.
    pub fn of(store: &Path) -> Backups {
        let directory = store.parent().unwrap_or(Path::new("")).join("backups");
        Backups { store: store.to_owned(), directory }
    }

    /// Where they lie.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn store(&self) -> &Path {
        &self.store
    }

    /// All of them, the newest first. No directory is an empty one.
    pub fn list(&self) -> Result<Vec<Backup>, StoreError> {
        let failed = |cause: Cause| cause.at("list the backups", &self.directory);
        let mut found = shelf::daily(&self.directory).map_err(failed)?;
        found.extend(shelf::before_migrations(&self.store).map_err(failed)?);
        found.sort_by(|a, b| (b.made, &b.file).cmp(&(a.made, &a.file)));
        Ok(found)
    }

    /// The newest that is sound, with what is in it.
    pub fn newest_sound(&self) -> Result<Option<(Backup, Sound)>, StoreError> {
        let sound = |backup: Backup| Some((backup.clone(), inspect(&backup.file).ok()?));
        Ok(self.list()?.into_iter().find_map(sound))
    }

    /// True when the last day has no backup. One from the future counts only as far as a clock may
    /// have been wrong by.
    pub fn is_due(&self, now: Timestamp) -> Result<bool, StoreError> {
        let failed = |cause: Cause| cause.at("list the backups", &self.directory);
        let daily = shelf::daily(&self.directory).map_err(failed)?;
        let recent = |at: i64| at > now.0 - DAY_MS && at <= now.0 + SLACK_MS;
        Ok(!daily.iter().any(|backup| recent(backup.made.0)))
    }

    /// Makes one in the usual place, and clears away those that are too many. For one process at a
    /// time.
    pub fn make(&self, now: Timestamp) -> Result<Backup, StoreError> {
        let failed = |cause: Cause| cause.at("back up the store", &self.store);
        shelf::prepare(&self.directory).map_err(failed)?;
        shelf::tidy(&self.directory).map_err(failed)?;
        let made = shelf::free_name(&self.directory, now).map_err(failed)?;
        self.make_at(&made.file)?;
        let bytes = Place::for_reading(&made.file).bytes();
        let all = shelf::daily(&self.directory).map_err(failed)?;
        for old in surplus(&all, &made) {
            shelf::clear_away(&old.file);
        }
        Ok(Backup { bytes, ..made })
    }

    /// Makes one in `file`, where nothing may be.
    pub fn make_at(&self, file: &Path) -> Result<(), StoreError> {
        let failed = |cause: Cause| match cause.kind {
            // Of the new file, not of the store.
            StoreErrorKind::Exists | StoreErrorKind::Missing => cause.at("make the backup", file),
            _ => cause.at("back up the store", &self.store),
        };
        shelf::refuse_taken(file).map_err(failed)?;
        let mut image = Image::of(&self.store).map_err(failed)?;
        image.lighten().map_err(failed)?;
        let target = Place::for_reading(file);
        let written = target.found(|uri| {
            image.write(uri)?;
            // What is on the disk counts, not what was meant to be.
            Image::of(&target.sibling("part")).map(|_| ())
        });
        written.map_err(failed)
    }
}

/// What is in a backup, or any other store; an error when anything is wrong with it. It is left as
/// it is, also where it is of an earlier version.
pub fn inspect(file: &Path) -> Result<Sound, StoreError> {
    let looked = Image::of(file).and_then(|mut image| {
        let ledger = image.ledger()?;
        Ok(Sound { version: image.version, ledger })
    });
    looked.map_err(|cause| cause.at("look into the store", file))
}

/// The migrations that the store in `file` has, and those that opening it for writing will apply.
pub fn pending(file: &Path) -> Result<(Vec<String>, Vec<String>), StoreError> {
    let place = Place::for_reading(file);
    let looked = open::source(&place).and_then(|mut source| migrate::split(&mut source));
    looked.map_err(|cause| cause.at("look at the schema of the store", file))
}

/// Those that go: all but the newest of each of the last days that have one, the latest, and `made`.
fn surplus<'a>(all: &'a [Backup], made: &Backup) -> Vec<&'a Backup> {
    let mut newest_first: Vec<&Backup> = all.iter().collect();
    newest_first.sort_by_key(|backup| std::cmp::Reverse(backup.made));
    let mut days: Vec<i64> = Vec::new();
    let mut surplus = Vec::new();
    for (place, backup) in newest_first.into_iter().enumerate() {
        let day = backup.made.0.div_euclid(DAY_MS);
        let is_first = !days.contains(&day);
        if is_first {
            days.push(day);
        }
        let stays = place < LATEST || (is_first && days.len() <= DAYS) || backup.file == made.file;
        if !stays {
            surplus.push(backup);
        }
    }
    surplus
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn made(at: i64) -> Backup {
        let file = PathBuf::from(format!("{at}"));
        Backup { file, made: Timestamp(at), before: None, bytes: 0 }
    }

    fn stay(hours: &[i64], newest: i64) -> Vec<i64> {
        let all: Vec<Backup> = hours.iter().map(|hour| made(hour * HOUR)).collect();
        let gone = surplus(&all, &made(newest * HOUR));
        let left = all.iter().filter(|backup| !gone.contains(backup));
        left.map(|backup| backup.made.0 / HOUR).collect()
    }

    #[test]
    fn one_of_each_day_stays_and_the_latest() {
        let daily: Vec<i64> = (0..20).map(|day| day * 24).collect();
        assert_eq!(stay(&daily, 19 * 24), daily[13..]);
        let hourly: Vec<i64> = (0..24).collect();
        assert_eq!(stay(&hourly, 23), [21, 22, 23]);
        assert_eq!(stay(&[0, 1, 30, 31, 32], 32), [1, 30, 31, 32]);
    }

    #[test]
    fn what_was_just_made_stays_though_others_come_from_the_future() {
        let future: Vec<i64> = (0..20).map(|day| 10_000 + day * 24).collect();
        let all: Vec<i64> = [5].into_iter().chain(future).collect();
        assert!(stay(&all, 5).contains(&5));
    }
}
