//! `wnm identity move`: a node goes to another disk, or its key to another machine, which is told here.
//!
//! Stopped for good first; then its key goes into the file; then this machine writes down that the key
//! is elsewhere, so that it neither starts the node nor brings it back; then the node is removed.
//! Whatever is cut short is gone on with by the same command.

use std::path::Path;

use wnm_core::model::{NodeRecord, Verb, Want};
use wnm_core::observe::Ledger;
use wnm_managers::{DiskFiles, HeldKey, Seal, export_keys};

use super::super::{Context, nodes, reload};
use super::{files as outside, files_among, secret};
use crate::args::MoveArgs;
use crate::compose::Access;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, args: &MoveArgs) -> Result<Exit, CliError> {
    match (&args.export, &args.to) {
        (Some(export), _) => to_machine(context, args, export),
        (None, Some(root)) => to_disk(context, &args.node, root),
        (None, None) => Err(CliError::usage("say where to: --to DIR or --export FILE")),
    }
}

/// Its own action: whatever is cut short, the next cycle finishes it or starts the node where it was.
fn to_disk(context: &Context<'_>, node: &str, root: &Path) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let record = named(&ledger, node)?;
    let verb = Verb::Move { nodes: vec![record.key()], storage: root.to_owned() };
    nodes::carry_out(context, &adapters, &verb)
}

fn to_machine(context: &Context<'_>, args: &MoveArgs, export: &Path) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let files = files_among(context, &ledger);
    let record = named(&ledger, &args.node)?;
    let (node, id) = (record.key(), record.spec.id);
    let how = secret::seal(&args.seal)?;
    let held = key_of(&files, record)?;
    let file = export.display().to_string();
    let is_exported = files.moved(&held)?.as_deref() == Some(file.as_str());
    if outside::is_there(export) && !is_exported {
        let problem = format!("{file} is there already; nothing was done");
        return Err(CliError::new(Exit::Refused, problem).hint("name another file"));
    }
    let stopped = nodes::carry_out(context, &adapters, &Verb::Stop { nodes: vec![node] })?;
    if stopped != Exit::Done {
        return Ok(stopped);
    }
    let now = reload(&adapters)?;
    let is_still = |it: &NodeRecord| it.record == node.record && it.want == Want::StoppedByOperator;
    if !now.nodes.iter().any(is_still) {
        let problem = format!("{id} is not stopped for good; its key stays here");
        return Err(CliError::new(Exit::Failed, problem));
    }
    // Its last start may have made another key.
    if key_of(&files, record)? != held {
        let problem = format!("{id} has another key than a moment ago; its key stays here");
        return Err(CliError::new(Exit::Refused, problem).hint("it is stopped; say it again"));
    }
    if !outside::is_there(export) {
        outside::write_new(export, &export_keys(std::slice::from_ref(&held), &how)?)?;
    }
    files.mark_moved(&held, Some(&file))?;
    let removed = nodes::carry_out(context, &adapters, &Verb::Remove { nodes: vec![node] })?;
    output::say(&format!(
        "the key of {id} is in {file}: `wnm identity restore` on the other machine"
    ));
    if matches!(how, Seal::None) && !is_exported {
        output::say("IT IS NOT SEALED: whoever reads it has the key; see --recipient");
    }
    if removed != Exit::Done {
        output::say("it is stopped and will not start here any more; say it again to remove it");
    }
    Ok(removed)
}

fn named<'l>(ledger: &'l Ledger, word: &str) -> Result<&'l NodeRecord, CliError> {
    let id = word
        .parse()
        .map_err(|error: wnm_core::model::BadNodeId| CliError::usage(error.to_string()))?;
    ledger.node(id).ok_or_else(|| {
        CliError::usage(format!("there is no {id}; nothing was done"))
            .hint("`wnm status` shows the nodes there are")
    })
}

fn key_of(files: &DiskFiles, record: &NodeRecord) -> Result<HeldKey, CliError> {
    files.key_of(&record.spec)?.ok_or_else(|| {
        let problem = format!("{} has no key that could move; nothing was done", record.spec.id);
        CliError::new(Exit::Refused, problem)
    })
}
