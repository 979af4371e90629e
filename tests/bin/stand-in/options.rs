//! Command lines, parsed as strictly as the real programs do.

use std::collections::BTreeMap;
use std::env;

/// One option of a program.
#[derive(Debug)]
pub(crate) struct Opt {
    /// With its dashes.
    pub(crate) name: &'static str,
    /// One dash and a letter, or empty.
    pub(crate) short: &'static str,
    /// Environment variable that stands for it, or empty.
    pub(crate) env: &'static str,
    /// What may follow.
    pub(crate) value: Value,
}

/// What may follow an option.
#[derive(Debug)]
pub(crate) enum Value {
    /// Nothing.
    Flag,
    /// Any text.
    Text,
    /// Any text, and the option may be repeated.
    Texts,
    /// A port, 0 included.
    Port,
    /// One of a few words.
    OneOf(&'static [&'static str]),
}

/// An option without short form and environment variable.
pub(crate) const fn opt(name: &'static str, value: Value) -> Opt {
    Opt { name, short: "", env: "", value }
}

/// An option with all its names.
pub(crate) const fn opt_as(
    name: &'static str,
    short: &'static str,
    env: &'static str,
    value: Value,
) -> Opt {
    Opt { name, short, env, value }
}

/// What was given.
#[derive(Debug, Default)]
pub(crate) struct Given {
    values: BTreeMap<&'static str, String>,
    /// From the first word that is no option: a sub-command and its own options.
    pub(crate) rest: Vec<String>,
}

impl Given {
    /// The value of an option; empty for a flag.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// True when the option was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A port that was given; it was checked while parsing.
    pub(crate) fn port(&self, name: &str) -> Option<u16> {
        self.get(name)?.parse().ok()
    }
}

/// Reads `args`; the error is the message of a usage error.
pub(crate) fn parse(table: &'static [Opt], args: &[String]) -> Result<Given, String> {
    let mut given = Given::default();
    let mut args = args.iter();
    while let Some(word) = args.next() {
        if !word.starts_with('-') {
            given.rest.push(word.clone());
            given.rest.extend(args.by_ref().cloned());
            break;
        }
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let opt = table
            .iter()
            .find(|opt| opt.name == name || (!opt.short.is_empty() && opt.short == name))
            .ok_or_else(|| format!("error: unexpected argument '{name}' found"))?;
        let value = match (&opt.value, inline) {
            (Value::Flag, None) => String::new(),
            (Value::Flag, Some(_)) => {
                return Err(format!("error: unexpected value for '{}' found", opt.name));
            }
            (_, Some(value)) => value,
            // Like clap: what looks like an option is not taken for a value.
            (_, None) => {
                args.next().filter(|value| !value.starts_with("--")).cloned().ok_or_else(|| {
                    format!("error: a value is required for '{}' but none was supplied", opt.name)
                })?
            }
        };
        check(opt, &value)?;
        let repeated = given.values.insert(opt.name, value).is_some();
        if repeated && !matches!(opt.value, Value::Texts) {
            return Err(format!(
                "error: the argument '{}' cannot be used multiple times",
                opt.name
            ));
        }
    }
    from_environment(table, &mut given)?;
    Ok(given)
}

fn from_environment(table: &'static [Opt], given: &mut Given) -> Result<(), String> {
    for opt in table.iter().filter(|opt| !opt.env.is_empty()) {
        let Ok(value) = env::var(opt.env) else {
            continue;
        };
        if given.has(opt.name) {
            continue;
        }
        match (&opt.value, value.as_str()) {
            (Value::Flag, "true") => given.values.insert(opt.name, String::new()),
            (Value::Flag, _) => None,
            _ => {
                check(opt, &value)?;
                given.values.insert(opt.name, value)
            }
        };
    }
    Ok(())
}

fn check(opt: &Opt, value: &str) -> Result<(), String> {
    let fits = match opt.value {
        Value::Flag | Value::Text | Value::Texts => true,
        Value::Port => value.parse::<u16>().is_ok(),
        Value::OneOf(words) => words.contains(&value),
    };
    match fits {
        true => Ok(()),
        false => Err(format!("error: invalid value '{value}' for '{}'", opt.name)),
    }
}

/// True for `0x` and forty hexadecimal digits.
pub(crate) fn is_address(text: &str) -> bool {
    text.strip_prefix("0x")
        .is_some_and(|hex| hex.len() == 40 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
