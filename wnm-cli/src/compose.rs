//! The composition root: the only file that names concrete adapters.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use wnm_core::host::{
    Binaries, CommandRunner, Firewall, Host, HostResult, Intents, MachineProbe, Store,
};
use wnm_core::model::{FirewallChoice, Manager, ManagerKind, RecordId, Scope};
use wnm_core::observe::Ledger;
use wnm_core::policy::{Policy, PolicyDraft, Setting, Together};
use wnm_firewall::Owner;
use wnm_managers::{
    Antctl, AntctlPlaces, Antd, Containers, Cron, DiskFiles, Docker, DockerAntctl,
    DockerAntctlSettings, DockerSettings, Downloaded, Launchd, Mover, ProgramFinder, Registry,
    RootHands, Schedule, Setsid, SystemRunner, Systemd, Timer, Units,
};
use wnm_metrics::{ScrapeProbe, SystemClock};
use wnm_releases::{BinaryStore, Chosen};
use wnm_store::{Backups, SqliteStore, StoreErrorKind};

use crate::error::CliError;
use crate::exit::Exit;
use crate::settings::{Environment, Paths};

/// As whom nodes of the system scope run.
pub(crate) const NODE_USER: &str = "ant";

/// What a cycle works with.
pub(crate) struct Adapters {
    pub(crate) store: SqliteStore,
    pub(crate) clock: SystemClock,
    machine: Arc<dyn MachineProbe>,
    nodes: ScrapeProbe,
    managers: Registry,
    files: DiskFiles,
    binaries: Box<dyn Binaries>,
    firewall: Box<dyn Firewall>,
}

/// How the store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Adapters {
    /// Adapters over an opened store, for the settings in force.
    pub(crate) fn new(
        store: SqliteStore,
        ledger: &Ledger,
        in_force: &PolicyDraft,
        paths: &Paths,
        environment: &Environment,
    ) -> Adapters {
        let runner = Arc::new(SystemRunner);
        let roots = roots(ledger, in_force);
        let own = roots_alone(ledger, in_force);
        let antctl = antctl_managers(paths, environment, in_force, own.clone());
        let boxes = docker_antctl(paths, ledger, in_force);
        Adapters {
            store,
            clock: SystemClock,
            machine: environment.machine(),
            nodes: ScrapeProbe::default(),
            firewall: firewall(in_force, runner),
            files: files(paths).among(roots.clone()).sealing_for(recipients(in_force)),
            managers: antctl
                .into_iter()
                .fold(managers(paths, own, in_force), |registry, antctl| registry.with(antctl))
                .with(boxes),
            binaries: binaries(in_force, paths, environment),
        }
    }

    /// The records that have a key in the archive.
    pub(crate) fn archived_records(&self) -> HostResult<BTreeSet<RecordId>> {
        self.files.archived_records()
    }

    pub(crate) fn host(&self) -> Host<'_> {
        Host {
            clock: &self.clock,
            machine: self.machine.as_ref(),
            nodes: &self.nodes,
            managers: &self.managers,
            files: &self.files,
            binaries: self.binaries.as_ref(),
            firewall: self.firewall.as_ref(),
            store: &self.store,
        }
    }

    pub(crate) fn intents(&self) -> &dyn Intents {
        &self.store
    }
}

/// Where versions of node programs are kept.
pub(crate) fn binary_store(paths: &Paths) -> BinaryStore {
    BinaryStore::new(paths.binaries.clone())
}

/// Everything nodes own on disk, with the hands that the scope needs.
pub(crate) fn files(paths: &Paths) -> DiskFiles {
    match paths.scope {
        Scope::User => DiskFiles::new(paths.identities.clone()),
        Scope::System => DiskFiles::of_system(paths.identities.clone(), root_hands(paths)),
    }
}

/// The managers of a scope, for who has no store and no settings.
pub(crate) fn managers_alone(paths: &Paths) -> Registry {
    managers(paths, Vec::new(), &PolicyDraft::default())
}

