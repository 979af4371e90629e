//! What must hold whatever ufw prints.

use wnm_core::model::PortRule;

use super::parse;

pub(crate) fn prints(text: &str, rule: PortRule) {
    parse::is_active(text);
    parse::change(text);
    parse::replaced(text);
    parse::fault(text);
    let (found, ours) = (parse::find(text, rule, "wnm"), parse::ours(text, "wnm"));
    assert_eq!(found.is_some(), ours.is_some(), "one list, read in two ways");
    let (Some(found), Some(ours)) = (found, ours) else { return };
    assert_eq!(found.ours, ours.contains(&rule), "what is ours of one port and of all");
}
