//! `wnm man`: manual pages from the same types as the help.
#![expect(clippy::disallowed_methods, reason = "the shell module that writes manual pages")]

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::{Cli, ManArgs};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(args: &ManArgs) -> Result<Exit, CliError> {
    let pages = pages()?;
    if let Some(directory) = &args.directory {
        fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
        for (name, text) in &pages {
            let path = directory.join(name);
            fs::write(&path, text).map_err(|error| failed(&path, &error))?;
        }
        output::say(&format!("{} pages in {}", pages.len(), directory.display()));
        return Ok(Exit::Done);
    }
    let wanted = match &args.command {
        Some(command) => format!("wnm-{command}.1"),
        None => "wnm.1".to_owned(),
    };
    match pages.iter().find(|(name, _)| *name == wanted) {
        Some((_, text)) => {
            output::print(text.trim_end());
            Ok(Exit::Done)
        }
        None => {
            let command = args.command.as_deref().unwrap_or_default();
            Err(CliError::usage(format!("there is no command `{command}`")))
        }
    }
}

fn failed(path: &Path, error: &std::io::Error) -> CliError {
    CliError::new(Exit::Failed, format!("failed to write {}: {error}", path.display()))
}

/// Every page with the name of its file: `wnm.1`, `wnm-config.1`, `wnm-config-set.1`.
fn pages() -> Result<Vec<(String, String)>, CliError> {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    add(&command, "wnm", &mut pages)
        .map_err(|error| CliError::new(Exit::Failed, error.to_string()))?;
    Ok(pages)
}

fn add(
    command: &clap::Command,
    name: &str,
    pages: &mut Vec<(String, String)>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    // Its last part is how it is typed, its name is how it is found.
    let titled = command.clone().name(name.to_owned()).disable_help_subcommand(true);
    Man::new(titled).section("1").manual("wnm").render(&mut bytes)?;
    pages.push((format!("{name}.1"), String::from_utf8_lossy(&bytes).into_owned()));
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        add(child, &format!("{name}-{}", child.get_name()), pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let pages = pages().expect("rendered");
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["wnm.1", "wnm-run.1", "wnm-config-set.1", "wnm-schedule-install.1"] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(pages.iter().all(|(name, text)| text.contains(".SH NAME") && !name.contains("__")));
    }
}