/// For whom archived keys are sealed. What does not parse was refused as a setting.
fn recipients(in_force: &PolicyDraft) -> Vec<String> {
    shell_words::split(in_force.text(Setting::IdentityRecipients)).unwrap_or_default()
}

/// Why archived keys could not be sealed as the settings say, if so.
pub(crate) fn recipients_problem(draft: &PolicyDraft) -> Option<String> {
    let problem =
        recipients(draft).iter().find_map(|text| wnm_managers::recipient_problem(text))?;
    Some(format!("{}: {problem}", Setting::IdentityRecipients))
}

fn managers(paths: &Paths, roots: Vec<PathBuf>, in_force: &PolicyDraft) -> Registry {
    let runner: Arc<dyn CommandRunner> = Arc::new(SystemRunner);
    let (units, lists) = (paths.units.clone(), paths.launchd_lists.clone());
    let (again, hands) = (|| runner.clone(), || root_hands(paths));
    let registry = Registry::new(paths.scope).with(docker(paths, &runner, &roots, in_force));
    match paths.scope {
        Scope::User => {
            let uid = nix::unistd::geteuid().as_raw();
            let runtime_dir = paths.runtime_dir.clone();
            registry
                .with(
                    Systemd::new(again(), units, runtime_dir, roots.clone())
                        .within(together(in_force)),
                )
                .with(Setsid::new(again(), roots.clone()))
                .with(Antd::new(paths.antd.clone(), roots.clone()))
                .with(Launchd::new(again(), lists, uid, roots))
        }
        Scope::System => {
            let output = paths.base.join("output");
            registry
                .with(
                    Systemd::of_system(again(), units, roots.clone(), hands())
                        .within(together(in_force)),
                )
                .with(Setsid::of_system(again(), roots.clone(), hands(), output))
                .with(Launchd::of_system(again(), lists, roots, hands()))
        }
    }
}

fn docker(
    paths: &Paths,
    runner: &Arc<dyn CommandRunner>,
    roots: &[PathBuf],
    in_force: &PolicyDraft,
) -> Docker {
    let settings = DockerSettings {
        command: in_force.text(Setting::DockerCommand).to_owned(),
        image: in_force.text(Setting::DockerImage).to_owned(),
        orders: paths.base.join("containers"),
        // This very program, even if its file was replaced or deleted since.
        init: "/proc/self/exe".into(),
        roots: roots.to_vec(),
    };
    match paths.scope {
        Scope::User => Docker::new(Arc::clone(runner), settings),
        Scope::System => Docker::of_system(Arc::clone(runner), settings, root_hands(paths)),
    }
}

/// Containers with an antctl of their own.
fn docker_antctl(paths: &Paths, ledger: &Ledger, in_force: &PolicyDraft) -> DockerAntctl {
    let runner: Arc<dyn CommandRunner> = Arc::new(SystemRunner);
    let logs = shell_words::split(in_force.text(Setting::LogStorage)).unwrap_or_default();
    let former = ledger.nodes.iter().map(|record| &record.spec);
    let former = former.filter(|spec| spec.manager.kind.counts_in_containers());
    let mut roots = roots_alone(ledger, in_force);
    roots.extend(former.filter_map(|spec| spec.storage.parent().map(PathBuf::from)));
    roots.sort();
    roots.dedup();
    let settings = DockerAntctlSettings {
        command: in_force.text(Setting::DockerCommand).to_owned(),
        image: in_force.text(Setting::DockerImage).to_owned(),
        boxes: paths.base.join("antctl-containers"),
        copies: paths.antctl_copies(),
        roots,
        logs: logs.into_iter().next().map_or_else(|| paths.logs.clone(), PathBuf::from),
    };
    match paths.scope {
        Scope::User => DockerAntctl::new(runner, settings),
        Scope::System => DockerAntctl::of_system(runner, settings, root_hands(paths)),
    }
}

