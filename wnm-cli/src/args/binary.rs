//! `wnm binary`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use wnm_core::model::{Program, ReleaseSource, Version};
use wnm_releases::Digest;

#[derive(Debug, Subcommand)]
pub(crate) enum BinaryCommand {
    /// Every version that is kept, where it came from, and which one nodes are given
    List(OfProgram),
    /// Get a release: the newest, or this one; verified before anything of it is unpacked
    Fetch(FetchArgs),
    /// Read what is kept again, and say what is not as it came
    Verify(VerifyArgs),
    /// Give nodes this version, whatever else is there or comes
    Pin(PinArgs),
    /// Give nodes the newest version again
    Unpin(OfProgram),
}

#[derive(Debug, Args)]
pub(crate) struct OfProgram {
    /// Of which program: ant-node or antnode [default: the setting `program`]
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) program: Option<Program>,
}

#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// Which version, such as 0.23.1 [default: the newest of the setting `release_channel`]
    #[arg(value_name = "VERSION", conflicts_with = "file")]
    pub(crate) version: Option<Version>,
    /// Take this file of the machine instead: an archive, or a program with what lies beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The SHA-256 that the archive or the program must have; then no signature is asked for
    #[arg(long, value_name = "HEX")]
    pub(crate) sha256: Option<Digest>,
    /// Where to look, for this time: project, a URL, or a directory
    #[arg(long, value_name = "SOURCE", conflicts_with = "file")]
    pub(crate) from: Option<ReleaseSource>,
    /// Give up after this long; what has come is kept, and gone on with next time
    #[arg(long, value_name = "TIME", default_value = "15min", value_parser = time)]
    pub(crate) timeout: std::time::Duration,
    #[command(flatten)]
    pub(crate) of: OfProgram,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Only this version
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<Version>,
    #[command(flatten)]
    pub(crate) of: OfProgram,
}

#[derive(Debug, Args)]
pub(crate) struct PinArgs {
    /// Which version; it must be here
    #[arg(value_name = "VERSION")]
    pub(crate) version: Version,
    #[command(flatten)]
    pub(crate) of: OfProgram,
}

fn time(text: &str) -> Result<std::time::Duration, String> {
    let time = wnm_core::policy::parse_duration(text).filter(|time| !time.is_zero());
    time.ok_or_else(|| "give a time such as 30s or 15min".to_owned())
}
