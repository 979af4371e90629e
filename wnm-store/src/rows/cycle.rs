use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde::Serialize;
use wnm_core::host::{LastSeen, Recording};
use wnm_core::model::{Timestamp, Version};
use wnm_core::observe::{MachineSample, NodeView, ProcessKey, SCHEMA};

use crate::convert::{Row, pack, text, whole};
use crate::error::{Cause, StoreErrorKind};
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
    essence: String,
    view: String,
}

/// What tells a change of a node from one more look at it.
#[derive(Debug, Serialize)]
pub(crate) struct Essence<'a> {
    state: &'a str,
    alive: Option<bool>,
    process: Option<ProcessKey>,
    restarts: Option<u32>,
    version: Option<&'a Version>,
    peer_id: Option<&'a str>,
}

impl NewReadingRow {
    /// As it is stored.
    pub(crate) fn essence(view: &NodeView) -> Result<String, Cause> {
        let essence = Essence {
            state: view.seen.state.name(),
            alive: view.seen.alive,
            process: view.process,
            restarts: view.restarts,
            version: view.facts.version.as_ref(),
            peer_id: view.facts.peer_id.as_deref(),
        };
        serde_json::to_string(&essence)
            .map_err(|error| Cause::with(StoreErrorKind::Unwritable { column: "essence" }, error))
    }

    pub(crate) fn new(
        view: &NodeView,
        essence: String,
        at: Timestamp,
    ) -> Result<NewReadingRow, Cause> {
        Ok(NewReadingRow { record: view.record().0, at: at.0, essence, view: text("view", view)? })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = cycles, check_for_backend(Sqlite))]
pub(crate) struct LastCycleRow {
    id: i64,
    schema: i64,
    snapshot: Vec<u8>,
    policy: Vec<u8>,
    plan: Vec<u8>,
}

impl LastCycleRow {
    /// `None` when another version saw it, in a shape of its own.
    pub(crate) fn seen(&self) -> Result<Option<LastSeen>, Cause> {
        if self.schema != i64::from(SCHEMA) {
            return Ok(None);
        }
        let row = Row::of("cycles", self.id);
        Ok(Some(LastSeen {
            snapshot: row.packed("snapshot", &self.snapshot)?,
            policy: row.packed("policy", &self.policy)?,
            plan: row.packed("plan", &self.plan)?,
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
    snapshot: Vec<u8>,
    policy: Vec<u8>,
    plan: Vec<u8>,
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
            snapshot: pack("snapshot", recording.snapshot)?,
            policy: pack("policy", recording.policy)?,
            plan: pack("plan", recording.plan)?,
        })
    }
}
