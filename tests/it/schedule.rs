//! `wnm schedule`, with a crontab of the test's own; real timers fire in the system tier.

use std::fs;

use crate::harness::{TestEnv, is_there};

/// A program that lasts: the one under test lies where cargo built it.
const LASTING: [&str; 2] = ["--binary", "/usr/bin/true"];
const MINE: &str = "# mine\nMAILTO=me\n5 4 * * * backup 100\\% done";

fn crontab(env: &TestEnv) -> Option<String> {
    fs::read_to_string(env.path("crontab")).ok()
}

#[test]
fn a_crontab_line_is_shown_written_once_and_taken_away() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    fs::write(env.path("crontab"), format!("{MINE}\n")).expect("written");

    let install = [&["schedule", "install"][..], &LASTING].concat();
    let dry = env.run(&[&install[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!(crontab(&env), Some(format!("{MINE}\n")), "a dry run writes nothing");
    let ran = env.run(&install).expect(0);
    assert_eq!(ran.stdout, dry.stdout, "what was shown is what is written");
    let written = crontab(&env).expect("a crontab");
    assert!(written.starts_with(&format!("{MINE}\n# wnm, user scope: begin.")), "{written}");
    assert!(written.contains("/usr/bin/true --scope user run >/dev/null 2>&1\n"), "{written}");
    let home = env.path("home").display().to_string();
    assert!(written.contains(&home), "where the store is, a cycle must find: {written}");

    let again = env.run(&install).expect(0);
    assert!(again.stderr.contains("was there already"), "{again:?}");
    assert_eq!(crontab(&env), Some(written.clone()));
    env.run(&[&install[..], &["--every", "2min"]].concat()).expect(0);
    let slower = crontab(&env).expect("a crontab");
    assert_eq!(slower, written.replace("\n* * * * * ", "\n*/2 * * * * "));

    let shown = env.run(&["schedule", "show", "--json"]).expect(0).json();
    let names = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(names(&shown), ["last_cycle", "others", "scheduled", "schema", "unread"]);
    let parts = ["drift", "fires", "kind", "last", "next", "others", "pieces", "why_not"];
    assert_eq!(names(&shown["scheduled"][0]), parts);
    assert_eq!(shown["scheduled"][0]["kind"], "cron", "{shown}");
    // The program under test is not the one that was named, which is there: nothing is wrong.
    assert_eq!(shown["scheduled"][0]["drift"]["every"], 120, "{shown}");
    assert!(shown["last_cycle"].is_i64(), "{shown}");

    let gone = slower.replace("/usr/bin/true", "/usr/bin/no-such-wnm");
    fs::write(env.path("crontab"), gone).expect("written");
    let shown = env.run(&["schedule", "show", "--json"]).expect(0).json();
    assert_eq!(shown["scheduled"][0]["drift"]["every"], serde_json::Value::Null, "{shown}");

    let ran = env.run(&["teardown", "--confirm"]).expect(0);
    assert!(ran.stderr.contains("a crontab line still runs wnm"), "{ran:?}");
    env.run(&["schedule", "remove"]).expect(0);
    assert_eq!(crontab(&env), Some(format!("{MINE}\n")));
    let ran = env.run(&["schedule", "remove"]).expect(0);
    assert!(ran.stderr.contains("nothing was done"), "{ran:?}");
}

#[test]
fn a_line_that_somebody_typed_is_seen_and_left_alone() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    let typed = "* * * * * /home/me/.cargo/bin/wnm run >/dev/null 2>&1\n";
    fs::write(env.path("crontab"), typed).expect("written");
    let ran = env.run(&[&["schedule", "install"][..], &LASTING].concat()).expect(0);
    assert!(ran.stderr.contains("another line runs wnm as well: * * * * * /home/me"), "{ran:?}");
    assert!(crontab(&env).expect("a crontab").starts_with(typed));
    env.run(&["schedule", "remove"]).expect(0);
    assert_eq!(crontab(&env).as_deref(), Some(typed));
}

#[test]
fn schedules_that_cannot_be_had_are_refused_before_anything_is_written() {
    let mut env = TestEnv::new();
    let install = ["schedule", "install", "--cron"];
    let ran = env.run(&install).expect(4);
    assert!(ran.stderr.contains("not initialised"), "{ran:?}");
    env.init(&[]).expect(0);
    let table: [(&[&str], i32, &str); 6] = [
        (&["--binary", "wnm"], 2, "give an absolute path"),
        (&["--binary", "/nowhere/wnm"], 2, "No such file"),
        (&["--binary", "/etc/passwd"], 2, "is not an executable file"),
        (&["--binary", "/usr/bin/true", "--every", "45s"], 2, "give one of 10s"),
        (&["--binary", "/usr/bin/true", "--every", "30s"], 1, "a crontab knows minutes only"),
        (&["--systemd"], 2, "cannot be used with"),
    ];
    for (more, code, why) in table {
        let ran = env.run(&[&install[..], more].concat()).expect(code);
        assert!(ran.stderr.contains(why), "{why}: {ran:?}");
    }
    let here = env.path("bin/ant-node").display().to_string();
    let ran = env.run(&[&install[..], &["--binary", &here]].concat());
    assert_eq!(ran.code, Some(5), "temporary directories are emptied: {ran:?}");
    assert!(!is_there(&env.path("crontab")));

    env.set("WNM_NODE_CAP", "3");
    let ran = env.run(&[&install[..], &LASTING].concat()).expect(0);
    assert!(ran.stderr.contains("WNM_NODE_CAP will not be set there"), "{ran:?}");
    assert!(!crontab(&env).expect("a crontab").contains("NODE_CAP"));
    fs::write(env.path("crontab"), "# wnm, user scope: begin. torn\n").expect("written");
    let ran = env.run(&["schedule", "remove"]).expect(1);
    assert!(ran.stderr.contains("crontab -e"), "{ran:?}");
}

#[test]
fn a_crontab_that_cannot_be_read_is_not_an_absent_one() {
    let env = TestEnv::new();
    env.init(&[]).expect(0);
    env.run(&[&["schedule", "install"][..], &LASTING].concat()).expect(0);
    let mut odd = fs::read(env.path("crontab")).expect("a crontab");
    odd.extend(b"# caf\xe9\n");
    fs::write(env.path("crontab"), &odd).expect("written");

    let shown = env.run(&["schedule", "show"]).expect(1);
    assert!(shown.stdout.contains("FAILED: whether a crontab line runs wnm is not known"));
    assert!(!shown.stdout.contains("nothing runs cycles"), "{shown:?}");
    let ran = env.run(&["schedule", "remove"]).expect(1);
    assert!(ran.stderr.contains("FAILED: a crontab line may still be there"), "{ran:?}");
    assert!(
        ran.stderr.contains("not UTF-8") && !ran.stderr.contains("nothing was done"),
        "{ran:?}"
    );
    let found = env.run(&["doctor"]).stdout;
    assert!(found.contains("schedule-unknown") && !found.contains("no-schedule"), "{found}");
    let ran = env.run(&["teardown", "--confirm"]).expect(0);
    assert!(ran.stderr.contains("whether a crontab line runs wnm is not known"), "{ran:?}");
    assert_eq!(fs::read(env.path("crontab")).ok(), Some(odd), "and nothing is written");
}
