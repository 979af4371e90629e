//! What every store must do with nodes that are let go of.

use super::contract_store::{StoreAndIntents, added, at, begin, done, failed, recorded};
use crate::action::Action;

pub(super) fn a_released_node_is_forgotten_when_it_is_done_and_not_before(
    store: &dyn StoreAndIntents,
) {
    let node = added(store, 1);
    let before = recorded(store, 1);

    let begun = begin(store, Action::Release { node }, 30);
    assert_eq!(recorded(store, 1), before, "what is wanted of it stays");
    store.finish(begun.op, &failed("leave it to its manager"), at(40).wall).unwrap();
    assert_eq!(recorded(store, 1), before);

    let begun = begin(store, Action::Release { node }, 50);
    store.finish(begun.op, &done(), at(60).wall).unwrap();
    assert_eq!(store.load().unwrap().nodes, []);
    assert!(added(store, 1).record > node.record);
}
