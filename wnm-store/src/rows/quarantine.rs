use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use wnm_core::model::{Quarantined, Timestamp};

use crate::convert::Row;
use crate::error::Cause;
use crate::schema::quarantine;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = quarantine, check_for_backend(Sqlite))]
pub(crate) struct QuarantineRow {
    pub(crate) program: String,
    pub(crate) version: String,
    pub(crate) since: i64,
    pub(crate) why: String,
}

impl QuarantineRow {
    pub(crate) fn quarantined(self) -> Result<Quarantined, Cause> {
        let row = Row::of("quarantine", format!("{} {}", self.program, self.version));
        Ok(Quarantined {
            program: row.parsed("program", &self.program)?,
            version: row.parsed("version", &self.version)?,
            since: Timestamp(self.since),
            why: self.why,
        })
    }
}
