use std::collections::BTreeSet;
use std::time::SystemTime;

use tempfile::TempDir;
use wnm_core::model::Timestamp;
use wnm_core::observe::ReleaseLooks;

use super::*;
use crate::manifest::{KeptFile, Verified};

fn store() -> (TempDir, BinaryStore) {
    let dir = TempDir::new().expect("a directory");
    let store = BinaryStore::new(dir.path().join("base/bin"));
    (dir, store)
}

fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

fn put(store: &BinaryStore, text: &str) -> Kept {
    let _lock = store.lock(Duration::ZERO).expect("free");
    let staging = store.stage().expect("room");
    let bytes = format!("program {text}");
    fs::write(staging.path.join("ant-node"), &bytes).expect("written");
    let (sha256, length) = Digest::of(&mut bytes.as_bytes()).expect("in memory");
    let manifest = Manifest {
        schema: SCHEMA,
        program: Program::AntNode,
        version: version(text),
        source: "https://example.org/x".into(),
        taken: Timestamp(0),
        verified: Verified::Operator,
        archive: None,
        files: vec![KeptFile { name: "ant-node".into(), bytes: length, sha256, mode: 0o555 }],
    };
    store.put(staging, &manifest).expect("put")
}

fn versions(store: &BinaryStore) -> Vec<String> {
    let shelf = store.shelf(Program::AntNode).expect("listed");
    shelf.kept.iter().map(|kept| kept.manifest.version.to_string()).collect()
}

#[test]
fn versions_are_kept_by_number_and_an_empty_store_has_none() {
    let (_dir, store) = store();
    assert_eq!(versions(&store), [""; 0]);
    assert_eq!(store.wanted(Program::AntNode, Channel::Stable), Ok(None));
    for text in ["0.9.0", "0.23.1", "0.24.0-beta.1", "0.23.0"] {
        put(&store, text);
    }
    assert_eq!(versions(&store), ["0.24.0-beta.1", "0.23.1", "0.23.0", "0.9.0"]);
    let wanted = |channel| {
        let kept = store.wanted(Program::AntNode, channel).expect("sound").expect("one");
        kept.manifest.version.to_string()
    };
    assert_eq!(
        (wanted(Channel::Stable), wanted(Channel::Beta)),
        ("0.23.1".into(), "0.24.0-beta.1".into())
    );
    let kept = store.find(Program::AntNode, &version("0.9.0")).expect("listed").expect("there");
    assert_eq!(fs::read(kept.release().path).expect("readable"), b"program 0.9.0");
    assert_eq!(store.shelf(Program::Antnode), Ok(Shelf::default()));
}

#[test]
fn a_pin_goes_before_everything_and_must_be_there() {
    let (_dir, store) = store();
    put(&store, "0.23.0");
    put(&store, "0.23.1");
    let missing = store.pin(Program::AntNode, Some(&version("0.22.0"))).expect_err("not there");
    assert_eq!(missing.kind, ReleaseFault::NotThere);
    assert_eq!(store.pin(Program::AntNode, Some(&version("0.23.0"))), Ok(true));
    assert_eq!(store.pin(Program::AntNode, Some(&version("0.23.0"))), Ok(false));
    let wanted = store.wanted(Program::AntNode, Channel::Stable).expect("sound").expect("one");
    assert_eq!((wanted.manifest.version.to_string(), wanted.pinned), ("0.23.0".into(), true));
    // Somebody deletes what was pinned: nothing else takes its place.
    fs::remove_dir_all(&wanted.directory).expect("deleted");
    let error = store.wanted(Program::AntNode, Channel::Stable).expect_err("it was wanted");
    assert_eq!(error.kind, ReleaseFault::NotThere);
    assert_eq!(store.pin(Program::AntNode, None), Ok(true));
    assert_eq!(store.pin(Program::AntNode, None), Ok(false));
    let wanted = store.wanted(Program::AntNode, Channel::Stable).expect("sound").expect("one");
    assert_eq!(wanted.manifest.version.to_string(), "0.23.1");
}

