//! The journal: an intention is written down with all that follows from it, then what became of it.

use diesel::prelude::*;
use wnm_core::action::{Action, Mark, Outcome, PlannedAction};
use wnm_core::host::Beginning;
use wnm_core::model::{
    NodeId, NodeKey, NodeRecord, NodeSpec, Now, OpId, RecordId, Release, Timestamp,
};
use wnm_core::observe::EngineMemory;

use crate::convert::{text, want_text};
use crate::error::Cause;
use crate::rows::{MachineRow, NewNodeRow, NewOperationRow, NodeRow, OperationRow, QuarantineRow};
use crate::schema::{machine, nodes, operations, quarantine};

pub(crate) fn begin(
    connection: &mut SqliteConnection,
    planned: &PlannedAction,
    now: &Now,
) -> Result<Beginning, Cause> {
    let record = match (&planned.action, planned.action.key()) {
        (Action::Add { spec, release, .. }, _) => {
            added(connection, &planned.action, spec, release, now)?
        }
        (_, Some(node)) => recorded(connection, node)?,
        (action, None) => return Err(Cause::conflict(format!("{action} names no record"))),
    };
    let mark = Mark::of(&planned.action, &record, &now.instant);
    diesel::update(nodes::table.find(record.record.0)).set(marked(&mark)?).execute(connection)?;
    quarantine(connection, planned, &record, now)?;
    remember(connection, planned, &record, now)?;
    let op = diesel::insert_into(operations::table)
        .values(NewOperationRow::new(record.record, planned, now.wall)?)
        .returning(operations::id)
        .get_result::<i64>(connection)?;
    supersede(connection, record.record, op, now.wall)?;
    Ok(Beginning { op: OpId(op), record: record.record })
}

/// What a mark changes in a row of `nodes`.
#[derive(AsChangeset)]
#[diesel(table_name = nodes, treat_none_as_null = true)]
struct Marked {
    want: &'static str,
    phase: String,
    version: Option<String>,
    upgrade: Option<String>,
}

/// The same of a node that lies elsewhere from now on.
#[derive(AsChangeset)]
#[diesel(table_name = nodes)]
struct Moved {
    data_dir: String,
    spec: String,
}

fn moved(mark: &Mark) -> Result<Option<Moved>, Cause> {
    let Some(lies) = &mark.lies else { return Ok(None) };
    let data_dir = lies.data.to_string_lossy().into_owned();
    Ok(Some(Moved { data_dir, spec: text("spec", lies.as_ref())? }))
}

fn marked(mark: &Mark) -> Result<Marked, Cause> {
    let upgrade = mark.upgrade.as_ref().map(|upgrade| text("upgrade", upgrade));
    Ok(Marked {
        want: want_text(mark.want),
        phase: text("phase", &mark.phase)?,
        version: mark.version.as_ref().map(ToString::to_string),
        upgrade: upgrade.transpose()?,
    })
}

/// What failed is quarantined in the same breath in which it is taken back.
fn quarantine(
    connection: &mut SqliteConnection,
    planned: &PlannedAction,
    record: &NodeRecord,
    now: &Now,
) -> Result<(), Cause> {
    let Action::Revert { from, quarantine: Some(why), .. } = &planned.action else {
        return Ok(());
    };
    let row = QuarantineRow {
        program: record.spec.program.to_string(),
        version: from.to_string(),
        since: now.wall.0,
        why: why.clone(),
    };
    diesel::insert_or_ignore_into(quarantine::table).values(row).execute(connection)?;
    Ok(())
}

/// What the engine must not forget, whatever becomes of the cycle.
fn remember(
    connection: &mut SqliteConnection,
    planned: &PlannedAction,
    record: &NodeRecord,
    now: &Now,
) -> Result<(), Cause> {
    if !EngineMemory::is_changed_by(planned, record) {
        return Ok(());
    }
    let row: MachineRow = machine::table.select(MachineRow::as_select()).first(connection)?;
    let memory = row.memory()?.begun(planned, &now.instant);
    diesel::update(machine::table)
        .set(machine::memory.eq(text("memory", &memory)?))
        .execute(connection)?;
    Ok(())
}

/// The record of a node that is to be created: a new one, or that of an addition that was begun
/// before and not finished.
fn added(
    connection: &mut SqliteConnection,
    action: &Action,
    spec: &NodeSpec,
    release: &Release,
    now: &Now,
) -> Result<NodeRecord, Cause> {
    if let Some(known) = called(connection, spec.id)? {
        return match known.spec == *spec {
            true => Ok(known),
            false => Err(Cause::conflict(format!("{} is recorded with another spec", spec.id))),
        };
    }
    let mut record = NodeRecord::added(RecordId(0), spec.clone(), release, now.wall);
    let mark = Mark::of(action, &record, &now.instant);
    record.record = diesel::insert_into(nodes::table)
        .values(NewNodeRow::new(spec, Some(&release.version), &mark, now.wall)?)
        .returning(nodes::record)
        .get_result(connection)
        .map(RecordId)?;
    Ok(record)
}

fn called(connection: &mut SqliteConnection, id: NodeId) -> Result<Option<NodeRecord>, Cause> {
    let row = nodes::table
        .filter(nodes::id.eq(i64::from(id.number())))
        .select(NodeRow::as_select())
        .first(connection)
        .optional()?;
    row.map(NodeRow::record).transpose()
}

/// The record that was meant; another node may carry the same name by now.
fn recorded(connection: &mut SqliteConnection, node: NodeKey) -> Result<NodeRecord, Cause> {
    match called(connection, node.id)? {
        Some(known) if known.record == node.record => Ok(known),
        Some(known) => Err(Cause::conflict(format!(
            "{node} is record {} now, and record {} was meant",
            known.record, node.record
        ))),
        None => Err(Cause::conflict(format!("{node} is not recorded any more"))),
    }
}

/// What was begun before on the same node and not finished will never be.
fn supersede(
    connection: &mut SqliteConnection,
    record: RecordId,
    by: i64,
    at: Timestamp,
) -> Result<(), Cause> {
    let earlier = operations::table
        .filter(operations::record.eq(record.0))
        .filter(operations::ended.is_null())
        .filter(operations::id.lt(by));
    diesel::update(earlier)
        .set((operations::ended.eq(at.0), operations::superseded_by.eq(by)))
        .execute(connection)?;
    Ok(())
}

pub(crate) fn finish(
    connection: &mut SqliteConnection,
    op: OpId,
    outcome: &Outcome,
    at: Timestamp,
) -> Result<(), Cause> {
    let row: OperationRow = operations::table
        .find(op.0)
        .select(OperationRow::as_select())
        .first(connection)
        .optional()?
        .ok_or_else(|| Cause::no_row(format!("operation {op}")))?;
    if !row.is_open() {
        return Err(Cause::conflict(format!("operation {op} has ended before")));
    }
    diesel::update(operations::table.find(op.0))
        .set((operations::ended.eq(at.0), operations::outcome.eq(text("outcome", outcome)?)))
        .execute(connection)?;
    let node = nodes::table.find(row.record().0);
    let planned = row.planned()?;
    if planned.action.forgets() && outcome.is_done() {
        diesel::delete(node).execute(connection)?;
        return Ok(());
    }
    let Some(known) = node.select(NodeRow::as_select()).first(connection).optional()? else {
        return Ok(());
    };
    let mark = Mark::after(&planned, outcome, &known.record()?);
    if let Some(moved) = moved(&mark)? {
        diesel::update(nodes::table.find(row.record().0)).set(moved).execute(connection)?;
    }
    diesel::update(node).set(marked(&mark)?).execute(connection)?;
    Ok(())
}
