//! Values to text. Data goes to standard output, everything else to standard error.

mod doctor;
mod explain;
mod human;
mod json;
mod reference;
mod schedule;
mod things;

pub(crate) use reference::reference;
pub(crate) use schedule::{ScheduleReport, Scheduled};

use std::io::Write;
use std::path::Path;

use wnm_core::host::LastSeen;
use wnm_core::model::NodeRecord;
use wnm_core::observe::{Ledger, OpRecord, Snapshot};
use wnm_core::plan::Plan;
use wnm_core::policy::{Policy, Setting};
use wnm_core::run::{CycleReport, Event};
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
}

/// A node that is recorded, and its key.
#[derive(Clone, Debug)]
pub(crate) struct LivingKey<'a> {
    pub(crate) record: &'a NodeRecord,
    pub(crate) key: KeyState,
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

pub(crate) fn clap_message(error: &clap::Error) {
    let _ = error.print();
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

pub(crate) fn status(
    ledger: &Ledger,
    last: Option<&LastSeen>,
    as_json: bool,
) -> Result<(), CliError> {
    print_either(as_json, || human::status(ledger, last), || json::status(ledger, last))
}

pub(crate) fn history(records: &[OpRecord], as_json: bool) -> Result<(), CliError> {
    print_either(as_json, || human::history(records), || json::history(records))
}

pub(crate) fn config(rows: &[ConfigRow], as_json: bool) -> Result<(), CliError> {
    print_either(as_json, || human::config(rows), || json::config(rows))
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

pub(crate) fn findings(
    findings: &[crate::doctor::Finding],
    fixed: &[String],
    as_json: bool,
) -> Result<(), CliError> {
    print_either(as_json, || doctor::text(findings, fixed), || doctor::json(findings, fixed))
}

pub(crate) fn schedules(report: &ScheduleReport, as_json: bool) -> Result<(), CliError> {
    print_either(as_json, || schedule::text(report), || schedule::json(report))
}

pub(crate) fn pieces(pieces: &[wnm_managers::Piece], as_json: bool) -> Result<(), CliError> {
    print_either(as_json, || schedule::pieces_text(pieces), || schedule::pieces_json(pieces))
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

/// Tells whoever watches what is going on, as it goes on.
#[derive(Debug)]
pub(crate) struct Progress {
    is_quiet: bool,
}

impl Progress {
    pub(crate) fn new(is_quiet: bool) -> Progress {
        Progress { is_quiet }
    }

    pub(crate) fn tell(&mut self, event: Event<'_>) {
        match event {
            Event::Begun(planned) if !self.is_quiet => {
                say(&format!("{}: {}", planned.action, planned.reason));
            }
            Event::Stepping(planned, step) => {
                tracing::info!("{}: {step}", planned.action);
            }
            Event::Begun(_) | Event::Observed(_) | Event::Planned(_) | Event::Ended(..) => {}
        }
    }
}
