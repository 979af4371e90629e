//! The configuration file: TOML, one `key = value` a setting.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads the file")]

use std::fs;
use std::path::{Path, PathBuf};

use wnm_core::policy::{PolicyDraft, Setting};

use crate::error::CliError;

/// What the files say.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) ours: PolicyDraft,
    /// In the Python tool's format.
    pub(super) old: PolicyDraft,
}

/// The settings in `named`, which must be there, else in `usual` and in the Python tool's own files,
/// which need not.
pub(super) fn read(named: Option<&Path>, usual: &Path, old: &[PathBuf]) -> Result<Files, CliError> {
    if let Some(path) = named {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        return either(path, &text);
    }
    let mut files = Files::default();
    if let Some(text) = read_if_there(usual)? {
        files.ours = parse(&text).map_err(|problems| wrong(usual, problems))?;
    }
    for path in old {
        // What is no such file is somebody else's.
        let text = read_if_there(path).unwrap_or_default();
        let found = text.as_deref().and_then(crate::python::draft_of_file);
        if let Some((draft, without_effect)) = found {
            warn(path, &without_effect);
            files.old = files.old.under(&draft);
        }
    }
    Ok(files)
}

/// A file that was named: in our format, or, unless its name says otherwise, the Python tool's.
fn either(path: &Path, text: &str) -> Result<Files, CliError> {
    let problems = match parse(text) {
        Ok(ours) => return Ok(Files { ours, ..Files::default() }),
        Err(problems) => problems,
    };
    let is_toml = path.extension().is_some_and(|kind| kind == "toml");
    let old = (!is_toml).then(|| crate::python::draft_of_file(text)).flatten();
    let (old, without_effect) = old.ok_or_else(|| wrong(path, problems))?;
    warn(path, &without_effect);
    Ok(Files { old, ..Files::default() })
}

fn warn(path: &Path, without_effect: &[String]) {
    let path = path.display();
    let mut text = format!(
        "warning: {path} is a file of the Python tool; `wnm config list > config.toml` writes one of ours"
    );
    if !without_effect.is_empty() {
        text += &format!("; without effect in it: {}", without_effect.join(", "));
    }
    crate::output::say(&text);
}

fn read_if_there(path: &Path) -> Result<Option<String>, CliError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::usage(format!("failed to read {}: {error}", path.display()))
}

fn wrong(path: &Path, problems: Vec<String>) -> CliError {
    let named = |problem| format!("{}: {problem}", path.display());
    CliError {
        exit: crate::exit::Exit::Usage,
        problems: problems.into_iter().map(named).collect(),
        hints: Vec::new(),
    }
}

/// Every problem at once.
fn parse(text: &str) -> Result<PolicyDraft, Vec<String>> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        vec![error.to_string().trim_end().replace('\n', "\n  ")]
    })?;
    let mut draft = PolicyDraft::default();
    let mut problems = Vec::new();
    for (key, value) in &table {
        match (key.parse::<Setting>(), value) {
            (Err(error), _) => problems.push(error.to_string()),
            (Ok(setting), value) => match text_of(setting, value) {
                Some(text) => draft = draft.with(setting, text),
                None => problems.push(format!("{key} must be a text, a number, true or false")),
            },
        }
    }
    if problems.is_empty() { Ok(draft) } else { Err(problems) }
}

fn text_of(setting: Setting, value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(value) => Some(if *value { "on" } else { "off" }.to_owned()),
        toml::Value::Array(values) if setting.is_list() => {
            let texts: Option<Vec<String>> =
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
            Some(setting.join(&texts?))
        }
        toml::Value::Array(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind() {
        let draft = parse("node_cap = 5\nno_upnp = true\nenvironment = [\"A=b c\", \"D=e\"]\n");
        let draft = draft.expect("a sound file");
        assert_eq!(draft.text(Setting::NodeCap), "5");
        assert_eq!(draft.text(Setting::NoUpnp), "on");
        assert_eq!(draft.text(Setting::Environment), "'A=b c' 'D=e'");
    }

    #[test]
    fn all_problems_at_once() {
        let problems = parse("node_cpa = 5\nnode_cap = [1]\nmem_remove = 70\n").expect_err("two");
        assert_eq!(problems.len(), 2);
        assert!(problems.iter().any(|problem| problem.contains("nearest is `node_cap`")));
        assert!(parse("node_cap =").is_err());
    }
}
