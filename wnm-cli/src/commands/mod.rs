//! One file a command: intent or query, then cycle, then rendering.

mod completions;
mod config;
mod db;
mod doctor;
mod explain;
mod help;
mod history;
mod identity;
mod init;
mod man;
mod nodes;
mod plan;
mod run;
mod schedule;
mod snapshot;
mod status;
mod survey;
mod system;
mod teardown;

use std::time::Duration;

use wnm_core::host::Store;
use wnm_core::observe::Ledger;
use wnm_core::plan::PlanScope;
use wnm_core::policy::{PolicyDraft, Setting};
use wnm_core::run::CycleOptions;

use crate::args::{Cli, Command};
use crate::compose::{Access, Adapters, open};
use crate::error::CliError;
use crate::exit::Exit;
use crate::settings::{Environment, Layers, Paths};

pub(crate) fn run(cli: &Cli, environment: &Environment) -> Result<Exit, CliError> {
    let context = |draft: &PolicyDraft| Context::new(cli, environment, draft);
    let nothing = PolicyDraft::default();
    match &cli.command {
        Command::Init(settings) => init::run(&context(&settings.draft)?),
        Command::Run(args) => run::run(&context(&args.settings.draft)?, args.dry_run),
        Command::Plan(args) => match &args.snapshot {
            Some(file) => snapshot::plan(file, cli.global.json),
            None => plan::run(&context(&args.settings.draft)?),
        },
        Command::Snapshot => snapshot::run(&context(&nothing)?),
        Command::Status(args) => status::run(&context(&nothing)?, args),
        Command::History(args) => history::run(&context(&nothing)?, args),
        Command::Add(args) => nodes::add(&context(&nothing)?, args.count),
        Command::Start(args) => nodes::start(&context(&nothing)?, &args.which),
        Command::Stop(args) => nodes::stop(&context(&nothing)?, &args.which),
        Command::Restart(args) => nodes::restart(&context(&nothing)?, &args.which),
        Command::Remove(args) => nodes::remove(&context(&nothing)?, &args.which, args.confirm),
        Command::Disable(args) => nodes::disable(&context(&nothing)?, &args.which),
        Command::Enable(args) => nodes::enable(&context(&nothing)?, &args.which),
        Command::Survey(args) => survey::run(&context(&nothing)?, args),
        Command::Explain(args) => explain::run(&context(&nothing)?, args),
        Command::Teardown(args) => teardown::run(&context(&nothing)?, args),
        Command::Config(command) => config::run(&context(&nothing)?, command),
        Command::Identity(command) => identity::run(&context(&nothing)?, command),
        Command::Db(command) => db::run(&context(&nothing)?, command),
        Command::Help(args) => help::run(args),
        Command::Schedule(command) => {
            schedule::run(&context(&nothing)?, cli.global.config.as_deref(), command)
        }
        Command::Completions(args) => completions::run(args.shell),
        Command::Man(args) => man::run(args),
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
        Ok(Context { environment, paths, layers, json: cli.global.json, patience })
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

/// The ledger as it is now, after a cycle changed it.
fn reload(adapters: &Adapters) -> Result<Ledger, CliError> {
    Ok(adapters.store.load()?)
}
