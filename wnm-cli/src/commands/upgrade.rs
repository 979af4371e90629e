//! `wnm upgrade`: other versions by name, and the operator's word on what wnm does by itself.

use wnm_core::host::{Clock, Intents, LastSeen};
use wnm_core::model::{Program, Timestamp, Verb, Version};
use wnm_core::observe::Ledger;
use wnm_core::policy::{PolicyDraft, Setting};

use super::{Context, nodes};
use crate::args::{UpgradeArgs, Which};
use crate::compose::{Access, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, UpgradeStatus};

pub(super) fn run(context: &Context<'_>, args: &UpgradeArgs) -> Result<Exit, CliError> {
    if args.status {
        return status(context);
    }
    if let Some(text) = &args.unquarantine {
        return unquarantine(context, &version(text)?);
    }
    if args.pause || args.resume {
        return pause(context, args.pause);
    }
    if args.nodes.is_empty() && args.count.is_none() && !args.all {
        return Err(CliError::usage("which nodes? Name them, or say --all".to_owned())
            .hint("`wnm upgrade --status` shows where upgrades stand"));
    }
    let to = args.how.to.as_deref().map(version).transpose()?;
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let which = Which { nodes: args.nodes.clone(), count: args.count, all: args.all };
    let nodes = nodes::to_upgrade(&which, &ledger, &adapters)?;
    let allow_downgrade = args.how.allow_downgrade;
    nodes::carry_out(context, &adapters, &Verb::Upgrade { nodes, to, allow_downgrade })
}

fn version(text: &str) -> Result<Version, CliError> {
    text.parse().map_err(|error: wnm_core::model::BadVersion| CliError::usage(error.to_string()))
}

fn status(context: &Context<'_>) -> Result<Exit, CliError> {
    let (store, ledger) = open(&context.paths, Access::Read)?;
    let last: Option<LastSeen> = store.last_seen()?;
    let in_force = ledger.draft.under(&context.layers.overrides(&ledger.draft));
    let mode = in_force.text(Setting::UpgradeMode).parse().unwrap_or_default();
    let status = UpgradeStatus::of(program(&in_force), mode, &ledger, last.as_ref());
    output::upgrades(&status, context.json)?;
    Ok(Exit::Done)
}

/// What is stored was checked when it was stored.
fn program(draft: &PolicyDraft) -> Program {
    draft.text(Setting::Program).parse().unwrap_or(Program::AntNode)
}

fn pause(context: &Context<'_>, pause: bool) -> Result<Exit, CliError> {
    let (adapters, ledger) = context.adapters(Access::Write)?;
    let now: Timestamp = adapters.clock.now()?.wall;
    let changed = adapters.intents().pause_upgrades(pause.then_some(now))?;
    output::say(match (pause, changed) {
        (true, true) => "upgrades are paused; what was begun is still judged",
        (true, false) => "upgrades were paused already",
        (false, true) => "upgrades go on with the next cycle",
        (false, false) => "upgrades were not paused",
    });
    note_who_upgrades(&ledger);
    Ok(Exit::Done)
}

/// Pausing does nothing to programs that replace themselves, and nobody should believe it did.
fn note_who_upgrades(ledger: &Ledger) {
    let program = program(&ledger.draft);
    let mode: wnm_core::model::UpgradeMode =
        ledger.draft.text(Setting::UpgradeMode).parse().unwrap_or_default();
    if mode.of(program) == wnm_core::model::UpgradeMode::Itself {
        output::say(&format!(
            "note: upgrade_mode is {mode}: {program} upgrades itself, and cannot be told not to"
        ));
    }
}

fn unquarantine(context: &Context<'_>, version: &Version) -> Result<Exit, CliError> {
    let (adapters, ledger): (_, Ledger) = context.adapters(Access::Write)?;
    let program = program(&ledger.draft);
    if adapters.intents().unquarantine(program, version)? {
        output::say(&format!("{program} {version} is trusted again"));
        return Ok(Exit::Done);
    }
    let failed = ledger.holds.quarantined.iter().map(|it| format!("{} {}", it.program, it.version));
    let failed: Vec<String> = failed.collect();
    let hint = match failed.is_empty() {
        true => "no version is".to_owned(),
        false => format!("these are: {}", failed.join(", ")),
    };
    Err(CliError::usage(format!("{program} {version} is not quarantined")).hint(hint))
}
