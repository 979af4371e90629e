//! What every firewall must do, told once: the same story runs on the simulated host, on scripts and
//! on the real programs.

use std::collections::BTreeSet;

use crate::action::Change;
use crate::host::Firewall;
use crate::model::{NodePorts, PortRule};

/// The public ports of one node, every verb twice. `ports` are two that nobody has a rule for, and
/// `taken` is one that somebody else opened; `others` tells all rules that are not ours. Panics
/// where the firewall breaks its promise.
pub fn firewall(
    firewall: &dyn Firewall,
    ports: NodePorts,
    taken: PortRule,
    others: &dyn Fn() -> String,
) {
    let before = others();
    let unharmed = |when: &str| assert_eq!(others(), before, "others' rules changed: {when}");
    let [node, webrtc]: [PortRule; 2] = ports.public().collect::<Vec<_>>().try_into().unwrap();

    for rule in [node, webrtc] {
        assert!(!firewall.is_open(rule).unwrap(), "nothing was opened yet");
        assert_eq!(firewall.close(rule).unwrap(), Change::AlreadySo, "what is not there is closed");
    }
    assert_eq!(firewall.open(node).unwrap(), Change::Made);
    assert_eq!(firewall.open(node).unwrap(), Change::AlreadySo);
    assert!(firewall.is_open(node).unwrap());
    assert!(!firewall.is_open(webrtc).unwrap(), "one port is not the other");
    assert_eq!(firewall.open(webrtc).unwrap(), Change::Made);
    assert!(firewall.is_open(webrtc).unwrap());
    unharmed("by opening");

    assert_eq!(firewall.open(taken).unwrap(), Change::AlreadySo, "somebody else opened it");
    unharmed("by opening what is theirs");
    assert!(!firewall.is_open(taken).unwrap(), "that opening is not ours");
    assert_eq!(firewall.close(taken).unwrap(), Change::AlreadySo, "so it is not ours to close");
    unharmed("by closing what is theirs");

    assert_eq!(firewall.close(node).unwrap(), Change::Made);
    assert_eq!(firewall.close(node).unwrap(), Change::AlreadySo);
    assert!(!firewall.is_open(node).unwrap());
    assert!(firewall.is_open(webrtc).unwrap(), "the other stays");
    assert_eq!(firewall.open(node).unwrap(), Change::Made, "it can be opened again");
    let wanted = BTreeSet::from([node, webrtc, taken]);
    let openings = firewall.openings(&wanted).unwrap().expect("it is looked after, and on");
    assert_eq!(openings.ours, BTreeSet::from([node, webrtc]), "ours, and nobody else's");
    assert_eq!(openings.settled, BTreeSet::from([taken]));
    for rule in [node, webrtc] {
        assert_eq!(firewall.close(rule).unwrap(), Change::Made);
        assert_eq!(firewall.close(rule).unwrap(), Change::AlreadySo);
        assert!(!firewall.is_open(rule).unwrap());
    }
    let openings = firewall.openings(&wanted).unwrap().expect("it is looked after, and on");
    assert!(openings.ours.is_empty(), "nothing of ours is left: {openings:?}");
    unharmed("by closing");
}
