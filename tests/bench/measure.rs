//! One run of a program, weighed. A small process of its own starts it, because the kernel counts
//! the memory of whoever starts a program as that program's.

use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::Done;

/// What a run took, with all processes that it started and waited for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) wall_us: u64,
    /// The shortest of several runs: on a busy machine it says more than their median.
    pub(crate) best_us: u64,
    pub(crate) cpu_us: u64,
    /// Of the largest of its processes.
    pub(crate) peak_kb: u64,
    /// Bytes written to disks.
    pub(crate) written: u64,
    /// System calls; 0 where they were not counted.
    pub(crate) calls: u64,
    /// `fsync` and `fdatasync` among them.
    pub(crate) syncs: u64,
}

/// `measure PROGRAM ARGS…`: the numbers go to standard error, behind what the program wrote there.
pub(crate) fn main(words: &[&str]) -> Done {
    let (program, args) = words.split_first().ok_or("measure what?")?;
    let started = Instant::now();
    let status = Command::new(program)
        .args(args)
        .status()
        .map_err(|error| format!("{program} could not be started: {error}"))?;
    let wall_us = started.elapsed().as_micros();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| error.to_string())?;
    let us = |time: TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    let cpu_us = us(used.user_time()) + us(used.system_time());
    let written = used.block_writes() * 512;
    let _ = writeln!(io::stderr(), "\n{wall_us} {cpu_us} {} {written}", used.max_rss());
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(format!("{program} ended with {code}")),
        None => Err(format!("{program} was ended by signal {:?}", status.signal())),
    }
}

/// Runs `command`, which is `measure …`, and answers what the program printed and took.
pub(crate) fn run(command: &mut Command) -> Done<(String, Measured)> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("could not measure: {error}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("{command:?} failed:\n{stdout}{stderr}"));
    }
    let numbers: Vec<u64> = stderr
        .lines()
        .next_back()
        .unwrap_or_default()
        .split(' ')
        .filter_map(|number| number.parse().ok())
        .collect();
    let [wall_us, cpu_us, peak_kb, written] = numbers[..] else {
        return Err(format!("{command:?} told no numbers: {stderr}"));
    };
    Ok((
        stdout,
        Measured { wall_us, best_us: wall_us, cpu_us, peak_kb, written, ..Measured::default() },
    ))
}

/// The two columns that need `strace`, from one run that is measured for nothing else. `None`
/// where there is no strace.
pub(crate) fn calls(
    program: &std::path::Path,
    args: &[&str],
    prepare: impl Fn(&mut Command),
) -> Option<(u64, u64)> {
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-U", "calls,name", "--"]).arg(program).args(args);
    prepare(&mut command);
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let rows = text.lines().filter_map(|line| {
        let (calls, name) = line.trim().split_once(' ')?;
        Some((calls.parse::<u64>().ok()?, name.trim().to_owned()))
    });
    let rows: Vec<(u64, String)> = rows.collect();
    let sum = |wanted: fn(&str) -> bool| {
        rows.iter().filter(|(_, name)| wanted(name)).map(|(calls, _)| calls).sum::<u64>()
    };
    let all = sum(|name| name != "total");
    let syncs = sum(|name| matches!(name, "fsync" | "fdatasync"));
    (all > 0).then_some((all, syncs))
}
