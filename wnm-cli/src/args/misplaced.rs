//! An option in front of the command it belongs to, as all options were with the Python tool.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

use super::Cli;

/// Where the option that `error` is about belongs, if it is one of a command.
pub(crate) fn misplaced(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    let cli = Cli::command();
    let is_command =
        |word: &OsString| word.to_str().and_then(|it| cli.find_subcommand(it)).is_some();
    if error.kind() != ErrorKind::UnknownArgument || arguments.iter().skip(1).any(is_command) {
        return None;
    }
    let option = word.split([' ', '=']).next()?.strip_prefix("--")?;
    let has =
        |command: &&Command| command.get_arguments().any(|arg| arg.get_long() == Some(option));
    // A cycle has most of them, and is what most of them are wanted for.
    let command =
        cli.find_subcommand("run").filter(has).or_else(|| cli.get_subcommands().find(has));
    Some(format!("--{option} goes after its command: `wnm {} --{option}`", command?.get_name()))
}
