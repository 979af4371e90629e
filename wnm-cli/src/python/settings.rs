//! Settings in the Python tool's words: from its environment names and its configuration files.

use std::collections::BTreeMap;

use wnm_core::policy::{PolicyDraft, Setting};

use super::options::{Becomes, OPTIONS, Old};

/// Names so common that somebody else's value would stop wnm from running.
const TOO_COMMON: [&str; 1] = ["environment"];

/// Columns of its database that its own listing printed among the settings, and its files may hold.
const COLUMNS: [&str; 6] = [
    "id",
    "cpu_count",
    "node_removal_strategy",
    "max_node_per_container",
    "min_container_count",
    "docker_image",
];

/// The setting of ours that an old option sets, in our words.
pub(super) fn setting(old: &Old, text: &str) -> Option<(Setting, String)> {
    let Becomes::Setting(key) = old.becomes else { return None };
    let setting: Setting = key.parse().ok()?;
    Some((setting, value(setting, old, text)))
}

fn value(setting: Setting, old: &Old, text: &str) -> String {
    match setting {
        Setting::PortStart | Setting::MetricsPortStart | Setting::RpcPortStart => {
            // A whole port number was taken for its thousands.
            let thousands = text.parse::<u32>().ok().filter(|port| *port >= 1000);
            thousands.map_or(text.to_owned(), |port| (port / 1000).to_string())
        }
        Setting::NodeStorage => shell_words::quote(text).into_owned(),
        Setting::NoUpnp if !old.takes_value && text.is_empty() => "on".to_owned(),
        Setting::NoUpnp => switch(text).unwrap_or(text).to_owned(),
        _ => text.to_owned(),
    }
}

fn switch(text: &str) -> Option<&'static str> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "1" | "on" => Some("on"),
        "false" | "no" | "0" | "off" => Some("off"),
        _ => None,
    }
}

/// The name of the variable that set `setting`.
pub(crate) fn variable_of(setting: Setting) -> Option<String> {
    let becomes = Becomes::Setting(setting.key());
    OPTIONS.iter().find(|old| old.becomes == becomes).map(|old| old.name.to_uppercase())
}

/// Settings under the upper-case names of the Python tool, as far as they are of use here.
pub(crate) fn draft_of_environment(variables: &BTreeMap<String, String>) -> PolicyDraft {
    let mut draft = PolicyDraft::default();
    for old in OPTIONS.iter().filter(|old| !TOO_COMMON.contains(&old.name)) {
        let said = |text: &&String| !text.is_empty() && *text != "None";
        let text = variables.get(&old.name.to_uppercase()).filter(said);
        if let Some((setting, text)) = text.and_then(|text| setting(old, text)) {
            draft = draft.with(setting, text);
        }
    }
    draft
}

/// Reads `key=value`, `key: value` or `key value` lines with `#` comments. Answers the settings, and
/// what of the file has no effect here; `None` for a text in which no key is known.
pub(crate) fn draft_of_file(text: &str) -> Option<(PolicyDraft, Vec<String>)> {
    let mut draft = PolicyDraft::default();
    let mut without_effect = Vec::new();
    let mut is_ours = false;
    for line in text.lines() {
        let line = line.trim();
        // The head of an INI section and the marks of YAML were skipped there.
        if line.is_empty() || line.starts_with(['#', ';', '[']) || line.starts_with("---") {
            continue;
        }
        let (key, value) = entry(line);
        let name = key.to_lowercase().replace('-', "_");
        let old = Old::exact(&name);
        is_ours |= old.is_some() || COLUMNS.contains(&name.as_str());
        // A value that says nothing sets nothing: `None` is what the old listing printed.
        if value.is_empty() || value == "None" {
            continue;
        }
        match old.and_then(|old| setting(old, value)) {
            Some((setting, text)) => draft = draft.with(setting, text),
            // Keys that nobody knows were passed over there, and nodes must not be left alone
            // because of one.
            None => without_effect.push(key.to_owned()),
        }
    }
    is_ours.then_some((draft, without_effect))
}

/// Key and value, the value without its quotes and without what follows ` #`.
fn entry(line: &str) -> (&str, &str) {
    let end = line.find(|c: char| c == '=' || c == ':' || c.is_whitespace());
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim();
    for quote in ['"', '\''] {
        if let Some((inside, _)) = value.strip_prefix(quote).and_then(|it| it.split_once(quote)) {
            return (key, inside);
        }
    }
    (key, value.split(" #").next().unwrap_or_default().trim_end())
}
