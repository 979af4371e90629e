//! At a terminal `init` asks for what it was not told, with proposals from the machine.

use std::path::Path;

use wnm_core::host::{Clock, MachineProbe};
use wnm_core::model::{Bytes, Manager, ManagerKind, Program, Scope};
use wnm_core::policy::{PolicyDraft, Setting};
use wnm_managers::{SystemRunner, UserManager, user_manager};
use wnm_metrics::{ProcProbe, SystemClock};

use crate::ask::{Interview, Offer, Root, StandardTerminal, interview, missing, questions};
use crate::commands::{Context, schedule};
use crate::error::CliError;
use crate::exit::Exit;

/// What was answered; nothing where nothing is missing, or nobody is there to ask.
pub(super) fn answers(
    context: &Context<'_>,
    given: &PolicyDraft,
    cpus: u32,
) -> Result<PolicyDraft, CliError> {
    let Some(mut terminal) = StandardTerminal::find() else { return Ok(PolicyDraft::default()) };
    // What is wrong with a word that was given is told by who reads all of them.
    let Ok(program) = given.text(Setting::Program).parse() else {
        return Ok(PolicyDraft::default());
    };
    let found = program_found(context, program, given);
    if missing(given, found.is_ok()).is_empty() {
        return Ok(PolicyDraft::default());
    }
    let offer = offer(context, cpus, found);
    match interview(&questions(given, &offer), given, cpus, &mut terminal) {
        Interview::Answered(answers) => Ok(answers),
        Interview::GivenUp => {
            Err(CliError::new(Exit::Usage, "not initialised").hint("nothing was written"))
        }
    }
}

fn program_found(
    context: &Context<'_>,
    program: Program,
    given: &PolicyDraft,
) -> Result<String, String> {
    let release = super::binary(context, program, given)?;
    Ok(release.path.display().to_string())
}

fn offer(context: &Context<'_>, cpus: u32, program: Result<String, String>) -> Offer {
    let place = context.paths.nodes.clone();
    let now = SystemClock.now().ok();
    // A place that is to be made lies on the file system of what is there.
    let probed = place.ancestors().find(|place| is_there(place)).map(Path::to_owned);
    let probed: Vec<_> = probed.into_iter().collect();
    let sample = now.and_then(|now| ProcProbe::default().sample(&probed, &now).ok());
    let free = sample
        .as_ref()
        .and_then(|sample| sample.file_systems.values().next())
        .map(|system| Bytes(system.space.free));
    Offer {
        cpus,
        memory: sample.and_then(|sample| sample.memory).map(|memory| memory.available),
        roots: vec![Root { path: place, free }],
        manager: Some(manager(context)),
        program,
        who: match context.paths.scope {
            Scope::User => format!("user {}", schedule::user_name()),
            Scope::System => "the whole machine (--scope user: without root)".to_owned(),
        },
    }
}

#[expect(clippy::disallowed_methods, reason = "which part of a path is there already")]
fn is_there(path: &Path) -> bool {
    std::fs::metadata(path).is_ok()
}

fn manager(context: &Context<'_>) -> Manager {
    let scope = context.paths.scope;
    let kind = match scope {
        Scope::System => ManagerKind::Systemd,
        Scope::User => {
            let name = schedule::user_name();
            match user_manager(&SystemRunner, &context.paths.runtime_dir, &name) {
                UserManager::Absent => ManagerKind::Setsid,
                // Without lingering init says how to turn it on.
                UserManager::Ready | UserManager::NotLingering => ManagerKind::Systemd,
            }
        }
    };
    Manager { kind, scope }
}
