use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use wnm_core::host::{LastSeen, Recording};
use wnm_core::model::Timestamp;
use wnm_core::observe::{MachineSample, NodeView, SCHEMA};

use crate::convert::{Row, text, whole};
use crate::error::Cause;
use crate::schema::{cycles, readings, samples};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = samples, check_for_backend(Sqlite))]
pub(crate) struct SampleRow {
    id: i64,
    sample: String,
}

impl SampleRow {
    pub(crate) fn sample(&self) -> Result<MachineSample, Cause> {
        Row::of("samples", self.id).json("sample", &self.sample)
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = samples, check_for_backend(Sqlite))]
pub(crate) struct NewSampleRow<'a> {
    boot: &'a str,
    uptime_ms: i64,
    sample: String,
}

impl<'a> NewSampleRow<'a> {
    pub(crate) fn new(sample: &'a MachineSample) -> Result<NewSampleRow<'a>, Cause> {
        Ok(NewSampleRow {
            boot: &sample.at.instant.boot.0,
            uptime_ms: whole(sample.at.instant.uptime_ms),
            sample: text("sample", sample)?,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = readings, check_for_backend(Sqlite))]
pub(crate) struct NewReadingRow {
    record: i64,
    at: i64,
    view: String,
}

impl NewReadingRow {
    pub(crate) fn new(view: &NodeView, at: Timestamp) -> Result<NewReadingRow, Cause> {
        Ok(NewReadingRow { record: view.record().0, at: at.0, view: text("view", view)? })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = cycles, check_for_backend(Sqlite))]
pub(crate) struct LastCycleRow {
    id: i64,
    schema: i64,
    snapshot: String,
    plan: String,
}

impl LastCycleRow {
    /// `None` when another version saw it, in a shape of its own.
    pub(crate) fn seen(&self) -> Result<Option<LastSeen>, Cause> {
        if self.schema != i64::from(SCHEMA) {
            return Ok(None);
        }
        let row = Row::of("cycles", self.id);
        Ok(Some(LastSeen {
            snapshot: row.json("snapshot", &self.snapshot)?,
            plan: row.json("plan", &self.plan)?,
        }))
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = cycles, check_for_backend(Sqlite))]
pub(crate) struct NewCycleRow<'a> {
    schema: i64,
    at: i64,
    boot: &'a str,
    uptime_ms: i64,
    idle: bool,
    snapshot: String,
    policy: String,
    plan: String,
}

impl<'a> NewCycleRow<'a> {
    pub(crate) fn new(recording: &Recording<'a>) -> Result<NewCycleRow<'a>, Cause> {
        let now = &recording.snapshot.now;
        Ok(NewCycleRow {
            schema: i64::from(recording.snapshot.schema),
            at: now.wall.0,
            boot: &now.instant.boot.0,
            uptime_ms: whole(now.instant.uptime_ms),
            idle: recording.plan.actions.is_empty(),
            snapshot: text("snapshot", recording.snapshot)?,
            policy: text("policy", recording.policy)?,
            plan: text("plan", recording.plan)?,
        })
    }
}
