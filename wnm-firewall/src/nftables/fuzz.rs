//! What must hold whatever nft prints.

use wnm_core::model::PortRule;

use super::parse;

pub(crate) fn prints(text: &str, rule: PortRule) {
    parse::fault(text);
    let Some(objects) = parse::objects(text) else { return };
    parse::table(&objects);
    parse::others(&objects, rule);
    let obstacles = parse::obstacles(&objects);
    // Nobody stands in the way of his own mark.
    assert!(obstacles.iter().all(|it| it.table != "inet wnm"));
    parse::is_asked_for(&objects);
}
