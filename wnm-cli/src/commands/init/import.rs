//! `wnm init --import` and its kin: found, decided, shown, agreed to, and then taken over whole or not
//! at all.

mod carry_out;
mod find;
mod former;

use std::path::Path;
use std::time::Duration;

use wnm_core::host::Store;
use wnm_core::import::{Takeover, decide, implied};
use wnm_core::model::{ManagerKind, counted};
use wnm_core::policy::{Policy, PolicyDraft, Setting};
use wnm_managers::look_at_found;
use wnm_store::{SqliteStore, StoreErrorKind};

use crate::args::ImportArgs;
use crate::ask::{StandardTerminal, agrees};
use crate::commands::Context;
use crate::compose;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

use carry_out::{carry_out, undo};
use find::{around, find, storage};

pub(super) fn run(context: &Context<'_>, args: &ImportArgs) -> Result<Exit, CliError> {
    settle_earlier(context, args)?;
    refuse_second(context, args)?;
    let given = context.layers.merged();
    let findings = find(context, args)?;
    let settings = super::draft(context, &findings.settings.under(&given))?;
    let findings = look_at_found(&compose::mover(&context.paths), findings, &storage(&settings))?;
    let around = around(context, &settings, args, &findings);
    let mut takeover = decide(findings, &around).map_err(refused)?;
    let draft = with_program(context, whole_draft(context, &takeover, &given)?, &mut takeover);
    let (policy, release) = match takeover.nodes.is_empty() {
        true => return nothing(context, &takeover),
        false => checked(context, &draft, &takeover)?,
    };
    if args.dry_run {
        output::takeover(&takeover, &draft, None, context.json)?;
        return Ok(Exit::Done);
    }
    agree(context, args, &takeover, &draft)?;
    let backup = carry_out(context, args, &takeover, &draft, &policy)?;
    if context.json {
        output::takeover(&takeover, &draft, Some(&backup), true)?;
    } else {
        let nodes = counted(takeover.nodes.len() as u32, "node");
        output::say(&format!("took over {nodes}; what was replaced is in {}", backup.display()));
        output::initialised(&context.paths, &policy, &release);
    }
    Ok(Exit::Done)
}

/// A takeover in which wnm died is undone before anybody looks again: half of it may be ours.
fn settle_earlier(context: &Context<'_>, args: &ImportArgs) -> Result<(), CliError> {
    let mover = compose::mover(&context.paths);
    if !mover.is_unfinished() {
        return Ok(());
    }
    if args.dry_run {
        let hint = "the same without --dry-run and without --confirm puts everything back, and \
                    takes nothing over before you agree";
        return Err(CliError::new(Exit::Refused, "an import was interrupted").hint(hint));
    }
    context.paths.refuse_other_owner()?;
    let _alone = context.lock(Duration::ZERO)?;
    match mover.unfinished()? {
        Some(earlier) if earlier.is_done() => drop(earlier.finish()?),
        Some(earlier) => {
            undo(context, earlier)?;
            output::say("an import was interrupted before: everything is put back");
        }
        None => {}
    }
    Ok(())
}

/// Nodes are taken over once: the second time they are wnm's own.
fn refuse_second(context: &Context<'_>, args: &ImportArgs) -> Result<(), CliError> {
    let store = match SqliteStore::open_read_only(&context.paths.store) {
        Ok(store) => store,
        // The Python tool's own, which lies in the same place.
        Err(error) if error.kind == StoreErrorKind::Foreign && args.from_python_db.is_some() => {
            return Ok(());
        }
        Err(_) => return super::refuse_second_store(context),
    };
    let ledger = store.load()?;
    if compose::is_half_made(&ledger) {
        return Ok(());
    }
    let names: Vec<String> = ledger.nodes.iter().map(|node| node.spec.id.to_string()).collect();
    let kept = match names.len() {
        0 => "it keeps no nodes".to_owned(),
        _ => format!("these are kept by wnm: {}", names.join(", ")),
    };
    let problem = format!("already initialised: {}; {kept}", context.paths.store.display());
    let hint = "nothing was changed; nodes are taken over by `wnm init` only, before anything else";
    Err(CliError::usage(problem).hint(hint))
}

