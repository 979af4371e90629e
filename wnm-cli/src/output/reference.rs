//! The command reference, `docs/reference.md`, from the same types as the help.

use std::fmt::Write;

use clap::{Arg, Command, CommandFactory};

use crate::args::Cli;
use crate::exit::LEGEND;

const HEAD: &str = "\
# Command reference

Made from the code by `wnm help reference >wnm-cli/docs/reference.md`; a test fails when it is old.

Data goes to standard output, everything else to standard error. Every command takes the global options.
";

/// Settings are options of three commands and are told once.
const SETTINGS: &str = "Settings";

/// The whole reference as Markdown.
pub(crate) fn reference() -> String {
    let mut command = Cli::command();
    command.build();
    let mut text = HEAD.to_owned();
    text += "\n## Global options\n\n";
    for argument in options(&command).filter(|argument| argument.is_global_set()) {
        text += &option(argument);
    }
    text += "\n## Commands\n";
    for child in command.get_subcommands() {
        text += &section(child, "wnm");
    }
    text += "\n## Settings\n\nOptions of `init`, `run` and `plan`; keys of `config` and of the file \
             are the same with `_` for `-`; variables are `WNM_` and the key in capitals.\n\n";
    if let Some(init) = command.find_subcommand("init") {
        options(init).filter(|argument| is_setting(argument)).for_each(|one| text += &option(one));
    }
    let _ = write!(text, "\n## Exit codes\n\n```text\n{LEGEND}\n```\n");
    text
}

fn section(command: &Command, parent: &str) -> String {
    if command.is_hide_set() {
        return String::new();
    }
    let name = format!("{parent} {}", command.get_name());
    let mut text = format!("\n### `{name}`\n\n");
    let about = command.get_long_about().or(command.get_about());
    let _ = writeln!(text, "{}", about.map(ToString::to_string).unwrap_or_default());
    if command.has_subcommands() {
        for child in command.get_subcommands() {
            text += &section(child, &name);
        }
        return text;
    }
    let _ = writeln!(text, "\n```text\n{}\n```", usage(command, &name));
    let positionals = command.get_positionals().map(positional);
    let options = options(command).filter(|one| !one.is_global_set() && !is_setting(one));
    let lines: String = positionals.chain(options.map(option)).collect();
    if !lines.is_empty() {
        let _ = write!(text, "\n{lines}");
    }
    text
}

fn usage(command: &Command, name: &str) -> String {
    let mut words = vec![name.to_owned(), "[OPTIONS]".to_owned()];
    for argument in command.get_positionals() {
        let value = value_name(argument);
        let many = argument.get_num_args().is_some_and(|range| range.max_values() > 1);
        let dots = if many { "..." } else { "" };
        words.push(match argument.is_required_set() {
            true => format!("<{value}>{dots}"),
            false => format!("[{value}]{dots}"),
        });
    }
    words.join(" ")
}

fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    let all = command.get_arguments().filter(|argument| !argument.is_positional());
    all.filter(|argument| !argument.is_hide_set() && argument.get_id() != "help")
}

fn is_setting(argument: &Arg) -> bool {
    argument.get_help_heading() == Some(SETTINGS)
}

fn positional(argument: &Arg) -> String {
    format!("- `{}`: {}\n", value_name(argument), help(argument))
}

fn option(argument: &Arg) -> String {
    let long = argument.get_long().map(|long| format!("--{long}"));
    let short = argument.get_short().map(|short| format!("-{short}"));
    let mut names: Vec<String> = short.into_iter().chain(long).collect();
    if argument.get_action().takes_values()
        && let Some(last) = names.last_mut()
    {
        let _ = write!(last, " {}", value_name(argument));
    }
    format!("- `{}`: {}{}\n", names.join("`, `"), help(argument), default(argument))
}

fn value_name(argument: &Arg) -> String {
    let given = argument.get_value_names().and_then(|names| names.first());
    given.map_or_else(|| argument.get_id().as_str().to_uppercase(), ToString::to_string)
}

fn help(argument: &Arg) -> String {
    let text = argument.get_long_help().or(argument.get_help());
    text.map(ToString::to_string).unwrap_or_default().replace('\n', " ")
}

/// Those of settings stand in their help.
fn default(argument: &Arg) -> String {
    let values = argument.get_default_values();
    let is_said = is_setting(argument) || !argument.get_action().takes_values();
    match values.first().and_then(|value| value.to_str()) {
        Some(value) if !is_said => format!(" [default: {value}]"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn the_reference_is_up_to_date() {
        let kept = include_str!("../../docs/reference.md");
        assert!(
            kept == reference(),
            "the command line changed: `cargo run -q -p wnm-cli -- help reference \
             >wnm-cli/docs/reference.md` writes the reference anew"
        );
    }
}
