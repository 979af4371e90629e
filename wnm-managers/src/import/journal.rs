//! What a takeover will touch, written down before it touches anything, with a copy of every file
//! that it replaces. From it a takeover that failed or died is undone.
#![expect(clippy::disallowed_methods, reason = "the shell module that keeps what is replaced")]

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wnm_core::host::{HostError, HostResult};
use wnm_core::import::Scheduler;
use wnm_core::model::Timestamp;
use wnm_core::observe::FaultKind;

use crate::files::write_durably;

/// Names the backup of a takeover that has not ended; lies in the base directory.
const UNFINISHED: &str = "import-unfinished";
const MANIFEST: &str = "manifest.json";

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Begun,
    Done,
    Undone,
}

/// A file that is replaced, deleted, or only kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) path: PathBuf,
    /// Its copy, beside the manifest.
    pub(super) copy: String,
    pub(super) mode: u32,
    /// False for what is only kept.
    pub(super) replaced: bool,
}

/// A directory that gets a marker, and in the system scope another owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claimed {
    pub(super) root: PathBuf,
    /// True for a storage root that had no marker before.
    pub(super) marked: bool,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) state: State,
    pub(super) at: Timestamp,
    pub(super) kept: Vec<Kept>,
    /// Files that come into being.
    pub(super) made: Vec<PathBuf>,
    pub(super) claimed: Vec<Claimed>,
    /// Files that get another name, and which.
    #[serde(default)]
    pub(super) aside: Vec<(PathBuf, PathBuf)>,
    pub(super) schedulers: Vec<Scheduler>,
    pub(super) gate: Option<PathBuf>,
}

/// A time as a part of names.
pub(super) fn stamp(at: Timestamp) -> String {
    at.to_string().replace([' ', ':'], "-")
}

/// The backup of one takeover.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    pub(super) directory: PathBuf,
    pub(super) manifest: Manifest,
}

impl Journal {
    /// A new backup directory below `base`, which is private: units can hold secrets.
    pub(super) fn make_directory(base: &Path, at: Timestamp) -> HostResult<PathBuf> {
        let backups = base.join("backups");
        let failed = |path: &Path, error| HostError::io(format!("make {}", path.display()), error);
        let private = |path: &Path| {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(|error| failed(path, error))
        };
        private(&backups)?;
        let stamp = stamp(at);
        let free = |attempt: u32| match attempt {
            1 => backups.join(format!("import-{stamp}")),
            _ => backups.join(format!("import-{stamp}-{attempt}")),
        };
        let mut attempt = 1;
        while fs::symlink_metadata(free(attempt)).is_ok() {
            attempt += 1;
        }
        let directory = free(attempt);
        private(&directory)?;
        Ok(directory)
    }

    /// A copy of `path` in `directory`; its permissions go into the manifest.
    pub(super) fn keep(
        directory: &Path,
        number: usize,
        path: &Path,
        replaced: bool,
    ) -> HostResult<Kept> {
        let failed = |error| HostError::io(format!("back up {}", path.display()), error);
        let bytes = fs::read(path).map_err(failed)?;
        let mode = fs::metadata(path).map_err(failed)?.mode() & 0o7777;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let copy = format!("{number:04}-{name}");
        write_durably(&directory.join(&copy), &bytes, 0o600)?;
        Ok(Kept { path: path.to_owned(), copy, mode, replaced })
    }

    /// What a directory is before it is claimed.
    pub(super) fn before_claim(root: &Path, marked: bool) -> HostResult<Claimed> {
        let found = fs::metadata(root)
            .map_err(|error| HostError::io(format!("look at {}", root.display()), error))?;
        let (uid, gid, mode) = (found.uid(), found.gid(), found.mode() & 0o7777);
        Ok(Claimed { root: root.to_owned(), marked, uid, gid, mode })
    }

    /// From here on the takeover has begun: whatever ends it, the next one finds it.
    pub(super) fn begin(&self, base: &Path) -> HostResult<()> {
        self.write()?;
        let name = self.directory.to_string_lossy();
        write_durably(&base.join(UNFINISHED), name.as_bytes(), 0o600)
    }

    /// The end, good or bad.
    pub(super) fn end(&mut self, base: &Path, state: State) -> HostResult<()> {
        self.manifest.state = state;
        self.write()?;
        let pointer = base.join(UNFINISHED);
        match fs::remove_file(&pointer) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(HostError::io(format!("delete {}", pointer.display()), error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn write(&self) -> HostResult<()> {
        let text = serde_json::to_vec_pretty(&self.manifest)
            .map_err(|error| HostError::with("describe the takeover", FaultKind::Failed, error))?;
        write_durably(&self.directory.join(MANIFEST), &text, 0o600)
    }

    /// Whether there is one that has not ended. What cannot be looked at may be one.
    pub(super) fn is_unfinished(base: &Path) -> bool {
        let found = fs::symlink_metadata(base.join(UNFINISHED));
        !found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    /// The one that has not ended, if any.
    pub(super) fn unfinished(base: &Path) -> HostResult<Option<Journal>> {
        let pointer = base.join(UNFINISHED);
        let directory = match fs::read_to_string(&pointer) {
            Ok(text) => PathBuf::from(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(HostError::io(format!("read {}", pointer.display()), error)),
        };
        let file = directory.join(MANIFEST);
        let failed = |error| HostError::io(format!("read {}", file.display()), error);
        let text = fs::read(&file).map_err(failed)?;
        let manifest = serde_json::from_slice(&text).map_err(|error| {
            HostError::with(format!("read {}", file.display()), FaultKind::Garbled, error)
        })?;
        Ok(Some(Journal { directory, manifest }))
    }

    /// The bytes of a kept file.
    pub(super) fn bytes(&self, kept: &Kept) -> HostResult<Vec<u8>> {
        let copy = self.directory.join(&kept.copy);
        fs::read(&copy).map_err(|error| HostError::io(format!("read {}", copy.display()), error))
    }
}
