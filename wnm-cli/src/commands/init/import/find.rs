//! Where nodes of others are looked for, and what they have to fit into.
#![expect(clippy::disallowed_methods, reason = "the shell module that looks where nodes may lie")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use wnm_core::import::{Around, Findings, Origin, Root};
use wnm_core::model::{Manager, ManagerKind, NodeId, Scope, node_of_directory};
use wnm_core::observe::FaultKind;
use wnm_core::policy::{PolicyDraft, Setting};
use wnm_managers::{AnmPlaces, InContainers, SystemRunner, plain_processes};

use super::former;
use crate::args::ImportArgs;
use crate::commands::init::draft;
use crate::commands::{Context, schedule};
use crate::compose::{self, NODE_USER};
use crate::error::CliError;

/// What the readers say that were asked for.
pub(super) fn find(context: &Context<'_>, args: &ImportArgs) -> Result<Findings, CliError> {
    let home = context.environment.get("HOME");
    let anm = AnmPlaces::usual(home);
    if args.migrate_anm {
        if context.paths.scope != Scope::System {
            let hint = "choose --scope system, as root or with sudo";
            return Err(CliError::usage("anm's nodes belong to the machine").hint(hint));
        }
        return Ok(anm.read(&compose::foreign_units(&context.paths))?);
    }
    if let Some(file) = &args.from_python_db {
        return former::of_python(context, file);
    }
    if args.from_antctl {
        return former::of_antctl(context);
    }
    if context.paths.scope == Scope::System && anm.is_active() {
        let problem = format!("anm is at work here, by {}", anm.cron.display());
        let hint = "--migrate-anm takes its nodes over and turns it off";
        return Err(CliError::usage(problem).hint(hint));
    }
    let units = compose::foreign_units(&context.paths).read(Origin::Unit, &|_| true)?;
    let draft = draft(context, &context.layers.merged())?;
    let InContainers { findings, mut pids } = in_containers(context, &draft)?;
    let found = units.and(findings);
    if context.paths.scope == Scope::System {
        return Ok(found);
    }
    let daemon = compose::ant_daemon(&context.paths).read()?;
    pids.extend(daemon.pids);
    let uid = nix::unistd::geteuid().as_raw();
    let plain = plain_processes(&SystemRunner, uid, &storage(&draft), &pids)?;
    Ok(found.and(daemon.findings).and(plain))
}

/// Containers are looked at wherever they can be; who asks for them by name is told why not.
fn in_containers(context: &Context<'_>, draft: &PolicyDraft) -> Result<InContainers, CliError> {
    let command = draft.text(Setting::DockerCommand);
    let manager = draft.text(Setting::Manager).parse();
    let is_asked = manager.is_ok_and(|manager: Manager| manager.kind == ManagerKind::Docker);
    let found = compose::containers(&context.paths, draft).read();
    match found {
        Err(error) if is_asked => Err(error.into()),
        Err(error) if error.kind == FaultKind::NotFound => Ok(InContainers::default()),
        Err(error) if error.kind == FaultKind::Garbled => Err(error.into()),
        Err(error) => {
            let mut found = InContainers::default();
            let note = format!(
                "`{command}` did not answer, so nodes in containers are not among these: {}",
                error.chain()
            );
            found.findings.notes.push(note);
            Ok(found)
        }
        found => Ok(found?),
    }
}

pub(super) fn around(
    context: &Context<'_>,
    settings: &PolicyDraft,
    args: &ImportArgs,
    findings: &Findings,
) -> Around {
    let paths = &context.paths;
    let roots: Vec<Root> = storage(settings).iter().map(|path| root(path)).collect();
    let home = context.environment.get("HOME").map(PathBuf::from);
    let own = [&paths.base, &paths.identities, &paths.logs, &paths.nodes, &paths.units];
    let own = own.into_iter().cloned().chain(home).chain(roots.iter().map(|it| it.path.clone()));
    Around {
        scope: paths.scope,
        user: match paths.scope {
            Scope::User => schedule::user_name(),
            Scope::System => NODE_USER.to_owned(),
        },
        logs: settings.text(Setting::LogStorage).into(),
        own: own.collect(),
        numbers: numbers(&roots, findings),
        ports: BTreeMap::new(),
        kept: BTreeSet::new(),
        except: args.except.iter().cloned().collect(),
        roots,
    }
}

/// The storage roots; words that make no sense are told of by who reads all settings.
pub(super) fn storage(settings: &PolicyDraft) -> Vec<PathBuf> {
    let words = shell_words::split(settings.text(Setting::NodeStorage)).unwrap_or_default();
    words.into_iter().map(PathBuf::from).collect()
}

/// Directories of a node's name that no node was found for keep their numbers.
fn numbers(roots: &[Root], findings: &Findings) -> BTreeSet<NodeId> {
    let entries = roots.iter().filter_map(|root| fs::read_dir(&root.path).ok()).flatten().flatten();
    // A unit or a container that was left alone is in the way of one of ours as well.
    let is_named = |place: &str| place.ends_with(".service") || place.starts_with("container ");
    let units = findings.left.iter().filter(|left| is_named(&left.place));
    let units = units.filter_map(|left| left.name.parse().ok());
    let is_found = |path: &Path| findings.nodes.iter().any(|found| found.data == path);
    entries
        .filter(|entry| !is_found(&entry.path()))
        .filter_map(|entry| node_of_directory(entry.file_name().to_str()?))
        .chain(units)
        .collect()
}

fn root(path: &Path) -> Root {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    Root { path: path.to_owned(), real }
}
