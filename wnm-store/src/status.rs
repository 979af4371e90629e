//! What is in a store, in numbers.

use diesel::dsl::{max, min};
use diesel::prelude::*;
use serde::Serialize;
use wnm_core::model::Timestamp;

use crate::convert::Row;
use crate::error::{Cause, StoreError};
use crate::rows::MachineRow;
use crate::schema::{
    __diesel_schema_migrations as applied, cycle_groups, cycles, machine, nodes, operations,
    requests,
};
use crate::store::SqliteStore;

/// How large a store is and how much is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoreStatus {
    /// Bytes of the file and its log.
    pub bytes: u64,
    /// The latest migration that was applied.
    pub version: String,
    /// Rises with every change of the settings.
    pub generation: u64,
    /// Recorded nodes.
    pub nodes: u64,
    /// Lines of the journal.
    pub operations: u64,
    /// Requests, answered or not.
    pub requests: u64,
    /// Requests that wait for a cycle.
    pub open_requests: u64,
    /// Cycles that are kept.
    pub cycles: u64,
    /// When the first of them looked.
    pub cycles_since: Option<Timestamp>,
    /// About what they take.
    pub cycles_bytes: u64,
    /// True when there is room put by for a full disk.
    pub reserve: bool,
}

impl SqliteStore {
    /// Counts what is there, all at one moment.
    pub fn status(&self) -> Result<StoreStatus, StoreError> {
        let (bytes, reserve) = (self.place().bytes(), self.place().has_reserve());
        self.read("count what is in the store", |connection| count(connection, bytes, reserve))
    }
}

fn count(
    connection: &mut SqliteConnection,
    bytes: u64,
    reserve: bool,
) -> Result<StoreStatus, Cause> {
    let row: MachineRow = machine::table
        .select(MachineRow::as_select())
        .first(connection)
        .optional()?
        .ok_or_else(|| Row::of("machine", 1).bad("id", "no row"))?;
    let version: Option<String> = applied::table.select(max(applied::version)).first(connection)?;
    let open = requests::table.filter(requests::answered.is_null()).count();
    let since: Option<i64> = cycles::table.select(min(cycles::at)).first(connection)?;
    let groups: Vec<i64> = cycle_groups::table.select(cycle_groups::bytes).load(connection)?;
    let number = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(StoreStatus {
        bytes,
        version: version.unwrap_or_default(),
        generation: row.generation()?,
        nodes: number(nodes::table.count().get_result(connection)?),
        operations: number(operations::table.count().get_result(connection)?),
        requests: number(requests::table.count().get_result(connection)?),
        open_requests: number(open.get_result(connection)?),
        cycles: number(cycles::table.count().get_result(connection)?),
        cycles_since: since.map(Timestamp),
        cycles_bytes: number(groups.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes))),
        reserve,
    })
}
