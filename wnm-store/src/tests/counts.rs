//! How much is in a store.

use wnm_core::host::{Intents, Store};
use wnm_core::model::{Answer, Verb};
use wnm_core::policy::PolicyDraft;

use super::{Home, add, at};

#[test]
fn everything_is_counted() {
    let (_home, store) = Home::with_store();
    store.set_policy(&PolicyDraft::default(), at(1).wall).unwrap();
    let before = store.status().unwrap();
    store.begin(&add(1), &at(10)).unwrap();
    let first = store.request(&Verb::Add { count: 1 }, &at(10)).unwrap();
    store.request(&Verb::Add { count: 1 }, &at(10)).unwrap();
    store.answer(first, &Answer { done: 1, failed: 0, refused: vec![] }, at(20).wall).unwrap();
    let after = store.status().unwrap();
    assert_eq!((before.nodes, before.operations, before.requests), (0, 0, 0));
    assert_eq!((after.nodes, after.operations), (1, 1));
    assert_eq!((after.requests, after.open_requests), (2, 1));
    assert_eq!((after.generation, after.cycles), (before.generation, 0));
    assert!(after.bytes > 0 && after.reserve && !after.version.is_empty());
}
