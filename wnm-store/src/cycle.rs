//! What is kept of cycles, and for how long.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::upsert::excluded;
use wnm_core::host::{LastSeen, Recording};
use wnm_core::model::{Instant, Now};
use wnm_core::observe::MachineSample;

use crate::convert::{text, whole};
use crate::error::Cause;
use crate::rows::{LastCycleRow, NewCycleRow, NewReadingRow, NewSampleRow};
use crate::schema::{cycles, machine, nodes, readings, samples};

/// Samples younger than this are kept: a minute more than rates are made from.
const SAMPLE_AGE_MS: u64 = 11 * 60_000;
/// So many are kept whatever their age, for machines with rare cycles.
const SAMPLES_AT_LEAST: i64 = 20;
/// No more are kept, whatever their age.
const SAMPLES_AT_MOST: i64 = 64;

/// Cycles that did nothing: enough to see what the last half hour waited for.
const IDLE_CYCLES: i64 = 30;
/// Cycles that did something explain the journal.
const BUSY_CYCLES: i64 = 2000;
const BUSY_AGE_MS: u64 = 14 * 86_400_000;
/// All cycles together, deflated. With a thousand nodes that is some hundred cycles.
const CYCLE_BYTES: i64 = 32 << 20;

pub(crate) fn save(
    connection: &mut SqliteConnection,
    recording: &Recording<'_>,
) -> Result<(), Cause> {
    if let Some(sample) = recording.sample {
        save_sample(connection, sample)?;
    }
    diesel::update(machine::table)
        .set(machine::memory.eq(text("memory", recording.memory)?))
        .execute(connection)?;
    save_readings(connection, recording)?;
    diesel::insert_into(cycles::table).values(NewCycleRow::new(recording)?).execute(connection)?;
    forget_cycles(connection, &recording.snapshot.now)
}

fn save_sample(connection: &mut SqliteConnection, sample: &MachineSample) -> Result<(), Cause> {
    diesel::insert_into(samples::table).values(NewSampleRow::new(sample)?).execute(connection)?;
    let Instant { boot, uptime_ms } = &sample.at.instant;
    diesel::sql_query(
        "DELETE FROM samples
         WHERE id NOT IN (SELECT id FROM samples ORDER BY id DESC LIMIT ?)
            OR (id NOT IN (SELECT id FROM samples ORDER BY id DESC LIMIT ?)
                AND (boot <> ? OR uptime_ms <= ?))",
    )
    .bind::<BigInt, _>(SAMPLES_AT_MOST)
    .bind::<BigInt, _>(SAMPLES_AT_LEAST)
    .bind::<Text, _>(&boot.0)
    .bind::<BigInt, _>(whole(*uptime_ms) - whole(SAMPLE_AGE_MS))
    .execute(connection)?;
    Ok(())
}

/// The snapshot is older than what was done: nodes that were removed since have no reading.
fn save_readings(
    connection: &mut SqliteConnection,
    recording: &Recording<'_>,
) -> Result<(), Cause> {
    let recorded: Vec<i64> = nodes::table.select(nodes::record).load(connection)?;
    let recorded: BTreeSet<i64> = recorded.into_iter().collect();
    let known: Vec<(i64, String)> =
        readings::table.select((readings::record, readings::essence)).load(connection)?;
    let known: BTreeMap<i64, String> = known.into_iter().collect();
    let seen = recording.snapshot.nodes.iter().filter(|view| recorded.contains(&view.record().0));
    for view in seen {
        let essence = NewReadingRow::essence(view)?;
        // Of most nodes there is nothing new, and no more is made of those.
        if known.get(&view.record().0) == Some(&essence) {
            continue;
        }
        diesel::insert_into(readings::table)
            .values(NewReadingRow::new(view, essence, recording.snapshot.now.wall)?)
            .on_conflict(readings::record)
            .do_update()
            .set((
                readings::at.eq(excluded(readings::at)),
                readings::essence.eq(excluded(readings::essence)),
                readings::view.eq(excluded(readings::view)),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// A cycle is old when both clocks say so, as far as they can: a wall clock that jumps must not
/// take the history with it.
fn forget_cycles(connection: &mut SqliteConnection, now: &Now) -> Result<(), Cause> {
    diesel::sql_query(
        "DELETE FROM cycles
         WHERE idle = 1
           AND id NOT IN (SELECT id FROM cycles WHERE idle = 1 ORDER BY id DESC LIMIT ?)",
    )
    .bind::<BigInt, _>(IDLE_CYCLES)
    .execute(connection)?;
    diesel::sql_query(
        "DELETE FROM cycles
         WHERE idle = 0
           AND (id NOT IN (SELECT id FROM cycles WHERE idle = 0 ORDER BY id DESC LIMIT ?)
                OR (at <= ? AND (boot <> ? OR uptime_ms <= ?)))",
    )
    .bind::<BigInt, _>(BUSY_CYCLES)
    .bind::<BigInt, _>(now.wall.0 - whole(BUSY_AGE_MS))
    .bind::<Text, _>(&now.instant.boot.0)
    .bind::<BigInt, _>(whole(now.instant.uptime_ms) - whole(BUSY_AGE_MS))
    .execute(connection)?;
    // The latest is kept whatever its size: `status` shows it.
    diesel::sql_query(
        "DELETE FROM cycles WHERE id IN (
             SELECT id FROM (
                 SELECT id, SUM(length(snapshot) + length(policy) + length(plan))
                            OVER (ORDER BY id DESC) AS total
                 FROM cycles)
             WHERE total > ? AND id <> (SELECT MAX(id) FROM cycles))",
    )
    .bind::<BigInt, _>(CYCLE_BYTES)
    .execute(connection)?;
    Ok(())
}

pub(crate) fn last_seen(connection: &mut SqliteConnection) -> Result<Option<LastSeen>, Cause> {
    let row: Option<LastCycleRow> = cycles::table
        .order(cycles::id.desc())
        .select(LastCycleRow::as_select())
        .first(connection)
        .optional()?;
    row.map_or(Ok(None), |row| row.seen())
}
