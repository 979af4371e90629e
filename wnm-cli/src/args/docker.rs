//! `wnm docker`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum DockerCommand {
    /// Show the image that containers are made from as a Dockerfile, or make it
    Image(ImageArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// Make it, from the libraries that the node program uses on this machine; nothing is downloaded
    #[arg(long)]
    pub(crate) build: bool,
    /// With systemd and antctl in it, as they are on this machine: for docker-antctl
    #[arg(long)]
    pub(crate) antctl: bool,
    /// What to call it [default: the setting docker_image]
    #[arg(long, value_name = "NAME", requires = "build")]
    pub(crate) tag: Option<String>,
}

/// The first process of a container that nodes share.
#[derive(Debug, Args)]
pub(crate) struct SuperviseArgs {
    /// Where the orders lie
    pub(crate) orders: PathBuf,
}
