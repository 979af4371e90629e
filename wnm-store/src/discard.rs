//! The end of a store.
#![expect(clippy::disallowed_methods, reason = "a store is a file, with others beside it")]

use std::path::Path;

use crate::error::Cause;
use crate::place::remove_with_logs;
use crate::{Backups, SqliteStore, StoreError, shelf};

impl SqliteStore {
    /// Deletes the store in `file`, with everything that belongs to it: logs, reserve, backups, and what
    /// was there before one was put back. Nothing happens when there is none, and a file that is no
    /// store of this program is refused.
    pub fn discard(file: &Path) -> Result<(), StoreError> {
        match SqliteStore::open_read_only(file) {
            Err(error) if error.kind == crate::StoreErrorKind::Missing => return Ok(()),
            opened => drop(opened?),
        }
        let failed = |cause: Cause| cause.at("delete the store", file);
        remove_with_logs(file).map_err(|error| failed(error.into()))?;
        let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else {
            return Ok(());
        };
        let name = name.to_string_lossy();
        let ours = |other: &str| {
            let rest = other.strip_prefix(&*name).and_then(|rest| rest.strip_prefix('.'));
            const OURS: [&str; 3] = ["before-", "damaged-", "replaced-"];
            rest.is_some_and(|rest| {
                rest == "reserve" || OURS.iter().any(|start| rest.starts_with(start))
            })
        };
        for entry in std::fs::read_dir(directory).map_err(|error| failed(error.into()))?.flatten() {
            if entry.file_name().to_str().is_some_and(ours) {
                std::fs::remove_file(entry.path()).map_err(|error| failed(error.into()))?;
            }
        }
        shelf::clear(Backups::of(file).directory()).map_err(failed)
    }
}
