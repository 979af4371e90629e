//! What CI runs, in its order: the same on every machine.

use std::env;
use std::time::Instant;

use crate::host_setup::Fitness;
use crate::shell::{cargo, run as shell};
use crate::test::{self, Tier};
use crate::{Done, deps, fuzz, supply, tidy};

/// How long the simulated machines run in all.
const MACHINE_DAYS: u32 = 2600;

/// Random cases of every promise: fewer than in a campaign of their own, which has ten minutes.
const PROPERTY_CASES: &str = "40000";

type Stage = fn() -> Done;

/// Cheap stages first; each assumes that those before it passed.
const STAGES: &[(&str, Stage)] = &[
    ("format", || shell(&mut cargo(&["fmt", "--all", "--check"]))),
    ("clippy", clippy),
    ("tidy", tidy::run),
    ("dependencies", || deps::run().and_then(|()| supply::run())),
    ("tests", || test::run(Tier::Default)),
    ("simulated machines", campaign),
    ("properties", || test::properties(Some(PROPERTY_CASES))),
    ("fuzzing", fuzzing),
    ("documentation", documentation),
    ("system tier", system),
];

/// Runs all stages; stops at the first failure.
pub(crate) fn run() -> Done {
    let begun = Instant::now();
    for (number, (name, stage)) in (1..).zip(STAGES) {
        println!("\n=== {number}/{} {name}", STAGES.len());
        let started = Instant::now();
        let done = stage();
        let seconds = started.elapsed().as_secs_f32();
        match done {
            Ok(()) => println!("=== {name}: passed in {seconds:.1} s"),
            Err(why) => {
                return Err(format!("ci: stage `{name}` FAILED after {seconds:.1} s: {why}"));
            }
        }
    }
    println!("\nci: all stages passed in {:.1} s", begun.elapsed().as_secs_f32());
    Ok(())
}

fn clippy() -> Done {
    shell(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Thousands of simulated machine-days with every assertion on; the tests stage has run a few.
fn campaign() -> Done {
    let test = ["test", "--profile", "campaign", "-p", "wnm-simulate", "--test", "campaign"];
    shell(
        cargo(&test).args(["--", "--nocapture"]).env("WNM_CAMPAIGN_DAYS", MACHINE_DAYS.to_string()),
    )
}

/// The instrumented build takes longer than all that it would run, so a run of CI does without, and says
/// so: what is kept of earlier inputs is replayed by an ordinary test.
fn fuzzing() -> Done {
    match env::var("WNM_FUZZ_SECONDS") {
        Ok(seconds) => fuzz::run(&["--seconds", &seconds]),
        Err(_) => {
            println!("\nFUZZING NOT RUN: WNM_FUZZ_SECONDS, the time for each target, is not set\n");
            Ok(())
        }
    }
}

fn documentation() -> Done {
    shell(&mut cargo(&["test", "--workspace", "--doc"]))?;
    shell(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn system() -> Done {
    verdict(test::system()?, env::var("CI").ok().as_deref())
}

/// A developer's machine may be unable to run the system tier; one that calls itself CI may not.
fn verdict(fitness: Fitness, ci: Option<&str>) -> Done {
    match (fitness, ci) {
        (Fitness::Unfit(why), Some("true")) => Err(format!("CI must run the system tier: {why}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::verdict;
    use crate::host_setup::Fitness;

    #[test]
    fn only_ci_insists_on_the_system_tier() {
        let unfit = || Fitness::Unfit("not root".to_owned());
        assert_eq!(verdict(Fitness::Fit, Some("true")), Ok(()));
        assert_eq!(verdict(unfit(), None), Ok(()));
        assert_eq!(verdict(unfit(), Some("no-system-tier")), Ok(()));
        let why = verdict(unfit(), Some("true"));
        assert_eq!(why, Err("CI must run the system tier: not root".to_owned()));
    }
}
