//! Where a store lies: its file, the files beside it, and what the file system says about them.
#![expect(clippy::disallowed_methods, reason = "the store is a file, with others beside it")]

use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use wnm_core::model::Timestamp;

use crate::error::{Cause, StoreErrorKind};
use crate::reserve::Reserve;
use crate::shelf;

#[derive(Debug)]
pub(crate) struct Place {
    file: PathBuf,
    /// Only who writes keeps one.
    reserve: Option<Reserve>,
}

/// How a store is called that another one took the place of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aside {
    pub(crate) word: &'static str,
    pub(crate) at: Timestamp,
}

impl Aside {
    /// `damaged-20261120T212730Z`.
    fn suffix(&self) -> String {
        format!("{}-{}", self.word, shelf::compact(self.at))
    }
}

impl Place {
    pub(crate) fn for_writing(file: &Path) -> Place {
        let mut place = Place::for_reading(file);
        place.reserve = Some(Reserve::at(place.sibling("reserve")));
        place
    }

    pub(crate) fn for_reading(file: &Path) -> Place {
        Place { file: file.to_owned(), reserve: None }
    }

    pub(crate) fn in_memory() -> Place {
        Place::for_reading(Path::new(":memory:"))
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// `colony.db.suffix`.
    pub(crate) fn sibling(&self, suffix: &str) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(OsStr::new("."));
        name.push(suffix);
        PathBuf::from(name)
    }

