//! wnm killed with SIGKILL in the middle of cycles: the next ones put everything right.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::harness::TestEnv;

/// After at most this many undisturbed cycles all is well again, whatever was interrupted.
const CYCLES: usize = 3;

#[test]
fn killed_cycles_lose_nothing_and_leave_nothing() {
    let env = TestEnv::new();
    env.init(&["--node-cap", "2", "--delay-remove", "0"]).expect(0);
    env.cycle_until_resting_with(2);
    for round in 0_u64..40 {
        // Up and down by turns, so that adding and removing are both interrupted.
        let cap = if round % 2 == 0 { "1" } else { "2" };
        env.run(&["config", "set", "node_cap", cap]).expect(0);
        for shot in 0..3 {
            let delay = Duration::from_millis((round * 7 + shot * 23) % 110);
            env.kill_in_the_middle(&["run"], delay);
        }
        converges(&env, cap.parse().expect("a number"));
    }
}

/// P1 and P2: one process for each wanted node, and nothing left of any other.
#[track_caller]
fn converges(env: &TestEnv, cap: usize) {
    let mut cycles = 0;
    loop {
        let ran = env.run(&["run", "--json"]);
        let done = ran.json()["done"].as_array().map_or(0, Vec::len);
        cycles += 1;
        let nodes = env.names("node").len() - 1;
        let running: BTreeSet<_> = env.running().into_iter().map(|(data, _)| data).collect();
        assert_eq!(running.len(), env.running().len(), "one identity, one process");
        if done == 0 && nodes == cap && running.len() == cap && env.states().len() == cap {
            break;
        }
        assert!(cycles <= CYCLES + 1, "{}", env.run(&["history"]).block() + &ran.block());
    }
    assert_eq!(env.names("logs").len(), cap);
}
