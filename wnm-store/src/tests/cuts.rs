//! Stores as a dying machine may leave them: cut off, torn, with pages that were never written. Each
//! is refused, or tells what it told before.
#![expect(clippy::print_stdout, reason = "each test says how many images it tried")]

use wnm_core::host::{HostError, Store};
use wnm_core::observe::Ledger;

use super::museum::{PIECES, exhibit_in};
use super::{Home, add, at, done};
use crate::{SqliteStore, StoreError, StoreErrorKind};

/// A home where nothing waits for a disk, if there is such a place: there are thousands of images.
fn quick_home() -> Home {
    let memory = tempfile::TempDir::new_in("/dev/shm").or_else(|_| tempfile::TempDir::new());
    let directory = memory.unwrap();
    let file = directory.path().join("colony.db");
    Home { directory, file }
}

/// A store with these nodes, and everything that it ever told.
fn grown(nodes: u32) -> (Home, SqliteStore, Vec<Ledger>) {
    let home = quick_home();
    let store = SqliteStore::create(&home.file).unwrap();
    let mut known = vec![store.load().unwrap()];
    for number in 1..=nodes {
        let begun = store.begin(&add(number), &at(10)).unwrap();
        known.push(store.load().unwrap());
        store.finish(begun.op, &done(), at(11).wall).unwrap();
        known.push(store.load().unwrap());
    }
    (home, store, known)
}

fn refused(error: HostError) -> StoreErrorKind {
    let store = error.source.unwrap().downcast::<StoreError>().unwrap();
    store.kind.clone()
}

/// What such a file tells a cycle, after what a reader is told.
fn told(home: &Home) -> Result<Ledger, StoreErrorKind> {
    let read = SqliteStore::open_read_only(&home.file).map_err(|error| error.kind);
    let read = read.and_then(|store| store.load().map_err(refused));
    let store = SqliteStore::open(&home.file).map_err(|error| error.kind)?;
    let loaded = store.load().map_err(refused)?;
    if let Ok(read) = read {
        assert_eq!(read, loaded, "a reader and a cycle are told the same");
    }
    Ok(loaded)
}

