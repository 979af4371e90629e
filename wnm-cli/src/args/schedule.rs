//! `wnm schedule`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Have a cycle run again and again from now on; shows what it writes
    Install(InstallArgs),
    /// Show what runs cycles, when it did and will, and how it differs from what would be written
    Show,
    /// Take away what runs cycles; nodes stay as they are
    Remove(Kind),
}

#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    #[command(flatten)]
    pub(crate) kind: Kind,
    /// How often: 10s, 12s, 15s, 20s, 30s, 60s or 120s; a crontab knows 60s and 120s
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub(crate) every: String,
    /// The wnm to run, instead of this one
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Option<PathBuf>,
    /// Show what would be written, and write nothing
    #[arg(long, alias = "dry_run")]
    pub(crate) dry_run: bool,
}

/// Without a word about it: what fits the nodes and this machine, or all kinds when removing.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Kind {
    /// A timer of systemd
    #[arg(long, conflicts_with = "cron")]
    pub(crate) systemd: bool,
    /// A line in the crontab
    #[arg(long)]
    pub(crate) cron: bool,
}
