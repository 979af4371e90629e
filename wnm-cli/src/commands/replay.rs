//! `wnm replay`: recorded cycles decided again, by the same settings or by others.

use wnm_core::host::{CycleQuery, Intents};
use wnm_core::model::Timestamp;
use wnm_core::policy::{Drafts, Policy, PolicyDraft, Setting};
use wnm_core::replay::Replay;

use super::Context;
use super::when::when;
use crate::args::ReplayArgs;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, args: &ReplayArgs) -> Result<Exit, CliError> {
    let query = CycleQuery {
        since: point("--since", args.since.as_deref())?,
        until: point("--until", args.until.as_deref())?,
        limit: None,
    };
    let changes = changes(&args.changes)?;
    let (store, ledger) = open(&context.paths, Access::Read)?;
    let cycles = store.cycles(&query)?;
    if cycles.is_empty() {
        return Err(nothing_to_replay(&query));
    }
    let cpus = store.last_seen()?.map_or(1, |last| last.snapshot.machine.cpus);
    // What does not even fit to the settings of today is a slip.
    let today = Drafts { stored: ledger.draft, overrides: PolicyDraft::default() };
    let today = today.changed(&changes);
    Policy::parse(&today.stored, &today.overrides, cpus)?;
    let mut replay = Replay::new(changes.clone());
    // One after the other: all of them together may be thousands of times a large machine.
    for summary in &cycles {
        match store.recorded(summary.cycle)? {
            Some(recorded) => replay.judge(summary.cycle, &recorded),
            None => replay.skip(),
        }
    }
    let report = replay.finish();
    output::replay(&changes, &report, args.limit, context.json)?;
    Ok(match report.unsound {
        0 => Exit::Done,
        _ => Exit::Unsound,
    })
}

fn point(option: &str, text: Option<&str>) -> Result<Option<Timestamp>, CliError> {
    text.map(|text| when(option, text)).transpose()
}

/// All that is wrong with them at once.
fn changes(words: &[String]) -> Result<PolicyDraft, CliError> {
    let mut draft = PolicyDraft::default();
    let mut problems = Vec::new();
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            problems.push(format!("--set is `{word}`: give NAME=VALUE, such as node_cap=5"));
            continue;
        };
        match key.trim().parse::<Setting>() {
            Ok(setting) => draft = draft.with(setting, value),
            Err(error) => problems.push(error.to_string()),
        }
    }
    match problems.is_empty() {
        true => Ok(draft),
        false => Err(CliError { exit: Exit::Usage, problems, ..CliError::default() }),
    }
}

fn nothing_to_replay(query: &CycleQuery) -> CliError {
    match (query.since, query.until) {
        (None, None) => CliError::new(Exit::Failed, "there is nothing to replay: no cycle is kept")
            .hint("every `wnm run` keeps its cycle, for as long as keep_cycles says"),
        _ => {
            CliError::new(Exit::Failed, "there is nothing to replay: no cycle of that time is kept")
                .hint("`wnm db status` shows since when cycles are kept")
        }
    }
}