    /// True when something is there; a failure to look is an error.
    pub(crate) fn is_taken(&self) -> Result<bool, Cause> {
        match std::fs::symlink_metadata(&self.file) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses what is no file that can be looked at.
    pub(crate) fn require(&self) -> Result<(), Cause> {
        match std::fs::metadata(&self.file)? {
            meta if meta.is_file() => Ok(()),
            _ => Err(StoreErrorKind::Foreign.into()),
        }
    }

    /// True when SQLite has left nothing beside the file that is not in it yet.
    pub(crate) fn is_settled(&self) -> bool {
        let mut log = self.file.clone().into_os_string();
        log.push("-wal");
        match std::fs::metadata(PathBuf::from(log)) {
            Ok(meta) => meta.len() == 0,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Bytes of the file and of the log beside it; what is not there takes none.
    pub(crate) fn bytes(&self) -> u64 {
        let mut log = self.file.clone().into_os_string();
        log.push("-wal");
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        size(&self.file) + size(Path::new(&log))
    }

    /// Device and number of the file; `None` where there is none.
    pub(crate) fn identity(&self) -> Option<(u64, u64)> {
        let found = std::fs::metadata(&self.file).ok()?;
        Some((found.dev(), found.ino()))
    }

    /// True when the reserve is there, whoever keeps it.
    pub(crate) fn has_reserve(&self) -> bool {
        std::fs::metadata(self.sibling("reserve")).is_ok()
    }

    /// True when the file system lets nobody write.
    pub(crate) fn is_frozen(&self) -> bool {
        let probe = self.sibling("probe");
        match std::fs::File::create_new(&probe) {
            Err(error) => error.kind() == io::ErrorKind::ReadOnlyFilesystem,
            Ok(_) => {
                let _ = remove(&probe);
                false
            }
        }
    }

    /// Fills a file of another name by `fill`, which is given it as SQLite wants it, and then puts
    /// it in the place of `target`: there is never half a copy of that name.
    pub(crate) fn replace(
        &self,
        target: &Path,
        fill: impl FnOnce(&str) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        let part = self.sibling("part");
        remove_with_logs(&part)?;
        // Empty at first, made by hand: the system says why it cannot be, SQLite would not. For
        // its owner alone, as SQLite then makes the files beside it: settings may hold secrets.
        let mut new = std::fs::OpenOptions::new();
        new.write(true).create_new(true).mode(0o600).open(&part)?;
        let filled = fill(&uri(&part, "rw")).and_then(|()| {
            std::fs::File::open(&part)?.sync_all()?;
            Ok(std::fs::rename(&part, target)?)
        });
        match filled {
            Ok(()) => Ok(sync_directory(target)?),
            Err(cause) => {
                let _ = remove_with_logs(&part);
                Err(cause)
            }
        }
    }

    /// As [`Place::replace`] for the store itself, but never over anything.
    pub(crate) fn found(&self, fill: impl FnOnce(&str) -> Result<(), Cause>) -> Result<(), Cause> {
        let new = self.sibling("new");
        self.replace(&new, fill)?;
        let linked = std::fs::hard_link(&new, &self.file);
        let placed = match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error.into()),
            // Some file systems have no links. Nobody else founds a store here: init is alone.
            Err(_) if self.is_taken()? => Err(StoreErrorKind::Exists.into()),
            Err(_) => std::fs::rename(&new, &self.file).map_err(Cause::from),
            Ok(()) => Ok(()),
        };
        remove(&new)?;
        placed?;
        Ok(sync_directory(&self.file)?)
    }

    /// Puts a new store, filled as in [`Place::replace`], in the place of the one that is there, which
    /// is kept as a whole under the name that is answered. Whenever this is cut off, there is a store
    /// under the old name; never one with the log of another, which SQLite would take for its own.
    pub(crate) fn exchange(
        &self,
        aside: &Aside,
        fill: impl FnOnce(&str) -> Result<(), Cause>,
    ) -> Result<Option<PathBuf>, Cause> {
        let new = self.sibling("new");
        self.replace(&new, fill)?;
        let kept = self.keep_aside(aside);
        let placed = kept.and_then(|kept| match std::fs::rename(&new, &self.file) {
            Ok(()) => {
                sync_directory(&self.file)?;
                Ok(kept)
            }
            Err(error) => {
                // Where it had to be moved it must not be missing now.
                if let (Some(kept), Ok(false)) = (&kept, self.is_taken()) {
                    let _ = std::fs::rename(kept, &self.file);
                }
                Err(error.into())
            }
        });
        if placed.is_err() {
            let _ = remove(&new);
        }
        placed
    }

    /// A second name for the store, then another one for its logs. Where there are no second names the
    /// store is moved.
    fn keep_aside(&self, aside: &Aside) -> Result<Option<PathBuf>, Cause> {
        if !self.is_taken()? {
            return Ok(None);
        }
        let kept = self.sibling(&aside.suffix());
        if Place::for_reading(&kept).is_taken()? {
            return Err(Cause::with(StoreErrorKind::Exists, kept.display().to_string()));
        }
        if std::fs::hard_link(&self.file, &kept).is_err() {
            std::fs::rename(&self.file, &kept)?;
        }
        sync_directory(&kept)?;
        for log in ["-wal", "-shm", "-journal"] {
            let (mut from, mut to) =
                (self.file.clone().into_os_string(), kept.clone().into_os_string());
            from.push(log);
            to.push(log);
            match std::fs::rename(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                moved => moved?,
            }
        }
        sync_directory(&kept)?;
        Ok(Some(kept))
    }

    /// Tries `work`; when the disk is full, once more without the reserve. An I/O error counts, for
    /// that is what SQLite says when the files it maps into memory find no room.
    pub(crate) fn relieved<T>(
        &self,
        mut work: impl FnMut() -> Result<T, Cause>,
    ) -> Result<T, Cause> {
        match work() {
            Err(cause)
                if matches!(cause.kind, StoreErrorKind::Full | StoreErrorKind::Io)
                    && self.reserve.as_ref().is_some_and(Reserve::release) =>
            {
                work()
            }
            tried => tried,
        }
    }

    /// Keeps a reserve again, if there is room for one.
    pub(crate) fn renew_reserve(&self) {
        if let Some(Err(error)) = self.reserve.as_ref().map(Reserve::renew) {
            tracing::warn!(file = %self.file.display(), %error, "no room for a reserve");
        }
    }

    /// SQLite is vague about why it cannot write or open; the system is not.
    pub(crate) fn explain(&self, mut cause: Cause) -> Cause {
        let vague = matches!(
            cause.kind,
            StoreErrorKind::Io | StoreErrorKind::ReadOnly | StoreErrorKind::Permission
        );
        let probed = self.reserve.as_ref().filter(|_| vague).map(Reserve::probe);
        if let Some(Err(error)) = probed {
            match Cause::from(error).kind {
                StoreErrorKind::Io => {}
                kind => cause.kind = kind,
            }
        }
        cause
    }
}

/// The name of a file as SQLite takes it with a mode, whatever characters are in it.
pub(crate) fn uri(file: &Path, mode: &str) -> String {
    let mut uri = String::from("file:");
    for byte in file.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            _ => {
                let _ = write!(uri, "%{byte:02x}");
            }
        }
    }
    uri.push_str("?mode=");
    uri.push_str(mode);
    uri
}

pub(crate) fn remove_with_logs(file: &Path) -> io::Result<()> {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        remove(Path::new(&name))?;
    }
    Ok(())
}

fn remove(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a new name outlast a power cut.
pub(crate) fn sync_directory(file: &Path) -> io::Result<()> {
    let directory = match file.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    };
    std::fs::File::open(directory)?.sync_all()
}
