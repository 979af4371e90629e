//! Keys: out of this machine and back, and never in two places. Nodes that are let go of.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::{TestEnv, is_there};

/// Two pairs of age keys that seal nothing else.
const RECIPIENT: &str = "age184etsf3s9fhvyygjm0en7w67cfrvy36k0splwk887wz2vse3nsqs9rq3y5";
const SECRET: &str = "AGE-SECRET-KEY-174Z3QA98YDY905XK6UK8LRD67DYX9AZ8HD33GEH3QYY2GAGRKFASXTVRGW";
const OTHER_SECRET: &str =
    "AGE-SECRET-KEY-1L0TG9LKW6MFFPWCYG9AJFUQN9V5TW6RZNNGU6TH30PU6J2Y67JMQJ4XC2J";

/// A home with one node that runs.
fn one_node() -> TestEnv {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    env.run(&["add"]).expect(0);
    env.cycle_until_resting_with(1);
    env
}

fn key_file(env: &TestEnv, number: u32) -> PathBuf {
    env.base_dir().join(format!("node/antnode{number:04}/node_identity.key"))
}

fn key(env: &TestEnv, number: u32) -> Vec<u8> {
    fs::read(key_file(env, number)).expect("it has a key")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn file(env: &TestEnv, name: &str, content: &str) -> PathBuf {
    let path = env.path(name);
    fs::write(&path, content).expect("written");
    path
}

/// What happens to a disk does not ask first.
#[test]
fn a_key_is_in_the_archive_as_soon_as_its_node_runs() {
    let env = one_node();
    let kept = env.base_dir().join("identities/antnode0001-1-ant-node.key");
    let key = key(&env, 1);
    assert_eq!(fs::read(&kept).expect("archived"), key);
    fs::remove_dir_all(env.base_dir().join("identities")).expect("ours");
    env.run(&["run"]).expect(0);
    assert_eq!(fs::read(&kept).expect("archived again"), key);
    // It is a copy, and no second node.
    insta::assert_snapshot!(env.run(&["identity", "restore", "1"]).block(), @"
    exit 5
    err| error: [DIR]/home/.local/share/autonomi/node/antnode0001 has that key: one identity never runs in two places
    err| hint: nothing was done
    ");
}

#[test]
fn a_removed_node_comes_back_with_its_key_and_only_once() {
    let env = one_node();
    let before = key(&env, 1);
    // Its key is in use.
    env.run(&["identity", "restore", "1"]).expect(5);
    env.run(&["remove", "1"]).expect(0);
    assert!(!is_there(&key_file(&env, 1)));

    let shown = env.run(&["identity", "restore", "antnode0001", "--dry-run"]).expect(0);
    assert!(shown.stdout.contains("make its directory with its key in it"), "{}", shown.block());
    assert!(!is_there(&key_file(&env, 1)), "a dry run does nothing");

    let done = env.run(&["identity", "restore", "antnode0001"]).expect(0);
    assert!(done.stdout.contains("done: add antnode0001"), "{}", done.block());
    env.cycle_until_resting_with(1);
    assert_eq!(key(&env, 1), before, "the same key");
    let mode = fs::metadata(key_file(&env, 1)).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let waiting = env.names("identities").into_iter().filter(|it| it.starts_with('.'));
    assert_eq!(waiting.count(), 0, "nothing of the key is left lying about");

    let again = env.run(&["identity", "restore", "antnode0001"]).expect(5);
    assert!(again.stderr.contains("never runs in two places"), "{}", again.block());
    assert_eq!(env.running().len(), 1);
}

#[test]
fn a_restore_that_is_killed_leaves_one_node_or_none() {
    let env = one_node();
    let before = key(&env, 1);
    env.run(&["remove", "1"]).expect(0);
    for delay in [5, 15, 30, 60] {
        let args = ["identity", "restore", "antnode0001"];
        env.run_and_kill(&args, Duration::from_millis(delay));
        env.run(&["run"]);
        assert!(env.running().len() <= 1, "after {delay} ms");
    }
    env.run(&["identity", "restore", "antnode0001"]);
    env.cycle_until_resting_with(1);
    assert_eq!(key(&env, 1), before);
}

#[test]
fn what_is_sealed_with_a_passphrase_is_opened_by_it_only_and_only_whole() {
    let env = one_node();
    let before = key(&env, 1);
    let right = file(&env, "right", "four words of mine\n");
    let wrong = file(&env, "wrong", "four words of yours\n");
    let backup = env.path("keys.age");
    let args =
        ["identity", "backup", "1", "--to", text(&backup), "--passphrase-file", text(&right)];
    env.run(&args).expect(0);
    env.run(&args).expect(1);
    let sealed = fs::read(&backup).expect("written");
    let mode = fs::metadata(&backup).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let name = b"public_key";
    assert!(!sealed.windows(name.len()).any(|it| it == name), "nothing of it can be read");
    env.run(&["remove", "1"]).expect(0);

    let restore = |file: &Path, phrase: &Path| {
        env.run(&["identity", "restore", text(file), "--passphrase-file", text(phrase)])
    };
    restore(&backup, &wrong).expect(5);
    env.run(&["identity", "restore", text(&backup)]).expect(5);
    let bent = env.path("bent.age");
    for (what, bytes) in [
        ("cut", sealed[..sealed.len() / 2].to_vec()),
        ("bent", sealed.iter().enumerate().map(|(at, it)| it ^ u8::from(at == 300)).collect()),
        ("empty", Vec::new()),
    ] {
        fs::write(&bent, bytes).expect("written");
        let refused = restore(&bent, &right);
        assert_eq!(refused.code, Some(5), "{what}: {}", refused.block());
    }
    assert!(env.running().is_empty() && env.names("node") == [".wnm-storage"]);
    restore(&backup, &right).expect(0);
    assert_eq!(key(&env, 1), before);
}

#[test]
fn the_archive_is_sealed_for_whom_the_settings_say() {
    let env = one_node();
    let before = key(&env, 1);
    env.run(&["config", "set", "identity_recipients", "age1nobody"]).expect(2);
    let bent = RECIPIENT.replace("age18", "age17");
    env.run(&["config", "set", "identity_recipients", &bent]).expect(2);
    env.run(&["config", "set", "identity_recipients", RECIPIENT]).expect(0);
    // What is in the archive stays as it is; what comes into it is sealed.
    fs::remove_dir_all(env.base_dir().join("identities")).expect("ours");
    env.run(&["run"]).expect(0);
    env.run(&["remove", "1"]).expect(0);
    let names = env.names("identities");
    assert_eq!(names, ["antnode0001-1-ant-node.age", "antnode0001-1-ant-node.json"]);
    assert!(env.run(&["identity", "list"]).expect(0).stdout.contains(", sealed, earned for"));

    env.run(&["identity", "restore", "1"]).expect(5);
    let wrong = file(&env, "wrong", OTHER_SECRET);
    let right = file(&env, "right", &format!("# mine\n{SECRET}\n"));
    env.run(&["identity", "restore", "1", "--identity-file", text(&wrong)]).expect(5);
    env.run(&["identity", "restore", "1", "--identity-file", text(&right)]).expect(0);
    assert_eq!(key(&env, 1), before);
    env.cycle_until_resting_with(1);
    env.run(&["identity", "backup", "1", "--to", text(&env.path("one")), "--recipient", "age1x"])
        .expect(2);
    assert!(!is_there(&env.path("one")));
}

#[test]
fn a_link_in_the_place_of_a_key_is_no_key() {
    let env = one_node();
    let place = key_file(&env, 1);
    let elsewhere = env.path("elsewhere.key");
    fs::rename(&place, &elsewhere).expect("moved");
    symlink(&elsewhere, &place).expect("linked");
    let to = env.path("keys.json");
    let refused = env.run(&["identity", "backup", "1", "--to", text(&to)]).expect(1);
    assert!(refused.stderr.contains("it is no file"), "{}", refused.block());
    env.run(&["remove", "1"]).expect(1);
    assert!(is_there(&elsewhere) && is_there(&place), "nothing is deleted that was not archived");
}

#[test]
fn a_node_moves_to_another_machine_and_does_not_start_here_again() {
    let here = one_node();
    let before = key(&here, 1);
    let bundle = here.path("moving.json");
    let moved = here.run(&["identity", "move", "1", "--export", text(&bundle)]).expect(0);
    assert!(moved.stderr.contains("IT IS NOT SEALED"), "{}", moved.block());
    assert!(here.running().is_empty() && here.names("node") == [".wnm-storage"]);
    assert!(here.run(&["identity", "list"]).expect(0).stdout.contains("HAS MOVED"));
    let refused = here.run(&["identity", "restore", "1"]).expect(5);
    assert!(refused.stderr.contains("--back"), "{}", refused.block());
    // The file of the other machine is no way around it.
    here.run(&["identity", "restore", text(&bundle)]).expect(5);

    let there = TestEnv::new();
    there.init(&["--node-cap", "1"]).expect(0);
    there.run(&["identity", "restore", text(&bundle)]).expect(0);
    there.cycle_until_resting_with(1);
    assert_eq!(key(&there, 1), before);
    // Both machines are this one here, so that it shows that it runs there.
    let refused = here.run(&["identity", "restore", "1", "--back"]).expect(5);
    assert!(refused.stderr.contains("has that key"), "{}", refused.block());

    there.run(&["remove", "1"]).expect(0);
    here.run(&["identity", "restore", "1", "--back"]).expect(0);
    here.cycle_until_resting_with(1);
    assert_eq!(key(&here, 1), before);
}

#[test]
fn a_move_that_was_cut_short_keeps_the_node_from_starting() {
    let env = one_node();
    let bundle = env.path("moving.json");
    // The data cannot be set aside, so that the removal fails.
    let root = env.base_dir().join("node");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o500)).expect("ours");
    if nix::unistd::geteuid().is_root() {
        // Root is not held back by modes; the story is told without the failure.
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("ours");
        env.run(&["identity", "move", "1", "--export", text(&bundle)]).expect(0);
        return;
    }
    env.run(&["identity", "move", "1", "--export", text(&bundle)]).expect(1);
    env.run(&["start", "1"]).expect(1);
    assert!(env.running().is_empty(), "it may run elsewhere by now");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("ours");
    env.run(&["identity", "move", "1", "--export", text(&bundle)]).expect(0);
    assert_eq!(env.names("node"), [".wnm-storage"]);
}

