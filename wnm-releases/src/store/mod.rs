//! Versions of node programs, kept in a directory: `PROGRAM/VERSION/`, each whole or not there.
#![expect(clippy::disallowed_methods, reason = "the shell module for the directory of versions")]

mod keep;
mod notes;

pub(crate) use keep::COPY;
pub use keep::Swept;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use wnm_core::model::{Channel, Program, Release, Version};

use crate::digest::Digest;
use crate::error::{ReleaseError, ReleaseFault, ReleaseResult};
use crate::manifest::{Manifest, SCHEMA};

const MANIFEST: &str = "manifest.json";

/// Whoever changes the store holds this.
const LOCK: &str = ".lock";

/// The directory of versions.
#[derive(Clone, Debug)]
pub struct BinaryStore {
    root: PathBuf,
}

/// One kept version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What is written down of it.
    pub manifest: Manifest,
    /// Where it lies.
    pub directory: PathBuf,
    /// It is the one that is wanted, whatever else there is.
    pub pinned: bool,
}

/// A directory in the place of a version that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Where it lies.
    pub directory: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// Everything that is kept, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// Whole versions.
    pub kept: Vec<Kept>,
    /// What looks like one and is none.
    pub broken: Vec<Broken>,
}

/// Nobody else changes the store while this lives; the kernel ends it with the process.
#[derive(Debug)]
pub struct Guard {
    _lock: Flock<File>,
}

impl Kept {
    /// What nodes are given.
    pub fn release(&self) -> Release {
        let name = self.manifest.program.binary_name();
        let file = self.manifest.files.iter().find(|file| file.name == name);
        let release = Release::new(self.manifest.version.clone(), self.directory.join(name));
        Release { sha256: file.map(|file| file.sha256.to_string()), ..release }
    }
}

impl BinaryStore {
    /// The store in `root`; it need not be there yet.
    pub fn new(root: PathBuf) -> BinaryStore {
        BinaryStore { root }
    }

