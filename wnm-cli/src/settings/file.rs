//! The configuration file: TOML, one `key = value` a setting.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads and edits the file")]

#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
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
            remove(&mut document, setting.key());
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

/// Comments above a key may be about the whole file: they go to what follows.
fn remove(document: &mut toml_edit::DocumentMut, key: &str) {
    let follows = document.iter().skip_while(|(name, _)| *name != key).nth(1);
    let follows = follows.map(|(name, _)| name.to_owned());
    let Some((removed, _)) = document.remove_entry(key) else { return };
    let text = |raw: Option<&toml_edit::RawString>| {
        raw.and_then(toml_edit::RawString::as_str).unwrap_or_default().to_owned()
    };
    let above = text(removed.leaf_decor().prefix());
    match follows.as_deref().and_then(|name| document.key_mut(name)) {
        Some(mut next) => {
            let own = text(next.leaf_decor().prefix());
            next.leaf_decor_mut().set_prefix(above + &own);
        }
        None => {
            let own = text(Some(document.trailing()));
            document.set_trailing(above + &own);
        }
    }
}

/// Writes the file beside itself and puts it in its place, so that it is never half there. It stays
/// its owner's: a cycle that runs as somebody else must go on reading it.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(
            crate::exit::Exit::Failed,
            format!("failed to write {}: {error}", path.display()),
        )
    };
    // A link stays one: what it points to is replaced.
    let path = &match fs::canonicalize(path) {
        Ok(path) => path,
        Err(error) if fs::symlink_metadata(path).is_ok() => return Err(failed(error)),
        Err(_) => path.to_owned(),
    };
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    let mut beside = path.clone().into_os_string();
    beside.push(format!(".{}", std::process::id()));
    let written = write_like(Path::new(&beside), text, path);
    let placed = written.and_then(|()| fs::rename(&beside, path));
    if placed.is_err() {
        let _ = fs::remove_file(&beside);
    }
    placed.map_err(failed)?;
    match path.parent().map(fs::File::open) {
        Some(Ok(directory)) => directory.sync_all().map_err(failed),
        _ => Ok(()),
    }
}

/// A new file with this text, and with mode and owner of `other` if that is there; on disk when this
/// returns.
fn write_like(new: &Path, text: &str, other: &Path) -> std::io::Result<()> {
    let there = fs::metadata(other).ok();
    // What was private is so from the first byte; a first file is as open as its owner wants it.
    let mode = if there.is_some() { 0o600 } else { 0o666 };
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(new)?;
    file.write_all(text.as_bytes())?;
    if let Some(there) = there {
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
            std::os::unix::fs::fchown(&file, Some(there.uid()), Some(there.gid()))?;
        }
        file.set_permissions(there.permissions())?;
    }
    file.sync_all()
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
    fn what_is_unset_takes_no_comments_with_it() {
        let text = "# about this file\n\n# why\nhd_remove = 80\n# and this\nnode_cap = 3 # three\n";
        let unset = |setting| edit(text, &BTreeMap::from([(setting, None)])).expect("sound");
        let first = unset(Setting::HdRemove);
        assert_eq!(first, "# about this file\n\n# why\n# and this\nnode_cap = 3 # three\n");
        let last = unset(Setting::NodeCap);
        assert_eq!(last, "# about this file\n\n# why\nhd_remove = 80\n# and this\n");
    }

    #[test]
    fn a_replaced_file_keeps_mode_and_links_and_a_dangling_link_is_refused() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let home = tempfile::tempdir().expect("a directory");
        let (file, link) = (home.path().join("config.toml"), home.path().join("link"));
        fs::write(&file, "node_cap = 1\n").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("mine");
        symlink(&file, &link).expect("linked");
        replace(&link, "node_cap = 2\n").expect("replaced");
        assert_eq!(fs::read_to_string(&file).expect("there"), "node_cap = 2\n");
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        fs::remove_file(&file).expect("mine");
        assert!(replace(&link, "node_cap = 3\n").is_err());
        assert_eq!(fs::read_dir(home.path()).expect("there").count(), 1, "the link alone");
    }

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
