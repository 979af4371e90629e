use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use wnm_core::model::{NodeRecord, NodeSpec, RecordId, Timestamp, Upgrade, Version};

use crate::convert::{Row, text, want_text};
use crate::error::Cause;
use crate::schema::nodes;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = nodes, check_for_backend(Sqlite))]
pub(crate) struct NodeRow {
    record: i64,
    id: i64,
    node_port: i64,
    data_dir: String,
    spec: String,
    want: String,
    phase: String,
    version: Option<String>,
    created: i64,
    upgrade: Option<String>,
}

impl NodeRow {
    pub(crate) fn record(self) -> Result<NodeRecord, Cause> {
        let row = Row::of("nodes", self.record);
        let spec: NodeSpec = row.json("spec", &self.spec)?;
        // The columns keep nodes apart from each other, so they must say what the spec says.
        if i64::from(spec.id.number()) != self.id {
            return Err(row.bad("id", &self.id.to_string()).into());
        }
        if i64::from(spec.ports.node) != self.node_port {
            return Err(row.bad("node_port", &self.node_port.to_string()).into());
        }
        if spec.data.to_str() != Some(&self.data_dir) {
            return Err(row.bad("data_dir", &self.data_dir).into());
        }
        let upgrade = self.upgrade.map(|upgrade| row.json::<Upgrade>("upgrade", &upgrade));
        let version = self.version.map(|version| row.parsed::<Version>("version", &version));
        Ok(NodeRecord {
            record: RecordId(self.record),
            spec,
            want: row.want("want", &self.want)?,
            phase: row.json("phase", &self.phase)?,
            version: version.transpose()?,
            created: Timestamp(self.created),
            upgrade: upgrade.transpose()?,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = nodes, check_for_backend(Sqlite))]
pub(crate) struct NewNodeRow {
    id: i64,
    name: String,
    program: String,
    manager: String,
    wallet: String,
    node_port: i64,
    data_dir: String,
    spec: String,
    want: &'static str,
    phase: String,
    version: Option<String>,
    created: i64,
}

impl NewNodeRow {
    pub(crate) fn new(
        spec: &NodeSpec,
        version: Option<&Version>,
        mark: &wnm_core::action::Mark,
        created: Timestamp,
    ) -> Result<NewNodeRow, Cause> {
        Ok(NewNodeRow {
            id: i64::from(spec.id.number()),
            name: spec.id.to_string(),
            program: spec.program.to_string(),
            manager: spec.manager.to_string(),
            wallet: spec.wallet.to_string(),
            node_port: i64::from(spec.ports.node),
            // A path that is not UTF-8 does not pass `text` below.
            data_dir: spec.data.to_string_lossy().into_owned(),
            spec: text("spec", spec)?,
            want: want_text(mark.want),
            phase: text("phase", &mark.phase)?,
            version: version.map(ToString::to_string),
            created: created.0,
        })
    }
}
