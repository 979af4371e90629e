//! What must hold whatever firewalls print, for `tests/fuzz`: each takes one input, and panics
//! otherwise.

use wnm_core::model::{PortRule, Protocol};

const RULE: PortRule = PortRule { port: 55001, protocol: Protocol::Udp };

/// What ufw answers.
pub fn ufw(data: &[u8]) {
    crate::ufw::fuzz::prints(&String::from_utf8_lossy(data), RULE);
}

/// What firewalld answers.
pub fn firewalld(data: &[u8]) {
    crate::firewalld::fuzz::prints(&String::from_utf8_lossy(data), RULE);
}

/// What nft answers.
pub fn nftables(data: &[u8]) {
    crate::nftables::fuzz::prints(&String::from_utf8_lossy(data), RULE);
}

/// The kernel's routes.
pub fn routes(data: &[u8]) {
    for interface in crate::routes::of_text(&String::from_utf8_lossy(data)) {
        assert!(!interface.is_empty() && !interface.contains(char::is_whitespace));
    }
}
