//! One file a command: intent or query, then cycle, then rendering.

mod binary;
mod completions;
mod config;
mod db;
mod docker;
mod doctor;
mod explain;
mod help;
mod history;
mod identity;
mod init;
mod man;
mod nodes;
mod plan;
mod release;
mod releases;
mod replay;
mod report;
mod run;
mod schedule;
mod simulate;
pub(crate) mod snapshot;
mod status;
mod survey;
mod system;
mod teardown;
mod upgrade;
mod when;

pub(crate) use db::{Fate, Inspected, inspected};

use std::path::PathBuf;
use std::time::Duration;

use wnm_core::host::Store;
use wnm_core::observe::Ledger;
use wnm_core::plan::PlanScope;
use wnm_core::policy::{PolicyDraft, Setting};
use wnm_core::run::CycleOptions;

use crate::args::{Cli, Command, DbCommand};
use crate::compose::{Access, Adapters, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;
use crate::settings::{Environment, Layers, Paths};

pub(crate) fn run(cli: &Cli, environment: &Environment) -> Result<Exit, CliError> {
    dispatch(cli, environment)
        .map_err(|error| with_sources(error, cli, environment))
        .map_err(|error| with_backup(error, cli, environment))
}

/// A store that cannot be read: which backup there is, and what to type.
fn with_backup(error: CliError, cli: &Cli, environment: &Environment) -> CliError {
    let is_about_backups = matches!(&cli.command, Command::Db(DbCommand::Restore(_)));
    if is_about_backups {
        return error;
    }
    match Paths::find(&cli.global, environment, None) {
        Ok(paths) => db::way_back(&paths, error.damage).into_iter().fold(error, CliError::hint),
        Err(_) => error,
    }
}

/// A wrong value that was not typed just now: where it comes from.
fn with_sources(mut error: CliError, cli: &Cli, environment: &Environment) -> CliError {
    let sources = |setting: &Setting| {
        // What cannot be read now was the error itself.
        let context = Context::new(cli, environment, &PolicyDraft::default()).ok()?;
        context.layers.origin(*setting, environment, &context.config_file)
    };
    let typed = match &cli.command {
        Command::Init(args) => Some(&args.settings.draft),
        Command::Run(args) => Some(&args.settings.draft),
        Command::Plan(args) => Some(&args.settings.draft),
        // It is about what is to be, not about what is.
        Command::Config(_) => return error,
        _ => None,
    };
    let was_typed = |it: &Setting| typed.is_some_and(|typed| typed.values.contains_key(it));
    let about: Vec<Setting> = error.about.iter().filter(|it| !was_typed(it)).copied().collect();
    error.hints.extend(about.iter().filter_map(sources));
    error
}

fn dispatch(cli: &Cli, environment: &Environment) -> Result<Exit, CliError> {
    let context = |draft: &PolicyDraft| {
        let context = Context::new(cli, environment, draft)?;
        context.layers.warnings.iter().for_each(|warning| output::say(warning));
        Ok::<_, CliError>(context)
    };
    let nothing = PolicyDraft::default();
    match &cli.command {
        Command::Init(args) => init::run(&context(&args.settings.draft)?, &args.import),
        Command::Run(args) => run::run(&context(&args.settings.draft)?, args.dry_run),
        Command::Plan(args) => match &args.snapshot {
            Some(file) => snapshot::plan(file, cli.global.json),
            None => plan::run(&context(&args.settings.draft)?),
        },
        Command::Snapshot(args) => snapshot::run(&context(&nothing)?, args),
        Command::Replay(args) => replay::run(&context(&nothing)?, args),
        Command::Status(args) => status::run(&context(&nothing)?, args),
        Command::Report(args) => report::run(&context(&nothing)?, args),
        Command::History(args) => history::run(&context(&nothing)?, args),
        Command::Add(args) => nodes::add(&context(&nothing)?, args),
        Command::Start(args) => nodes::start(&context(&nothing)?, &args.which),
        Command::Stop(args) => nodes::stop(&context(&nothing)?, &args.which),
        Command::Restart(args) => nodes::restart(&context(&nothing)?, &args.which),
        Command::Upgrade(args) => upgrade::run(&context(&nothing)?, args),
        Command::Remove(args) => nodes::remove(&context(&nothing)?, &args.which, args.confirm),
        Command::Disable(args) => nodes::disable(&context(&nothing)?, &args.which),
        Command::Enable(args) => nodes::enable(&context(&nothing)?, &args.which),
        Command::Release(args) => release::run(&context(&nothing)?, &args.which),
        Command::Survey(args) => survey::run(&context(&nothing)?, args),
        Command::Explain(args) => explain::run(&context(&nothing)?, args),
        Command::Teardown(args) => teardown::run(&context(&nothing)?, args),
        Command::Config(command) => config::run(&context(&nothing)?, command),
        Command::Identity(command) => identity::run(&context(&nothing)?, command),
        Command::Binary(command) => binary::run(&context(&nothing)?, command),
        Command::Db(command) => db::run(&context(&nothing)?, command),
        Command::Simulate(args) => simulate::run(args, || context(&nothing), cli.global.json),
        Command::Help(args) => help::run(args),
        Command::Schedule(command) => {
            schedule::run(&context(&nothing)?, cli.global.config.as_deref(), command)
        }
        Command::Completions(args) => completions::run(args.shell),
        Command::Man(args) => man::run(args),
        Command::Docker(command) => docker::run(&context(&nothing)?, command),
        Command::Supervise(args) => docker::keep(args),
        Command::NodeNames => completions::nodes(&context(&nothing)?),
        Command::Doctor(args) => {
            doctor::run(&context(&nothing)?, cli.global.config.as_deref(), args.fix)
        }
    }
}

/// What every command starts from.
pub(crate) struct Context<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) paths: Paths,
    pub(crate) layers: Layers,
    /// The configuration file that was named, or lies in the usual place.
    pub(crate) config_file: PathBuf,
    pub(crate) json: bool,
    /// How long a request waits for a running cycle before it stays queued.
    pub(crate) patience: Duration,
}

