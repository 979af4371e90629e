//! The tiers of tests: `tests/README.md` says what belongs where.

use std::env;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::Done;
use crate::host_setup::{self, Fitness};
use crate::shell::{cargo, root, run as shell};

/// The package whose tests go across crates.
const ACROSS: &str = "wnm-tests";
/// Stories on real hosts: in other tiers they would only say that they did not run.
const SYSTEM_TEST: &str = "system";
const SYSTEM_STORIES: &str = "on_real_hosts";

/// Which tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    /// Pure and hermetic, which is everything that needs nothing.
    Default,
    /// Tests inside the library crates.
    Pure,
    /// Tests across crates, with our own processes and files only.
    Hermetic,
    /// Stories on throw-away hosts with a real systemd.
    System,
    /// The command scripts against the simulated host.
    Scenarios,
    /// All of them.
    All,
}

impl Tier {
    /// By its name on the command line.
    pub(crate) fn named(name: &str) -> Result<Tier, String> {
        match name {
            "pure" => Ok(Tier::Pure),
            "hermetic" => Ok(Tier::Hermetic),
            "system" => Ok(Tier::System),
            "scenarios" => Ok(Tier::Scenarios),
            "all" => Ok(Tier::All),
            _ => Err(format!("`{name}` is no tier: pure, hermetic, system, scenarios or all")),
        }
    }
}

/// Runs the tests of a tier.
pub(crate) fn run(tier: Tier) -> Done {
    match tier {
        Tier::Default => workspace(),
        Tier::Pure => pure(),
        Tier::Hermetic => across(|name| name != SYSTEM_TEST),
        Tier::Scenarios => across(|name| name == "scenarios"),
        Tier::System => system().map(drop),
        Tier::All => {
            workspace()?;
            system().map(drop)
        }
    }
}

/// How many random cases a campaign takes: what fits well into ten minutes on two cores.
const CASES: &str = "100000";

/// The campaign: properties of every plan, optimised, with cases that no everyday run has seen; so many of
/// them unless `WNM_PROPERTY_CASES` says otherwise.
pub(crate) fn properties(cases: Option<&str>) -> Done {
    let tests =
        ["test", "--profile", "campaign", "-p", "wnm-core", "--lib", "plan::tests::properties"];
    let wanted =
        env::var("WNM_PROPERTY_CASES").unwrap_or_else(|_| cases.unwrap_or(CASES).to_owned());
    shell(cargo(&tests).env("WNM_PROPERTY_CASES", wanted))
}

/// So many blows for each scenario, if nobody says otherwise.
const KILLS: &str = "40";

/// The crash matrix: wnm killed, and refused what it writes, at so many moments of every scenario.
pub(crate) fn crash_matrix(kills: Option<&str>) -> Done {
    let kills = kills.unwrap_or(KILLS);
    if kills.parse::<u32>().is_err() {
        return Err(format!("`--kills {kills}`: give a number, for each scenario"));
    }
    let tests = ["test", "-p", ACROSS, "--test", "it", "matrix::"];
    let mut command = cargo(&tests);
    command.args(["--", "--nocapture", "--test-threads=1"]).env("WNM_CRASH_BUDGET", kills);
    // What is tried are deaths of a process, not of the machine: a file system in memory is as good.
    let memory = Path::new("/dev/shm");
    if env::var_os("TMPDIR").is_none() && memory.is_dir() {
        command.env("TMPDIR", memory);
    }
    shell(&mut command)
}

/// Runs the system tier where that is possible; where it is not, says so loudly.
pub(crate) fn system() -> Result<Fitness, String> {
    let fitness = host_setup::make_fit()?;
    if let Fitness::Unfit(why) = &fitness {
        println!("\nSYSTEM TIER NOT RUN: {why}\n");
        return Ok(fitness);
    }
    shell(&mut cargo(&["build", "-p", "wnm-cli", "--bin", "wnm"]))?;
    let stand_ins = ["--bin", "stand-in-node", "--bin", "antctl-stand-in"];
    shell(cargo(&["build", "-p", ACROSS]).args(stand_ins))?;
    let built = PathBuf::from(metadata()?.target_directory).join("debug");
    shell(
        cargo(&system_tests())
            .env("WNM_SYSTEM_TESTS", "1")
            .env("WNM_BIN", built.join("wnm"))
            .env("WNM_STAND_IN", built.join("stand-in-node"))
            .env("WNM_ANTCTL_STAND_IN", built.join("antctl-stand-in")),
    )?;
    Ok(fitness)
}

/// One host at a time: each is a whole machine.
pub(crate) fn system_tests() -> [&'static str; 7] {
    ["test", "-p", ACROSS, "--test", SYSTEM_TEST, "--", "--test-threads=1"]
}

/// `--no-fail-fast`: one broken crate must not hide the others.
fn workspace() -> Done {
    let tests = ["test", "--workspace", "--tests", "--no-fail-fast"];
    shell(cargo(&tests).args(["--", "--skip", SYSTEM_STORIES]))
}

fn pure() -> Done {
    let metadata = metadata()?;
    let libraries = metadata.packages.iter().filter(|package| has_library(package));
    let chosen = libraries.flat_map(|package| ["-p", package.name.as_str()]);
    shell(cargo(&["test", "--lib", "--no-fail-fast"]).args(chosen))
}

/// Tests of the package across crates; which there are, its manifest says.
fn across(wanted: fn(&str) -> bool) -> Done {
    let metadata = metadata()?;
    let package = metadata.packages.iter().find(|package| package.name == ACROSS);
    let targets = package.map(|package| package.targets.as_slice()).unwrap_or_default();
    let names: Vec<&str> = targets
        .iter()
        .filter(|target| target.is_test())
        .map(|target| target.name.as_str())
        .filter(|name| wanted(name))
        .collect();
    if names.is_empty() {
        return Err(format!("{ACROSS} has no such tests"));
    }
    let chosen = names.into_iter().flat_map(|name| ["--test", name]);
    shell(cargo(&["test", "-p", ACROSS, "--no-fail-fast"]).args(chosen))
}

fn has_library(package: &Package) -> bool {
    package.targets.iter().any(|target| target.is_lib())
}

/// Of our own packages only: nothing is resolved or fetched.
pub(crate) fn metadata() -> Result<Metadata, String> {
    MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .exec()
        .map_err(|error| format!("cargo metadata: {error}"))
}
