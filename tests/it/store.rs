//! The store is damaged or lost: backups, what is said, what is put back, and what the cycles after do.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Ran, TestEnv, is_there};

/// So many nodes that run, and the backup that the last cycle made.
fn nodes(count: &str) -> TestEnv {
    let env = TestEnv::new();
    env.init(&["--node-cap", count]).expect(0);
    env.run(&["add", "--count", count]).expect(0);
    env.cycle_until_resting_with(count.parse().expect("a number"));
    assert_eq!(env.names("backups").len(), 1, "a cycle makes one a day");
    env
}

fn store(env: &TestEnv) -> PathBuf {
    env.base_dir().join("colony.db")
}

/// Everything behind the first page, which says whose file it is.
fn damage(env: &TestEnv) {
    let file = fs::OpenOptions::new().write(true).open(store(env)).expect("there");
    let size = file.metadata().expect("a size").len();
    file.write_all_at(&vec![0x5a; (size - 4096) as usize], 4096).expect("written");
}

/// Without what a clock says: the times in names and lines.
fn timeless(ran: &Ran) -> String {
    let line = |line: &str| {
        let words = line.split(' ').map(|word| match word {
            _ if word.contains("colony-20") => {
                word.split("colony-20").next().unwrap_or("").to_owned() + "[BACKUP]"
            }
            _ if word.contains("damaged-20") => {
                word.split("damaged-20").next().unwrap_or("").to_owned() + "damaged-[TIME]"
            }
            _ if word.contains("replaced-20") => {
                word.split("replaced-20").next().unwrap_or("").to_owned() + "replaced-[TIME]"
            }
            _ if word.starts_with("20") && word.len() == 10 => "[DAY]".to_owned(),
            _ if word.len() == 8 && word.matches(':').count() == 2 => "[TIME]".to_owned(),
            _ => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let pids = |line: String| match line.split_once(", process ") {
        Some((start, rest)) => {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{start}, process [PID]{rest}")
        }
        None => line,
    };
    ran.block().lines().map(|it| pids(line(it)) + "\n").collect()
}

/// Which nodes are recorded, with what is wanted of them.
fn recorded(env: &TestEnv) -> Vec<(u64, String)> {
    let status = env.run(&["status", "--json"]).expect(0).json();
    let nodes = status["nodes"].as_array().expect("a list").clone();
    let of = |node: &serde_json::Value| {
        let record = &node["record"];
        let want = record["want"].as_str().expect("a word").to_owned();
        (record["record"].as_u64().expect("a number"), want)
    };
    nodes.iter().map(of).collect()
}

#[test]
fn a_damaged_store_comes_back_from_its_backup_and_nothing_is_removed() {
    let env = nodes("2");
    // After the backup: a node that it does not know.
    env.run(&["config", "set", "node_cap", "3"]).expect(0);
    env.run(&["add"]).expect(0);
    let before = env.running();
    assert_eq!(before.len(), 3);
    damage(&env);
    let bytes = fs::read(store(&env)).expect("there");

    insta::assert_snapshot!(timeless(&env.run(&["run"])), @"
    exit 8
    err| error: failed to open the store: [DIR]/home/.local/share/autonomi/colony.db: it is damaged: database disk image is malformed
    err| hint: the newest sound backup is of [DAY] [TIME] UTC, with 2 nodes: [DIR]/home/.local/share/autonomi/backups/[BACKUP]
    err| hint: `wnm --scope user db restore --latest --dry-run` says what differs; without --dry-run it is put back
    ");
    assert_eq!(env.run(&["status"]).code, Some(8));
    insta::assert_snapshot!(timeless(&env.run(&["db", "restore", "--latest", "--dry-run"])), @"
    exit 0
    out| backup: [DIR]/home/.local/share/autonomi/backups/[BACKUP] 2 nodes
    out| store: [DIR]/home/.local/share/autonomi/colony.db, damaged
    out| antnode0001: as in the backup, process [PID]
    out| antnode0002: as in the backup, process [PID]
    out| [DIR]/home/.local/share/autonomi/node/antnode0003: not in the backup, process [PID]: left as it is
    out| nothing was changed
    ");
    assert_eq!(fs::read(store(&env)).expect("there"), bytes, "a dry run changes nothing");

    let ran = env.run(&["db", "restore", "--latest"]).expect(0);
    assert!(timeless(&ran).contains("what was there is kept"), "{}", ran.block());
    let kept = env.names("").into_iter().find(|name| name.starts_with("colony.db.damaged-"));
    let kept = env.base_dir().join(kept.expect("it is kept"));
    assert_eq!(fs::read(&kept).expect("there"), bytes);
    assert_eq!(fs::metadata(store(&env)).expect("there").permissions().mode() & 0o777, 0o600);

    for _ in 0..4 {
        let ran = env.run(&["run", "--json"]).expect(0).json();
        assert_eq!(ran["done"], serde_json::json!([]), "{ran}");
        assert_eq!(env.running(), before, "no process is touched");
    }
    assert_eq!(recorded(&env), [(1, "run".to_owned()), (2, "run".to_owned())]);
    // Neither the number of the unknown node nor its record is given to another.
    env.run(&["config", "set", "node_cap", "3"]).expect(0);
    env.run(&["add"]).expect(0);
    assert_eq!(
        env.names("node"),
        [".wnm-storage", "antnode0001", "antnode0002", "antnode0003", "antnode0004"]
    );
    let record = recorded(&env)[2].0;
    assert!(record > 1000, "{record}");
    assert_eq!(env.running().len(), 4);
}

#[test]
fn a_node_that_was_removed_since_is_forgotten_and_its_key_stays() {
    let env = nodes("2");
    env.run(&["remove", "2"]).expect(0);
    let archive = env.names("identities");
    damage(&env);
    let ran = env.run(&["db", "restore", "--latest"]).expect(0);
    let text = timeless(&ran);
    assert!(text.contains("antnode0002: was removed since, its key is in the archive"), "{text}");
    assert!(text.contains("antnode0001: as in the backup, process [PID]"), "{text}");
    assert_eq!(recorded(&env), [(1, "run".to_owned())]);
    assert_eq!(env.names("identities"), archive);
    let ran = env.run(&["run", "--json"]).expect(0).json();
    let removed =
        ran["done"].as_array().expect("a list").iter().any(|it| it["action"]["do"] == "remove");
    assert!(!removed, "{ran}");
}

#[test]
fn a_node_with_another_key_in_its_place_is_left_alone() {
    let env = nodes("2");
    env.run(&["remove", "2"]).expect(0);
    env.run(&["add"]).expect(0);
    assert_eq!(env.names("node"), [".wnm-storage", "antnode0001", "antnode0002"]);
    let before = env.running();
    damage(&env);
    let ran = env.run(&["db", "restore", "--latest"]).expect(0);
    assert!(ran.stdout.contains("antnode0002: another node's key lies in its place: disabled"));
    assert_eq!(recorded(&env), [(1, "run".to_owned()), (2, "disabled".to_owned())]);
    env.run(&["run"]).expect(0);
    assert_eq!(env.running(), before);
}

/// Its storage root is there and its data is not: it may have been moved, or a disk may have failed.
#[test]
fn nodes_whose_data_is_gone_are_not_cleaned_up_in_a_rush() {
    let env = nodes("3");
    for number in [1, 2] {
        let pid = nix::unistd::Pid::from_raw(env.pid(number) as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("ours");
        let name = format!("antnode{number:04}");
        fs::rename(env.base_dir().join("node").join(&name), env.path(&name)).expect("moved");
    }
    damage(&env);
    let ran = env.run(&["db", "restore", "--latest"]).expect(0);
    assert_eq!(ran.stdout.matches("its data is gone").count(), 2, "{}", ran.block());
    for _ in 0..3 {
        env.run(&["run"]);
    }
    assert_eq!(recorded(&env).len(), 3, "more than half look dead");
    assert_eq!(env.running().len(), 1);
}

#[test]
fn a_sound_store_is_replaced_only_with_a_word() {
    let env = nodes("1");
    let before = fs::read(store(&env)).expect("there");
    let ran = env.run(&["db", "restore", "--latest"]).expect(5);
    assert!(
        ran.stderr.contains("is sound: restoring forgets what happened since"),
        "{}",
        ran.block()
    );
    assert_eq!(fs::read(store(&env)).expect("there"), before);
    env.run(&["db", "restore", "--latest", "--confirm"]).expect(0);
    assert!(env.names("").iter().any(|name| name.starts_with("colony.db.replaced-")));
    env.cycle_until_resting_with(1);
}

/// The cap was lowered before the backup and raised again after it.
#[test]
fn a_cap_of_yesterday_removes_nobody() {
    let env = nodes("2");
    env.run(&["config", "set", "node_cap", "1"]).expect(0);
    env.run(&["db", "backup"]).expect(0);
    env.run(&["config", "set", "node_cap", "2"]).expect(0);
    let before = env.running();
    damage(&env);
    let ran = env.run(&["db", "restore", "--latest"]).expect(0);
    assert!(ran.stdout.contains("node_cap: `2`, was `1`"), "{}", ran.block());
    for _ in 0..3 {
        env.run(&["run"]).expect(0);
        assert_eq!(env.running(), before);
    }
    // Nor does one that is set now, for an hour.
    env.run(&["config", "set", "node_cap", "1"]).expect(0);
    env.run(&["run"]);
    assert_eq!(recorded(&env).len(), 2);
    assert!(is_there(&env.base_dir().join("node/antnode0002")));
}

#[test]
fn a_store_that_is_lost_comes_back() {
    let env = nodes("1");
    let before = env.running();
    for name in ["colony.db", "colony.db-wal", "colony.db-shm"] {
        fs::remove_file(env.base_dir().join(name)).ok();
    }
    insta::assert_snapshot!(env.run(&["run"]).block(), @"
    exit 4
    err| error: not initialised: there is no [DIR]/home/.local/share/autonomi/colony.db
    err| hint: there are backups of one: `wnm --scope user db restore --latest --dry-run` says what they hold
    ");
    // A new one beside its backups would know none of the nodes.
    let ran = env.init(&["--node-cap", "1"]).expect(5);
    assert!(ran.stderr.contains("but there are backups of it"), "{}", ran.block());
    assert_eq!(env.names("backups").len(), 1);
    env.run(&["db", "restore", "--latest"]).expect(0);
    env.cycle_until_resting_with(1);
    assert_eq!(env.running(), before);
}

#[test]
fn what_cannot_be_restored_is_refused_and_nothing_changes() {
    let env = nodes("1");
    damage(&env);
    let before = fs::read(store(&env)).expect("there");
    let text = env.path("text.db");
    fs::write(&text, "not a database").expect("written");
    for file in [text, env.path("none.db"), store(&env)] {
        let ran = env.run(&["db", "restore", &file.display().to_string()]);
        assert!(matches!(ran.code, Some(1 | 8)), "{}", ran.block());
    }
    assert_eq!(env.run(&["db", "restore"]).code, Some(2));
    let lock = env.hold_lock();
    let mut env = env;
    env.set("WNM_LOCK_PATIENCE", "0");
    assert_eq!(env.run(&["db", "restore", "--latest"]).code, Some(3));
    drop(lock);
    for name in env.names("backups") {
        fs::write(env.base_dir().join("backups").join(name), "spoiled").expect("written");
    }
    assert_eq!(env.run(&["doctor"]).code, Some(1));
    let ran = env.run(&["db", "restore", "--latest"]).expect(1);
    assert!(ran.stderr.contains("there is no sound backup in"), "{}", ran.block());
    let ran = env.run(&["run"]).expect(8);
    assert!(ran.stderr.contains("there is no sound backup of it in"), "{}", ran.block());
    assert_eq!(fs::read(store(&env)).expect("there"), before);
}

#[test]
fn a_backup_is_made_by_hand_and_never_over_anything() {
    let env = nodes("1");
    let to = env.path("mine.db").display().to_string();
    insta::assert_snapshot!(env.run(&["db", "backup", "--to", &to]).block(), @"
    exit 0
    out| [DIR]/mine.db: 1 node, sound
    ");
    insta::assert_snapshot!(env.run(&["db", "backup", "--to", &to]).block(), @"
    exit 1
    err| error: failed to make the backup: [DIR]/mine.db: it is there already, and was left untouched: [DIR]/mine.db
    err| hint: a backup is written where nothing is, by way of [DIR]/mine.db.part and [DIR]/mine.db.new
    ");
    assert_eq!(fs::metadata(&to).expect("there").permissions().mode() & 0o777, 0o600);
    env.run(&["db", "backup"]).expect(0);
    fs::write(env.base_dir().join("backups/colony-20200101T000000Z.db"), "").expect("written");
    insta::assert_snapshot!(sizeless(&timeless(&env.run(&["db", "backups"]))), @"
    exit 0
    out| 3 backups in [DIR]/home/.local/share/autonomi/backups
    out| [BACKUP] [DAY] [TIME] UTC, [SIZE], 1 node, schema 0002, sound
    out| [BACKUP] [DAY] [TIME] UTC, [SIZE], 1 node, schema 0002, sound
    out| [BACKUP] [DAY] [TIME] UTC, [SIZE], not usable: it is not a store of this program, and was left untouched
    ");
    let shown = env.run(&["db", "check"]).expect(0);
    assert!(shown.stdout.contains("newest sound backup: 20"), "{}", shown.block());
}

fn sizeless(text: &str) -> String {
    let line = |line: &str| match line.split_once(" UTC, ") {
        Some((start, rest)) => {
            let rest = rest.split_once(", ").map_or("", |(_, rest)| rest);
            format!("{start} UTC, [SIZE], {rest}\n")
        }
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn a_backup_that_cannot_be_made_fails_no_cycle() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "1"]).expect(0);
    fs::write(env.base_dir().join("backups"), "in the way").expect("written");
    let ran = env.run(&["run"]).expect(0);
    assert!(
        ran.stderr.contains("WARNING: no backup of the store could be made"),
        "{}",
        ran.block()
    );
    assert_eq!(fs::read(env.base_dir().join("backups")).expect("there"), b"in the way");
}

/// Killed by the system at the first byte beyond every limit: what has the name of a backup is whole.
#[test]
fn a_backup_that_dies_at_any_write_is_none() {
    let env = nodes("1");
    let whole = env.names("backups");
    let size = fs::metadata(env.base_dir().join("backups").join(&whole[0])).expect("there").len();
    let blocks = size / 512 + 1;
    let mut died = 0;
    for limit in (0..=blocks).step_by(8) {
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                &format!("ulimit -f {limit}; exec \"$0\" db backup"),
                env!("CARGO_BIN_EXE_wnm-dup"),
            ])
            .env_clear()
            .env("HOME", env.path("home"))
            .env("WNM_SCOPE", "user");
        let ended = command.output().expect("it can be started");
        if !ended.status.success() {
            died += 1;
            assert_eq!(env.names("backups").iter().filter(|it| it.ends_with(".db")).count(), 1);
        } else {
            break;
        }
    }
    assert!(died > 5, "it died {died} times");
    let listed = env.run(&["db", "backups", "--json"]).expect(0).json();
    let sound = listed["backups"].as_array().expect("a list").iter().all(|it| it["sound"] == true);
    assert!(sound, "{listed}");
    env.run(&["db", "backup"]).expect(0);
    let left = env.names("backups");
    assert!(left.iter().all(|name| name.ends_with(".db")), "what died is tidied up: {left:?}");
}

#[test]
fn an_older_store_is_brought_up_to_date() {
    let env = nodes("1");
    let ran = env.run(&["db", "migrate"]).expect(0);
    assert!(ran.stdout.contains("is up to date: 0001, 0002"), "{}", ran.block());
    let sql = include_str!("../../wnm-store/museum/0001.sql");
    for name in ["colony.db", "colony.db-wal", "colony.db-shm"] {
        fs::remove_file(env.base_dir().join(name)).ok();
    }
    if !import(&env, sql) {
        return;
    }
    let ran = env.run(&["status"]).expect(8);
    assert!(ran.stderr.contains("made by an older version"), "{}", ran.block());
    insta::assert_snapshot!(env.run(&["db", "migrate"]).block(), @"
    exit 0
    out| [DIR]/home/.local/share/autonomi/colony.db had 0001
    out| applied: 0002
    out| as it was before: [DIR]/home/.local/share/autonomi/colony.db.before-0002
    ");
    assert!(is_there(&env.base_dir().join("colony.db.before-0002")));
    env.run(&["status"]).expect(0);
}

/// By SQLite's own program, where there is one.
#[expect(clippy::print_stderr, reason = "a test that was not made must not look like one that was")]
fn import(env: &TestEnv, sql: &str) -> bool {
    let file = env.path("piece.sql");
    // The one that is installed may judge an absent text otherwise than the one that is built in.
    let sql = format!("PRAGMA ignore_check_constraints = ON;\n{sql}");
    fs::write(&file, sql).expect("written");
    let line = format!(".read {}", file.display());
    let ran = Command::new("sqlite3").arg(store(env)).arg(line).status();
    if ran.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return true;
    }
    eprintln!("NOT TESTED: sqlite3 is not installed");
    false
}
