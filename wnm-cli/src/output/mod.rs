//! Values to text. Data goes to standard output, everything else to standard error.

mod columns;
mod effect;
mod explain;
mod human;
mod json;
mod progress;
pub(crate) mod report;
#[cfg(test)]
mod sample;
pub(crate) mod status;
mod terminal;
mod things;

pub(crate) use effect::effect_now;
pub(crate) use progress::{Progress, left};
pub(crate) use terminal::Terminal;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use wnm_core::host::LastSeen;
use wnm_core::model::NodeRecord;
use wnm_core::observe::{Ledger, OpRecord, Snapshot};
use wnm_core::plan::Plan;
use wnm_core::policy::{Policy, Setting};
use wnm_core::run::CycleReport;
use wnm_managers::{ArchivedKey, KeyState};
use wnm_store::StoreStatus;

use crate::error::CliError;
use crate::exit::Exit;
use crate::settings::{Paths, Source};

/// One line of `config list`.
#[derive(Clone, Debug)]
pub(crate) struct ConfigRow {
    pub(crate) setting: Setting,
    pub(crate) value: String,
    pub(crate) source: Source,
}

/// One setting, with all that `config explain` says of it.
#[derive(Clone, Debug)]
pub(crate) struct ConfigExplained {
    pub(crate) row: ConfigRow,
    /// What is stored, whatever is in force.
    pub(crate) stored: Option<String>,
    /// How many nodes there are.
    pub(crate) nodes: usize,
    /// What it does at the moment, where the last cycle saw that.
    pub(crate) now: Option<String>,
}

/// A node that is recorded, and its key.
#[derive(Clone, Debug)]
pub(crate) struct LivingKey<'a> {
    pub(crate) record: &'a NodeRecord,
    pub(crate) key: KeyState,
}

/// The state of a node in one word.
pub(crate) fn state_word(record: &NodeRecord, last: Option<&LastSeen>) -> &'static str {
    human::state_word(record, last)
}

/// Data. A reader that went away is no error of ours.
pub(crate) fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Words for whoever watches.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

pub(crate) fn complain(error: &CliError) {
    let _ = write!(std::io::stderr(), "{error}");
}

pub(crate) fn clap_message(error: &clap::Error, hint: Option<&str>) {
    let _ = error.print();
    if let Some(hint) = hint {
        say(&format!("\nhint: {hint}"));
    }
}

pub(crate) fn initialised(paths: &Paths, policy: &Policy, release: &wnm_core::model::Release) {
    print(&human::initialised(paths, policy, release));
}

pub(crate) fn cycle(report: &CycleReport, as_json: bool) -> Result<(), CliError> {
    print_either(as_json, || human::cycle(report), || json::cycle(report))
}

pub(crate) fn plan(
    snapshot: &Snapshot,
    policy: &Policy,
    plan: &Plan,
    as_json: bool,
) -> Result<(), CliError> {
    print_either(as_json, || human::plan(snapshot, policy, plan), || json::plan(snapshot, plan))
}

/// A shown status is data; the warning that it is old is not.
pub(crate) fn status(
    ledger: &Ledger,
    last: Option<&LastSeen>,
    age: Option<Duration>,
    how: (status::View, Terminal),
    as_json: bool,
) -> Result<(), CliError> {
    let human = || status::status(ledger, last, age, how.0, how.1);
    print_either(as_json, human, || json::status(ledger, last))?;
    if let Some(warning) = status::warning(age).filter(|_| !as_json) {
        say(&warning);
    }
    Ok(())
}

/// One screen of a status that is shown again and again; false when nobody reads any more.
pub(crate) fn frame(text: &str, terminal: Terminal) -> bool {
    let mut out = std::io::stdout();
    // Home, the text with every line cleared behind it, and nothing below.
    let shown = match terminal.is_terminal {
        true => format!("\x1b[H{}\x1b[J", text.replace('\n', "\x1b[K\n")),
        false => format!("{text}\n"),
    };
    out.write_all(shown.as_bytes()).and_then(|()| out.flush()).is_ok()
}

pub(crate) fn history(records: &[OpRecord], filtered: bool, as_json: bool) -> Result<(), CliError> {
    print_either(as_json, || human::history(records, filtered), || json::history(records))
}

pub(crate) fn config(rows: &[ConfigRow], as_json: bool) -> Result<(), CliError> {
    print_either(as_json, || human::config(rows), || json::config(rows))
}

/// The listing as a configuration file.
#[cfg(test)]
pub(crate) fn config_text(rows: &[ConfigRow]) -> String {
    human::config(rows)
}

pub(crate) fn explain(
    ledger: &Ledger,
    policy: &Policy,
    last: &LastSeen,
    as_json: bool,
) -> Result<(), CliError> {
    let shape = explain::shape(ledger, policy, last);
    print_either(as_json, || explain::human(&shape), || json::any(&shape))
}

pub(crate) fn config_explained(of: &ConfigExplained, as_json: bool) -> Result<(), CliError> {
    let shape = things::setting(of);
    print_either(as_json, || things::setting_text(&shape), || json::any(&shape))
}

pub(crate) fn identities(
    archive: &Path,
    archived: &[ArchivedKey],
    living: &[LivingKey<'_>],
    as_json: bool,
) -> Result<(), CliError> {
    let shape = things::identities(archive, archived, living);
    print_either(as_json, || things::identities_text(&shape), || json::any(&shape))
}

pub(crate) fn store_status(
    path: &Path,
    status: &StoreStatus,
    as_json: bool,
) -> Result<(), CliError> {
    let shape = things::store(path, status);
    print_either(as_json, || things::store_text(&shape), || json::any(&shape))
}

pub(crate) fn store_check(
    path: &Path,
    complaints: &[String],
    as_json: bool,
) -> Result<(), CliError> {
    let shape = things::check(path, complaints);
    print_either(as_json, || things::check_text(&shape), || json::any(&shape))
}

fn print_either(
    as_json: bool,
    human: impl FnOnce() -> String,
    json: impl FnOnce() -> serde_json::Result<String>,
) -> Result<(), CliError> {
    let text = match as_json {
        true => json().map_err(|error| CliError::new(Exit::Failed, error.to_string()))?,
        false => human(),
    };
    if !text.is_empty() {
        print(text.trim_end());
    }
    Ok(())
}
