//! The command line of keys.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Every key in the archive, and whether the keys of living nodes are in it
    List,
    /// Write keys, living and archived, into one file that no node needs: for another place
    Backup(BackupArgs),
    /// Bring a removed node back with its key
    Restore(RestoreArgs),
    /// Take a node to another disk of this machine, or its key to another machine
    Move(MoveArgs),
    /// Delete archived keys of nodes that were removed long ago: they are lost for ever
    Prune(PruneArgs),
}

/// For whom a file is sealed.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct SealArgs {
    /// Seal the file for the holder of this age key, age1…; may be repeated
    #[arg(long, value_name = "AGE1", conflicts_with_all = ["passphrase", "passphrase_file"])]
    pub(crate) recipient: Vec<String>,
    /// Seal it with a passphrase, which is asked for at the terminal
    #[arg(long)]
    pub(crate) passphrase: bool,
    /// The same with the first line of this file
    #[arg(long, alias = "passphrase_file", value_name = "FILE", conflicts_with = "passphrase")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// What opens a sealed file.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct UnsealArgs {
    /// File with the AGE-SECRET-KEY-1… of what is sealed for a recipient
    #[arg(long, alias = "identity_file", value_name = "FILE", conflicts_with = "passphrase_file")]
    pub(crate) identity_file: Option<PathBuf>,
    /// File whose first line is the passphrase; without it a terminal is asked
    #[arg(long, alias = "passphrase_file", value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Which: antnode0007, 7, 7-12, or comma lists
    #[arg(value_name = "NODE", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) nodes: Vec<String>,
    /// The keys of all nodes, and all of the archive that lies there unsealed
    #[arg(long)]
    pub(crate) all: bool,
    /// The file, or a directory to put it in
    #[arg(long, value_name = "FILE|DIR", default_value = ".")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) seal: SealArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// A key of the archive by its name or that of its node, or a file that backup or move wrote
    #[arg(value_name = "NAME|FILE")]
    pub(crate) source: String,
    /// Which key of a file that holds several: the name of its node
    #[arg(long, value_name = "NODE")]
    pub(crate) key: Option<String>,
    /// Under this number, instead of the one it had or the next free one
    #[arg(long, value_name = "N")]
    pub(crate) node: Option<String>,
    /// In this storage root, instead of the one with most room
    #[arg(long, value_name = "DIR")]
    pub(crate) storage: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) unseal: UnsealArgs,
    /// Take back a key that had moved to another machine: it must not run there any more
    #[arg(long)]
    pub(crate) back: bool,
    /// Show what would be done, and do nothing
    #[arg(long, alias = "dry_run")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    /// Which: antnode0007 or 7
    #[arg(value_name = "NODE")]
    pub(crate) node: String,
    /// To this storage root of this machine, with its data; it starts there in the next cycle
    #[arg(long, value_name = "DIR", required_unless_present = "export", conflicts_with = "export")]
    pub(crate) to: Option<PathBuf>,
    /// To another machine: its key goes into this file for `wnm identity restore`, and the node is
    /// removed here
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) seal: SealArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Of nodes that were removed this long ago; never less than 30d
    #[arg(long, alias = "older_than", value_name = "TIME", default_value = "30d")]
    pub(crate) older_than: String,
    /// Yes, for ever; without it they are only named
    #[arg(long)]
    pub(crate) confirm: bool,
}
