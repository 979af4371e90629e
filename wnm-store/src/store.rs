//! The store itself: one connection, one transaction a method.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use wnm_core::action::{Outcome, PlannedAction};
use wnm_core::host::{
    Beginning, CycleQuery, CycleSummary, HistoryQuery, HostResult, Intents, LastSeen, Recording,
    Store,
};
use wnm_core::model::{Answer, CycleId, Now, OpId, Program, RequestId, Timestamp, Verb, Version};
use wnm_core::observe::{Ledger, OpRecord};
use wnm_core::policy::PolicyDraft;

use crate::error::{Cause, StoreError, StoreErrorKind};
use crate::place::Place;
use crate::recorded::{self, LastGroup};
use crate::{begin, cycle, intents, load};

/// The ledger in one SQLite file.
pub struct SqliteStore {
    connection: Mutex<SqliteConnection>,
    place: Place,
    last_group: LastGroup,
    /// Which file it was when it was opened.
    identity: Option<(u64, u64)>,
}

impl SqliteStore {
    pub(crate) fn over(connection: SqliteConnection, place: Place) -> SqliteStore {
        let identity = place.identity();
        let connection = Mutex::new(connection);
        SqliteStore { connection, place, last_group: LastGroup::default(), identity }
    }

    /// True while no other file has taken the place of the one that was opened: whoever waited for
    /// the lock must not go on with a store that a backup has replaced meanwhile.
    pub fn is_in_place(&self) -> bool {
        self.identity == self.place.identity()
    }

