use std::os::unix::fs::PermissionsExt;

use wnm_core::host::{Intents, Store};
use wnm_core::model::Timestamp;
use wnm_core::policy::{PolicyDraft, Setting};

use super::{Home, add, at, count, cycles::Cycle, done};
use crate::{Backups, SqliteStore, StoreErrorKind, inspect};

const DAY: i64 = 86_400_000;

/// A store with some of everything.
pub(super) fn furnished() -> (Home, SqliteStore) {
    let (home, store) = Home::with_store();
    let draft = PolicyDraft::default().with(Setting::NodeCap, "7");
    store.set_policy(&draft, at(1).wall).unwrap();
    for number in 1..=3 {
        let begun = store.begin(&add(number), &at(10)).unwrap();
        store.finish(begun.op, &done(), at(11).wall).unwrap();
    }
    store.save_cycle(&Cycle::idle(&store, 60).recording()).unwrap();
    (home, store)
}

fn mode(file: &std::path::Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_backup_is_the_store_without_its_cycles() {
    let (home, store) = furnished();
    let before = std::fs::read(&home.file).unwrap();
    let backups = Backups::of(&home.file);
    assert_eq!(backups.list().unwrap(), []);
    let made = backups.make(Timestamp(DAY)).unwrap();
    assert_eq!(std::fs::read(&home.file).unwrap(), before, "the store is left as it is");
    assert_eq!((mode(&made.file), mode(backups.directory())), (0o600, 0o700));
    assert_eq!(backups.list().unwrap(), std::slice::from_ref(&made));
    assert_eq!(made.file, home.beside("backups/colony-19700102T000000Z.db"));

    let sound = inspect(&made.file).unwrap();
    assert_eq!(sound.ledger, store.load().unwrap());
    assert_eq!(sound.version, store.status().unwrap().version);
    let copy = SqliteStore::open_read_only(&made.file).unwrap();
    assert_eq!((count(&copy, "cycles"), count(&copy, "cycle_groups")), (0, 0));
    assert_eq!((count(&store, "cycles"), count(&copy, "operations")), (1, 3));
    let beside = std::fs::read_dir(backups.directory()).unwrap().count();
    assert_eq!(beside, 1, "nothing is left beside it");
}

#[test]
fn what_is_being_written_is_not_in_it() {
    let (home, store) = furnished();
    let mut busy = home.connect();
    crate::store::execute(&mut busy, "BEGIN IMMEDIATE; DELETE FROM nodes;").unwrap();
    let made = Backups::of(&home.file).make(Timestamp(DAY)).unwrap();
    assert_eq!(inspect(&made.file).unwrap().ledger.nodes.len(), 3);
    crate::store::execute(&mut busy, "COMMIT").unwrap();
    assert_eq!(store.load().unwrap().nodes.len(), 0);
    assert_eq!(inspect(&made.file).unwrap().ledger.nodes.len(), 3);
}

#[test]
fn one_a_day_is_due_whatever_the_clock_does() {
    let (home, _store) = furnished();
    let backups = Backups::of(&home.file);
    let now = 100 * DAY;
    let due = |at: i64| backups.is_due(Timestamp(at)).unwrap();
    assert!(due(now));
    backups.make(Timestamp(now)).unwrap();
    assert!(!due(now) && !due(now + DAY - 1000) && due(now + DAY));
    // A clock that was put back a little, or a lot.
    assert!(!due(now - 600_000) && due(now - 2 * DAY));
}

#[test]
fn two_of_one_second_do_not_meet() {
    let (home, _store) = furnished();
    let backups = Backups::of(&home.file);
    let first = backups.make(Timestamp(DAY)).unwrap();
    let second = backups.make(Timestamp(DAY)).unwrap();
    assert_eq!(second.made.0 - first.made.0, 1000);
    assert_eq!(backups.list().unwrap(), [second, first]);
}

#[test]
fn old_ones_go_and_what_is_not_ours_stays() {
    let (home, _store) = furnished();
    let backups = Backups::of(&home.file);
    backups.make(Timestamp(0)).unwrap();
    let strange = ["notes.txt", "colony-last.db", "colony-19700101T000000Z.db.bak"];
    for name in strange {
        std::fs::write(backups.directory().join(name), "mine").unwrap();
    }
    let left = ["colony-19700101T000009Z.db.part", "colony-19700101T000009Z.db.new"];
    for name in left {
        std::fs::write(backups.directory().join(name), "half").unwrap();
    }
    assert_eq!(backups.list().unwrap().len(), 1, "half a backup is none");
    for day in 1..12 {
        backups.make(Timestamp(day * DAY)).unwrap();
    }
    assert_eq!(backups.list().unwrap().len(), 7);
    assert_eq!(backups.list().unwrap()[6].made, Timestamp(5 * DAY));
    for name in strange {
        assert!(backups.directory().join(name).try_exists().unwrap(), "{name}");
    }
    for name in left {
        assert!(!backups.directory().join(name).try_exists().unwrap(), "{name}");
    }
}

#[test]
fn nothing_is_written_over() {
    let (home, _store) = furnished();
    let backups = Backups::of(&home.file);
    for end in ["", ".part", ".new"] {
        let file = home.beside("mine.db");
        let taken = home.beside(&format!("mine.db{end}"));
        std::fs::write(&taken, "mine").unwrap();
        let refused = backups.make_at(&file).unwrap_err();
        assert_eq!(refused.kind, StoreErrorKind::Exists, "{refused}");
        assert_eq!(std::fs::read(&taken).unwrap(), b"mine");
        std::fs::remove_file(&taken).unwrap();
    }
    let nowhere = backups.make_at(&home.beside("no/such/mine.db")).unwrap_err();
    assert_eq!(nowhere.kind, StoreErrorKind::Missing);
}

#[test]
fn a_damaged_store_makes_no_backup() {
    let (home, store) = furnished();
    let backups = Backups::of(&home.file);
    let good = backups.make(Timestamp(DAY)).unwrap();
    drop(store);
    home.execute("PRAGMA ignore_check_constraints = ON; UPDATE nodes SET phase = '7'");
    let refused = backups.make(Timestamp(2 * DAY)).unwrap_err();
    assert!(matches!(refused.kind, StoreErrorKind::Corrupt { table: "nodes", .. }), "{refused}");
    assert_eq!(backups.list().unwrap(), [good]);
}

#[test]
fn the_newest_sound_one_is_found_behind_spoiled_ones() {
    let (home, _store) = furnished();
    let backups = Backups::of(&home.file);
    let made: Vec<_> = (1..=4).map(|day| backups.make(Timestamp(day * DAY)).unwrap()).collect();
    std::fs::write(&made[3].file, "").unwrap();
    let bytes = std::fs::read(&made[2].file).unwrap();
    std::fs::write(&made[2].file, &bytes[..bytes.len() / 2]).unwrap();
    let (newest, sound) = backups.newest_sound().unwrap().unwrap();
    assert_eq!(newest, made[1]);
    assert_eq!(sound.ledger.nodes.len(), 3);
}

#[test]
fn they_outlive_their_store_until_they_are_discarded_themselves() {
    let (home, store) = furnished();
    let backups = Backups::of(&home.file);
    backups.make(Timestamp(DAY)).unwrap();
    std::fs::write(backups.directory().join("notes.txt"), "mine").unwrap();
    for name in ["colony.db.before-0002", "colony.db.damaged-19700101T000000Z-wal"] {
        std::fs::write(home.beside(name), "").unwrap();
    }
    drop(store);
    SqliteStore::discard(&home.file).unwrap();
    assert_eq!(home.names().len(), 3);
    assert_eq!(backups.list().unwrap().len(), 2);
    backups.discard().unwrap();
    assert_eq!(home.names(), ["backups"]);
    assert_eq!(std::fs::read_dir(backups.directory()).unwrap().count(), 1);
}
