//! What seals a file, and what opens it: from options, files, or a terminal.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads secrets")]

use std::fs;
use std::path::Path;

use wnm_managers::{Seal, Unseal, recipient_problem};

use crate::args::{SealArgs, UnsealArgs};
use crate::ask::StandardTerminal;
use crate::error::CliError;
use crate::exit::Exit;

pub(super) fn seal(args: &SealArgs) -> Result<Seal, CliError> {
    if let Some(file) = &args.passphrase_file {
        return Ok(Seal::Passphrase(first_line(file)?));
    }
    if args.passphrase {
        let words = asked("Passphrase: ")?;
        return match asked("Once more: ")? == words {
            true => Ok(Seal::Passphrase(words)),
            false => Err(CliError::usage("the two passphrases differ; nothing was written")),
        };
    }
    if args.recipient.is_empty() {
        return Ok(Seal::None);
    }
    let problems: Vec<String> =
        args.recipient.iter().filter_map(|text| recipient_problem(text)).collect();
    match problems.is_empty() {
        true => Ok(Seal::Recipients(args.recipient.clone())),
        false => Err(CliError { exit: Exit::Usage, problems, ..CliError::default() }),
    }
}

/// `is_asked` says that a passphrase is needed that no option gave.
pub(super) fn unseal(args: &UnsealArgs, is_asked: bool) -> Result<Unseal, CliError> {
    Ok(match (&args.identity_file, &args.passphrase_file) {
        (Some(file), _) => Unseal::Identities(read(file)?),
        (None, Some(file)) => Unseal::Passphrase(first_line(file)?),
        (None, None) if is_asked => Unseal::Passphrase(asked("Passphrase: ")?),
        (None, None) => Unseal::None,
    })
}

pub(super) fn is_somebody_there() -> bool {
    StandardTerminal::find().is_some()
}

fn asked(prompt: &str) -> Result<String, CliError> {
    let answer = StandardTerminal::find().and_then(|terminal| terminal.ask_secret(prompt));
    match answer.as_deref() {
        Some("") => Err(CliError::usage("a passphrase must not be empty")),
        Some(words) => Ok(words.to_owned()),
        None => Err(CliError::usage("there is no terminal to ask for a passphrase")
            .hint("give --passphrase-file FILE")),
    }
}

fn first_line(file: &Path) -> Result<String, CliError> {
    let text = read(file)?;
    match text.lines().next().map(str::trim_end) {
        None | Some("") => {
            let problem = format!("the first line of {} is empty: no passphrase", file.display());
            Err(CliError::usage(problem))
        }
        Some(words) => Ok(words.to_owned()),
    }
}

fn read(file: &Path) -> Result<String, CliError> {
    fs::read_to_string(file)
        .map_err(|error| CliError::usage(format!("cannot read {}: {error}", file.display())))
}