#[test]
fn what_is_no_version_is_told_and_never_given() {
    let (_dir, store) = store();
    let kept = put(&store, "0.23.1");
    put(&store, "0.23.0");
    let cut = kept.directory.join("ant-node");
    fs::write(&cut, "prog").expect("written");
    let shelf = store.shelf(Program::AntNode).expect("listed");
    assert_eq!(versions(&store), ["0.23.0"]);
    assert_eq!(shelf.broken.len(), 1);
    assert_eq!(shelf.broken[0].why, "ant-node is not what came");
    fs::remove_file(&cut).expect("deleted");
    assert!(store.shelf(Program::AntNode).expect("listed").broken[0].why.contains("No such file"));
    std::os::unix::fs::symlink("/bin/true", &cut).expect("a link");
    assert_eq!(versions(&store), ["0.23.0"], "a link is nobody's program");
    fs::create_dir(store.root().join("ant-node/0.22.0")).expect("made");
    fs::create_dir(store.root().join("ant-node/.old-1-x")).expect("made");
    assert_eq!(store.shelf(Program::AntNode).expect("listed").broken.len(), 2);
    // Taking it in again mends it.
    put(&store, "0.23.1");
    assert_eq!(versions(&store), ["0.23.1", "0.23.0"]);
    // A manifest that was moved to another version's place.
    fs::rename(store.root().join("ant-node/0.23.1"), store.root().join("ant-node/0.30.0"))
        .expect("moved");
    assert_eq!(versions(&store), ["0.23.0"]);
}

#[test]
fn a_check_reads_everything_again() {
    let (_dir, store) = store();
    let kept = put(&store, "0.23.1");
    assert_eq!(store.check(&kept), [""; 0]);
    let program = kept.directory.join("ant-node");
    fs::write(&program, "prosram 0.23.1").expect("the same length");
    fs::set_permissions(&program, Permissions::from_mode(0o777)).expect("set");
    fs::write(kept.directory.join("more"), "x").expect("written");
    let complaints = store.check(&kept);
    assert_eq!(complaints.len(), 3, "{complaints:?}");
    assert!(complaints[0].contains("has 14 bytes with the SHA-256"), "{complaints:?}");
    assert!(complaints[1].ends_with("can be written by others"), "{complaints:?}");
    assert!(complaints[2].ends_with("was not there before"), "{complaints:?}");
}

#[test]
fn the_newest_the_pinned_and_the_used_stay() {
    let (_dir, store) = store();
    for text in ["0.20.0", "0.21.0", "0.22.0", "0.23.0", "0.23.1"] {
        put(&store, text);
    }
    store.pin(Program::AntNode, Some(&version("0.20.0"))).expect("there");
    let used = BTreeSet::from([version("0.21.0")]);
    let lock = store.lock(Duration::ZERO).expect("free");
    let swept = store.collect(&lock, Program::AntNode, Channel::Stable, 2, &used).expect("deleted");
    assert_eq!(swept.versions, [version("0.22.0")]);
    assert_eq!(swept.bytes.0, "program 0.22.0".len() as u64);
    assert_eq!(versions(&store), ["0.23.1", "0.23.0", "0.21.0", "0.20.0"]);
    // Never less than two, whatever is asked for.
    store.pin(Program::AntNode, None).expect("taken back");
    let none = BTreeSet::new();
    store.collect(&lock, Program::AntNode, Channel::Stable, 0, &none).expect("deleted");
    assert_eq!(versions(&store), ["0.23.1", "0.23.0"]);
}

#[test]
fn what_the_channel_gives_stays_below_newer_versions_of_another() {
    let (_dir, store) = store();
    for text in ["0.22.0", "0.23.0", "0.23.1", "0.24.0-beta.1", "0.24.0-beta.2", "0.24.0-rc.1"] {
        put(&store, text);
    }
    let lock = store.lock(Duration::ZERO).expect("free");
    let none = BTreeSet::new();
    store.collect(&lock, Program::AntNode, Channel::Stable, 2, &none).expect("deleted");
    assert_eq!(versions(&store), ["0.24.0-rc.1", "0.24.0-beta.2", "0.23.1", "0.23.0"]);
}