#[test]
fn a_node_moves_to_another_disk_with_its_data() {
    let env = TestEnv::new();
    let other = env.path("other");
    let first = env.base_dir().join("node");
    let roots = format!("{} {}", text(&first), text(&other));
    env.init(&["--node-cap", "1", "--node-storage", text(&first)]).expect(0);
    env.run(&["add"]).expect(0);
    env.cycle_until_resting_with(1);
    let before = key(&env, 1);
    fs::write(first.join("antnode0001/record"), "mine").expect("written");
    let refused = env.run(&["identity", "move", "1", "--to", text(&other)]).expect(5);
    assert!(refused.stderr.contains("is no storage root"), "{}", refused.block());
    env.run(&["config", "set", "node_storage", &roots]).expect(0);

    // Something is in the way: it goes on where it was.
    let there = other.join("antnode0001");
    fs::create_dir_all(there.join("precious")).expect("made");
    env.run(&["identity", "move", "1", "--to", text(&other)]).expect(1);
    env.cycle_until_resting_with(1);
    assert!(is_there(&key_file(&env, 1)) && is_there(&there.join("precious")));
    fs::remove_dir_all(&there).expect("ours");

    env.run(&["identity", "move", "1", "--to", text(&other)]).expect(0);
    assert!(env.running().is_empty(), "it never runs in two places");
    env.cycle_until_resting_with(1);
    assert_eq!(env.running()[0].0, there);
    assert_eq!(fs::read(there.join("node_identity.key")).expect("a key"), before);
    assert_eq!(fs::read_to_string(there.join("record")).expect("its data"), "mine");
    assert!(!is_there(&key_file(&env, 1)), "nothing carries its name there any more");
    env.run(&["remove", "1"]).expect(0);
    let left = fs::read_dir(&first).expect("there").flatten().map(|it| it.file_name());
    assert_eq!(left.collect::<Vec<_>>(), [".wnm-storage"], "what it left behind is gone with it");
}

