//! `wnm db restore`: says what a backup and this machine do not agree about, then puts it back.

use std::path::{Path, PathBuf};

use wnm_core::host::Clock;
use wnm_core::model::NodeRecord;
use wnm_core::policy::{PolicyDraft, Setting};
use wnm_metrics::SystemClock;
use wnm_store::{Backups, Changed, Salvage, StoreErrorKind, inspect, restorable, salvage};

use super::judge::fate;
use super::look::Machine;
use crate::args::DbRestoreArgs;
use crate::commands::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Comparison, Differing, StoreState, Verdict};

pub(super) fn run(context: &Context<'_>, args: &DbRestoreArgs) -> Result<Exit, CliError> {
    let paths = &context.paths;
    paths.refuse_other_owner()?;
    let _lock = match args.dry_run {
        true => None,
        false => context.lock_beside_store()?,
    };
    let file = chosen(context, args)?;
    let state = state(&paths.store)?;
    let mut restoring = restorable(&file)?;
    let ledger = restoring.ledger()?;
    let mut lost = match state {
        StoreState::Missing => Salvage::default(),
        StoreState::Sound | StoreState::Damaged => salvage(&paths.store),
    };
    let machine = Machine::look(context, &ledger, &lost.nodes)?;
    lost.note("nodes", machine.highest_archived());
    let nodes: Vec<Verdict> = ledger.nodes.iter().map(|it| verdict(&machine, it)).collect();
    let records = |wanted: fn(&Verdict) -> bool| {
        nodes.iter().filter(|it| wanted(it)).map(|it| it.record).collect()
    };
    let changed = Changed {
        left_alone: records(|it| it.fate.is_left_alone()),
        forgotten: records(|it| it.fate == super::Fate::Removed),
        salvage: lost,
    };
    let now = SystemClock.now()?;
    restoring.settle(&changed, &now)?;
    let after = restoring.ledger()?;
    let mut comparison = Comparison {
        backup: file,
        version: restoring.version().to_owned(),
        store: paths.store.clone(),
        state,
        nodes,
        strangers: machine.strangers(&ledger.nodes),
        only_in_store: only_in_store(&changed.salvage, &ledger.nodes),
        settings: differing(
            changed.salvage.settings.as_ref().unwrap_or(&ledger.draft),
            &after.draft,
        ),
        dry_run: args.dry_run,
        aside: None,
    };
    if args.dry_run {
        output::restore(&comparison, context.json)?;
        return Ok(Exit::Done);
    }
    if state == StoreState::Sound && !args.confirm {
        if !context.json {
            output::restore(&Comparison { dry_run: true, ..comparison }, false)?;
        }
        let problem =
            format!("{} is sound: restoring forgets what happened since", paths.store.display());
        let error = CliError::new(Exit::Refused, problem);
        return Err(error.hint("if that is what you want, add --confirm").hint("nothing was done"));
    }
    let damaged = state == StoreState::Damaged;
    comparison.aside = restoring.put_in_place(&paths.store, damaged, now.wall)?.aside;
    output::restore(&comparison, context.json)?;
    Ok(Exit::Done)
}

fn chosen(context: &Context<'_>, args: &DbRestoreArgs) -> Result<PathBuf, CliError> {
    if let Some(file) = &args.file {
        return Ok(file.clone());
    }
    let backups = Backups::of(&context.paths.store);
    match backups.newest_sound()? {
        Some((backup, _)) => Ok(backup.file),
        None => {
            let place = backups.directory().display().to_string();
            let error = CliError::new(Exit::Failed, format!("there is no sound backup in {place}"));
            Err(error
                .hint(format!(
                    "`wnm --scope {} db backups` says what is there",
                    context.paths.scope
                ))
                .hint("a copy that you made yourself can be named: `wnm db restore FILE`"))
        }
    }
}

fn state(store: &Path) -> Result<StoreState, CliError> {
    match inspect(store) {
        Ok(_) => Ok(StoreState::Sound),
        Err(error) if error.kind == StoreErrorKind::Missing => Ok(StoreState::Missing),
        Err(error) if error.kind.is_damage() => Ok(StoreState::Damaged),
        Err(error) => Err(error.into()),
    }
}

fn verdict(machine: &Machine, record: &NodeRecord) -> Verdict {
    Verdict {
        node: record.spec.id,
        record: record.record,
        data: record.spec.data.clone(),
        processes: machine.pids(&record.spec.data),
        fate: fate(&machine.seen(record)),
    }
}

/// Nodes that the store knew, as far as it can be read, and the backup does not.
fn only_in_store(lost: &Salvage, backed_up: &[NodeRecord]) -> Vec<wnm_core::model::NodeKey> {
    let is_new = |record: &&NodeRecord| !backed_up.iter().any(|it| it.record == record.record);
    lost.nodes.iter().filter(is_new).map(NodeRecord::key).collect()
}

/// Settings that are not as the store had them; where that cannot be read, not as the backup has them.
fn differing(store: &PolicyDraft, after: &PolicyDraft) -> Vec<Differing> {
    let text = |draft: &PolicyDraft, setting: Setting| draft.values.get(&setting).cloned();
    let keys = store.values.keys().chain(after.values.keys());
    let keys: std::collections::BTreeSet<Setting> = keys.copied().collect();
    keys.into_iter()
        .map(|setting| Differing {
            setting: setting.key(),
            store: text(store, setting),
            restored: text(after, setting),
        })
        .filter(|it| it.store != it.restored)
        .collect()
}
