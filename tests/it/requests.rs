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
    insta::assert_snapshot!(env.run(&["stop", "1,3"]).block(), @"
    exit 0
    out| done: stop antnode0001
    out| done: stop antnode0003
    out| before this: 3 of 3 nodes, 3 running
    err| stop antnode0001: request 2
    err| stop antnode0003: request 2
    ");
    assert_eq!(env.running().len(), 1);
    env.run(&["run"]).expect(0);
    assert_eq!(env.states(), ["stopped", "running", "stopped"]);
    insta::assert_snapshot!(env.run(&["start", "antnode0001", "2-3"]).block(), @"
    exit 0
    out| done: start antnode0001
    out| done: start antnode0003
    out| before this: 3 of 3 nodes, 1 running
    err| start antnode0001: request 3
    err| start antnode0003: request 3
    ");
    let before = env.pid(2);
    env.run(&["restart", "2"]).expect(0);
    assert_ne!(env.pid(2), before);
    assert_eq!(env.running().len(), 3);
}

#[test]
fn remove_keeps_the_key_and_frees_the_name() {
    let env = three_nodes();
    insta::assert_snapshot!(env.run(&["remove", "2"]).block(), @"
    exit 0
    out| done: remove antnode0002
    out| before this: 3 of 3 nodes, 3 running
    err| remove antnode0002: request 2
    ");
    assert_eq!(env.names("node"), [".wnm-storage", "antnode0001", "antnode0003"]);
    insta::assert_snapshot!(env.run(&["add"]).block(), @"
    exit 0
    out| done: add antnode0002
    out| before this: 2 of 3 nodes, 2 running
    err| add antnode0002: request 3
    ");
    let status = env.run(&["status", "--json"]).json();
    assert_eq!(status["nodes"][1]["record"]["record"], 4, "another record under the free name");
}

#[test]
fn what_cannot_be_asked_for() {
    let env = three_nodes();
    insta::assert_snapshot!(env.run(&["add"]).block(), @"
    exit 5
    out| nothing to do
    out| before this: 3 of 3 nodes, 3 running
    err| refused: 1 more would make 4 nodes and node_cap is 3: raise it with `wnm config set node_cap 4`
    ");
    insta::assert_snapshot!(env.run(&["stop", "7"]).block(), @"
    exit 2
    err| error: there is no antnode0007; nothing was done
    err| hint: `wnm status` shows the nodes there are
    ");
    insta::assert_snapshot!(env.run(&["stop", "seven"]).block(), @"
    exit 2
    err| error: `seven` is not a node: write antnode0007, 7, a range 7-12, or a comma list of these
    ");
    insta::assert_snapshot!(env.run(&["remove", "--all"]).block(), @"
    exit 5
    err| error: removing all nodes, or more than four at once, needs --confirm
    err| hint: nothing was done
    ");
    insta::assert_snapshot!(env.run(&["remove", "--count", "5"]).block(), @"
    exit 5
    err| error: removing all nodes, or more than four at once, needs --confirm
    err| hint: nothing was done
    ");
    insta::assert_snapshot!(env.run(&["remove"]).block(), @"
    exit 2
    err| error: the following required arguments were not provided:
    err|   <NODE|--count <N>|--all>
    err|
    err| Usage: wnm remove <NODE|--count <N>|--all>
    err|
    err| For more information, try '--help'.
    ");
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
