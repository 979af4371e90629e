//! What operators ask for by name.

use crate::harness::TestEnv;

fn three_nodes() -> TestEnv {
    let env = TestEnv::new();
    env.init(&["--node-cap", "3"]).expect(0);
    env.run(&["add", "--count", "3"]).expect(0);
    env.run(&["run"]).expect(0);
    env
}

#[test]
fn stop_start_restart() {
    let env = three_nodes();
    insta::assert_snapshot!(env.run(&["stop", "1,3"]).block(), @"");
    assert_eq!(env.running().len(), 1);
    env.run(&["run"]).expect(0);
    assert_eq!(env.states(), ["stopped", "running", "stopped"]);
    insta::assert_snapshot!(env.run(&["start", "antnode0001", "2-3"]).block(), @"");
    let before = env.pid(2);
    env.run(&["restart", "2"]).expect(0);
    assert_ne!(env.pid(2), before);
    assert_eq!(env.running().len(), 3);
}

#[test]
fn remove_keeps_the_key_and_frees_the_name() {
    let env = three_nodes();
    insta::assert_snapshot!(env.run(&["remove", "2"]).block(), @"");
    assert_eq!(env.names("node"), [".wnm-storage", "antnode0001", "antnode0003"]);
    insta::assert_snapshot!(env.run(&["add"]).block(), @"");
    let status = env.run(&["status", "--json"]).json();
    assert_eq!(status["nodes"][1]["record"]["record"], 4, "another record under the free name");
}

#[test]
fn what_cannot_be_asked_for() {
    let env = three_nodes();
    insta::assert_snapshot!(env.run(&["add"]).block(), @"");
    insta::assert_snapshot!(env.run(&["stop", "7"]).block(), @"");
    insta::assert_snapshot!(env.run(&["stop", "seven"]).block(), @"");
    insta::assert_snapshot!(env.run(&["remove", "--all"]).block(), @"");
    insta::assert_snapshot!(env.run(&["remove", "--count", "5"]).block(), @"");
    insta::assert_snapshot!(env.run(&["remove"]).block(), @"");
    assert_eq!(env.running().len(), 3);
}

#[test]
fn by_count_the_youngest_go_first() {
    let env = three_nodes();
    env.run(&["remove", "--count", "1"]).expect(0);
    assert_eq!(env.names("node"), [".wnm-storage", "antnode0001", "antnode0002"]);
    env.run(&["remove", "--all", "--confirm"]).expect(0);
    assert_eq!(env.names("node"), [".wnm-storage"]);
}
