//! What a cycle costs: wnm as a whole process against nodes that answer like real ones, beside the
//! least that any program could do for the same work. `cargo xtask bench` builds and runs it.
//!
//! Nothing is asserted about time. That the cycles measured were whole and idle ones is.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a whole program of its own: it has files, sockets, clocks, processes and output"
)]

mod args;
mod day;
mod floor;
mod measure;
mod node;
mod report;
mod seed;
mod world;

use std::env;
use std::process::ExitCode;

use args::Args;
use measure::Measured;
use report::Report;
use world::{Nodes, World};

/// What failed, in words.
type Done<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        // The parts that need a process of their own.
        ["--version"] => node::version(),
        ["node", rest @ ..] => node::main(rest),
        ["floor", rest @ ..] => floor::main(rest),
        ["measure", rest @ ..] => measure::main(rest),
        given if given.contains(&"--help") => {
            print!("{}", args::HELP);
            Ok(())
        }
        // cargo adds `--bench`.
        given => Args::read(given).and_then(|args| run(&args)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Done {
    let mut report = Report::new(args);
    start_up(args, &mut report)?;
    for count in &args.nodes {
        cycles(args, *count, &mut report)?;
    }
    if args.hanging {
        hanging(args, 20, 2, &mut report)?;
        hanging(args, args.nodes.iter().copied().max().unwrap_or(0), u32::MAX, &mut report)?;
    }
    if let Some(cycles) = args.day {
        day::run(args, 100, cycles, &mut report)?;
    }
    report.end();
    Ok(())
}

/// What a command costs before it does anything.
fn start_up(args: &Args, report: &mut Report) -> Done {
    let world = World::new(args, 0)?;
    report.line("--version", &world.rounds(args, &["--version"])?, None);
    report.line("--help", &world.rounds(args, &["--help"])?, None);
    Ok(())
}

/// Idle cycles and a look at the store, with `count` nodes that are all well.
fn cycles(args: &Args, count: u32, report: &mut Report) -> Done {
    let world = World::new(args, count)?;
    let _nodes = Nodes::start(&world, |_| node::Manner::Well)?;
    // The first cycle of a world finds everything new.
    world.expect_idle()?;
    let floor = world.floor(args)?;
    let name = format!("cycle, {count} nodes");
    report.line(&name, &world.rounds(args, &["run"])?, Some(&floor));
    report.line(&format!("status, {count} nodes"), &world.rounds(args, &["status"])?, None);
    world.expect_idle()
}

/// The first `bad` of `count` nodes accept connections and never answer.
fn hanging(args: &Args, count: u32, bad: u32, report: &mut Report) -> Done {
    let world = World::new(args, count)?;
    let manner = |number| if number <= bad { node::Manner::Hangs } else { node::Manner::Well };
    let _nodes = Nodes::start(&world, manner)?;
    let few = Args { rounds: args.rounds.min(3), ..args.clone() };
    let name = format!("cycle, {count} nodes, {} hanging", bad.min(count));
    report.line(&name, &world.rounds(&few, &["run"])?, None);
    world.expect_silent(bad.min(count))
}

/// The middle of several runs, each number for itself.
fn median(mut runs: Vec<Measured>) -> Measured {
    let best_us = runs.iter().map(|run| run.best_us).min().unwrap_or(0);
    let mut middle = |of: fn(&Measured) -> u64| {
        runs.sort_by_key(of);
        runs.get(runs.len() / 2).map_or(0, of)
    };
    Measured {
        best_us,
        wall_us: middle(|run| run.wall_us),
        cpu_us: middle(|run| run.cpu_us),
        peak_kb: middle(|run| run.peak_kb),
        written: middle(|run| run.written),
        calls: middle(|run| run.calls),
        syncs: middle(|run| run.syncs),
    }
}
