//! The configuration file: TOML, one `key = value` a setting.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads the file")]

use std::fs;
use std::path::Path;

use wnm_core::policy::{PolicyDraft, Setting};

use crate::error::CliError;

/// The settings in `named`, which must be there, else in `usual`, which need not.
pub(super) fn read(named: Option<&Path>, usual: &Path) -> Result<PolicyDraft, CliError> {
    let path = named.unwrap_or(usual);
    match fs::read_to_string(path) {
        Ok(text) => parse(&text).map_err(|problems| CliError {
            exit: crate::exit::Exit::Usage,
            problems: problems
                .into_iter()
                .map(|problem| format!("{}: {problem}", path.display()))
                .collect(),
            hints: Vec::new(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
            Ok(PolicyDraft::default())
        }
        Err(error) => Err(CliError::usage(format!("failed to read {}: {error}", path.display()))),
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
