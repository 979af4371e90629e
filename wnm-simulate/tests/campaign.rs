//! Many machines for many days, every cycle judged. A few days in an ordinary test run; thousands in
//! CI, by `cargo xtask ci` or:
//!
//!     WNM_CAMPAIGN_DAYS=5200 cargo test --profile campaign -p wnm-simulate --test campaign

use std::panic;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wnm_core::policy::PolicyDraft;
use wnm_simulate::{Machine, Outcome, PRESETS, Rules, Scenario, simulate};

/// One run of the campaign.
struct Run {
    machine: &'static str,
    seed: u64,
    days: u32,
}

/// Machine-days when nobody says how many.
const FEW_DAYS: u32 = 24;
/// One run: long enough for reboots, releases and full disks.
const DAYS_OF_A_RUN: u32 = 30;

#[test]
#[expect(clippy::print_stdout, reason = "whoever runs it is told how long it was")]
fn no_promise_is_broken() {
    let runs = plan(wanted_days());
    let days: u32 = runs.iter().map(|run| run.days).sum();
    println!("{days} machine-days in {} runs", runs.len());
    let broken = all(&runs);
    assert!(broken.is_empty(), "after {days} machine-days:\n{}", broken.join("\n"));
}

#[expect(clippy::disallowed_methods, reason = "how long the campaign is comes from outside")]
fn wanted_days() -> u32 {
    let wanted = std::env::var("WNM_CAMPAIGN_DAYS");
    wanted.map_or(FEW_DAYS, |days| days.parse().expect("WNM_CAMPAIGN_DAYS is a number of days"))
}

/// Spreads the days over the machines, in runs of at most thirty days, each with its own seed. A day of
/// five hundred nodes takes as long as a hundred of ten: the larger a machine, the fewer its days.
fn plan(days: u32) -> Vec<Run> {
    let share = |machine: &str| match machine {
        "small" => 300,
        "load" => 200,
        "cpu" | "rough" => 120,
        "desktop" => 80,
        "memory" => 50,
        "disk" => 40,
        "large" => 20,
        _ => 3,
    };
    let shares: u32 = PRESETS.iter().map(|preset| share(preset.name)).sum();
    let mut runs = Vec::new();
    for preset in PRESETS {
        let mut left = (days * share(preset.name)).div_ceil(shares);
        let mut seed = 1;
        while left > 0 {
            let days = left.min(DAYS_OF_A_RUN);
            runs.push(Run { machine: preset.name, seed, days });
            left -= days;
            seed += 1;
        }
    }
    // The long ones first, so that no thread is left with one at the end.
    runs.sort_by_key(|run| (run.machine != "many", run.machine != "large"));
    runs
}

/// What was broken, with the commands that show it.
fn all(runs: &[Run]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let broken = Mutex::new(Vec::new());
    let work = || {
        while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let complaints = complaints(run);
            broken.lock().expect("no thread panicked").extend(complaints);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let hands: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for hand in hands {
            hand.join().expect("a run ends");
        }
    });
    broken.into_inner().expect("no thread panicked")
}

fn outcome(run: &Run) -> Outcome {
    let machine = machine(run.machine);
    let settings = PolicyDraft::default();
    let scenario =
        Scenario { machine: &machine, settings: &settings, days: run.days, seed: run.seed };
    simulate(&scenario, Rules::Engine).expect("the settings are sound")
}

fn machine(name: &str) -> Machine {
    let preset = wnm_simulate::preset(name).expect("it is one of them");
    preset.machine().expect("it is sound")
}

fn complaints(run: &Run) -> Vec<String> {
    let Run { machine, seed, days } = run;
    let command = format!("wnm simulate --machine {machine} --seed {seed} --days {days}");
    // A failed assertion in the engine is a find like any other.
    match panic::catch_unwind(|| outcome(run)) {
        Ok(outcome) => {
            outcome.breaches.iter().map(|found| format!("{found}\n    {command}")).collect()
        }
        Err(_) => vec![format!("a panic, see above\n    {command}")],
    }
}
