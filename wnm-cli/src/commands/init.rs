//! `wnm init`: everything is verified before anything is written.
#![expect(clippy::disallowed_methods, reason = "the shell module that makes the base directory")]

mod antctl;
mod import;
mod questions;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wnm_core::host::{Intents, MachineProbe, Store};
use wnm_core::model::{Manager, ManagerKind, NodeId, Program, Release, Scope};
use wnm_core::plan::PlanScope;
use wnm_core::policy::{Policy, PolicyDraft, Setting};
use wnm_core::run::{CycleOptions, cycle};
use wnm_managers::{
    SystemRunner, UserManager, docker_antctl_problems, docker_problems, user_manager,
};
use wnm_metrics::{ProcProbe, SystemClock};
use wnm_store::{Backups, SqliteStore, StoreErrorKind};

use super::{Context, system};
use crate::args::ImportArgs;
use crate::compose::{self, Adapters, firewall_problem};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(context: &Context<'_>, taking: &ImportArgs) -> Result<Exit, CliError> {
    if taking.is_asked() {
        return import::run(context, taking);
    }
    refuse_second_store(context)?;
    let cpus = cpus()?;
    let given = context.layers.merged();
    let answers = questions::answers(context, &given, cpus)?;
    let draft = draft(context, &given.under(&answers))?;
    let policy = Policy::parse(&draft, &PolicyDraft::default(), cpus)
        .map_err(|errors| everything_wrong(context, &draft, errors))?;
    refuse_other_scope(context, policy.nodes.manager)?;
    let release = verify(context, &policy, &draft, &Expected::default())?;
    create(context, &draft, &policy)?;
    output::initialised(&context.paths, &policy, &release);
    Ok(Exit::Done)
}

fn refuse_second_store(context: &Context<'_>) -> Result<(), CliError> {
    match SqliteStore::open_read_only(&context.paths.store) {
        Err(error) if error.kind == StoreErrorKind::Missing => refuse_lost_store(context),
        // An init that was killed: nothing was promised to anybody yet.
        Ok(store) if compose::is_half_made(&store.load()?) => Ok(()),
        Ok(_) => {
            let problem = format!("already initialised: {}", context.paths.store.display());
            Err(CliError::usage(problem).hint("change settings with `wnm config set KEY VALUE`"))
        }
        Err(error) => {
            let is_foreign = error.kind == StoreErrorKind::Foreign;
            let error = CliError::from(error);
            Err(match is_foreign {
                true => error.hint(
                    "if it belongs to the Python wnm, `wnm init --from-python-db` with this file takes \
                     its nodes and settings over",
                ),
                false => error,
            })
        }
    }
}

/// Beside backups a new store would begin with nothing, and their nodes would be nobody's.
fn refuse_lost_store(context: &Context<'_>) -> Result<(), CliError> {
    let paths = &context.paths;
    let backups = Backups::of(&paths.store);
    if backups.list()?.is_empty() {
        return Ok(());
    }
    let problem = format!("there is no {}, but there are backups of it", paths.store.display());
    let restore = format!("wnm --scope {} db restore --latest", paths.scope);
    let directory = backups.directory().display();
    Err(CliError::new(Exit::Refused, problem)
        .hint(format!("`{restore}` puts the newest back; with --dry-run it says what it holds"))
        .hint(format!(
            "to begin anew, move {directory} and {}.before-* aside",
            paths.store.display()
        )))
}

/// A manager of one scope cannot keep nodes in the area of the other.
fn refuse_other_scope(context: &Context<'_>, manager: Manager) -> Result<(), CliError> {
    let scope = context.paths.scope;
    if manager.scope == scope {
        return Ok(());
    }
    let usual = usual_manager(scope);
    let problem = format!("{manager} keeps no nodes of the {scope} scope");
    Err(CliError::usage(problem).hint(format!("choose --manager {usual}, or another --scope")))
}

fn usual_manager(scope: Scope) -> Manager {
    Manager { kind: ManagerKind::Systemd, scope }
}

/// What is stored: everything that was given, and the places.
fn draft(context: &Context<'_>, given: &PolicyDraft) -> Result<PolicyDraft, CliError> {
    let path = |path: &Path| match path.to_str() {
        Some(text) => Ok(shell_words::quote(text).into_owned()),
        None => Err(CliError::usage(format!("{} is not UTF-8", path.display()))),
    };
    let scope = context.paths.scope;
    let usual = match scope {
        Scope::User => PolicyDraft::default(),
        Scope::System => {
            PolicyDraft::default().with(Setting::Manager, usual_manager(scope).to_string())
        }
    };
    let usual = with_antnode(usual, given);
    Ok(usual
        .with(Setting::NodeStorage, path(&context.paths.nodes)?)
        .with(Setting::LogStorage, path(&context.paths.logs)?)
        .under(given))
}

