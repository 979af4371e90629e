//! Putting a backup in the place of the store.
//!
//! What a backup says of things in motion is not true any more: an operation that was open may have
//! ended, a removal may have been taken back, a request may have been carried out. So everything in
//! it comes to rest, and no number is given out again that the lost store may have used.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use wnm_core::action::{Fault, Outcome};
use wnm_core::model::{Answer, NodeRecord, Now, Phase, RecordId, Removal, Timestamp, Want};
use wnm_core::observe::{EngineMemory, Ledger, PastRemoval};
use wnm_core::policy::{PolicyDraft, Setting};

use crate::convert::{text, want_text};
use crate::error::{Cause, StoreError};
use crate::image::Image;
use crate::place::{Aside, Place, uri};
use crate::salvage::Salvage;
use crate::schema::{machine, nodes, operations, readings, requests, samples};
use crate::store::{Lock, execute, transaction};

/// So many numbers are passed over beyond the highest that is known. Nobody has that many nodes.
const BEYOND_RECORDS: i64 = 1_000;
/// The same for what every cycle may use.
const BEYOND: i64 = 100_000;
/// No setting makes the memory longer than this.
const MOST_REMOVALS: u32 = 10_000;

const WHY: &str = "a backup of the store was put back: what was under way then is over";

/// What becomes of the nodes of a backup, and what was found out about the store that it replaces.
#[derive(Clone, Debug, Default)]
pub struct Changed {
    /// Nodes that are left alone from now on, because something else may be in their place.
    pub left_alone: BTreeSet<RecordId>,
    /// Nodes that were removed since.
    pub forgotten: BTreeSet<RecordId>,
    /// What must not be used again.
    pub salvage: Salvage,
}

/// A backup on its way back, in memory.
pub struct Restoring {
    image: Image,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Where the file is that was there before; `None` where there was none.
    pub aside: Option<PathBuf>,
}

/// Takes a backup, or any other sound store, to be put back. Nothing is changed yet, and never
/// anything in `file`.
pub fn restorable(file: &Path) -> Result<Restoring, StoreError> {
    let image = Image::of(file).map_err(|cause| cause.at("take the backup", file))?;
    Ok(Restoring { image })
}

impl Restoring {
    /// The schema of the file that it is from.
    pub fn version(&self) -> &str {
        &self.image.version
    }

    /// What is in it.
    pub fn ledger(&mut self) -> Result<Ledger, StoreError> {
        let failed = |cause: Cause| cause.at("read the backup", Path::new(":memory:"));
        self.image.ledger().map_err(failed)
    }

    /// Brings everything in it to rest, so that the cycle after goes on with nothing and removes
    /// nothing for an hour.
    pub fn settle(&mut self, changed: &Changed, now: &Now) -> Result<(), StoreError> {
        let settled = transaction(&mut self.image.connection, Lock::Now, |connection| {
            end_what_is_open(connection, now)?;
            let ledger = crate::load::ledger(connection)?;
            settle_nodes(connection, &ledger, changed)?;
            let left = ledger.nodes.iter().filter(|it| !changed.forgotten.contains(&it.record));
            let left: Vec<&NodeRecord> = left.collect();
            let draft = with_room(&ledger.draft, &left, changed);
            if draft != ledger.draft {
                crate::intents::set_policy(connection, &draft, now.wall)?;
            }
            remember(connection, &ledger, &draft, now)?;
            pass_over(connection, &changed.salvage)
        });
        settled.map_err(|cause| cause.at("prepare the backup", Path::new(":memory:")))
    }

    /// Puts it in the place of `store`. What is there is kept under another name: `damaged` says
    /// which of the two it gets. For who holds the lock.
    pub fn put_in_place(
        &mut self,
        store: &Path,
        damaged: bool,
        now: Timestamp,
    ) -> Result<Restored, StoreError> {
        let failed = |cause: Cause| cause.at("put the backup in place", store);
        if !damaged {
            // All of it belongs into the file that is kept; what stays in the log is kept beside it.
            if let Ok(mut old) = SqliteConnection::establish(&uri(store, "rw")) {
                let _ = execute(&mut old, "PRAGMA wal_checkpoint(TRUNCATE)");
            }
        }
        let place = Place::for_writing(store);
        let aside = Aside { word: if damaged { "damaged" } else { "replaced" }, at: now };
        let image = &mut self.image;
        let put = place.relieved(|| {
            place.exchange(&aside, |uri| {
                image.write(uri)?;
                Image::of(&place.sibling("part")).map(|_| ())
            })
        });
        let aside = put.map_err(failed)?;
        place.renew_reserve();
        Ok(Restored { aside })
    }
}

