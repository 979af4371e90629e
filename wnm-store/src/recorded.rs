//! Cycles as they were: everything that a cycle saw and decided, kept for questions and replay.
//!
//! A cycle is a text: drafts, scope, policy, snapshot and plan, one line of JSON each. The first of a
//! group is kept in full, deflated, and each cycle as its [`delta`] from that, so that any one is
//! had with two cells. What cannot be read any more is not kept: no cell here is worth a failure.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text as SqlText};
use wnm_core::host::{CycleQuery, CycleSummary, LastSeen, Recording};
use wnm_core::model::{CycleId, Now};
use wnm_core::observe::SCHEMA;
use wnm_core::policy::Keep;

use crate::convert::{self, MOST_INFLATED, Row, deflated, inflated, whole};
use crate::delta;
use crate::error::Cause;
use crate::rows::{CycleRow, GroupRow, NewCycleRow, NewGroupRow, SummaryRow};
use crate::schema::{cycle_groups, cycles};

/// One damaged cell costs no more than so many cycles, and what is forgotten is about so old.
const GROUP_CYCLES: i64 = 360;
const GROUP_AGE_MS: i64 = 6 * 3_600_000;
/// About what a row takes beside its delta.
const ROW_BYTES: i64 = 100;

/// A cycle's text.
#[derive(Debug)]
pub(crate) struct Text(Vec<u8>);

impl Text {
    pub(crate) fn of(recording: &Recording<'_>) -> Result<Text, Cause> {
        let lines = [
            convert::text("drafts", recording.drafts)?,
            convert::text("scope", &recording.scope)?,
            convert::text("policy", recording.policy)?,
            convert::text("snapshot", recording.snapshot)?,
            convert::text("plan", recording.plan)?,
        ];
        Ok(Text(lines.join("\n").into_bytes()))
    }

    fn seen(&self, cycle: i64) -> Result<LastSeen, Cause> {
        let row = Row::of("cycles", cycle);
        let text = std::str::from_utf8(&self.0).unwrap_or_default();
        let mut lines = text.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        Ok(LastSeen {
            drafts: row.json("drafts", line())?,
            scope: row.json("scope", line())?,
            policy: row.json("policy", line())?,
            snapshot: row.json("snapshot", line())?,
            plan: row.json("plan", line())?,
        })
    }
}

pub(crate) fn keep(
    connection: &mut SqliteConnection,
    recording: &Recording<'_>,
    text: &Text,
) -> Result<(), Cause> {
    let (group, delta) = match joined(connection, recording, text)? {
        Some(joined) => joined,
        None => (
            begun(connection, recording, text)?,
            deflated("delta", &delta::encode(&text.0, &text.0))?,
        ),
    };
    let row = NewCycleRow::new(recording, group, &delta);
    diesel::insert_into(cycles::table).values(row).execute(connection)?;
    let now = &recording.snapshot.now;
    diesel::update(cycle_groups::table.find(group))
        .set((
            cycle_groups::at.eq(now.wall.0),
            cycle_groups::uptime_ms.eq(whole(now.instant.uptime_ms)),
            cycle_groups::cycles.eq(cycle_groups::cycles + 1),
            cycle_groups::bytes.eq(cycle_groups::bytes + whole(delta.len() as u64) + ROW_BYTES),
        ))
        .execute(connection)?;
    Ok(())
}

/// The latest group and the delta from its text, if this cycle is to join it.
fn joined(
    connection: &mut SqliteConnection,
    recording: &Recording<'_>,
    text: &Text,
) -> Result<Option<(i64, Vec<u8>)>, Cause> {
    let latest: Option<GroupRow> = cycle_groups::table
        .order(cycle_groups::id.desc())
        .select(GroupRow::as_select())
        .first(connection)
        .optional()?;
    let Some(group) = latest.filter(|group| is_open(group, recording)) else {
        return Ok(None);
    };
    let Some(base) = inflated(&group.text) else { return Ok(None) };
    let delta = deflated("delta", &delta::encode(&base, &text.0))?;
    // Once a delta is dearer than the group's mean, beginning anew is cheaper from here on.
    let dear = whole(delta.len() as u64).saturating_mul(group.cycles) > group.bytes;
    Ok((!dear).then_some((group.id, delta)))
}

fn is_open(group: &GroupRow, recording: &Recording<'_>) -> bool {
    let Now { wall, instant } = &recording.snapshot.now;
    let Keep { age, bytes } = recording.policy.keep;
    // What is forgotten at once is a small part of what is kept.
    let age = whole(age.as_millis() as u64 / 8).min(GROUP_AGE_MS);
    let within = |since: i64, now: i64| (0..age).contains(&now.saturating_sub(since));
    group.schema == i64::from(recording.snapshot.schema)
        && group.cycles < GROUP_CYCLES
        && group.bytes < whole(bytes.0 / 8)
        && group.boot == instant.boot.0
        && within(group.since, wall.0)
        && within(group.since_uptime_ms, whole(instant.uptime_ms))
}