    /// Where it lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Keeps everybody else from changing the store; makes it, if it is not there. An error of kind
    /// [`ReleaseFault::Busy`] when somebody is still at it after `patience`.
    pub fn lock(&self, patience: Duration) -> ReleaseResult<Guard> {
        let deadline = Instant::now() + patience;
        loop {
            make_directory(&self.root, 0o755)?;
            let path = self.root.join(LOCK);
            let made = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
            match made {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                made => made.map_err(|error| ReleaseError::io("make", &path, &error))?,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            // One that was discarded while its lock was waited for is made again.
            if let Some(guard) = self.lock_what_is_there(left)? {
                return Ok(guard);
            }
        }
    }

    /// The same where there is a store; nothing where there is none, or none any more.
    pub(crate) fn lock_what_is_there(&self, patience: Duration) -> ReleaseResult<Option<Guard>> {
        let path = self.root.join(LOCK);
        let failed = |error: io::Error| ReleaseError::io("lock", &path, &error);
        let mut file = match OpenOptions::new().append(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let deadline = Instant::now() + patience;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => {
                    let is_it = is_at(&lock, &path).map_err(failed)?;
                    return Ok(is_it.then_some(Guard { _lock: lock }));
                }
                Err((returned, nix::errno::Errno::EWOULDBLOCK)) => file = returned,
                Err((_, error)) => return Err(failed(error.into())),
            }
            if Instant::now() >= deadline {
                let what = format!("another wnm is changing {}", self.root.display());
                return Err(ReleaseError::new(ReleaseFault::Busy, what).way_out("run it again"));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// All versions of `program`. What cannot be read hides nothing else.
    pub fn shelf(&self, program: Program) -> ReleaseResult<Shelf> {
        let directory = self.root.join(program.binary_name());
        let mut shelf = Shelf::default();
        let pinned = self.pin_of(program)?;
        for path in entries(&directory)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            match read(&path, program, &name) {
                Ok(manifest) => shelf.kept.push(Kept {
                    pinned: pinned.as_ref() == Some(&manifest.version),
                    manifest,
                    directory: path,
                }),
                Err(why) => shelf.broken.push(Broken { directory: path, why }),
            }
        }
        shelf.kept.sort_by(|one, other| other.manifest.version.cmp(&one.manifest.version));
        Ok(shelf)
    }

    /// Exactly this version, if it is kept.
    pub fn find(&self, program: Program, version: &Version) -> ReleaseResult<Option<Kept>> {
        let shelf = self.shelf(program)?;
        Ok(shelf.kept.into_iter().find(|kept| kept.manifest.version == *version))
    }

    /// The pinned version, else the newest of `channel`; none when there is nothing of either. A
    /// pinned version that is not there is an error: it was wanted, and nothing else was.
    pub fn wanted(&self, program: Program, channel: Channel) -> ReleaseResult<Option<Kept>> {
        let shelf = self.shelf(program)?;
        if let Some(pin) = self.pin_of(program)? {
            let found = shelf.kept.into_iter().find(|kept| kept.pinned);
            return match found {
                Some(kept) => Ok(Some(kept)),
                None => Err(ReleaseError::new(
                    ReleaseFault::NotThere,
                    format!("{program} {pin} is pinned, and it is not in {}", self.root.display()),
                )
                .way_out(format!("wnm binary fetch {pin}, or wnm binary unpin"))),
            };
        }
        Ok(shelf.kept.into_iter().find(|kept| channel.has(&kept.manifest.version)))
    }

    /// A directory to put a version together in, that nobody takes for one.
    pub(crate) fn stage(&self) -> ReleaseResult<Staging> {
        let path = self.root.join(format!(".new-{}", std::process::id()));
        if path.try_exists().unwrap_or(true) {
            keep::remove(&path)?;
        }
        make_directory(&path, 0o755)?;
        Ok(Staging { path })
    }

    /// Makes what was staged a version, by one rename. What was in its place goes afterwards, and
    /// comes back if that fails.
    pub(crate) fn put(&self, staging: Staging, manifest: &Manifest) -> ReleaseResult<Kept> {
        let text = serde_json::to_string_pretty(manifest);
        let text =
            text.map_err(|error| ReleaseError::new(ReleaseFault::Wrong, error.to_string()))?;
        notes::write(&staging.path.join(MANIFEST), &(text + "\n"), 0o444)?;
        sync(&staging.path)?;
        let shelf = self.root.join(manifest.program.binary_name());
        make_directory(&shelf, 0o755)?;
        let place = shelf.join(manifest.version.to_string());
        let before = match fs::symlink_metadata(&place) {
            Ok(_) => Some(keep::set_aside(&place)?),
            Err(_) => None,
        };
        if let Err(error) = fs::rename(&staging.path, &place) {
            if let Some(before) = before {
                let _ = fs::rename(before, &place);
            }
            return Err(ReleaseError::io("rename into", &place, &error));
        }
        sync(&shelf)?;
        if let Some(before) = before {
            // The next run sweeps what is left of it.
            let _ = keep::remove_all(&before);
        }
        let pinned = self.pin_of(manifest.program)?.as_ref() == Some(&manifest.version);
        Ok(Kept { manifest: manifest.clone(), directory: place, pinned })
    }

    /// Reads all of a version again; what is not as it was when it was taken in.
    pub fn check(&self, kept: &Kept) -> Vec<String> {
        let mut complaints = Vec::new();
        for file in &kept.manifest.files {
            let path = kept.directory.join(&file.name);
            let hashed = File::open(&path).and_then(|mut file| Digest::of(&mut file));
            match hashed {
                Ok((digest, _)) if digest == file.sha256 => {}
                Ok((digest, bytes)) => complaints.push(format!(
                    "{} has {bytes} bytes with the SHA-256 {digest}; it came with {} bytes and {}",
                    path.display(),
                    file.bytes,
                    file.sha256
                )),
                Err(error) => complaints.push(format!("{}: {error}", path.display())),
            }
            let mode = fs::metadata(&path).map(|found| found.permissions().mode() & 0o7777);
            if let Ok(mode) = mode.as_ref().map(|mode| *mode)
                && mode & 0o022 != 0
            {
                complaints.push(format!("{} can be written by others", path.display()));
            }
        }
        let known = |name: &str| {
            name == MANIFEST || kept.manifest.files.iter().any(|file| file.name == name)
        };
        for path in entries(&kept.directory).unwrap_or_default() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !known(&name) {
                complaints.push(format!("{} was not there before", path.display()));
            }
        }
        complaints
    }
}

/// A directory that goes again unless it becomes a version.
#[derive(Debug)]
pub(crate) struct Staging {
    pub(crate) path: PathBuf,
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After `put` there is nothing of that name any more.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// What a directory says it is, if it is that as far as can be seen without reading all of it.
fn read(directory: &Path, program: Program, name: &str) -> Result<Manifest, String> {
    let text = fs::read_to_string(directory.join(MANIFEST));
    let text = text.map_err(|error| format!("its {MANIFEST} cannot be read: {error}"))?;
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| format!("its {MANIFEST} is none: {error}"))?;
    if manifest.schema > SCHEMA {
        return Err(format!("a newer wnm wrote its {MANIFEST}"));
    }
    if manifest.program != program || manifest.version.to_string() != name {
        return Err(format!("its {MANIFEST} is of {} {}", manifest.program, manifest.version));
    }
    for file in &manifest.files {
        let plain = program.binary_name() == file.name
            || program.companions().contains(&file.name.as_str());
        let found = fs::symlink_metadata(directory.join(&file.name));
        match found {
            Ok(found) if plain && found.is_file() && found.len() == file.bytes => {}
            Ok(_) => return Err(format!("{} is not what came", file.name)),
            Err(error) => return Err(format!("{}: {error}", file.name)),
        }
    }
    match manifest.files.iter().any(|file| file.name == program.binary_name()) {
        true => Ok(manifest),
        false => Err(format!("it has no {program}")),
    }
}

fn entries(directory: &Path) -> ReleaseResult<Vec<PathBuf>> {
    let failed = |error: io::Error| ReleaseError::io("list", directory, &error);
    match fs::read_dir(directory) {
        Ok(entries) => {
            let mut paths = entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<Vec<_>>>()
                .map_err(failed)?;
            paths.sort();
            Ok(paths)
        }
        // Nothing is kept where no directory can be.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(failed(error)),
    }
}

/// Whether this open file is still what the path names.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whoever runs nodes may read programs, whatever the umask says.
fn make_directory(path: &Path, mode: u32) -> ReleaseResult<()> {
    let failed = |error: io::Error| ReleaseError::io("make", path, &error);
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(above).map_err(failed)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)
}

fn sync(directory: &Path) -> ReleaseResult<()> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| ReleaseError::io("flush", directory, &error))
}

#[cfg(test)]
mod tests;