#[test]
fn only_keys_of_nodes_that_are_long_gone_are_pruned() {
    let env = one_node();
    env.run(&["remove", "1"]).expect(0);
    env.run(&["identity", "prune", "--older-than", "29d", "--confirm"]).expect(2);
    let ran = env.run(&["identity", "prune", "--confirm"]).expect(0);
    assert!(ran.stderr.contains("no key is of a node that was removed so long ago"));
    assert_eq!(env.names("identities").len(), 2);
}

#[test]
fn a_released_node_goes_on_without_wnm() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.run(&["add", "--count", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    let pid = env.pid(1);
    insta::assert_snapshot!(env.run(&["release", "1"]).block(), @"
    exit 0
    out| done: release antnode0001
    out| before this: 2 of 2 nodes, 2 running
    err| release antnode0001: request 2
    err| antnode0001 is yours: NOTHING BRINGS IT BACK when its process ends or the machine restarts; its data is [DIR]/home/.local/share/autonomi/node/antnode0001
    err| wnm keeps 1 node now, and adds others up to node_cap where there is room: lower node_cap if it should not
    ");
    assert_eq!(env.pid(1), pid, "its process is not touched");
    assert!(env.names("identities").contains(&"antnode0001-1-ant-node.key".to_owned()));
    env.run(&["add"]).expect(0);
    assert!(is_there(&key_file(&env, 1)) && is_there(&env.base_dir().join("node/antnode0003")));
    env.run(&["release", "1"]).expect(2);

    env.run(&["teardown", "--confirm"]).expect(0);
    assert_eq!(env.pid(1), pid, "a teardown is of what wnm keeps");
    assert_eq!(env.running().len(), 1);
    // Whoever begins anew is told of it.
    let anew = env.init(&["--node-cap", "1"]).expect(2);
    assert!(anew.stderr.contains("is in use on this machine"), "{}", anew.block());
    assert_eq!(env.pid(1), pid);
}