impl std::fmt::Debug for Restoring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restoring").field("version", &self.image.version).finish_non_exhaustive()
    }
}

fn end_what_is_open(connection: &mut SqliteConnection, now: &Now) -> Result<(), Cause> {
    let outcome = Outcome::Failed { fault: Fault { step: None, message: WHY.to_owned() } };
    diesel::update(operations::table.filter(operations::ended.is_null()))
        .set((operations::ended.eq(now.wall.0), operations::outcome.eq(text("outcome", &outcome)?)))
        .execute(connection)?;
    let answer = Answer { done: 0, failed: 0, refused: vec![format!("{WHY}: ask again")] };
    diesel::update(requests::table.filter(requests::answered.is_null()))
        .set((requests::answered.eq(now.wall.0), requests::answer.eq(text("answer", &answer)?)))
        .execute(connection)?;
    diesel::delete(samples::table).execute(connection)?;
    diesel::delete(readings::table).execute(connection)?;
    Ok(())
}

fn settle_nodes(
    connection: &mut SqliteConnection,
    ledger: &Ledger,
    changed: &Changed,
) -> Result<(), Cause> {
    for record in &ledger.nodes {
        let row = nodes::table.find(record.record.0);
        if changed.forgotten.contains(&record.record) {
            diesel::delete(row).execute(connection)?;
            continue;
        }
        let (want, phase) = at_rest(record, changed.left_alone.contains(&record.record));
        // A trial of a program is over: what runs now is what it has.
        let upgrade: Option<String> = None;
        diesel::update(row)
            .set((
                nodes::want.eq(want_text(want)),
                nodes::phase.eq(text("phase", &phase)?),
                nodes::upgrade.eq(upgrade),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// A removal under way is off. One that an operator asked for leaves a node that is not started; the
/// engine decides its own anew.
fn at_rest(record: &NodeRecord, is_left_alone: bool) -> (Want, Phase) {
    let by_hand = matches!(
        record.phase,
        Phase::Removing { cause: Removal::Operator | Removal::Teardown, .. }
    );
    let want = match record.want {
        _ if is_left_alone => Want::Disabled,
        Want::Run if by_hand => Want::StoppedByOperator,
        want => want,
    };
    (want, Phase::Steady)
}

/// A cap below the nodes there are would remove some: it was another one since, or will be set.
fn with_room(draft: &PolicyDraft, left: &[&NodeRecord], changed: &Changed) -> PolicyDraft {
    let counts = |record: &&&NodeRecord| {
        record.want != Want::Disabled && !changed.left_alone.contains(&record.record)
    };
    let nodes = left.iter().filter(counts).count() as u32;
    match draft.text(Setting::NodeCap).trim().parse::<u32>() {
        Ok(cap) if cap < nodes => draft.clone().with(Setting::NodeCap, nodes.to_string()),
        _ => draft.clone(),
    }
}

/// Only what a node costs here is worth remembering. That the hour's removals are used up gives an
/// operator time to look.
fn remember(
    connection: &mut SqliteConnection,
    ledger: &Ledger,
    draft: &PolicyDraft,
    now: &Now,
) -> Result<(), Cause> {
    let limit = draft.text(Setting::MaxDestructivePerHour).trim().parse().unwrap_or(MOST_REMOVALS);
    let limit = (ledger.nodes.len() as u32).max(limit).min(MOST_REMOVALS) as usize;
    let used = PastRemoval { at: now.instant.clone(), disk: false };
    let mut removals = ledger.memory.removals.clone();
    removals.extend(std::iter::repeat_n(used, limit));
    let memory =
        EngineMemory { removals, cost: ledger.memory.cost.clone(), ..EngineMemory::default() };
    diesel::update(machine::table)
        .set(machine::memory.eq(text("memory", &memory)?))
        .execute(connection)?;
    Ok(())
}

/// No number is given out a second time.
fn pass_over(connection: &mut SqliteConnection, salvage: &Salvage) -> Result<(), Cause> {
    const TABLES: [(&str, i64); 4] = [
        ("nodes", BEYOND_RECORDS),
        ("operations", BEYOND),
        ("requests", BEYOND),
        ("cycles", BEYOND),
    ];
    for (table, beyond) in TABLES {
        let known = salvage.given.get(table).copied().unwrap_or(0);
        let missing = "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0
                       WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)";
        diesel::sql_query(missing).bind::<Text, _>(table).execute(connection)?;
        let raise = "UPDATE sqlite_sequence SET seq = max(seq, ?) + ? WHERE name = ?";
        diesel::sql_query(raise)
            .bind::<BigInt, _>(known)
            .bind::<BigInt, _>(beyond)
            .bind::<Text, _>(table)
            .execute(connection)?;
    }
    Ok(())
}