#[track_caller]
fn expect(home: &Home, known: &[Ledger], what: &str) -> bool {
    match told(home) {
        Ok(ledger) => {
            assert!(known.contains(&ledger), "{what}: it tells what never was: {ledger:?}");
            true
        }
        Err(kind) => {
            assert!(kind.is_damage(), "{what}: {kind}");
            false
        }
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused_or_whole() {
    let (home, store, known) = grown(40);
    drop(store);
    let whole = std::fs::read(&home.file).unwrap();
    let last = &known[known.len() - 1..];
    let cut = quick_home();
    let mut opened = 0;
    for end in (0..=whole.len()).step_by(512) {
        std::fs::write(&cut.file, &whole[..end]).unwrap();
        opened += u32::from(expect(&cut, last, &format!("cut at {end}")));
        cut.clear();
    }
    assert!(opened > 0, "the whole file is among them");
    println!("{} images of the file, {opened} opened", whole.len() / 512 + 1);
}

#[test]
fn a_page_that_was_never_written_is_found() {
    let (home, store, known) = grown(40);
    drop(store);
    let whole = std::fs::read(&home.file).unwrap();
    let last = &known[known.len() - 1..];
    let torn = quick_home();
    // In halves: a sector is written as a whole, a page need not be.
    for half in 0..whole.len() / 2048 {
        for filling in [0x00, 0xff] {
            let mut bytes = whole.clone();
            bytes[half * 2048..(half + 1) * 2048].fill(filling);
            std::fs::write(&torn.file, &bytes).unwrap();
            sound_or_refused(&torn, last, &format!("half {half} of {filling:#x}"));
            torn.clear();
        }
    }
    println!("{} images with a half page", whole.len() / 2048 * 2);
}

/// What lies in the second half of a page may be a cell that nobody reads at the time; SQLite itself
/// is asked as well, as it is with every backup.
fn sound_or_refused(home: &Home, known: &[Ledger], what: &str) {
    match told(home) {
        Ok(ledger) if known.contains(&ledger) => {}
        Ok(ledger) => {
            let store = SqliteStore::open(&home.file).unwrap();
            let found = store.check().unwrap();
            assert!(!found.is_empty(), "{what}: nobody notices {} nodes", ledger.nodes.len());
        }
        Err(kind) => assert!(kind.is_damage(), "{what}: {kind}"),
    }
}

/// What a killed process leaves is the file and a log that ends anywhere: every transaction that is in
/// it as a whole counts, and no other.
#[test]
fn a_log_that_is_cut_anywhere_tells_what_was_at_some_moment() {
    let (home, store, known) = grown(10);
    let file = std::fs::read(&home.file).unwrap();
    let log = std::fs::read(home.beside("colony.db-wal")).unwrap();
    assert!(log.len() > 300 * 512, "there is something to cut: {}", log.len());
    let cut = quick_home();
    let mut latest = 0;
    for end in (0..log.len()).step_by(512).chain([log.len()]) {
        std::fs::write(&cut.file, &file).unwrap();
        std::fs::write(cut.beside("colony.db-wal"), &log[..end]).unwrap();
        let told = SqliteStore::open(&cut.file).map_err(|error| error.kind);
        let ledger = told.and_then(|store| store.load().map_err(refused));
        let ledger = ledger.unwrap_or_else(|kind| panic!("cut at {end}: {kind}"));
        let place = known.iter().position(|it| *it == ledger);
        let place = place.unwrap_or_else(|| panic!("cut at {end}: it tells what never was"));
        assert!(place >= latest, "cut at {end}: a longer log tells of less");
        latest = place;
        cut.clear();
    }
    assert_eq!(latest, known.len() - 1);
    println!("{} images of the log, all opened", log.len() / 512 + 1);
    drop(store);
}

/// The same for a store of an older schema that died while it was converted: that is done again, and
/// afterwards it tells what it would have told.
#[test]
fn a_conversion_that_is_cut_anywhere_is_done_again() {
    let (_, oldest) = PIECES[0];
    let home = exhibit_in(quick_home(), &format!("{oldest}\nPRAGMA journal_mode = WAL;"));
    let store = SqliteStore::open(&home.file).unwrap();
    let converted = store.load().unwrap();
    assert_eq!(converted.nodes.len(), 3);
    let file = std::fs::read(&home.file).unwrap();
    let log = std::fs::read(home.beside("colony.db-wal")).unwrap();
    let cut = quick_home();
    let (mut images, mut again) = (0, 0);
    for end in (0..log.len()).step_by(512).chain([log.len()]) {
        std::fs::write(&cut.file, &file).unwrap();
        std::fs::write(cut.beside("colony.db-wal"), &log[..end]).unwrap();
        let opened = SqliteStore::open(&cut.file).unwrap();
        assert_eq!(opened.check().unwrap(), Vec::<String>::new(), "cut at {end}");
        assert_eq!(opened.load().unwrap(), converted, "cut at {end}");
        drop(opened);
        images += 1;
        // Whoever converts puts a copy beside it first.
        again += u32::from(cut.names().iter().any(|name| name.contains("before-")));
        cut.clear();
    }
    assert!(again > 10 && again < images, "{again} of {images} died before the end");
    println!("{images} images of a conversion, {again} converted again");
    drop(store);
}

#[test]
fn a_log_with_a_torn_sector_ends_before_it() {
    let (home, _store, known) = grown(10);
    let file = std::fs::read(&home.file).unwrap();
    let log = std::fs::read(home.beside("colony.db-wal")).unwrap();
    let torn = quick_home();
    for sector in (0..log.len() / 512).step_by(3) {
        let mut bytes = log.clone();
        bytes[sector * 512..(sector + 1) * 512].fill(0xa5);
        std::fs::write(&torn.file, &file).unwrap();
        std::fs::write(torn.beside("colony.db-wal"), &bytes).unwrap();
        expect(&torn, &known, &format!("sector {sector}"));
        torn.clear();
    }
    println!("{} images of a log with a torn sector", (log.len() / 512).div_ceil(3));
}

impl Home {
    fn clear(&self) {
        for name in self.names() {
            let path = self.beside(&name);
            match path.is_dir() {
                true => std::fs::remove_dir_all(path).unwrap(),
                false => std::fs::remove_file(path).unwrap(),
            }
        }
    }
}
