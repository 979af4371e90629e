use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde::Serialize;
use wnm_core::host::{CycleSummary, Recording};
use wnm_core::model::{CycleId, Now, Timestamp, Version};
use wnm_core::observe::{MachineSample, NodeView, ProcessKey, Snapshot};

use crate::convert::{Row, text, whole};
use crate::error::{Cause, StoreErrorKind};
use crate::schema::{cycle_groups, cycles, readings, samples};

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
#[diesel(table_name = cycle_groups, check_for_backend(Sqlite))]
pub(crate) struct GroupRow {
    pub(crate) id: i64,
    pub(crate) schema: i64,
    pub(crate) boot: String,
    pub(crate) since: i64,
    pub(crate) since_uptime_ms: i64,
    pub(crate) cycles: i64,
    pub(crate) bytes: i64,
    pub(crate) text: Vec<u8>,
}

#[derive(Debug, Insertable)]
#[diesel(table_name = cycle_groups, check_for_backend(Sqlite))]
pub(crate) struct NewGroupRow<'a> {
    schema: i64,
    boot: &'a str,
    since: i64,
    since_uptime_ms: i64,
    at: i64,
    uptime_ms: i64,
    cycles: i64,
    bytes: i64,
    text: &'a [u8],
}

impl<'a> NewGroupRow<'a> {
    /// An empty one that begins with this snapshot.
    pub(crate) fn new(snapshot: &'a Snapshot, text: &'a [u8]) -> NewGroupRow<'a> {
        let Now { wall, instant } = &snapshot.now;
        let uptime_ms = whole(instant.uptime_ms);
        NewGroupRow {
            schema: i64::from(snapshot.schema),
            boot: &instant.boot.0,
            since: wall.0,
            since_uptime_ms: uptime_ms,
            at: wall.0,
            uptime_ms,
            cycles: 0,
            bytes: whole(text.len() as u64),
            text,
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = cycles, check_for_backend(Sqlite))]
pub(crate) struct CycleRow {
    pub(crate) id: i64,
    pub(crate) of_group: i64,
    pub(crate) delta: Vec<u8>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = cycles, check_for_backend(Sqlite))]
pub(crate) struct SummaryRow {
    id: i64,
    at: i64,
    nodes: i64,
    actions: i64,
}

impl SummaryRow {
    /// `None` for a row that makes no sense: it is not kept.
    pub(crate) fn summary(&self) -> Option<CycleSummary> {
        Some(CycleSummary {
            cycle: CycleId(self.id),
            at: Timestamp(self.at),
            nodes: u32::try_from(self.nodes).ok()?,
            actions: u32::try_from(self.actions).ok()?,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = cycles, check_for_backend(Sqlite))]
pub(crate) struct NewCycleRow<'a> {
    of_group: i64,
    at: i64,
    nodes: i64,
    actions: i64,
    delta: &'a [u8],
}

impl<'a> NewCycleRow<'a> {
    pub(crate) fn new(recording: &Recording<'_>, group: i64, delta: &'a [u8]) -> NewCycleRow<'a> {
        NewCycleRow {
            of_group: group,
            at: recording.snapshot.now.wall.0,
            nodes: whole(recording.snapshot.nodes.len() as u64),
            actions: whole(recording.plan.actions.len() as u64),
            delta,
        }
    }
}
