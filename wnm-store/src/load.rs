//! Everything planning needs.

use diesel::prelude::*;
use wnm_core::observe::Ledger;
use wnm_core::policy::PolicyDraft;

use crate::convert::Row;
use crate::error::Cause;
use crate::rows::{MachineRow, NodeRow, OperationRow, RequestRow, SampleRow, SettingRow};
use crate::schema::{machine, nodes, operations, requests, samples, settings};

pub(crate) fn ledger(connection: &mut SqliteConnection) -> Result<Ledger, Cause> {
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
    Ok(Ledger {
        draft: PolicyDraft {
            values: settings.into_iter().map(SettingRow::setting).collect::<Result<_, _>>()?,
        },
        generation: machine.generation()?,
        nodes: nodes.into_iter().map(NodeRow::record).collect::<Result<_, _>>()?,
        open: open.iter().map(OperationRow::open).collect::<Result<_, _>>()?,
        requests: requests.iter().map(RequestRow::request).collect::<Result<_, _>>()?,
        samples: samples.iter().map(SampleRow::sample).collect::<Result<_, _>>()?,
        memory: machine.memory()?,
    })
}
