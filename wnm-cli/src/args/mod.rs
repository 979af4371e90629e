//! The command line: types only; doc comments are the help.

mod binary;
mod docker;
mod documents;
mod identity;
mod import;
mod misplaced;
mod schedule;
mod setting;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use binary::{BinaryCommand, FetchArgs, OfProgram};
pub(crate) use docker::{DockerCommand, ImageArgs, SuperviseArgs};
pub(crate) use documents::{CompletionsArgs, ManArgs, Shell};
pub(crate) use identity::{
    BackupArgs, IdentityCommand, MoveArgs, PruneArgs, RestoreArgs, SealArgs, UnsealArgs,
};
pub(crate) use import::{ImportArgs, InitArgs};
pub(crate) use misplaced::misplaced;
pub(crate) use schedule::{InstallArgs, Kind, ScheduleCommand};
pub(crate) use setting::SettingArgs;

use wnm_managers::SUPERVISE;

use crate::exit::LEGEND;
use crate::output::report::Format;
use crate::output::status::Sort;

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
    /// Check everything, then create the store and its directories; take nodes over from others
    Init(Box<InitArgs>),
    /// Run one cycle: look, decide, act, record
    Run(Box<RunArgs>),
    /// Show what the next cycle would do, step by step, and why it does not do more
    Plan(Box<PlanArgs>),
    /// Print all that a cycle saw, was judged by and decided, for `plan --snapshot`: a bug report in
    /// one file
    Snapshot(SnapshotArgs),
    /// Show what other settings would have decided in the cycles that are kept; without any, that
    /// this version decides the same
    Replay(ReplayArgs),
    /// Show the nodes, the machine, and what wnm waits for, as the last cycle saw them
    Status(ShowArgs),
    /// Print a report in one of the Python tool's formats, for dashboards and scripts
    Report(ReportArgs),
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
    /// Give nodes another version of their program; show, pause or resume what wnm does by itself
    Upgrade(UpgradeArgs),
    /// Leave nodes alone from now on: not started, stopped, counted or removed
    Disable(NodesArgs),
    /// Care for disabled nodes again, and want them to run
    Enable(NodesArgs),
    /// Look at everything now, do nothing, and show what was seen
    Survey(SurveyArgs),
    /// Show every rule with its input, threshold and verdict in the last cycle; of named nodes, why
    /// they are as they are and what would happen to them next
    Explain(StatusArgs),
    /// Remove nodes at once; their identities are kept in the archive
    Remove(RemoveArgs),
    /// Let go of nodes: their keys are archived, and they go on as they run, without wnm
    Release(NodesArgs),
    /// Remove every node and everything of wnm but the archive of identities
    Teardown(TeardownArgs),
    /// Show or change the stored settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The keys of nodes: show, back up, bring back, move; their contents are never printed
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// Fetch, check and choose versions of the node program
    #[command(subcommand)]
    Binary(BinaryCommand),
    /// Run the engine against a modelled machine with a virtual clock, and show how it fares
    Simulate(Box<SimulateArgs>),
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
    /// The image of containers, for nodes that are kept in containers
    #[command(subcommand)]
    Docker(DockerCommand),
    #[command(name = "__complete", hide = true)]
    NodeNames,
    #[command(name = SUPERVISE, hide = true)]
    Supervise(SuperviseArgs),
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
pub(crate) struct SimulateArgs {
    /// How many days
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) days: u32,
    /// Which machine: a name of --list-machines, or a file [default: cpu]
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) machine: Option<String>,
    /// Where chance begins: the same seed gives the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// A setting, such as cpu_remove=75; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Run the rules of single samples on the same machine and seed as well
    #[arg(long)]
    pub(crate) compare: bool,
    /// Draw the course of the run into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Give the model the size of this machine and the stored settings
    #[arg(long)]
    pub(crate) here: bool,
    /// List the machines that come with the program
    #[arg(long)]
    pub(crate) list_machines: bool,
    /// Print the file of the machine, to be copied and changed
    #[arg(long)]
    pub(crate) show_machine: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// List the cycles that are kept instead
    #[arg(long, conflicts_with_all = ["at", "cycle"])]
    pub(crate) list: bool,
    /// The last cycle at or before this: 90s, 10min, 6h, 3d ago, or a time in UTC such as
    /// 2026-11-20T21:27
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// The cycle of this number
    #[arg(long, value_name = "N", conflicts_with = "at")]
    pub(crate) cycle: Option<i64>,
    /// List at most this many, the latest
    #[arg(long, value_name = "N", default_value_t = 50, requires = "list")]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Only cycles since then: 90s, 10min, 6h, 3d ago, or a time in UTC such as 2026-11-20T21:27
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only cycles until then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// As if this had been stored; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub(crate) changes: Vec<String>,
    /// Tell at most this many differences
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
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
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = count)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// How many
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = count,
        allow_negative_numbers = true
    )]
    pub(crate) count: u32,
    /// For those who write `add 3`
    #[arg(hide = true, value_name = "N")]
    pub(crate) stray: Vec<String>,
}

