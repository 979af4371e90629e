//! Storage that goes and comes back, and several wnm at once.

use std::fs;
use std::thread;

use super::{a_cycle_hurts_nobody, alive, nobody_was_removed, nodes};
use crate::harness::TestEnv;

/// A disk that is not mounted leaves the empty directory below it.
#[test]
fn a_storage_that_is_swapped_for_an_empty_one_loses_nothing() {
    let env = TestEnv::new();
    nodes(&env, "2", &[]);
    let (root, aside) = (env.base_dir().join("node"), env.base_dir().join("aside"));
    let processes = alive(&env).processes.len();
    for marker in [false, true] {
        fs::rename(&root, &aside).expect("ours");
        fs::create_dir(&root).expect("made");
        if marker {
            // Even one that says that it is ours.
            for name in fs::read_dir(&aside).expect("there").flatten() {
                if name.file_type().expect("told").is_file() {
                    fs::copy(name.path(), root.join(name.file_name())).expect("copied");
                }
            }
        }
        let told: Vec<String> = (0..3).map(|_| env.run(&["run"]).block()).collect();
        let status = env.run(&["status", "--json"]).expect(0).json();
        assert_eq!(status["nodes"].as_array().map(Vec::len), Some(2), "{told:?}");
        assert_eq!(alive(&env).processes.len(), processes, "{told:?}");
        let made: Vec<String> =
            env.names("node").into_iter().filter(|name| name.starts_with("antnode")).collect();
        assert_eq!(made, [""; 0], "nothing is made on somebody else's disk: {told:?}");
        fs::remove_dir_all(&root).expect("nothing of worth");
        fs::rename(&aside, &root).expect("ours");
        env.cycle_until_resting_with(2);
    }
    nobody_was_removed(&env, "a storage that was swapped");
}

#[test]
fn many_at_once_are_one_after_the_other() {
    let env = TestEnv::new();
    nodes(&env, "3", &[]);
    let lines: [&[&str]; 8] = [
        &["run"],
        &["restart", "1"],
        &["run"],
        &["stop", "2"],
        &["survey"],
        &["start", "2"],
        &["restart", "3"],
        &["run"],
    ];
    thread::scope(|scope| {
        lines.iter().for_each(|line| drop(scope.spawn(|| env.run(line))));
    });
    env.run(&["start", "--all"]);
    env.cycle_until_resting_with(3);
    let directories: std::collections::BTreeSet<_> =
        env.running().into_iter().map(|(data, _)| data).collect();
    assert_eq!(directories.len(), 3, "a process for each, and one each: {:?}", env.running());
    let before = alive(&env);
    a_cycle_hurts_nobody(&env, "afterwards", &before);
}
