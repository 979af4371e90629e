//! The Python tool's five reports in their formats: what dashboards and scripts already read. Its
//! words and columns are kept, its faults are not: several nodes and one have the same shape, paths
//! and ages are right, and what is not known is absent instead of 0.

mod influx;
mod machine;
mod nodes;

#[cfg(test)]
mod tests;

use serde_json::Value;
use wnm_core::host::LastSeen;
use wnm_core::model::{NodeRecord, Timestamp};
use wnm_core::observe::{Ledger, NodeView};

pub(crate) use influx::influx;
pub(crate) use machine::{config, metrics};
pub(crate) use nodes::{details, status};

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// JSON
    Json,
    /// KEY=value, for shells
    Env,
    /// A configuration file
    Config,
}

/// What every report is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) ledger: &'a Ledger,
    /// What the last cycle saw; nothing before the first.
    pub(crate) last: Option<&'a LastSeen>,
    pub(crate) now: Timestamp,
}

impl<'a> Seen<'a> {
    fn view(&self, record: &NodeRecord) -> Option<&'a NodeView> {
        super::human::view(record, self.last)
    }

    /// The Python tool's word for a state; `UNKNOWN` is new.
    fn word(&self, record: &NodeRecord) -> &'static str {
        match super::human::state_word(record, self.last) {
            "running" | "mute" => "RUNNING",
            "stopped" => "STOPPED",
            "starting" => "RESTARTING",
            "removing" => "REMOVING",
            "disabled" => "DISABLED",
            "dead" => "DEAD",
            _ => "UNKNOWN",
        }
    }

    fn peer_id(&self, record: &NodeRecord) -> Option<&'a str> {
        self.view(record)?.facts.peer_id.as_deref()
    }

    fn peers(&self, record: &NodeRecord) -> Option<u64> {
        self.view(record)?.facts.peers
    }

    fn version(&self, record: &NodeRecord) -> Option<String> {
        let seen = self.view(record).and_then(|node| node.facts.version.as_ref());
        seen.or(record.version.as_ref()).map(ToString::to_string)
    }
}

/// Names and values in their order, written as `format` says. Configuration files are the machine
/// configuration's own matter; elsewhere they are text, as they were.
fn write(fields: &[(String, Value)], format: Format) -> String {
    if format == Format::Json {
        // Not sorted by name: people compare this with what they had.
        let lines =
            fields.iter().map(|(name, value)| format!("  {}: {value}", Value::from(name.as_str())));
        return format!("{{\n{}\n}}", lines.collect::<Vec<_>>().join(",\n"));
    }
    let line = |(name, value): &(String, Value)| match format {
        Format::Env => format!("{}={}", name.to_uppercase(), shell(value)),
        _ => format!("{name}: {}", plain(value)).trim_end().to_owned(),
    };
    fields.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// For a shell that reads it with `.`: quoted where it must be.
fn shell(value: &Value) -> String {
    let text = plain(value);
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "._-+/:,@%".contains(c);
    match text.chars().all(is_bare) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
