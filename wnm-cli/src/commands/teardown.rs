//! `wnm teardown`: every node at once, then everything of wnm but the archive of identities.
#![expect(clippy::disallowed_methods, reason = "the shell module that takes wnm itself away")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wnm_core::model::{NodeRecord, Scope, Verb, Want, counted};
use wnm_core::observe::Ledger;
use wnm_core::policy::Setting;
use wnm_store::{Backups, SqliteStore};

use super::{Context, nodes, schedule};
use crate::args::TeardownArgs;
use crate::compose::{self, Access};
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt;
use crate::output;

pub(super) fn run(context: &Context<'_>, args: &TeardownArgs) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let disabled = disabled(&ledger);
    if !args.confirm {
        let problem = format!(
            "teardown removes everything, {} and every setting: it needs --confirm",
            counted(ledger.nodes.len() as u32, "node")
        );
        let error = CliError::new(Exit::Refused, problem);
        let hint = format!("disabled nodes go as well: {disabled}");
        let error = if disabled.is_empty() { error } else { error.hint(hint) };
        return Err(error.hint("nothing was done"));
    }
    if !disabled.is_empty() {
        output::say(&format!("disabled nodes go as well: {disabled}"));
    }
    let every = ledger.nodes.iter().map(NodeRecord::key).collect();
    let stop = interrupt::listen();
    let exit = nodes::carry_out(context, &adapters, &Verb::Teardown { nodes: every })?;
    if exit != Exit::Done {
        output::say("not everything could be removed: the store stays; run teardown again");
        return Ok(exit);
    }
    if stop.is_asked() {
        output::say("interrupted: the store stays; run teardown again");
        return Ok(Exit::Partly);
    }
    let _lock = context.lock(context.patience)?;
    super::require_in_place(&adapters)?;
    let after = super::reload(&adapters)?;
    if !after.nodes.is_empty() {
        let problem = format!("{} nodes were added meanwhile: the store stays", after.nodes.len());
        return Err(CliError::new(Exit::Refused, problem).hint("run teardown again"));
    }
    let roots = shell_words::split(after.draft.text(Setting::NodeStorage)).unwrap_or_default();
    let logs = shell_words::split(after.draft.text(Setting::LogStorage)).unwrap_or_default();
    drop(adapters);
    let files = compose::files(&context.paths);
    // Nodes may have lain in places that the settings no longer name.
    let former = ledger.nodes.iter().map(|record| record.spec.storage.clone());
    let roots: BTreeSet<PathBuf> = roots.into_iter().map(PathBuf::from).chain(former).collect();
    // Containers may have roots of their own below others.
    for root in roots.into_iter().rev() {
        files.release_root(&root)?;
    }
    logs.iter().for_each(|log| files.remove_if_empty(Path::new(log)));
    Backups::of(&context.paths.store).discard()?;
    SqliteStore::discard(&context.paths.store)?;
    remove_if_there(&context.paths.lock)?;
    remove_copies(&context.paths.antctl_copies())?;
    if args.no_archive {
        remove_archive(&context.paths.identities)?;
    }
    remove_if_empty(&context.paths.identities);
    compose::binary_store(&context.paths).discard().map_err(super::binary::failed)?;
    if context.paths.scope == Scope::System {
        compose::root_hands(&context.paths).clear_desk();
    }
    files.remove_if_empty(&context.paths.base);
    if context.paths.identities.try_exists().unwrap_or(false) {
        output::say(&format!("identities are kept in {}", context.paths.identities.display()));
    }
    if context.paths.scope == Scope::System {
        output::say(&format!("the user `{}` stays", compose::NODE_USER));
    }
    let left = schedule::left(context)?;
    output::say(match left.is_empty() {
        true => "everything else of wnm is gone",
        false => "everything else of wnm is gone, but for what runs cycles by itself",
    });
    left.iter().for_each(|note| output::say(note));
    Ok(Exit::Done)
}

/// A teardown names every node, so those that are left alone otherwise are meant as well.
fn disabled(ledger: &Ledger) -> String {
    let names = ledger.nodes.iter().filter(|record| record.want == Want::Disabled);
    names.map(|record| record.spec.id.to_string()).collect::<Vec<_>>().join(", ")
}

fn remove_if_there(path: &Path) -> Result<(), CliError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(CliError::new(
            Exit::Failed,
            format!("failed to delete {}: {error}", path.display()),
        )),
    }
}

/// Our copies of antctl's registry, of which nothing is left either.
fn remove_copies(copies: &Path) -> Result<(), CliError> {
    for name in ["node_registry.before.json", "node_registry.last.json"] {
        remove_if_there(&copies.join(name))?;
    }
    remove_if_empty(copies);
    Ok(())
}

/// A directory with anything in it is somebody's, and stays.
fn remove_if_empty(path: &Path) {
    let _ = fs::remove_dir(path);
}

/// Keys and their descriptions only; anything else in the archive was put there by somebody.
fn remove_archive(identities: &Path) -> Result<(), CliError> {
    let Ok(entries) = fs::read_dir(identities) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        let ours =
            path.extension().is_some_and(|kind| kind == "key" || kind == "age" || kind == "json");
        if ours {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}
