//! A wall clock that jumps. The clock that counts from the boot does not: ages are measured with that.

use std::io::Write;
use std::path::Path;

use super::{a_cycle_hurts_nobody, alive, nodes};
use crate::harness::TestEnv;

/// Debian's, which `cargo xtask host-setup` installs.
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

#[test]
fn a_day_forth_and_back_does_nothing() {
    if !Path::new(LIBRARY).exists() {
        let note = b"NOT TESTED: a clock that jumps: there is no libfaketime here\n";
        return std::io::stderr().write_all(note).expect("somebody listens");
    }
    let mut env = TestEnv::new();
    nodes(&env, "2", &[]);
    let before = alive(&env);
    let now = seen(&env);
    env.set("LD_PRELOAD", LIBRARY);
    env.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    for jump in ["+1d", "-1d", "+30d", "-30d", "+0"] {
        env.unset("FAKETIME");
        env.set("FAKETIME", jump);
        for _ in 0..3 {
            a_cycle_hurts_nobody(&env, jump, &before);
        }
        let days = (seen(&env) - now) as f64 / 86_400_000.0;
        let told: f64 = jump.trim_end_matches('d').parse().expect("a number");
        assert!((days - told).abs() < 0.1, "the clock was not told to jump: {days} for {jump}");
    }
    env.unset("LD_PRELOAD");
    env.cycle_until_resting_with(2);
    assert_eq!(alive(&env), before);
}

/// When the last cycle looked, by its own clock.
fn seen(env: &TestEnv) -> i64 {
    let status = env.run(&["status", "--json"]).json();
    status["looked"].as_i64().expect("a time")
}
