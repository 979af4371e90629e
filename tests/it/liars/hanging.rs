//! Tools that never answer: all at the same time, for each takes half a minute.

use std::time::{Duration, Instant};

use super::{Alive, a_cycle_hurts_nobody, alive, docker, firewalls, lie, sudo, systemctl};
use crate::harness::TestEnv;

/// They are waited for, and no longer than it says.
#[test]
fn those_that_never_answer_are_waited_for_and_no_longer() {
    std::thread::scope(|scope| {
        scope.spawn(|| waits(&systemctl::world(), "show", 30));
        scope.spawn(|| waits(&docker::world(), "inspect", 30));
        scope.spawn(|| firewalls::world().inspect(|env| waits(env, "status", 20)));
        scope.spawn(|| sudo::world().inspect(a_start_waits));
    });
}

/// What hangs may still start the node at any moment: no second one is started beside it.
fn a_start_waits(env: &TestEnv) {
    sudo::kill_node(env, 1);
    lie(env, "hang setsid");
    let begun = Instant::now();
    let told = env.run(&["run"]).block();
    assert!(begun.elapsed() < Duration::from_secs(60), "{told}");
    assert!(told.contains("no answer within 30 s"), "{told}");
    assert_eq!(env.running().len(), 1, "{told}");
    lie(env, "");
    super::three_cycles_set_all_right(env, 2, "setsid");
}

#[track_caller]
fn waits(env: &TestEnv, verb: &str, seconds: u64) {
    let before: Alive = alive(env);
    lie(env, &format!("hang {verb}"));
    let begun = Instant::now();
    let told = a_cycle_hurts_nobody(env, verb, &before);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2 * seconds), "{verb}: {took:?}: {told}");
    assert!(told.contains(&format!("no answer within {seconds} s")), "{verb}: {told}");
    lie(env, "");
    super::three_cycles_set_all_right(env, 2, verb);
    assert_eq!(alive(env), before, "{verb}");
}
