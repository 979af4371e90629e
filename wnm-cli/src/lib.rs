#![doc = include_str!("../README.md")]

mod args;
mod ask;
mod commands;
mod compose;
mod doctor;
mod error;
mod exit;
mod lock;
mod logging;
mod output;
mod settings;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use exit::Exit;
use settings::Environment;

/// Parses the command line, does what it says, and answers with one of the documented exit codes.
pub fn main_impl() -> ExitCode {
    let environment = Environment::read();
    let cli = match Cli::try_parse_from(environment.arguments()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not mistakes.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            output::clap_message(&error);
            return exit.into();
        }
    };
    logging::start(cli.global.verbose, &environment);
    match commands::run(&cli, &environment) {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::complain(&error);
            error.exit.into()
        }
    }
}
