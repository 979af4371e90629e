//! `wnm identity restore`: a node comes back with its key, and is in one place only.

use std::path::{Path, PathBuf};

use wnm_core::host::{Clock, Host};
use wnm_core::model::{NodeId, Request, RequestId, Verb};
use wnm_core::plan::PlanScope;
use wnm_core::run::preview;
use wnm_managers::{ArchivedKey, DiskFiles, HeldKey, Unseal, import_keys};

use super::super::{Context, nodes};
use super::supposing::Supposing;
use super::{files as outside, files_among, secret};
use crate::args::{RestoreArgs, UnsealArgs};
use crate::compose::{Access, Adapters};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, args: &RestoreArgs) -> Result<Exit, CliError> {
    let access = if args.dry_run { Access::Read } else { Access::Write };
    let (adapters, ledger) = context.adapters(access)?;
    let files = files_among(context, &ledger);
    let number = args.node.as_deref().map(number).transpose()?;
    let held = find(context, &files, args)?;
    let moved = refuse_elsewhere(&files, &held, args.back)?;
    let verb = |key| Verb::Restore { key: Box::new(key), number, storage: args.storage.clone() };
    if args.dry_run {
        return suppose(context, &adapters, verb(files.returning(&held)));
    }
    if moved.is_some() {
        files.mark_moved(&held, None)?;
    }
    let (key, _laid) = files.lay_ready(&held)?;
    let ended = nodes::carry_out(context, &adapters, &verb(key.clone()));
    // Queued, or cut off by a store that could not be written to, it goes on waiting; else it is in
    // its place by now, or waits for nothing. Where nobody can say, a later cycle sees to it.
    let is_awaited = super::awaited(&adapters).map_or(true, |files| files.contains(&key.file));
    if !is_awaited {
        files.take_away(&key)?;
    }
    let is_back = is_awaited || matches!(ended, Ok(Exit::Done | Exit::Busy));
    if let Some(to) = moved.filter(|_| !is_back) {
        files.mark_moved(&held, Some(&to))?;
    }
    ended
}

fn number(text: &str) -> Result<NodeId, CliError> {
    text.parse().map_err(|error: wnm_core::model::BadNodeId| CliError::usage(error.to_string()))
}

/// P4: refused while anything has the key, or another machine may have it. Answers where it had moved.
fn refuse_elsewhere(
    files: &DiskFiles,
    held: &HeldKey,
    back: bool,
) -> Result<Option<String>, CliError> {
    if let Some(user) = files.user_of(held)? {
        let problem = format!("{user} has that key: one identity never runs in two places");
        return Err(CliError::new(Exit::Refused, problem).hint("nothing was done"));
    }
    let moved = files.moved(held)?;
    match &moved {
        Some(to) if !back => {
            let problem = format!("that key has moved to another machine with {to}");
            Err(CliError::new(Exit::Refused, problem)
                .hint("if it runs nowhere else, and never will, say --back"))
        }
        _ => Ok(moved),
    }
}

fn find(context: &Context<'_>, files: &DiskFiles, args: &RestoreArgs) -> Result<HeldKey, CliError> {
    let path = PathBuf::from(&args.source);
    if !args.source.contains('/') && !outside::is_there(&path) {
        let name = archived(files, &args.source)?;
        return take(files, &context.paths.identities.join(name), &args.unseal);
    }
    let is_of_archive = path.extension().is_some_and(|kind| kind == "key" || kind == "age")
        && outside::is_there(&path.with_extension("json"));
    if is_of_archive {
        return take(files, &path, &args.unseal);
    }
    let bytes = outside::read(&path)?;
    let open = |with: &Unseal| import_keys(&bytes, &args.source, with);
    let keys = with_unseal(&args.unseal, open)?;
    one_of(keys, args)
}

fn take(files: &DiskFiles, path: &Path, with: &UnsealArgs) -> Result<HeldKey, CliError> {
    with_unseal(with, |with| files.take_out(path, with))
}

