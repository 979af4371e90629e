use std::collections::BTreeSet;

use wnm_core::action::{Action, PlannedAction, Reason};
use wnm_core::fakes::build::id;
use wnm_core::host::{Intents, Store};
use wnm_core::model::{NodeKey, Phase, RecordId, Removal, Timestamp, Verb, Want};
use wnm_core::policy::{PolicyDraft, Setting};

use super::backups::furnished;
use super::{Home, add, at, done};
use crate::{Backups, Changed, SqliteStore, StoreErrorKind, restorable, salvage};

fn key(number: u32) -> NodeKey {
    NodeKey { id: id(number), record: RecordId(i64::from(number)) }
}

fn begin(store: &SqliteStore, action: Action) -> wnm_core::model::OpId {
    store.begin(&PlannedAction { action, reason: Reason::RoomAgain }, &at(20)).unwrap().op
}

/// A copy of `home`'s store, settled as `changed` says, in a home of its own.
fn put_back(home: &Home, changed: &Changed) -> (Home, SqliteStore) {
    let mut restoring = restorable(&home.file).unwrap();
    restoring.settle(changed, &at(1000)).unwrap();
    let fresh = Home::empty();
    restoring.put_in_place(&fresh.file, true, at(1000).wall).unwrap();
    let store = SqliteStore::open(&fresh.file).unwrap();
    (fresh, store)
}

#[test]
fn everything_under_way_comes_to_rest() {
    let (home, store) = furnished();
    store.request(&Verb::Remove { nodes: vec![key(2)] }, &at(20)).unwrap();
    begin(&store, Action::Remove { node: key(1), cause: Removal::Operator });
    let retired = begin(&store, Action::Retire { node: key(2), cause: Removal::Cap });
    store.finish(retired, &done(), at(21).wall).unwrap();
    assert_eq!(store.load().unwrap().open.len(), 1);

    let (_fresh, back) = put_back(&home, &Changed::default());
    let ledger = back.load().unwrap();
    assert_eq!((ledger.open.len(), ledger.requests.len(), ledger.samples.len()), (0, 0, 0));
    let wants: Vec<Want> = ledger.nodes.iter().map(|record| record.want).collect();
    assert_eq!(wants, [Want::StoppedByOperator, Want::Run, Want::Run]);
    assert!(ledger.nodes.iter().all(|record| record.phase == Phase::Steady));
    let answer = back.answer_to(wnm_core::model::RequestId(1)).unwrap().unwrap();
    assert!(answer.refused[0].ends_with("ask again"), "{answer:?}");
    // Nothing is removed for an hour, whatever the settings ask for.
    assert!(ledger.memory.removals_last_hour(&at(1001).instant) >= 4);
    assert_eq!(ledger.memory.boot, None);
    assert_eq!(back.check().unwrap(), Vec::<String>::new());
}

#[test]
fn no_number_is_given_out_again() {
    let (home, store) = furnished();
    let backup = Backups::of(&home.file).make(Timestamp(0)).unwrap();
    for number in 4..=9 {
        let begun = store.begin(&add(number), &at(30)).unwrap();
        store.finish(begun.op, &done(), at(31).wall).unwrap();
    }
    let mut restoring = restorable(&backup.file).unwrap();
    let mut known = salvage(&home.file);
    assert_eq!((known.nodes.len(), known.given["nodes"], known.given["operations"]), (9, 9, 9));
    known.note("nodes", 5000);
    let changed = Changed { salvage: known, ..Changed::default() };
    restoring.settle(&changed, &at(1000)).unwrap();
    assert!(store.is_in_place());
    restoring.put_in_place(&home.file, false, at(1000).wall).unwrap();
    assert!(!store.is_in_place(), "who had it open must open it again");
    drop(store);

    let back = SqliteStore::open(&home.file).unwrap();
    let begun = back.begin(&add(4), &at(1001)).unwrap();
    assert_eq!(begun.record, RecordId(6001));
    assert!(begun.op.0 > 100_000, "{:?}", begun.op);
    assert!(back.request(&Verb::Add { count: 1 }, &at(1)).unwrap().0 > 100_000);
}