fn begun(
    connection: &mut SqliteConnection,
    recording: &Recording<'_>,
    text: &Text,
) -> Result<i64, Cause> {
    let packed = deflated("text", &text.0)?;
    Ok(diesel::insert_into(cycle_groups::table)
        .values(NewGroupRow::new(recording.snapshot, &packed))
        .returning(cycle_groups::id)
        .get_result(connection)?)
}

/// A group is old when both clocks say so of its last cycle, as far as they can: a wall clock that
/// jumps must not take the history with it. What clocks cannot bound, bytes do.
pub(crate) fn forget(
    connection: &mut SqliteConnection,
    now: &Now,
    keep: Keep,
) -> Result<(), Cause> {
    let age = whole(u64::try_from(keep.age.as_millis()).unwrap_or(u64::MAX));
    diesel::sql_query(
        "DELETE FROM cycle_groups
         WHERE id <> (SELECT MAX(id) FROM cycle_groups)
           AND at <= ? AND (boot <> ? OR uptime_ms <= ?)",
    )
    .bind::<BigInt, _>(now.wall.0.saturating_sub(age))
    .bind::<SqlText, _>(&now.instant.boot.0)
    .bind::<BigInt, _>(whole(now.instant.uptime_ms).saturating_sub(age))
    .execute(connection)?;
    // The latest is kept whatever its size: `status` shows it.
    diesel::sql_query(
        "DELETE FROM cycle_groups WHERE id IN (
             SELECT id FROM (SELECT id, SUM(bytes) OVER (ORDER BY id DESC) AS total
                             FROM cycle_groups)
             WHERE total > ? AND id <> (SELECT MAX(id) FROM cycle_groups))",
    )
    .bind::<BigInt, _>(whole(keep.bytes.0))
    .execute(connection)?;
    Ok(())
}

pub(crate) fn list(
    connection: &mut SqliteConnection,
    query: &CycleQuery,
) -> Result<Vec<CycleSummary>, Cause> {
    let mut latest =
        cycles::table.order(cycles::id.desc()).select(SummaryRow::as_select()).into_boxed();
    if let Some(since) = query.since {
        latest = latest.filter(cycles::at.ge(since.0));
    }
    if let Some(until) = query.until {
        latest = latest.filter(cycles::at.le(until.0));
    }
    if let Some(limit) = query.limit {
        latest = latest.limit(i64::from(limit));
    }
    let rows: Vec<SummaryRow> = latest.load(connection)?;
    Ok(rows.iter().rev().filter_map(SummaryRow::summary).collect())
}

/// The text of the group that was last read in: those who read one cycle mostly read the next.
#[derive(Debug, Default)]
pub(crate) struct LastGroup(Mutex<Option<(i64, Arc<Vec<u8>>)>>);

impl LastGroup {
    fn text(
        &self,
        connection: &mut SqliteConnection,
        group: i64,
    ) -> Result<Option<Arc<Vec<u8>>>, Cause> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, text)) = &*last
            && *of == group
        {
            return Ok(Some(Arc::clone(text)));
        }
        let found: Option<(i64, Vec<u8>)> = cycle_groups::table
            .find(group)
            .select((cycle_groups::schema, cycle_groups::text))
            .first(connection)
            .optional()?;
        // Another version's shape is nothing to this one.
        let known = found.filter(|(schema, _)| *schema == i64::from(SCHEMA));
        let text = known.and_then(|(_, text)| inflated(&text)).map(Arc::new);
        *last = text.clone().map(|text| (group, text));
        Ok(text)
    }
}

pub(crate) fn last(
    connection: &mut SqliteConnection,
    last_group: &LastGroup,
) -> Result<Option<LastSeen>, Cause> {
    let row = cycles::table
        .order(cycles::id.desc())
        .select(CycleRow::as_select())
        .first(connection)
        .optional()?;
    row.map_or(Ok(None), |row| seen(connection, &row, last_group))
}

pub(crate) fn find(
    connection: &mut SqliteConnection,
    cycle: CycleId,
    last_group: &LastGroup,
) -> Result<Option<LastSeen>, Cause> {
    let row =
        cycles::table.find(cycle.0).select(CycleRow::as_select()).first(connection).optional()?;
    row.map_or(Ok(None), |row| seen(connection, &row, last_group))
}

fn seen(
    connection: &mut SqliteConnection,
    row: &CycleRow,
    last_group: &LastGroup,
) -> Result<Option<LastSeen>, Cause> {
    let Some(base) = last_group.text(connection, row.of_group)? else {
        tracing::warn!(cycle = row.id, "a recorded cycle cannot be read: its group is damaged");
        return Ok(None);
    };
    let text = inflated(&row.delta).and_then(|delta| delta::decode(&base, &delta, MOST_INFLATED));
    match text.map(|text| Text(text).seen(row.id)) {
        Some(Ok(seen)) => Ok(Some(seen)),
        Some(Err(cause)) => {
            tracing::warn!(cycle = row.id, kind = %cause.kind, "a recorded cycle cannot be read");
            Ok(None)
        }
        None => {
            tracing::warn!(cycle = row.id, "a recorded cycle cannot be read: it is damaged");
            Ok(None)
        }
    }
}
