//! The end of a store.

use std::path::Path;

use crate::error::Cause;
use crate::place::{Place, remove_with_logs};
use crate::{Backups, SqliteStore, StoreError, StoreErrorKind, shelf};

impl SqliteStore {
    /// Deletes the store in `file`, with its logs and its reserve; backups stay. Nothing happens when
    /// there is none, and a file that is no store of this program is refused.
    pub fn discard(file: &Path) -> Result<(), StoreError> {
        match SqliteStore::open_read_only(file) {
            Err(error) if error.kind == StoreErrorKind::Missing => return Ok(()),
            opened => drop(opened?),
        }
        let removed = remove_with_logs(file)
            .and_then(|()| remove_with_logs(&Place::for_reading(file).sibling("reserve")));
        removed.map_err(|error| Cause::from(error).at("delete the store", file))
    }
}

impl Backups {
    /// Deletes every backup, also those that migrations left and what was there before one was put
    /// back. What wnm did not name so stays.
    pub fn discard(&self) -> Result<(), StoreError> {
        let failed = |cause: Cause| cause.at("delete the backups", self.directory());
        shelf::clear(self.directory()).map_err(failed)?;
        shelf::clear_beside(self.store()).map_err(failed)
    }
}
