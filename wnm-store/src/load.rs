//! Everything planning needs.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use wnm_core::model::{RecordId, Request, RequestId, Timestamp, UpgradeHolds};
use wnm_core::observe::Ledger;
use wnm_core::policy::PolicyDraft;

use crate::convert::Row;
use crate::error::Cause;
use crate::rows::{
    MachineRow, NodeRow, OperationRow, QuarantineRow, RequestRow, SampleRow, SettingRow,
};
use crate::schema::{machine, nodes, operations, quarantine, requests, samples, settings};

pub(crate) fn ledger(connection: &mut SqliteConnection) -> Result<Ledger, Cause> {
    read(connection).map_err(Cause::of_reading)
}

fn read(connection: &mut SqliteConnection) -> Result<Ledger, Cause> {
    let machine: MachineRow = machine::table
        .select(MachineRow::as_select())
        .first(connection)
        .optional()?
        .ok_or_else(|| Row::of("machine", 1).bad("id", "no row"))?;
    let settings: Vec<SettingRow> =
        settings::table.select(SettingRow::as_select()).load(connection)?;
    let nodes: Vec<NodeRow> =
        nodes::table.order(nodes::id).select(NodeRow::as_select()).load(connection)?;
    // The journal outlives its nodes: an operation on a node that is gone is nobody's any more.
    let open: Vec<OperationRow> = operations::table
        .filter(operations::ended.is_null())
        .filter(operations::record.eq_any(nodes::table.select(nodes::record)))
        .order(operations::id)
        .select(OperationRow::as_select())
        .load(connection)?;
    let requests: Vec<RequestRow> = requests::table
        .filter(requests::answered.is_null())
        .order(requests::id)
        .select(RequestRow::as_select())
        .load(connection)?;
    let samples: Vec<SampleRow> =
        samples::table.order(samples::id).select(SampleRow::as_select()).load(connection)?;
    let requests: Vec<Request> =
        requests.iter().map(RequestRow::request).collect::<Result<_, _>>()?;
    Ok(Ledger {
        begun: begun(connection, &requests)?,
        draft: PolicyDraft {
            values: settings.into_iter().map(SettingRow::setting).collect::<Result<_, _>>()?,
        },
        generation: machine.generation()?,
        nodes: nodes.into_iter().map(NodeRow::record).collect::<Result<_, _>>()?,
        open: open.iter().map(OperationRow::open).collect::<Result<_, _>>()?,
        requests,
        samples: samples.iter().map(SampleRow::sample).collect::<Result<_, _>>()?,
        memory: machine.memory()?,
        holds: holds(connection, &machine)?,
    })
}

/// What keeps upgrades from going on.
fn holds(connection: &mut SqliteConnection, machine: &MachineRow) -> Result<UpgradeHolds, Cause> {
    let quarantined: Vec<QuarantineRow> = quarantine::table
        .order((quarantine::program, quarantine::version))
        .select(QuarantineRow::as_select())
        .load(connection)?;
    Ok(UpgradeHolds {
        paused: machine.upgrades_paused.map(Timestamp),
        quarantined: quarantined
            .into_iter()
            .map(QuarantineRow::quarantined)
            .collect::<Result<_, _>>()?,
    })
}

/// The records that operations were begun on for each of these requests. Requests that are still
/// open are few and rare, so the journal is searched only then.
fn begun(
    connection: &mut SqliteConnection,
    requests: &[Request],
) -> Result<BTreeMap<RequestId, BTreeSet<RecordId>>, Cause> {
    let mut begun = BTreeMap::new();
    for request in requests {
        let for_this = sql::<Bool>("json_extract(planned, '$.reason.because') = 'request'")
            .sql(" AND json_extract(planned, '$.reason.id') = ")
            .bind::<BigInt, _>(request.id.0);
        let records: Vec<i64> =
            operations::table.filter(for_this).select(operations::record).load(connection)?;
        if !records.is_empty() {
            begun.insert(request.id, records.into_iter().map(RecordId).collect());
        }
    }
    Ok(begun)
}
