//! `wnm identity prune`: archived keys of nodes that were removed long ago. Nothing else ever deletes
//! a key.

use std::time::Duration;

use wnm_core::action::Action;
use wnm_core::host::{Clock, HistoryQuery};
use wnm_core::model::{RecordId, Timestamp, counted};
use wnm_core::observe::OpRecord;
use wnm_core::policy::parse_duration;
use wnm_managers::{ArchivedKey, Unseal};
use wnm_metrics::SystemClock;

use super::super::Context;
use super::files_among;
use crate::args::PruneArgs;
use crate::compose::Access;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

/// No key goes earlier.
const LEAST: Duration = Duration::from_secs(30 * 24 * 3600);

pub(super) fn run(context: &Context<'_>, args: &PruneArgs) -> Result<Exit, CliError> {
    let age = parse_duration(&args.older_than).filter(|age| *age >= LEAST).ok_or_else(|| {
        CliError::usage(format!(
            "--older-than is `{}`: give a time of 30d or more",
            args.older_than
        ))
    })?;
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let _alone = context.lock(context.patience)?;
    let files = files_among(context, &ledger);
    let journal = adapters.intents().history(&HistoryQuery::default())?;
    let now = SystemClock.now()?.wall;
    let mut old = Vec::new();
    for key in files.archived()? {
        let recorded =
            key.record.is_none_or(|it| ledger.nodes.iter().any(|node| node.record == it));
        let gone = key.record.and_then(|record| removed(&journal, record));
        // What is not known to be removed so long ago stays.
        if !recorded && gone.is_some_and(|at| now.since(at) > age) && key.moved.is_none() {
            old.push(key);
        }
    }
    let path = |key: &ArchivedKey| context.paths.identities.join(&key.file);
    let mut deleted = 0;
    for key in &old {
        // A node that was brought back has the same key under another number. What is sealed cannot be
        // compared, and stays.
        let held = files.take_out(&path(key), &Unseal::None);
        let in_use = held.ok().map(|held| files.user_of(&held)).transpose()?;
        match in_use {
            Some(None) if args.confirm => {
                files.forget(&path(key))?;
                deleted += 1;
                output::say(&format!("{} is deleted", key.file));
            }
            Some(None) => output::say(&format!("{} would be deleted", key.file)),
            Some(Some(user)) => output::say(&format!("{} stays: {user} has it", key.file)),
            None => output::say(&format!("{} stays: it is sealed or bent", key.file)),
        }
    }
    match (args.confirm, old.is_empty()) {
        (_, true) => output::say("no key is of a node that was removed so long ago"),
        (true, false) => output::say(&format!("{} deleted", counted(deleted, "key"))),
        (false, false) => output::say("nothing was deleted: --confirm does it, for ever"),
    }
    Ok(Exit::Done)
}

/// When the node of this record was removed, as the journal has it.
fn removed(journal: &[OpRecord], record: RecordId) -> Option<Timestamp> {
    let done = |line: &&OpRecord| {
        let is_removal = matches!(line.planned.action, Action::Remove { .. });
        let is_done = line.outcome.as_ref().is_some_and(|outcome| outcome.is_done());
        line.node.record == record && is_removal && is_done
    };
    journal.iter().filter(done).filter_map(|line| line.ended).next_back()
}