/// Where nodes get their program: a kept version, a file, or what antctl was told to download.
pub(crate) fn binaries(
    in_force: &PolicyDraft,
    paths: &Paths,
    environment: &Environment,
) -> Box<dyn Binaries> {
    let configured = in_force.text(Setting::NodeBinary);
    let configured = (!configured.is_empty()).then(|| PathBuf::from(configured));
    let manager = in_force.text(Setting::Manager).parse();
    let antctl = manager.is_ok_and(|manager: Manager| manager.kind.keeps_removed());
    match in_force.text(Setting::AntctlVersion).parse() {
        Ok(version) if antctl && configured.is_none() => Box::new(Downloaded(version)),
        Ok(_) | Err(_) => {
            let search = environment.program_directories();
            let finder = ProgramFinder::new(Arc::new(SystemRunner), configured, search);
            // The policy refuses a channel that does not parse.
            let channel = in_force.text(Setting::ReleaseChannel).parse().unwrap_or_default();
            Box::new(Chosen::new(binary_store(paths), channel, finder))
        }
    }
}

/// antctl, by the name in the settings or where programs are.
pub(crate) fn antctl_program(in_force: &PolicyDraft, environment: &Environment) -> String {
    let configured = in_force.text(Setting::AntctlPath);
    if !configured.is_empty() {
        return configured.to_owned();
    }
    let places = environment.program_directories();
    let found = places.iter().map(|place| place.join("antctl")).find(|path| is_file(path));
    found.map_or_else(|| "antctl".to_owned(), |path| path.display().to_string())
}

#[expect(clippy::disallowed_methods, reason = "where antctl is")]
fn is_file(path: &std::path::Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file())
}

/// Whether something can be put there.
#[expect(clippy::disallowed_methods, reason = "where the store would lie")]
pub(crate) fn is_directory(path: &std::path::Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_dir())
}

/// Those of the scope that call antctl. They are there whatever the settings say: their nodes may be.
fn antctl_managers(
    paths: &Paths,
    environment: &Environment,
    in_force: &PolicyDraft,
    roots: Vec<PathBuf>,
) -> Vec<Antctl> {
    let runner: Arc<dyn CommandRunner> = Arc::new(SystemRunner);
    let places = AntctlPlaces {
        program: antctl_program(in_force, environment),
        registry: paths.antctl_registry(),
        units: paths.units.clone(),
        copies: paths.antctl_copies(),
        roots,
    };
    match paths.scope {
        Scope::User => [ManagerKind::Antctl, ManagerKind::AntctlZen]
            .map(|kind| {
                let (runner, runtime_dir) = (Arc::clone(&runner), paths.runtime_dir.clone());
                Antctl::of_user(kind, runner, runtime_dir, places.clone())
            })
            .into(),
        Scope::System => vec![Antctl::of_system(runner, places, root_hands(paths))],
    }
}

/// What all nodes get together. What does not parse bounds nothing: the policy refuses it anyway.
fn together(in_force: &PolicyDraft) -> Together {
    Policy::parse(in_force, &PolicyDraft::default(), 1)
        .map(|policy| policy.together)
        .unwrap_or_default()
}

/// Why the manager of new nodes cannot be used, where that is for nobody but itself to say.
pub(crate) fn manager_problem(paths: &Paths, manager: Manager) -> Option<(String, String)> {
    let lists = paths.launchd_lists.clone();
    match manager.kind {
        ManagerKind::Antd => {
            let error = Antd::new(paths.antd.clone(), Vec::new()).check().err()?;
            let hint = "it does not come back by itself after a reboot";
            Some((error.chain(), hint.to_owned()))
        }
        ManagerKind::Launchd => {
            let uid = nix::unistd::geteuid().as_raw();
            let runner = Arc::new(SystemRunner);
            let error = match manager.scope {
                Scope::User => Launchd::new(runner, lists, uid, Vec::new()).check(),
                Scope::System => {
                    Launchd::of_system(runner, lists, Vec::new(), root_hands(paths)).check()
                }
            };
            let hint = "launchd is macOS's; on Linux choose systemd+user or setsid+user";
            Some((error.err()?.chain(), hint.to_owned()))
        }
        ManagerKind::Systemd
        | ManagerKind::Setsid
        | ManagerKind::Docker
        | ManagerKind::DockerAntctl
        | ManagerKind::Antctl
        | ManagerKind::AntctlZen => None,
    }
}

