//! `wnm help`.

use clap::CommandFactory;

use crate::args::{Cli, HelpArgs};
use crate::error::CliError;
use crate::exit::{Exit, LEGEND};
use crate::output;

pub(super) fn run(args: &HelpArgs) -> Result<Exit, CliError> {
    let mut command = Cli::command();
    let text = match args.topic.as_deref() {
        None => command.render_long_help().to_string(),
        Some("exit-codes") => LEGEND.to_owned(),
        Some("reference") => output::reference(),
        Some(name) => match command.find_subcommand_mut(name) {
            Some(found) => found.render_long_help().to_string(),
            None => {
                let problem = format!("there is no command `{name}`");
                return Err(CliError::usage(problem).hint("`wnm help` lists them"));
            }
        },
    };
    output::print(text.trim_end());
    Ok(Exit::Done)
}
