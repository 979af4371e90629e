//! Options of `init` that take nodes over from others.

use std::path::PathBuf;

use clap::Args;

use super::SettingArgs;

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) import: ImportArgs,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
pub(crate) struct ImportArgs {
    /// Take over nodes that run here under units of systemd that somebody wrote, in containers, as
    /// plain processes, or under the ant daemon
    #[arg(long, group = "source", help_heading = "Taking over")]
    pub(crate) import: bool,
    /// Take over the nodes and settings of anm, and turn it off
    #[arg(long, alias = "migrate_anm", group = "source", help_heading = "Taking over")]
    pub(crate) migrate_anm: bool,
    /// Take over the nodes and settings in a database of the Python wnm
    #[arg(
        long,
        alias = "from_python_db",
        value_name = "FILE",
        group = "source",
        help_heading = "Taking over"
    )]
    pub(crate) from_python_db: Option<PathBuf>,
    /// Take over the nodes that antctl keeps
    #[arg(long, alias = "from_antctl", group = "source", help_heading = "Taking over")]
    pub(crate) from_antctl: bool,
    /// Leave these out, by the names they have now; may be given several times
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        requires = "source",
        help_heading = "Taking over"
    )]
    pub(crate) except: Vec<String>,
    /// Show what would be taken over and what not, and do nothing
    #[arg(long, alias = "dry_run", requires = "source", help_heading = "Taking over")]
    pub(crate) dry_run: bool,
    /// Take over without asking
    #[arg(long, visible_alias = "yes", requires = "source", help_heading = "Taking over")]
    pub(crate) confirm: bool,
}

impl ImportArgs {
    /// True when anything is to be taken over.
    pub(crate) fn is_asked(&self) -> bool {
        self.import || self.migrate_anm || self.from_python_db.is_some() || self.from_antctl
    }
}
