//! Nodes that others kept until now, and settings that come with them.

use diesel::prelude::*;
use wnm_core::action::Mark;
use wnm_core::model::{NodeRecord, RecordId, Timestamp};
use wnm_core::policy::PolicyDraft;

use crate::error::{Cause, StoreError};
use crate::intents::set_policy;
use crate::rows::NewNodeRow;
use crate::schema::nodes;
use crate::store::SqliteStore;

impl SqliteStore {
    /// Stores settings and new records in one transaction: all of it or nothing. The records' own
    /// numbers do not matter; the answer has the ones they got, in their order. A number, port or
    /// data directory that is recorded already refuses all.
    pub fn adopt(
        &self,
        draft: &PolicyDraft,
        records: &[NodeRecord],
        at: Timestamp,
    ) -> Result<Vec<RecordId>, StoreError> {
        self.write("store the nodes that are taken over", |connection| {
            set_policy(connection, draft, at)?;
            records.iter().map(|record| insert(connection, record)).collect()
        })
    }
}

fn insert(connection: &mut SqliteConnection, record: &NodeRecord) -> Result<RecordId, Cause> {
    let mark = Mark {
        want: record.want,
        phase: record.phase.clone(),
        version: record.version.clone(),
        upgrade: None,
        lies: None,
    };
    let row = NewNodeRow::new(&record.spec, record.version.as_ref(), &mark, record.created)?;
    let number = diesel::insert_into(nodes::table)
        .values(row)
        .returning(nodes::record)
        .get_result(connection)?;
    Ok(RecordId(number))
}
