//! What every store must do with upgrades.

use super::build::release;
use super::contract_store::{StoreAndIntents, added, at, done, planned};
use crate::action::{Action, Fault, Outcome, PlannedAction, Reason, Step, UpgradeFailure};
use crate::model::{NodeKey, Program, Release, Shown, Upgrade, UpgradeRole, Version};
use crate::observe::Ledger;

fn upgrade_of(node: NodeKey) -> PlannedAction {
    let to = Version::new(0, 24, 0);
    let upgrade = Upgrade {
        from: release().version,
        to: to.clone(),
        role: UpgradeRole::Canary,
        since: at(40).instant,
        before: Shown { peers: Some(3), records: None },
    };
    let release = Release::new(to, "/opt/next");
    planned(Action::Upgrade { node, release, upgrade: Box::new(upgrade), start: true })
}

pub(super) fn an_upgrade_is_in_the_record_until_it_is_proven(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    let begun = store.begin(&upgrade_of(node), &at(40)).unwrap();
    let record = store.load().unwrap().nodes[0].clone();
    assert_eq!(record.upgrade.as_ref().map(|it| it.role), Some(UpgradeRole::Canary));
    assert_eq!(record.version, Some(release().version), "nothing has happened yet");

    // A copy that fails leaves the old program in its place: there is nothing to prove.
    let stage = Step::Stage { release: release() };
    let full = Fault { step: Some(stage), message: "no space left".to_owned() };
    store.finish(begun.op, &Outcome::Failed { fault: full }, at(41).wall).unwrap();
    assert_eq!(store.load().unwrap().nodes[0].upgrade, None);

    let begun = store.begin(&upgrade_of(node), &at(50)).unwrap();
    let late = Fault { step: Some(Step::Start), message: "it ended at once".to_owned() };
    store.finish(begun.op, &Outcome::Failed { fault: late }, at(51).wall).unwrap();
    assert!(store.load().unwrap().nodes[0].upgrade.is_some(), "it is to be put back");

    let begun = store.begin(&upgrade_of(node), &at(60)).unwrap();
    store.finish(begun.op, &done(), at(61).wall).unwrap();
    let record = store.load().unwrap().nodes[0].clone();
    assert_eq!(record.version, Some(Version::new(0, 24, 0)));
    assert!(record.upgrade.is_some());

    let prove = planned(Action::Prove { node, version: Version::new(0, 24, 0) });
    let begun = store.begin(&prove, &at(70)).unwrap();
    let proven = |ledger: &Ledger| ledger.memory.nodes[&node.record].proven.clone();
    assert_eq!(proven(&store.load().unwrap()), Some(Version::new(0, 24, 0)));
    store.finish(begun.op, &done(), at(71).wall).unwrap();
    assert_eq!(store.load().unwrap().nodes[0].upgrade, None);
}

pub(super) fn a_repetition_that_fails_does_not_deny_what_was_done(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    let begun = store.begin(&upgrade_of(node), &at(40)).unwrap();
    let reason = Reason::Unfinished { op: begun.op };
    let again = PlannedAction { reason, ..upgrade_of(node) };
    let begun = store.begin(&again, &at(50)).unwrap();
    let stage = Step::Stage { release: release() };
    let busy = Fault { step: Some(stage), message: "it did not answer".to_owned() };
    store.finish(begun.op, &Outcome::Failed { fault: busy }, at(51).wall).unwrap();
    assert!(store.load().unwrap().nodes[0].upgrade.is_some(), "it may have the new one already");
}

pub(super) fn what_failed_is_quarantined_with_its_revert(store: &dyn StoreAndIntents) {
    let node = added(store, 1);
    let begun = store.begin(&upgrade_of(node), &at(40)).unwrap();
    store.finish(begun.op, &done(), at(41).wall).unwrap();
    let bad = Version::new(0, 24, 0);
    let revert = PlannedAction {
        action: Action::Revert {
            node,
            from: bad.clone(),
            to: release().version,
            quarantine: Some("antnode0001: its process ended".to_owned()),
            start: true,
        },
        reason: Reason::UpgradeFailed { version: bad.clone(), failure: UpgradeFailure::Died },
    };
    let begun = store.begin(&revert, &at(50)).unwrap();
    let ledger = store.load().unwrap();
    let program = ledger.nodes[0].spec.program;
    let held = ledger.holds.quarantine(program, &bad).expect("before anything is put back");
    assert_eq!((held.since, held.why.as_str()), (at(50).wall, "antnode0001: its process ended"));
    assert!(ledger.memory.failed.is_some_and(|it| it.nodes.contains(&node.record)));

    store.finish(begun.op, &done(), at(51).wall).unwrap();
    let record = store.load().unwrap().nodes[0].clone();
    assert_eq!((record.version, record.upgrade), (Some(release().version), None));

    let other = if program == Program::AntNode { Program::Antnode } else { Program::AntNode };
    assert!(!store.unquarantine(other, &bad).unwrap());
    assert!(store.unquarantine(program, &bad).unwrap());
    assert!(!store.unquarantine(program, &bad).unwrap());
    assert!(store.load().unwrap().holds.is_empty());
}

pub(super) fn upgrades_are_paused_by_word(store: &dyn StoreAndIntents) {
    assert!(!store.pause_upgrades(None).unwrap());
    assert!(store.pause_upgrades(Some(at(10).wall)).unwrap());
    assert!(!store.pause_upgrades(Some(at(20).wall)).unwrap());
    let paused = store.load().unwrap().holds.paused;
    assert_eq!(paused, Some(at(10).wall), "since the first word");
    assert!(store.pause_upgrades(None).unwrap());
    assert!(store.load().unwrap().holds.is_empty());
}
