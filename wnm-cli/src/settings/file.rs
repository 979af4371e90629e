//! The configuration file: TOML, one `key = value` a setting.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads and edits the file")]

use std::collections::BTreeMap;
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
    /// What is to be said about files in that format.
    pub(super) warnings: Vec<String>,
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
            files.warnings.push(warning(path, &without_effect));
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
    let warnings = vec![warning(path, &without_effect)];
    Ok(Files { old, warnings, ..Files::default() })
}

fn warning(path: &Path, without_effect: &[String]) -> String {
    let path = path.display();
    let mut text = format!(
        "warning: {path} is a file of the Python tool; `wnm config list > config.toml` writes one of ours"
    );
    if !without_effect.is_empty() {
        text += &format!("; without effect in it: {}", without_effect.join(", "));
    }
    text
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
        ..CliError::default()
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

/// The text of the file with these changes, comments and order as they are, and what it then says.
/// A file that is not there is an empty one.
pub(crate) fn edited(
    path: &Path,
    changes: &BTreeMap<Setting, Option<String>>,
) -> Result<(String, PolicyDraft), CliError> {
    let text = read_if_there(path)?.unwrap_or_default();
    let text = edit(&text, changes).map_err(|problem| wrong(path, vec![problem]))?;
    let draft = parse(&text).map_err(|problems| wrong(path, problems))?;
    Ok((text, draft))
}

fn edit(text: &str, changes: &BTreeMap<Setting, Option<String>>) -> Result<String, String> {
    let mut document: toml_edit::DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| {
            error.to_string().trim_end().replace('\n', "\n  ")
        })?;
    for (setting, text) in changes {
        let Some(text) = text else {
            document.remove(setting.key());
            continue;
        };
        // A whole number is written as one.
        let mut value = match text.parse::<i64>().ok().filter(|number| number.to_string() == *text)
        {
            Some(number) => toml_edit::Value::from(number),
            None => toml_edit::Value::from(text.as_str()),
        };
        match document.get_mut(setting.key()).and_then(toml_edit::Item::as_value_mut) {
            Some(there) => {
                *value.decor_mut() = there.decor().clone();
                *there = value;
            }
            None => drop(document.insert(setting.key(), toml_edit::Item::Value(value))),
        }
    }
    Ok(document.to_string())
}

/// Writes the file beside itself and puts it in its place, so that it is never half there.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(
            crate::exit::Exit::Failed,
            format!("failed to write {}: {error}", path.display()),
        )
    };
    // A link stays one: what it points to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    let mut beside = path.clone().into_os_string();
    beside.push(format!(".{}", std::process::id()));
    fs::write(&beside, text).map_err(failed)?;
    if let Ok(there) = fs::metadata(path) {
        fs::set_permissions(&beside, there.permissions()).map_err(failed)?;
    }
    fs::rename(&beside, path).map_err(failed)
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

    #[test]
    fn an_edited_file_keeps_comments_and_order() {
        let text = "# my machine\n\nnode_cap = 5 # not more\n# slow disk\nhd_remove = \"80\"\nno_upnp = true\n";
        let changes = BTreeMap::from([
            (Setting::NodeCap, Some("7".to_owned())),
            (Setting::HdRemove, Some("85.5".to_owned())),
            (Setting::NoUpnp, None),
            (Setting::DelayStart, Some("10min".to_owned())),
        ]);
        insta::assert_snapshot!(edit(text, &changes).expect("sound"), @r#"
        # my machine

        node_cap = 7 # not more
        # slow disk
        hd_remove = "85.5"
        delay_start = "10min"
        "#);
        assert_eq!(edit("", &BTreeMap::new()), Ok(String::new()));
        assert!(edit("node_cap=1\nnode_cap=2\n", &changes).is_err());
    }

    proptest::proptest! {
        /// Whatever the values are, a listing of all settings read as a file gives the same values.
        #[test]
        fn a_listing_fed_back_changes_nothing(
            texts in proptest::collection::vec("[ -~\n\t\u{e9}\u{1f600}]{0,40}", Setting::ALL.len())
        ) {
            let rows: Vec<crate::output::ConfigRow> = Setting::ALL
                .iter()
                .zip(&texts)
                .map(|(setting, text)| crate::output::ConfigRow {
                    setting: *setting,
                    value: text.clone(),
                    source: crate::settings::Source::Store,
                })
                .collect();
            let draft = parse(&crate::output::config_text(&rows)).expect("a sound file");
            for (setting, text) in Setting::ALL.iter().zip(&texts) {
                proptest::prop_assert_eq!(draft.values.get(setting), Some(text));
            }
        }
    }
}
