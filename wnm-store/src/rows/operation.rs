use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use wnm_core::action::PlannedAction;
use wnm_core::model::{NodeId, NodeKey, OpId, RecordId, Timestamp};
use wnm_core::observe::{OpRecord, OpenOperation};

use crate::convert::{Row, text};
use crate::error::Cause;
use crate::schema::operations;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = operations, check_for_backend(Sqlite))]
pub(crate) struct OperationRow {
    id: i64,
    record: i64,
    node_id: i64,
    planned: String,
    begun: i64,
    ended: Option<i64>,
    outcome: Option<String>,
}

impl OperationRow {
    fn row(&self) -> Row {
        Row::of("operations", self.id)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    pub(crate) fn record(&self) -> RecordId {
        RecordId(self.record)
    }

    pub(crate) fn planned(&self) -> Result<PlannedAction, Cause> {
        self.row().json("planned", &self.planned)
    }

    pub(crate) fn open(&self) -> Result<OpenOperation, Cause> {
        Ok(OpenOperation {
            id: OpId(self.id),
            record: self.record(),
            planned: self.planned()?,
            begun: Timestamp(self.begun),
        })
    }

    pub(crate) fn line(&self) -> Result<OpRecord, Cause> {
        let row = self.row();
        let id = NodeId::new(row.number("node_id", self.node_id)?)
            .ok_or_else(|| row.bad("node_id", "0"))?;
        let outcome = self.outcome.as_ref().map(|outcome| row.json("outcome", outcome));
        Ok(OpRecord {
            id: OpId(self.id),
            node: NodeKey { id, record: self.record() },
            planned: self.planned()?,
            begun: Timestamp(self.begun),
            ended: self.ended.map(Timestamp),
            outcome: outcome.transpose()?,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = operations, check_for_backend(Sqlite))]
pub(crate) struct NewOperationRow {
    record: i64,
    node_id: i64,
    action: &'static str,
    planned: String,
    begun: i64,
}

impl NewOperationRow {
    pub(crate) fn new(
        record: RecordId,
        planned: &PlannedAction,
        begun: Timestamp,
    ) -> Result<NewOperationRow, Cause> {
        Ok(NewOperationRow {
            record: record.0,
            node_id: i64::from(planned.action.node().number()),
            action: planned.action.name(),
            planned: text("planned", planned)?,
            begun: begun.0,
        })
    }
}