/// Opens with what was given; a terminal is asked for what was not.
fn with_unseal<T>(
    args: &UnsealArgs,
    open: impl Fn(&Unseal) -> wnm_core::host::HostResult<T>,
) -> Result<T, CliError> {
    let given = secret::unseal(args, false)?;
    let refused = |error: wnm_core::host::HostError| CliError::new(Exit::Refused, error.chain());
    match open(&given) {
        Err(error)
            if error.chain().contains("with a passphrase")
                && matches!(given, Unseal::None)
                && secret::is_somebody_there() =>
        {
            open(&secret::unseal(args, true)?).map_err(refused)
        }
        opened => opened.map_err(refused),
    }
}

/// The file of the archive that is called so, or is the only one of the node that is.
fn archived(files: &DiskFiles, name: &str) -> Result<String, CliError> {
    let every = files.archived()?;
    let stem = |key: &ArchivedKey| key.file.rsplit_once('.').map(|(stem, _)| stem.to_owned());
    if let Some(exact) =
        every.iter().find(|key| key.file == name || stem(key).as_deref() == Some(name))
    {
        return Ok(exact.file.clone());
    }
    let id: Option<NodeId> = name.parse().ok();
    let is_meant =
        |key: &&ArchivedKey| id.is_some() && key.spec.as_ref().ok().map(|spec| spec.id) == id;
    let of_node: Vec<&ArchivedKey> = every.iter().filter(is_meant).collect();
    match of_node[..] {
        [only] => Ok(only.file.clone()),
        [] => {
            Err(CliError::usage(format!("there is no `{name}` in the archive, and no such file"))
                .hint("`wnm identity list` shows the keys there are"))
        }
        // A node that was brought back once has its key in the archive under either record.
        [first, ref others @ ..]
            if first.fingerprint.is_some()
                && others.iter().all(|other| other.fingerprint == first.fingerprint) =>
        {
            Ok(others.last().unwrap_or(&first).file.clone())
        }
        ref several => {
            let names: Vec<&str> = several.iter().map(|key| key.file.as_str()).collect();
            Err(CliError::usage(format!("several keys are of {name}: {}", names.join(", ")))
                .hint("name one of them"))
        }
    }
}

fn one_of(mut keys: Vec<HeldKey>, args: &RestoreArgs) -> Result<HeldKey, CliError> {
    if let Some(word) = &args.key {
        let id = number(word)?;
        keys.retain(|held| held.story.spec.id == id);
    }
    if keys.len() == 1 {
        return Ok(keys.remove(0));
    }
    let names: Vec<String> = keys.iter().map(|held| held.story.spec.id.to_string()).collect();
    let problem = match keys.is_empty() {
        true => format!("{} holds no such key", args.source),
        false => format!("{} holds several keys: {}", args.source, names.join(", ")),
    };
    Err(CliError::usage(problem).hint("name one with --key NODE"))
}

/// The same cycle with nothing stored and nothing done.
fn suppose(context: &Context<'_>, adapters: &Adapters, verb: Verb) -> Result<Exit, CliError> {
    let now = adapters.clock.now()?;
    let request = Request { id: RequestId(0), verb, made: now.wall, made_at: now.instant };
    let store = Supposing { store: &adapters.store, request };
    let host = Host { store: &store, ..adapters.host() };
    let ledger = super::super::reload(adapters)?;
    let options = context.options(&ledger, PlanScope::RequestsOnly);
    let (snapshot, policy, plan) = preview(&host, &options)?;
    output::plan(&snapshot, &policy, &plan, context.json)?;
    let asked = plan.report.requests.iter().find(|it| it.request == RequestId(0));
    let refused: Vec<&String> = asked.iter().flat_map(|it| &it.why).collect();
    refused.iter().for_each(|why| output::say(&format!("refused: {why}")));
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Refused })
}
