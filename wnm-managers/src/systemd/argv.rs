//! Every call of systemctl, as data; whose systemd is asked is added by who calls.

use std::time::Duration;

use wnm_core::model::NodeId;

use super::{show, unit};

/// systemctl answers in milliseconds, in half a second with hundreds of units.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Under cron and `sudo -u` this variable is missing, and it alone is enough.
pub(crate) fn user_environment(runtime_dir: &str) -> Vec<(String, String)> {
    vec![("XDG_RUNTIME_DIR".to_owned(), runtime_dir.to_owned())]
}

pub(super) fn show(ids: &[NodeId]) -> Vec<String> {
    show_units(ids.iter().map(|id| unit::name(*id)))
}

/// The same for units of other names.
pub(crate) fn show_units(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let properties = format!("--property={}", show::PROPERTIES.join(","));
    let mut args = vec!["show".to_owned(), properties, "--".to_owned()];
    args.extend(names);
    args
}

pub(super) fn reload() -> Vec<String> {
    vec!["daemon-reload".to_owned()]
}

pub(super) fn start(id: NodeId) -> Vec<String> {
    verb("start", id)
}

pub(super) fn stop(id: NodeId) -> Vec<String> {
    verb("stop", id)
}

pub(super) fn enable(id: NodeId) -> Vec<String> {
    verb("enable", id)
}

pub(super) fn disable(id: NodeId) -> Vec<String> {
    verb("disable", id)
}

pub(super) fn reset_failed(id: NodeId) -> Vec<String> {
    verb("reset-failed", id)
}

fn verb(verb: &str, id: NodeId) -> Vec<String> {
    vec![verb.to_owned(), "--quiet".to_owned(), "--".to_owned(), unit::name(id)]
}
