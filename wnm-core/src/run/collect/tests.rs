//! What is concluded from a look that finds less than it looked for.

use super::*;
use crate::fakes::build::{STORAGE, draft, id, policy, record};
use crate::model::BootId;
use crate::policy::Setting;

#[test]
fn only_what_comes_or_goes_needs_no_root_of_its_own() {
    let draft =
        draft().with(Setting::Manager, "docker-antctl+user").with(Setting::Program, "antnode");
    let nodes = policy(&draft).nodes;
    let wallet = nodes.wallets.shares()[0].address;
    let made = record(1);
    let spec = nodes.spec(id(1), wallet, STORAGE.as_ref()).unwrap();
    let since = Instant { boot: BootId("only".into()), uptime_ms: 1 };
    let creating = Phase::Creating { since: since.clone() };
    let new = NodeRecord { spec, phase: creating.clone(), ..made.clone() };
    let root = |names: &[&str]| StorageReading {
        entries: Ok(names.iter().map(|name| (*name).to_owned()).collect()),
    };
    let unread = Unread { kind: FaultKind::NotFound, why: "no marker".into() };
    let unmounted = StorageReading { entries: Err(unread) };
    let is_so = |record: &NodeRecord, above: StorageReading| {
        is_without_root(record, &[(STORAGE.into(), above)].into())
    };
    assert!(is_so(&new, root(&["wnm-nodes-2"])));
    assert!(!is_so(&new, root(&["wnm-nodes-1"])), "it is there, and cannot be read");
    assert!(!is_so(&new, unmounted), "its disk is not there");
    let phase = Phase::Removing { since, cause: crate::model::Removal::Teardown };
    assert!(is_so(&NodeRecord { phase, ..new.clone() }, root(&[])));
    let steady = NodeRecord { phase: Phase::Steady, ..new };
    assert!(!is_so(&steady, root(&[])), "somebody moved it");
    let of_others = NodeRecord { phase: creating, ..made };
    assert!(!is_so(&of_others, root(&[])), "its root is for others as well");
}