/// A cycle rarely takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

impl<'a> Context<'a> {
    fn new(
        cli: &Cli,
        environment: &'a Environment,
        command_line: &PolicyDraft,
    ) -> Result<Context<'a>, CliError> {
        let manager = command_line.values.get(&Setting::Manager).map(String::as_str);
        let paths = Paths::find(&cli.global, environment, manager)?;
        let layers = Layers::read(&cli.global, environment, &paths, command_line)?;
        let patience = environment.lock_patience()?.unwrap_or(PATIENCE);
        let config_file = cli.global.config.clone().unwrap_or_else(|| paths.config_file.clone());
        Ok(Context { environment, paths, layers, config_file, json: cli.global.json, patience })
    }

    /// The adapters over the store there is.
    pub(crate) fn adapters(&self, access: Access) -> Result<(Adapters, Ledger), CliError> {
        let (store, ledger) = open(&self.paths, access)?;
        let in_force = ledger.draft.under(&self.layers.merged());
        let adapters = Adapters::new(store, &ledger, &in_force, &self.paths, self.environment);
        Ok((adapters, ledger))
    }

    /// A cycle with what the layers above the store say.
    pub(crate) fn options(&self, ledger: &Ledger, scope: PlanScope) -> CycleOptions {
        CycleOptions {
            scope,
            overrides: self.layers.overrides(&ledger.draft),
            ..CycleOptions::new()
        }
    }

    /// The cycle's lock; an error with the right exit code when another cycle holds it.
    fn lock(&self, patience: Duration) -> Result<crate::lock::Guard, CliError> {
        crate::lock::acquire(&self.paths.lock, patience)?
            .ok_or_else(|| CliError::new(Exit::Busy, "another cycle is running; nothing was done"))
    }
}

/// To be asked once the lock is held: a backup may have been put in the place of the store that was
/// opened before.
fn require_in_place(adapters: &Adapters) -> Result<(), CliError> {
    match adapters.store.is_in_place() {
        true => Ok(()),
        false => {
            let problem = "the store was replaced meanwhile; nothing was done";
            Err(CliError::new(Exit::Busy, problem).hint("run it again"))
        }
    }
}

/// The ledger as it is now, after a cycle changed it.
fn reload(adapters: &Adapters) -> Result<Ledger, CliError> {
    Ok(adapters.store.load()?)
}
