//! What ufw is asked: pure.

use wnm_core::host::Invocation;
use wnm_core::model::PortRule;

use crate::tool::{ASKING, CHANGING, call};

/// Whether ufw is active.
pub(super) fn status() -> Invocation {
    call("ufw", &["status"], ASKING)
}

/// All rules that people and programs added, as commands; also while ufw is inactive.
pub(super) fn show_added() -> Invocation {
    call("ufw", &["show", "added"], ASKING)
}

/// Opens. Takes over a rule for the same port that is there already: look first.
pub(super) fn allow(rule: PortRule, comment: &str) -> Invocation {
    call("ufw", &["allow", &rule.to_string(), "comment", comment], CHANGING)
}

/// Closes. With a comment ufw deletes only a rule that has the very same one; without it would
/// delete anybody's.
pub(super) fn delete(rule: PortRule, comment: &str) -> Invocation {
    call("ufw", &["delete", "allow", &rule.to_string(), "comment", comment], CHANGING)
}
