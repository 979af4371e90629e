//! What nft is asked: pure.

use wnm_core::host::Invocation;
use wnm_core::model::PortRule;

use super::MARK;
use crate::tool::{ASKING, CHANGING, call};

/// Our own table, with the elements of its set.
pub(super) fn table() -> Invocation {
    call("nft", &["-j", "list", "table", "inet", "wnm"], ASKING)
}

/// Everything but the elements of named sets, of which there may be a hundred thousand.
pub(super) fn ruleset() -> Invocation {
    call("nft", &["-j", "-t", "list", "ruleset"], ASKING)
}

/// One transaction: the table as it must be, whatever is left of it, and the port in its set. The
/// chain only marks, and comes before every filter; it decides nothing.
pub(super) fn open(rule: PortRule, comment: &str) -> Invocation {
    let script = format!(
        "add table inet wnm; \
         add set inet wnm ports {{ type inet_service; }}; \
         add chain inet wnm input {{ type filter hook input priority -300; policy accept; }}; \
         flush chain inet wnm input; \
         add rule inet wnm input udp dport @ports meta mark set meta mark or {MARK:#x}; \
         add element inet wnm ports {{ {} comment \"{comment}\" }}",
        rule.port
    );
    call("nft", &[&script], CHANGING)
}

pub(super) fn close(rule: PortRule) -> Invocation {
    call("nft", &[&format!("delete element inet wnm ports {{ {} }}", rule.port)], CHANGING)
}

/// With the last opening goes the table.
pub(super) fn close_last() -> Invocation {
    call("nft", &["delete", "table", "inet", "wnm"], CHANGING)
}
