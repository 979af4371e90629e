use std::mem;

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use wnm_core::observe::EngineMemory;
use wnm_core::policy::Setting;

use crate::convert::Row;
use crate::error::Cause;
use crate::schema::{machine, settings};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = machine, check_for_backend(Sqlite))]
pub(crate) struct MachineRow {
    pub(crate) id: i64,
    pub(crate) generation: i64,
    pub(crate) memory: String,
    pub(crate) upgrades_paused: Option<i64>,
}

impl MachineRow {
    pub(crate) fn generation(&self) -> Result<u64, Cause> {
        Row::of("machine", self.id).number("generation", self.generation)
    }

    pub(crate) fn memory(&self) -> Result<EngineMemory, Cause> {
        let mut memory: EngineMemory = Row::of("machine", self.id).json("memory", &self.memory)?;
        // Read one after the other it is half empty, and so is every copy of it: with a thousand nodes
        // these are megabytes. Made at once it is full.
        memory.nodes = mem::take(&mut memory.nodes).into_iter().collect();
        Ok(memory)
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = settings, check_for_backend(Sqlite))]
pub(crate) struct SettingRow {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl SettingRow {
    pub(crate) fn setting(self) -> Result<(Setting, String), Cause> {
        let setting = Row::of("settings", &self.key).parsed("key", &self.key)?;
        Ok((setting, self.value))
    }
}
