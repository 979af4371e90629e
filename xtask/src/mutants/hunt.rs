//! Each fault awake in turn, and the tests that come by it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::list::Mutant;

/// Tests of random plans come by nearly everything; so few cases each that they say something and end soon.
const CASES: &str = "12";
/// How many tests one process runs, the quickest first: most faults are noticed by the first few.
const FIRST: usize = 8;
/// A fault may make a loop that never ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// A test fails.
    Caught,
    /// A test does not end.
    Hung,
    /// All tests that come by it pass.
    Missed,
    /// No test comes by it.
    Unreached,
}

impl fmt::Display for Fate {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Fate::Caught => "caught",
            Fate::Hung => "hung",
            Fate::Missed => "missed",
            Fate::Unreached => "unreached",
        })
    }
}

/// A test and how long it takes when all is well.
struct Test {
    name: String,
    takes: Duration,
}

/// The fate of each of `woven`, by the tests that take no longer than `longest`.
pub(crate) fn all(
    tests: &Path,
    longest: Duration,
    woven: &[usize],
    mutants: &[Mutant],
) -> Result<Vec<(usize, Fate)>, String> {
    let log = tests.with_extension("reached");
    let names = names(tests)?;
    let started = Instant::now();
    let seen =
        on_all_cores(&names, |at, name| come_by(tests, name, &log.with_extension(at.to_string())));
    let mut by_fault: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut known = Vec::new();
    for (name, seen) in names.into_iter().zip(seen) {
        let (takes, faults) = seen?;
        faults.into_iter().for_each(|fault| by_fault.entry(fault).or_default().push(known.len()));
        known.push(Test { name, takes });
    }
    println!("{} tests once each: {:.0} s", known.len(), started.elapsed().as_secs_f32());
    let told = AtomicUsize::new(0);
    let fates = on_all_cores(woven, |_, fault| {
        let mut chosen: Vec<&Test> =
            by_fault.get(fault).into_iter().flatten().map(|at| &known[*at]).collect();
        chosen.retain(|test| test.takes <= longest);
        chosen.sort_by_key(|test| test.takes);
        let fate = fate(tests, *fault, &chosen);
        let count = told.fetch_add(1, Ordering::Relaxed) + 1;
        if fate == Fate::Missed {
            println!("missed     {} ({} tests)", mutants[*fault].name, chosen.len());
        }
        if count.is_multiple_of(100) {
            println!("{count} of {}: {:.0} s", woven.len(), started.elapsed().as_secs_f32());
        }
        fate
    });
    Ok(woven.iter().copied().zip(fates).collect())
}

fn names(tests: &Path) -> Result<Vec<String>, String> {
    let mut command = command(tests);
    let output = command.args(["--list", "--format", "terse"]).stdout(Stdio::piped()).output();
    let output = output.map_err(|error| format!("{}: {error}", tests.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// How long a test takes, and the faults that it comes by. An error when it fails although all are asleep.
fn come_by(tests: &Path, name: &str, log: &PathBuf) -> Result<(Duration, Vec<usize>), String> {
    let _ = fs::remove_file(log);
    let started = Instant::now();
    let status = command(tests).args(["--exact", name]).env("WNM_MUTANTS_LOG", log).status();
    let takes = started.elapsed();
    if !status.is_ok_and(|status| status.success()) {
        return Err(format!("{name} fails without any fault"));
    }
    let text = fs::read_to_string(log).unwrap_or_default();
    let _ = fs::remove_file(log);
    Ok((takes, text.lines().filter_map(|line| line.parse().ok()).collect()))
}

fn fate(tests: &Path, fault: usize, chosen: &[&Test]) -> Fate {
    if chosen.is_empty() {
        return Fate::Unreached;
    }
    let (mut from, mut many) = (0, FIRST);
    while from < chosen.len() {
        let now = &chosen[from..chosen.len().min(from + many)];
        let takes: Duration = now.iter().map(|test| test.takes).sum();
        match ends(tests, fault, now, PATIENCE + takes * 10) {
            Some(true) => {}
            Some(false) => return Fate::Caught,
            None => return Fate::Hung,
        }
        from += many;
        many *= 4;
    }
    Fate::Missed
}

/// Whether these tests pass with the fault awake; nothing when they do not end.
fn ends(tests: &Path, fault: usize, chosen: &[&Test], patience: Duration) -> Option<bool> {
    let names = chosen.iter().map(|test| test.name.as_str());
    let mut command = command(tests);
    command.arg("--exact").args(names).env("WNM_MUTANT", fault.to_string());
    let Ok(mut child) = command.spawn() else { return None };
    let started = Instant::now();
    while started.elapsed() < patience {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) => thread::sleep(Duration::from_millis(2)),
            Err(_) => break,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn command(tests: &Path) -> Command {
    let mut command = Command::new(tests);
    command.arg("--test-threads=1").env("WNM_PROPERTY_CASES", CASES).env("INSTA_UPDATE", "no");
    command.env("INSTA_WORKSPACE_ROOT", tests.parent().unwrap_or(tests));
    command.env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What `deed` makes of each of `all`, in their order.
fn on_all_cores<T: Sync, R: Send>(all: &[T], deed: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = all.get(at) else { break };
                    let made = deed(at, one);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, made));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, made)| made).collect()
}
