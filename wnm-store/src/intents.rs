//! What frontends may change and ask.

use diesel::prelude::*;
use wnm_core::host::HistoryQuery;
use wnm_core::model::{Answer, Now, Program, RequestId, Timestamp, Verb, Version};
use wnm_core::observe::OpRecord;
use wnm_core::policy::PolicyDraft;

use crate::convert::{Row, text};
use crate::error::Cause;
use crate::rows::{NewRequestRow, OperationRow, RequestRow, SettingRow};
use crate::schema::{machine, operations, quarantine, requests, settings};

pub(crate) fn request(
    connection: &mut SqliteConnection,
    verb: &Verb,
    now: &Now,
) -> Result<RequestId, Cause> {
    let id = diesel::insert_into(requests::table)
        .values(NewRequestRow::new(verb, now)?)
        .returning(requests::id)
        .get_result(connection)?;
    Ok(RequestId(id))
}

pub(crate) fn answer_to(
    connection: &mut SqliteConnection,
    request: RequestId,
) -> Result<Option<Answer>, Cause> {
    find(connection, request)?.answer()
}

pub(crate) fn answer(
    connection: &mut SqliteConnection,
    request: RequestId,
    answer: &Answer,
    at: Timestamp,
) -> Result<(), Cause> {
    if !find(connection, request)?.is_open() {
        return Err(Cause::conflict(format!("request {request} was answered before")));
    }
    diesel::update(requests::table.find(request.0))
        .set((requests::answer.eq(text("answer", answer)?), requests::answered.eq(at.0)))
        .execute(connection)?;
    Ok(())
}

fn find(connection: &mut SqliteConnection, request: RequestId) -> Result<RequestRow, Cause> {
    requests::table
        .find(request.0)
        .select(RequestRow::as_select())
        .first(connection)
        .optional()?
        .ok_or_else(|| Cause::no_row(format!("request {request}")))
}

pub(crate) fn set_policy(
    connection: &mut SqliteConnection,
    draft: &PolicyDraft,
    at: Timestamp,
) -> Result<u64, Cause> {
    let rows: Vec<SettingRow> = draft
        .values
        .iter()
        .map(|(setting, value)| SettingRow { key: setting.key().to_owned(), value: value.clone() })
        .collect();
    diesel::delete(settings::table).execute(connection)?;
    diesel::insert_into(settings::table).values(rows).execute(connection)?;
    diesel::update(machine::table.filter(machine::created.is_null()))
        .set(machine::created.eq(at.0))
        .execute(connection)?;
    let generation: i64 = diesel::update(machine::table)
        .set(machine::generation.eq(machine::generation + 1))
        .returning(machine::generation)
        .get_result(connection)?;
    Row::of("machine", 1).number("generation", generation)
}

/// The first word counts; one that changes nothing changes no time either.
pub(crate) fn pause_upgrades(
    connection: &mut SqliteConnection,
    paused: Option<Timestamp>,
) -> Result<bool, Cause> {
    let was: Option<i64> = machine::table.select(machine::upgrades_paused).first(connection)?;
    if was.is_some() == paused.is_some() {
        return Ok(false);
    }
    diesel::update(machine::table)
        .set(machine::upgrades_paused.eq(paused.map(|at| at.0)))
        .execute(connection)?;
    Ok(true)
}

pub(crate) fn unquarantine(
    connection: &mut SqliteConnection,
    program: Program,
    version: &Version,
) -> Result<bool, Cause> {
    let row = quarantine::table.find((program.to_string(), version.to_string()));
    Ok(diesel::delete(row).execute(connection)? > 0)
}

/// The latest operations are picked from the end, and told from the beginning.
pub(crate) fn history(
    connection: &mut SqliteConnection,
    query: &HistoryQuery,
) -> Result<Vec<OpRecord>, Cause> {
    let mut lines = operations::table
        .order(operations::id.desc())
        .select(OperationRow::as_select())
        .into_boxed();
    if !query.nodes.is_empty() {
        let ids = query.nodes.iter().map(|id| i64::from(id.number()));
        lines = lines.filter(operations::node_id.eq_any(ids.collect::<Vec<_>>()));
    }
    if let Some(since) = query.since {
        lines = lines.filter(operations::begun.ge(since.0));
    }
    if let Some(limit) = query.limit {
        lines = lines.limit(i64::from(limit));
    }
    let rows: Vec<OperationRow> = lines.load(connection)?;
    rows.iter().rev().map(OperationRow::line).collect()
}
