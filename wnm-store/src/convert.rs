//! Cells ⇄ model. What makes no sense is `Corrupt`, with the cell it stands in; never a panic.

use std::fmt::Display;
use std::io::{Read, Write};
use std::str::FromStr;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use wnm_core::action::{Outcome, PlannedAction};
use wnm_core::model::{Answer, Instant, NodeSpec, Phase, Upgrade, Verb, Want};
use wnm_core::observe::{EngineMemory, MachineSample, NodeView, Snapshot};
use wnm_core::plan::{Plan, PlanScope};
use wnm_core::policy::{Drafts, Policy};

use crate::error::{Cause, StoreErrorKind};

/// A row, to say where something stands that makes no sense.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    table: &'static str,
    id: String,
}

/// Ten thousand nodes take 16 MB. A damaged cell must not fill the memory of a small machine.
pub(crate) const MOST_INFLATED: usize = 64 << 20;

/// So much of a bad cell is shown.
const SHOWN: usize = 80;

impl Row {
    pub(crate) fn of(table: &'static str, id: impl Display) -> Row {
        Row { table, id: id.to_string() }
    }

    pub(crate) fn json<T: Json>(&self, column: &'static str, text: &str) -> Result<T, Cause> {
        // The message may repeat the cell, which may be long.
        let cut = |error: serde_json::Error| shown(&error.to_string(), 2 * SHOWN);
        T::from_text(text).map_err(|error| Cause::with(self.bad(column, text), cut(error)))
    }

    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str, text: &str) -> Result<T, Cause> {
        text.parse().map_err(|_| self.bad(column, text).into())
    }

    pub(crate) fn number<T: TryFrom<i64>>(
        &self,
        column: &'static str,
        number: i64,
    ) -> Result<T, Cause> {
        T::try_from(number).map_err(|_| self.bad(column, &number.to_string()).into())
    }

    pub(crate) fn want(&self, column: &'static str, text: &str) -> Result<Want, Cause> {
        const ALL: [Want; 4] =
            [Want::Run, Want::StoppedByOperator, Want::StoppedByPressure, Want::Disabled];
        ALL.into_iter()
            .find(|want| want_text(*want) == text)
            .ok_or_else(|| self.bad(column, text).into())
    }

    pub(crate) fn bad(&self, column: &'static str, found: &str) -> StoreErrorKind {
        StoreErrorKind::Corrupt {
            table: self.table,
            id: self.id.as_str().into(),
            column,
            found: shown(found, SHOWN).into(),
        }
    }
}

fn shown(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

pub(crate) fn want_text(want: Want) -> &'static str {
    match want {
        Want::Run => "run",
        Want::StoppedByOperator => "stopped-by-operator",
        Want::StoppedByPressure => "stopped-by-pressure",
        Want::Disabled => "disabled",
    }
}

pub(crate) fn text<T: Json>(column: &'static str, value: &T) -> Result<String, Cause> {
    value.to_text().map_err(|error| Cause::with(StoreErrorKind::Unwritable { column }, error))
}

/// Fast rather than small, for it is done every minute; with a checksum.
pub(crate) fn deflated(column: &'static str, bytes: &[u8]) -> Result<Vec<u8>, Cause> {
    let mut packing = ZlibEncoder::new(Vec::new(), Compression::fast());
    let packed = packing.write_all(bytes).and_then(|()| packing.finish());
    packed.map_err(|error| Cause::with(StoreErrorKind::Unwritable { column }, error))
}

/// The way back; `None` for what is damaged, or larger than anything that was ever written.
pub(crate) fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    let mut inflating = ZlibDecoder::new(bytes).take(MOST_INFLATED as u64 + 1);
    inflating.read_to_end(&mut inflated).ok()?;
    (inflated.len() <= MOST_INFLATED).then_some(inflated)
}

/// SQLite counts to 2^63 only. No uptime comes near it.
pub(crate) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The closed list of what is kept as JSON.
pub(crate) trait Json: Sized {
    fn to_text(&self) -> serde_json::Result<String>;
    fn from_text(text: &str) -> serde_json::Result<Self>;
}

macro_rules! json {
    ($($kept:ty),* $(,)?) => {
        $(impl Json for $kept {
            fn to_text(&self) -> serde_json::Result<String> {
                serde_json::to_string(self)
            }

            fn from_text(text: &str) -> serde_json::Result<Self> {
                serde_json::from_str(text)
            }
        })*
    };
}

json![
    Answer,
    Drafts,
    EngineMemory,
    Instant,
    MachineSample,
    NodeSpec,
    NodeView,
    Outcome,
    Phase,
    Plan,
    PlanScope,
    PlannedAction,
    Policy,
    Snapshot,
    Upgrade,
    Verb,
];
