//! The command line: types only; doc comments are the help.

mod documents;
mod schedule;
mod setting;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use documents::{CompletionsArgs, ManArgs, Shell};
pub(crate) use schedule::{InstallArgs, Kind, ScheduleCommand};
pub(crate) use setting::SettingArgs;

use crate::exit::LEGEND;

/// Keeps Autonomi nodes alive: looks at the machine and its nodes once a minute, and adds, starts,
/// stops or removes nodes so that the machine stays healthy and earns.
#[derive(Debug, Parser)]
#[command(name = "wnm", bin_name = "wnm", version, after_long_help = LEGEND, max_term_width = 100)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Whose area to use: user or system
    #[arg(long, global = true, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,
    /// The configuration file, instead of the one in the usual place
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say what happens inside; twice: every command that is run
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check everything, then create the store and its directories
    Init(Box<SettingArgs>),
    /// Run one cycle: look, decide, act, record
    Run(Box<RunArgs>),
    /// Show what the next cycle would do, step by step, and why it does not do more
    Plan(Box<PlanArgs>),
    /// Print what the last cycle saw and was judged by, for `plan --snapshot`: a bug report in one file
    Snapshot,
    /// Show the nodes, the machine, and what wnm waits for, as the last cycle saw them
    Status(StatusArgs),
    /// Show what was done, when, why, and what became of it
    History(HistoryArgs),
    /// Create nodes now, whether or not there is room
    Add(AddArgs),
    /// Start nodes, and want them to run from now on
    Start(NodesArgs),
    /// Stop nodes until they are started by name again
    Stop(NodesArgs),
    /// Stop and start nodes
    Restart(NodesArgs),
    /// Leave nodes alone from now on: not started, stopped, counted or removed
    Disable(NodesArgs),
    /// Care for disabled nodes again, and want them to run
    Enable(NodesArgs),
    /// Look at everything now, do nothing, and show what was seen
    Survey(StatusArgs),
    /// Show the rules, their inputs and their verdicts in the last cycle
    Explain(StatusArgs),
    /// Remove nodes at once; their identities are kept in the archive
    Remove(RemoveArgs),
    /// Remove every node and everything of wnm but the archive of identities
    Teardown(TeardownArgs),
    /// Show or change the stored settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show the keys of nodes, archived and living; never their contents
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// Look at the store
    #[command(subcommand)]
    Db(DbCommand),
    /// Show help, `help exit-codes`, or `help reference`: everything as Markdown
    Help(HelpArgs),
    /// Have cycles run by themselves, by a systemd timer or a crontab line
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Look for what is wrong with this machine and its nodes, and say what to do
    Doctor(DoctorArgs),
    /// Print what a shell needs to complete commands, options and names of nodes
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them
    Man(ManArgs),
    #[command(name = "__nodes", hide = true)]
    NodeNames,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Decide, and do nothing
    #[arg(long, alias = "dry_run")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Plan from a file that `wnm snapshot` wrote, here or on another machine
    #[arg(long, value_name = "FILE")]
    pub(crate) snapshot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only these: antnode0007, 7, 7-12, or comma lists
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Only these: antnode0007, 7, 7-12, or comma lists
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
    /// Only what was begun within this time: 90s, 10min, 6h, 3d
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// At most this many lines, the latest
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: u32,
}

#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false)]
pub(crate) struct Which {
    /// Which: antnode0007, 7, 7-12, or comma lists
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
    /// This many, chosen as the engine would choose
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: Option<u32>,
    /// All of them; disabled ones only for `enable`
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NodesArgs {
    #[command(flatten)]
    pub(crate) which: Which,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Needed for --all, and for more than four by --count
    #[arg(long)]
    pub(crate) confirm: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TeardownArgs {
    /// Yes, everything
    #[arg(long)]
    pub(crate) confirm: bool,
    /// Delete the archive of identities as well: keys that exist nowhere else are lost for ever
    #[arg(long)]
    pub(crate) no_archive: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Every setting with its value and where it comes from
    List,
    /// One setting
    Get {
        /// Its name
        key: String,
    },
    /// What one setting does, its value and source, and when it may change
    Explain {
        /// Its name
        key: String,
    },
    /// Store a value
    Set {
        /// Its name, or name=value
        key: String,
        /// The value
        #[arg(allow_hyphen_values = true)]
        value: Option<String>,
    },
    /// Go back to the default
    Unset {
        /// Its name
        key: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Every key in the archive, and whether the keys of living nodes are in it
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Where the store lies, how large it is, and what is in it
    Status,
    /// Have SQLite look for damage
    Check,
}

#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// A command, exit-codes, or reference
    pub(crate) topic: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Do the fixes that cannot destroy anything: modes of files, and lingering
    #[arg(long)]
    pub(crate) fix: bool,
}
