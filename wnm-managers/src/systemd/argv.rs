//! Every call of systemctl, as data; whose systemd is asked is added by who calls.

use std::time::Duration;

use super::show;

/// systemctl answers in milliseconds, in half a second with hundreds of units.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Under cron and `sudo -u` this variable is missing, and it alone is enough.
pub(crate) fn user_environment(runtime_dir: &str) -> Vec<(String, String)> {
    vec![("XDG_RUNTIME_DIR".to_owned(), runtime_dir.to_owned())]
}

/// What is known of the units of these names.
pub(crate) fn show_units(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let properties = format!("--property={}", show::PROPERTIES.join(","));
    let mut args = vec!["show".to_owned(), properties, "--".to_owned()];
    args.extend(names);
    args
}

pub(super) fn reload() -> Vec<String> {
    vec!["daemon-reload".to_owned()]
}

pub(super) fn start(unit: &str) -> Vec<String> {
    verb("start", unit)
}

pub(super) fn stop(unit: &str) -> Vec<String> {
    verb("stop", unit)
}

pub(super) fn enable(unit: &str) -> Vec<String> {
    verb("enable", unit)
}

pub(super) fn disable(unit: &str) -> Vec<String> {
    verb("disable", unit)
}

pub(super) fn reset_failed(unit: &str) -> Vec<String> {
    verb("reset-failed", unit)
}

fn verb(verb: &str, unit: &str) -> Vec<String> {
    vec![verb.to_owned(), "--quiet".to_owned(), "--".to_owned(), unit.to_owned()]
}