/// True where nodes would not outlive the user's last session without lingering, though they are no
/// units: podman without root keeps what it knows of its containers where the session lives.
pub(crate) fn is_podman_of_user(manager: Manager, in_force: &PolicyDraft) -> bool {
    let command = std::path::Path::new(in_force.text(Setting::DockerCommand));
    manager == Manager { kind: ManagerKind::Docker, scope: Scope::User }
        && !nix::unistd::geteuid().is_root()
        && command.file_name().is_some_and(|name| name.to_string_lossy().contains("podman"))
}

/// Every kind of schedule of one scope; `user` is who we are.
pub(crate) fn schedules(paths: &Paths, user: &str) -> [Box<dyn Schedule>; 2] {
    let runner: Arc<dyn CommandRunner> = Arc::new(SystemRunner);
    let (units, name) = (paths.units.clone(), user.to_owned());
    let timer = match paths.scope {
        Scope::User => Timer::new(runner.clone(), units, paths.runtime_dir.clone(), name.clone()),
        Scope::System => Timer::of_system(runner.clone(), units, root_hands(paths)),
    };
    [Box::new(timer), Box::new(Cron::new(runner, paths.scope, name))]
}

/// What root does for the system scope; files on their way lie in the base directory.
pub(crate) fn root_hands(paths: &Paths) -> RootHands {
    let owner = nix::unistd::geteuid().as_raw();
    RootHands::new(Arc::new(SystemRunner), NODE_USER, owner, paths.base.clone())
}

/// The firewall of the settings. What does not parse opens nothing: the policy refuses it anyway.
fn firewall(in_force: &PolicyDraft, runner: Arc<dyn CommandRunner>) -> Box<dyn Firewall> {
    let choice = in_force.text(Setting::Firewall).parse().unwrap_or(FirewallChoice::None);
    let manager = in_force.text(Setting::Manager).parse();
    let scope = manager.map_or(Scope::User, |manager: Manager| manager.scope);
    let owner = match scope {
        Scope::System => Owner::machine(),
        Scope::User => Owner::user(nix::unistd::geteuid().as_raw()),
    };
    wnm_firewall::by_choice(choice, scope, owner, runner)
}

/// Why the firewall that was asked for by name cannot be used, if so.
pub(crate) fn firewall_problem(draft: &PolicyDraft) -> Option<String> {
    let choice = draft.text(Setting::Firewall).parse().ok()?;
    wnm_firewall::problem(choice, Arc::new(SystemRunner))
}

/// Storage roots of the settings and of every node.
pub(crate) fn roots(ledger: &Ledger, in_force: &PolicyDraft) -> Vec<PathBuf> {
    let wanted = shell_words::split(in_force.text(Setting::NodeStorage)).unwrap_or_default();
    let mut roots: Vec<PathBuf> = wanted.into_iter().map(PathBuf::from).collect();
    roots.extend(ledger.nodes.iter().map(|record| record.spec.storage.clone()));
    roots.sort();
    roots.dedup();
    roots
}

/// The same without those of containers that count by themselves, which say nothing of ids.
fn roots_alone(ledger: &Ledger, in_force: &PolicyDraft) -> Vec<PathBuf> {
    let of_container = |root: &PathBuf| {
        let mut specs = ledger.nodes.iter().map(|record| &record.spec);
        specs.any(|spec| spec.manager.kind.counts_in_containers() && spec.storage == *root)
    };
    let mut roots = roots(ledger, in_force);
    roots.retain(|root| !of_container(root));
    roots
}