    /// The file; `:memory:` for a store without one.
    pub fn path(&self) -> &Path {
        self.place.file()
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// What SQLite itself finds wrong with the file; nothing is as it should be.
    pub fn check(&self) -> Result<Vec<String>, StoreError> {
        let mut connection = self.lock();
        complaints(&mut connection, Look::Whole)
            .map_err(|cause| self.error("check the store", cause))
    }

    /// A writing transaction. When the disk is full the reserve is given up and all of it is tried
    /// once more: what relieves a full disk has to be written down first, too.
    pub(crate) fn write<T>(
        &self,
        op: impl Into<Box<str>>,
        work: impl Fn(&mut SqliteConnection) -> Result<T, Cause>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        let written = self.place.relieved(|| transaction(&mut connection, Lock::Now, &work));
        written.map_err(|cause| self.error(op, cause))
    }

    /// A reading transaction: all of it sees one state.
    pub(crate) fn read<T>(
        &self,
        op: impl Into<Box<str>>,
        work: impl Fn(&mut SqliteConnection) -> Result<T, Cause>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        transaction(&mut connection, Lock::Never, work).map_err(|cause| self.error(op, cause))
    }

    fn error(&self, op: impl Into<Box<str>>, cause: Cause) -> StoreError {
        self.place.explain(cause).at(op, self.place.file())
    }

    /// A thread that panicked is no reason to stop: should it have left a transaction open, diesel
    /// refuses to begin another one in it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SqliteConnection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a transaction takes the lock for writing.
#[derive(Clone, Copy)]
pub(crate) enum Lock {
    /// At its beginning, so that what it reads is still so when it writes.
    Now,
    /// It does not write.
    Never,
}

/// All or nothing. The answer is the failure of `work` itself: SQLite ends a transaction on a full
/// disk by itself, and diesel would then report that there is nothing to roll back.
pub(crate) fn transaction<T>(
    connection: &mut SqliteConnection,
    lock: Lock,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Cause>,
) -> Result<T, Cause> {
    let mut failed = None;
    let work = |connection: &mut SqliteConnection| {
        work(connection).map_err(|cause| {
            failed = Some(cause);
            diesel::result::Error::RollbackTransaction
        })
    };
    let ended = match lock {
        Lock::Now => connection.immediate_transaction(work),
        Lock::Never => connection.transaction(work),
    };
    ended.map_err(|error| failed.unwrap_or_else(|| error.into()))
}

/// How thoroughly SQLite looks for damage.
#[derive(Clone, Copy)]
pub(crate) enum Look {
    /// Every page, for what is quickly seen.
    Quick,
    /// Also whether indices tell of the same rows as their tables.
    Whole,
}

/// What SQLite finds wrong, and rows that refer to nothing.
pub(crate) fn complaints(
    connection: &mut SqliteConnection,
    look: Look,
) -> Result<Vec<String>, Cause> {
    let mut lines = unsound(connection, look)?;
    if lines.iter().any(|line| *line == StoreErrorKind::Damaged.to_string()) {
        return Ok(lines);
    }
    let strays = diesel::sql_query(
        "SELECT 'row ' || rowid || ' of ' || \"table\" || ' refers to nothing in ' || parent \
         AS line FROM pragma_foreign_key_check",
    );
    lines.extend(strays.load::<Line>(connection)?.into_iter().map(|line| line.line));
    Ok(lines)
}

/// What SQLite finds wrong with the file of `connection`, whoever made it.
pub(crate) fn unsound(connection: &mut SqliteConnection, look: Look) -> Result<Vec<String>, Cause> {
    let sql = match look {
        Look::Quick => "SELECT quick_check AS line FROM pragma_quick_check",
        Look::Whole => "SELECT integrity_check AS line FROM pragma_integrity_check",
    };
    match diesel::sql_query(sql).load::<Line>(connection) {
        Ok(lines) => {
            Ok(lines.into_iter().map(|line| line.line).filter(|line| line != "ok").collect())
        }
        Err(error) => {
            let cause = Cause::from(error);
            // Damage that keeps SQLite from looking on is a finding as well.
            match cause.kind {
                StoreErrorKind::Damaged => Ok(vec![cause.kind.to_string()]),
                _ => Err(cause),
            }
        }
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Store for SqliteStore {
    fn load(&self) -> HostResult<Ledger> {
        Ok(self.read("read the store", load::ledger)?)
    }

    fn begin(&self, planned: &PlannedAction, now: &Now) -> HostResult<Beginning> {
        let op = format!("begin {}", planned.action);
        Ok(self.write(op, |connection| begin::begin(connection, planned, now))?)
    }

    fn finish(&self, op: OpId, outcome: &Outcome, at: Timestamp) -> HostResult<()> {
        let what = format!("finish operation {op}");
        Ok(self.write(what, |connection| begin::finish(connection, op, outcome, at))?)
    }

    fn save_cycle(&self, recording: &Recording<'_>) -> HostResult<()> {
        const WHAT: &str = "keep the cycle";
        let text = recorded::Text::of(recording).map_err(|cause| self.error(WHAT, cause))?;
        let kept = self.write(WHAT, |connection| {
            cycle::remember(connection, recording)?;
            match transaction(connection, Lock::Never, |it| cycle::keep(it, recording, &text)) {
                // With more room both may succeed.
                Err(cause) if matches!(cause.kind, StoreErrorKind::Full | StoreErrorKind::Io) => {
                    Err(cause)
                }
                // A damaged history must not make the engine forget since when a threshold is
                // exceeded.
                kept => Ok(kept),
            }
        })?;
        self.place.renew_reserve();
        Ok(kept.map_err(|cause| self.error(WHAT, cause))?)
    }

    fn answer(&self, request: RequestId, answer: &Answer, at: Timestamp) -> HostResult<()> {
        let op = format!("answer request {request}");
        Ok(self.write(op, |connection| intents::answer(connection, request, answer, at))?)
    }
}

impl Intents for SqliteStore {
    fn request(&self, verb: &Verb, now: &Now) -> HostResult<RequestId> {
        let op = format!("store the request to {}", verb.name());
        Ok(self.write(op, |connection| intents::request(connection, verb, now))?)
    }

    fn answer_to(&self, request: RequestId) -> HostResult<Option<Answer>> {
        let op = format!("read the answer to request {request}");
        Ok(self.read(op, |connection| intents::answer_to(connection, request))?)
    }

    fn set_policy(&self, draft: &PolicyDraft, at: Timestamp) -> HostResult<u64> {
        Ok(self
            .write("store the settings", |connection| intents::set_policy(connection, draft, at))?)
    }

    fn pause_upgrades(&self, paused: Option<Timestamp>) -> HostResult<bool> {
        let pause = |connection: &mut _| intents::pause_upgrades(connection, paused);
        Ok(self.write("pause upgrades or let them go on", pause)?)
    }

    fn unquarantine(&self, program: Program, version: &Version) -> HostResult<bool> {
        let op = format!("trust {program} {version} again");
        Ok(self.write(op, |connection| intents::unquarantine(connection, program, version))?)
    }

    fn history(&self, query: &HistoryQuery) -> HostResult<Vec<OpRecord>> {
        Ok(self.read("read the journal", |connection| intents::history(connection, query))?)
    }

    fn last_seen(&self) -> HostResult<Option<LastSeen>> {
        let last = |connection: &mut _| recorded::last(connection, &self.last_group);
        Ok(self.read("read the last cycle", last)?)
    }

    fn cycles(&self, query: &CycleQuery) -> HostResult<Vec<CycleSummary>> {
        Ok(self.read("list the recorded cycles", |connection| recorded::list(connection, query))?)
    }

    fn recorded(&self, cycle: CycleId) -> HostResult<Option<LastSeen>> {
        let find = |connection: &mut _| recorded::find(connection, cycle, &self.last_group);
        Ok(self.read(format!("read cycle {cycle}"), find)?)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path()).finish_non_exhaustive()
    }
}

/// Statements without an answer.
pub(crate) fn execute(connection: &mut SqliteConnection, sql: &str) -> Result<(), Cause> {
    Ok(connection.batch_execute(sql)?)
}