/// antctl keeps one program only, which need not be named with it.
fn with_antnode(usual: PolicyDraft, given: &PolicyDraft) -> PolicyDraft {
    let manager = given.text(Setting::Manager).parse();
    match manager.is_ok_and(|manager: Manager| manager.kind.keeps_removed()) {
        true => usual.with(Setting::Program, Program::Antnode.binary_name()),
        false => usual,
    }
}

/// Settings that make no policy, and with them the program that would be missed next.
fn everything_wrong(
    context: &Context<'_>,
    draft: &PolicyDraft,
    errors: Vec<wnm_core::policy::PolicyError>,
) -> CliError {
    let mut error = CliError::from(errors);
    if let Ok(program) = draft.text(Setting::Program).parse() {
        error.problems.extend(binary(context, program, draft).err());
    }
    error
}

fn cpus() -> Result<u32, CliError> {
    let now = wnm_core::host::Clock::now(&SystemClock)?;
    Ok(ProcProbe::default().sample(&[], &now)?.cpus)
}

/// What a takeover accounts for, so that it is no problem.
#[derive(Debug, Default)]
struct Expected {
    /// Ports of nodes that are taken over.
    ports: BTreeSet<u16>,
    /// Places that will get the right owner.
    mended: BTreeSet<PathBuf>,
    /// True where nodes in containers are among them.
    containers: bool,
}

/// All problems at once, and nothing written yet.
fn verify(
    context: &Context<'_>,
    policy: &Policy,
    draft: &PolicyDraft,
    expected: &Expected,
) -> Result<Release, CliError> {
    let mut problems = Vec::new();
    let mut hints = Vec::new();
    let release =
        binary(context, policy.nodes.program, draft).map_err(|error| problems.push(error));
    problems.extend(taken_ports(policy, &expected.ports));
    let of_scope = match context.paths.scope {
        Scope::User => {
            problems.extend(unwritable(context, policy));
            manager(context, policy.nodes.manager, draft).into_iter().collect::<Vec<_>>()
        }
        Scope::System => system::problems(&context.paths, policy, &expected.mended),
    };
    let of_antctl = antctl::problems(context, policy, draft);
    let of_docker = containers(policy, draft, expected);
    for (problem, hint) in of_scope.into_iter().chain(of_antctl).chain(of_docker) {
        problems.push(problem);
        hints.push(hint);
    }
    problems.extend(compose::recipients_problem(draft));
    if let Some(problem) = firewall_problem(draft) {
        problems.push(problem);
        hints.push(
            "a firewall needs root, or a sudo that asks no password; else --firewall none".into(),
        );
    }
    match release {
        Ok(release) if problems.is_empty() => Ok(release),
        _ => {
            hints.push("nothing was written".to_owned());
            Err(CliError { exit: Exit::Usage, problems, hints, ..CliError::default() })
        }
    }
}

pub(super) fn binary(
    context: &Context<'_>,
    program: Program,
    draft: &PolicyDraft,
) -> Result<Release, String> {
    let configured = draft.text(Setting::NodeBinary);
    if !configured.is_empty() && !configured.starts_with('/') {
        return Err(format!("node_binary is `{configured}`: give an absolute path"));
    }
    let binaries = compose::binaries(draft, &context.paths, context.environment);
    binaries.available(program).map_err(|error| error.chain())
}

fn unwritable(context: &Context<'_>, policy: &Policy) -> Vec<String> {
    let wanted = [&context.paths.base, &policy.nodes.logs];
    wanted
        .into_iter()
        .chain(&policy.nodes.storage)
        .filter_map(|path| why_unwritable(path))
        .collect()
}

/// Why `path` can neither be written to nor made.
fn why_unwritable(path: &Path) -> Option<String> {
    let existing = path.ancestors().find(|ancestor| fs::symlink_metadata(ancestor).is_ok())?;
    let problem = |why: &str| Some(format!("{} cannot be used: {why}", path.display()));
    match fs::metadata(existing) {
        Ok(found) if !found.is_dir() => {
            return problem(&format!("{} is not a directory", existing.display()));
        }
        Ok(_) => {}
        Err(error) => return problem(&error.to_string()),
    }
    let access = nix::unistd::AccessFlags::W_OK | nix::unistd::AccessFlags::X_OK;
    match nix::unistd::access(existing, access) {
        Ok(()) => None,
        Err(error) => problem(&format!("{} is not writable: {}", existing.display(), error.desc())),
    }
}

