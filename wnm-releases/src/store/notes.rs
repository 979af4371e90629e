//! Small things that the store remembers: what is pinned, and when releases were looked for.
#![expect(clippy::disallowed_methods, reason = "the shell module for the store's own notes")]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wnm_core::model::{Program, Version};
use wnm_core::observe::ReleaseLooks;

use super::{BinaryStore, sync};
use crate::error::{ReleaseError, ReleaseFault, ReleaseResult};

const PINS: &str = "pins.json";
const LOOKS: &str = "looks.json";

impl BinaryStore {
    /// The version that new nodes and upgrades are held to.
    pub fn pin_of(&self, program: Program) -> ReleaseResult<Option<Version>> {
        let pins: BTreeMap<Program, Version> = self.note(PINS)?;
        Ok(pins.get(&program).cloned())
    }

    /// Holds `program` to a version that is kept, or to none. Whether that changed anything.
    pub fn pin(&self, program: Program, version: Option<&Version>) -> ReleaseResult<bool> {
        if let Some(version) = version
            && self.find(program, version)?.is_none()
        {
            let what = format!("{program} {version} is not in {}", self.root.display());
            return Err(ReleaseError::new(ReleaseFault::NotThere, what)
                .way_out(format!("wnm binary fetch {version}, or wnm binary list")));
        }
        let mut pins: BTreeMap<Program, Version> = self.note(PINS)?;
        let before = match version {
            Some(version) => pins.insert(program, version.clone()),
            None => pins.remove(&program),
        };
        let changed = before.as_ref() != version;
        if changed {
            self.write_note(PINS, &pins)?;
        }
        Ok(changed)
    }

    /// What is remembered of looking for releases. What cannot be read is no memory: one look more
    /// does no harm.
    pub fn looks(&self, program: Program) -> ReleaseLooks {
        let looks: BTreeMap<Program, ReleaseLooks> = self.note(LOOKS).unwrap_or_default();
        looks.get(&program).cloned().unwrap_or_default()
    }

    /// Remembers that. A store that was discarded meanwhile is not made again for it: false.
    pub fn remember(
        &self,
        program: Program,
        looked: ReleaseLooks,
        patience: Duration,
    ) -> ReleaseResult<bool> {
        let Some(_lock) = self.lock_what_is_there(patience)? else { return Ok(false) };
        let mut looks: BTreeMap<Program, ReleaseLooks> = self.note(LOOKS).unwrap_or_default();
        looks.insert(program, looked);
        self.write_note(LOOKS, &looks).map(|()| true)
    }

    fn note<T: DeserializeOwned + Default>(&self, name: &str) -> ReleaseResult<T> {
        let path = self.root.join(name);
        let text = match fs::read(&path) {
            Ok(text) => text,
            // No directory to hold it is no note either; what is in its place is somebody else's complaint.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(T::default());
            }
            Err(error) => return Err(ReleaseError::io("read", &path, &error)),
        };
        serde_json::from_slice(&text).map_err(|error| {
            let what = format!("{} is damaged: {error}", path.display());
            ReleaseError::new(ReleaseFault::Machine, what)
                .way_out("delete it, and pin again what was pinned")
        })
    }

    fn write_note<T: Serialize>(&self, name: &str, note: &T) -> ReleaseResult<()> {
        let text = serde_json::to_string_pretty(note);
        let text =
            text.map_err(|error| ReleaseError::new(ReleaseFault::Wrong, error.to_string()))?;
        write(&self.root.join(name), &(text + "\n"), 0o644)?;
        sync(&self.root)
    }
}

/// Whole or not there: beside, flushed, renamed over.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> ReleaseResult<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let _ = fs::remove_file(&beside);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    written.map_err(|error: std::io::Error| {
        let _ = fs::remove_file(&beside);
        ReleaseError::io("write", path, &error)
    })
}