#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false)]
pub(crate) struct Which {
    /// Which: antnode0007, 7, 7-12, or comma lists
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
    /// This many, chosen as the engine would choose
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
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
#[group(skip)]
pub(crate) struct UpgradeArgs {
    /// Which: antnode0007, 7, 7-12, or comma lists
    #[arg(value_name = "NODE", group = "named")]
    pub(crate) nodes: Vec<String>,
    /// This many, the oldest first
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, group = "named")]
    pub(crate) count: Option<u32>,
    /// All of them but disabled ones
    #[arg(long, group = "named")]
    pub(crate) all: bool,
    /// Show where the upgrade stands and why it waits, and the version of every node
    #[arg(long, conflicts_with_all = ["named", "pause", "resume", "unquarantine"])]
    pub(crate) status: bool,
    /// Give no node another version until --resume; what was begun is still judged
    #[arg(long, conflicts_with_all = ["named", "resume", "unquarantine"])]
    pub(crate) pause: bool,
    /// Let it go on
    #[arg(long, conflicts_with_all = ["named", "unquarantine"])]
    pub(crate) resume: bool,
    /// Trust a version again that failed
    #[arg(long, value_name = "VERSION", conflicts_with = "named")]
    pub(crate) unquarantine: Option<String>,
    #[command(flatten)]
    pub(crate) how: UpgradeHow,
}

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct UpgradeHow {
    /// To this version, instead of what a new node would run
    #[arg(long, value_name = "VERSION", requires = "named")]
    pub(crate) to: Option<String>,
    /// Also to an older one, whose data it may not understand
    #[arg(long, alias = "allow_downgrade", requires = "to")]
    pub(crate) allow_downgrade: bool,
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
    #[arg(long, alias = "no_archive")]
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
    /// Store a value, or several that are right together only
    Set(SetArgs),
    /// Go back to the default
    Unset {
        /// Its name
        key: String,
        /// In the configuration file instead of the store
        #[arg(long)]
        file: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Where the store lies, how large it is, and what is in it
    Status,
    /// Have SQLite look for damage, and say how old the newest sound backup is
    Check,
    /// Make a backup now; cycles make one a day by themselves
    Backup(DbBackupArgs),
    /// Every backup: when, how large, how many nodes, and whether it is sound
    Backups,
    /// Bring a store of an earlier version up to date, after a backup; cycles do it by themselves
    Migrate,
    /// Put a backup in the place of the store; first says what differs
    Restore(DbRestoreArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DbBackupArgs {
    /// Where, instead of the usual place; nothing may be there
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DbRestoreArgs {
    /// The backup
    #[arg(value_name = "FILE", required_unless_present = "latest", conflicts_with = "latest")]
    pub(crate) file: Option<PathBuf>,
    /// The newest backup that is sound
    #[arg(long)]
    pub(crate) latest: bool,
    /// Say what differs and what would become of each node, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also where the store that is there is sound: what happened since is forgotten
    #[arg(long)]
    pub(crate) confirm: bool,
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

#[derive(Debug, Args)]
pub(crate) struct SurveyArgs {
    #[command(flatten)]
    pub(crate) of: StatusArgs,
    /// Do not show what was seen
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Its name, or name=value
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
    /// The value, or a further name=value
    #[arg(allow_hyphen_values = true)]
    pub(crate) value: Option<String>,
    /// Further ones
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) more: Vec<String>,
    /// Leave node_cap as it is where a lower one would remove nodes
    #[arg(long, alias = "keep_nodes")]
    pub(crate) keep_nodes: bool,
    /// In the configuration file instead of the store; comments and order stay
    #[arg(long)]
    pub(crate) file: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) of: StatusArgs,
    /// Only nodes in one of these states: running, mute, stopped, starting, upgrading, removing,
    /// dead, unknown, disabled
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub(crate) state: Vec<String>,
    /// What goes first
    #[arg(long, value_name = "BY", default_value = "name")]
    pub(crate) sort: Sort,
    /// Everything that is known of each node
    #[arg(long)]
    pub(crate) details: bool,
    /// Every node on its own line, also where there are hundreds
    #[arg(long)]
    pub(crate) each: bool,
    /// Show it again every so many seconds, until Ctrl-C
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "2",
        value_parser = seconds
    )]
    pub(crate) watch: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Which report
    #[arg(value_name = "REPORT")]
    pub(crate) report: ReportName,
    /// Only these: antnode0007, 7, 7-12, or comma lists; for the reports of nodes
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
    /// How it is written [default: text; influx-resources has a format of its own]
    #[arg(long, value_name = "FORMAT", aliases = ["report_format", "report-format"])]
    pub(crate) format: Option<Format>,
}

/// The reports there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportName {
    /// A line a node
    NodeStatus,
    /// A block a node
    NodeStatusDetails,
    /// Every setting in force
    MachineConfig,
    /// What the last cycle measured of the machine
    MachineMetrics,
    /// Every node in InfluxDB's line protocol
    InfluxResources,
}

fn count(text: &str) -> Result<u32, String> {
    whole(text, 10_000)
}

fn seconds(text: &str) -> Result<u32, String> {
    whole(text, 3600)
}

fn whole(text: &str, most: u32) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("give a whole number from 1 to {most}"))
}