#[test]
fn a_cap_below_the_nodes_there_are_is_raised() {
    let (home, store) = furnished();
    let draft = PolicyDraft::default().with(Setting::NodeCap, "1");
    store.set_policy(&draft, at(2).wall).unwrap();
    let cap = |changed: &Changed| {
        let (_fresh, back) = put_back(&home, changed);
        back.load().unwrap().draft.text(Setting::NodeCap).to_owned()
    };
    assert_eq!(cap(&Changed::default()), "3");
    let forgotten = BTreeSet::from([RecordId(1)]);
    let left_alone = BTreeSet::from([RecordId(2)]);
    assert_eq!(cap(&Changed { forgotten, left_alone, ..Changed::default() }), "1");
}

#[test]
fn nodes_are_left_alone_or_forgotten_as_it_was_found_out() {
    let (home, _store) = furnished();
    let changed = Changed {
        forgotten: BTreeSet::from([RecordId(1)]),
        left_alone: BTreeSet::from([RecordId(2)]),
        ..Changed::default()
    };
    let (_fresh, back) = put_back(&home, &changed);
    let nodes = back.load().unwrap().nodes;
    let nodes: Vec<_> = nodes.iter().map(|it| (it.record.0, it.want)).collect();
    assert_eq!(nodes, [(2, Want::Disabled), (3, Want::Run)]);
}

#[test]
fn what_was_there_is_kept_with_its_log() {
    let (home, store) = furnished();
    let backup = Backups::of(&home.file).make(Timestamp(0)).unwrap();
    store.begin(&add(4), &at(30)).unwrap();
    // As a process leaves it that is killed: part of it in the log.
    let died = Home::empty();
    for name in ["colony.db", "colony.db-wal", "colony.db-shm"] {
        std::fs::copy(home.beside(name), died.beside(name)).unwrap();
    }
    let [file, log] =
        ["colony.db", "colony.db-wal"].map(|it| std::fs::read(died.beside(it)).unwrap());
    assert!(!log.is_empty());

    let mut restoring = restorable(&backup.file).unwrap();
    restoring.settle(&Changed::default(), &at(1000)).unwrap();
    let restored = restoring.put_in_place(&died.file, true, Timestamp(0)).unwrap();
    let kept = died.beside("colony.db.damaged-19700101T000000Z");
    assert_eq!(restored.aside, Some(kept.clone()));
    assert_eq!(std::fs::read(&kept).unwrap(), file);
    assert_eq!(std::fs::read(died.beside("colony.db.damaged-19700101T000000Z-wal")).unwrap(), log);
    assert_eq!(SqliteStore::open(&kept).unwrap().load().unwrap().nodes.len(), 4);
    assert_eq!(SqliteStore::open(&died.file).unwrap().load().unwrap().nodes.len(), 3);
}

#[test]
fn what_cannot_be_put_back_changes_nothing() {
    let (home, store) = furnished();
    drop(store);
    let before = std::fs::read(&home.file).unwrap();
    std::fs::write(home.beside("text.db"), "not a database").unwrap();
    assert_eq!(restorable(&home.beside("text.db")).unwrap_err().kind, StoreErrorKind::Foreign);
    assert_eq!(restorable(&home.beside("none.db")).unwrap_err().kind, StoreErrorKind::Missing);
    std::fs::remove_file(home.beside("text.db")).unwrap();

    // The name for what is there is taken.
    std::fs::write(home.beside("colony.db.damaged-19700101T000000Z"), "mine").unwrap();
    let mut restoring = restorable(&home.file).unwrap();
    let refused = restoring.put_in_place(&home.file, true, Timestamp(0)).unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::Exists, "{refused}");
    std::fs::remove_file(home.beside("colony.db.damaged-19700101T000000Z")).unwrap();
    assert_eq!(std::fs::read(&home.file).unwrap(), before);
    // Reading leaves two empty files beside a store.
    let mut names = home.names();
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    assert_eq!(names, ["colony.db", "colony.db.reserve"]);
}

#[test]
fn an_older_store_is_brought_up_to_date_on_its_way_back() {
    let (home, store) = furnished();
    drop(store);
    home.execute(include_str!("../../migrations/0002_upgrades/down.sql"));
    home.execute("DELETE FROM __diesel_schema_migrations WHERE version = '0002'");
    let before = std::fs::read(&home.file).unwrap();
    let mut restoring = restorable(&home.file).unwrap();
    assert_eq!(restoring.version(), "0001");
    assert_eq!(restoring.ledger().unwrap().nodes.len(), 3);
    assert_eq!(std::fs::read(&home.file).unwrap(), before);
    let (_fresh, back) = put_back(&home, &Changed::default());
    assert_eq!(back.load().unwrap().nodes.len(), 3);
}