/// Opens the store and reads the ledger.
pub(crate) fn open(paths: &Paths, access: Access) -> Result<(SqliteStore, Ledger), CliError> {
    let store = open_store(paths, access)?;
    let ledger = store.load()?;
    if is_half_made(&ledger) {
        let problem = format!("not initialised: no init has filled {}", paths.store.display());
        return Err(CliError::new(Exit::NotInitialised, problem)
            .hint("`wnm init` was interrupted; run it again"));
    }
    Ok((store, ledger))
}

/// What takes nodes over from others.
pub(crate) fn mover(paths: &Paths) -> Mover {
    let (runner, base) = (Arc::new(SystemRunner), paths.base.clone());
    match paths.scope {
        Scope::User => Mover::new(runner, base),
        Scope::System => Mover::of_system(runner, base, root_hands(paths)),
    }
}

/// Nodes of a takeover that has not ended may still be somebody else's.
fn refuse_half_import(paths: &Paths) -> Result<(), CliError> {
    if !mover(paths).is_unfinished() {
        return Ok(());
    }
    let problem = "an import was interrupted, and nothing is done before it is undone or finished";
    let hint = "run the same `wnm init` again: it puts everything back and begins anew";
    Err(CliError::new(Exit::Refused, problem).hint(hint))
}

/// Units that somebody else wrote, where wnm would write its own.
pub(crate) fn foreign_units(paths: &Paths) -> Units {
    let (runner, units) = (Arc::new(SystemRunner), paths.units.clone());
    let found = match paths.scope {
        Scope::User => Units::of_user(runner, units, paths.runtime_dir.clone()),
        Scope::System => Units::of_system(runner, units),
    };
    found.beside_antctl(&paths.antctl_registry())
}

/// What keeps containers here, for who takes nodes over.
pub(crate) fn containers(paths: &Paths, in_force: &PolicyDraft) -> Containers {
    let command = in_force.text(Setting::DockerCommand);
    let orders = paths.base.join("containers");
    Containers::new(Arc::new(SystemRunner), command, paths.scope, orders)
}

/// The `ant` daemon of this user, for who takes nodes over.
pub(crate) fn ant_daemon(paths: &Paths) -> Antd {
    Antd::new(paths.antd.clone(), Vec::new())
}

/// True for a store whose settings were never written: an init died over it.
pub(crate) fn is_half_made(ledger: &Ledger) -> bool {
    ledger.generation == 0 && ledger.nodes.is_empty()
}

/// Opens the store. Not being there is its own kind of answer.
pub(crate) fn open_store(paths: &Paths, access: Access) -> Result<SqliteStore, CliError> {
    if access == Access::Write {
        paths.refuse_other_owner()?;
        refuse_half_import(paths)?;
    }
    let opened = match access {
        Access::Read => SqliteStore::open_read_only(&paths.store),
        Access::Write => SqliteStore::open(&paths.store),
    };
    opened.map_err(|error| match error.kind {
        StoreErrorKind::Missing => {
            let problem = format!("not initialised: there is no {}", paths.store.display());
            let error = CliError::new(Exit::NotInitialised, problem);
            let backups = Backups::of(&paths.store).list().unwrap_or_default();
            match paths.elsewhere {
                _ if !backups.is_empty() => error.hint(format!(
                    "there are backups of one: `wnm --scope {} db restore --latest --dry-run` says \
                     what they hold",
                    paths.scope
                )),
                Some(other) => error.hint(format!("the {other} scope is: choose --scope {other}")),
                None => error.hint("begin with `wnm init --rewards-address 0x… --node-cap N`"),
            }
        }
        _ => error.into(),
    })
}
