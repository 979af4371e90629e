//! What a store still tells that may be damaged: never what is decided by, only what must not be used
//! again and what is worth telling.

use std::collections::BTreeMap;
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use wnm_core::model::NodeRecord;
use wnm_core::policy::PolicyDraft;

use crate::place::uri;
use crate::rows::{NodeRow, SettingRow};
use crate::schema::{nodes, settings};

/// What could be read, each on its own.
#[derive(Clone, Debug, Default)]
pub struct Salvage {
    /// The highest number that was given out, by table.
    pub given: BTreeMap<String, i64>,
    /// Nodes whose rows make sense.
    pub nodes: Vec<NodeRecord>,
    /// The settings, if all of them make sense.
    pub settings: Option<PolicyDraft>,
}

#[derive(QueryableByName)]
struct Given {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    seq: i64,
}

#[derive(QueryableByName)]
struct Highest {
    #[diesel(sql_type = BigInt)]
    highest: i64,
}

/// Reads what there is to be read in `store`. Whatever fails is left out.
pub fn salvage(store: &Path) -> Salvage {
    let mut found = Salvage::default();
    let Ok(mut connection) = SqliteConnection::establish(&uri(store, "ro")) else { return found };
    let given =
        diesel::sql_query("SELECT name, seq FROM sqlite_sequence").load::<Given>(&mut connection);
    for Given { name, seq } in given.unwrap_or_default() {
        found.note(&name, seq);
    }
    for (table, column) in [("nodes", "record"), ("operations", "id"), ("requests", "id")] {
        let sql = format!("SELECT coalesce(max({column}), 0) AS highest FROM {table}");
        if let Ok(row) = diesel::sql_query(sql).get_result::<Highest>(&mut connection) {
            found.note(table, row.highest);
        }
    }
    let rows = nodes::table.select(NodeRow::as_select()).load(&mut connection);
    found.nodes =
        rows.unwrap_or_default().into_iter().filter_map(|row| row.record().ok()).collect();
    let rows = settings::table.select(SettingRow::as_select()).load(&mut connection);
    let values =
        rows.ok().and_then(|rows| rows.into_iter().map(|row| row.setting().ok()).collect());
    found.settings = values.map(|values| PolicyDraft { values });
    found
}

impl Salvage {
    /// A number that must not be used again in `table`.
    pub fn note(&mut self, table: &str, number: i64) {
        let known = self.given.entry(table.to_owned()).or_default();
        *known = number.max(*known);
    }
}
