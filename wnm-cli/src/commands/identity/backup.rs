//! `wnm identity backup`: keys into one file for another place.

use std::collections::BTreeSet;

use wnm_core::host::{Clock, HostError};
use wnm_core::model::{counted, parse_node_list};
use wnm_core::observe::Ledger;
use wnm_managers::{DiskFiles, HeldKey, Seal, Unseal, export_keys};
use wnm_metrics::SystemClock;

use super::super::Context;
use super::{files as outside, files_among, secret};
use crate::args::BackupArgs;
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, args: &BackupArgs) -> Result<Exit, CliError> {
    let (_, ledger) = open(&context.paths, Access::Read)?;
    let files = files_among(context, &ledger);
    let how = secret::seal(&args.seal)?;
    let (keys, problems) = match args.all {
        true => every(context, &files, &ledger)?,
        false => of_nodes(&files, &ledger, &args.nodes)?,
    };
    problems.iter().for_each(|problem| output::say(problem));
    if keys.is_empty() {
        output::say("there is no key to write");
        return Ok(if problems.is_empty() { Exit::Done } else { Exit::Failed });
    }
    let file = outside::named(&args.to, &how, SystemClock.now()?.wall);
    outside::write_new(&file, &export_keys(&keys, &how)?)?;
    output::say(&format!("{} in {}", counted(keys.len() as u32, "key"), file.display()));
    if matches!(how, Seal::None) {
        output::say("IT IS NOT SEALED: whoever reads it has the keys; see --recipient");
    }
    Ok(Exit::of_counts(keys.len(), problems.len()))
}

type Found = (Vec<HeldKey>, Vec<String>);

fn of_nodes(files: &DiskFiles, ledger: &Ledger, words: &[String]) -> Result<Found, CliError> {
    let ids = parse_node_list(words).map_err(|error| CliError::usage(error.to_string()))?;
    let mut keys = Vec::new();
    for id in ids {
        let record = ledger.node(id).ok_or_else(|| {
            CliError::usage(format!("there is no {id}; nothing was written")).hint(
                "the keys of nodes that are gone are in the archive: --all, `wnm identity list`",
            )
        })?;
        match files.key_of(&record.spec)? {
            Some(held) => keys.push(held),
            None => {
                let problem = format!("{id} has no key yet; nothing was written");
                return Err(CliError::new(Exit::Refused, problem));
            }
        }
    }
    Ok((keys, Vec::new()))
}

/// Each key once, however often it lies somewhere. What cannot be read hides none of the others.
fn every(context: &Context<'_>, files: &DiskFiles, ledger: &Ledger) -> Result<Found, CliError> {
    let (mut keys, mut problems) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    let mut keep = |name: &str, found: Result<Option<HeldKey>, HostError>| match found {
        Ok(Some(held)) if seen.insert(held.fingerprint()) => keys.push(held),
        Ok(_) => {}
        Err(error) => problems.push(format!("{name}: left out: {}", error.chain())),
    };
    for record in &ledger.nodes {
        keep(&record.spec.id.to_string(), files.key_of(&record.spec));
    }
    for key in files.archived()? {
        let path = context.paths.identities.join(&key.file);
        if !key.sealed {
            keep(&key.file, files.take_out(&path, &Unseal::None).map(Some));
        }
    }
    let sealed = files.archived()?.iter().filter(|key| key.sealed).count();
    if sealed > 0 {
        output::say(&format!(
            "{} sealed in the archive: copy {} as it is",
            if sealed == 1 { "one key is".to_owned() } else { format!("{sealed} keys are") },
            context.paths.identities.display()
        ));
    }
    Ok((keys, problems))
}
