//! Values to text. Data goes to standard output, everything else to standard error.

mod binary;
mod columns;
mod doctor;
mod effect;
mod explain;
mod human;
mod json;
mod progress;
mod reference;
mod replay;
pub(crate) mod report;
#[cfg(test)]
mod sample;
mod schedule;
mod simulate;
pub(crate) mod status;
mod store;
mod takeover;
mod terminal;
mod things;
mod upgrades;

pub(crate) use binary::{Fetching, Shelved, VersionCheck};
pub(crate) use effect::effect_now;
pub(crate) use explain::Explained;
pub(crate) use progress::{Counting, Progress, left};
pub(crate) use reference::reference;
pub(crate) use schedule::{ScheduleReport, Scheduled};
pub(crate) use store::{Comparison, Differing, StoreState, Stranger, Verdict};
pub(crate) use terminal::Terminal;
pub(crate) use upgrades::UpgradeStatus;

use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use wnm_core::host::{CycleSummary, LastSeen};
use wnm_core::model::NodeRecord;
use wnm_core::observe::{OpRecord, Snapshot};
use wnm_core::plan::Plan;
use wnm_core::policy::{Policy, PolicyDraft, Setting};
use wnm_core::replay::ReplayReport;
use wnm_core::run::CycleReport;
use wnm_managers::{ArchivedKey, KeyState};
use wnm_store::{Backup, Sound, StoreStatus};

pub(crate) use simulate::Simulated;

use crate::commands::Inspected;
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
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        // Whoever closes a pipe has read enough; on a full disk an answer is lost.
        if error.kind() != std::io::ErrorKind::BrokenPipe {
            let _ = LOST.set(error.to_string());
        }
    }
}

static LOST: OnceLock<String> = OnceLock::new();

/// Why some of the output could not be written, if so.
pub(crate) fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
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

/// What is taken over, or would be; `backup` when it was.
pub(crate) fn takeover(
    takeover: &wnm_core::import::Takeover,
    settings: &PolicyDraft,
    backup: Option<&Path>,
    as_json: bool,
) -> Result<(), CliError> {
    let shape = takeover::shape(takeover, settings, backup);
    print_either(as_json, || takeover::text(takeover, settings), || json::any(&shape))
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
    print_either(
        as_json,
        || human::plan(snapshot, policy, plan),
        || json::plan(snapshot, policy, plan),
    )
}

/// A plan made again from a recorded cycle, and whether it came out as it was.
pub(crate) fn plan_again(
    snapshot: &Snapshot,
    policy: &Policy,
    plan: &Plan,
    then: Option<&Plan>,
    as_json: bool,
) -> Result<(), CliError> {
    let human = || plan_again_text(snapshot, policy, plan, then);
    print_either(as_json, human, || json::plan_again(snapshot, policy, plan, then))
}

pub(crate) fn plan_again_text(
    snapshot: &Snapshot,
    policy: &Policy,
    plan: &Plan,
    then: Option<&Plan>,
) -> String {
    let again = then.map(|then| replay::again_text(plan, then)).unwrap_or_default();
    human::plan(snapshot, policy, plan) + &again
}

pub(crate) fn cycles(cycles: &[CycleSummary], as_json: bool) -> Result<(), CliError> {
    let shape = replay::cycles(cycles);
    print_either(as_json, || replay::cycles_text(cycles), || json::any(&shape))
}

pub(crate) fn replay(
    changes: &PolicyDraft,
    report: &ReplayReport,
    limit: usize,
    as_json: bool,
) -> Result<(), CliError> {
    let shape = replay::shape(changes, report);
    print_either(as_json, || replay::text(changes, report, limit), || json::any(&shape))
}