/// The ports of the first `node_cap` nodes, as far as somebody has them already.
fn taken_ports(policy: &Policy, expected: &BTreeSet<u16>) -> Option<String> {
    let bound = match ProcProbe::default().bound_ports() {
        Ok(bound) => bound,
        Err(error) => return Some(error.chain()),
    };
    let ids = (1..=policy.cap.stored).filter_map(NodeId::new);
    let taken: Vec<String> = ids
        .filter_map(|id| policy.nodes.ports_of(id).ok())
        .flat_map(|ports| ports.all().collect::<Vec<_>>())
        .filter(|port| bound.contains(port) && !expected.contains(port))
        .map(|port| port.to_string())
        .collect();
    (!taken.is_empty()).then(|| {
        format!(
            "port {} is in use on this machine, and the first {} nodes would need it: choose \
             another --port-start or --metrics-port-start",
            taken.join(", "),
            policy.cap.stored
        )
    })
}

fn manager(
    context: &Context<'_>,
    manager: Manager,
    draft: &PolicyDraft,
) -> Option<(String, String)> {
    let needs_lingering = compose::is_podman_of_user(manager, draft);
    if !manager.kind.needs_systemd() && !needs_lingering {
        return compose::manager_problem(&context.paths, manager);
    }
    let name = nix::unistd::User::from_uid(nix::unistd::getuid());
    let name =
        name.ok().flatten().map_or_else(|| nix::unistd::getuid().to_string(), |user| user.name);
    match user_manager(&SystemRunner, &context.paths.runtime_dir, &name) {
        UserManager::Ready => None,
        UserManager::NotLingering => Some((
            format!("lingering is off for {name}: its nodes would stop with its last session"),
            format!("`loginctl enable-linger {name}` turns it on, `sudo` before it if refused"),
        )),
        // Without logind nothing of a session's ends.
        UserManager::Absent if needs_lingering => None,
        UserManager::Absent => Some((
            format!("the systemd of user {name} does not answer at {}", context.paths.runtime_dir),
            format!(
                "`loginctl enable-linger {name}` starts it; without systemd choose --manager \
                 setsid+user"
            ),
        )),
    }
}

/// Whether the nodes' containers could be made.
fn containers(policy: &Policy, draft: &PolicyDraft, expected: &Expected) -> Vec<(String, String)> {
    let Manager { kind, scope } = policy.nodes.manager;
    if !kind.has_containers() && !expected.containers {
        return Vec::new();
    }
    let (command, image) = (draft.text(Setting::DockerCommand), draft.text(Setting::DockerImage));
    if kind == ManagerKind::DockerAntctl {
        return docker_antctl_problems(Arc::new(SystemRunner), command, image, scope);
    }
    docker_problems(Arc::new(SystemRunner), command, image, scope)
}

/// Directories, store, settings, first sample. What was made is taken back when a later part fails.
fn create(context: &Context<'_>, draft: &PolicyDraft, policy: &Policy) -> Result<(), CliError> {
    let paths = &context.paths;
    places(context, policy)?;
    let files = compose::files(paths);
    for root in &policy.nodes.storage {
        files.claim_root(root)?;
    }
    let _alone = context.lock(Duration::ZERO)?;
    let store = match SqliteStore::create(&paths.store) {
        Err(error) if error.kind == StoreErrorKind::Exists => SqliteStore::open(&paths.store)?,
        created => created?,
    };
    let filled = fill(context, &store, draft);
    drop(store);
    if filled.is_err() {
        SqliteStore::discard(&paths.store)?;
    }
    filled
}

/// The directories of wnm itself.
fn places(context: &Context<'_>, policy: &Policy) -> Result<(), CliError> {
    let paths = &context.paths;
    match paths.scope {
        Scope::User => make_private(&paths.base).and_then(|()| make_private(&policy.nodes.logs))?,
        Scope::System => {
            system::create(paths)?.iter().for_each(|made| output::say(made));
            compose::files(paths).make_root(&policy.nodes.logs)?;
        }
    }
    make_private(&paths.identities)
}

fn fill(context: &Context<'_>, store: &SqliteStore, draft: &PolicyDraft) -> Result<(), CliError> {
    let now = wnm_core::host::Clock::now(&SystemClock)?;
    store.set_policy(draft, now.wall)?;
    first_look(context, draft)
}

/// The first sample: rates need an earlier one, and no cycle ever waits for a second.
fn first_look(context: &Context<'_>, draft: &PolicyDraft) -> Result<(), CliError> {
    let store = SqliteStore::open(&context.paths.store)?;
    let ledger = store.load()?;
    let adapters = Adapters::new(store, &ledger, draft, &context.paths, context.environment);
    let options = CycleOptions { scope: PlanScope::RequestsOnly, ..CycleOptions::new() };
    cycle(&adapters.host(), &options, &mut |_| {})?;
    Ok(())
}

pub(super) fn make_private(path: &Path) -> Result<(), CliError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        CliError::new(Exit::Failed, format!("failed to make {}: {error}", path.display()))
    })
}
