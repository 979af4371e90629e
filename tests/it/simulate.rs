//! `wnm simulate`: needs no store, touches nothing but the files that are named, and repeats itself.

use std::fs;

use crate::harness::{TestEnv, is_there};

#[test]
fn the_same_seed_gives_the_same_output_and_the_same_picture() {
    let env = TestEnv::new();
    let run = |picture: &str| {
        let file = env.path(picture);
        let shown = file.display().to_string();
        let command =
            ["simulate", "--machine", "small", "--days", "2", "--compare", "--svg", &shown];
        let ran = env.run(&command).expect(0);
        (ran.stdout, fs::read_to_string(&file).expect("it was drawn"))
    };
    let first = run("a.svg");
    assert_eq!(first, run("b.svg"));
    assert!(first.0.contains("nodes running"), "{}", first.0);
    assert!(first.1.starts_with("<svg"), "{}", first.1);
    assert!(!is_there(&env.base_dir()), "no store was made");
}

#[test]
fn a_machine_of_ones_own() {
    let env = TestEnv::new();
    let file = env.path("my.toml");
    let shown = file.display().to_string();
    let small = env.run(&["simulate", "--machine", "small", "--show-machine"]).expect(0).stdout;
    fs::write(&file, small.replace("cpus = 2", "cpus = 3")).expect("writable");
    env.run(&["simulate", "--machine", &shown, "--days", "1"]).expect(0);

    fs::write(&file, "cpus = 2\nmemory_gb = 0\n[[disk]]\nsize_gb = -1\n").expect("writable");
    let ran = env.run(&["simulate", "--machine", &shown]);
    insta::assert_snapshot!(ran.block(), @"
    exit 2
    err| error: [DIR]/my.toml: memory_gb is 0: give a number above 0
    err| error: [DIR]/my.toml: disk.size_gb is -1: give a number above 0
    err| error: [DIR]/my.toml: disk 1: foreign_gb 0 is more than size_gb -1
    err| hint: `wnm simulate --show-machine` prints one to begin with
    ");
}

#[test]
fn bad_settings_are_all_named() {
    let env = TestEnv::new();
    let ran = env.run(&["simulate", "--set", "cpu_remove=30", "--set", "node_cap=x"]);
    insta::assert_snapshot!(ran.block(), @"
    exit 2
    err| error: node_cap is `x`: give a whole number from 0 to 10000
    err| error: cpu_less_than 50 is not below cpu_remove 30: lower cpu_less_than or raise cpu_remove, so that growing and shedding do not undo each other
    ");
}

#[test]
fn a_machine_of_this_size_with_the_stored_settings() {
    let env = TestEnv::new();
    env.run(&["simulate", "--here", "--days", "1"]).expect(4);
    env.init(&["--node-cap", "3"]).expect(0);
    let ran = env.run(&["simulate", "--here", "--days", "1", "--json"]).expect(0).json();
    assert_eq!(ran["settings"]["node_cap"], "3", "{ran}");
    assert!(ran["command"].as_str().is_some_and(|command| command.contains("--here")), "{ran}");
}
