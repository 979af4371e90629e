//! Hours of cycles with chaos throughout, judged after each: that nothing is lost, and that neither memory nor
//! the store grows.
//!
//! An everyday run is short, with plain processes. `cargo xtask soak` makes it long, in a throw-away host with a
//! real systemd where it can; what it sets is read here: `WNM_SOAK_NODES`, `_SECONDS`, `_EVERY`, `_SEED`, `_MANAGER`,
//! and `WNM_BIN` and `WNM_STAND_IN` for programs other than those built beside this.

mod chaos;
mod judge;
mod operators;
mod tally;
mod world;

use std::io::Write;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use chaos::Chaos;
use judge::Judge;
use tally::{Sample, Tally};
use world::World;

/// SQLite is asked for damage after so many cycles.
const CHECK_EVERY: usize = 20;
/// So many cycles without chaos must be enough for every node to run again. Starts are dealt out by a few.
const CALM: usize = 150;

/// What was asked for.
#[derive(Debug)]
struct Wanted {
    nodes: u32,
    length: Duration,
    every: Duration,
    seed: u64,
    manager: String,
}

#[test]
fn nothing_is_lost_over_time() {
    let wanted = Wanted {
        nodes: told("NODES", 8),
        length: Duration::from_secs(told("SECONDS", 20)),
        every: Duration::from_secs_f64(told("EVERY", 0.0)),
        seed: told("SEED", 9),
        manager: told("MANAGER", "setsid+user".to_owned()),
    };
    let tally = soak(&wanted);
    tell(&tally.table(&wanted));
    assert!(tally.cycles > 5, "that was no soak");
    assert!(tally.violations.is_empty(), "{}", tally.violations.join("\n"));
}

/// The variable of that name, or what an everyday run has.
fn told<T: FromStr>(name: &str, usual: T) -> T {
    let Ok(text) = std::env::var(format!("WNM_SOAK_{name}")) else { return usual };
    text.parse().unwrap_or_else(|_| panic!("WNM_SOAK_{name} is `{text}`"))
}

/// Past the capture of the test harness.
fn tell(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).ok();
}

fn soak(wanted: &Wanted) -> Tally {
    let mut world = World::new(wanted);
    let mut tally = Tally::new(wanted);
    world.populate(&mut tally);
    let (mut chaos, mut judge) = (Chaos::new(wanted), Judge::new(&world));
    judge.look(&world, &mut tally);
    tally.begin();
    while tally.began.elapsed() < wanted.length {
        let next = Instant::now() + wanted.every;
        chaos.blow(&mut world, &mut tally);
        cycle(&mut world, &mut judge, &mut tally);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    chaos.end(&mut world, &mut tally);
    let mut left = CALM;
    while left > 0 && !judge.is_at_rest(&world, wanted.nodes) {
        cycle(&mut world, &mut judge, &mut tally);
        thread::sleep(Duration::from_millis(500));
        left -= 1;
    }
    tally.note("cycles until all rested", CALM - left);
    judge.at_rest(&world, wanted.nodes, &mut tally);
    tally
}

/// One cycle of wnm, and what holds after it.
fn cycle(world: &mut World, judge: &mut Judge, tally: &mut Tally) {
    let ran = world.wnm(&["run"]);
    tally.ended(world, "run", &ran);
    tally.cycles += 1;
    if tally.cycles.is_multiple_of(CHECK_EVERY) {
        let ran = world.wnm(&["db", "check"]);
        tally.ended(world, "db check", &ran);
        if ran.code != Some(0) && !world.is_full {
            tally.wrong(format!("the store is not sound: {ran:?}"));
        }
    }
    let files = judge.look(world, tally);
    let (store, log) = world.store_bytes();
    let journal = judge.journal();
    tally.sample(Sample { peak_kb: ran.peak_kb, took: ran.took, store, log, files, journal });
}
