//! Recorded cycles: any of them as one file, the same plan from it, and what other settings would
//! have decided.

use std::fs;

use wnm_core::fakes::build::draft;
use wnm_core::host::Intents;
use wnm_core::model::Timestamp;
use wnm_store::SqliteStore;

use crate::harness::TestEnv;

/// Two nodes that grew one by one, and a stop by an operator.
fn some_history() -> TestEnv {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2"]).expect(0);
    env.cycle_until_resting_with(2);
    env.run(&["stop", "2"]).expect(0);
    env.run(&["run"]).expect(0);
    env
}

/// The cycles that decided something, as `snapshot --list` tells them.
fn busy_cycles(env: &TestEnv) -> Vec<i64> {
    let listed = env.run(&["snapshot", "--list", "--json"]).expect(0).json();
    let cycles = listed["recorded"].as_array().expect("a list").clone();
    let busy = cycles.iter().filter(|cycle| cycle["actions"].as_u64() != Some(0));
    busy.map(|cycle| cycle["cycle"].as_i64().expect("a number")).collect()
}

/// Text without what no two runs share: times and the numbers of cycles.
fn steady(block: &str) -> String {
    let words = |line: &str| {
        let is_date = |word: &str| word.len() == 10 && word.matches('-').count() == 2;
        let is_time = |word: &str| word.len() == 8 && word.matches(':').count() == 2;
        let mut numbered = false;
        let words = line.split(' ').map(|word| {
            let is_number = numbered && word.bytes().all(|byte| byte.is_ascii_digit());
            numbered = word == "cycle";
            match word {
                word if is_date(word) => "[DATE]".to_owned(),
                word if is_time(word) => "[TIME]".to_owned(),
                _ if is_number => "[N]".to_owned(),
                _ => word.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let is_count = |line: &str| line.contains(" cycles from ") || line.contains("gap");
    let lines = block.lines().filter(|line| !is_count(line)).map(words);
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn any_cycle_is_one_file_and_gives_its_plan_again() {
    let env = some_history();
    let busy = busy_cycles(&env);
    assert_eq!(busy.len(), 3, "two additions and a stop: {busy:?}");
    let printed = env.run(&["snapshot", "--cycle", &busy[1].to_string()]).expect(0);
    let file = env.path("cycle.json");
    fs::write(&file, &printed.stdout).expect("written");
    let file = file.display().to_string();
    insta::assert_snapshot!(env.run(&["plan", "--snapshot", &file]).block(), @"
    exit 10
    out| add antnode0002: room for more: 1 of 2 nodes
    out|     make its directory, copy [DIR]/bin/ant-node 0.23.1
    out|     tell its manager
    out|     open [PORT]002/udp
    out|     start it
    out| before this: 1 of 2 nodes, 1 running
    out| not more: the next cycle may start the next
    out| the same as was decided then
    ");
    let again = env.run(&["plan", "--snapshot", &file, "--json"]).expect(10).json();
    assert_eq!(again["recorded"]["same"], true);

    // What the operator asked for was carried out by a cycle that looked at requests only.
    let printed = env.run(&["snapshot", "--cycle", &busy[2].to_string()]).expect(0);
    fs::write(&file, &printed.stdout).expect("written");
    insta::assert_snapshot!(env.run(&["plan", "--snapshot", &file]).block(), @"
    exit 10
    out| stop antnode0002: request 1
    out|     stop it
    out|     close [PORT]002/udp
    out| before this: 2 of 2 nodes, 2 running
    out| the same as was decided then
    ");

    // As an earlier version wrote it, and as one that decided otherwise would have.
    let mut earlier = printed.json();
    for field in ["wnm", "cycle", "drafts", "plan"] {
        earlier.as_object_mut().expect("an object").remove(field);
    }
    fs::write(&file, earlier.to_string()).expect("written");
    let ran = env.run(&["plan", "--snapshot", &file]).expect(10);
    assert!(!ran.stdout.contains("decided then"), "{}", ran.block());
    let mut other = printed.json();
    other["plan"]["actions"] = serde_json::json!([]);
    fs::write(&file, other.to_string()).expect("written");
    let ran = env.run(&["plan", "--snapshot", &file]).expect(10);
    assert!(
        ran.stdout.contains("NOT the same: then it was decided to do nothing"),
        "{}",
        ran.block()
    );
    env.run(&["teardown", "--confirm"]).expect(0);
}

#[test]
fn a_cycle_is_found_by_its_time() {
    let env = TestEnv::new();
    // A store that was made is looked at by a first cycle.
    env.init(&["--node-cap", "0"]).expect(0);
    env.run(&["run"]).expect(0);
    let latest = env.run(&["snapshot"]).expect(0).json();
    assert_eq!(latest["cycle"], 2);
    assert_eq!(env.run(&["snapshot", "--at", "0s"]).expect(0).json(), latest);
    assert_eq!(env.run(&["snapshot", "--at", "2999-01-01"]).expect(0).json(), latest);
    assert_eq!(env.run(&["snapshot", "--cycle", "1"]).expect(0).json()["cycle"], 1);
    insta::assert_snapshot!(env.run(&["snapshot", "--at", "2020-02-29 12:30"]).block(), @"
    exit 1
    err| error: no cycle of 2020-02-29 12:30:00 UTC or before is kept
    err| hint: `wnm snapshot --list` shows what is
    ");
    insta::assert_snapshot!(env.run(&["snapshot", "--at", "2021-02-29"]).block(), @"
    exit 2
    err| error: --at is `2021-02-29`: say how long ago, such as 90s, 10min, 6h or 3d, or give a time in UTC such as 2026-11-20T21:27
    ");
    insta::assert_snapshot!(env.run(&["snapshot", "--cycle", "99"]).block(), @"
    exit 1
    err| error: cycle 99 is not kept, or cannot be read any more
    err| hint: `wnm snapshot --list` shows what is
    ");
    assert_eq!(env.run(&["snapshot", "--cycle", "1", "--at", "1h"]).code, Some(2));
    let listed = env.run(&["snapshot", "--list"]).expect(0).stdout;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.starts_with("CYCLE"), "{listed}");
    let latest = env.run(&["snapshot", "--list", "--limit", "1"]).expect(0).stdout;
    assert_eq!(latest.lines().count(), 2, "{latest}");
}

/// A store with settings in which no cycle has run.
fn without_cycles() -> TestEnv {
    let env = TestEnv::new();
    fs::create_dir_all(env.base_dir()).expect("a directory");
    let store = SqliteStore::create(&env.base_dir().join("colony.db")).expect("made");
    store.set_policy(&draft(), Timestamp(0)).expect("stored");
    env
}

#[test]
fn where_no_cycle_is_kept_there_is_nothing_to_show() {
    let env = without_cycles();
    insta::assert_snapshot!(env.run(&["snapshot"]).block(), @"
    exit 1
    err| error: no cycle has run yet
    ");
    insta::assert_snapshot!(env.run(&["snapshot", "--list"]).block(), @"
    exit 0
    out| no cycle is kept
    ");
    insta::assert_snapshot!(env.run(&["replay"]).block(), @"
    exit 1
    err| error: there is nothing to replay: no cycle is kept
    err| hint: every `wnm run` keeps its cycle, for as long as keep_cycles says
    ");
    insta::assert_snapshot!(env.run(&["replay", "--set", "node_cap=3"]).block(), @"
    exit 1
    err| error: there is nothing to replay: no cycle is kept
    err| hint: every `wnm run` keeps its cycle, for as long as keep_cycles says
    ");
    let status = env.run(&["db", "status"]).expect(0);
    assert!(status.stdout.contains("cycles: 0 kept, about 0 B"), "{}", status.block());
}

#[test]
fn a_replay_decides_the_same_or_says_what_would_have_been() {
    let env = some_history();
    insta::assert_snapshot!(steady(&env.run(&["replay"]).block()), @"
    exit 0
    out| all decide the same as they did
    out| DECIDED  AS RECORDED  NOW
    out| add      2            2
    out| stop     1            1
    ");
    insta::assert_snapshot!(steady(&env.run(&["replay", "--set", "node_cap=1"]).block()), @"
    exit 0
    out| with node_cap = 1
    out| in 1 of them the decisions would have been others
    out| [DATE] [TIME] UTC, cycle [N]
    out|     would not have: add antnode0002: room for more: 1 of 2 nodes
    out|         there may be 1 node
    out| DECIDED  AS RECORDED  WOULD HAVE BEEN (AT LEAST)
    out| add      2            1
    out| stop     1            1
    ");
    insta::assert_snapshot!(
        steady(&env.run(&["replay", "--set", "node-cap=2", "--set", "delay_start=0"]).block()),
        @"
    exit 0
    out| with node_cap = 2
    out| with delay_start = 0
    out| note: delay_start shapes what is seen, which stays as it was
    out| nothing would have been decided otherwise
    out| DECIDED  AS RECORDED  WOULD HAVE BEEN (AT LEAST)
    out| add      2            2
    out| stop     1            1
    "
    );
    let ran = env.run(&["replay", "--set", "node_cap=1", "--json"]).expect(0).json();
    let shape = serde_json::json!({
        "set": ran["set"],
        "the_same": ran["the_same"],
        "schema": ran["schema"],
        "totals": ran["totals"],
        "difference": ran["differences"][0]["then"][0]["reason"],
        "why_not": ran["differences"][0]["why_not"],
    });
    insta::assert_snapshot!(serde_json::to_string_pretty(&shape).expect("JSON"), @r#"
    {
      "difference": {
        "because": "room",
        "cap": 2,
        "nodes": 1
      },
      "schema": 1,
      "set": {
        "node_cap": "1"
      },
      "the_same": false,
      "totals": {
        "add": {
          "now": 1,
          "then": 2
        },
        "stop": {
          "now": 1,
          "then": 1
        }
      },
      "why_not": [
        "there may be 1 node"
      ]
    }
    "#);
    let mut fields: Vec<&str> =
        ran.as_object().expect("an object").keys().map(String::as_str).collect();
    fields.sort_unstable();
    insta::assert_snapshot!(fields.join(" "), @"cycles differences gaps misfits retold same schema set since the_same totals unfit unread unsound until");
    env.run(&["teardown", "--confirm"]).expect(0);
}

#[test]
fn a_replay_says_what_it_cannot_do() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "0"]).expect(0);
    insta::assert_snapshot!(env.run(&["replay", "--until", "2020-01-01"]).block(), @"
    exit 1
    err| error: there is nothing to replay: no cycle of that time is kept
    err| hint: `wnm db status` shows since when cycles are kept
    ");
    let wrong = ["--set", "node_cpa=1", "--set", "cpu_remove", "--set", "mem_remov=3"];
    insta::assert_snapshot!(env.run(&[&["replay"][..], &wrong].concat()).block(), @"
    exit 2
    err| error: there is no setting `node_cpa`; the nearest is `node_cap`, and `wnm config list` shows all
    err| error: --set is `cpu_remove`: give NAME=VALUE, such as node_cap=5
    err| error: there is no setting `mem_remov`; the nearest is `mem_remove`, and `wnm config list` shows all
    ");
    let wrong = ["--set", "node_cap=-1", "--set", "cpu_remove=10", "--set", "hd_grace=soon"];
    insta::assert_snapshot!(env.run(&[&["replay"][..], &wrong].concat()).block(), @"
    exit 2
    err| error: node_cap is `-1`: give a whole number from 0 to 10000
    err| error: cpu_less_than 99.8 is not below cpu_remove 10: lower cpu_less_than or raise cpu_remove, so that growing and shedding do not undo each other
    err| error: hd_grace is `soon`: give a time up to 365 days such as 90, 90s, 10min, 6h or 14d
    ");
    insta::assert_snapshot!(env.run(&["replay", "--since", "yesterday"]).block(), @"
    exit 2
    err| error: --since is `yesterday`: say how long ago, such as 90s, 10min, 6h or 3d, or give a time in UTC such as 2026-11-20T21:27
    ");
}

#[test]
fn no_more_is_kept_than_the_settings_say() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "0"]).expect(0);
    for _ in 0..3 {
        env.run(&["run"]).expect(0);
    }
    let kept = env.run(&["db", "status"]).expect(0);
    assert!(kept.stdout.contains("cycles: 4 kept since "), "{}", kept.block());
    env.run(&["config", "set", "keep_cycles_bytes", "0"]).expect(0);
    env.run(&["run"]).expect(0);
    let kept = env.run(&["db", "status"]).expect(0);
    assert!(kept.stdout.contains("cycles: 1 kept since "), "{}", kept.block());
    env.run(&["replay"]).expect(0);
}
