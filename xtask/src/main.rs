//! Automation of this repository: `cargo xtask <command>`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "automation runs processes, reads files and talks to a person"
)]

mod bench;
mod ci;
mod demo;
mod deps;
mod dist;
mod docker_test;
mod fuzz;
mod host_setup;
mod mutants;
mod shell;
mod soak;
mod supply;
mod test;
mod tidy;

use std::env;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  ci                what CI runs, in its order; stops at the first failure
  test [TIER]       pure, hermetic, system, scenarios or all; without one: pure and hermetic
  properties        the campaign of random plans; WNM_PROPERTY_CASES says how many
  crash-matrix [--kills N]
                    wnm killed N times in each of its actions, on every manager that runs here
  soak [OPTIONS]    hours of cycles over 200 nodes with chaos throughout; `soak --help` shows the options
  tidy              text rules over the whole tree
  deps              who may depend on whom
  demo              the main job, shown in a private directory
  dist              the program, a Debian package and checksums, in target/dist
  bench [OPTIONS]   what a cycle costs with 0 to 1000 nodes; `bench --help` shows the options
  bench plan        how long it takes to decide, by the number of nodes
  fuzz [OPTIONS]    every parser against inputs that nobody thought of; `fuzz --help` shows the options
  mutants [OPTIONS] every fault of a list put into what decides, and whether a test notices; `mutants --help`
  docker-test       the system tier in containers with systemd, where Docker can be had
  host-setup        install the Debian packages of the system tier (as root)
";

/// What a command comes to: nothing to say, or why it failed.
type Done = Result<(), String>;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["ci"] => ci::run(),
        ["test"] => test::run(test::Tier::Default),
        ["properties"] => test::properties(None),
        ["crash-matrix"] => test::crash_matrix(None),
        ["crash-matrix", "--kills", kills] => test::crash_matrix(Some(kills)),
        ["test", tier] => test::Tier::named(tier).and_then(test::run),
        ["soak", options @ ..] => soak::run(options),
        ["tidy"] => tidy::run(),
        ["deps"] => deps::run().and_then(|()| supply::run()),
        ["demo"] => demo::run(),
        ["dist"] => dist::run(),
        ["bench", "plan"] => bench::plan(),
        ["bench", options @ ..] => bench::run(options),
        ["fuzz", words @ ..] => fuzz::run(words),
        ["mutants", words @ ..] => mutants::run(words),
        ["docker-test"] => docker_test::run(),
        ["host-setup"] => host_setup::run(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("unknown command: {}\n\n{HELP}", words.join(" "))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