/// What is stored: what the nodes say, what the former manager said, and over both what was given.
fn whole_draft(
    context: &Context<'_>,
    takeover: &Takeover,
    given: &PolicyDraft,
) -> Result<PolicyDraft, CliError> {
    let told = implied(&takeover.nodes).under(&takeover.settings);
    let mut draft = super::draft(context, &told.under(given))?;
    let nodes = takeover.nodes.len();
    let cap = |draft: &PolicyDraft| draft.text(Setting::NodeCap).parse::<usize>().ok();
    if cap(given)
        .filter(|_| given.values.contains_key(&Setting::NodeCap))
        .is_some_and(|cap| cap < nodes)
    {
        let problem = format!(
            "node_cap is {}, and {nodes} nodes would be taken over: wnm would remove the others",
            given.text(Setting::NodeCap)
        );
        return Err(CliError::new(Exit::Refused, problem)
            .hint("give a higher --node-cap, or leave nodes out by --except"));
    }
    if cap(&draft).is_some_and(|cap| cap < nodes) {
        draft = draft.with(Setting::NodeCap, nodes.to_string());
    }
    Ok(draft)
}

/// Where there is no node program for new nodes and none was named, that of the nodes themselves:
/// rather one that several share than one that goes with its node.
fn with_program(context: &Context<'_>, draft: PolicyDraft, takeover: &mut Takeover) -> PolicyDraft {
    let program = draft.text(Setting::Program).parse();
    let (Ok(program), "") = (program, draft.text(Setting::NodeBinary)) else { return draft };
    if super::binary(context, program, &draft).is_ok() {
        return draft;
    }
    let on_disk = takeover.nodes.iter().filter(|node| {
        node.spec.program == program && (node.copy_from.is_none() || node.found.inside.is_none())
    });
    let Some(node) = on_disk.min_by_key(|node| node.copy_from.is_none()) else { return draft };
    let file = node.copy_from.as_ref().unwrap_or(&node.spec.binary).display().to_string();
    takeover.notes.push(match &node.copy_from {
        Some(_) => format!("new nodes get the program {file}, as there is none on PATH"),
        None => format!(
            "new nodes get the program {file}, as there is none on PATH; it goes with {}: name another \
             with `wnm config set node_binary FILE`",
            node.spec.id
        ),
    });
    draft.with(Setting::NodeBinary, file)
}

fn checked(
    context: &Context<'_>,
    draft: &PolicyDraft,
    takeover: &Takeover,
) -> Result<(Policy, wnm_core::model::Release), CliError> {
    let policy = Policy::parse(draft, &PolicyDraft::default(), super::cpus()?)
        .map_err(|errors| super::everything_wrong(context, draft, errors))?;
    super::refuse_other_scope(context, policy.nodes.manager)?;
    let roots = takeover.roots().into_iter().map(Path::to_owned);
    let expected = super::Expected {
        ports: takeover.nodes.iter().flat_map(|node| node.spec.ports.all()).collect(),
        mended: roots.chain([policy.nodes.logs.clone()]).collect(),
        containers: takeover.nodes.iter().any(|node| node.spec.manager.kind == ManagerKind::Docker),
    };
    let release = super::verify(context, &policy, draft, &expected)?;
    Ok((policy, release))
}

fn refused(problems: Vec<String>) -> CliError {
    CliError { exit: Exit::Refused, problems, ..CliError::default() }.hint("nothing was changed")
}

fn nothing(context: &Context<'_>, takeover: &Takeover) -> Result<Exit, CliError> {
    output::takeover(takeover, &PolicyDraft::default(), None, context.json)?;
    let error = CliError::new(Exit::Refused, "there is no node here to take over");
    Err(error.hint("nothing was changed; without an import `wnm init` begins with no nodes"))
}

/// Somebody must want it who has seen it.
fn agree(
    context: &Context<'_>,
    args: &ImportArgs,
    takeover: &Takeover,
    draft: &PolicyDraft,
) -> Result<(), CliError> {
    if !context.json || !args.confirm {
        output::takeover(takeover, draft, None, context.json)?;
    }
    if args.confirm {
        return Ok(());
    }
    let Some(mut terminal) = StandardTerminal::find() else {
        let error = CliError::new(Exit::Refused, "taking nodes over needs --confirm");
        return Err(error.hint("nothing was changed"));
    };
    match agrees(&mut terminal, "Take these over? [y/N] ", false) {
        true => Ok(()),
        false => {
            Err(CliError::new(Exit::Refused, "nothing was taken over").hint("nothing was changed"))
        }
    }
}
