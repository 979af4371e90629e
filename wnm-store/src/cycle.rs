//! What a cycle leaves: its sample, for rates; the engine's memory; what changed of each node; and
//! the cycle itself.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::upsert::excluded;
use wnm_core::host::Recording;
use wnm_core::model::Instant;
use wnm_core::observe::MachineSample;

use crate::convert::{text, whole};
use crate::error::Cause;
use crate::recorded;
use crate::rows::{NewReadingRow, NewSampleRow};
use crate::schema::{machine, nodes, readings, samples};

/// Samples younger than this are kept: a minute more than rates are made from.
const SAMPLE_AGE_MS: u64 = 11 * 60_000;
/// So many are kept whatever their age, for machines with rare cycles.
const SAMPLES_AT_LEAST: i64 = 20;
/// No more are kept, whatever their age.
const SAMPLES_AT_MOST: i64 = 64;

/// What the next cycle goes by.
pub(crate) fn remember(
    connection: &mut SqliteConnection,
    recording: &Recording<'_>,
) -> Result<(), Cause> {
    if let Some(sample) = recording.sample {
        save_sample(connection, sample)?;
    }
    diesel::update(machine::table)
        .set(machine::memory.eq(text("memory", recording.memory)?))
        .execute(connection)?;
    save_readings(connection, recording)
}

/// What questions about the past are answered from.
pub(crate) fn keep(
    connection: &mut SqliteConnection,
    recording: &Recording<'_>,
    cycle: &recorded::Text,
) -> Result<(), Cause> {
    recorded::keep(connection, recording, cycle)?;
    recorded::forget(connection, &recording.snapshot.now, recording.policy.keep)
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
