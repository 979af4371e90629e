//! From the words of a command line to what was given, if it is one of the Python tool's.

use std::collections::BTreeMap;

use super::options::Old;
use crate::error::CliError;

/// The options of an old command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// By name; the text of a flag is empty. The last one counts, as in Python.
    pub(super) values: BTreeMap<&'static str, String>,
    /// Our own options that go before a command, as they are.
    pub(super) ours: Vec<String>,
}

impl Given {
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// What a line turned out to be.
#[derive(Debug)]
pub(super) enum Parsed {
    /// For our own parser.
    Ours,
    /// Nothing that only one of both would say: a cycle to the old one, a riddle to ours.
    Either(Given),
    /// The Python tool's.
    Old(Given),
}

/// Reads `words`, the line without the program. A line with a command in it is ours.
pub(super) fn parse(
    words: &[String],
    is_command: impl Fn(&str) -> bool,
) -> Result<Parsed, CliError> {
    let looks_old = words.iter().any(|word| is_only_old(word));
    let mut given = Given::default();
    let mut only_old = false;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if !word.starts_with('-') {
            return match looks_old && !is_command(word) {
                true => Err(refused(format!(
                    "`{word}` is unexpected: the old command line has options only"
                ))),
                false => Ok(Parsed::Ours),
            };
        }
        let (name, inline) = split(word);
        match (name, inline) {
            ("help" | "h" | "version" | "V" | "", _) => return Ok(Parsed::Ours),
            ("v" | "vv" | "verbose", None) => given.ours.push(word.clone()),
            ("q", None) => {
                only_old = true;
                given.values.insert("quiet", String::new());
            }
            ("scope", Some(_)) => given.ours.push(word.clone()),
            ("scope", None) => {
                given.ours.push(word.clone());
                given.ours.extend(rest.next().cloned());
            }
            (name, inline) => {
                let name = if name == "c" { "config" } else { name };
                let Some(old) = Old::find(name) else {
                    return match looks_old {
                        true => Err(unknown(word)),
                        false => Ok(Parsed::Ours),
                    };
                };
                if old.name == "version" {
                    return Ok(Parsed::Ours);
                }
                only_old |= old.is_only_old() || word == "-c";
                let text = text_of(old, word, inline, &mut rest)?;
                given.values.insert(old.name, text);
            }
        }
    }
    Ok(match only_old {
        true => Parsed::Old(given),
        false => Parsed::Either(given),
    })
}

/// `--name=value` into its halves; `--name` and `-n` have none.
fn split(word: &str) -> (&str, Option<&str>) {
    match word.strip_prefix("--") {
        Some(long) => match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        },
        None => (&word[1..], None),
    }
}

fn is_only_old(word: &str) -> bool {
    let exact = word.starts_with("--").then(|| Old::exact(split(word).0)).flatten();
    exact.is_some_and(Old::is_only_old)
}

fn text_of<'a>(
    old: &Old,
    word: &str,
    inline: Option<&str>,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<String, CliError> {
    match (old.takes_value, inline) {
        (false, None) => Ok(String::new()),
        (false, Some(_)) => Err(refused(format!("`{word}`: --{} takes no value", old.name))),
        (true, Some(value)) => Ok(value.to_owned()),
        (true, None) => match rest.next() {
            // As Python's parser had it: what has a blank in it, or is a number, is no option.
            Some(next) if !next.starts_with('-') || next.contains(' ') || is_number(next) => {
                Ok(next.clone())
            }
            _ => Err(refused(format!("--{} needs a value", old.name))),
        },
    }
}

fn is_number(word: &str) -> bool {
    word.parse::<f64>().is_ok()
}

/// The Python tool let such options pass without a word, and ran a cycle without them.
fn unknown(word: &str) -> CliError {
    let name = split(word).0;
    let meant = name.replace('-', "_");
    let error = refused(format!("`{word}` is no option of the old command line"));
    match Old::find(&meant) {
        Some(old) => error.hint(format!("it had --{}", old.name)),
        None => error.hint("`wnm --help` shows the commands there are now"),
    }
}

pub(super) fn refused(problem: String) -> CliError {
    CliError::usage(problem).hint("nothing was done")
}