/// A shown status is data; the warning that it is old is not.
pub(crate) fn status(
    shown: &status::Shown<'_>,
    how: (status::View, Terminal),
    as_json: bool,
) -> Result<(), CliError> {
    let human = || status::status(shown, how.0, how.1);
    print_either(as_json, human, || json::status(shown.ledger, shown.last, shown.capacity))?;
    if let Some(warning) = status::warning(shown.age).filter(|_| !as_json) {
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

pub(crate) fn upgrades(status: &UpgradeStatus<'_>, as_json: bool) -> Result<(), CliError> {
    print_either(as_json, || upgrades::text(status), || json::any(status))
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

/// Every rule, or only what there is to say about the nodes that were named.
pub(crate) fn explain(
    explained: &Explained<'_>,
    nodes_only: bool,
    as_json: bool,
) -> Result<(), CliError> {
    let text = || if nodes_only { explained.stories() } else { explained.overview() };
    print_either(as_json, text, || json::any(&explained.shape()))
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

pub(crate) fn binaries(of: &Shelved<'_>, as_json: bool) -> Result<(), CliError> {
    let shape = binary::list(of);
    print_either(as_json, || binary::list_text(&shape), || json::any(&shape))
}

pub(crate) fn fetched(
    taken: &wnm_releases::Taken,
    given: Option<&wnm_core::model::Release>,
    as_json: bool,
) -> Result<(), CliError> {
    let shape = binary::fetched(taken, given);
    print_either(as_json, || binary::fetched_text(&shape), || json::any(&shape))
}

pub(crate) fn binary_checks(
    program: wnm_core::model::Program,
    checks: &[VersionCheck],
    as_json: bool,
) -> Result<(), CliError> {
    let shape = binary::checks(program, checks);
    print_either(as_json, || binary::checks_text(&shape), || json::any(&shape))
}

pub(crate) fn pinned(
    program: wnm_core::model::Program,
    pinned: Option<&wnm_core::model::Version>,
    changed: bool,
    given: Option<&wnm_core::model::Release>,
    as_json: bool,
) -> Result<(), CliError> {
    let shape = binary::pin(program, pinned, changed, given);
    print_either(as_json, || binary::pin_text(&shape), || json::any(&shape))
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
    newest: Option<&Backup>,
    as_json: bool,
) -> Result<(), CliError> {
    let shape = store::check(path, complaints, newest);
    print_either(as_json, || store::check_text(&shape), || json::any(&shape))
}

pub(crate) fn backed_up(file: &Path, sound: &Sound, as_json: bool) -> Result<(), CliError> {
    let shape = store::made(file, sound);
    print_either(as_json, || store::made_text(&shape), || json::any(&shape))
}

pub(crate) fn backups(directory: &Path, all: &[Inspected], as_json: bool) -> Result<(), CliError> {
    let shape = store::backups(directory, all);
    print_either(as_json, || store::backups_text(&shape), || json::any(&shape))
}

pub(crate) fn migrated(
    path: &Path,
    had: &[String],
    applied: &[String],
    as_json: bool,
) -> Result<(), CliError> {
    let shape = store::migrated(path, had, applied);
    print_either(as_json, || store::migrated_text(&shape), || json::any(&shape))
}

pub(crate) fn restore(of: &Comparison, as_json: bool) -> Result<(), CliError> {
    print_either(as_json, || store::comparison_text(of), || store::comparison_json(of))
}

pub(crate) fn simulated(of: &Simulated<'_>, as_json: bool) -> Result<(), CliError> {
    print_either(as_json, || simulate::human(of, width()), || json::any(&simulate::shape(of)))
}

/// The run as an SVG file's text.
pub(crate) fn picture(of: &Simulated<'_>) -> String {
    simulate::picture(of)
}

/// The modelled machines that come with the program.
pub(crate) fn machines() {
    print(simulate::machines().trim_end());
}

/// Columns of the terminal, or a width that fits most places.
fn width() -> usize {
    const USUAL: usize = 100;
    terminal_size::terminal_size_of(std::io::stdout())
        .map_or(USUAL, |(terminal_size::Width(columns), _)| usize::from(columns))
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
