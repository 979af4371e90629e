//! What goes: leftovers of runs that died, and versions that nobody wants any more.
#![expect(clippy::disallowed_methods, reason = "the shell module that deletes versions")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use wnm_core::model::{Bytes, Channel, Program, Version};

use super::{BinaryStore, Guard, entries};
use crate::error::{ReleaseError, ReleaseResult};

/// A part of a file that nobody went on with for this long is not gone on with.
const STALE: Duration = Duration::from_secs(14 * 86_400);

/// How names of copies begin.
pub(crate) const COPY: &str = "copy-";

/// Versions that went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Which.
    pub versions: Vec<Version>,
    /// How much room they took.
    pub bytes: Bytes,
}

impl BinaryStore {
    /// Where parts of files wait to be gone on with.
    pub(crate) fn parts(&self) -> PathBuf {
        self.root.join(".parts")
    }

    /// The same directory, which nobody else may look into: what lies there is not verified yet, and
    /// must stay as it is from then on.
    pub(crate) fn make_parts(&self) -> ReleaseResult<PathBuf> {
        let parts = self.parts();
        fs::create_dir_all(&parts)
            .and_then(|()| fs::set_permissions(&parts, fs::Permissions::from_mode(0o700)))
            .map_err(|error| ReleaseError::io("make", &parts, &error))?;
        Ok(parts)
    }

    /// Deletes what runs left that died: half-made versions, half-deleted ones, old parts of files.
    /// Nobody is at work while the lock is held, so none of that is in use.
    pub(crate) fn sweep(&self, _lock: &Guard, now: SystemTime) -> ReleaseResult<()> {
        let mut places = vec![self.root.clone()];
        places.extend(Program::ALL.map(|program| self.root.join(program.binary_name())));
        for place in places {
            for path in entries(&place)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let half = [".new-", ".old-", ".pins.json.", ".looks.json."];
                if half.iter().any(|mark| name.starts_with(mark)) {
                    remove_all(&path)?;
                }
            }
        }
        for path in entries(&self.parts())? {
            let modified = fs::metadata(&path).and_then(|found| found.modified());
            let age = modified.ok().and_then(|at| now.duration_since(at).ok());
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // Copies of files of this machine are made again sooner than gone on with.
            if name.starts_with(COPY) || age.is_some_and(|age| age > STALE) {
                remove_all(&path)?;
            }
        }
        Ok(())
    }

    /// Deletes versions of `program` that nobody wants: all but the newest `keep`, the newest two of
    /// `channel`, the pinned one, and `used`. What is broken stays for whoever looks at it.
    pub fn collect(
        &self,
        _lock: &Guard,
        program: Program,
        channel: Channel,
        keep: u32,
        used: &BTreeSet<Version>,
    ) -> ReleaseResult<Swept> {
        let shelf = self.shelf(program)?;
        let mut swept = Swept::default();
        // One version is what nodes are given, the other what they came from: never less than two,
        // whatever newer ones of another channel were fetched by name.
        let versions = shelf.kept.iter().map(|kept| &kept.manifest.version);
        let given: Vec<&Version> = versions.filter(|it| channel.has(it)).take(2).collect();
        let is_wanted = |version: &Version| given.contains(&version) || used.contains(version);
        let old = shelf.kept.iter().skip(keep.max(2) as usize);
        for kept in old.filter(|kept| !kept.pinned && !is_wanted(&kept.manifest.version)) {
            remove(&kept.directory)?;
            swept.versions.push(kept.manifest.version.clone());
            swept.bytes.0 += kept.manifest.bytes().0;
        }
        Ok(swept)
    }

    /// Deletes the whole store: what wnm made in it, and the directory if nothing else is left.
    pub fn discard(&self) -> ReleaseResult<()> {
        if entries(&self.root)?.is_empty() {
            let _ = fs::remove_dir(&self.root);
            return Ok(());
        }
        {
            let lock = self.lock(Duration::from_secs(60))?;
            self.sweep(&lock, SystemTime::UNIX_EPOCH)?;
            for program in Program::ALL {
                for kept in self.shelf(program)?.kept {
                    remove(&kept.directory)?;
                }
                let _ = fs::remove_dir(self.root.join(program.binary_name()));
            }
            remove_all(&self.parts())?;
            for name in ["pins.json", "looks.json", ".lock"] {
                remove_all(&self.root.join(name))?;
            }
        }
        let _ = fs::remove_dir(&self.root);
        Ok(())
    }
}

/// A version goes in one instant, by its name; the rest is rubbish of a name that nobody reads.
pub(super) fn remove(directory: &Path) -> ReleaseResult<()> {
    remove_all(&set_aside(directory)?)
}

/// Gives a version a name that nobody reads.
pub(super) fn set_aside(directory: &Path) -> ReleaseResult<PathBuf> {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let aside = directory.with_file_name(format!(".old-{}-{name}", std::process::id()));
    remove_all(&aside)?;
    fs::rename(directory, &aside)
        .map_err(|error| ReleaseError::io("set aside", directory, &error))?;
    Ok(aside)
}

pub(super) fn remove_all(path: &Path) -> ReleaseResult<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => return Ok(()),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ReleaseError::io("delete", path, &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