#[test]
fn a_run_that_died_anywhere_leaves_no_half_version() {
    let (_dir, store) = store();
    put(&store, "0.23.0");
    let root = store.root();
    fs::create_dir_all(root.join(".new-999")).expect("made");
    fs::write(root.join(".new-999/ant-node"), "half").expect("written");
    fs::create_dir_all(root.join("ant-node/.old-999-0.22.0")).expect("made");
    fs::write(root.join(".pins.json.999"), "{").expect("written");
    fs::create_dir_all(store.parts()).expect("made");
    fs::write(store.parts().join("new"), "x").expect("written");
    assert_eq!(versions(&store), ["0.23.0"]);
    let lock = store.lock(Duration::ZERO).expect("free");
    store.sweep(&lock, SystemTime::UNIX_EPOCH).expect("swept");
    let mut left: Vec<String> = entries(root)
        .expect("listed")
        .iter()
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, [".lock", ".parts", "ant-node"]);
    assert_eq!(entries(&root.join("ant-node")).expect("listed").len(), 1);
    // A part that somebody may go on with stays, until nobody has for a fortnight.
    assert_eq!(entries(&store.parts()).expect("listed").len(), 1);
    let much_later = fs::metadata(store.parts().join("new")).and_then(|found| found.modified());
    let much_later = much_later.expect("a time") + Duration::from_secs(15 * 86_400);
    store.sweep(&lock, much_later).expect("swept");
    assert_eq!(entries(&store.parts()).expect("listed").len(), 0);
}

#[test]
fn what_was_staged_and_not_put_goes_by_itself() {
    let (_dir, store) = store();
    let staging = store.stage_after_lock();
    let path = staging.path.clone();
    assert!(path.is_dir());
    drop(staging);
    assert!(!path.exists_anyhow());
}

#[test]
fn one_at_a_time() {
    let (_dir, store) = store();
    let held = store.lock(Duration::ZERO).expect("free");
    let error = store.lock(Duration::from_millis(120)).expect_err("held");
    assert_eq!(error.kind, ReleaseFault::Busy);
    drop(held);
    assert!(store.lock(Duration::ZERO).is_ok());
}

#[test]
fn notes_that_are_damaged_are_told() {
    let (_dir, store) = store();
    put(&store, "0.23.1");
    fs::write(store.root().join("pins.json"), "{").expect("written");
    let error = store.wanted(Program::AntNode, Channel::Stable).expect_err("who knows");
    assert!(error.what.contains("pins.json is damaged"), "{error}");
    fs::write(store.root().join("looks.json"), "{").expect("written");
    assert_eq!(store.looks(Program::AntNode), wnm_core::observe::ReleaseLooks::default());
}

#[test]
fn nothing_is_left_of_a_store_that_is_discarded_but_what_is_somebody_elses() {
    let (_dir, store) = store();
    put(&store, "0.23.1");
    store.pin(Program::AntNode, Some(&version("0.23.1"))).expect("there");
    store.discard().expect("deleted");
    assert!(!store.root().exists_anyhow());
    store.discard().expect("nothing to do");
    put(&store, "0.23.1");
    fs::write(store.root().join("mine"), "x").expect("written");
    store.discard().expect("deleted");
    assert_eq!(entries(store.root()).expect("listed"), [store.root().join("mine")]);
}

/// Whatever is there, even a link that leads nowhere.
trait Exists {
    fn exists_anyhow(&self) -> bool;
}

impl Exists for Path {
    fn exists_anyhow(&self) -> bool {
        fs::symlink_metadata(self).is_ok()
    }
}

impl BinaryStore {
    fn stage_after_lock(&self) -> Staging {
        let _lock = self.lock(Duration::ZERO).expect("free");
        self.stage().expect("room")
    }
}

/// A cycle that looked for releases is still about to write that down when a teardown has ended.
#[test]
fn a_store_that_was_discarded_is_not_made_again_to_remember_something() {
    let dir = TempDir::new().expect("a directory");
    let store = BinaryStore::new(dir.path().join("bin"));
    let looks = ReleaseLooks::default;
    let remember = |patience| store.remember(Program::AntNode, looks(), patience);
    assert_eq!(remember(Duration::ZERO), Ok(false), "there never was one");
    let guard = store.lock(Duration::ZERO).expect("nobody else");
    assert_eq!(remember(Duration::ZERO).map_err(|it| it.kind), Err(ReleaseFault::Busy));
    drop(guard);
    assert_eq!(remember(Duration::ZERO), Ok(true));
    // One that waits for the lock of a store that goes meanwhile.
    let guard = store.lock(Duration::ZERO).expect("nobody else");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| remember(Duration::from_secs(20)));
        fs::remove_dir_all(store.root()).expect("deleted");
        drop(guard);
        assert_eq!(waiting.join().expect("no panic"), Ok(false));
    });
    assert!(!store.root().exists());
}
