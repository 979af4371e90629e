//! The command line of the Python tool, put into ours. Whoever comes from there has crontabs and
//! scripts with its flat options; they go on with the same effect, or are refused with a reason,
//! and never destroy more than they did.

#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod given;
mod lines;
mod names;
mod options;
mod settings;
pub(crate) mod takeover;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod museum;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::error::CliError;

pub(crate) use settings::{draft_of_environment, draft_of_file, variable_of};

/// What a translation may look at beside the line itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// Standard input, output or error is a terminal.
    pub(crate) is_watched: bool,
    /// The environment.
    pub(crate) variables: BTreeMap<String, String>,
    /// Where stores of ours lie: the user's and the system's.
    pub(crate) stores: [Option<PathBuf>; 2],
}

/// An old line in new words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Translation {
    /// Our command lines, without the program; each only when the one before succeeded.
    pub(crate) lines: Vec<Vec<String>>,
    /// What the operator should know, a line each.
    pub(crate) notes: Vec<String>,
}

/// `arguments`, with the program in front, in new words. `None`: it is our own command line.
pub(crate) fn translate(
    arguments: &[OsString],
    world: &World,
) -> Result<Option<Translation>, CliError> {
    let words: Option<Vec<String>> =
        arguments.iter().skip(1).map(|word| word.clone().into_string().ok()).collect();
    let Some(words) = words else { return Ok(None) };
    let given = match given::parse(&words, lines::is_command)? {
        given::Parsed::Ours => return Ok(None),
        // A crontab has no terminal, and knows no other way to ask for a cycle. Whoever sits at
        // one wanted to see what wnm is.
        given::Parsed::Either(_) if world.is_watched => return Ok(None),
        given::Parsed::Either(given) | given::Parsed::Old(given) => given,
    };
    let mut translation = lines::translate(&given, world)?;
    translation.notes.insert(0, lines::notice(&translation));
    Ok(Some(translation))
}
