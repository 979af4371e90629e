//! Copies of antctl's registry. antctl writes it in place, without a lock: a crash in the middle,
//! or two commands at once, and nodes are lost from it. It never shrinks by right, because removed
//! nodes stay in it; so one that has fewer nodes than the copy is not believed.
#![expect(clippy::disallowed_methods, reason = "the shell module that keeps the copies")]

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use wnm_core::host::{HostError, HostResult};
use wnm_core::observe::FaultKind;

use super::registry::{self, Service};
use crate::files::write_durably;

/// The directory of the copies.
#[derive(Clone, Debug)]
pub(super) struct Copies(pub(super) PathBuf);

impl Copies {
    /// As it was after the last change that we made.
    fn last(&self) -> PathBuf {
        self.0.join("node_registry.last.json")
    }

    /// The copy to put back, for people.
    pub(super) fn whose(&self) -> String {
        self.last().display().to_string()
    }

    /// Keeps `text` before antctl is let at it.
    pub(super) fn keep_before(&self, text: &str) -> HostResult<()> {
        self.keep(&self.0.join("node_registry.before.json"), text)
    }

    /// Keeps `text` as what antctl has written for us.
    pub(super) fn keep_after(&self, text: &str) -> HostResult<()> {
        self.keep(&self.last(), text)
    }

    /// Deletes them.
    pub(super) fn forget(&self) -> HostResult<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(HostError::io(format!("delete {}", self.0.display()), error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn keep(&self, path: &Path, text: &str) -> HostResult<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .map_err(|error| HostError::io(format!("make {}", self.0.display()), error))?;
        write_durably(path, text.as_bytes(), 0o600)
    }

    /// An error when `services` lack one that the registry had.
    pub(super) fn refuse_shrunken(&self, path: &Path, services: &[Service]) -> HostResult<()> {
        let last = self.last();
        let known = match fs::read_to_string(&last) {
            Ok(text) => registry::parse(&text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(HostError::io(format!("read {}", last.display()), error)),
        };
        let is_there =
            |known: &&Service| services.iter().any(|it| it.service_name == known.service_name);
        let lost: Vec<&str> = known
            .iter()
            .filter(|known| !is_there(known))
            .map(|known| known.service_name.as_str())
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        let op = format!(
            "antctl's registry {} has lost {}, and is not believed: put it back from {}, or delete \
             that copy if antctl was reset on purpose",
            path.display(),
            lost.join(", "),
            last.display()
        );
        Err(HostError::new(op, FaultKind::Garbled))
    }
}

/// A registry as text; none is an empty one.
pub(super) fn read(path: &Path) -> HostResult<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            let op = format!("antctl's registry {} is no text", path.display());
            Err(HostError::new(op, FaultKind::Garbled))
        }
        Err(error) => {
            Err(HostError::io(format!("read antctl's registry {}", path.display()), error))
        }
    }
}
